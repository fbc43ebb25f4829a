//! Every line resd logs about its work, and the catalogue ids of what it tells the history.
//!
//! Levels by what an operator has to do: error: something stands still and needs a person; warn: something failed and is
//! being dealt with; info: something changed.

use core::fmt::Display;

use hotpair_types::FailureScope;
use resource_core::{Note, NoteEvent};

/// resd serves.
pub fn started(node: &str, groups: usize, resources: usize, socket: &dyn Display) {
    tracing::info!(node, groups, resources, %socket, "resources are watched");
}

/// A finding of the configuration.
pub fn finding(text: &dyn Display) {
    tracing::warn!("{text}");
}

/// A new configuration was refused.
pub fn reload_refused(why: &str) {
    tracing::error!("the configuration was read again and refused, nothing was changed:\n{why}");
}

/// A new configuration is taken by starting anew.
pub fn reloading() {
    tracing::info!("the configuration was read again: starting anew with it; services go on running");
}

/// What happened to a resource.
pub fn note(note: &Note) {
    let group = note.group.as_ref().map(|g| g.as_str()).unwrap_or_default();
    let resource = note.resource.as_ref().map(|r| r.as_str()).unwrap_or_default();
    let event = &note.event;
    match event {
        NoteEvent::StopFailed { .. } | NoteEvent::GroupFailed { .. } | NoteEvent::WatchdogBroken { .. } => {
            tracing::error!(group, resource, "{event}");
        }
        NoteEvent::TargetRefused(_)
        | NoteEvent::FoundRunning
        | NoteEvent::Failed { .. }
        | NoteEvent::NetworkLost { .. }
        | NoteEvent::StopRetried { .. }
        | NoteEvent::LeaseExpired
        | NoteEvent::NoAnswer { .. }
        | NoteEvent::Hint { .. }
        | NoteEvent::Late { .. } => tracing::warn!(group, resource, "{event}"),
        NoteEvent::Adopted
        | NoteEvent::Started { .. }
        | NoteEvent::Stopped { .. }
        | NoteEvent::Repairing { .. }
        | NoteEvent::Repaired { .. }
        | NoteEvent::WatchdogArmed { .. }
        | NoteEvent::WatchdogOff
        | NoteEvent::NetworkBack => tracing::info!(group, resource, "{event}"),
    }
}

/// Catalogue id and parameters of an event.
pub fn message(event: &NoteEvent) -> (&'static str, Vec<(&'static str, String)>) {
    let ms = |d: &core::time::Duration| vec![("ms", d.as_millis().to_string())];
    let text = |text: &str| vec![("reason", text.to_string())];
    match event {
        NoteEvent::TargetRefused(why) => ("D101", text(&why.to_string())),
        NoteEvent::Adopted => ("D102", Vec::new()),
        NoteEvent::FoundRunning => ("D103", Vec::new()),
        NoteEvent::Started { took } => ("D104", ms(took)),
        NoteEvent::Stopped { took } => ("D105", ms(took)),
        NoteEvent::Failed { text: why, scope } => match scope {
            FailureScope::Resource => ("D106", text(why)),
            FailureScope::Network => ("D107", text(why)),
            FailureScope::Node => ("D108", text(why)),
        },
        NoteEvent::Repairing { attempt, pause } => {
            let mut parameters = ms(pause);
            parameters.push(("attempt", attempt.to_string()));
            ("D109", parameters)
        }
        NoteEvent::Repaired { took } => ("D110", ms(took)),
        NoteEvent::GroupFailed { text: why, .. } => ("D111", text(why)),
        NoteEvent::Late { times } => ("D112", vec![("times", times.to_string())]),
        NoteEvent::NoAnswer { text: why } => ("D113", text(why)),
        NoteEvent::NetworkLost { text: why } => ("D107", text(why)),
        NoteEvent::NetworkBack => ("D114", Vec::new()),
        NoteEvent::StopRetried { text: why, force: false } => ("D115", text(why)),
        NoteEvent::StopRetried { text: why, force: true } => ("D116", text(why)),
        NoteEvent::StopFailed { text: why } => ("D117", text(why)),
        NoteEvent::LeaseExpired => ("D118", Vec::new()),
        NoteEvent::Hint { text: why } => ("D119", text(why)),
        NoteEvent::WatchdogBroken { text: why } => ("D120", text(why)),
        NoteEvent::WatchdogArmed { timeout } => ("D121", ms(timeout)),
        NoteEvent::WatchdogOff => ("D122", Vec::new()),
    }
}
