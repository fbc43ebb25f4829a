//! The judgement of paths and directions: late, down, up, one-way failures, own ports, stalls.
mod common;

use common::{World, ms, serial, tag, udp};
use heartbeat_core::{Input, LinkState};
use hotpair_types::{PathCause, PathState};

fn up() -> (PathState, PathCause) {
    (PathState::Up, PathCause::None)
}

/// S1: with both nodes up, both directions of every path are green on both sides within a round trip or two.
#[test]
fn a_pair_is_green_after_a_round_trip() {
    let mut w = World::new(&[udp("a"), udp("b"), serial("s")]);
    w.run(ms(1));
    assert_eq!((w.rx(0, "a"), w.rx(1, "a")), (up(), up()));
    w.run(ms(500));
    for node in 0..2 {
        for path in ["a", "b", "s"] {
            assert_eq!((w.rx(node, path), w.tx(node, path)), (up(), up()), "node {node} path {path}");
        }
        let stats = w.path_view(node, "a").stats;
        assert_eq!((stats.rtt_last_us, stats.missed, stats.stale, stats.replayed), (200, 0, 0, 0));
        assert_eq!(w.nodes[node].view.stalls, 0);
    }
}

/// An idle pair tells a view a second, and nothing is sent beyond the beats.
#[test]
fn an_idle_pair_costs_its_beats_only() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(2_000));
    let (views, sent) = (w.nodes[0].views, w.sent.len());
    w.run(ms(10_000));
    assert!(w.nodes[0].views - views <= 10, "{} views", w.nodes[0].views - views);
    assert_eq!(w.sent.len() - sent, 400);
}

/// S2, S20: late half an interval after a beat was due, down after `lost` intervals, not a moment earlier.
#[test]
fn late_and_down_come_exactly_when_they_should() {
    let mut w = World::new(&[udp("a")]);
    w.run(ms(1_000));
    let last = w.nodes[0].core.poll_timeout().unwrap();
    w.nodes[1].alive = false;
    // The last beat of the peer has arrived at most an interval ago; find out when.
    while w.rx(0, "a").0 == PathState::Up {
        w.run(core::time::Duration::from_micros(10));
    }
    let late = w.now;
    assert!(last <= w.clock(0));
    assert_eq!(w.rx(0, "a"), (PathState::Late, PathCause::Missed(1)));
    w.run(ms(349));
    assert_eq!(
        w.rx(0, "a"),
        (PathState::Late, PathCause::Missed(4)),
        "349 ms after late is 499 ms after the last beat"
    );
    assert_eq!(w.tx(0, "a"), up(), "as last reported: a late path still counts as heard");
    w.run(ms(1));
    assert_eq!(w.rx(0, "a"), (PathState::Down, PathCause::Missed(5)), "150 + 350 ms after the last beat");
    assert_eq!(w.now.since(late), ms(350));
    assert_eq!(w.tx(0, "a"), (PathState::Unknown, PathCause::NoReport));
    let stats = w.path_view(0, "a").stats;
    assert_eq!((stats.late, stats.down, stats.missed), (1, 1, 5));
    assert!(w.nodes[0].view.all_paths_down() && !w.nodes[0].view.any_path_alive());
}

/// S20: a path that was red is green only after `good` beats in a row; one missing among them starts the count anew.
#[test]
fn a_red_path_needs_good_beats_in_a_row() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    w.cut("a", true);
    w.run(ms(1_000));
    assert_eq!(w.rx(0, "a"), (PathState::Down, PathCause::Missed(5)));
    assert_eq!(w.tx(0, "a"), (PathState::Down, PathCause::PeerDoesNotHear));
    assert_eq!(w.rx(0, "b"), up());
    assert!(w.nodes[0].view.any_path_alive(), "S22: a heartbeat on any other path means the path failed");
    w.cut("a", false);
    w.run(ms(250));
    assert_eq!(w.rx(0, "a").0, PathState::Down, "two beats are not three");
    w.cut("a", true);
    w.run(ms(100));
    w.cut("a", false);
    w.run(ms(250));
    assert_eq!(w.rx(0, "a").0, PathState::Down, "the missing one starts the count anew");
    w.run(ms(100));
    assert_eq!(w.rx(0, "a"), up());
    w.run(ms(100));
    assert_eq!(w.tx(1, "a"), up(), "the next beat says so");
}

/// Chunks and answers between the beats prove life but do not make a flapping path green in a moment.
#[test]
fn a_burst_of_frames_is_one_arrival_towards_good() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    w.cut("a", true);
    w.run(ms(1_000));
    w.cut("a", false);
    for n in 0..20_u8 {
        w.input(1, Input::SetAdvert { bytes: vec![n; 3_000] });
        w.run(ms(2));
    }
    assert_eq!(w.rx(0, "a").0, PathState::Down);
}

/// FAULTS W06: all paths dead in one direction. B hears nothing and says so; A hears B saying it.
#[test]
fn one_way_loss_is_seen_by_both_as_what_it_is() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    w.wire(0, "a").cut = true;
    w.wire(0, "b").cut = true;
    w.run(ms(60_000));
    for path in ["a", "b"] {
        assert_eq!(w.rx(1, path), (PathState::Down, PathCause::Missed(5)));
        assert_eq!(w.tx(1, path), (PathState::Unknown, PathCause::NoReport));
        assert_eq!(w.rx(0, path), up(), "B is alive for A, after a minute too");
        assert_eq!(w.tx(0, path), (PathState::Down, PathCause::PeerDoesNotHear));
    }
    assert_eq!(w.path_view(0, "a").stats.stale, 0);
}

/// FAULTS W07, L3: opposite one-way losses on two paths. The union of the halves keeps both informed and fresh.
#[test]
fn opposite_one_way_losses_leave_both_sides_informed() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    w.wire(0, "a").cut = true;
    w.wire(1, "b").cut = true;
    w.run(ms(30_000));
    assert_eq!((w.rx(0, "a"), w.tx(0, "a")), (up(), (PathState::Down, PathCause::PeerDoesNotHear)));
    assert_eq!((w.rx(1, "b"), w.tx(1, "b")), (up(), (PathState::Down, PathCause::PeerDoesNotHear)));
    assert_eq!((w.rx(1, "a").0, w.tx(1, "a")), (PathState::Down, up()), "A says over b that it hears a");
    assert_eq!((w.rx(0, "b").0, w.tx(0, "b")), (PathState::Down, up()));
    // And an advert still gets through both ways, each over the half that is left.
    w.input(0, Input::SetAdvert { bytes: b"from the first".to_vec() });
    w.input(1, Input::SetAdvert { bytes: b"from the second".to_vec() });
    w.run(ms(1));
    assert_eq!(w.nodes[1].view.advert.as_ref().unwrap().bytes, b"from the first");
    assert_eq!(w.nodes[0].view.advert.as_ref().unwrap().bytes, b"from the second");
    w.run(ms(1));
    assert!(w.nodes[0].view.own_advert_confirmed.is_some() && w.nodes[1].view.own_advert_confirmed.is_some());
}

/// A path that never worked is red after its detection time, with that as the cause.
#[test]
fn a_path_never_heard_says_so() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.cut("b", true);
    w.run(ms(499));
    assert_eq!(w.rx(0, "b"), (PathState::Unknown, PathCause::None));
    w.run(ms(1));
    assert_eq!(w.rx(0, "b"), (PathState::Down, PathCause::NeverHeard));
    assert_eq!(w.rx(0, "a"), up());
}

/// A dead own port is red at once, in both directions, with its cause; nothing is sent into it; repaired, it proves itself.
#[test]
fn a_dead_own_port_is_red_at_once() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    w.link(0, "a", LinkState::NoCarrier);
    assert_eq!(
        (w.rx(0, "a"), w.tx(0, "a")),
        ((PathState::Down, PathCause::NoCarrier), (PathState::Down, PathCause::NoCarrier))
    );
    let sent = w.sent.iter().filter(|(_, node, path, _)| (*node, *path) == (0, tag("a"))).count();
    w.run(ms(1_000));
    assert_eq!(w.sent.iter().filter(|(_, node, path, _)| (*node, *path) == (0, tag("a"))).count(), sent);
    w.link(0, "a", LinkState::DeviceMissing("no interface eth9".into()));
    assert_eq!(w.rx(0, "a").1, PathCause::DeviceMissing("no interface eth9".into()));
    w.link(0, "a", LinkState::Working);
    w.run(ms(150));
    assert_eq!(w.rx(0, "a").0, PathState::Down);
    w.run(ms(300));
    assert_eq!((w.rx(0, "a"), w.tx(0, "a"), w.rx(0, "b")), (up(), up(), up()));
}

/// S27: the causes of a silent serial line.
#[test]
fn serial_causes_are_told_apart() {
    let mut w = World::new(&[udp("a"), serial("s")]);
    let lines = |w: &mut World, partner| w.input(0, Input::ModemLines { path: tag("s"), partner });
    lines(&mut w, Some(true));
    w.run(ms(2_000));
    w.cut("s", true);
    w.run(ms(2_000));
    assert_eq!(w.rx(0, "s"), (PathState::Down, PathCause::PartnerSilent), "cable and partner's port are there");
    lines(&mut w, Some(false));
    assert_eq!(w.rx(0, "s").1, PathCause::NoCarrier, "cable pulled, or the partner is off");
    w.link(0, "s", LinkState::IoError("Input/output error (os error 5)".into()));
    assert_eq!(w.rx(0, "s").1, PathCause::IoError("Input/output error (os error 5)".into()), "own port failed");
    // On the other node no modem lines are known; its peer lives on the other path.
    assert_eq!(w.rx(1, "s"), (PathState::Down, PathCause::Missed(5)));
    assert!(w.nodes[1].view.any_path_alive());
}

/// A three-wire cable never shows a partner: that proves nothing.
#[test]
fn modem_lines_that_never_showed_a_partner_prove_nothing() {
    let mut w = World::new(&[serial("s")]);
    w.input(0, Input::ModemLines { path: tag("s"), partner: Some(false) });
    w.run(ms(1_000));
    assert_eq!(w.rx(0, "s"), up());
    w.cut("s", true);
    w.run(ms(2_000));
    assert_eq!(w.rx(0, "s").1, PathCause::Missed(5));
}

/// Send errors are counted and shown; two beats in a row make the transmit direction red.
#[test]
fn send_failures_show_on_the_transmit_direction() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    for beat in 0..3 {
        w.input(0, Input::SendFailed { path: tag("a"), text: "Operation not permitted".into() });
        w.run(ms(100));
        let red = w.tx(0, "a") == (PathState::Down, PathCause::IoError("Operation not permitted".into()));
        assert_eq!(red, beat >= 1, "beat {beat}: {:?}", w.tx(0, "a"));
    }
    w.run(ms(1_000));
    assert_eq!(w.path_view(0, "a").stats.send_failures, 3);
    assert_eq!(w.tx(0, "a"), up());
}

/// DESIGN.md section 2, FAULTS N16: a node that did not run for 20 s does not find its peer dead, and says that it stalled.
#[test]
fn an_own_stall_is_not_held_against_the_peer() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    w.nodes[0].stopped_until = Some(w.now.after(ms(20_000)));
    w.run(ms(19_990));
    assert_eq!(w.rx(1, "a").0, PathState::Down, "the other one rightly misses it");
    w.run(ms(20));
    let down = w.path_view(0, "a").stats.down;
    let stall = w.nodes[0].view.last_stall.unwrap();
    assert!(stall.gap >= ms(19_800) && stall.gap <= ms(20_010), "{:?}", stall.gap);
    w.run(ms(1_000));
    assert_eq!((w.rx(0, "a"), w.rx(1, "a")), (up(), up()));
    assert_eq!((down, w.path_view(0, "a").stats.down), (0, 0));
    assert_eq!(w.nodes[0].view.stalls, 1);
    assert_eq!(w.nodes[1].view.stalls, 0);
}

/// Also when the peer died during the stall: it is found dead a detection time later, not at once, and not never.
#[test]
fn a_peer_that_died_during_a_stall_is_found_afterwards() {
    let mut w = World::new(&[udp("a")]);
    w.run(ms(1_000));
    w.nodes[0].stopped_until = Some(w.now.after(ms(5_000)));
    w.run(ms(10));
    w.nodes[1].alive = false;
    w.run(ms(5_400));
    assert!(w.nodes[0].view.any_path_alive());
    w.run(ms(200));
    assert!(w.nodes[0].view.all_paths_down());
}

/// FAULTS N08: a node that stalls briefly again and again still finds a dead peer dead: only its own lost time is forgiven.
#[test]
fn repeated_short_stalls_do_not_hide_a_dead_peer() {
    let mut w = World::new(&[udp("a")]);
    w.run(ms(1_000));
    w.nodes[1].alive = false;
    for _ in 0..60 {
        let wake =
            w.nodes[0].core.poll_timeout().unwrap().before(core::time::Duration::from_nanos(w.nodes[0].clock_offset));
        w.nodes[0].stopped_until = Some(wake.after(ms(60)));
        w.run(ms(100));
    }
    assert!(w.nodes[0].view.all_paths_down());
    assert!(w.nodes[0].view.stalls >= 5);
}

/// FAULTS N07: a machine paused together with its clock sees no gap of its own; the peer's clock tells.
#[test]
fn a_pause_of_the_whole_machine_is_a_stall() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    let pause = ms(5_000);
    w.nodes[0].stopped_until = Some(w.now.after(pause));
    let frozen = w.nodes[0].clock_offset;
    w.run(ms(4_999));
    // On resume the clock goes on where it stood.
    w.nodes[0].clock_offset = frozen - u64::try_from(pause.as_nanos()).unwrap();
    w.run(ms(300));
    assert!(w.nodes[0].view.stalls >= 1, "{:?}", w.nodes[0].view.last_stall);
    assert!(w.nodes[0].view.last_stall.unwrap().gap >= ms(4_000));
    w.run(ms(2_000));
    assert_eq!((w.rx(0, "a"), w.rx(1, "a")), (up(), up()));
}

/// Frames that the network held up and releases all at once look like a pause of mine, but are none.
#[test]
fn frames_released_at_once_are_no_stall() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.run(ms(1_000));
    for held_up in (0..400).step_by(100) {
        w.wire(1, "a").delay = ms(400 - held_up);
        w.run(ms(100));
    }
    w.wire(1, "a").delay = ms(0);
    w.run(ms(2_000));
    assert_eq!((w.nodes[0].view.stalls, w.rx(0, "a")), (0, up()));
}

/// A port that appears after the start (a serial port that takes a moment to open, an IPv6 address being checked) is
/// green with the first sign of life.
#[test]
fn a_port_that_appears_late_starts_like_any_other() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.link(0, "b", LinkState::DeviceMissing("address fd00::1 is not on interface b".into()));
    w.link(1, "b", LinkState::DeviceMissing("address fd00::2 is not on interface b".into()));
    w.run(ms(1_050));
    assert_eq!(w.rx(0, "b").0, PathState::Down);
    w.link(0, "b", LinkState::Working);
    w.link(1, "b", LinkState::Working);
    assert_eq!(w.rx(0, "b"), (PathState::Unknown, PathCause::None));
    w.run(ms(1));
    assert_eq!((w.rx(0, "b"), w.rx(1, "b")), (up(), up()));
}

/// FAULTS W10, 1.5: 20 % random loss on two paths, ten minutes: never both paths down (L2).
#[test]
fn random_loss_on_two_paths_is_no_failure() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    for sender in 0..2 {
        w.wire(sender, "a").loss = 20;
        w.wire(sender, "b").loss = 20;
    }
    w.run(ms(1_000));
    for _ in 0..6_000 {
        w.run(ms(100));
        assert!(w.nodes.iter().all(|n| n.view.any_path_alive()));
    }
    assert!(w.path_view(0, "a").stats.missed > 500);
}
