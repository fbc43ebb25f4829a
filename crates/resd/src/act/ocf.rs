//! The calling convention of OCF resource agents: where they are, their environment, their exit codes and reasons.
//!
//! Follows the OCF Resource Agent API 1.1 and the practice of the resource-agents package. Parameters that are not
//! configured are left out: an empty one would override the agent's default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Where agents live unless OCF_ROOT says otherwise.
const DEFAULT_ROOT: &str = "/usr/lib/ocf";

/// One agent with its parameters, for one resource.
#[derive(Clone, Debug)]
pub struct Call {
    /// As `heartbeat`.
    pub provider: String,
    /// As `pgsql`.
    pub kind: String,
    /// OCF_RESKEY_…
    pub parameters: BTreeMap<String, String>,
    /// Names the state files of the agent.
    pub instance: String,
}

/// Meaning of an exit code (OCF 1.1, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 0, and 8 (running in promoted role).
    Success,
    /// 7
    NotRunning,
    /// 2, 4, 5, 6: arguments, permissions, program or configuration are missing on this node.
    NodeLacks,
    /// 3
    Unimplemented,
    /// Everything else.
    Failed,
}

impl From<u8> for Code {
    fn from(code: u8) -> Self {
        match code {
            0 | 8 => Self::Success,
            7 => Self::NotRunning,
            2 | 4 | 5 | 6 => Self::NodeLacks,
            3 => Self::Unimplemented,
            _ => Self::Failed,
        }
    }
}

fn root() -> PathBuf {
    std::env::var_os("OCF_ROOT").map_or_else(|| PathBuf::from(DEFAULT_ROOT), PathBuf::from)
}

impl Call {
    /// From `provider:type`; without a colon the provider is `heartbeat`.
    pub fn new(agent: &str, parameters: &BTreeMap<String, String>, instance: String) -> Self {
        let (provider, kind) =
            agent.strip_prefix("ocf:").unwrap_or(agent).split_once(':').unwrap_or(("heartbeat", agent));
        Self { provider: provider.to_string(), kind: kind.to_string(), parameters: parameters.clone(), instance }
    }

    /// The agent's program.
    pub fn program(&self) -> PathBuf {
        root().join("resource.d").join(&self.provider).join(&self.kind)
    }

    /// Its environment for one action. `interval` zero: a probe, or an action that does not recur.
    pub fn environment(&self, timeout: Duration, interval: Duration, deep: bool) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = [
            ("OCF_ROOT", root().display().to_string()),
            ("OCF_RA_VERSION_MAJOR", "1".to_string()),
            ("OCF_RA_VERSION_MINOR", "1".to_string()),
            ("OCF_RESOURCE_INSTANCE", self.instance.clone()),
            ("OCF_RESOURCE_PROVIDER", self.provider.clone()),
            ("OCF_RESOURCE_TYPE", self.kind.clone()),
            ("OCF_RESKEY_CRM_meta_timeout", timeout.as_millis().to_string()),
            ("OCF_RESKEY_CRM_meta_interval", interval.as_millis().to_string()),
            ("HA_LOGFACILITY", "none".to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
        if deep {
            all.insert("OCF_CHECK_LEVEL".to_string(), "20".to_string());
        }
        for (name, value) in &self.parameters {
            all.insert(format!("OCF_RESKEY_{name}"), value.clone());
        }
        all
    }
}

/// The agent's own reason, if it gave one; the last counts.
pub fn reason(output: &str) -> Option<String> {
    output.lines().rev().find_map(|line| line.trim().strip_prefix("ocf-exit-reason:")).map(|r| r.trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B9: only configured parameters are passed, and the reason is found among the noise.
    #[test]
    fn environment_and_reason() {
        let parameters = BTreeMap::from([("config".to_string(), "/etc/x".to_string())]);
        let call = Call::new("heartbeat:pgsql", &parameters, "g.db".into());
        let environment = call.environment(Duration::from_secs(3), Duration::ZERO, false);
        assert_eq!(environment["OCF_RESKEY_config"], "/etc/x");
        assert_eq!(environment["OCF_RESKEY_CRM_meta_timeout"], "3000");
        assert_eq!(environment["OCF_RESKEY_CRM_meta_interval"], "0");
        assert!(!environment.contains_key("OCF_CHECK_LEVEL"));
        assert!(call.program().ends_with("resource.d/heartbeat/pgsql"));
        assert_eq!(reason("noise\nocf-exit-reason: no such user\nmore"), Some("no such user".into()));
        assert_eq!(reason("noise"), None);
        assert_eq!((Code::from(7), Code::from(5), Code::from(139)), (Code::NotRunning, Code::NodeLacks, Code::Failed));
    }
}
