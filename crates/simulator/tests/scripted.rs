//! Single stories with given configurations: what `hotpair rehearse` builds upon.

use arbiter_core::io::{ArbiterConfig, BootAlone, Failback};
use core::time::Duration;
use hotpair_types::{Digest, GroupName, Medium, NodeId, NodeName, ResourceName};
use resource_core::{OnStopFailure, Operations, Recovery, ResourceSpec};
use simulator::faults::Fault;
use simulator::scripted::{Outcome, Setup, Span, at, play};
use simulator::site::Site;
use simulator::wire::path;
use simulator::world::{Range, Times};

/// Simulating is mostly small allocations: this allocator makes them cheap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn arbiter(node: NodeId) -> ArbiterConfig {
    let name = |n: &str| NodeName::new(n).expect("a name");
    let group = arbiter_core::io::GroupConfig {
        name: GroupName::new("web").expect("a name"),
        nodes: NodeId::BOTH.to_vec(),
        failback: Failback::Manual,
        hold_on_silence: false,
        require_unmet: false,
        lease: None,
        wait_for_lease: false,
        guards: arbiter_core::io::GroupGuards::default(),
        max_moves: 3,
        move_window: Duration::from_secs(3600),
    };
    ArbiterConfig {
        node,
        names: [name("alpha"), name("beta")],
        digest: Digest([1; 8]),
        window: Duration::from_millis(300),
        round_interval: Duration::from_secs(1),
        boot_wait: Duration::from_secs(5),
        boot_alone: BootAlone::LastActive,
        arbitration: arbiter_core::io::Arbitration::default(),
        groups: vec![group],
    }
}

fn resources() -> Vec<resource_core::GroupConfig> {
    let spec = ResourceSpec {
        name: ResourceName::new("addr").expect("a name"),
        kind: "ip".to_string(),
        after: Vec::new(),
        in_place: true,
        announces: true,
        ops: Operations {
            start_timeout: Duration::from_secs(5),
            stop_timeout: Duration::from_secs(5),
            monitor_timeout: Duration::from_secs(2),
            monitor_interval: Duration::from_secs(1),
            deep_interval: None,
            late_limit: 3,
        },
        recovery: Recovery {
            restarts: 2,
            window: Duration::from_secs(60),
            backoff: Duration::from_millis(500),
            on_stop_failure: OnStopFailure::Hold,
        },
    };
    vec![resource_core::GroupConfig { name: GroupName::new("web").expect("a name"), resources: vec![spec] }]
}

fn story(plan: Vec<(u64, Fault)>) -> Outcome {
    let paths = [path("lan1", Medium::Udp, 100, 5), path("lan2", Medium::Udp, 100, 5)];
    play(&Setup {
        seed: 1,
        paths: paths.into_iter().flatten().collect(),
        arbiter: NodeId::BOTH.map(arbiter),
        resources: [resources(), resources()],
        times: Times { effect: Range::millis(20, 40), ..Times::default() },
        site: Site::default(),
        boot: [Duration::ZERO, Duration::from_millis(500)],
        plan,
        heal: None,
        end: Duration::from_secs(60),
        record: false,
    })
}

const SECOND: Duration = Duration::from_secs(1);

/// B2: an owner that loses power: an outage of detection, check and start, served by the standby afterwards, never by both.
#[test]
fn power_loss_of_the_owner_is_an_outage_of_detection_check_and_start() {
    let outcome = story(vec![at(SECOND * 20, Fault::PowerLoss(NodeId::FIRST, SECOND * 600))]);
    let web = &outcome.groups[0];
    assert_eq!(web.serving_at(SECOND * 19), [true, false]);
    assert_eq!(web.serving_at(SECOND * 40), [false, true]);
    let outages = web.outages(Span { from: SECOND * 15, to: SECOND * 60 });
    assert_eq!(outages.len(), 1, "{outages:?}");
    let lasting = outages[0].lasting();
    assert!(outages[0].from == SECOND * 20 && lasting > SECOND / 3 && lasting < SECOND * 2, "{lasting:?}");
    assert_eq!(web.dual(), []);
    let seen = outcome.alarms.iter().find(|a| a.id == "A110" && a.node == NodeId::SECOND);
    assert!(seen.is_some_and(|a| a.span.to == SECOND * 60), "no sign of the peer, for as long as it is off: {seen:?}");
}

/// B2 B4: with evidence alone and every connection cut both serve; how long is told, and the lower epoch yields when it is over.
#[test]
fn everything_cut_shows_both_serving_and_for_how_long() {
    let cut = [at(SECOND * 20, Fault::CutEverything(true)), at(SECOND * 30, Fault::CutEverything(false))];
    let outcome = story(cut.to_vec());
    let web = &outcome.groups[0];
    let dual = web.dual();
    assert_eq!(dual.len(), 1, "{dual:?}");
    assert!(dual[0].from > SECOND * 20 && dual[0].to > SECOND * 30 && dual[0].to < SECOND * 33, "{dual:?}");
    assert_eq!(web.serving_at(SECOND * 59), [false, true]);
}

/// Nothing happens: nobody notices anything, and the same setup is the same story.
#[test]
fn a_calm_run_has_no_outage_and_is_the_same_twice() {
    let [one, two] = [0, 1].map(|_| story(Vec::new()));
    assert_eq!(one.groups[0].outages(Span { from: SECOND * 15, to: SECOND * 60 }), []);
    assert!(one == two, "the same setup is the same story");
}
