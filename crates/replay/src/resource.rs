//! The resource core in the record.

use crate::Core;
use hotpair_types::Timestamp;
use resource_core::{Input, Output, ResourceCore};

impl Core for ResourceCore {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "resource";

    fn handle_input(&mut self, input: Input, now: Timestamp) {
        Self::handle_input(self, input, now);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        Self::handle_timeout(self, now);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        Self::poll_timeout(self)
    }

    fn poll_output(&mut self) -> Option<Output> {
        Self::poll_output(self)
    }

    fn word(output: &Output) -> Option<String> {
        Some(match output {
            Output::PersistTarget(target) => format!("persist target {}", target.generation),
            Output::Answer(Ok(generation)) => format!("target {generation} accepted"),
            Output::Answer(Err(why)) => why.to_string(),
            Output::Cancel { op } => format!("cancel operation {}", op.0),
            Output::Run { group, resource, action, op, .. } => {
                format!("{} {group}/{resource} (operation {})", action.as_str(), op.0)
            }
            Output::Watchdog(act) => format!("watchdog: {act:?}"),
            Output::SelfFence { reason } => format!("reset this node: {reason}"),
            Output::Note(note) => {
                let place = match (&note.group, &note.resource) {
                    (Some(group), Some(resource)) => format!("{group}/{resource}: "),
                    (Some(group), None) => format!("{group}: "),
                    (None, _) => String::new(),
                };
                format!("{place}{}", note.event)
            }
            Output::View(view) => format!("view {}", view.seq),
        })
    }
}

/// What an input is, in a few words.
#[must_use]
pub fn input_word(input: &Input) -> String {
    match input {
        Input::Target(target) => format!("target {}", target.generation),
        Input::Done { op, outcome } => format!("operation {} ended: {outcome:?}", op.0),
        Input::Event { group, resource, event } => format!("noticed of {group}/{resource}: {event:?}"),
        Input::Fence { report: Some(report), .. } => {
            format!("fence order {} is {}", report.number, report.state.as_str())
        }
        Input::Fence { report: None, health } => format!("fence devices are {}", health.as_str()),
        Input::Watchdog(state) => format!("watchdog is {}", state.as_str()),
    }
}

/// The output is part of what a person wants to read in a timeline: notes and refusals, not each monitor.
#[must_use]
pub fn tells(output: &Output) -> bool {
    match output {
        Output::Note(_) | Output::SelfFence { .. } | Output::Answer(Err(_)) | Output::PersistTarget(_) => true,
        Output::Run { action, .. } => {
            matches!(action, resource_core::Action::Start | resource_core::Action::Stop { .. })
        }
        Output::Watchdog(act) => *act != resource_core::WatchdogAct::Pet,
        Output::Answer(Ok(_)) | Output::Cancel { .. } | Output::View(_) => false,
    }
}
