//! Adverts: every size, over every kind of path, under loss and reordering, as fast as the path bears.
mod common;

use common::{World, ms, serial, tag, udp};
use heartbeat_core::{Authenticator, Frame, HeartbeatConfig, Input, PathConfig, decode};

fn bytes(len: usize, salt: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from((i * 31 + i / 251 + salt) % 256).unwrap()).collect()
}

fn held(w: &World, node: usize) -> &[u8] {
    w.nodes[node].view.advert.as_ref().map_or(&[], |a| a.bytes.as_slice())
}

/// An advert of usual size is whole on the other side after one transit, confirmed after one round trip.
#[test]
fn over_udp_it_takes_one_transit() {
    let mut w = World::new(&[udp("a"), udp("b"), serial("s")]);
    w.run(ms(1_033));
    let advert = bytes(1_500, 0);
    w.input(0, Input::SetAdvert { bytes: advert.clone() });
    w.run(core::time::Duration::from_micros(100));
    assert_eq!(held(&w, 1), advert);
    assert!(w.nodes[0].view.own_advert_confirmed.is_none());
    w.run(core::time::Duration::from_micros(100));
    assert_eq!(w.nodes[0].view.own_advert_confirmed, Some(w.nodes[1].view.advert.as_ref().unwrap().digest));
    // Then it costs nothing any more.
    let sent = w.sent.len();
    w.run(ms(1_000));
    assert_eq!(w.sent.len() - sent, 50);
    let longest = w.sent.iter().rev().take(50).map(|s| s.3.len()).max().unwrap();
    assert!(longest < 200, "{longest}");
}

/// The largest advert goes through, also under 30 % loss, duplication and reordering between two paths.
#[test]
fn the_largest_advert_survives_a_bad_network() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.wire(1, "b").delay = ms(35);
    w.wire(0, "b").delay = ms(35);
    for sender in 0..2 {
        w.wire(sender, "a").loss = 30;
        w.wire(sender, "b").loss = 30;
        w.wire(sender, "b").duplicate = true;
    }
    w.run(ms(1_000));
    let advert = bytes(64 * 1024, 5);
    w.input(0, Input::SetAdvert { bytes: advert.clone() });
    w.run(ms(8_000));
    assert_eq!(held(&w, 1), advert);
    w.run(ms(1_000));
    assert!(w.nodes[0].view.own_advert_confirmed.is_some());
}

/// Over the serial line alone: cut into frames that fit, within the line's budget, and still in a fraction of a second.
#[test]
fn over_serial_alone_it_stays_within_the_budget() {
    let mut w = World::new(&[udp("a"), serial("s")]);
    w.run(ms(2_000));
    w.cut("a", true);
    w.run(ms(2_000));
    let from = w.sent.len();
    let advert = bytes(700, 9);
    w.input(0, Input::SetAdvert { bytes: advert.clone() });
    let mut took = 0;
    while held(&w, 1) != advert {
        w.run(ms(1));
        took += 1;
        assert!(took < 1_000, "not there after a second");
    }
    assert!(took < 500, "{took} ms");
    w.run(ms(100));
    assert!(w.nodes[0].view.own_advert_confirmed.is_some(), "confirmed at once, not at the next beat");
    w.run(ms(900) - ms(took.min(900)));
    let bytes: usize = w.sent[from..].iter().filter(|s| s.1 == 0 && s.2 == tag("s")).map(|s| s.3.len() + 8).sum();
    assert!(bytes < 5_760, "{bytes} bytes in a second");
    // Unconfirmed for long (the other direction is dead): chunks ride on beats only, the line stays free.
    w.wire(1, "s").cut = true;
    let from = w.sent.len();
    w.input(0, Input::SetAdvert { bytes: vec![1; 700] });
    w.run(ms(10_000));
    let frames = w.sent[from..].iter().filter(|s| s.1 == 0 && s.2 == tag("s")).count();
    assert!(frames <= 50 + 8, "{frames}");
}

/// The newest advert wins; changes that follow one another faster than they travel do no harm.
#[test]
fn the_newest_advert_wins() {
    let mut w = World::new(&[udp("a"), udp("b")]);
    w.wire(0, "b").delay = ms(250);
    w.run(ms(2_000));
    for n in 0..100 {
        w.input(0, Input::SetAdvert { bytes: bytes(900, n) });
        w.run(core::time::Duration::from_micros(if n % 3 == 0 { 50 } else { 7_000 }));
    }
    w.run(ms(1));
    assert_eq!(held(&w, 1), bytes(900, 99));
    w.run(ms(1_000));
    assert_eq!(held(&w, 1), bytes(900, 99), "what was on its way over the slow path changes nothing");
}

/// B6: hbd restarts. The peer's advert comes back by itself; the peer keeps what it had, marked stale, until told anew.
#[test]
fn after_a_restart_of_hbd_adverts_come_back() {
    let mut w = World::new(&[udp("a")]);
    w.input(0, Input::AdvertStale(false));
    w.input(1, Input::AdvertStale(false));
    w.input(0, Input::SetAdvert { bytes: bytes(800, 1) });
    w.input(1, Input::SetAdvert { bytes: bytes(800, 2) });
    w.run(ms(1_000));
    assert!(!w.nodes[0].view.advert.as_ref().unwrap().stale);
    w.restart(1, 40);
    w.run(ms(2));
    assert_eq!(held(&w, 1), bytes(800, 1), "sent again at once");
    assert_eq!(held(&w, 0), bytes(800, 2), "kept");
    assert!(w.nodes[0].view.advert.as_ref().unwrap().stale, "its arbiter has not spoken to the new run");
    w.input(1, Input::SetAdvert { bytes: bytes(800, 2) });
    w.input(1, Input::AdvertStale(false));
    w.run(ms(2));
    assert!(!w.nodes[0].view.advert.as_ref().unwrap().stale);
    assert_eq!(w.nodes[1].view.own_advert_confirmed, w.nodes[0].view.advert.as_ref().map(|a| a.digest));
    w.input(1, Input::AdvertStale(true));
    w.run(ms(1));
    assert!(w.nodes[0].view.advert.as_ref().unwrap().stale, "told at once");
}

/// A new arbiter's advert in several pieces: the old one, stale, is not called fresh while the pieces arrive.
#[test]
fn an_old_advert_never_becomes_fresh_again() {
    let mut w = World::new(&[udp("a")]);
    w.input(0, Input::Advert { bytes: bytes(900, 1), stale: false });
    w.run(ms(500));
    assert!(!w.nodes[1].view.advert.as_ref().unwrap().stale);
    w.input(0, Input::AdvertStale(true));
    w.run(ms(500));
    let from = w.nodes[1].views;
    w.input(0, Input::Advert { bytes: bytes(5_000, 2), stale: false });
    w.wire(0, "a").loss = 50;
    let mut last = held(&w, 1).to_vec();
    while held(&w, 1) != bytes(5_000, 2) {
        w.run(ms(1));
        last = held(&w, 1).to_vec();
        let stale = w.nodes[1].view.advert.as_ref().unwrap().stale;
        assert_eq!(stale, last == bytes(900, 1), "after {} views", w.nodes[1].views - from);
    }
    assert_eq!(last, bytes(5_000, 2));
    w.input(0, Input::Advert { bytes: bytes(5_000, 2), stale: true });
    w.wire(0, "a").loss = 0;
    w.run(ms(200));
    assert!(w.nodes[1].view.advert.as_ref().unwrap().stale, "the same bytes, no longer confirmed");
}

/// An advert that is not what was announced (a fault of the peer's memory, say) is dropped, counted, and asked for again.
#[test]
fn a_corrupt_advert_is_never_shown() {
    let mut w = World::new(&[udp("a")]);
    w.run(ms(1_000));
    let auth = Authenticator::new(&[7; 32]).unwrap();
    let genuine = w.sent.iter().rev().find(|s| s.1 == 1).unwrap().3.clone();
    let lie = Frame {
        sequence: 500,
        nonce: u64::MAX / 2,
        advert: Some((hotpair_types::Digest([3; 8]), 4)),
        chunk: Some((0, b"evil")),
        ..decode(&genuine).unwrap()
    };
    w.inject(0, "a", &auth.seal(&lie));
    assert_eq!(w.nodes[0].core.view(w.clock(0)).advert, None);
    assert_eq!(w.nodes[0].core.view(w.clock(0)).paths[0].stats.malformed, 1);
}

/// Empty and oversized adverts are not taken; the one before stays.
#[test]
fn adverts_out_of_range_are_not_taken() {
    let mut w = World::new(&[udp("a")]);
    w.input(0, Input::SetAdvert { bytes: b"good".to_vec() });
    w.input(0, Input::SetAdvert { bytes: vec![] });
    w.input(0, Input::SetAdvert { bytes: vec![0; 64 * 1024 + 1] });
    w.run(ms(1_000));
    assert_eq!(held(&w, 1), b"good");
}

/// A slow line with the shortest frames: a restarted peer is recognised and an advert still arrives, in small pieces.
#[test]
fn the_shortest_frames_are_enough() {
    let smallest = HeartbeatConfig::smallest_frame(1);
    let mut w = World::new(&[PathConfig { max_frame: smallest, byte_budget: Some(1_500), ..serial("s") }]);
    w.run(ms(1_000));
    w.restart(0, 60);
    w.run(ms(1_000));
    assert_eq!(w.nodes[1].view.peer.as_ref().unwrap().incarnation.0, 60);
    w.input(0, Input::SetAdvert { bytes: bytes(200, 3) });
    w.run(ms(3_000));
    assert_eq!(held(&w, 1), bytes(200, 3));
}
