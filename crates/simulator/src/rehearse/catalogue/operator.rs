//! People: orders, and what goes wrong in the middle of them.

use super::{Act, Area, Book, NEVER, NOW, Script, Step, all_at, fault, secs};
use crate::faults::Fault;
use crate::node::Daemon;
use arbiter_core::io::Order;
use core::time::Duration;
use hotpair_types::NodeMode;

const A: Area = Area::Operator;
/// Within this time of the order the second thing happens: drawn anew in each run.
const MIDDLE: Duration = Duration::from_millis(1_500);

fn meanwhile(act: Act) -> Step {
    Step { at: NOW, spread: MIDDLE, act }
}

pub(super) fn add(book: &mut Book<'_>) {
    switchovers(book);
    settings(book);
}

fn switchovers(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let Some(group) = book.scene.group().cloned() else { return };
    let pair = book.pair();
    let order = fault(NOW, Fault::Order(o, Order::Switchover { group, to: None }));
    let with = |more: Vec<Step>| pair.clone().map(|()| Script::new([vec![order.clone()], more].concat()));
    let act = |fault| vec![meanwhile(Act::Fault(fault))];
    book.add(A, "switchover", "O01", "F601", with(Vec::new()));
    book.add(A, "switchover-owner-power", "O01", "F602", with(act(Fault::PowerLoss(o, NEVER))));
    book.add(A, "switchover-standby-power", "O01", "F603", with(act(Fault::PowerLoss(s, NEVER))));
    // All cuts fall at one moment: a spread would draw one for each.
    let cut = all_at(Duration::from_millis(200), book.apart(true));
    let repair = book.apart(false);
    book.add(A, "switchover-everything-cut", "O01", "F604", with(cut).map(|script| script.repaired(repair)));
    for (daemon, word) in [(Daemon::Arbiterd, "arbiterd"), (Daemon::Resd, "resd")] {
        let kill = |node| act(Fault::Kill(node, daemon, Duration::from_millis(500)));
        let parameters = [("daemon", word)];
        book.add_with(A, &format!("switchover-owner-kill-{word}"), "O01", "F605", &parameters, with(kill(o)));
        book.add_with(A, &format!("switchover-standby-kill-{word}"), "O01", "F606", &parameters, with(kill(s)));
    }
}

fn settings(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let off = |at| fault(at, Fault::PowerLoss(o, NEVER));
    let hour = secs(3600);
    let freeze = fault(NOW, Fault::Order(o, Order::Freeze { group: None, lasting: hour }));
    book.add(A, "frozen-owner-power", "O03", "F610", Ok(Script::new(vec![freeze, off(secs(3))])));
    let maintenance = || fault(NOW, Fault::Order(o, Order::Maintenance { group: None, lasting: hour }));
    book.add(A, "maintenance-owner-power", "O03", "F611", Ok(Script::new(vec![maintenance(), off(secs(3))])));
    let name = book.program().map(|at| book.resource_name(at)).unwrap_or_default();
    let end = Act::Fault(Fault::Order(o, Order::Maintenance { group: None, lasting: Duration::ZERO }));
    let played = book
        .program()
        .map(|r| Script::new(vec![maintenance(), fault(secs(3), Fault::Fails(o, r))]).repaired(vec![end]));
    book.add_with(A, "maintenance-resource-fails", "O03", "F612", &[("resource", &name)], played);
    let mode = |mode| Fault::Order(o, Order::NodeMode { node: s, mode });
    let steps = vec![fault(NOW, mode(NodeMode::Standby)), off(secs(3))];
    book.add(A, "standby-mode-owner-power", "O03", "F613", Ok(Script::new(steps)));
    let steps = vec![fault(NOW, Fault::OtherConfig(s, true)), off(secs(15))];
    let repair = vec![Act::Fault(Fault::OtherConfig(s, false))];
    book.add(A, "config-differs-owner-power", "O04", "F614", Ok(Script::new(steps).repaired(repair)));
    let steps = vec![fault(NOW, Fault::OtherConfig(s, true))];
    let repair = vec![Act::Fault(Fault::OtherConfig(s, false))];
    book.add(A, "config-differs", "O04", "F615", Ok(Script::new(steps).repaired(repair)));
    let steps = vec![fault(NOW, Fault::KillAll(s, secs(15))), fault(secs(30), Fault::KillAll(o, secs(15)))];
    book.add(A, "rolling-upgrade", "O08", "F616", Ok(Script::new(steps)));
}
