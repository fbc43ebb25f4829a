//! The state table of a path's receive direction: every state, every event, as a golden file.
//!
//! `UPDATE_GOLDEN=1` writes it anew; a change of a line is a change of what operators see, and wants a reason.
mod common;

use common::{World, ms, tag, udp};
use heartbeat_core::{Input, LinkState};
use hotpair_types::{PathCause, PathState};
use std::fmt::Write as _;

/// A world whose node 0 has path `a` in the named state; `b` keeps both nodes informed. The peer is silent on `a`.
fn in_state(name: &str) -> World {
    let mut w = World::new(&[udp("a"), udp("b")]);
    let silence = |w: &mut World, time| {
        w.run(ms(1_000));
        w.wire(1, "a").cut = true;
        w.run(ms(time));
    };
    match name {
        "unknown" => {
            w.wire(1, "a").cut = true;
            w.run(ms(50));
        }
        "up" => silence(&mut w, 0),
        "late" => silence(&mut w, 200),
        "down (silence)" => silence(&mut w, 1_000),
        "down (own port)" => {
            silence(&mut w, 0);
            w.link(0, "a", LinkState::NoCarrier);
        }
        "down (never heard)" => {
            w.wire(1, "a").cut = true;
            w.run(ms(700));
        }
        other => panic!("{other}"),
    }
    w
}

fn apply(w: &mut World, event: &str) {
    match event {
        "one heartbeat" | "three heartbeats" => {
            w.wire(1, "a").cut = false;
            // Beats of the peer come at whole tenths of a second.
            w.run(ms(if event == "one heartbeat" { 100 } else { 300 }) + ms(1));
            w.wire(1, "a").cut = true;
        }
        "150 ms of silence" => w.run(ms(151)),
        "500 ms of silence" => w.run(ms(501)),
        "own port fails" => w.link(0, "a", LinkState::IoError("Input/output error".into())),
        "own port works" => w.link(0, "a", LinkState::Working),
        "own stall of 2 s" => {
            w.nodes[0].stopped_until = Some(w.now.after(ms(2_000)));
            w.run(ms(2_001));
        }
        "garbage" => w.input(0, Input::Garbage { path: tag("a") }),
        "frame of a stranger" => {
            let own = w.sent.iter().rev().find(|s| s.1 == 1 && s.2 == tag("a")).unwrap().3.clone();
            let mut forged = own;
            let last = forged.len() - 1;
            forged[last] ^= 1;
            w.inject(0, "a", &forged);
        }
        "own frame" => {
            let own = w.sent.iter().rev().find(|s| s.1 == 0 && s.2 == tag("a")).unwrap().3.clone();
            w.inject(0, "a", &own);
        }
        other => panic!("{other}"),
    }
}

fn show((state, cause): (PathState, PathCause)) -> String {
    format!("{} ({cause:?})", state.as_str())
}

/// S2, S20, S27: what each event makes of each state.
#[test]
fn every_state_and_every_event() {
    let states = ["unknown", "up", "late", "down (silence)", "down (own port)", "down (never heard)"];
    let events = [
        "one heartbeat",
        "three heartbeats",
        "150 ms of silence",
        "500 ms of silence",
        "own port fails",
        "own port works",
        "own stall of 2 s",
        "garbage",
        "frame of a stranger",
        "own frame",
    ];
    let mut table = String::from("# receive direction: interval 100 ms, lost 5, good 3\n");
    for state in states {
        let before = show(in_state(state).rx(0, "a"));
        writeln!(table, "\n{state}: {before}").unwrap();
        for event in events {
            let mut w = in_state(state);
            apply(&mut w, event);
            writeln!(table, "  {event:<20} -> {}", show(w.rx(0, "a"))).unwrap();
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/states.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")).unwrap();
        std::fs::write(file, &table).unwrap();
    }
    assert_eq!(table, std::fs::read_to_string(file).unwrap(), "UPDATE_GOLDEN=1 writes {file}");
}
