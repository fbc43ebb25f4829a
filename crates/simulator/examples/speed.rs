//! Measures how fast a calm pair is simulated.
use simulator::calm::{Calm, pair};

/// Simulating is mostly small allocations: this allocator makes them cheap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Processor time of this thread in seconds: others may use the machine as well.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn main() {
    let args: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let hours = args.first().copied().unwrap_or(1);
    for calm in [
        Calm { udp: 1, serial: false, loss: 0 },
        Calm { udp: 1, serial: true, loss: 0 },
        Calm::default(),
        Calm { loss: 5, ..Calm::default() },
    ] {
        let mut world = pair(1, calm);
        let begun = cpu();
        let end = hours * 3_600_000_000_000;
        while world.advance(end) {}
        let took = cpu() - begun;
        println!(
            "{calm:?}: {:.1} pair-hours/min, {:.0} ns/step, {} steps",
            hours as f64 / took * 60.0,
            took * 1e9 / world.step as f64,
            world.step
        );
    }
}
