//! Who is calling, and whether they may: authorisation by the credentials the kernel attaches to a Unix socket.
//!
//! User, group and supplementary groups are those the calling process had when it connected (SO_PEERCRED,
//! SO_PEERGROUPS): no name service is asked while a call is served, so a dead directory server cannot stall a daemon.
//! Group names are resolved once, in [`Access::resolve`]; call it again when the configuration is read again.

use std::sync::Arc;
use std::{fmt, io, mem};

use nix::unistd::{Group, geteuid};
use std::os::fd::AsRawFd;
use tokio::net::UnixStream;
use tonic::Extensions;

use crate::errors::Problem;

/// Members may read: status, views, events.
pub const READ_GROUP: &str = "hotpair";
/// Members may read and change.
pub const CHANGE_GROUP: &str = "hotpair-admin";

/// The process at the other end of a connection, as it was when it connected. In every request's extensions.
#[derive(Debug, Clone)]
pub struct PeerInfo {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Process id, if the kernel knows it in this namespace.
    pub pid: Option<i32>,
    /// Supplementary group ids.
    pub groups: Arc<[u32]>,
}

impl PeerInfo {
    /// Asks the kernel about the other end of `stream`.
    ///
    /// # Errors
    /// When the kernel refuses, which it does not for a connected Unix socket.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let groups = peer_groups(stream)?.into();
        Ok(Self { uid: credentials.uid(), gid: credentials.gid(), pid: credentials.pid(), groups })
    }

    fn is_member(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

/// Supplementary groups of the peer (SO_PEERGROUPS, Linux 4.13).
fn peer_groups(stream: &UnixStream) -> io::Result<Vec<u32>> {
    let mut groups = vec![0_u32; 64];
    // The kernel tells the needed length when the buffer is short; 65536 is the most a process can have.
    for _ in 0..3 {
        let bytes = groups.len() * mem::size_of::<libc::gid_t>();
        let mut length = libc::socklen_t::try_from(bytes).unwrap_or(libc::socklen_t::MAX);
        // SAFETY: the buffer is live and at least `length` bytes long, and `length` is a live socklen_t.
        let result = unsafe {
            libc::getsockopt(
                stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let needed = usize::try_from(length).unwrap_or(0) / mem::size_of::<libc::gid_t>();
        if result == 0 {
            groups.truncate(needed);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ERANGE) {
            return Err(error);
        }
        groups.resize(needed.clamp(64, 65_536), 0);
    }
    Err(io::Error::other("the list of supplementary groups does not hold still"))
}

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To see.
    Read,
    /// To change something, or to ask for it.
    Change,
}

/// A caller who may do what they ask for.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Process id, if known.
    pub pid: Option<i32>,
    /// User name from the local passwd file, else `uid N`: for logs and events.
    pub name: String,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "{} (uid {}, pid {pid})", self.name, self.uid),
            None => write!(f, "{} (uid {})", self.name, self.uid),
        }
    }
}

/// The rule: root and the daemon's own user may do everything; members of the two groups what their group allows.
///
/// A group that does not exist on the system admits nobody. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Access {
    own_uid: u32,
    read: GroupRef,
    change: GroupRef,
}

#[derive(Debug, Clone)]
struct GroupRef {
    name: Arc<str>,
    gid: Option<u32>,
}

impl Access {
    /// The standard groups, [`READ_GROUP`] and [`CHANGE_GROUP`].
    #[must_use]
    pub fn standard() -> Self {
        Self::resolve(READ_GROUP, CHANGE_GROUP)
    }

    /// Looks the groups up in the system's database (may ask a name service: call it at start and on reload).
    #[must_use]
    pub fn resolve(read_group: &str, change_group: &str) -> Self {
        Self::with_ids(read_group, group_id(read_group), change_group, group_id(change_group))
    }

    fn with_ids(read: &str, read_gid: Option<u32>, change: &str, change_gid: Option<u32>) -> Self {
        Self {
            own_uid: geteuid().as_raw(),
            read: GroupRef { name: read.into(), gid: read_gid },
            change: GroupRef { name: change.into(), gid: change_gid },
        }
    }

    /// Judges the caller of a request by its extensions: `access.authorize(request.extensions(), Need::Change)?`.
    ///
    /// # Errors
    /// PERMISSION_DENIED that names the missing group and the remedy, also when the request did not come in through
    /// this crate's server and so nobody knows who calls.
    pub fn authorize(&self, extensions: &Extensions, need: Need) -> Result<Caller, tonic::Status> {
        let Some(peer) = extensions.get::<PeerInfo>() else {
            return Err(Problem::permission_denied("CALLER_UNKNOWN", "nobody knows who is calling")
                .why("the request carries no peer credentials")
                .remedy("call over the daemon's Unix socket")
                .into());
        };
        if self.allows(peer, need) {
            return Ok(Caller { uid: peer.uid, gid: peer.gid, pid: peer.pid, name: user_name(peer.uid) });
        }
        Err(self.refusal(peer, need).into())
    }

    fn allows(&self, peer: &PeerInfo, need: Need) -> bool {
        let member = |group: &GroupRef| group.gid.is_some_and(|gid| peer.is_member(gid));
        peer.uid == 0 || peer.uid == self.own_uid || member(&self.change) || (need == Need::Read && member(&self.read))
    }

    fn refusal(&self, peer: &PeerInfo, need: Need) -> Problem {
        let name = user_name(peer.uid);
        let (group, verb) = match need {
            Need::Read => (&self.read, "read"),
            Need::Change => (&self.change, "change"),
        };
        let problem = Problem::permission_denied("NOT_A_MEMBER", format!("{name} may not {verb} here"))
            .meta("uid", peer.uid.to_string())
            .meta("group", &*group.name);
        if group.gid.is_some() {
            problem.why(format!("only root and members of the group {} may", group.name)).remedy(format!(
                "run it as root, or add the user (`usermod -aG {} {name}`) and log in again",
                group.name
            ))
        } else {
            problem.why(format!("only root may, since this system has no group {}", group.name)).remedy(format!(
                "run it as root, or create the group (`groupadd --system {}`) and reload the daemon",
                group.name
            ))
        }
    }
}

/// The id of a group of the system, `None` if there is no such group (or the database cannot be read, which is logged).
pub(crate) fn group_id(name: &str) -> Option<u32> {
    match Group::from_name(name) {
        Ok(group) => group.map(|g| g.gid.as_raw()),
        Err(error) => {
            tracing::warn!(group = name, %error, "the group database cannot be read: nobody is taken for a member");
            None
        }
    }
}

/// From the local file only, never from a name service. Used for display.
fn user_name(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse::<u32>().ok()? == uid).then(|| name.to_owned())
        })
        .unwrap_or_else(|| format!("uid {uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32, gid: u32, groups: &[u32]) -> PeerInfo {
        PeerInfo { uid, gid, pid: Some(1), groups: groups.into() }
    }

    #[test]
    fn root_own_user_and_members_pass_and_others_do_not() {
        let mut access = Access::with_ids("hotpair", Some(700), "hotpair-admin", Some(701));
        access.own_uid = 500;
        let judge = |p: &PeerInfo| (access.allows(p, Need::Read), access.allows(p, Need::Change));
        assert_eq!(judge(&peer(0, 0, &[])), (true, true));
        assert_eq!(judge(&peer(500, 9, &[])), (true, true));
        assert_eq!(judge(&peer(1000, 1000, &[])), (false, false));
        assert_eq!(judge(&peer(1000, 1000, &[5, 700])), (true, false));
        assert_eq!(judge(&peer(1000, 700, &[])), (true, false));
        assert_eq!(judge(&peer(1000, 1000, &[701])), (true, true));
    }

    #[test]
    fn a_group_that_does_not_exist_admits_nobody_and_the_refusal_says_so() {
        let access = Access::resolve("no-such-group-a", "no-such-group-b");
        assert!(access.allows(&peer(0, 0, &[]), Need::Change));
        let refused: tonic::Status = access.refusal(&peer(12_345, 12_345, &[]), Need::Change).into();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied);
        let text = crate::errors::explain_status(&refused);
        assert!(text.contains("groupadd --system no-such-group-b") && text.contains("uid 12345"), "{text}");
    }

    #[test]
    fn a_request_without_credentials_is_refused() {
        let refused = Access::standard().authorize(&Extensions::default(), Need::Read).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    }

    #[tokio::test]
    async fn the_kernel_tells_who_is_at_the_other_end() {
        let (a, _b) = UnixStream::pair().unwrap();
        let info = PeerInfo::of(&a).unwrap();
        assert_eq!(info.uid, geteuid().as_raw());
        let own: Vec<u32> = nix::unistd::getgroups().unwrap().iter().map(|g| g.as_raw()).collect();
        assert_eq!(&*info.groups, own.as_slice());
    }

    #[test]
    fn names_come_from_the_local_file() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_000), "uid 4000000000");
    }
}
