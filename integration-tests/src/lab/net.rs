//! The lab's switch: a namespace of its own that holds the bridges, and the faults that can be put on its ports.
//!
//! A cut made here leaves the node's own carrier up (a dead switch port, a severed backbone); [`Switch::set_carrier`]
//! takes the carrier away too (a pulled cable). Rules live in one nftables table of family `bridge` and are replaced in one
//! transaction, so several ports can be cut in the same instant.
//!
//! Threading: all methods may be called from any thread; changes are serialised.
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::PipeReader;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

use super::ns::Namespace;

/// Host number of the client on every network it is on.
pub const CLIENT_HOST: u8 = 9;
/// Second address of the client, to be used as a gateway or another reference address.
pub const GATEWAY_HOST: u8 = 254;

/// Everything that can be plugged into the switch.
const MACHINES: [&str; 3] = ["alpha", "beta", "client"];

/// IPv4 address of host number `host` on network `net` (0-based); all networks are /24.
#[must_use]
pub fn ipv4(net: usize, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, u8::try_from(net + 1).unwrap_or(u8::MAX), host)
}

/// IPv6 unique local address of host number `host` on network `net` (0-based); all networks are /64.
#[must_use]
pub fn ipv6(net: usize, host: u8) -> Ipv6Addr {
    let net = u16::try_from(net + 1).unwrap_or(u16::MAX);
    Ipv6Addr::new(0xfd77, 0, 0, net, 0, 0, 0, u16::from(host))
}

/// Hardware address of host number `host` on network `net`: it stays the same over power cycles, like a real card's.
#[must_use]
pub fn mac(net: usize, host: u8) -> [u8; 6] {
    [0x02, 0x77, 0, u8::try_from(net + 1).unwrap_or(u8::MAX), 0, host]
}

/// `mac` in the usual notation.
#[must_use]
pub fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// What a [`Fault`] applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Every frame.
    All,
    /// UDP to one of these destination ports, over IPv4 or IPv6.
    Udp(Vec<u16>),
    /// TCP to or from this port.
    Tcp(u16),
    /// ARP and IPv6 neighbour discovery.
    Neighbour,
    /// ICMP and ICMPv6 echo requests and answers.
    Echo,
}

/// A rule on the switch: frames that enter at `from` and leave at `to` on `net` get lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Network (bridge) name.
    pub net: String,
    /// Machine the frame comes from; `None`: any.
    pub from: Option<String>,
    /// Machine the frame goes to; `None`: any.
    pub to: Option<String>,
    /// Which frames.
    pub traffic: Traffic,
    /// How many of a thousand get lost, at random; 1000: all.
    pub permille: u16,
}

impl Fault {
    /// Loses everything that `from` sends on `net`.
    #[must_use]
    pub fn from(net: &str, from: &str) -> Self {
        Self { net: net.into(), from: Some(from.into()), to: None, traffic: Traffic::All, permille: 1000 }
    }

    /// Loses everything sent to `to` on `net`.
    #[must_use]
    pub fn to(net: &str, to: &str) -> Self {
        Self { net: net.into(), from: None, to: Some(to.into()), traffic: Traffic::All, permille: 1000 }
    }

    /// Loses everything between all machines of `net` (a dead switch whose ports keep their carrier).
    #[must_use]
    pub fn everywhere(net: &str) -> Self {
        Self { net: net.into(), from: None, to: None, traffic: Traffic::All, permille: 1000 }
    }

    /// The same, limited to this traffic.
    #[must_use]
    pub fn only(mut self, traffic: Traffic) -> Self {
        self.traffic = traffic;
        self
    }

    /// The same, for `permille` of a thousand frames at random.
    #[must_use]
    pub fn loss(mut self, permille: u16) -> Self {
        self.permille = permille;
        self
    }

    fn rule(&self) -> String {
        let mut ports = String::new();
        match (&self.from, &self.to) {
            (Some(from), _) => {
                let _ = write!(ports, "iifname \"{}\" ", port(from, &self.net));
            }
            (None, Some(_)) => {}
            (None, None) => {
                let all = MACHINES.map(|machine| format!("\"{}\"", port(machine, &self.net))).join(", ");
                let _ = write!(ports, "iifname {{ {all} }} ");
            }
        }
        if let Some(to) = &self.to {
            let _ = write!(ports, "oifname \"{}\" ", port(to, &self.net));
        }
        let loss =
            if self.permille >= 1000 { String::new() } else { format!("numgen random mod 1000 < {} ", self.permille) };
        let matches: Vec<String> = match &self.traffic {
            Traffic::All => vec![String::new()],
            Traffic::Udp(list) => {
                let list: Vec<String> = list.iter().map(u16::to_string).collect();
                vec![format!("udp dport {{ {} }} ", list.join(", "))]
            }
            Traffic::Tcp(number) => vec![format!("tcp dport {number} "), format!("tcp sport {number} ")],
            Traffic::Neighbour => {
                vec!["ether type arp ".into(), "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ".into()]
            }
            Traffic::Echo => vec![
                "icmp type { echo-request, echo-reply } ".into(),
                "icmpv6 type { echo-request, echo-reply } ".into(),
            ],
        };
        matches.iter().fold(String::new(), |mut rules, traffic| {
            let _ = writeln!(rules, "add rule bridge lab faults {ports}{traffic}{loss}drop");
            rules
        })
    }
}

/// Name of the switch port that `machine` is plugged into.
fn port(machine: &str, net: &str) -> String {
    format!("{machine}-{net}")
}

#[derive(Default, Debug)]
struct Faults {
    dead: BTreeSet<String>,
    rules: Vec<(u64, Fault)>,
    next: u64,
}

/// Number of a fault in force, to heal it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

/// The switch.
#[derive(Debug)]
pub struct Switch {
    ns: Namespace,
    nets: Vec<String>,
    faults: Mutex<Faults>,
}

impl Switch {
    pub(super) fn new(nets: &[String], lifeline: PipeReader, stash: &Path) -> Result<Self> {
        let ns = Namespace::boot("switch", lifeline, stash)?;
        ns.in_net(|| {
            // The switch has no addresses of its own and stays silent.
            write_sysctl("net/ipv6/conf/default/disable_ipv6", "1")?;
            write_sysctl("net/ipv6/conf/all/disable_ipv6", "1")
        })?;
        let mut lines = String::new();
        for net in nets {
            ensure!(net.len() <= 7, "network name {net:?} is too long: with the machine's name it must fit 15 letters");
            let _ = writeln!(lines, "link add {net} type bridge stp_state 0 forward_delay 0 mcast_snooping 0");
            let _ = writeln!(lines, "link set {net} up");
        }
        ns.ip_batch(&lines).context("making the bridges")?;
        let switch = Self { ns, nets: nets.to_vec(), faults: Mutex::default() };
        switch.nft(
            "table bridge lab {\n set dead { type ifname; }\n chain faults { }\n chain forward {\n type filter hook forward \
             priority 0; policy accept;\n iifname @dead drop\n oifname @dead drop\n jump faults\n }\n}\n",
        )?;
        Ok(switch)
    }

    /// Names of the networks, in the order of their numbers.
    #[must_use]
    pub fn nets(&self) -> &[String] {
        &self.nets
    }

    /// Number of network `net`, which decides its addresses.
    ///
    /// # Errors
    /// When there is no such network.
    pub fn index(&self, net: &str) -> Result<usize> {
        self.nets.iter().position(|name| name == net).with_context(|| format!("no network {net:?} in this lab"))
    }

    /// Plugs machine `name` (namespaces `ns`, host number `host`) into `nets`: interfaces of the networks' names, with an
    /// IPv4 and an IPv6 address each.
    pub(super) fn plug(&self, name: &str, ns: &Namespace, host: u8, nets: &[String]) -> Result<()> {
        ns.in_net(|| {
            write_sysctl("net/ipv6/conf/default/accept_dad", "0")?;
            write_sysctl("net/ipv6/conf/default/router_solicitations", "0")?;
            write_sysctl("net/ipv6/conf/default/dad_transmits", "0")
        })?;
        let mut here = String::new();
        let mut there = "link set lo up\n".to_owned();
        for net in nets {
            let index = self.index(net)?;
            let port = port(name, net);
            let (v4, v6, mac) = (ipv4(index, host), ipv6(index, host), mac_text(mac(index, host)));
            let _ = writeln!(
                here,
                "link add {port} type veth peer name {net} address {mac} netns {}\nlink set {port} master {net} up",
                ns.init_pid()
            );
            let _ = writeln!(
                there,
                "addr add {v4}/24 brd + dev {net}\naddr add {v6}/64 dev {net} nodad\nlink set {net} up"
            );
            if host == CLIENT_HOST {
                let (v4, v6) = (ipv4(index, GATEWAY_HOST), ipv6(index, GATEWAY_HOST));
                let _ = writeln!(there, "addr add {v4}/24 dev {net}\naddr add {v6}/64 dev {net} nodad");
            }
        }
        self.ns.ip_batch(&here).with_context(|| format!("plugging {name} in"))?;
        // Whole checksums: a captured frame can then be played back, and corruption is noticed as on a wire.
        ns.in_net(|| nets.iter().try_for_each(|net| checksum_offload_off(net)))?;
        ns.ip_batch(&there).with_context(|| format!("addressing {name}"))
    }

    /// Takes away all ports of a machine that no longer exists, and forgets that they were dead.
    pub(super) fn unplug(&self, name: &str, nets: &[String]) -> Result<()> {
        let lines = nets.iter().fold(String::new(), |mut lines, net| {
            let _ = writeln!(lines, "link del {}", port(name, net));
            lines
        });
        self.ns.ip_batch(&lines).with_context(|| format!("unplugging {name}"))?;
        self.change(|faults| {
            nets.iter().for_each(|net| {
                faults.dead.remove(&port(name, net));
            })
        })
    }

    /// Makes the ports of `machine` on `nets` pass nothing, in the same instant; carriers stay up.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn cut(&self, machine: &str, nets: &[String]) -> Result<()> {
        self.change(|faults| {
            nets.iter().for_each(|net| {
                faults.dead.insert(port(machine, net));
            })
        })
    }

    /// Undoes [`Switch::cut`].
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn heal(&self, machine: &str, nets: &[String]) -> Result<()> {
        self.change(|faults| {
            nets.iter().for_each(|net| {
                faults.dead.remove(&port(machine, net));
            })
        })
    }

    /// Puts faults in force, all in the same instant.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn add_faults(&self, list: &[Fault]) -> Result<Vec<FaultId>> {
        self.change(|faults| {
            list.iter()
                .map(|fault| {
                    faults.next += 1;
                    faults.rules.push((faults.next, fault.clone()));
                    FaultId(faults.next)
                })
                .collect()
        })
    }

    /// Ends faults, all in the same instant.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn remove_faults(&self, ids: &[FaultId]) -> Result<()> {
        self.change(|faults| faults.rules.retain(|(id, _)| !ids.contains(&FaultId(*id))))
    }

    /// Ends all faults and cuts on all ports.
    ///
    /// # Errors
    /// When nftables refuses.
    pub fn heal_all(&self) -> Result<()> {
        self.change(|faults| {
            faults.dead.clear();
            faults.rules.clear();
        })
    }

    /// Takes the carrier of a machine's interface away (a pulled cable) or gives it back.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn set_carrier(&self, machine: &str, net: &str, up: bool) -> Result<()> {
        let state = if up { "up" } else { "down" };
        self.ns.ip_batch(&format!("link set {} {state}\n", port(machine, net)))
    }

    /// Network namespace with the ports, for capture and injection.
    #[must_use]
    pub fn ns(&self) -> &Namespace {
        &self.ns
    }

    /// Name of the port `machine` is plugged into on `net`, for capture and injection.
    #[must_use]
    pub fn port_name(machine: &str, net: &str) -> String {
        port(machine, net)
    }

    fn change<T>(&self, edit: impl FnOnce(&mut Faults) -> T) -> Result<T> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let result = edit(&mut faults);
        let mut text = "flush set bridge lab dead\nflush chain bridge lab faults\n".to_owned();
        for port in &faults.dead {
            let _ = writeln!(text, "add element bridge lab dead {{ \"{port}\" }}");
        }
        for (_, fault) in &faults.rules {
            text.push_str(&fault.rule());
        }
        self.nft(&text)?;
        Ok(result)
    }

    fn nft(&self, text: &str) -> Result<()> {
        self.ns.feed(&["nft", "-f", "-"], text)
    }
}

fn write_sysctl(key: &str, value: &str) -> Result<()> {
    std::fs::write(format!("/proc/sys/{key}"), value).with_context(|| format!("setting {key} to {value}"))
}

/// Switches transmit checksum offload of `interface` off, in the calling thread's network.
fn checksum_offload_off(interface: &str) -> Result<()> {
    #[repr(C)]
    struct EthtoolValue {
        command: u32,
        value: u32,
    }
    const ETHTOOL_STXCSUM: u32 = 0x17;
    let socket: OwnedFd = std::net::UdpSocket::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), 0))?.into();
    let mut value = EthtoolValue { command: ETHTOOL_STXCSUM, value: 0 };
    // SAFETY: an all-zero ifreq is a valid one (integers and a union of plain data).
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    ensure!(interface.len() < request.ifr_name.len(), "interface name {interface:?} is too long");
    for (slot, byte) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *slot = byte.cast_signed();
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: `request` names the interface and points to `value`, both live during the call; the kernel only reads.
    let rc = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    ensure!(rc == 0, "switching checksum offload of {interface} off: {}", std::io::Error::last_os_error());
    Ok(())
}
