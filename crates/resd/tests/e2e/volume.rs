//! Volumes: two nodes, two loop devices over one file, as two servers see one array.

use std::process::Stdio;

use crate::common::{Loop, Node, tool};
use hotpair_proto::resource::v1 as api;

/// The shared array: a file with an ext4 file system, and a lease area.
struct Array {
    dir: tempfile::TempDir,
    loops: [Loop; 2],
}

impl Array {
    fn new(mkfs: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("disk");
        tool(&format!("truncate -s 32M {0} && mkfs.ext4 -q -F {mkfs} {0}", file.display()));
        tool(&format!("dd if=/dev/zero of={} bs=8192 count=1 status=none", dir.path().join("lease").display()));
        let loops = [Loop::over(&file), Loop::over(&file)];
        Self { dir, loops }
    }

    fn group(&self, protection: &str) -> String {
        format!(
            "[[group]]\nname = \"g\"\nlease = \"60s\"\n[[group.resource]]\nname = \"vol\"\nkind = \"volume\"\nfs = \"ext4\"\n\
             mount_point = \"@DIR@/mnt\"\nmonitor_interval = \"200ms\"\ndeep_interval = \"1s\"\nstop_timeout = \"20s\"\nstart_timeout = \"40s\"\n\
             restarts = 1\nbackoff = \"100ms\"\n{}\n[group.resource.node.alpha]\ndevice = \"{}\"\n[group.resource.node.beta]\ndevice = \"{}\"\n",
            protection.replace("LEASE", &self.dir.path().join("lease").display().to_string()),
            self.loops[0].0,
            self.loops[1].0,
        )
    }

    fn nodes(&self, protection: &str) -> (Node, Node) {
        let group = self.group(protection);
        (Node::new("alpha", &group), Node::new("beta", &group))
    }
}

const LEASE: &str = "protection = \"lease\"\nlease_device = \"LEASE\"\nlease_duration = \"2s\"";

fn mounted(node: &Node) -> bool {
    node.space.try_sh(&format!("mountpoint -q {}/mnt", node.dir.path().display())).0
}

/// The second node wants the volume and is told that it is in use; no failure, so it will try again.
async fn held_back(node: &Node) {
    let group = node.until("held back", |g| g.resources.iter().any(|r| r.last_error.contains("in use there"))).await;
    assert_eq!((group.state(), group.failure), (api::GroupState::Starting, None));
}

/// S14: with the lease, the second node is refused while the first lives, and gets it at once after a clean release.
#[tokio::test]
async fn the_lease_keeps_the_second_node_out() {
    let array = Array::new("");
    let (mut a, mut b) = array.nodes(LEASE);
    a.start().await;
    b.start().await;
    a.up().await;
    assert!(mounted(&a));
    a.space.sh(&format!("echo 41 > {}/mnt/counter", a.dir.path().display()));
    b.order(api::Desired::Started).await;
    held_back(&b).await;
    assert!(!mounted(&b));
    b.down().await;
    a.down().await;
    assert!(!mounted(&a));
    b.order_with(api::Desired::Started, |g| g.clear = 1).await;
    let group = b.until_state(api::GroupState::Running).await;
    assert!(group.resources[0].last_start_ns.unwrap() < 2_000_000_000, "a released lease needs no wait: {group:?}");
    assert_eq!(b.space.sh(&format!("cat {}/mnt/counter", b.dir.path().display())), "41\n");
    b.down().await;
}

/// S14: the lease of a holder that died with its volume mounted is waited out, not longer.
#[tokio::test]
async fn a_dead_holders_lease_is_waited_out() {
    let array = Array::new("");
    let (mut a, mut b) = array.nodes(LEASE);
    a.start().await;
    b.start().await;
    a.up().await;
    // The machine of `a` is gone: its resd and its mount end without release.
    a.kill();
    a.space.sh(&format!("umount {}/mnt", a.dir.path().display()));
    b.order(api::Desired::Started).await;
    b.until_state(api::GroupState::Running).await;
    assert!(mounted(&b));
    b.down().await;
}

/// D19 S8: users of the volume are ended, politely first, and the unmount is real.
#[tokio::test]
async fn users_are_evicted() {
    let array = Array::new("");
    let (mut a, _b) = array.nodes(LEASE);
    a.start().await;
    a.up().await;
    let point = a.path("mnt").display().to_string();
    let mut sitter = a.space.command("sh").args(["-c", &format!("cd {point} && exec sleep 100000")]).spawn().unwrap();
    let mut stubborn = a
        .space
        .command("sh")
        .args(["-c", &format!("trap '' TERM; exec 3> {point}/open; echo ready; while :; do sleep 1; done")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(stubborn.stdout.as_mut().unwrap(), &mut [0; 6]).unwrap();
    a.down().await;
    assert!(!mounted(&a));
    assert!(!sitter.wait().unwrap().success() && !stubborn.wait().unwrap().success());
}

/// B6: a restarted resd goes on with mount and lease; the other node still is refused.
#[tokio::test]
async fn a_restarted_resd_keeps_mount_and_lease() {
    let array = Array::new("");
    let (mut a, mut b) = array.nodes(LEASE);
    a.start().await;
    b.start().await;
    a.up().await;
    a.kill();
    a.start().await;
    let group = a.until_state(api::GroupState::Running).await;
    assert_eq!(group.resources[0].repairs, 0);
    b.order(api::Desired::Started).await;
    held_back(&b).await;
    // Held back is no failure: as soon as the other one has let go, it starts by itself.
    a.down().await;
    b.until_state(api::GroupState::Running).await;
    b.down().await;
}

/// S14: `mmp` demands the feature, with the remedy; with it, ext4 itself refuses the second node.
#[tokio::test]
async fn multiple_mount_protection_is_demanded() {
    let plain = Array::new("");
    let (mut a, _) = plain.nodes("protection = \"mmp\"");
    a.start().await;
    a.order(api::Desired::Started).await;
    let group = a.until_state(api::GroupState::Failed).await;
    assert!(group.failure.unwrap().text.contains("tune2fs -O mmp"));
    let protected = Array::new("-O mmp -E mmp_update_interval=1");
    let (mut a, mut b) = protected.nodes("protection = \"mmp\"");
    a.start().await;
    b.start().await;
    a.up().await;
    b.order(api::Desired::Started).await;
    // Waited for like a lease, not a failure: the owner may stop it at any moment.
    let held = |g: &api::GroupObserved| g.resources[0].last_error.contains("in use on the other node");
    let group = b.until("refusal", held).await;
    assert!(group.failure.is_none() && group.state() == api::GroupState::Starting && !group.serving, "{group:?}");
    assert!(!mounted(&b));
    a.down().await;
}

/// A volume unmounted by hand is mounted again; a stop that leaves another mount of it behind is no stop.
#[tokio::test]
async fn unmounted_by_hand_is_repaired_and_a_bind_mount_fails_the_stop() {
    let array = Array::new("");
    let group = array.group(LEASE).replace("stop_timeout = \"20s\"", "stop_timeout = \"2s\"");
    let mut a = Node::new("alpha", &group);
    a.start().await;
    a.up().await;
    a.space.sh(&format!("umount {}/mnt", a.dir.path().display()));
    a.until("repair", |g| g.resources[0].repairs == 1 && g.state() == api::GroupState::Running).await;
    a.space.sh(&format!("mkdir {0}/other && mount --bind {0}/mnt {0}/other", a.dir.path().display()));
    a.order(api::Desired::Stopped).await;
    let group = a.until_state(api::GroupState::StopFailed).await;
    assert!(group.serving);
    assert!(group.resources[0].last_error.contains("still claimed"), "{group:?}");
    a.space.sh(&format!("umount {}/other", a.dir.path().display()));
    a.order_with(api::Desired::Stopped, |g| g.clear = 1).await;
    a.until_state(api::GroupState::Stopped).await;
}

/// A missing device is this node's lack, said with its name; nothing crashes.
#[tokio::test]
async fn a_missing_device_is_named() {
    let group = "[[group]]\nname = \"g\"\nlease = \"60s\"\n[[group.resource]]\nname = \"vol\"\nkind = \"volume\"\nfs = \"ext4\"\n\
        mount_point = \"@DIR@/mnt\"\nmonitor_interval = \"200ms\"\ndevice = \"/dev/nonexistent\"\nprotection = \"none\"\n";
    let mut a = Node::new("alpha", group);
    a.start().await;
    let group = a.until("readiness issue", |g| !g.not_ready.is_empty()).await;
    assert!(group.not_ready[0].text.contains("/dev/nonexistent"));
    a.order(api::Desired::Started).await;
    let group = a.until_state(api::GroupState::Failed).await;
    assert_eq!(group.failure.unwrap().scope(), api::FailureScope::Node);
}
