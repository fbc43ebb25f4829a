//! Resources that fail, hang or are missing.

use super::{Act, Area, Book, NEVER, NOW, Played, Script, Step, fault, secs};
use crate::faults::Fault;
use arbiter_core::io::Order;
use core::time::Duration;

const A: Area = Area::Resource;

/// A resource that does not answer takes this long: longer than every time limit of a configuration.
const HANGS: Duration = Duration::from_secs(24 * 3600);

pub(super) fn add(book: &mut Book<'_>) {
    failures(book);
    standby(book);
    stops(book);
    moves(book);
}

fn undo(fault: Fault) -> Vec<Act> {
    vec![Act::Fault(fault)]
}

/// Time until local recovery has given up: monitors, restarts with their pauses, starts.
fn recovery(book: &Book<'_>, at: usize) -> Duration {
    let thing = book.scene.resources.get(at);
    let groups = &book.scene.config.groups;
    let found =
        thing.and_then(|t| groups.iter().find(|g| g.name == t.group)?.resources.iter().find(|r| r.name == t.name));
    found.map_or(Duration::ZERO, |r| {
        let pauses = (0..r.recovery.restarts.min(10)).map(|n| (r.recovery.backoff * 2_u32.pow(n)).min(secs(60)));
        let each = r.ops.monitor_interval + secs(5);
        pauses.sum::<Duration>() + each * (r.recovery.restarts + 2)
    })
}

/// Every operation of the group's resources at its time limit.
fn limits(book: &Book<'_>) -> Duration {
    let group = book.scene.config.groups.get(book.scene.focus);
    group.map_or(Duration::ZERO, |g| {
        let all = g.resources.iter();
        all.map(|r| r.ops.start_timeout + r.ops.stop_timeout * 2 + r.ops.monitor_timeout * r.ops.late_limit).sum()
    })
}

fn with_program(book: &Book<'_>, play: impl FnOnce(usize) -> Script) -> Played {
    book.program().map(play)
}

fn failures(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let name = book.program().map(|at| book.resource_name(at)).unwrap_or_default();
    let parameters = [("resource", name.as_str())];
    let played = with_program(book, |r| Script::new(vec![fault(NOW, Fault::Fails(o, r))]).watched(recovery(book, r)));
    book.add_with(A, "resource-fails-once", "G07", "F401", &parameters, played);
    let played = with_program(book, |r| {
        Script::new((0..8).map(|n| fault(secs(8 * n), Fault::Fails(o, r))).collect()).watched(recovery(book, r))
    });
    book.add_with(A, "resource-fails-often", "G04", "F402", &parameters, played);
    let broken = |node, r, on| Fault::Broken(node, r, on);
    let played = with_program(book, |r| {
        Script::new(vec![fault(NOW, broken(o, r, true))]).watched(recovery(book, r)).repaired(undo(broken(o, r, false)))
    });
    book.add_with(A, "resource-broken-owner", "G01", "F403", &parameters, played);
    let played = with_program(book, |r| {
        let repair = [undo(broken(o, r, false)), undo(broken(s, r, false))].concat();
        let steps = vec![fault(NOW, broken(o, r, true)), fault(NOW, broken(s, r, true))];
        Script::new(steps).watched(recovery(book, r) * 2).repaired(repair)
    });
    book.add_with(A, "resource-broken-both", "G01", "F404", &parameters, played);
    let played = with_program(book, |r| {
        Script::new(vec![fault(NOW, Fault::Hang(o, r, true))])
            .watched(recovery(book, r) + limits(book))
            .repaired(undo(Fault::Hang(o, r, false)))
    });
    book.add_with(A, "resource-hangs-owner", "G05", "F405", &parameters, played);
    let address = book.address();
    let label = address.as_ref().map(|at| book.resource_name(*at)).unwrap_or_default();
    let played = address.map(|at| Script::new(vec![fault(NOW, Fault::Fails(o, at))]));
    book.add_with(A, "address-removed", "G09", "F406", &[("resource", &label)], played);
    let first = book.scene.focus_resources(|_| true).first().copied();
    let label = first.map(|at| book.resource_name(at)).unwrap_or_default();
    let played = first.ok_or_else(|| book.lacks("F910")).map(|at| {
        Script::new(vec![fault(NOW, broken(o, at, true))])
            .watched(recovery(book, at))
            .repaired(undo(broken(o, at, false)))
    });
    book.add_with(A, "lowest-resource-broken-owner", "G12", "F407", &[("resource", &label)], played);
}

fn standby(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let name = book.program().map(|at| book.resource_name(at)).unwrap_or_default();
    let parameters = [("resource", name.as_str())];
    let off = fault(secs(2), Fault::PowerLoss(o, NEVER));
    let with = |first: Fault| -> Vec<Step> { vec![fault(NOW, first), off.clone()] };
    let played = with_program(book, |r| {
        Script::new(with(Fault::Broken(s, r, true)))
            .watched(recovery(book, r))
            .repaired(undo(Fault::Broken(s, r, false)))
    });
    book.add_with(A, "standby-start-fails-owner-power", "G01", "F410", &parameters, played);
    let played = with_program(book, |r| {
        Script::new(with(Fault::Slow(s, r, HANGS))).watched(limits(book)).repaired(undo(Fault::Slow(
            s,
            r,
            Duration::ZERO,
        )))
    });
    book.add_with(A, "standby-start-hangs-owner-power", "G02", "F411", &parameters, played);
    let played = with_program(book, |r| Script::new(with(Fault::Slow(s, r, secs(10)))).watched(secs(30)));
    book.add_with(A, "standby-start-slow-owner-power", "D20", "F412", &parameters, played);
    let played = with_program(book, |r| {
        Script::new(vec![fault(NOW, Fault::Lacking(s, r, true))]).repaired(undo(Fault::Lacking(s, r, false)))
    });
    book.add_with(A, "standby-not-ready", "O12", "F413", &parameters, played);
}

fn stops(book: &mut Book<'_>) {
    let (o, pair) = (book.owner(), book.pair());
    let name = book.program().map(|at| book.resource_name(at)).unwrap_or_default();
    let parameters = [("resource", name.as_str())];
    let Some(group) = book.scene.group().cloned() else { return };
    let order = || fault(secs(1), Fault::Order(o, Order::Switchover { group: group.clone(), to: None }));
    for (name, id) in [("switchover-stop-hangs", "F420"), ("switchover-stop-fails", "F421")] {
        let stuck = name.ends_with("fails");
        let begin = |r| if stuck { Fault::Stuck(o, r, true) } else { Fault::Slow(o, r, HANGS) };
        let end = |r| if stuck { Fault::Stuck(o, r, false) } else { Fault::Slow(o, r, Duration::ZERO) };
        let played = pair.clone().and_then(|()| {
            with_program(book, |r| {
                Script::new(vec![fault(NOW, begin(r)), order()]).watched(limits(book)).repaired(undo(end(r)))
            })
        });
        book.add_with(A, name, "G03", id, &parameters, played);
    }
    let played = with_program(book, |r| {
        Script::new(vec![fault(NOW, Fault::Stuck(o, r, true)), fault(secs(1), Fault::Broken(o, r, true))])
            .watched(limits(book) + recovery(book, r))
            .repaired([undo(Fault::Stuck(o, r, false)), undo(Fault::Broken(o, r, false))].concat())
    });
    book.add_with(A, "resource-broken-stop-fails", "G03", "F422", &parameters, played);
}

fn moves(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let cycle = book.detection() * 4 + secs(25);
    let away = secs(10);
    let turns = |both: bool| {
        let node = move |n: u32| if both && n % 2 == 1 { s } else { o };
        (0..6).map(move |n| fault(cycle * n, Fault::PowerLoss(node(n), away))).collect::<Vec<_>>()
    };
    let played = book.pair().map(|()| Script::new(turns(true)));
    book.add(A, "ping-pong", "G04", "F430", played);
    let played = book.pair().map(|()| Script::new(turns(false)));
    book.add(A, "failback-flaps", "W09", "F431", played);
    let name = book.program().map(|at| book.resource_name(at)).unwrap_or_default();
    let played = with_program(book, |r| {
        let steps = (0..6).flat_map(|n| {
            let (bad, good) = if n % 2 == 0 { (o, s) } else { (s, o) };
            let at = (recovery(book, r) + secs(15)) * n;
            [fault(at, Fault::Broken(good, r, false)), fault(at, Fault::Broken(bad, r, true))]
        });
        Script::new(steps.collect())
            .watched(recovery(book, r))
            .repaired([undo(Fault::Broken(o, r, false)), undo(Fault::Broken(s, r, false))].concat())
    });
    let played = book.pair().and(played);
    book.add_with(A, "resource-ping-pong", "G04", "F432", &[("resource", &name)], played);
}
