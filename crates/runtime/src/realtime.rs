//! Memory lock, real-time priority and protection from the out-of-memory killer.
//!
//! Each call is optional for the daemon: it logs the error, which says what is missing and what to do, and goes on.

use std::io;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, getrlimit};
use rustix::thread::CapabilitySet;

/// With a finite RLIMIT_MEMLOCK, locked future memory makes allocations fail once it is reached: less than this is
/// not worth the risk. The daemons use some tens of MiB.
const ENOUGH_LOCKED_MEMORY: u64 = 256 << 20;

/// Priority of the threads between a heartbeat and its effect: the loops of arbiterd and resd and the service of hbd. They
/// do little and never block, and a takeover passes through all of them; below the heartbeats themselves.
pub const LOOP_PRIORITY: u8 = 5;

/// Why a privilege was not granted, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// RLIMIT_MEMLOCK is too small and CAP_IPC_LOCK is missing.
    #[error(
        "memory is not locked: RLIMIT_MEMLOCK is {limit} bytes and CAP_IPC_LOCK is missing, so a swapped-out page can \
         delay heartbeats; set LimitMEMLOCK=infinity in the unit"
    )]
    LockedMemoryLimit {
        /// The soft limit in bytes.
        limit: u64,
    },
    /// mlockall failed otherwise.
    #[error("memory is not locked: {0}; set LimitMEMLOCK=infinity in the unit or grant CAP_IPC_LOCK")]
    LockMemory(io::Error),
    /// The scheduler refused.
    #[error(
        "no real-time priority {wanted}: {source}; RLIMIT_RTPRIO is {limit}. Set LimitRTPRIO={wanted} in the unit or \
         grant CAP_SYS_NICE (and, with CONFIG_RT_GROUP_SCHED, a real-time budget for the control group)"
    )]
    RealTime {
        /// The priority asked for.
        wanted: u8,
        /// The soft limit.
        limit: u64,
        /// The system's answer.
        source: io::Error,
    },
    /// The out-of-memory score could not be written.
    #[error(
        "the out-of-memory killer may choose this process: oom_score_adj {wanted} was refused: {source}; set \
         OOMScoreAdjust={wanted} in the unit or grant CAP_SYS_RESOURCE"
    )]
    OomScore {
        /// The value asked for.
        wanted: i16,
        /// The system's answer.
        source: io::Error,
    },
}

/// Locks present and future memory, each page when it is first touched (MCL_ONFAULT keeps stacks small).
///
/// # Errors
/// [`PrivilegeError::LockedMemoryLimit`] or [`PrivilegeError::LockMemory`]; nothing is locked then.
pub fn lock_memory() -> Result<(), PrivilegeError> {
    let privileged =
        rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    if let (false, Some(limit)) = (privileged, getrlimit(Resource::Memlock).current)
        && limit < ENOUGH_LOCKED_MEMORY
    {
        return Err(PrivilegeError::LockedMemoryLimit { limit });
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
        .map_err(|error| PrivilegeError::LockMemory(error.into()))
}

/// Gives the **calling thread** SCHED_RR at `priority` (1 low to 99 high); threads and processes it starts do not
/// inherit it.
///
/// # Errors
/// [`PrivilegeError::RealTime`]; the thread keeps its ordinary priority then.
pub fn real_time_priority(priority: u8) -> Result<(), PrivilegeError> {
    let parameters = libc::sched_param { sched_priority: i32::from(priority) };
    // SAFETY: `parameters` is a live, initialised sched_param for the length of the call; 0 means this thread.
    let result =
        unsafe { libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &raw const parameters) };
    if result == 0 {
        return Ok(());
    }
    let source = io::Error::last_os_error();
    let limit = getrlimit(Resource::Rtprio).current.unwrap_or(u64::MAX);
    Err(PrivilegeError::RealTime { wanted: priority, limit, source })
}

/// Sets the out-of-memory score adjustment of the process: −1000 (never killed) to 1000.
///
/// Children inherit it: a daemon that starts programs resets it in them.
///
/// # Errors
/// [`PrivilegeError::OomScore`]; the old value stays.
pub fn oom_score_adj(value: i16) -> Result<(), PrivilegeError> {
    std::fs::write("/proc/self/oom_score_adj", value.to_string())
        .map_err(|source| PrivilegeError::OomScore { wanted: value, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_out_of_range_is_refused_with_the_remedy() {
        let error = real_time_priority(200).unwrap_err().to_string();
        assert!(error.contains("LimitRTPRIO=200") && error.contains("CAP_SYS_NICE"), "{error}");
    }

    #[test]
    fn an_impossible_score_is_refused_with_the_remedy() {
        let error = oom_score_adj(20_000).unwrap_err().to_string();
        assert!(error.contains("OOMScoreAdjust=20000"), "{error}");
    }

    /// Granted or explained, never anything else; run on a thread of its own, which ends with the test.
    #[test]
    fn memory_and_priority_are_granted_or_explained() {
        std::thread::spawn(|| {
            for result in [lock_memory(), real_time_priority(1)] {
                if let Err(error) = result {
                    assert!(error.to_string().contains("Limit"), "{error}");
                }
            }
        })
        .join()
        .unwrap();
    }
}
