//! Fencing, watchdog, reservations and the disk's sign of life with real binaries. The fence device is a program by the
//! convention of the fence-agents package, and what it switches is the power supply of the lab; the watchdog is a program
//! behind a socket that takes the power away when nobody pets it; the persistent reservations are `sg_persist` with a state
//! file instead of a disk (it refuses no writes: that is the disk's part, and is tried on whole machines).
//!
//! Threading: each test has a pair of its own and a thread that plays its device.
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::ask::{BOUND, epoch, nothing_moves_for};
use integration_tests::lab::{NODES, clock};
use integration_tests::pair::{GroupSpec, Pair, PairBuilder, Protection};

/// A fence agent whose device is the lab: it asks for the power to be cut and waits until it is.
const AGENT: &str = r#"#!/bin/sh
cd 'DIR' || exit 1
input=$(cat)
get() { printf '%s\n' "$input" | sed -n "s/^$1=//p"; }
action=$(get action) plug=$(get plug)
read -r node </proc/sys/kernel/hostname
echo "$node $action $plug" >>log
if test "$action" = metadata; then
  echo '<resource-agent name="lab"><parameters><parameter name="plug" required="1"/></parameters><actions><action name="on"/><action name="off"/><action name="status"/><action name="monitor"/></actions></resource-agent>'
  exit 0
fi
test -e unreachable && { echo 'connection to the device refused' >&2; exit 1; }
case "$action" in
off) : >"request-$plug"; until test -e "off-$plug"; do sleep 0.02; done ;;
status) test -e "off-$plug" && exit 2; exit 0 ;;
esac
exit 0
"#;

/// The fence devices of both nodes.
struct Bmc {
    dir: tempfile::TempDir,
}

impl Bmc {
    fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hotpair-bmc-").tempdir()?;
        let path = dir.path().join("agent");
        std::fs::write(&path, AGENT.replace("DIR", &dir.path().display().to_string()))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { dir })
    }

    /// The configuration: a device for each node; the one that switches alpha off waits.
    fn toml(&self) -> String {
        let agent = self.dir.path().join("agent");
        let device = |node: &str, delay: &str| {
            format!(
                "[[fence]]\nnode = \"{node}\"\nname = \"bmc-{node}\"\nagent = \"{}\"\nparameters = {{ plug = \"{node}\" }}\n\
                 timeout = \"15s\"\nattempts = 1\ndelay = \"{delay}\"\n",
                agent.display()
            )
        };
        device("alpha", "2s") + &device("beta", "0s")
    }

    fn set(&self, name: &str) -> Result<()> {
        std::fs::write(self.dir.path().join(name), "").context("a marker")
    }

    fn unset(&self, name: &str) -> Result<()> {
        std::fs::remove_file(self.dir.path().join(name)).context("a marker")
    }

    /// What was asked of the devices, `node action plug` a line.
    fn asked(&self, line: &str) -> usize {
        let text = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        text.lines().filter(|l| *l == line).count()
    }

    /// Cuts the power that was asked to be cut, until `stop`.
    fn serve(&self, pair: &Pair, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            for node in NODES {
                if self.dir.path().join(format!("request-{node}")).exists() {
                    self.unset(&format!("request-{node}"))?;
                    if pair.lab().node(node)?.is_on() {
                        pair.lab().node(node)?.power_off()?;
                    }
                    self.set(&format!("off-{node}"))?;
                }
            }
            clock::pause(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Runs a scenario while the devices work.
    fn with<T>(&self, pair: &Pair, scenario: impl FnOnce() -> Result<T>) -> Result<T> {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let device = scope.spawn(|| self.serve(pair, &stop));
            let result = scenario();
            stop.store(true, Ordering::Relaxed);
            let served = device.join().map_err(|_| anyhow::anyhow!("the fence device panicked"))?;
            let result = result?;
            served.map(|()| result)
        })
    }
}

/// The devices were asked by both nodes and answer.
fn wait_monitored(pair: &Pair, bmc: &Bmc) -> Result<()> {
    pair.wait_until("both devices were asked", BOUND, || {
        Ok(bmc.asked("alpha monitor beta") > 0 && bmc.asked("beta monitor alpha") > 0)
    })?;
    Ok(())
}

fn has_alarm(pair: &Pair, node: &str, id: &str) -> Result<bool> {
    let status = pair.status(node)?;
    Ok(status["alarms"].as_array().context("no alarms")?.iter().any(|alarm| alarm["id"] == id))
}

/// S12 S23 F03 F04 N06 B4: every link between two living nodes is cut. The standby has the owner switched off, sees it
/// confirmed, and only then serves: never two owners, one shot, nobody shoots back. With crossing groups, too.
#[test]
fn a_cut_pair_ends_with_one_node_switched_off() -> Result<()> {
    let bmc = Bmc::new()?;
    let pair = PairBuilder::new()
        .group(GroupSpec::address("web", 0).line("require = \"fenced\""))
        .group(GroupSpec::address("mail", 1).line("nodes = [\"beta\", \"alpha\"]").line("require = \"fenced\""))
        .toml(&bmc.toml())
        .start()?;
    ensure!(pair.owner("web")?.as_deref() == Some("alpha") && pair.owner("mail")?.as_deref() == Some("beta"));
    wait_monitored(&pair, &bmc)?;
    let before = clock::now();
    let ((), _) = pair.never_dual("web", || {
        let ((), _) = pair.never_dual("mail", || {
            bmc.with(&pair, || {
                pair.lab().split()?;
                // beta is switched off without delay, alpha only after one: alpha is left.
                pair.wait_owner("mail", "alpha", BOUND)?;
                nothing_moves_for(&pair, 3)
            })
        })?;
        Ok(())
    })?;
    println!("both groups on alpha {:?} after the cut", clock::now() - before);
    ensure!(pair.lab().alpha().is_on() && !pair.lab().beta().is_on(), "the wrong node, or both, are off");
    ensure!(bmc.asked("alpha off beta") == 1 && bmc.asked("beta off alpha") == 0, "shots were doubled or returned");
    ensure!(bmc.asked("alpha status beta") >= 1, "no second read");
    let events = pair.events("alpha")?;
    ensure!(events.iter().any(|e| e["message_id"] == "E252"), "the confirmation is not in the history");
    pair.wait_owner("web", "alpha", BOUND)?;
    Ok(())
}

/// S11 S12 N01: an owner that lost its power is confirmed off by its device and followed; a peer that is heard, or whose kernel
/// answers, is never shot: neither by the loss of a daemon nor of one path nor by frozen daemons.
#[test]
fn only_a_silent_peer_is_shot() -> Result<()> {
    let bmc = Bmc::new()?;
    let web = GroupSpec::address("web", 0).line("require = \"fenced\"");
    let pair = PairBuilder::new().group(web).toml(&bmc.toml()).start()?;
    wait_monitored(&pair, &bmc)?;
    bmc.with(&pair, || {
        pair.assert_no_takeover(|| {
            pair.lab().alpha().cut("hb")?;
            pair.lab().alpha().kill9("hbd")?;
            nothing_moves_for(&pair, 4)?;
            pair.lab().alpha().start("hbd")?;
            pair.lab().alpha().heal("hb")?;
            pair.wait_healthy()?;
            pair.lab().alpha().freeze()?;
            clock::pause(Duration::from_secs(3));
            pair.lab().alpha().thaw()?;
            pair.wait_healthy()?;
            Ok(())
        })?;
        ensure!(bmc.asked("beta off alpha") == 0, "a living node was shot");
        pair.lab().alpha().power_off()?;
        let took = pair.wait_owner("web", "beta", BOUND)?;
        println!("taken over {took:?} after the power cut, with a confirmed fence and 2 s of delay");
        ensure!(bmc.asked("beta off alpha") == 1);
        Ok(())
    })
}

/// S3 F01 F05 B4: a device that cannot be reached is an alarm before it is needed. A group that demands it is held, loudly, and
/// taken once the device works again; another one goes on at its weaker level, loudly.
#[test]
fn a_fence_that_fails_holds_those_who_demand_it() -> Result<()> {
    let bmc = Bmc::new()?;
    bmc.set("unreachable")?;
    let pair = PairBuilder::new()
        .group(GroupSpec::address("web", 0).line("require = \"fenced\""))
        .group(GroupSpec::address("loose", 1))
        .toml(&bmc.toml())
        .start()?;
    pair.wait_until("the alarm comes before the need", BOUND, || has_alarm(&pair, "beta", "A161"))?;
    ensure!(pair.hotpair("beta", &["status"])?.contains("connection to the device refused"), "it does not say why");
    bmc.with(&pair, || {
        pair.lab().alpha().power_off()?;
        pair.wait_owner("loose", "beta", BOUND)?;
        pair.wait_until("the failure is an alarm", BOUND, || has_alarm(&pair, "beta", "A162"))?;
        let until = clock::now() + Duration::from_secs(3);
        while clock::now() < until {
            ensure!(
                !pair.lab().beta().has_address(pair.vip("web")?)?,
                "taken without the fence it demands\n{}",
                pair.dump()
            );
            clock::pause(Duration::from_millis(50));
        }
        bmc.unset("unreachable")?;
        pair.wait_owner("web", "beta", BOUND * 5)?;
        Ok(())
    })
}

/// B6: resd is killed in the middle of a shot: the order is carried out to its end by the next run, once for the arbiter.
#[test]
fn a_killed_resd_finishes_its_shot() -> Result<()> {
    let bmc = Bmc::new()?;
    let web = GroupSpec::address("web", 0).line("require = \"fenced\"");
    let pair = PairBuilder::new().group(web).toml(&bmc.toml()).start()?;
    wait_monitored(&pair, &bmc)?;
    pair.lab().alpha().power_off()?;
    // Nobody serves the device yet: the shot hangs.
    pair.wait_until("the shot has begun", BOUND, || Ok(bmc.asked("beta off alpha") == 1))?;
    pair.lab().beta().kill9("resd")?;
    pair.lab().beta().start("resd")?;
    bmc.with(&pair, || pair.wait_owner("web", "beta", BOUND * 2))?;
    ensure!(bmc.asked("beta off alpha") <= 3, "{}", bmc.asked("beta off alpha"));
    Ok(())
}

/// The watchdog program of one node: counts pets, and takes the power when none comes.
struct Dog {
    socket: PathBuf,
    pets: Mutex<Vec<Duration>>,
    disarmed: AtomicBool,
    fired: Mutex<Option<Duration>>,
}

impl Dog {
    fn new(socket: PathBuf) -> Self {
        Self { socket, pets: Mutex::default(), disarmed: AtomicBool::new(true), fired: Mutex::default() }
    }

    fn pets(&self) -> Vec<Duration> {
        self.pets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fired(&self) -> Option<Duration> {
        *self.fired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self) -> Result<UnixListener> {
        let listener = UnixListener::bind(&self.socket)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// One life: until `stop`, or until it has fired. A new connection takes over from the one before.
    fn watch(&self, pair: &Pair, node: &str, listener: &UnixListener, stop: &AtomicBool) -> Result<()> {
        let mut stream: Option<UnixStream> = None;
        let mut timeout = Duration::MAX;
        while !stop.load(Ordering::Relaxed) {
            if let Ok((new, _)) = listener.accept() {
                new.set_nonblocking(true)?;
                stream = Some(new);
            }
            let mut bytes = [0_u8; 4096];
            let got = stream.as_mut().and_then(|s| s.read(&mut bytes).ok()).unwrap_or(0);
            let text = String::from_utf8_lossy(bytes.get(..got).unwrap_or_default()).into_owned();
            if let Some(seconds) = text.lines().find_map(|l| l.strip_prefix("timeout ")?.parse::<u64>().ok()) {
                timeout = Duration::from_secs(seconds);
            }
            if got > 0 {
                let disarm = text.contains('V');
                self.disarmed.store(disarm, Ordering::SeqCst);
                if !disarm {
                    self.pets.lock().unwrap_or_else(PoisonError::into_inner).push(clock::now());
                }
            }
            let late = self.pets().last().is_some_and(|last| clock::now() > *last + timeout);
            if late && !self.disarmed.load(Ordering::SeqCst) {
                *self.fired.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock::now());
                return pair.lab().node(node)?.power_off();
            }
            clock::pause(Duration::from_millis(2));
        }
        Ok(())
    }
}

/// A4 S1 1.6 N13: the watchdog is petted while the right is renewed and by nothing else. Cut off and frozen, so that it cannot
/// stop by itself, the owner is reset before the standby may serve; a standby's watchdog is never armed.
#[test]
fn the_watchdog_ends_an_owner_that_cannot_stop() -> Result<()> {
    let dir = tempfile::Builder::new().prefix("hotpair-dog-").tempdir()?;
    let dogs = NODES.map(|node| Dog::new(dir.path().join(node)));
    let [alpha, beta] = &dogs;
    let config = format!(
        "[watchdog]\ntimeout = \"3s\"\nreset_time = \"1s\"\n[watchdog.node.alpha]\ndevice = \"{}\"\n[watchdog.node.beta]\ndevice = \"{}\"\n",
        alpha.socket.display(),
        beta.socket.display()
    );
    // A plain volume: a takeover waits the lease out.
    let shop = GroupSpec::service("shop", 0).protection(Protection::None).line("lease = \"7s\"");
    let listeners = [alpha.listen()?, beta.listen()?];
    let pair = PairBuilder::new().group(shop).toml(&config).build()?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for ((dog, node), listener) in dogs.iter().zip(NODES).zip(&listeners) {
            let (pair, stop) = (&pair, &stop);
            threads.push(scope.spawn(move || dog.watch(pair, node, listener, stop)));
        }
        let result = watchdog_scenario(&pair, alpha, beta);
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a watchdog panicked"))??;
        }
        result
    })
}

fn watchdog_scenario(pair: &Pair, alpha: &Dog, beta: &Dog) -> Result<()> {
    pair.start()?;
    pair.wait_healthy()?;
    ensure!(beta.pets().is_empty(), "the standby's watchdog was armed");
    let count = alpha.pets().len();
    pair.wait_until("it is petted by renewals", BOUND, || Ok(alpha.pets().len() > count + 2))?;
    // resd is killed and comes back: nobody is reset, it goes on petting.
    pair.lab().alpha().kill9("resd")?;
    pair.lab().alpha().start("resd")?;
    let count = alpha.pets().len();
    pair.wait_until("the next resd pets", BOUND, || Ok(alpha.pets().len() > count + 2))?;
    ensure!(alpha.fired().is_none(), "fired by a restart of resd");

    let ((), _) = pair.never_dual("shop", || {
        pair.lab().split()?;
        pair.lab().alpha().freeze()?;
        pair.wait_owner("shop", "beta", BOUND * 2)?;
        Ok(())
    })?;
    let (fired, served) = (alpha.fired().context("the watchdog did not fire")?, clock::now());
    let last = *alpha.pets().last().context("no pet")?;
    println!("last pet to reset {:?}, to the standby serving {:?}", fired - last, served - last);
    ensure!(fired < served && !pair.lab().alpha().is_on());
    ensure!(!beta.pets().is_empty() && beta.fired().is_none(), "the new owner is guarded in its turn");
    Ok(())
}

/// `sg_persist` by its own options and words, with a file for the disk's memory; the node is the path.
const SG_PERSIST: &str = r#"#!/bin/sh
cd 'DIR' || exit 99
read -r node </proc/sys/kernel/hostname
exec 9>lock
flock 9
for a; do case "$a" in
--param-rk=*) rk=${a#*=} ;; --param-sark=*) sark=${a#*=} ;;
--read-keys|--read-reservation|--report-capabilities|--register|--register-ignore|--reserve|--release|--preempt) verb=$a ;;
esac; done
touch keys holder
case "$verb" in --read*|--report*) ;; *) echo "$node $verb" >>log ;; esac
mine() { grep -qx "$node $rk" keys; }
drop() { grep -v "$1" keys >new; mv new keys; }
case "$verb" in
--report-capabilities) echo '  Persist Through Power Loss Capable(PTPL_C): 0' ;;
--read-keys)
  n=$(grep -c . keys)
  case $n in
  0) echo '  PR generation=0x1, there are NO registered reservation keys' ;;
  1) echo '  PR generation=0x1, 1 registered reservation key follows:' ;;
  *) echo "  PR generation=0x1, $n registered reservation keys follow:" ;;
  esac
  sed 's/^.* /    0x/' keys ;;
--read-reservation)
  if test -s holder; then
    echo '  PR generation=0x1, Reservation follows:'
    sed 's/^/    Key=0x/' holder
    echo '    scope: LU_SCOPE,  type: Write Exclusive, registrants only'
  else echo '  PR generation=0x1, there is NO reservation held'; fi ;;
--register-ignore) drop "^$node "; echo "$node $sark" >>keys ;;
--register) mine || exit 24; drop "^$node "; test "$(cat holder)" = "$rk" && : >holder ;;
--reserve) mine || exit 24; test -s holder && test "$(cat holder)" != "$rk" && exit 24; echo "$rk" >holder ;;
--release) mine || exit 24; test "$(cat holder)" = "$rk" && : >holder ;;
--preempt) mine || exit 24; drop " $sark\$"; test "$(cat holder)" = "$sark" && echo "$rk" >holder ;;
esac
exit 0
"#;

struct Reservations {
    dir: tempfile::TempDir,
}

impl Reservations {
    fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hotpair-pr-").tempdir()?;
        let path = dir.path().join("sg_persist");
        std::fs::write(&path, SG_PERSIST.replace("DIR", &dir.path().display().to_string()))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { dir })
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// Nodes whose key is on the disk.
    fn registered(&self) -> Vec<String> {
        let text = self.read("keys");
        text.lines().filter_map(|l| Some(l.split_once(' ')?.0.to_owned())).collect()
    }

    fn count(&self, line: &str) -> usize {
        self.read("log").lines().filter(|l| *l == line).count()
    }
}

/// S14 A8 F09: the volume by persistent reservation: a planned move gives it back and takes it; in a split the taker preempts
/// the owner, which notices, stops, and does not come back by its old right, also not with a new resd.
#[test]
fn a_preempted_owner_stops_for_good() -> Result<()> {
    let disk = Reservations::new()?;
    let shop = GroupSpec::service("shop", 0).protection(Protection::None).line("lease = \"5s\"");
    let pair = PairBuilder::new().group(shop).build()?;
    let text = pair.config_text().replace("protection = \"none\"", "protection = \"reservation\"");
    let path = std::env::var("PATH").unwrap_or_default();
    for node in pair.lab().nodes() {
        pair.set_node_config(node.name(), &text)?;
        node.set_env("PATH", &format!("{}:{path}", disk.path().display()));
    }
    pair.start()?;
    pair.wait_healthy()?;
    ensure!(disk.registered() == ["alpha"], "{:?}", disk.registered());
    pair.hotpair("alpha", &["switchover", "shop"])?;
    pair.wait_owner("shop", "beta", BOUND)?;
    ensure!(disk.registered() == ["beta"] && disk.count("beta --preempt") == 0, "{}", disk.read("log"));
    pair.wait_healthy()?;

    pair.lab().split()?;
    pair.wait_owner("shop", "alpha", BOUND * 2)?;
    ensure!(disk.registered() == ["alpha"], "{:?}", disk.registered());
    ensure!(disk.count("alpha --preempt") <= 1, "{}", disk.read("log"));
    let mount = pair.group("shop")?.mount_point(pair.lab());
    let mount = mount.to_str().context("not UTF-8")?.to_owned();
    let (beta, registered) = (pair.lab().beta(), disk.count("beta --register-ignore"));
    pair.wait_until("beta has stopped", BOUND, || Ok(!beta.run(&["cat", "/proc/mounts"])?.contains(&mount)))?;
    beta.kill9("resd")?;
    beta.start("resd")?;
    let until = clock::now() + Duration::from_secs(4);
    while clock::now() < until {
        ensure!(disk.registered() == ["alpha"], "beta came back: {}", disk.read("log"));
        ensure!(!beta.run(&["cat", "/proc/mounts"])?.contains(&mount), "beta mounted it again");
        clock::pause(Duration::from_millis(50));
    }
    ensure!(disk.count("beta --register-ignore") == registered, "{}", disk.read("log"));
    pair.lab().heal_all()?;
    pair.wait_until("one owner, who holds the disk", BOUND * 2, || {
        Ok(pair.owner("shop")?.as_deref() == Some("alpha") && disk.registered() == ["alpha"])
    })?;
    Ok(())
}

/// S23 B4: every network between the nodes is cut, and both see the shared disk: the owner's renewals of the lease on it are a
/// sign of its life, so nothing is taken over. When they end, it is.
#[test]
fn a_moving_lease_is_a_sign_of_life() -> Result<()> {
    let pair = PairBuilder::new().group(GroupSpec::service("shop", 0)).start()?;
    let before = epoch(&pair, "beta", "shop")?;
    pair.lab().split()?;
    pair.wait_until("beta hears nothing of alpha", BOUND, || Ok(pair.status("beta")?["nodes"][0]["state"] != "alive"))?;
    let until = clock::now() + Duration::from_secs(6);
    while clock::now() < until {
        ensure!(epoch(&pair, "beta", "shop")? == before, "taken over although the disk shows life\n{}", pair.dump());
        clock::pause(Duration::from_millis(100));
    }
    pair.lab().alpha().power_off()?;
    let took = pair.wait_owner("shop", "beta", BOUND * 2)?;
    println!("taken over {took:?} after the power cut");
    ensure!(epoch(&pair, "beta", "shop")? == before + 1, "one takeover is one epoch");
    Ok(())
}
