//! What a third place, a fence device, neighbours and a watchdog do, and what happens when they are away.

use super::{Act, Area, Book, NEVER, NOW, Played, Script, Words, all_at, fault, secs};
use crate::faults::Fault;
use crate::thirds;
use core::time::Duration;
use hotpair_types::NodeId;

const A: Area = Area::Arbitration;

pub(super) fn add(book: &mut Book<'_>) {
    witness(book);
    fence(book);
    neighbours(book);
    watchdog(book);
}

fn third(act: thirds::Act) -> Act {
    Act::Fault(Fault::Third(act))
}

fn witness(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let there = if book.scene.config.witness.is_some() { Ok(()) } else { Err(Words::new("F904", &[])) };
    let down = |on| third(thirds::Act::WitnessDown(on));
    let hidden = |node, on| third(thirds::Act::WitnessHidden(node, on));
    let add = |book: &mut Book<'_>, name, row, id, script: Script| {
        let played: Played = there.clone().map(|()| script);
        book.add(A, name, row, id, played);
    };
    let gone = all_at(NOW, vec![down(true)]);
    add(book, "witness-down", "F06", "F501", Script::new(gone.clone()).repaired(vec![down(false)]));
    let mut steps = gone.clone();
    steps.push(fault(secs(10), Fault::PowerLoss(o, NEVER)));
    add(book, "witness-down-owner-power", "F06", "F502", Script::new(steps).repaired(vec![down(false)]));
    let cut = |book: &Book<'_>, more: Vec<Act>, less: Vec<Act>| {
        Script::new(all_at(NOW, [book.apart(true), more].concat())).repaired([book.apart(false), less].concat())
    };
    let script = cut(book, Vec::new(), Vec::new());
    add(book, "everything-cut-witness-seen", "W03", "F503", script);
    let script = cut(book, vec![down(true)], vec![down(false)]);
    add(book, "everything-cut-witness-down", "W05", "F504", script);
    let script = cut(book, vec![hidden(s, true)], vec![hidden(s, false)]);
    add(book, "everything-cut-witness-owner-only", "F07", "F505", script);
    let script = cut(book, vec![hidden(o, true)], vec![hidden(o, false)]);
    add(book, "everything-cut-witness-standby-only", "W04", "F506", script);
}

fn fence(book: &mut Book<'_>) {
    let o = book.owner();
    let owner = book.scene.name(o);
    let devices = book.scene.config.fences_of(o);
    let there = if devices.is_empty() { Err(Words::new("F905", &[("node", &owner)])) } else { Ok(()) };
    let limit: Duration = devices.iter().map(|f| f.timeout * f.attempts.max(1)).sum();
    let add = |book: &mut Book<'_>, name, row, id, script: Script| {
        let played: Played = there.clone().map(|()| script);
        book.add(A, name, row, id, played);
    };
    let off = fault(secs(1), Fault::PowerLoss(o, NEVER));
    let with = |act: thirds::Act| [all_at(NOW, vec![third(act)]), vec![off.clone()]].concat();
    let dead = Script::new(with(thirds::Act::DeviceDead(o, true))).watched(limit);
    add(book, "fence-dead-owner-power", "F01", "F510", dead);
    let lies = |on| third(thirds::Act::DeviceLies(o, on));
    let steps = all_at(NOW, [vec![lies(true)], book.apart(true)].concat());
    let repair = [vec![lies(false)], book.apart(false)].concat();
    add(book, "fence-lies-everything-cut", "F02", "F511", Script::new(steps).repaired(repair));
    let slow = Script::new(with(thirds::Act::DeviceTakes(o, secs(45)))).watched(secs(60));
    add(book, "fence-slow-owner-power", "F03", "F512", slow);
    let script = Script::new(all_at(NOW, book.apart(true))).watched(secs(20)).repaired(book.apart(false));
    add(book, "everything-cut-fence", "F04", "F513", script);
}

fn neighbours(book: &mut Book<'_>) {
    let o = book.owner();
    let there = if book.scene.config.neighbours.is_empty() { Err(Words::new("F906", &[])) } else { Ok(()) };
    let down = |on| third(thirds::Act::NeighboursDown(on));
    let played = there.clone().map(|()| Script::new(all_at(NOW, vec![down(true)])).repaired(vec![down(false)]));
    book.add(A, "neighbours-down", "F07", "F520", played);
    let played = there.clone().map(|()| {
        let mut steps = all_at(NOW, vec![down(true)]);
        steps.push(fault(secs(5), Fault::PowerLoss(o, NEVER)));
        Script::new(steps).repaired(vec![down(false)])
    });
    book.add(A, "neighbours-down-owner-power", "F07", "F521", played);
    // Every heartbeat and every probe of the nodes' own is lost, and the networks work.
    let played = there.map(|()| {
        let blocked = |on| NodeId::BOTH.map(|n| Act::Fault(Fault::ProbesBlocked(n, on))).to_vec();
        let begin = [book.paths(None, true), blocked(true)].concat();
        Script::new(all_at(NOW, begin)).repaired([book.paths(None, false), blocked(false)].concat())
    });
    book.add(A, "all-paths-probes-blocked-neighbours", "W08", "F522", played);
}

fn watchdog(book: &mut Book<'_>) {
    let o = book.owner();
    let there = if book.scene.config.watchdog.is_none() { Err(Words::new("F907", &[])) } else { Ok(()) };
    let missing = |on| third(thirds::Act::WatchdogMissing(o, on));
    let played = there.clone().map(|()| {
        let mut steps = all_at(NOW, vec![missing(true)]);
        steps.push(fault(secs(5), Fault::Pause(o, secs(30))));
        Script::new(steps).repaired(vec![missing(false)])
    });
    book.add(A, "watchdog-missing-owner-hangs", "N13", "F530", played);
    let played = there.map(|()| Script::new(vec![fault(NOW, Fault::Pause(o, secs(30)))]));
    book.add(A, "watchdog-owner-hangs", "N06", "F531", played);
}
