//! A recorded incident, written as a scenario by one command, is played by the very runner that plays the scenarios of the
//! arbiter's core, and ends as it did.

#[allow(dead_code, reason = "shared by several tests")]
mod common;
#[path = "../../arbiter-core/tests/model/mod.rs"]
#[allow(dead_code, reason = "the runner's own tests use all of it")]
mod model;

use arbiter_core::Arbiter;
use arbiter_core::io::Input;
use common::two_minutes;
use hotpair_replay::story::StoryWriter;
use hotpair_replay::{Seen, Step, replay};
use hotpair_runtime::recorder::{DEFAULT_BYTES, RecordReader, segments};
use model::script::Story;
use std::path::Path;

fn drafted(directory: &Path) -> String {
    let mut story = None;
    let reader = RecordReader::<Arbiter, Step<Input>>::new(segments(directory, "arbiterd").unwrap());
    let report = replay::<Arbiter>(reader, |seen| {
        if let Seen::Step(moment) = seen {
            story.get_or_insert_with(|| StoryWriter::new(moment.core, moment.at)).step(&moment);
        }
    });
    assert!(report.is_same(), "{report:?}");
    story.unwrap().finish()
}

/// B3: from the record of either node of an incident comes a scenario that can be played as it is, and in which the same is
/// decided: the survivor of a power cut takes the group over by the same rule.
#[test]
fn a_recorded_incident_is_played_as_a_scenario() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    two_minutes([dirs[0].path(), dirs[1].path()], DEFAULT_BYTES);
    for (node, dir) in ["alpha", "beta"].into_iter().zip(&dirs) {
        let text = drafted(dir.path());
        let log = Story::play(&text).unwrap_or_else(|why| panic!("recorded by {node}: {why}\n\n{text}"));
        assert_eq!(log.contains("R460"), node == "alpha", "recorded by {node}:\n{log}\n{text}");
        assert!(text.contains("expect ") && text.contains("expect never both active"), "{text}");
    }
}
