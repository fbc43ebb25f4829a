//! From the configuration to the core's configuration and to the kinds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hotpair_config::model::{self, AppResource, Config, FenceAction, Group, Kind, Resource, Runner, VolumeProtection};
use hotpair_types::{BootId, Incarnation, NodeId, Target};
use resource_core::{Input, ResourceConfig};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::act::lease_keeper::{Keeper, Settings};
use crate::driver::{Guards, Kinds};
use crate::fence::agent::Executable;
use crate::fence::{self, Device, Fencer};
use crate::kinds::app::Scripts;
use crate::kinds::ip::{Ip, IpSettings};
use crate::kinds::volume::{Protection, Volume, VolumeSettings};
use crate::kinds::{EventSink, ResourceKind, Tools};
use crate::reservation::{Guard, SgPersist};
use crate::watchdog::Watchdog;

/// The core's configuration.
pub fn core(
    config: &Config,
    boot: BootId,
    resd: Incarnation,
    restored: Option<Target>,
    inherited: bool,
) -> ResourceConfig {
    let groups = hotpair_assemble::resource::groups(config);
    let watchdog = hotpair_assemble::resource::watchdog(config, inherited);
    ResourceConfig { boot, resd, restored, groups, watchdog }
}

/// What this node arbitrates with beside its groups.
pub fn guards(config: &Config, node: NodeId, boot: BootId, state_dir: &Path, again: &CancellationToken) -> Guards {
    let peer = node.other();
    let devices: Vec<_> = config
        .fences_of(peer)
        .into_iter()
        .map(|f| {
            let mark =
                format!("{}:{}:fence/{}:{}", config.pair.id, config.node(node).name, f.name, state_dir.display());
            let program =
                Executable::new(&f.agent.display().to_string(), f.parameters.clone(), f.secrets.clone(), mark);
            let device = Device {
                name: f.name.clone(),
                level: f.level,
                power_on: f.action == FenceAction::Reboot,
                timeout: f.timeout,
                attempts: f.attempts,
                agent: Arc::new(program.clone()),
            };
            (device, Some(program))
        })
        .collect();
    let settings = fence::Settings { node, boot, devices, monitor_interval: fence::MONITOR_INTERVAL };
    let watchdog = config.watchdog.as_ref().map(|w| Watchdog::new(w.device.of(node), w.timeout, state_dir, boot));
    Guards { fencer: Some(Fencer::start(settings, state_dir)), watchdog, told: None, again: again.clone() }
}

/// Who assembles: this node, this boot.
pub struct Assembly<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// This node.
    pub node: NodeId,
    /// This boot.
    pub boot: BootId,
    /// The state directory: tells two nodes on one machine apart, whatever they are called.
    pub state_dir: &'a Path,
    /// What the kinds act with.
    pub tools: Tools,
    /// Where they tell what they notice.
    pub queue: mpsc::UnboundedSender<Input>,
}

impl Assembly<'_> {
    /// One acting part for each resource of the configuration.
    ///
    /// # Errors
    /// When no thread can be had for a lease.
    pub fn kinds(&self) -> std::io::Result<Kinds> {
        let mut kinds = Kinds::new();
        for group in &self.config.groups {
            for resource in &group.resources {
                kinds.insert((group.name.clone(), resource.name.clone()), self.kind(group, resource)?);
            }
        }
        Ok(kinds)
    }

    fn kind(&self, group: &Group, resource: &Resource) -> std::io::Result<Arc<dyn ResourceKind>> {
        let events =
            EventSink { group: group.name.clone(), resource: resource.name.clone(), queue: self.queue.clone() };
        let place = self.state_dir.display();
        let mark = format!("{}:{}:{}/{}:{place}", self.config.pair.id, self.node_name(), group.name, resource.name);
        Ok(match &resource.kind {
            Kind::Ip(ip) => Arc::new(Ip::new(self.ip(ip), self.tools.clone(), events)),
            Kind::Volume(volume) => Arc::new(self.volume(volume, mark, events)?),
            Kind::App(app) => self.app(group, resource, app, mark, events),
        })
    }

    fn node_name(&self) -> String {
        self.config.node(self.node).name.to_string()
    }

    fn ip(&self, ip: &model::IpResource) -> IpSettings {
        IpSettings {
            address: ip.address,
            prefix: ip.prefix,
            interface: ip.interface.of(self.node).clone(),
            conflict_check: ip.conflict_check,
            announce_count: ip.announce_count,
            announce_interval: ip.announce_interval,
            announce_refresh: ip.announce_refresh,
            reachability: ip.reachability.clone(),
            source: ip.source,
        }
    }

    fn volume(&self, volume: &model::VolumeResource, mark: String, events: EventSink) -> std::io::Result<Volume> {
        let protection = match &volume.protection {
            VolumeProtection::None => Protection::None,
            VolumeProtection::Mmp => Protection::Mmp,
            VolumeProtection::Reservation => {
                let io = Arc::new(SgPersist::new(mark.clone()));
                let name = format!("{}.{}", events.group, events.resource);
                Protection::Reservation(Guard::new(io, self.config.pair.id, self.node, self.state_dir, &name))
            }
            VolumeProtection::Lease { device, duration } => Protection::Lease(Keeper::start(Settings {
                path: device.of(self.node).clone(),
                pair: self.config.pair.id,
                key: self.config.pair.key.bytes().to_vec(),
                node: self.node,
                boot: self.boot,
                duration: *duration,
            })?),
        };
        let settings = VolumeSettings {
            device: volume.device.of(self.node).clone(),
            point: volume.mount_point.clone(),
            fs: volume.fs,
            options: volume.options.clone(),
            fsck: volume.fsck,
            node: self.node_name(),
            mark,
        };
        Ok(Volume::new(settings, protection, events))
    }

    fn app(
        &self,
        group: &Group,
        resource: &Resource,
        app: &AppResource,
        mark: String,
        events: EventSink,
    ) -> Arc<dyn ResourceKind> {
        let mut environment = app.environment.clone();
        for (name, value) in [
            ("HOTPAIR_NODE", self.node_name()),
            ("HOTPAIR_GROUP", group.name.to_string()),
            ("HOTPAIR_RESOURCE_NAME", resource.name.to_string()),
        ] {
            environment.entry(name.to_string()).or_insert(value);
        }
        match &app.runner {
            Runner::Exec { start, stop, monitor, deep_monitor, codes } => Arc::new(Scripts {
                start: start.clone(),
                stop: stop.clone(),
                monitor: monitor.clone(),
                deep_monitor: deep_monitor.clone(),
                codes: codes.clone(),
                environment,
                mark,
                volumes: volumes(group),
            }),
            Runner::Systemd { unit } => Arc::new(crate::kinds::unit::Unit::new(unit.clone(), mark, events)),
            Runner::Ocf { agent, parameters } => Arc::new(crate::kinds::ocf::Agent::new(
                agent,
                parameters,
                environment,
                format!("{}.{}", group.name, resource.name),
                resource.ops.monitor_interval,
                mark,
            )),
        }
    }
}

fn volumes(group: &Group) -> Vec<PathBuf> {
    let point = |r: &Resource| match &r.kind {
        Kind::Volume(volume) => Some(volume.mount_point.clone()),
        Kind::Ip(_) | Kind::App(_) => None,
    };
    group.resources.iter().filter_map(point).collect()
}
