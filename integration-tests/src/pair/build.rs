//! Descriptions of a pair: paths, groups and whatever else its configuration is to say, turned into the text of a
//! configuration file for a [`Lab`].
//!
//! Threading: plain values.
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::Pair;
use crate::lab::{Format, Lab, LabBuilder, NODES, binary, net};

/// The key of every pair in a lab; good for tests only.
pub const KEY: &str = "5d0b1f7e93c24a68b7e1f05c2d9a8346e4c1b8f2706d5a93184ecf2b6a70d9e3";

/// A heartbeat path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathSpec {
    name: String,
    medium: Medium,
    interval: String,
    lost: u32,
    lines: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Medium {
    Udp { net: String, v6: bool },
    Serial,
    Disk { freezable: bool },
}

impl PathSpec {
    /// A UDP path over the lab's network `net`, with its name; 100 ms × 5, IPv4.
    #[must_use]
    pub fn udp(net: &str) -> Self {
        Self {
            name: net.into(),
            medium: Medium::Udp { net: net.into(), v6: false },
            interval: "100ms".into(),
            lost: 5,
            lines: Vec::new(),
        }
    }

    /// A serial path over a cable of this name, which is added to the lab; 100 ms × 5.
    #[must_use]
    pub fn serial(name: &str) -> Self {
        Self { name: name.into(), medium: Medium::Serial, interval: "100ms".into(), lost: 5, lines: Vec::new() }
    }

    /// A path over slots on a shared disk of this name (1 MiB, zeros), which is added to the lab; 100 ms × 5.
    #[must_use]
    pub fn disk(name: &str) -> Self {
        let medium = Medium::Disk { freezable: false };
        Self { name: name.into(), medium, interval: "100ms".into(), lost: 5, lines: Vec::new() }
    }

    /// Makes the disk one that can hang ([`crate::lab::disk::SharedDisk::freeze`]).
    #[must_use]
    pub fn freezable(mut self) -> Self {
        if let Medium::Disk { freezable } = &mut self.medium {
            *freezable = true;
        }
        self
    }

    /// Gives it another name (two paths over one network).
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Uses the IPv6 addresses of the network.
    #[must_use]
    pub fn v6(mut self) -> Self {
        if let Medium::Udp { v6, .. } = &mut self.medium {
            *v6 = true;
        }
        self
    }

    /// Beats each `interval` (as `"10ms"`), down after `lost` misses.
    #[must_use]
    pub fn timing(mut self, interval: &str, lost: u32) -> Self {
        self.interval = interval.into();
        self.lost = lost;
        self
    }

    /// Adds a line of TOML (`good = 5`, `priority = 20`, `port = 7777`).
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.into());
        self
    }

    fn toml(&self, lab: &Lab, text: &mut String) -> Result<()> {
        let (kind, keys) = match self.medium {
            Medium::Udp { .. } => ("udp", &self.lines),
            Medium::Serial => ("serial", &self.lines),
            Medium::Disk { .. } => ("disk", &self.lines),
        };
        let disk = match &self.medium {
            Medium::Disk { freezable: true } => Some(lab.add_freezable_disk(&self.name, 1 << 20)?),
            Medium::Disk { freezable: false } => Some(lab.add_disk(&self.name, 1 << 20, Format::Raw)?),
            _ => None,
        };
        let _ = writeln!(text, "[[{kind}]]\nname = \"{}\"", self.name);
        let _ = writeln!(text, "interval = \"{}\"\nlost = {}", self.interval, self.lost);
        keys.iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        for node in lab.nodes() {
            let _ = writeln!(text, "[{kind}.node.{}]", node.name());
            match &self.medium {
                Medium::Udp { net, v6 } => {
                    let address = lab.address(node, net, *v6)?;
                    let _ = writeln!(text, "interface = \"{net}\"\naddress = \"{address}\"");
                }
                Medium::Serial => {
                    let device = lab.cable(&self.name)?.device(node.name())?;
                    let _ = writeln!(text, "device = \"{}\"", device.display());
                }
                Medium::Disk { .. } => {
                    let own = disk.as_ref().context("no disk")?.device(node.name())?;
                    let _ = writeln!(text, "device = \"{}\"", own.display());
                }
            }
        }
        text.push('\n');
        Ok(())
    }
}

/// What keeps the other node from writing a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// hotpair's lease, so long (as `"1s"`), on a small shared disk of its own.
    Lease(String),
    /// ext4's multiple mount protection.
    Mmp,
    /// Nothing; the group needs a `lease`.
    None,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSpec {
    name: String,
    number: u8,
    v6: bool,
    lines: Vec<String>,
    address_lines: Vec<String>,
    volume: Option<(Protection, Vec<String>)>,
    app: Option<(Vec<String>, Vec<String>)>,
    resources: String,
}

impl GroupSpec {
    /// A group of one resource: `vip`, virtual IPv4 address `number` (see [`Lab::vip4`]) on the first network.
    #[must_use]
    pub fn address(name: &str, number: u8) -> Self {
        Self {
            name: name.into(),
            number,
            v6: false,
            lines: Vec::new(),
            address_lines: Vec::new(),
            volume: None,
            app: None,
            resources: String::new(),
        }
    }

    /// A whole service: `data` (an ext4 volume), `vip` and `app` (the counter application, port [`GroupSpec::port`]),
    /// in this order. The volume is protected by a disk lease of 1 s.
    #[must_use]
    pub fn service(name: &str, number: u8) -> Self {
        let mut group = Self::address(name, number);
        group.volume = Some((Protection::Lease("1s".into()), Vec::new()));
        let app = ["monitor_interval = \"500ms\"", "monitor_timeout = \"3s\"", "deep_interval = \"never\""];
        group.app = Some((Vec::new(), app.map(String::from).to_vec()));
        group
    }

    /// A virtual IPv6 address instead ([`Lab::vip6`]).
    #[must_use]
    pub fn v6(mut self) -> Self {
        self.v6 = true;
        self
    }

    /// Protects the volume in another way.
    #[must_use]
    pub fn protection(mut self, protection: Protection) -> Self {
        if let Some((old, _)) = &mut self.volume {
            *old = protection;
        }
        self
    }

    /// Adds a line of TOML to the group (`failback = "never"`).
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Adds a line of TOML to the virtual address (`conflict_check = "0ms"`).
    #[must_use]
    pub fn address_line(mut self, line: &str) -> Self {
        self.address_lines.push(line.into());
        self
    }

    /// Adds a line of TOML to the volume, if there is one (`options = ["noatime"]`).
    #[must_use]
    pub fn volume_line(mut self, line: &str) -> Self {
        if let Some((_, lines)) = &mut self.volume {
            lines.push(line.into());
        }
        self
    }

    /// Adds a line of TOML to the application, if there is one (`restarts = 1`); it replaces the same key's default.
    #[must_use]
    pub fn app_line(mut self, line: &str) -> Self {
        if let Some((_, lines)) = &mut self.app {
            let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
            lines.retain(|old| key(old) != key(line));
            lines.push(line.into());
        }
        self
    }

    /// Adds an argument of the counter application (`--start-delay-ms`, then `100`).
    #[must_use]
    pub fn app_argument(mut self, argument: &str) -> Self {
        if let Some((arguments, _)) = &mut self.app {
            arguments.push(argument.into());
        }
        self
    }

    /// Adds whole resources as TOML (`[[group.resource]] …`), behind the others.
    #[must_use]
    pub fn resources(mut self, toml: &str) -> Self {
        self.resources.push_str(toml);
        self.resources.push('\n');
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its virtual address.
    #[must_use]
    pub fn vip(&self) -> std::net::IpAddr {
        if self.v6 { Lab::vip6(self.number).into() } else { Lab::vip4(self.number).into() }
    }

    /// Whether it has an application, and so a volume.
    #[must_use]
    pub fn has_app(&self) -> bool {
        self.app.is_some()
    }

    /// TCP port of its counter application.
    #[must_use]
    pub fn port(&self) -> u16 {
        8080 + u16::from(self.number)
    }

    /// Mount point of its volume, the same on both nodes.
    #[must_use]
    pub fn mount_point(&self, lab: &Lab) -> PathBuf {
        lab.dir().join(format!("mnt-{}", self.name))
    }

    /// While this file exists on a node (in its directory), the application does not start there.
    #[must_use]
    pub fn broken_marker(&self) -> String {
        format!("broken-{}", self.name)
    }

    /// Pid file of the application, in the node's directory.
    #[must_use]
    pub fn pid_file(&self) -> String {
        format!("run/app-{}.pid", self.name)
    }

    fn volume_toml(&self, lab: &Lab, text: &mut String) -> Result<()> {
        let Some((protection, lines)) = &self.volume else { return Ok(()) };
        let mmp = *protection == Protection::Mmp;
        let format = if mmp { Format::Ext4Mmp } else { Format::Ext4 };
        let disk = lab.add_disk(&format!("data-{}", self.name), 32 << 20, format)?;
        let mount_point = self.mount_point(lab);
        std::fs::create_dir_all(&mount_point)?;
        let _ = writeln!(text, "[[group.resource]]\nname = \"data\"\nkind = \"volume\"\nfs = \"ext4\"");
        let _ = writeln!(text, "mount_point = \"{}\"", mount_point.display());
        let lease = match protection {
            Protection::Lease(duration) => {
                let _ = writeln!(text, "protection = \"lease\"\nlease_duration = \"{duration}\"");
                Some(lab.add_disk(&format!("lease-{}", self.name), 1 << 20, Format::Raw)?)
            }
            Protection::Mmp => {
                text.push_str("protection = \"mmp\"\n");
                None
            }
            Protection::None => {
                text.push_str("protection = \"none\"\n");
                None
            }
        };
        lines.iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        for node in NODES {
            let _ = writeln!(text, "[group.resource.node.{node}]\ndevice = \"{}\"", disk.device(node)?.display());
            if let Some(lease) = &lease {
                let _ = writeln!(text, "lease_device = \"{}\"", lease.device(node)?.display());
            }
        }
        Ok(())
    }

    /// The application is run through a script, as most applications are; it finds out by itself where it runs.
    fn app_script(&self, lab: &Lab, arguments: &[String]) -> Result<PathBuf> {
        let app = binary("counter-app")?;
        let mut line = format!(
            "#!/bin/sh\nread -r node </proc/sys/kernel/hostname\nexec '{}' \"$1\" --node \"$node\" --dir '{}' --listen {}",
            app.display(),
            self.mount_point(lab).display(),
            std::net::SocketAddr::new(self.vip(), self.port()),
        );
        let place = |file: &str| format!("'{}'/\"$node\"/{file}", lab.dir().display());
        let _ = write!(line, " --pid-file {}", place(&self.pid_file()));
        let _ = write!(line, " --broken-if {}", place(&self.broken_marker()));
        arguments.iter().for_each(|argument| {
            let _ = write!(line, " '{argument}'");
        });
        line.push('\n');
        let script = lab.dir().join(format!("app-{}.sh", self.name));
        std::fs::write(&script, line)?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
        Ok(script)
    }

    fn toml(&self, lab: &Lab, text: &mut String) -> Result<()> {
        let _ = writeln!(text, "[[group]]\nname = \"{}\"", self.name);
        self.lines.iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        text.push('\n');
        self.volume_toml(lab, text)?;
        let interface = lab.switch().nets().first().context("a lab without networks")?;
        let prefix = if self.v6 { 64 } else { 24 };
        let _ = writeln!(text, "[[group.resource]]\nname = \"vip\"\nkind = \"ip\"");
        let _ = writeln!(text, "address = \"{}/{prefix}\"\ninterface = \"{interface}\"", self.vip());
        self.address_lines.iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        });
        if let Some((arguments, lines)) = &self.app {
            let script = self.app_script(lab, arguments)?;
            let _ = writeln!(text, "[[group.resource]]\nname = \"app\"\nkind = \"app\"\nrun = \"exec\"");
            // Behind everything before it, also where the address has been told to wait for nothing.
            let after = if self.volume.is_some() { "[\"data\", \"vip\"]" } else { "[\"vip\"]" };
            let _ = writeln!(text, "after = {after}");
            for (key, verb) in [("start", "start"), ("stop", "stop"), ("monitor", "status")] {
                let _ = writeln!(text, "{key} = [\"{}\", \"{verb}\"]", script.display());
            }
            lines.iter().for_each(|line| {
                let _ = writeln!(text, "{line}");
            });
        }
        text.push_str(&self.resources);
        text.push('\n');
        Ok(())
    }
}

/// What a pair is to be like.
#[derive(Clone, Debug)]
pub struct PairBuilder {
    nets: Vec<String>,
    paths: Vec<PathSpec>,
    groups: Vec<GroupSpec>,
    safety: Vec<String>,
    boot: Vec<String>,
    extra: String,
    programs: Option<PathBuf>,
}

impl Default for PairBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl PairBuilder {
    /// UDP paths `lan` and `hb` at 100 ms × 5, the client's gateway as reference address, no group yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            nets: vec!["lan".into(), "hb".into()],
            paths: vec![PathSpec::udp("lan"), PathSpec::udp("hb")],
            groups: Vec::new(),
            safety: vec![format!("references = [\"{}\"]", net::ipv4(0, net::GATEWAY_HOST))],
            boot: Vec::new(),
            extra: String::new(),
            programs: None,
        }
    }

    /// Networks of the lab; the first carries clients and virtual addresses. Default: `lan` and `hb`.
    #[must_use]
    pub fn nets(mut self, nets: &[&str]) -> Self {
        self.nets = nets.iter().map(|net| (*net).to_owned()).collect();
        self
    }

    /// Replaces the heartbeat paths.
    #[must_use]
    pub fn paths(mut self, paths: &[PathSpec]) -> Self {
        self.paths = paths.to_vec();
        self
    }

    /// Adds a heartbeat path.
    #[must_use]
    pub fn path(mut self, path: PathSpec) -> Self {
        self.paths.push(path);
        self
    }

    /// The timing of all paths named so far.
    #[must_use]
    pub fn timing(mut self, interval: &str, lost: u32) -> Self {
        self.paths = self.paths.into_iter().map(|path| path.timing(interval, lost)).collect();
        self
    }

    /// Adds a group.
    #[must_use]
    pub fn group(mut self, group: GroupSpec) -> Self {
        self.groups.push(group);
        self
    }

    /// Adds a line to `[safety_check]`; it replaces the same key's line.
    #[must_use]
    pub fn safety(mut self, line: &str) -> Self {
        let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        self.safety.retain(|old| key(old) != key(line));
        self.safety.push(line.into());
        self
    }

    /// Adds a line to `[boot]` (`wait = "2s"`).
    #[must_use]
    pub fn boot(mut self, line: &str) -> Self {
        self.boot.push(line.into());
        self
    }

    /// Adds TOML behind everything else.
    #[must_use]
    pub fn toml(mut self, text: &str) -> Self {
        self.extra.push_str(text);
        self.extra.push('\n');
        self
    }

    /// Takes the daemons and the client from another directory.
    #[must_use]
    pub fn programs(mut self, dir: &Path) -> Self {
        self.programs = Some(dir.to_owned());
        self
    }

    fn lab(&self) -> Result<Lab> {
        let nets: Vec<&str> = self.nets.iter().map(String::as_str).collect();
        let mut lab: LabBuilder = Lab::builder().nets(&nets);
        if let Some(dir) = &self.programs {
            lab = lab.programs(dir);
        }
        for path in self.paths.iter().filter(|path| path.medium == Medium::Serial) {
            lab = lab.serial(&path.name);
        }
        lab.build()
    }

    fn toml_for(&self, lab: &Lab) -> Result<String> {
        let mut text = "[pair]\nname = \"lab\"\nkey_file = \"hotpair.key\"\n\n".to_owned();
        for node in NODES {
            let _ = writeln!(text, "[[node]]\nname = \"{node}\"\n");
        }
        self.paths.iter().try_for_each(|path| path.toml(lab, &mut text))?;
        for (table, lines) in [("safety_check", &self.safety), ("boot", &self.boot)] {
            if !lines.is_empty() {
                let _ = writeln!(text, "[{table}]\n{}\n", lines.join("\n"));
            }
        }
        self.groups.iter().try_for_each(|group| group.toml(lab, &mut text))?;
        text.push_str(&self.extra);
        Ok(text)
    }

    /// Brings up the lab and writes configuration and key. No daemon is started.
    ///
    /// # Errors
    /// When the lab cannot be brought up, two groups have one name, or the application has not been built.
    pub fn build(&self) -> Result<Pair> {
        for (index, group) in self.groups.iter().enumerate() {
            let twice = self.groups.iter().skip(index + 1).any(|other| other.name == group.name);
            ensure!(!twice, "two groups named {}", group.name);
        }
        let lab = self.lab()?;
        lab.write_private("hotpair.key", &format!("{KEY}\n"))?;
        let text = self.toml_for(&lab)?;
        lab.write_config(&text)?;
        Ok(Pair { lab, groups: self.groups.clone(), paths: self.path_names(), text })
    }

    /// [`PairBuilder::build`], then all daemons, then everything in its place.
    ///
    /// # Errors
    /// As [`PairBuilder::build`] and [`Pair::wait_healthy`].
    pub fn start(&self) -> Result<Pair> {
        let pair = self.build()?;
        pair.start()?;
        pair.wait_healthy()?;
        Ok(pair)
    }

    fn path_names(&self) -> Vec<String> {
        self.paths.iter().map(|path| path.name.clone()).collect()
    }
}
