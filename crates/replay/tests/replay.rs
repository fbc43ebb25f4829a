//! Replay of recorded runs of the real cores: the same decisions, and every change of the record noticed.

#[allow(dead_code, reason = "shared by several tests")]
mod common;

use arbiter_core::Arbiter;
use arbiter_core::io::{Input, Output};
use common::{options, two_minutes};
use crc::{CRC_32_ISCSI, Crc};
use hotpair_replay::story::StoryWriter;
use hotpair_replay::{Recorded, ReplayReport, Seen, Step, replay};
use hotpair_runtime::recorder::{DEFAULT_BYTES, RecordReader, Recorder, segments};
use hotpair_types::{
    BootId, Desired, Epoch, Generation, GroupName, GroupState, GroupTarget, Incarnation, NodeId, ResourceName, Target,
    Timestamp,
};
use resource_core::{
    GroupConfig, OnStopFailure, Operations, Outcome, Recovery, ResourceConfig, ResourceCore, ResourceSpec,
};
use std::path::Path;
use std::time::Duration;

const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

fn reader(directory: &Path) -> RecordReader<Arbiter, Step<Input>> {
    RecordReader::new(segments(directory, "arbiterd").unwrap())
}

fn rerun(directory: &Path) -> ReplayReport {
    replay::<Arbiter>(reader(directory), |_| {})
}

/// B3: two minutes with a switchover, a stall, a power cut and a takeover come out the same on both nodes, decision by decision.
#[test]
fn a_recorded_run_replays_to_identical_decisions() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let end = two_minutes([dirs[0].path(), dirs[1].path()], DEFAULT_BYTES);
    assert_eq!(end[0], GroupState::Running, "the first node took over");
    for dir in &dirs {
        let mut rules = Vec::new();
        let mut explained = 0;
        let report = replay::<Arbiter>(reader(dir.path()), |seen| {
            if let Seen::Step(moment) = seen {
                for output in moment.outputs {
                    if let Output::Event(event) = output {
                        rules.push(event.sentence.id.clone());
                    }
                }
                for decision in moment.core.decisions() {
                    assert!((decision.rule.when)(decision.facts), "{}", decision.rule.id);
                    explained += 1;
                }
            }
        });
        assert!(report.is_same(), "{report:?}");
        assert!(report.steps > 1_000 && report.decisions > 20, "{report:?}");
        assert!(explained >= report.steps);
        let took_over = rules.iter().any(|r| r == "R460");
        assert_eq!(took_over, dir.path() == dirs[0].path(), "{rules:?}");
    }
}

/// B3: in a record that is small and dropped its beginning long ago, what is left replays, across files.
#[test]
fn a_bounded_record_replays_from_any_file_on() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    two_minutes([dirs[0].path(), dirs[1].path()], 512 << 10);
    let files = segments(dirs[0].path(), "arbiterd").unwrap();
    assert!(files.len() > 3, "{files:?}");
    assert!(!files[0].ends_with("arbiterd.record.000001"));
    for from in 0..files.len() {
        let report = replay::<Arbiter>(RecordReader::new(files[from..].to_vec()), |_| {});
        assert!(report.is_same(), "{report:?}");
        assert_eq!(report.checkpoints, u64::try_from(files.len() - from).unwrap());
    }
}

/// B3: a changed record with a right checksum is found by what it leads to: other decisions, or another state.
#[test]
fn a_changed_record_is_found() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    two_minutes([dirs[0].path(), dirs[1].path()], DEFAULT_BYTES);
    let file = segments(dirs[0].path(), "arbiterd").unwrap().remove(0);
    let text = std::fs::read_to_string(&file).unwrap();
    type Change<'a> = (&'a str, &'a str, &'a str);
    let changes: [Change<'_>; 4] = [
        ("ReferenceAnswered", "\"ReferenceAnswered\"", "\"Referenceanswered\""),
        ("\"Stalled\"", "\"nanos\":700000000", "\"nanos\":800000000"),
        ("\"Switchover\"", "\"to\":1", "\"to\":0"),
        ("\"did\":[", "\"did\":[\"", "\"did\":[\"x"),
    ];
    for (which, from, to) in changes {
        let mut changed = false;
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                let json = &line[9..];
                if changed || !json.contains("\"step\"") || !json.contains(which) || !json.contains(from) {
                    return line.to_owned();
                }
                changed = true;
                let json = json.replace(from, to);
                format!("{:08x} {json}", CASTAGNOLI.checksum(json.as_bytes()))
            })
            .collect();
        assert!(changed, "{which}");
        std::fs::write(&file, lines.join("\n") + "\n").unwrap();
        let report = rerun(dirs[0].path());
        assert!(!report.is_same(), "{which}");
    }
    std::fs::write(&file, &text).unwrap();
    assert!(rerun(dirs[0].path()).is_same());
}

/// B3: damage in the middle costs the steps up to the next checkpoint, is told with its line, and nothing wrong is concluded.
#[test]
fn damage_is_told_and_replay_goes_on_at_the_next_checkpoint() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    two_minutes([dirs[0].path(), dirs[1].path()], 512 << 10);
    let files = segments(dirs[0].path(), "arbiterd").unwrap();
    let mut bytes = std::fs::read(&files[0]).unwrap();
    let third = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(3).unwrap().0 + 30;
    bytes[third] ^= 4;
    std::fs::write(&files[0], bytes).unwrap();
    let report = rerun(dirs[0].path());
    assert!(!report.is_same());
    assert_eq!(report.mismatch_count, 0, "{report:?}");
    assert!(report.damage.len() == 1 && report.damage[0].contains("line 5"), "{:?}", report.damage);
    assert!(report.skipped > 0 && report.steps > 100);
}

fn resource_core() -> ResourceCore {
    let second = Duration::from_secs(1);
    let resource = |name: &str, after: &[&str]| ResourceSpec {
        name: ResourceName::new(name).unwrap(),
        kind: "app".to_owned(),
        after: after.iter().map(|n| ResourceName::new(n).unwrap()).collect(),
        in_place: false,
        announces: false,
        ops: Operations {
            start_timeout: second,
            stop_timeout: second,
            monitor_timeout: second,
            monitor_interval: second,
            deep_interval: None,
            late_limit: 3,
        },
        recovery: Recovery { restarts: 2, window: 60 * second, backoff: second, on_stop_failure: OnStopFailure::Hold },
    };
    let config = ResourceConfig {
        boot: BootId([1; 16]),
        resd: Incarnation(1),
        restored: None,
        groups: vec![GroupConfig {
            name: GroupName::new("web").unwrap(),
            resources: vec![resource("address", &[]), resource("server", &["address"])],
        }],
        watchdog: None,
    };
    ResourceCore::new(config, 42, Timestamp::from_millis(1_000)).unwrap()
}

/// B3: resd's core too: start, failures, repair and monitors replay to the same operations.
#[test]
fn a_recorded_resource_core_replays_to_identical_operations() {
    let dir = tempfile::tempdir().unwrap();
    let mut now = Timestamp::from_millis(1_000);
    let recorder = Recorder::start(options(dir.path(), "resource", DEFAULT_BYTES));
    let mut core = Recorded::new(resource_core(), recorder, now);
    let wanted = GroupTarget {
        desired: Desired::Started,
        epoch: Epoch { number: 1, node: NodeId::FIRST },
        lease_expires: None,
        announce: 0,
        clear: 0,
        prepare: false,
    };
    let target = Target {
        generation: Generation(1),
        boot: BootId([1; 16]),
        groups: [(GroupName::new("web").unwrap(), wanted)].into(),
        fence: None,
    };
    core.handle_input(resource_core::Input::Target(target), now);
    let mut operations = 0_u32;
    for _ in 0..400 {
        now = now.after(Duration::from_millis(100));
        let mut answers = Vec::new();
        while let Some(output) = core.poll_output() {
            if let resource_core::Output::Run { op, action, .. } = output {
                operations += 1;
                // What runs fails now and then; what is looked at first does not run.
                let outcome = match action {
                    resource_core::Action::Probe => Outcome::NotRunning,
                    _ if operations.is_multiple_of(17) => {
                        Outcome::Failed { text: "died".to_owned(), scope: hotpair_types::FailureScope::Resource }
                    }
                    _ => Outcome::Ok,
                };
                answers.push(resource_core::Input::Done { op, outcome });
            }
        }
        for answer in answers {
            core.handle_input(answer, now);
        }
        if core.poll_timeout().is_some_and(|at| at <= now) {
            core.handle_timeout(now);
        }
    }
    drop(core);
    let files = segments(dir.path(), "resourced").unwrap();
    let report = replay::<ResourceCore>(RecordReader::new(files), |_| {});
    assert!(report.is_same(), "{report:?}");
    assert!(report.steps > 50 && operations > 40, "{operations} {report:?}");
}

/// B3: a recorded incident becomes a story that names what happened and what was decided.
#[test]
fn an_incident_becomes_the_draft_of_a_story() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    two_minutes([dirs[0].path(), dirs[1].path()], DEFAULT_BYTES);
    let mut story = None;
    replay::<Arbiter>(reader(dirs[0].path()), |seen| {
        if let Seen::Step(moment) = seen {
            story.get_or_insert_with(|| StoryWriter::new(moment.core, moment.at)).step(&moment);
        }
    });
    let text = story.unwrap().finish();
    for line in [
        "given group web prefers alpha",
        "given path lan1 udp 100ms x5",
        "order at alpha: switchover web to beta",
        "alpha stalls for 700ms",
        "beta loses power",
        "expect alpha takes web by R460 within ",
        "kill resd on alpha",
        "start resd on alpha",
        "order at alpha: freeze all for 10s",
    ] {
        assert!(text.contains(line), "{line:?} is missing in:\n{text}");
    }
    let times: Vec<f64> = text
        .lines()
        .filter_map(|l| l.strip_prefix("at ")?.split_once(' '))
        .map(|(t, _)| match t.strip_suffix("ms") {
            Some(ms) => ms.parse::<f64>().unwrap() / 1_000.0,
            None => t.trim_end_matches('s').parse().unwrap(),
        })
        .collect();
    assert!(times.is_sorted(), "{text}");
}
