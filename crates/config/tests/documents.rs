//! What is written from the schema: the template of `hotpair init` and the reference pages; and the guarantee in words.

mod common;

use common::{GOOD, load, show};
use hotpair_config::model::GuaranteeLevel;
use hotpair_config::{InitAnswers, InitGroup, InitUdp, guarantee, promise, template};
use hotpair_messages::Lang;
use std::path::{Path, PathBuf};

fn answers(lang: Lang) -> InitAnswers {
    let pair = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
    InitAnswers {
        lang,
        pair: "example".into(),
        key_file: "hotpair.key".into(),
        nodes: pair("alpha", "beta"),
        udp: vec![
            InitUdp {
                name: "lan".into(),
                interfaces: pair("eth0", "eth0"),
                addresses: pair("192.0.2.11", "192.0.2.12"),
            },
            InitUdp {
                name: "direct".into(),
                interfaces: pair("eth1", "ens4"),
                addresses: pair("198.51.100.1", "198.51.100.2"),
            },
        ],
        serial: Some(pair("/dev/ttyS0", "/dev/ttyS0")),
        references: vec!["192.0.2.1".into()],
        group: Some(InitGroup {
            name: "web".into(),
            vip: "192.0.2.100/24".into(),
            interfaces: pair("eth0", "eth0"),
            unit: Some("nginx.service".into()),
        }),
    }
}

/// S24 S10: what `hotpair init` writes loads without errors and warnings, in both languages, and means the same.
#[test]
fn the_template_loads_and_its_comments_are_the_defaults() {
    let mut digests = Vec::new();
    for lang in [Lang::En, Lang::Zh] {
        let text = template(&answers(lang));
        let loaded = load(&text).unwrap_or_else(|f| panic!("{}\n{text}", show(&f)));
        assert!(loaded.warnings.is_empty(), "{}", show(&loaded.warnings));
        digests.push(loaded.config.digest);
        // `#key = default` must be the default: without its `#` nothing changes.
        let explicit: String = text
            .lines()
            .map(|line| {
                line.strip_prefix('#').filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase())).unwrap_or(line)
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        assert_ne!(explicit, text);
        let loaded = load(&explicit).unwrap_or_else(|f| panic!("{}\n{explicit}", show(&f)));
        digests.push(loaded.config.digest);
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }
    assert!(digests.windows(2).all(|pair| pair.first() == pair.last()), "{digests:?}");
}

/// The least a person can answer also loads; it draws warnings.
#[test]
fn a_minimal_template_loads_with_warnings() {
    let mut least = answers(Lang::En);
    // A name with a dot must stay one key.
    least.nodes[1] = "beta.example.net".into();
    (least.serial, least.group, least.references) = (None, None, Vec::new());
    least.udp.truncate(1);
    let loaded = load(&template(&least)).unwrap_or_else(|f| panic!("{}", show(&f)));
    let ids: Vec<&str> = loaded.warnings.iter().map(|w| w.id).collect();
    for id in ["C101", "C105", "C106", "C114"] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
}

fn golden(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(stored == text, "{} is out of date; write it anew with UPDATE_GOLDEN=1", path.display());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages a person reads say what the reader does, because they come from the same table.
#[test]
fn the_reference_pages_are_up_to_date() {
    golden(&root().join("docs/configuration.md"), &hotpair_config::reference(Lang::En));
    golden(&root().join("docs/configuration.zh-CN.md"), &hotpair_config::reference(Lang::Zh));
    golden(&root().join("deploy/hotpair.toml.5"), &hotpair_config::manual());
}

/// The example that is installed is the template.
#[test]
fn the_installed_example_is_the_template() {
    golden(&root().join("deploy/hotpair.toml.example"), &template(&answers(Lang::En)));
    golden(&root().join("deploy/hotpair.toml.example.zh-CN"), &template(&answers(Lang::Zh)));
}

/// B4: the guarantee is computed from what the group really has, and is said in words in both languages.
#[test]
fn the_guarantee_is_computed_and_said() {
    let level = |text: &str, name: &str| {
        let config = load(text).unwrap_or_else(|f| panic!("{}", show(&f))).config;
        let group = config.groups.iter().find(|g| g.name.as_str() == name).unwrap();
        guarantee(&config, group)
    };
    assert_eq!(level(GOOD, "web"), GuaranteeLevel::Evidence);
    assert_eq!(level(GOOD, "files"), GuaranteeLevel::Storage);
    let plain = GOOD.replace("name = \"files\"\n\n", "name = \"files\"\nlease = \"5s\"\n").replace(
        "protection = \"lease\"\nlease_device = \"/dev/disk/by-id/scsi-array-part9\"",
        "protection = \"none\"",
    );
    assert_eq!(level(&plain, "files"), GuaranteeLevel::Evidence);
    // A program behind the address could go on by itself: a lease alone does not make such a group "leased".
    let leased = GOOD.replace("failback = \"auto\"", "lease = \"5s\"");
    assert_eq!(level(&leased, "web"), GuaranteeLevel::Evidence);
    let app = leased.split_once("[[group.resource]]\nname = \"server\"").unwrap();
    let files = app.1.split_once("[[group]]").unwrap().1;
    let addresses_only =
        format!("{}[[group]]{files}", app.0).replace("lease = \"5s\"", "lease = \"5s\"\nrequire = \"leased\"");
    assert_eq!(level(&addresses_only, "web"), GuaranteeLevel::Leased);
    // Third parties count only where the group demands them: what is not demanded is gone without.
    let third = "[witness]\nendpoints = [\"https://etcd1:2379\"]\n[[fence]]\nnode = \"alpha\"\nname = \"a\"\nagent = \"fence_x\"\n\
                 [[fence]]\nnode = \"beta\"\nname = \"b\"\nagent = \"fence_x\"\ndelay = \"15s\"\n[safety_check]";
    let thirds = leased.replacen("[safety_check]", third, 1);
    assert_eq!(level(&thirds, "web"), GuaranteeLevel::Evidence);
    for (word, expected) in [("witnessed", GuaranteeLevel::Witnessed), ("fenced", GuaranteeLevel::Fenced)] {
        let text = thirds.replace("lease = \"5s\"", &format!("lease = \"5s\"\nrequire = \"{word}\""));
        assert_eq!(level(&text, "web"), expected);
    }
    // "Never written by both nodes" is said only where it is so.
    let promise_of = |text: &str, name: &str| {
        let config = load(text).unwrap_or_else(|f| panic!("{}", show(&f))).config;
        let group = config.groups.iter().find(|g| g.name.as_str() == name).unwrap();
        hotpair_config::promise_of(&config, group, Lang::En)
    };
    let never = |text: &str| promise_of(text, "files").contains("never written by both nodes");
    assert!(!never(GOOD), "a disk lease alone");
    let slow = GOOD.replace("fs = \"ext4\"", "fs = \"ext4\"\nlease_duration = \"15s\"");
    assert!(never(&slow.replacen("[safety_check]", "[watchdog]\n[safety_check]", 1)), "a disk lease with a watchdog");
    let protected = |word: &str| {
        GOOD.replace(
            "protection = \"lease\"\nlease_device = \"/dev/disk/by-id/scsi-array-part9\"",
            &format!("protection = \"{word}\""),
        )
    };
    assert!(never(&protected("reservation")) && !never(&protected("mmp")));
    for level in hotpair_config::guarantee::WORDS.map(|(_, level)| level) {
        assert!(promise(level, Lang::En).starts_with(level.as_str()));
        assert!(promise(level, Lang::Zh).starts_with(level.as_str()));
    }
}
