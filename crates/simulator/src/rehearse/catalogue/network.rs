//! Networks, paths, serial lines.

use super::{Act, Area, Book, NEVER, NOW, Played, Script, Words, all_at, fault, secs, step};
use crate::faults::Fault;
use core::time::Duration;
use hotpair_types::Medium;

pub(super) fn add(book: &mut Book<'_>) {
    single_paths(book);
    cuts(book);
    one_way(book);
    service(book);
    quality(book);
    flapping(book);
    serial(book);
}

const A: Area = Area::Network;

fn single_paths(book: &mut Book<'_>) {
    let paths: Vec<(String, Medium)> =
        book.scene.config.paths.iter().map(|p| (p.name.to_string(), p.medium())).collect();
    let cut = |path, cut| Act::Path { path, from: None, cut };
    for (at, (name, medium)) in paths.iter().enumerate() {
        let row = if *medium == Medium::Serial { "R01" } else { "W01" };
        let script = Script::new(vec![step(NOW, cut(at, true))]).repaired(vec![cut(at, false)]);
        book.add_with(A, &format!("path-{name}"), row, "F201", &[("path", name)], Ok(script));
    }
    if paths.len() < 3 {
        let count = paths.len().to_string();
        book.add(A, "paths-pair", "W01", "F203", Err(Words::new("F913", &[("count", &count)])));
        return;
    }
    for first in 0..paths.len() {
        for second in first + 1..paths.len() {
            let script = Script::new(all_at(NOW, vec![cut(first, true), cut(second, true)]))
                .repaired(vec![cut(first, false), cut(second, false)]);
            let (one, two) = (&paths[first].0, &paths[second].0);
            let parameters = [("path", one.as_str()), ("other", two.as_str())];
            book.add_with(A, &format!("paths-{one}+{two}"), "W01", "F202", &parameters, Ok(script));
        }
    }
}

fn cuts(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let script = Script::new(all_at(NOW, book.paths(None, true))).repaired(book.paths(None, false));
    book.add(A, "all-paths", "W28", "F204", Ok(script));
    let lines = !book.lines(true).is_empty();
    let nets = book.networks();
    let networks = nets.clone().and_then(|_| if lines { Ok(()) } else { Err(Words::new("F901", &[])) });
    let script = networks.map(|()| {
        Script::new(all_at(NOW, book.nets(|net| Act::Split { net, on: true })))
            .repaired(book.nets(|net| Act::Split { net, on: false }))
    });
    book.add(A, "networks-cut-line-alive", "W02", "F205", script);
    let script = Script::new(all_at(NOW, book.apart(true))).repaired(book.apart(false));
    book.add(A, "everything-cut", "W03", "F206", Ok(script));
    let mut blink = all_at(NOW, book.apart(true));
    blink.extend(all_at(secs(43), book.apart(false)));
    book.add(A, "everything-cut-43s", "W11", "F207", Ok(Script::new(blink)));
    for (name, id, node) in [("owner-isolated", "F208", o), ("standby-isolated", "F209", s)] {
        let script =
            nets.clone().map(|_| Script::new(all_at(NOW, book.ports(node, true))).repaired(book.ports(node, false)));
        book.add(A, name, "W04", id, script);
    }
    for (name, id, node) in [("owner-ports-quiet", "F214", o), ("standby-ports-quiet", "F215", s)] {
        let quiet = |on| [book.nets(|net| Act::Quiet { net, node, on }), book.lines(on)].concat();
        let script = nets.clone().map(|_| Script::new(all_at(NOW, quiet(true))).repaired(quiet(false)));
        book.add(A, name, "W19", id, script);
    }
    let script = nets.clone().map(|_| {
        let mut steps = all_at(NOW, book.ports(s, true));
        steps.push(fault(secs(5), Fault::PowerLoss(o, NEVER)));
        Script::new(steps).repaired(book.ports(s, false))
    });
    book.add(A, "standby-isolated-owner-power", "W04", "F210", script);
    let script = nets.clone().map(|_| {
        Script::new(all_at(NOW, book.nets(|net| Act::Dead { net, on: true })))
            .repaired(book.nets(|net| Act::Dead { net, on: false }))
    });
    book.add(A, "switches-dead", "W20", "F211", script);
    let mute = |on| [book.nets(|net| Act::Mute { net, on }), book.lines(on)].concat();
    let script = nets.map(|_| {
        let mut steps = all_at(NOW, mute(true));
        steps.extend(all_at(secs(90), mute(false)));
        Script::new(steps)
    });
    book.add(A, "switches-freeze-90s", "W20", "F212", script);
    let probes = |on| vec![fault(NOW, Fault::ProbesBlocked(s, on))];
    let mut steps = probes(true);
    steps.push(fault(secs(2), Fault::PowerLoss(o, NEVER)));
    let repair = vec![Act::Fault(Fault::ProbesBlocked(s, false))];
    book.add(A, "probes-blocked-owner-power", "W28", "F213", Ok(Script::new(steps).repaired(repair)));
}

fn one_way(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    for (name, id, from) in [("one-way-owner-deaf", "F220", s), ("one-way-standby-deaf", "F221", o)] {
        let script = Script::new(all_at(NOW, book.paths(Some(from), true))).repaired(book.paths(Some(from), false));
        book.add(A, name, "W06", id, Ok(script));
    }
    let opposite = |cut| vec![Act::Path { path: 0, from: Some(o), cut }, Act::Path { path: 1, from: Some(s), cut }];
    let count = book.scene.config.paths.len();
    let script: Played = if count < 2 {
        Err(Words::new("F902", &[]))
    } else {
        let rest = |cut| (2..count).map(move |path| Act::Path { path, from: None, cut });
        let acts = |cut| opposite(cut).into_iter().chain(rest(cut)).collect();
        Ok(Script::new(all_at(NOW, acts(true))).repaired(acts(false)))
    };
    book.add(A, "one-way-opposite", "W07", "F222", script);
}

fn service(book: &mut Book<'_>) {
    let (o, s) = (book.owner(), book.standby());
    let net = book.service_net();
    let port = |net, node, lost| Act::Port { net, node, lost };
    for (name, id, node) in [("service-nic-owner", "F230", o), ("service-nic-standby", "F231", s)] {
        let script = net
            .clone()
            .map(|net| Script::new(vec![step(NOW, port(net, node, true))]).repaired(vec![port(net, node, false)]));
        book.add(A, name, "W25", id, script);
    }
    let both = |net, lost| vec![port(net, o, lost), port(net, s, lost)];
    let script = net.clone().map(|net| Script::new(all_at(NOW, both(net, true))).repaired(both(net, false)));
    book.add(A, "service-net-both", "W26", "F232", script);
    let script = net.map(|net| {
        Script::new(vec![step(NOW, Act::Mute { net, on: true })]).repaired(vec![Act::Mute { net, on: false }])
    });
    book.add(A, "service-switch-freeze", "W19", "F233", script);
}

fn bad(book: &Book<'_>, loss: u64, duplicate: u64, jitter: Duration) -> Vec<Act> {
    let paths = 0..book.scene.config.paths.len();
    paths.map(|path| Act::Fault(Fault::Bad { path, loss, duplicate, jitter })).collect()
}

fn quality(book: &mut Book<'_>) {
    let good = Duration::from_micros(300);
    let for_a_minute = |book: &Book<'_>, loss, duplicate, jitter| {
        let mut steps = all_at(NOW, bad(book, loss, duplicate, jitter));
        steps.extend(all_at(secs(60), bad(book, 0, 0, good)));
        Ok(Script::new(steps))
    };
    for (name, loss) in [("loss-5", 5_u64), ("loss-20", 20), ("loss-50", 50)] {
        let script = for_a_minute(book, loss, 0, good);
        book.add_with(A, name, "W10", "F240", &[("percent", &loss.to_string())], script);
    }
    for (name, ms) in [("delay-100ms", 100_u64), ("delay-2s", 2_000)] {
        let script = for_a_minute(book, 0, 0, Duration::from_millis(ms));
        book.add_with(A, name, "W12", "F241", &[("time", &ms.to_string())], script);
    }
    let script = for_a_minute(book, 0, 50, good);
    book.add(A, "duplicates", "W13", "F242", script);
    let fastest = book.scene.config.paths.iter().map(|p| p.interval).min().unwrap_or_default();
    let script = for_a_minute(book, 0, 0, fastest * 2);
    book.add(A, "reordering", "W14", "F243", script);
    let slowest = book.scene.config.paths.iter().map(|p| p.interval).max().unwrap_or_default();
    let window = book.scene.config.safety_check.window;
    let below = book.detection().saturating_sub(slowest * 3 / 2);
    let above = book.detection() + slowest * 2 + window * 2;
    for (name, id, time) in [("burst-below-detection", "F244", below), ("burst-above-detection", "F245", above)] {
        let mut steps = all_at(NOW, book.apart(true));
        steps.extend(all_at(time, book.apart(false)));
        let text = time.as_millis().to_string();
        book.add_with(A, name, "W11", id, &[("time", &text)], Ok(Script::new(steps)));
    }
}

fn flapping(book: &mut Book<'_>) {
    let first = book.scene.config.paths.first().map(|p| p.name.to_string()).unwrap_or_default();
    let mut steps = Vec::new();
    for n in 0..10 {
        steps.push(step(secs(2 * n), Act::Path { path: 0, from: None, cut: true }));
        steps.push(step(secs(2 * n + 1), Act::Path { path: 0, from: None, cut: false }));
    }
    book.add_with(A, "path-flaps", "W09", "F250", &[("path", &first)], Ok(Script::new(steps)));
    let mut steps = Vec::new();
    for n in 0..10 {
        steps.extend(all_at(secs(2 * n), book.paths(None, true)));
        steps.extend(all_at(secs(2 * n + 1), book.paths(None, false)));
    }
    book.add(A, "all-paths-flap", "W09", "F251", Ok(Script::new(steps)));
    let off = book.detection() * 2 + secs(2);
    let period = off + book.detection() * 2 + secs(8);
    let mut steps = Vec::new();
    for n in 0..4 {
        steps.extend(all_at(period * n, book.apart(true)));
        steps.extend(all_at(period * n + off, book.apart(false)));
    }
    book.add(A, "everything-flaps", "W09", "F252", Ok(Script::new(steps)));
}

fn serial(book: &mut Book<'_>) {
    let lines = book.scene.paths_of(Medium::Serial);
    let line = lines.first().copied().ok_or_else(|| Words::new("F901", &[]));
    let o = book.owner();
    let name = line.as_ref().ok().and_then(|at| book.scene.config.paths.get(*at)).map(|p| p.name.to_string());
    let name = name.unwrap_or_default();
    let parameters = [("path", name.as_str())];
    let cut = |path, from, cut| Act::Path { path, from, cut };
    let played = line
        .clone()
        .map(|l| Script::new(vec![step(NOW, cut(l, Some(o), true))]).repaired(vec![cut(l, Some(o), false)]));
    book.add_with(A, "serial-one-way", "R02", "F261", &parameters, played);
    let noise = |path, loss| Act::Fault(Fault::Bad { path, loss, duplicate: 0, jitter: Duration::from_micros(300) });
    let played = line.clone().map(|l| Script::new(vec![step(NOW, noise(l, 60)), step(secs(60), noise(l, 0))]));
    book.add_with(A, "serial-noise", "R05", "F262", &parameters, played);
    let nets = book.nets(|net| Act::Split { net, on: true });
    let whole = book.nets(|net| Act::Split { net, on: false });
    let played = line.map(|l| {
        let mut steps = vec![step(NOW, noise(l, 60))];
        steps.extend(all_at(secs(3), nets));
        Script::new(steps).repaired(whole.into_iter().chain([noise(l, 0)]).collect())
    });
    book.add_with(A, "serial-noise-networks-cut", "R05", "F263", &parameters, played);
}
