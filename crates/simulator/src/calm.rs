//! A pair with nothing going on: what most of a pair's life is, and by which the simulator's speed is measured.
//!
//! Timings are the defaults of the configuration: UDP paths with a beat each 100 ms and a serial line with one each 500 ms,
//! addresses monitored each second, programs each 10 s.

use crate::rng::Rng;
use crate::scripted::{Setup, world};
use crate::setup;
use crate::site::Site;
use crate::wire::path;
use crate::world::{Event, Times, World};
use core::time::Duration;
use hotpair_types::{Medium, NodeId};

/// How calm a pair is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calm {
    /// UDP paths, 1 to 4.
    pub udp: usize,
    /// With a serial line.
    pub serial: bool,
    /// Percent of frames lost on every path.
    pub loss: u64,
}

impl Default for Calm {
    fn default() -> Self {
        Self { udp: 2, serial: true, loss: 0 }
    }
}

/// A pair with default timings and no faults, switched on at the beginning.
pub fn pair(seed: u64, calm: Calm) -> World {
    let mut rng = Rng::new(seed);
    let names = ["lan1", "lan2", "lan3", "lan4"];
    let udp = names.iter().take(calm.udp).filter_map(|name| path(name, Medium::Udp, 100, 5));
    let paths = udp.chain(path("serial", Medium::Serial, 500, 4).filter(|_| calm.serial)).collect();
    let config = setup::config(&mut rng);
    let mut groups = setup::resource_groups();
    for resource in groups.iter_mut().flat_map(|g| &mut g.resources).filter(|r| r.kind != "ip") {
        resource.ops.monitor_interval = Duration::from_secs(10);
    }
    let mut arbiter = config;
    arbiter.boot_wait = Duration::from_secs(30);
    for group in &mut arbiter.groups {
        group.lease = None;
        group.wait_for_lease = false;
    }
    let setup = Setup {
        seed,
        paths,
        arbiter: [arbiter.clone(), arbiter],
        resources: [groups.clone(), groups],
        times: Times::default(),
        site: Site::default(),
        boot: [Duration::ZERO; 2],
        plan: Vec::new(),
        heal: None,
        end: Duration::ZERO,
        record: false,
    };
    let mut world = world(&setup);
    for wire in world.wiring.wires.iter_mut().flatten() {
        wire.loss = calm.loss;
    }
    for node in NodeId::BOTH {
        world.put(Duration::ZERO, Event::Boot(node));
    }
    world
}
