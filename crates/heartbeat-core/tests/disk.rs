//! Disk paths in the core: what a damaged slot, a hanging disk and a foreign area make of a path's states and causes, and that
//! adverts get through a slot that is only looked at now and then.
mod common;

use std::collections::BTreeMap;

use common::{World, ms, tag, udp};
use core::time::Duration;
use heartbeat_core::disk::{self, AREA, BLOCK, PeerSlot, Place, SlotReader, SlotWriter};
use heartbeat_core::{HeartbeatCore, Input, LinkState, Output, PathConfig};
use hotpair_types::{Incarnation, Medium, NodeId, PairId, PathCause, PathState, Timestamp};

fn disk_path(name: &str) -> PathConfig {
    let interval = ms(500);
    PathConfig {
        medium: Medium::Disk,
        interval,
        max_frame: 512,
        byte_budget: Some(disk::byte_budget(interval)),
        ..udp(name)
    }
}

/// FAULTS D06 D08 T13: damage explains a silent path and nothing else: a path that hears its peer stays green, a silent one turns
/// yellow and red at its times, and a sign of life ends the explanation.
#[test]
fn a_damaged_slot_explains_silence_and_changes_no_state() {
    let mut w = World::new(&[disk_path("d"), udp("a")]);
    w.run(ms(3_000));
    let damage = |w: &mut World| w.input(0, Input::Damaged { path: tag("d"), what: "it is torn".into() });
    damage(&mut w);
    assert_eq!(w.rx(0, "d"), (PathState::Up, PathCause::None));
    w.wire(1, "d").cut = true;
    let mut states = Vec::new();
    for _ in 0..30 {
        w.run(ms(100));
        damage(&mut w);
        let (state, cause) = w.rx(0, "d");
        if state != PathState::Up {
            assert_eq!(cause, PathCause::DamagedSlot("it is torn".into()));
        }
        if states.last() != Some(&state) {
            states.push(state);
        }
    }
    assert_eq!(states, [PathState::Up, PathState::Late, PathState::Down]);
    assert_eq!(w.rx(0, "a").0, PathState::Up);
    w.wire(1, "d").cut = false;
    w.run(ms(3_000));
    assert_eq!(w.rx(0, "d"), (PathState::Up, PathCause::None));
}

/// S27 L8: a hanging disk and a foreign area are causes of both directions; repaired, the path proves itself again.
#[test]
fn a_hanging_disk_and_a_foreign_area_are_named() {
    let mut w = World::new(&[disk_path("d"), udp("a")]);
    w.run(ms(3_000));
    for (state, cause) in [
        (LinkState::Hanging("a read of /dev/sdb".into()), PathCause::Hanging("a read of /dev/sdb".into())),
        (LinkState::ForeignArea("ext4".into()), PathCause::ForeignArea("ext4".into())),
    ] {
        w.link(0, "d", state);
        assert_eq!(w.rx(0, "d"), (PathState::Down, cause.clone()));
        assert_eq!(w.tx(0, "d"), (PathState::Down, cause));
        w.link(0, "d", LinkState::Working);
        w.run(ms(4_000));
        assert_eq!(w.rx(0, "d"), (PathState::Up, PathCause::None));
    }
    assert_eq!(w.rx(0, "a").0, PathState::Up);
    w.input(0, Input::IoTimes { path: tag("d"), write: Some(ms(8)), read: None });
    w.input(0, Input::IoTimes { path: tag("d"), write: Some(ms(16)), read: Some(ms(1)) });
    let stats = &w.nodes[0].core.view(w.clock(0)).paths[0].stats;
    assert_eq!((stats.write_last_us, stats.write_avg_us, stats.write_max_us), (16_000, 9_000, 16_000));
    assert_eq!((stats.read_last_us, stats.read_max_us), (1_000, 1_000));
}

/// Two cores joined by nothing but the area: each writes its slot when it has frames, and reads the area once in a poll period.
struct DiskWorld {
    now: Timestamp,
    area: Vec<u8>,
    nodes: [(HeartbeatCore, SlotWriter, SlotReader); 2],
    writes: BTreeMap<usize, u64>,
}

impl DiskWorld {
    fn new() -> Self {
        let now = Timestamp::from_millis(5_000);
        let path = disk_path("d");
        let place = |node| Place { pair: PairId(*b"thispair"), pair_name: "x".into(), node, path: path.tag() };
        let node = |node: NodeId, run: u64| {
            let core =
                HeartbeatCore::new(common::config(node, std::slice::from_ref(&path)), common::seed(run), now).unwrap();
            (core, SlotWriter::new(place(node), Incarnation(run)), SlotReader::new(place(node)))
        };
        let mut area = vec![0; AREA];
        area[..BLOCK].copy_from_slice(&place(NodeId::FIRST).head());
        Self { now, area, nodes: [node(NodeId::FIRST, 1), node(NodeId::SECOND, 2)], writes: BTreeMap::new() }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now.after(time);
        let mut tick = 0_u64;
        while self.now < end {
            self.now = self.now.after(ms(5));
            tick += 1;
            for node in 0..2 {
                // The two look at different times.
                let look = tick % 25 == u64::try_from(node).unwrap() * 11;
                self.step(node, look);
            }
        }
    }

    fn step(&mut self, node: usize, look: bool) {
        let (core, writer, reader) = &mut self.nodes[node];
        if look && let PeerSlot::Frames(frames) = reader.read(&self.area) {
            for bytes in &frames {
                core.handle_input(Input::Frame { path: tag("d"), bytes }, self.now);
            }
        }
        if core.poll_timeout().is_some_and(|at| at <= self.now) {
            core.handle_timeout(self.now);
        }
        while let Some(output) = core.poll_output() {
            if let Output::Send { bytes, .. } = output {
                assert!(writer.push(&bytes), "a frame was lost before it was written");
            }
        }
        if look && writer.is_due() {
            let at = BLOCK * (1 + node);
            self.area[at..at + BLOCK].copy_from_slice(&writer.take());
            *self.writes.entry(node).or_default() += 1;
        }
    }
}

/// S22: over slots alone, read eight times a second, both directions turn green, adverts of 3 KB arrive within two seconds, and an idle
/// pair writes no more often than it beats.
#[test]
fn slots_alone_carry_heartbeats_and_adverts() {
    let mut w = DiskWorld::new();
    w.run(ms(4_000));
    for (core, ..) in &w.nodes {
        let path = core.view(w.now).paths[0].clone();
        assert_eq!((path.rx.state, path.tx.state), (PathState::Up, PathState::Up), "{path:?}");
        assert_eq!((path.stats.late, path.stats.replayed, path.stats.bad_mac), (0, 0, 0));
    }
    let advert: Vec<u8> = (0..3_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    w.nodes[0].0.handle_input(Input::SetAdvert { bytes: advert.clone() }, w.now);
    w.run(ms(2_000));
    assert_eq!(w.nodes[1].0.view(w.now).advert.unwrap().bytes, advert);
    assert!(w.nodes[0].0.view(w.now).own_advert_confirmed.is_some());
    w.writes.clear();
    w.run(ms(60_000));
    assert!(w.writes.values().all(|writes| (110..=125).contains(writes)), "{:?}", w.writes);
    for (core, ..) in &w.nodes {
        assert_eq!(core.view(w.now).paths[0].stats.late, 0, "looking now and then makes nothing late");
    }
}
