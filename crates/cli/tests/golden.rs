//! Pages and documents compared with files (`UPDATE_GOLDEN=1` writes them), in both languages.

use hotpair_cli::args::ManualPage;
use hotpair_cli::clock::WallClock;
use hotpair_cli::cmd::{self, preview};
use hotpair_cli::render::{Sheet, events, partial::Partial, paths, status, story};
use hotpair_cli::text::{Look, Page};
use hotpair_cli::words::Words;
use hotpair_cli::{failure, ids, json, reference, sample};
use hotpair_messages::Lang;
use hotpair_proto::arbiter::v1::{NodeMode, NodeState, Rule, SafetyCheckStatus, Severity, Status};
use hotpair_proto::heartbeat::v1::{GetPeerResponse, PathCause, PathState, Stall};
use hotpair_proto::resource::v1::{GetObservedResponse, GroupState, ObservedView};
use std::path::{Path, PathBuf};

const LANGS: [Lang; 2] = [Lang::En, Lang::Zh];

fn compare(file: &Path, text: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    assert_eq!(text, expected, "{} differs; UPDATE_GOLDEN=1 writes it", file.display());
}

fn golden(name: &str, text: &str) {
    compare(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name), text);
}

fn sheet(lang: Lang, colour: bool) -> Sheet {
    Sheet { words: Words::new(lang), now_ns: sample::NOW_NS, colour }
}

/// A page in both languages at 80 columns; every line fits, by cells and not by characters.
fn pages(name: &str, page: impl Fn(Sheet) -> Page) {
    for lang in LANGS {
        let text = page(sheet(lang, false)).render(Look { width: Some(80), ..Look::default() });
        for line in text.lines() {
            let cells = unicode_width::UnicodeWidthStr::width(line);
            assert!(cells <= 80, "{name}: {cells} cells: {line}");
            assert!(!line.ends_with(' '), "{name}: blanks at the end: {line:?}");
        }
        assert!(!text.contains('\u{1b}'), "{name}: escapes without colour");
        golden(&format!("{name}.{}.txt", lang.as_str()), &text);
    }
}

/// The hard day: the peer is silent, the safety check runs, the group is frozen and quarantined.
fn troubled() -> Status {
    let mut status = sample::status();
    for path in &mut status.paths {
        path.rx = Some(sample::direction(PathState::Down, PathCause::NoCarrier, sample::ago(2)));
        path.tx = Some(sample::direction(PathState::Unknown, PathCause::NoReport, sample::ago(2)));
    }
    if let Some(rx) = status.paths.first_mut().and_then(|path| path.rx.as_mut()) {
        rx.detail = "eth1".to_owned();
    }
    if let [local, peer] = status.nodes.as_mut_slice() {
        local.mode = NodeMode::Standby.into();
        local.resd_alive = false;
        peer.state = NodeState::Silent.into();
        peer.since_ns = sample::ago(2);
        peer.config_differs = true;
    }
    status.safety_check = Some(SafetyCheckStatus {
        running: true,
        verdict: "unknown".to_owned(),
        since_ns: sample::ago(1),
        round: 3,
        evidence: vec![
            "192.0.2.2 does not answer ARP on eth1".to_owned(),
            "192.0.2.254 (reference) answers".to_owned(),
        ],
    });
    if let Some(group) = status.groups.first_mut() {
        group.frozen_left_ms = Some(3_600_000);
        group.quarantined = true;
        group.moves = 3;
        if let [_, other] = group.nodes.as_mut_slice() {
            other.ready = false;
            other.not_ready_reason = "device /dev/sdb1 is not there".to_owned();
            other.current = false;
        }
    }
    if let Some(alarm) = status.alarms.first_mut() {
        alarm.set_severity(Severity::Critical);
    }
    status.config_warnings = vec!["both paths use the same switch".to_owned()];
    status
}

/// S20, S22, B1: a broken path is red (its colour is named where there are no colours), each direction with its cause;
/// every group shows the rule that decided and what would happen.
#[test]
fn status_page() {
    pages("status", |sheet| status::page(&sample::status(), sheet));
    pages("status-healthy", |sheet| status::page(&sample::healthy(), sheet));
    pages("status-troubled", |sheet| status::page(&troubled(), sheet));
    let text = status::page(&sample::status(), sheet(Lang::En, false)).render(Look::default());
    let line = text.lines().find(|line| line.contains("com1")).unwrap();
    assert!(text.contains("R340: runs on n1"), "{text}");
    assert!(text.lines().any(|line| line.trim_start().starts_with("red") && line.contains("com1")), "{line}\n{text}");
}

/// S20: on a terminal the mark of a failed path is red, of a late one yellow, of a good one green.
#[test]
fn path_colours() {
    let mut view = sample::peer_view();
    let states = [(PathState::Up, "\u{1b}[32m●"), (PathState::Late, "\u{1b}[33m●"), (PathState::Down, "\u{1b}[31m●")];
    for (state, mark) in states {
        for path in &mut view.paths {
            path.rx = Some(sample::direction(state, PathCause::None, sample::ago(1)));
            path.tx = path.rx.clone();
        }
        let text = paths::page(&view, "n1", sheet(Lang::En, true)).render(Look { colour: true, ..Look::default() });
        assert_eq!(text.matches(mark).count(), 3, "{state:?}: {text:?}");
    }
}

#[test]
fn colour_changes_no_word() {
    let sheet = sheet(Lang::Zh, true);
    for width in [None, Some(80), Some(40)] {
        let page = status::page(&troubled(), sheet);
        let coloured = page.render(Look { colour: true, width, ascii: false });
        let plain = page.render(Look { colour: false, width, ascii: false });
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
    }
}

#[test]
fn paths_page() {
    let mut view = sample::peer_view();
    view.stalls = 2;
    view.last_stall = Some(Stall { at_ns: sample::ago(300), gap_ns: 750_000_000 });
    if let Some(stats) = view.paths.first_mut().and_then(|path| path.stats.as_mut()) {
        (stats.bad_mac, stats.replayed) = (3, 1);
    }
    pages("paths", |sheet| paths::page(&view, "n1", sheet));
}

/// B1
#[test]
fn events_and_story() {
    let mut one = sample::event(117, "P001", Severity::Info, "path lan0 is up");
    one.subject = "lan0".to_owned();
    let mut two =
        sample::event(118, "E999", Severity::Critical, "group web is taken over from n1, which shows no sign of life");
    two.group = "web".to_owned();
    let long = format!("Safety check: n2 is alive. {}", "round 1: ask sent eth1 192.0.2.2; ".repeat(20));
    let list = [one, two, sample::event(119, "S999", Severity::Info, &long)];
    pages("events", |sheet| events::page(&list, &WallClock::Utc, sheet));
    pages("events-none", |sheet| events::page(&[], &WallClock::Utc, sheet));
    pages("explain", |sheet| story::page(&sample::story(), &WallClock::Utc, sheet));
    let rules = [Rule {
        id: "R310".to_owned(),
        condition: "the peer is silent and the safety check found no sign of life".to_owned(),
        decision: "take over".to_owned(),
    }];
    pages("rules", |sheet| events::rules(&rules, sheet));
}

/// B6: without arbiterd, what hbd and resd say is shown.
#[test]
fn status_without_arbiterd() {
    let partial = |lang| Partial {
        arbiterd: failure::Failure::new(failure::Exit::Unreachable, Words::new(lang), ids::NOT_RUNNING, &[]),
        hbd: Ok(GetPeerResponse { view: Some(sample::peer_view()), process: Some(sample::process("hbd")) }),
        resd: Ok(GetObservedResponse {
            view: Some(ObservedView { groups: sample::group().local.into_iter().collect(), ..ObservedView::default() }),
            process: Some(sample::process("resd")),
        }),
    };
    pages("status-partial", |sheet| partial(sheet.words.lang()).page(sheet));
    let value = partial(Lang::En).json(Words::new(Lang::En));
    assert_eq!(value["reachable"], false);
    assert_eq!(value["resd"]["groups"][0]["resources"][1]["name"], "vip");
    assert_eq!(value["hbd"]["view"]["paths"][2]["colour"], "red");
}

/// B8: the documented JSON. Programs rely on it: a change of a name here is a break.
#[test]
fn json_documents() {
    let words = Words::new(Lang::En);
    golden("status.json", &format!("{:#}\n", json::status(&troubled(), words)));
    golden("paths.json", &format!("{:#}\n", json::peer_view(&sample::peer_view(), words)));
    let event = sample::event(117, "P001", Severity::Info, "path lan0 is up");
    golden("event.json", &format!("{:#}\n", json::event(&event, words)));
    golden("explain.json", &format!("{:#}\n", story::json(&sample::story(), words)));
    golden("preview.json", &format!("{:#}\n", preview::document(&sample::preview(), words)));
}

/// The health of the pair in one word, which `status --exit-code` returns.
#[test]
fn grades() {
    let words = Words::new(Lang::En);
    let grade = |status: &Status| hotpair_cli::health::grade(status, words).0.as_str();
    assert_eq!(grade(&sample::healthy()), "ok");
    assert_eq!(grade(&sample::status()), "degraded");
    assert_eq!(grade(&troubled()), "critical");
    let mut nobody = sample::healthy();
    nobody.groups[0].nodes[0].set_state(GroupState::Failed);
    assert_eq!(grade(&nobody), "critical");
    nobody.groups[0].maintenance_left_ms = Some(1);
    assert_eq!(grade(&nobody), "degraded");
    let mut taken_over = sample::healthy();
    taken_over.nodes[1].set_state(NodeState::NoSign);
    taken_over.alarms = sample::status().alarms;
    taken_over.alarms[0].set_severity(Severity::Critical);
    assert_eq!(grade(&taken_over), "critical");
    taken_over.alarms[0].subject = "n2".to_owned();
    assert_eq!(grade(&taken_over), "degraded");
    let mut unready = sample::healthy();
    unready.groups[0].nodes[1].ready = false;
    assert_eq!(grade(&unready), "degraded");
}

/// The reference pages are what the program writes.
#[test]
fn reference_pages() {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    compare(&docs.join("cli.md"), &reference::markdown(Lang::En));
    compare(&docs.join("cli.zh-CN.md"), &reference::markdown(Lang::Zh));
}

/// B1: every rule, event and alarm has its section in the documentation, in both languages, and `hotpair explain ID` shows it.
#[test]
fn pages_of_rules_events_and_alarms() {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut sections = 0;
    for lang in LANGS {
        let suffix = if lang == Lang::En { "" } else { ".zh-CN" };
        let words = Words::new(lang);
        for (page, name) in
            [(ManualPage::Rules, "rules"), (ManualPage::Events, "events"), (ManualPage::Alarms, "alarms")]
        {
            let text = cmd::docs::page(page, words);
            sections += text.matches("\n## ").count();
            compare(&docs.join(format!("{name}{suffix}.md")), &text);
        }
        for rule in arbiter_core::rules::RULES {
            let (parts, _) = story::message(rule.id, words).unwrap();
            let labels: Vec<&str> = parts.iter().map(|(label, _)| *label).collect();
            assert_eq!(
                labels,
                [ids::CONDITION, ids::DECISION, ids::MEANING, ids::CAUSES, ids::REMEDY],
                "{} {lang:?}",
                rule.id
            );
        }
    }
    let paged = hotpair_messages::pages::all().count();
    assert_eq!(sections, 2 * paged, "each page in both languages");
}

/// S10 B8: what a reload would do, for people and for programs, in both languages.
#[test]
fn preview_page() {
    pages("preview", |sheet| preview::page(&sample::preview(), "/etc/hotpair/hotpair.toml", sheet.words));
}
