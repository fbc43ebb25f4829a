//! Machines and daemons.

use super::{Act, Area, Book, NEVER, NOW, Script, fault, secs};
use crate::faults::Fault;
use crate::node::Daemon;
use crate::rare::Rare;
use arbiter_core::io::Order;
use core::time::Duration;
use hotpair_types::{NodeId, NodeMode};

/// systemd starts a dead daemon again after so long (`RestartSec` of the units, rounded up).
const RESTART: Duration = Duration::from_millis(500);
/// From panic or reset to the daemons' start.
const REBOOT: Duration = Duration::from_secs(40);

pub(super) fn add(book: &mut Book<'_>) {
    power(book);
    boots(book);
    machines(book);
    daemons(book);
}

fn power(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let off = |node, away| vec![fault(NOW, Fault::PowerLoss(node, away))];
    let a = Area::Node;
    book.add(a, "owner-power", "N01", "F101", Ok(Script::new(off(o, NEVER))));
    book.add(a, "owner-power-returns", "N01", "F102", Ok(Script::new(off(o, REBOOT))));
    book.add(a, "standby-power", "N02", "F103", Ok(Script::new(off(s, NEVER))));
    book.add(a, "standby-power-returns", "N02", "F104", Ok(Script::new(off(s, REBOOT))));
    let both = |owner, standby| [off(o, owner), off(s, standby)].concat();
    book.add(a, "both-power-owner-returns", "N03", "F105", Ok(Script::new(both(secs(30), NEVER))));
    book.add(a, "both-power-standby-returns", "N03", "F106", Ok(Script::new(both(NEVER, secs(30)))));
    let vouched = [both(NEVER, secs(30)), vec![fault(secs(90), Fault::Vouch(s))]].concat();
    book.add(a, "both-power-standby-vouched", "N03", "F107", Ok(Script::new(vouched)));
    let handover = [off(s, NEVER), vec![fault(secs(20), Fault::PowerLoss(o, NEVER)), fault(secs(25), Fault::Boot(s))]];
    book.add(a, "stale-standby-alone", "N03", "F108", Ok(Script::new(handover.concat())));
    book.add(a, "owner-panic", "N05", "F109", Ok(Script::new(off(o, REBOOT))));
    let reboot = vec![
        fault(NOW, Fault::Order(o, Order::NodeMode { node: o, mode: NodeMode::Standby })),
        fault(secs(30), Fault::PowerLoss(o, REBOOT)),
        fault(secs(30) + REBOOT + secs(15), Fault::Order(o, Order::NodeMode { node: o, mode: NodeMode::Online })),
    ];
    book.add(a, "owner-reboot-planned", "N12", "F110", Ok(Script::new(reboot)));
}

fn boots(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let both = |owner: u64, standby: u64| {
        Ok(Script::new(vec![
            fault(NOW, Fault::PowerLoss(o, secs(owner))),
            fault(NOW, Fault::PowerLoss(s, secs(standby))),
        ]))
    };
    let a = Area::Node;
    book.add(a, "both-boot-together", "N04", "F111", both(30, 30));
    book.add(a, "boot-owner-first-5s", "N04", "F112", both(30, 35));
    book.add(a, "boot-standby-first-5s", "N04", "F113", both(35, 30));
    book.add(a, "boot-owner-first-60s", "N04", "F114", both(30, 90));
    book.add(a, "boot-standby-first-60s", "N04", "F115", both(90, 30));
    let apart = [
        vec![fault(NOW, Fault::PowerLoss(o, secs(30))), fault(NOW, Fault::PowerLoss(s, secs(30)))],
        super::all_at(NOW, book.apart(true)),
    ];
    let repair = book.apart(false);
    book.add(a, "both-boot-apart", "N04", "F116", Ok(Script::new(apart.concat()).watched(secs(30)).repaired(repair)));
}

fn machines(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let pause = |node: NodeId, time: Duration| Ok(Script::new(vec![fault(NOW, Fault::Pause(node, time))]));
    let a = Area::Node;
    book.add(a, "owner-hang", "N06", "F120", pause(o, NEVER));
    book.add(a, "standby-hang", "N06", "F121", pause(s, NEVER));
    for (name, id, node, time) in [
        ("owner-pause-5s", "F122", o, 5),
        ("owner-pause-30s", "F122", o, 30),
        ("owner-pause-60s", "F122", o, 60),
        ("standby-pause-30s", "F123", s, 30),
    ] {
        let text = time.to_string();
        book.add_with(a, name, "N07", id, &[("time", &text)], pause(node, secs(time)));
    }
    let stopped = Script::new(vec![fault(NOW, Fault::Rare(Rare::ClockStops(o, secs(30))))]).watched(secs(30));
    book.add_with(a, "owner-pause-30s-clocks-too", "N07", "F126", &[("time", "30")], Ok(stopped));
    let drift = Script::new(vec![fault(NOW, Fault::Rare(Rare::Drift(o, 1_000)))])
        .watched(secs(60))
        .repaired(vec![Act::Fault(Fault::Rare(Rare::Drift(o, 0)))]);
    book.add(a, "clock-drift", "C04", "F127", Ok(drift));
    let short = book.detection() * 4 / 5;
    let stalls = (0..6).map(|n| fault(book.detection() * (2 * n), Fault::FreezeAll(o, short))).collect();
    book.add(a, "owner-stalls", "N08", "F124", Ok(Script::new(stalls)));
    let stalls = (0..6).map(|n| fault(book.detection() * (2 * n), Fault::FreezeAll(s, short))).collect();
    book.add(a, "standby-stalls", "N08", "F125", Ok(Script::new(stalls)));
}

fn daemons(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let a = Area::Node;
    let freeze = book.detection() * 4 + secs(5);
    for (daemon, word) in [(Daemon::Hbd, "hbd"), (Daemon::Arbiterd, "arbiterd"), (Daemon::Resd, "resd")] {
        for (node, role, kill_id, freeze_id) in [(o, "owner", "F130", "F131"), (s, "standby", "F132", "F133")] {
            let kill = Script::new(vec![fault(NOW, Fault::Kill(node, daemon, RESTART))]);
            let parameters = [("daemon", word)];
            book.add_with(a, &format!("{role}-kill-{word}"), "N15", kill_id, &parameters, Ok(kill));
            let freeze = Script::new(vec![fault(NOW, Fault::Freeze(node, daemon, freeze))]);
            book.add_with(a, &format!("{role}-freeze-{word}"), "N16", freeze_id, &parameters, Ok(freeze));
        }
    }
    let away = Script::new(vec![fault(NOW, Fault::KillAll(o, secs(30)))]);
    book.add(a, "owner-kill-all", "N15", "F134", Ok(away));
    for (name, id, node) in [("owner-freeze-all", "F135", o), ("standby-freeze-all", "F136", s)] {
        book.add(a, name, "N16", id, Ok(Script::new(vec![fault(NOW, Fault::FreezeAll(node, freeze))])));
    }
    let loops = (0..10).map(|n| fault(secs(2 * n), Fault::Kill(o, Daemon::Arbiterd, RESTART))).collect();
    book.add(a, "owner-arbiterd-crash-loop", "N17", "F137", Ok(Script::new(loops)));
    let off = fault(secs(2), Fault::PowerLoss(o, NEVER));
    let blind = Script::new(vec![fault(NOW, Fault::Kill(s, Daemon::Hbd, secs(20))), off.clone()]);
    book.add(a, "standby-hbd-away-owner-power", "N15", "F138", Ok(blind.watched(secs(20))));
    let late = Script::new(vec![fault(NOW, Fault::Kill(s, Daemon::Resd, secs(20))), off]);
    book.add(a, "standby-resd-away-owner-power", "N15", "F139", Ok(late.watched(secs(20))));
}
