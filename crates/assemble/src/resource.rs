//! What the resource core runs by.

use hotpair_config::model::{self, Config, Kind, Resource};
use resource_core::{GroupConfig, OnStopFailure, Operations, Recovery, ResourceSpec, WatchdogConfig};

/// The groups as resd's core knows them; the same on both nodes.
#[must_use]
pub fn groups(config: &Config) -> Vec<GroupConfig> {
    config
        .groups
        .iter()
        .map(|g| GroupConfig { name: g.name.clone(), resources: g.resources.iter().map(spec).collect() })
        .collect()
}

/// The watchdog as resd's core knows it. Every group is exclusive. `inherited`: an earlier run may have left it armed.
#[must_use]
pub fn watchdog(config: &Config, inherited: bool) -> Option<WatchdogConfig> {
    let watchdog = config.watchdog.as_ref()?;
    let groups = config.groups.iter().map(|g| (g.name.clone(), g.lease)).collect();
    Some(WatchdogConfig { timeout: watchdog.timeout, reset_time: watchdog.reset_time, groups, inherited })
}

fn spec(resource: &Resource) -> ResourceSpec {
    let is_ip = matches!(resource.kind, Kind::Ip(_));
    let (ops, recovery) = (&resource.ops, &resource.recovery);
    ResourceSpec {
        name: resource.name.clone(),
        kind: resource.kind.as_str().to_string(),
        after: resource.after.clone(),
        in_place: is_ip,
        announces: is_ip,
        ops: Operations {
            start_timeout: ops.start_timeout,
            stop_timeout: ops.stop_timeout,
            monitor_timeout: ops.monitor_timeout,
            monitor_interval: ops.monitor_interval,
            deep_interval: ops.deep_interval,
            late_limit: ops.late_limit,
        },
        recovery: Recovery {
            restarts: recovery.restarts,
            window: recovery.window,
            backoff: recovery.backoff,
            on_stop_failure: match recovery.on_stop_failure {
                model::OnStopFailure::Hold => OnStopFailure::Hold,
                model::OnStopFailure::SelfFence => OnStopFailure::SelfFence,
            },
        },
    }
}
