//! The state disk, volumes, and the shared disk as a path.

use super::{Act, Area, Book, NEVER, NOW, Script, Step, Words, all_at, fault, secs, step};
use crate::faults::Fault;
use crate::rare::Rare;
use core::time::Duration;
use hotpair_types::{Medium, NodeId};

const A: Area = Area::Disk;

pub(super) fn add(book: &mut Book<'_>) {
    state(book);
    volumes(book);
    path(book);
}

fn owner_off(at: Duration, owner: NodeId) -> Step {
    fault(at, Fault::PowerLoss(owner, NEVER))
}

fn state(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let full = |node, on| Fault::DiskFails(node, on);
    for (name, id, node) in [("state-full-owner", "F301", o), ("state-full-standby", "F302", s)] {
        let script = Script::new(vec![fault(NOW, full(node, true))]).repaired(vec![Act::Fault(full(node, false))]);
        book.add(A, name, "D10", id, Ok(script));
    }
    let script =
        Script::new(vec![fault(NOW, full(s, true)), owner_off(secs(2), o)]).repaired(vec![Act::Fault(full(s, false))]);
    book.add(A, "state-full-standby-owner-power", "D10", "F303", Ok(script));
    let slow = |node, by| Fault::DiskSlow(node, by);
    let script = Script::new(vec![fault(NOW, slow(s, secs(2))), owner_off(secs(5), o)])
        .repaired(vec![Act::Fault(slow(s, Duration::ZERO))]);
    book.add(A, "state-slow-standby-owner-power", "D03", "F304", Ok(script));
    for (name, id, node) in [("state-lost-owner", "F305", o), ("state-lost-standby", "F306", s)] {
        book.add(A, name, "D09", id, Ok(Script::new(vec![fault(NOW, Fault::StateLost(node))])));
    }
    let script = Script::new(vec![fault(NOW, Fault::Rare(Rare::StaleState(s))), owner_off(secs(15), o)]);
    book.add(A, "state-old-standby-owner-power", "O10", "F308", Ok(script));
    let script = Script::new(vec![fault(NOW, Fault::StateLost(s)), owner_off(secs(15), o)]);
    book.add(A, "state-lost-standby-owner-power", "O10", "F307", Ok(script));
}

fn volumes(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let volume = book.volume();
    let name = volume.as_ref().map(|at| book.resource_name(*at)).unwrap_or_default();
    let parameters = [("resource", name.as_str())];
    let missing = |at, on| Fault::Lacking(s, at, on);
    let played = volume
        .clone()
        .map(|at| Script::new(vec![fault(NOW, missing(at, true))]).repaired(vec![Act::Fault(missing(at, false))]));
    book.add_with(A, "volume-missing-standby", "D01", "F310", &parameters, played);
    let played = volume.clone().map(|at| {
        Script::new(vec![fault(NOW, missing(at, true)), owner_off(secs(20), o)])
            .watched(secs(20))
            .repaired(vec![Act::Fault(missing(at, false))])
    });
    book.add_with(A, "volume-missing-standby-owner-power", "D01", "F311", &parameters, played);
    let played = volume.map(|at| {
        Script::new(vec![fault(NOW, Fault::Broken(o, at, true))])
            .watched(secs(30))
            .repaired(vec![Act::Fault(Fault::Broken(o, at, false))])
    });
    book.add_with(A, "volume-fails-owner", "D13", "F312", &parameters, played);
}

fn path(book: &mut Book<'_>) {
    let disks = book.scene.paths_of(Medium::Disk);
    let disk = disks.first().copied().ok_or_else(|| Words::new("F903", &[]));
    let name = disk.as_ref().ok().and_then(|at| book.scene.config.paths.get(*at)).map(|p| p.name.to_string());
    let name = name.unwrap_or_default();
    let parameters = [("path", name.as_str())];
    let s = book.standby();
    let cut = |path, from, cut| Act::Path { path, from, cut };
    let played = disk
        .clone()
        .map(|at| Script::new(vec![step(NOW, cut(at, Some(s), true))]).repaired(vec![cut(at, Some(s), false)]));
    book.add_with(A, "disk-path-standby", "D01", "F320", &parameters, played);
    let played =
        disk.clone().map(|at| Script::new(vec![step(NOW, cut(at, None, true))]).repaired(vec![cut(at, None, false)]));
    book.add_with(A, "disk-path-both", "D02", "F321", &parameters, played);
    let nets = book.nets(|net| Act::Split { net, on: true });
    let whole = book.nets(|net| Act::Split { net, on: false });
    let played = disk.map(|_| Script::new(all_at(NOW, nets)).repaired(whole));
    book.add_with(A, "networks-cut-disk-alive", "D02", "F322", &parameters, played);
}
