//! Every kind of mistake, each with exactly the findings it must give and the lines they must point at.

mod common;

use common::{GOOD, KEY, load, show};
use hotpair_config::{Finding, Severity};
use hotpair_messages::Lang;
use std::path::Path;

/// A case: what is replaced in the good file by what, and the findings with the text of their lines.
struct Case {
    from: &'static str,
    to: &'static str,
    expect: &'static [(&'static str, &'static str)],
}

const fn case(from: &'static str, to: &'static str, expect: &'static [(&'static str, &'static str)]) -> Case {
    Case { from, to, expect }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("[pair]", "[pair", &[("C002", "[pair"), ("C002", "[[node]]")]),
    case("lost = 5", "lsot = 5", &[("C003", "lsot = 5")]),
    case("lost = 5", "banana = 5", &[("C004", "banana = 5")]),
    case("[safety_check]", "[saftey_check]", &[("C003", "[saftey_check]")]),
    case("name = \"files\"\nkey", "key", &[("C005", "[pair]")]),
    case("lost = 5", "lost = \"5\"", &[("C006", "lost = \"5\"")]),
    case("lost = 5", "lost = 1", &[("C007", "lost = 1")]),
    case("lost = 5", "lost = 99999999999999999999999", &[("C007", "lost = 9")]),
    case("\"100ms\"", "\"1ms\"", &[("C007", "interval = \"1ms\"")]),
    case("\"100ms\"", "\"100\"", &[("C008", "interval = \"100\"")]),
    case("\"100ms\"", "100", &[("C006", "interval = 100")]),
    case("\"192.168.10.11\"", "\"192.168.10.256\"", &[("C009", "192.168.10.256")]),
    case("192.168.10.100/24", "192.168.10.100", &[("C010", "192.168.10.100")]),
    case("192.168.10.100/24", "192.168.10.100/33", &[("C010", "192.168.10.100/33")]),
    case("192.168.10.100/24", "192.168.10.255/24", &[("C024", "192.168.10.255/24")]),
    case("name = \"files\"\nkey", "name = \"my pair\"\nkey", &[("C011", "my pair")]),
    case("fs = \"ext4\"", "fs = \"ntfs\"", &[("C012", "ntfs")]),
    case("fs = \"ext4\"", "fs = \"etx4\"", &[("C013", "etx4")]),
    case("device = \"/dev/ttyS0\"", "device = \"/dev/ttyS0\"\nbaud = 12345", &[("C012", "baud = 12345")]),
    case("failback = \"auto\"", "failback = \"manual\"\nfailback_after = \"5m\"", &[("C014", "failback_after")]),
    case("run = \"exec\"", "run = \"exec\"\nunit = \"web.service\"", &[("C014", "unit =")]),
    case("[group.resource.node.beta]\ninterface = \"ens3\"", "[group.resource.node.beta]\naddress = \"10.0.0.1/8\"", &[("C015", "10.0.0.1/8")]),
    case("[udp.node.beta]\ninterface = \"ens3\"", "[udp.node.beta]\nport = 7\ninterface = \"ens3\"", &[("C015", "port = 7")]),
    case("references = [\"192.168.10.1\"]", "references = [\"192.168.10.1\"]\nexclude_interfaces = [\"\"]", &[("C016", "exclude_interfaces")]),
    case("interface = \"eth1\"", "interface = \"an-interface-too-long\"", &[("C017", "an-interface-too-long")]),
    case("/srv/data\"\nfs", "srv/data\"\nfs", &[("C018", "srv/data")]),
    case("'two words'\"", "'two words\"", &[("C019", "two words")]),
    case("[[node]]\nname = \"alpha\"\n", "", &[("C020", "[[node]]")]),
    case("name = \"beta\"\n", "name = \"alpha\"\n", &[("C021", "name = \"alpha\"")]),
    case("name = \"direct\"", "name = \"lan\"", &[("C021", "name = \"lan\"")]),
    case("name = \"db\"", "name = \"data\"", &[("C021", "name = \"data\"")]),
    case("[[udp]]\nname = \"direct\"\n[udp.node.alpha]\ninterface = \"eth1\"\naddress = \"10.0.0.1\"\n[udp.node.beta]\ninterface = \"ens4\"\naddress = \"10.0.0.2\"\n",
        "[[boot]]\n", &[("C023", "[[boot]]")]),
    case("\"10.0.0.1\"", "\"224.0.0.1\"", &[("C024", "224.0.0.1")]),
    case("\"/dev/disk/by-id/scsi-array\"", "\"sda1\"", &[("C025", "sda1")]),
    case("run = \"exec\"\nstart = \"/usr/local/bin/web start 'two words'\"\nstop = [\"/usr/local/bin/web\", \"stop\"]\nmonitor = \"/usr/local/bin/web status\"",
        "run = \"systemd\"\nunit = \"web\"", &[("C026", "unit = \"web\"")]),
    case("heartbeat:pgsql", "pgsql", &[("C027", "pgsql")]),
    case("\"/usr/local/bin/web status\"", "\"web status\"", &[("C028", "web status")]),
    case("WORKERS = 4", "\"WORK ERS\" = 4", &[("C029", "WORK ERS")]),
    case("[udp.node.beta]\ninterface = \"ens4\"\naddress = \"10.0.0.2\"", "[udp.node.gamma]\ninterface = \"ens4\"",
        &[("C035", "[[udp]]"), ("C035", "[[udp]]"), ("C034", "[udp.node.gamma]")]),
    case("nodes = [\"alpha\", \"beta\"]", "nodes = [\"alpha\", \"bete\"]", &[("C034", "bete")]),
    case("nodes = [\"alpha\", \"beta\"]", "nodes = [\"alpha\", \"alpha\"]", &[("C021", "nodes")]),
    case("nodes = [\"alpha\", \"beta\"]", "nodes = []", &[("C016", "nodes")]),
    case("address = \"10.0.0.2\"", "address = \"10.0.0.1\"", &[("C041", "10.0.0.1")]),
    case("address = \"10.0.0.2\"", "address = \"fd00::2\"", &[("C042", "fd00::2")]),
    case("address = \"10.0.0.2\"", "address = \"192.168.10.12\"", &[("C043", "192.168.10.12")]),
    case("references", "port = 7694\nreferences", &[("C044", "port = 7694"), ("C044", "port = 7694")]),
    case("lost = 5", "port = 7695", &[("C044", "port = 7695")]),
    case("\"10.0.0.1\"", "\"127.0.0.1\"", &[("C045", "127.0.0.1")]),
    case("device = \"/dev/ttyS0\"", "device = \"/dev/ttyS0\"\nbaud = 9600\ninterval = \"416ms\"", &[("C046", "416ms")]),
    case("[safety_check]", "[[serial]]\nname = \"again\"\ndevice = \"/dev/ttyS0\"\n[safety_check]", &[("C047", "/dev/ttyS0")]),
    case("references = [\"192.168.10.1\"]", "references = [\"192.168.10.12\"]", &[("C048", "references")]),
    case("192.168.30.12", "192.168.10.11", &[("C049", "addresses")]),
    case("[[group.resource]]\nname = \"data\"", "[[group]]\nname = \"more\"\n\n[[group.resource]]\nname = \"data\"", &[("C060", "[[group]]")]),
    case("name = \"db\"\n", "name = \"db\"\nafter = [\"nothing\"]\n", &[("C061", "nothing")]),
    case("name = \"db\"\n", "name = \"db\"\nafter = [\"date\"]\n", &[("C062", "date")]),
    case("name = \"data\"\n", "name = \"data\"\nafter = [\"db\"]\n", &[("C063", "after = [\"db\"]")]),
    case("name = \"data\"\n", "name = \"data\"\nafter = [\"data\"]\n", &[("C063", "after = [\"data\"]")]),
    case("name = \"db\"\nkind = \"app\"\nrun = \"ocf\"\nagent = \"heartbeat:pgsql\"\n[group.resource.parameters]\npgdata = \"/srv/data/pg\"",
        "name = \"again\"\nkind = \"ip\"\naddress = \"192.168.10.100/24\"\ninterface = \"eth0\"", &[("C065", "192.168.10.100/24")]),
    case("name = \"db\"\nkind = \"app\"\nrun = \"ocf\"\nagent = \"heartbeat:pgsql\"\n[group.resource.parameters]\npgdata = \"/srv/data/pg\"",
        "name = \"again\"\nkind = \"volume\"\ndevice = \"/dev/sdb1\"\nmount_point = \"/srv/data\"\nfs = \"ext4\"\nprotection = \"mmp\"", &[("C066", "/srv/data")]),
    case("name = \"db\"\nkind = \"app\"\nrun = \"ocf\"\nagent = \"heartbeat:pgsql\"\n[group.resource.parameters]\npgdata = \"/srv/data/pg\"",
        "name = \"again\"\nkind = \"volume\"\ndevice = \"UUID=1234-5678\"\nmount_point = \"/srv/more\"\nfs = \"ext4\"\nprotection = \"mmp\"", &[("C072", "UUID=1234")]),
    case("192.168.10.100/24", "192.168.10.12/24", &[("C067", "192.168.10.12/24")]),
    case("protection = \"lease\"\nlease_device = \"/dev/disk/by-id/scsi-array-part9\"", "protection = \"none\"", &[("C068", "protection")]),
    case("failback = \"auto\"", "require = \"storage\"", &[("C069", "require")]),
    case("failback = \"auto\"", "require = \"leased\"\nlease = \"5s\"", &[("C069", "require")]),
    case("name = \"files\"\n\n[[group.res", "name = \"files\"\nrequire = \"fenced\"\n\n[[group.res", &[("C069", "require")]),
    case("failback = \"auto\"", "lease = \"2s\"", &[("C070", "lease")]),
    case("192.168.10.100/24\"", "192.168.10.100/24\"\nreachability = [\"fd00::1\"]", &[("C071", "reachability")]),
    case("/dev/disk/by-id/scsi-array-part9", "/dev/disk/by-id/scsi-array", &[("C073", "lease_device")]),
    case("fs = \"ext4\"\nprotection = \"lease\"\nlease_device = \"/dev/disk/by-id/scsi-array-part9\"", "fs = \"xfs\"\nprotection = \"mmp\"", &[("C074", "protection")]),
    case("fs = \"ext4\"", "fs = \"ext4\"\noptions = [\"ro\"]", &[("C075", "options")]),
    case("run = \"exec\"", "run = \"exec\"\nrunning_codes = [0, 3]", &[("C079", "running_codes")]),
    case("run = \"exec\"", "run = \"exec\"\nrunning_codes = [0, 300]", &[("C007", "running_codes")]),
    case("kind = \"ip\"", "kind = \"vip\"", &[("C013", "kind = \"vip\"")]),
    case("kind = \"ip\"\n", "", &[("C005", "[[group.resource]]")]),
    // Disk paths.
    case("[safety_check]", "[[disk]]\nname = \"san\"\noffset = 4095\ndevice = \"/dev/disk/by-id/small\"\n[safety_check]", &[("C087", "offset = 4095")]),
    case("[safety_check]", "[[disk]]\nname = \"san\"\noffset = 4096\ndevice = \"/dev/disk/by-id/scsi-array-part9\"\n[safety_check]", &[("C088", "scsi-array-part9")]),
    case("[safety_check]", "[[disk]]\nname = \"san\"\ndevice = \"/dev/disk/by-id/scsi-array\"\n[safety_check]", &[("C092", "scsi-array")]),
    case("[safety_check]", "[[disk]]\nname = \"san\"\ndevice = \"/srv/data/slots\"\n[safety_check]", &[("C092", "/srv/data/slots")]),
    case("[safety_check]", "[[disk]]\nname = \"san\"\ninterval = \"10ms\"\ndevice = \"/dev/sdz\"\n[safety_check]", &[("C007", "10ms")]),
    // Neighbours.
    case("[safety_check]\n", "[safety_check]\nneighbours_required = 1\n", &[("C089", "neighbours_required")]),
    case("[safety_check]", "[[neighbour]]\nname = \"n\"\naddress = \"192.168.30.12\"\nkey_file = \"n.key\"\n[safety_check]", &[("C090", "192.168.30.12")]),
    case("[safety_check]", "[[neighbour]]\nname = \"n\"\naddress = \"192.168.30.9\"\nkey_file = \"n.key\"\n[[neighbour]]\nname = \"m\"\naddress = \"192.168.30.9\"\nkey_file = \"n.key\"\n[safety_check]", &[("C093", "192.168.30.9")]),
    case("[safety_check]", "[[neighbour]]\nname = \"n\"\naddress = \"192.168.30.9\"\n[safety_check]", &[("C005", "[[neighbour]]")]),
    // Witness.
    case("[safety_check]", "[witness]\nendpoints = [\"etcd1:2379\"]\n[safety_check]", &[("C036", "etcd1")]),
    case("[safety_check]", "[witness]\nendpoints = [\"https://etcd1\"]\n[safety_check]", &[("C036", "etcd1")]),
    case("[safety_check]", "[witness]\nendpoints = []\n[safety_check]", &[("C016", "endpoints")]),
    case("[safety_check]", "[witness]\nendpoints = [\"https://etcd1:2379\"]\nuser = \"hotpair\"\n[safety_check]", &[("C080", "user")]),
    case("[safety_check]", "[witness]\nendpoints = [\"https://etcd1:2379\"]\ncert_key_file = \"/etc/key\"\n[safety_check]", &[("C080", "cert_key_file")]),
    case("[safety_check]", "[witness]\nendpoints = [\"https://[fd00::9]:2379\"]\nttl = \"6500ms\"\n[safety_check]", &[("C081", "6500ms")]),
    case("[safety_check]", "[witness]\nendpoints = [\"https://etcd1:2379\"]\ntimeout = \"3s\"\n[safety_check]", &[("C082", "timeout")]),
    case("[safety_check]", "[witness]\nendpoints = [\"http://etcd1:2379\"]\nca_file = \"/etc/ca.pem\"\n[safety_check]", &[("C083", "http://etcd1")]),
    // Fence devices.
    case("[safety_check]", "[[fence]]\nnode = \"alpha\"\nname = \"a\"\nagent = \"fence_ipmilan\"\n[[fence]]\nnode = \"beta\"\nname = \"b\"\nagent = \"fence_ipmilan\"\n[safety_check]", &[("C084", "[[fence]]")]),
    case("[safety_check]", "[[fence]]\nnode = \"gamma\"\nname = \"a\"\nagent = \"fence_ipmilan\"\n[safety_check]", &[("C034", "gamma")]),
    case("[safety_check]", "[[fence]]\nnode = \"alpha\"\nname = \"a\"\nagent = \"bin/fence\"\n[safety_check]", &[("C018", "bin/fence")]),
    case("[safety_check]", "[[fence]]\nnode = \"alpha\"\nname = \"a\"\nagent = \"fence_ipmilan\"\nparameters = { action = \"on\" }\n[safety_check]", &[("C085", "parameters")]),
    case("[safety_check]", "[[fence]]\nnode = \"alpha\"\nname = \"a\"\nagent = \"fence_ipmilan\"\nparameters = { passwd = \"x\" }\nsecrets = { passwd = \"/etc/p\" }\n[safety_check]", &[("C086", "secrets")]),
    case("[safety_check]", "[[fence]]\nnode = \"alpha\"\nname = \"a\"\nagent = \"fence_ipmilan\"\nsecrets = { passwd = \"secret\" }\n[safety_check]", &[("C018", "secret")]),
    // Watchdog and the timing inequality.
    case("[safety_check]", "[watchdog]\ntimeout = \"1500ms\"\nreset_time = \"0ms\"\n[safety_check]", &[("C081", "1500ms")]),
    case("[safety_check]", "[watchdog]\n[safety_check]", &[("C091", "[[group.resource]]")]),
    case("failback = \"auto\"", "failback = \"auto\"\nlease = \"30s\"\n[watchdog]\ntimeout = \"1s\"\nreset_time = \"0ms\"\n[[group]]\nname = \"more\"", &[("C060", "[[group]]"), ("C094", "lease = \"30s\"")]),
];

fn lines(findings: &[Finding]) -> Vec<(&'static str, String)> {
    findings.iter().map(|f| (f.id, f.snippet.as_ref().map(|s| s.line.clone()).unwrap_or_default())).collect()
}

/// R06, S24 and the rest: each mistake gives its finding, at its line, and nothing else.
#[test]
fn each_mistake_gives_its_finding_at_its_line() {
    let mut wrong = Vec::new();
    for Case { from, to, expect } in CASES {
        assert!(GOOD.contains(from), "the good file has no {from:?}");
        let text = GOOD.replacen(from, to, 1);
        let findings = match load(&text) {
            Ok(_) => Vec::new(),
            Err(findings) => findings,
        };
        let found = lines(&findings);
        let same = found.len() == expect.len()
            && found.iter().zip(*expect).all(|((id, line), (want, part))| id == want && line.contains(part));
        if !same {
            wrong.push(format!("{to:?}\n  expected {expect:?}\n  found {found:?}\n{}", show(&findings)));
        }
        for finding in &findings {
            assert_eq!(finding.severity, Severity::Error);
            for lang in [Lang::En, Lang::Zh] {
                let text = finding.to_text(lang, false);
                let words = finding.words(lang);
                assert!(!words.meaning.is_empty() && !words.remedy.is_empty(), "{text}");
                let open = hotpair_messages::placeholders(&words.text).len()
                    + hotpair_messages::placeholders(&words.remedy).len();
                assert!(open == 0 || text.contains("{ name"), "unfilled parameter in {text}");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}

/// No finding is without a test: what the table does not hold is shown by the test named beside it.
#[test]
fn every_finding_of_the_catalogue_is_tested() {
    let elsewhere = [
        "C001", // a_missing_file_is_an_error
        "C022", // the_own_node_is_found_by_name
        "C030", "C031", "C032", "C033", // the_key_file_is_read_beside_the_configuration
        "C040", // a_file_without_paths_is_refused
        "C050", "C051", // paths_that_the_wire_cannot_tell_apart
        "C099", // cannot be reached: that is what it says
    ];
    let tested: Vec<&str> =
        CASES.iter().flat_map(|case| case.expect.iter().map(|(id, _)| *id)).chain(elsewhere).collect();
    let known = hotpair_messages::catalogue::config::MESSAGES.iter().map(|m| m.id).filter(|id| id.starts_with("C0"));
    let missing: Vec<&str> = known.filter(|id| !tested.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// R06: just short of the limit is refused (above), just at it is not.
#[test]
fn half_of_a_serial_line_is_enough() {
    let text =
        GOOD.replacen("device = \"/dev/ttyS0\"", "device = \"/dev/ttyS0\"\nbaud = 9600\ninterval = \"417ms\"", 1);
    assert!(load(&text).is_ok());
}

/// Seventeen paths, and two names with one tag, are refused here and not first by the daemon.
#[test]
fn paths_that_the_wire_cannot_tell_apart() {
    let path = |name: &str, number: usize| {
        format!(
            "[[udp]]\nname = \"{name}\"\n[udp.node.alpha]\ninterface = \"v{number}\"\naddress = \"10.9.{number}.1\"\n\
             [udp.node.beta]\ninterface = \"v{number}\"\naddress = \"10.9.{number}.2\"\n"
        )
    };
    let with = |names: &[String]| {
        let paths: String = names.iter().enumerate().map(|(at, name)| path(name, at)).collect();
        let findings = load(&GOOD.replacen("[safety_check]", &format!("{paths}[safety_check]"), 1));
        findings.map(|_| Vec::new()).unwrap_or_else(|f| f.iter().map(|f| f.id).collect())
    };
    let names: Vec<String> = (0..14).map(|n| format!("p{n}")).collect();
    assert_eq!(with(names.get(..13).unwrap()), [""; 0]);
    assert_eq!(with(&names), ["C050"]);
    // Found by trying names until two had the same tag.
    assert_eq!(with(&["path71".into(), "path564".into()]), ["C051"]);
}

/// S2: without a path there is nothing to judge the peer by.
#[test]
fn a_file_without_paths_is_refused() {
    let text = "[pair]\nname = \"p\"\n[[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\n";
    let findings = load(text).unwrap_err();
    assert_eq!(findings.iter().map(|f| f.id).collect::<Vec<_>>(), ["C040"]);
}

/// One run shows every mistake.
#[test]
fn a_file_with_many_mistakes_reports_them_all() {
    let text = include_str!("common/many_mistakes.toml");
    let findings = load(text).unwrap_err();
    // The file marks its mistakes itself: `# C###` at the end of the line the finding must point at.
    let expected: Vec<(usize, String)> = text
        .lines()
        .enumerate()
        .flat_map(|(at, line)| {
            let ids = line.split_once("#!").map_or("", |(_, ids)| ids);
            ids.split_whitespace().map(move |id| (at + 1, id.to_owned())).collect::<Vec<_>>()
        })
        .collect();
    let found: Vec<(usize, String)> = findings.iter().map(|f| (f.line, f.id.to_owned())).collect();
    assert!(expected.len() >= 15);
    assert_eq!(found, expected, "{}", show(&findings));
}

/// S24: each weakness that works is warned about, with the reason.
#[test]
fn weak_configurations_draw_warnings() {
    let serial = "[[serial]]\nname = \"cable\"\ndevice = \"/dev/ttyS0\"\n";
    let direct = GOOD.split_once("[[udp]]\nname = \"direct\"").and_then(|(_, rest)| rest.split_once("[[serial]]"));
    let direct = format!("[[udp]]\nname = \"direct\"{}", direct.unwrap().0);
    let one_udp = GOOD.replace(serial, "").replace(&direct, "");
    let cases: &[(&str, String, &[&str])] = &[
        ("one path", one_udp.clone(), &["C101", "C105", "C110"]),
        ("no serial line, one medium", GOOD.replace(serial, ""), &["C102", "C105", "C110"]),
        ("one interface", GOOD.replace("eth1", "eth0").replace("ens4", "ens3"), &["C103", "C103"]),
        ("one network", GOOD.replace("10.0.0.", "192.168.10.2"), &["C104"]),
        ("no references", GOOD.replace("references = [\"192.168.10.1\"]\n", ""), &["C106"]),
        (
            "service network without heartbeats",
            GOOD.replace(
                "[group.resource.node.beta]\ninterface = \"ens3\"",
                "[group.resource.node.beta]\ninterface = \"bond0\"",
            ),
            &["C107"],
        ),
        ("one node", GOOD.replace("nodes = [\"alpha\", \"beta\"]", "nodes = [\"alpha\"]"), &["C108"]),
        ("slow disk lease", GOOD.replace("fs = \"ext4\"", "fs = \"ext4\"\nlease_duration = \"10s\""), &["C110"]),
        ("a lease that no takeover waits for", GOOD.replace("failback = \"auto\"", "lease = \"5s\""), &[]),
        ("serves alone", GOOD.replace("[safety_check]", "[boot]\nalone = \"any\"\n[safety_check]"), &["C115"]),
        (
            "plain volume",
            GOOD.replace("name = \"files\"\n\n", "name = \"files\"\nlease = \"5s\"\n").replace(
                "protection = \"lease\"\nlease_device = \"/dev/disk/by-id/scsi-array-part9\"",
                "protection = \"none\"",
            ),
            &["C111", "C112"],
        ),
        ("no groups", GOOD.split_once("[[group]]").unwrap().0.to_owned(), &["C114"]),
    ];
    for (name, text, expect) in cases {
        let loaded = load(text).unwrap_or_else(|f| panic!("{name}: {}", show(&f)));
        let mut ids: Vec<&str> = loaded.warnings.iter().map(|w| w.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, *expect, "{name}: {}", show(&loaded.warnings));
        for warning in &loaded.warnings {
            assert!(!warning.why(Lang::En).is_empty() && !warning.why(Lang::Zh).is_empty());
        }
    }
}

const WITNESS: &str = "[witness]\nendpoints = [\"https://etcd1:2379\"]\n";
const FENCES: &str = "[[fence]]\nnode = \"alpha\"\nname = \"a\"\nagent = \"fence_ipmilan\"\n[[fence]]\nnode = \"beta\"\n\
                      name = \"b\"\nagent = \"/opt/fence\"\ndelay = \"15s\"\n";

/// S24: arbitration that is weaker than it looks.
#[test]
fn weak_arbitration_draws_warnings() {
    let with = |text: &str| GOOD.replacen("[safety_check]", &format!("{text}[safety_check]"), 1);
    let cases: &[(&str, String, &[&str])] = &[
        ("votes that nobody demands", with(WITNESS), &["C120", "C120", "C122"]),
        ("votes without TLS", with(WITNESS).replace("https", "http"), &["C116", "C120", "C120", "C122"]),
        ("fencing that nobody demands", with(FENCES), &["C121", "C121"]),
        (
            "fencing of one node",
            with(FENCES.split_once("[[fence]]\nnode = \"beta\"").unwrap().0),
            &["C118", "C121", "C121"],
        ),
        ("short delay", with(&FENCES.replace("15s", "3s")), &["C119", "C121", "C121"]),
        (
            "a watchdog for nothing",
            with("[watchdog]\n").replace(
                "protection = \"lease\"\nlease_device = \"/dev/disk/by-id/scsi-array-part9\"",
                "protection = \"mmp\"",
            ),
            &["C117"],
        ),
        (
            "a reservation is protection enough",
            GOOD.replace(
                "protection = \"lease\"\nlease_device = \"/dev/disk/by-id/scsi-array-part9\"",
                "protection = \"reservation\"",
            ),
            &[],
        ),
    ];
    for (name, text, expect) in cases {
        let loaded = load(text).unwrap_or_else(|f| panic!("{name}: {}", show(&f)));
        let mut ids: Vec<&str> = loaded.warnings.iter().map(|w| w.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, *expect, "{name}: {}", show(&loaded.warnings));
        for warning in &loaded.warnings {
            for lang in [Lang::En, Lang::Zh] {
                assert!(!warning.why(lang).is_empty() && !warning.remedy(lang).is_empty(), "{}", warning.id);
            }
        }
    }
}

/// FAULTS 1.6: the inequality is refused from the one side and accepted from the other, each with the numbers.
#[test]
fn a_watchdog_that_does_not_fit_the_wait_is_refused_with_numbers() {
    let with = |watchdog: &str, ttl: &str, lease: &str| {
        let arbiters = format!("{WITNESS}ttl = \"{ttl}\"\n[watchdog]\ntimeout = \"{watchdog}\"\n");
        GOOD.replacen("[safety_check]", &format!("{arbiters}[safety_check]"), 1)
            .replacen("failback = \"auto\"", &format!("lease = \"{lease}\"\nrequire = \"witnessed\""), 1)
            .replacen("fs = \"ext4\"", "fs = \"ext4\"\nlease_duration = \"1m\"", 1)
    };
    let ids = |text: &str| -> Vec<&'static str> {
        load(text).map(|_| Vec::new()).unwrap_or_else(|f| f.iter().map(|f| f.id).collect())
    };
    // A vote of 15 s makes a wait of 15131 ms, which is what W + R of 15 s needs to the millisecond.
    assert_eq!(ids(&with("10s", "15s", "6s")), [""; 0]);
    assert_eq!(ids(&with("13s", "15s", "6s")), [""; 0]);
    assert_eq!(ids(&with("14s", "15s", "6s")), ["C091"]);
    let findings = load(&with("14s", "15s", "6s")).unwrap_err();
    let text = findings[0].to_text(Lang::En, false);
    for number in ["14s", "2s", "15s", "at most 13s"] {
        assert!(text.contains(number), "{number}: {text}");
    }
    // The defaults of both do not fit together, and that is said.
    assert_eq!(ids(&with("10s", "6s", "5s")), ["C091"]);
}

/// X08: the key file is beside the configuration, and one that others can read stops everything.
#[test]
fn the_key_file_is_read_beside_the_configuration() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hotpair.toml");
    let key = dir.path().join("hotpair.key");
    std::fs::write(&file, GOOD).unwrap();
    let ids = |file: &Path| match hotpair_config::load(file, Some("alpha")) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(|f| (f.id, f.line)).collect::<Vec<_>>(),
    };
    assert_eq!(ids(&file), [("C030", 3)]);
    for (text, mode, expect) in [
        (KEY, 0o644, Some("C031")),
        ("", 0o600, Some("C032")),
        ("pass phrase!", 0o600, Some("C033")),
        (KEY, 0o600, None),
    ] {
        std::fs::write(&key, text).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(ids(&file), expect.map(|id| (id, 3)).into_iter().collect::<Vec<_>>());
    }
}

/// Findings look like a compiler's, in both languages, with the caret under the mistake.
#[test]
fn findings_are_shown_with_place_reason_and_remedy() {
    let findings = load(&GOOD.replacen("on_silence = \"takeover\"", "on_silence = \"tkaeover\"", 1)).unwrap_err();
    let expected = "\
error[C013]: `on_silence` is \"tkaeover\"; it must be \"takeover\" | \"hold\"
  --> hotpair.toml:43:14  group[web].on_silence
   |
43 | on_silence = \"tkaeover\"
   |              ^^^^^^^^^^
   = why: the daemons do not start with a value they would have to guess
   = help: did you mean \"takeover\"?";
    assert_eq!(findings[0].to_text(Lang::En, false), expected);
    let zh = findings[0].to_text(Lang::Zh, false);
    assert!(zh.starts_with("错误[C013]: `on_silence` 的值为 \"tkaeover\"") && zh.contains("建议: "), "{zh}");
}

/// Whatever bytes come, the reader answers with findings.
#[test]
fn broken_texts_never_panic() {
    for end in (0..GOOD.len()).step_by(3) {
        let cut = GOOD.get(..end).unwrap_or("");
        drop(load(cut));
        let swapped = format!("{}\u{8282}{}", cut, GOOD.get(end + 1..).unwrap_or(""));
        drop(load(&swapped));
    }
    for text in [
        "",
        "=",
        "[[[",
        "pair = 1",
        "node = [1, 2]",
        "[[node]]\n[[node]]",
        "group = [[1]]",
        "[pair]\nname = []",
        "udp = {}",
    ] {
        assert!(load(text).is_err(), "{text}");
    }
}
