//! Rehearsals: named faults played with whole configurations.

use simulator::rehearse::advice::{self, Advice};
use simulator::rehearse::{Data, Rehearsal, Verdict};
use std::path::Path;

/// Simulating is mostly small allocations: this allocator makes them cheap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY: &str = "5d0b1f7e93c24a68b7e1f05c2d9a8346e4c1b8f2706d5a93184ecf2b6a70d9e3";

const PAIR: &str = r#"
[pair]
name = "shop"
key_file = "hotpair.key"
[[node]]
name = "alpha"
[[node]]
name = "beta"
[[udp]]
name = "lan"
interval = "100ms"
lost = 5
[udp.node.alpha]
interface = "eth0"
address = "192.0.2.1"
[udp.node.beta]
interface = "eth0"
address = "192.0.2.2"
[[udp]]
name = "hb"
interval = "100ms"
lost = 5
[udp.node.alpha]
interface = "eth1"
address = "198.51.100.1"
[udp.node.beta]
interface = "eth1"
address = "198.51.100.2"
"#;

const SERIAL: &str = r#"
[[serial]]
name = "ser0"
device = "/dev/ttyS0"
"#;

const SAFETY: &str = r#"
[safety_check]
references = ["192.0.2.254"]
"#;

const WEB: &str = r#"
[[group]]
name = "web"
[[group.resource]]
name = "vip"
kind = "ip"
address = "192.0.2.100/24"
interface = "eth0"
"#;

const SHOP: &str = r#"
[[group]]
name = "shop"
[[group.resource]]
name = "data"
kind = "volume"
device = "/dev/vg/data"
mount_point = "/srv/data"
fs = "ext4"
protection = "lease"
lease_device = "/dev/vg/lease"
lease_duration = "1s"
[[group.resource]]
name = "vip"
kind = "ip"
address = "192.0.2.101/24"
interface = "eth0"
[[group.resource]]
name = "app"
kind = "app"
run = "systemd"
unit = "shop.service"
"#;

fn rehearsal(parts: &[&str]) -> Rehearsal {
    let text = parts.concat();
    let loaded = hotpair_config::load_text_with_key(&text, Path::new("/etc/hotpair/hotpair.toml"), None, KEY)
        .unwrap_or_else(|found| panic!("{}", hotpair_config::report(&found, hotpair_messages::Lang::En, false)));
    Rehearsal::new(loaded.config, &[]).expect("a group")
}

fn play(rehearsal: &Rehearsal, name: &str) -> Verdict {
    let case = rehearsal.case(name).unwrap_or_else(|| panic!("no fault {name}"));
    rehearsal.play(case, 4).unwrap_or_else(|| panic!("{name} does not apply: {:?}", case.script.as_ref().err()))
}

const ALPHA: [bool; 2] = [true, false];
const BETA: [bool; 2] = [false, true];

/// B2: at least sixty named faults; names are unique; every sentence is in the catalogue of messages, with its parameters.
#[test]
fn the_catalogue_is_whole() {
    let rehearsal = rehearsal(&[PAIR, SERIAL, SAFETY, SHOP, WEB]);
    let playable = rehearsal.cases.iter().filter(|c| c.script.is_ok()).count();
    assert!(playable >= 60, "{playable} faults");
    let mut names: Vec<&str> = rehearsal.cases.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "a name is there twice");
    for case in &rehearsal.cases {
        for words in [Some(&case.title), case.script.as_ref().err()].into_iter().flatten() {
            let message =
                hotpair_messages::get(words.id).unwrap_or_else(|| panic!("{}: no message {}", case.name, words.id));
            for wanted in hotpair_messages::placeholders(message.en) {
                let given = words.parameters.iter().any(|(name, value)| *name == wanted && !value.is_empty());
                // The title of what does not apply may have no name to give.
                let excused = case.script.is_err() && words.id == case.title.id;
                assert!(given || excused, "{}: {} lacks {wanted}", case.name, words.id);
            }
        }
    }
}

/// B2: what is not configured is said to be missing, and not played.
#[test]
fn faults_of_what_is_not_there_do_not_apply() {
    let rehearsal = rehearsal(&[PAIR, SAFETY, WEB]);
    for (name, id) in [
        ("serial-noise", "F901"),
        ("disk-path-both", "F903"),
        ("witness-down", "F904"),
        ("fence-dead-owner-power", "F905"),
        ("neighbours-down", "F906"),
        ("watchdog-owner-hangs", "F907"),
        ("volume-fails-owner", "F908"),
    ] {
        let case = rehearsal.case(name).unwrap_or_else(|| panic!("no fault {name}"));
        assert_eq!(case.script.as_ref().err().map(|w| w.id), Some(id), "{name}");
    }
}

/// B2 S22 S23: the plain cases come out as the design says, and the same twice.
#[test]
fn takeovers_and_their_absence_are_foretold() {
    let rehearsal = rehearsal(&[PAIR, SERIAL, SAFETY, WEB]);
    let power = play(&rehearsal, "owner-power");
    let web = &power.groups[0];
    assert_eq!((web.before, web.serving(), web.moves), (ALPHA, BETA, 1));
    let outage = web.outage.percentile(99).unwrap_or_default();
    let detection = rehearsal.scene.config.detection();
    assert!(outage > detection / 2 && outage < detection * 2, "{outage:?} at a detection time of {detection:?}");
    assert!(!web.dual.any() && web.data == Data::NoVolume);
    assert!(power.alarms.iter().any(|a| a.id == "A110" && a.runs == power.runs), "{:?}", power.alarms);
    assert_eq!(power, play(&rehearsal, "owner-power"), "the same twice");
    for name in ["all-paths", "networks-cut-line-alive", "owner-freeze-all", "one-way-standby-deaf", "standby-isolated"]
    {
        let verdict = play(&rehearsal, name);
        let web = &verdict.groups[0];
        assert_eq!((web.serving(), web.moves, web.dual.any()), (ALPHA, 0, false), "{name}");
    }
}

/// B4: with evidence alone both serve when everything is cut, until it is repaired; a demanded vote prevents it.
#[test]
fn a_cut_shows_what_each_level_is_worth() {
    let weak = play(&rehearsal(&[PAIR, SERIAL, SAFETY, WEB]), "everything-cut");
    assert_eq!(weak.groups[0].serving(), [true, true]);
    assert_eq!((weak.groups[0].dual.lasting, weak.groups[0].repaired[0].0), (weak.runs, BETA));
    let witness = "[witness]\nendpoints = [\"https://192.0.2.30:2379\"]\n";
    let web = WEB.replace("name = \"web\"", "name = \"web\"\nrequire = \"witnessed\"\nlease = \"4s\"");
    let voted = rehearsal(&[PAIR, SERIAL, SAFETY, witness, &web]);
    for name in
        ["everything-cut-witness-seen", "everything-cut-witness-owner-only", "everything-cut-witness-standby-only"]
    {
        let verdict = play(&voted, name);
        assert!(!verdict.groups[0].dual.any(), "{name}: {:?}", verdict.groups[0].dual);
    }
}

/// S14 B2: two writers are foretold where nothing keeps the second one off, and only there.
#[test]
fn danger_to_data_depends_on_the_protection() {
    let volume = |protection: &str, group: &str| {
        let text = SHOP
            .replace("protection = \"lease\"\nlease_device = \"/dev/vg/lease\"\nlease_duration = \"1s\"", protection);
        let text = text.replacen("name = \"shop\"", &format!("name = \"shop\"\n{group}"), 1);
        let played = play(&rehearsal(&[PAIR, SAFETY, &text]), "everything-cut");
        (played.groups[0].data, played.groups[0].both_write.any())
    };
    let lease = "protection = \"lease\"\nlease_device = \"/dev/vg/lease\"\nlease_duration = \"1s\"";
    assert_eq!(volume("protection = \"none\"", "lease = \"4s\""), (Data::Danger, true));
    assert_eq!(volume(lease, ""), (Data::Safe, false));
    assert_eq!(volume("protection = \"reservation\"", ""), (Data::Refused, false));
}

/// B2: advice is what was played, with its price: holding ends the double service of a cut, and the takeover of a dead node.
#[test]
fn advice_comes_from_playing_the_change() {
    let base = rehearsal(&[PAIR, SAFETY, WEB]);
    let changes = advice::changes(&base.scene);
    let change = changes.iter().find(|c| c.words.id == "F812").expect("holding is tried").clone();
    let changed = advice::rehearsal(&change, &base).expect("a group");
    let played =
        |rehearsal: &Rehearsal| ["everything-cut", "owner-power", "path-lan"].map(|name| play(rehearsal, name));
    let advice = Advice::new(change, &played(&base), &played(&changed));
    let names = |effects: &[advice::Effect]| effects.iter().map(|e| e.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&advice.better), ["everything-cut"]);
    assert_eq!(names(&advice.worse), ["owner-power"]);
}
