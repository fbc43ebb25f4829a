//! The arbiter's core in the record.

use crate::Core;
use arbiter_core::Arbiter;
use arbiter_core::io::{Input, Output, SafetyOrder};
use hotpair_types::Timestamp;

impl Core for Arbiter {
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "arbiter";

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

    /// A view brings the peer's advert encoded and decoded; the core looks at the decoded one only.
    fn slim(input: &mut Input) {
        if let Input::Peer { view, .. } = input
            && let Some(advert) = &mut view.advert
        {
            advert.bytes = Vec::new();
        }
    }

    fn word(output: &Output) -> Option<String> {
        Some(match output {
            Output::Persist { ticket, .. } => format!("persist {ticket}"),
            Output::Advert(advert) => format!("advert {}", advert.seq),
            Output::Safety(SafetyOrder::Round(round)) => format!("probe round {round}"),
            Output::Safety(SafetyOrder::Stop) => "stop probing".to_owned(),
            Output::Witness(wanted) => format!("votes {}", wanted.seq),
            Output::Target(target) => format!("target {}", target.generation),
            Output::OrderDone { result: Ok(_), .. } => "order accepted".to_owned(),
            Output::OrderDone { result: Err(why), .. } => format!("order refused {}", why.id),
            Output::Event(event) => match &event.group {
                Some(group) => format!("{} {group}", event.sentence.id),
                None => event.sentence.id.clone(),
            },
            Output::StatusChanged => return None,
        })
    }
}

/// What an input is, in a few words.
#[must_use]
pub fn input_word(input: &Input) -> String {
    match input {
        Input::Peer { view, .. } => format!("view {} of hbd", view.seq),
        Input::HbdGone { reason } => format!("hbd is gone: {reason}"),
        Input::Observed(view) => format!("view {} of resd", view.seq),
        Input::ResdGone { reason } => format!("resd is gone: {reason}"),
        Input::TargetRefused { reason } => format!("resd refused the target: {reason}"),
        Input::RoundStarted { round, .. } => format!("probe round {round} leaves"),
        Input::Evidence { round, evidence } => format!("evidence of round {round}: {evidence:?}"),
        Input::PeerAnswered(advert) => format!("the peer's arbiter answered with advert {}", advert.seq),
        Input::Persisted(ticket) => format!("state {ticket} is on the disk"),
        Input::PersistFailed { ticket, error } => format!("state {ticket} cannot be written: {error}"),
        Input::Order { by, order, dry_run, .. } => {
            format!("{}order of {by}: {order:?}", if *dry_run { "dry-run " } else { "" })
        }
        Input::Witness(view) if view.reachable => format!("votes of the witness {}", view.seq),
        Input::Witness(view) => format!("witness silent: {}", view.reason),
        Input::WitnessGone { reason } => format!("witness gone: {reason}"),
        Input::Stalled(gap) => format!("this process stood still for {} ms", gap.as_millis()),
        Input::Config(config) => format!("configuration {}", config.digest),
    }
}
