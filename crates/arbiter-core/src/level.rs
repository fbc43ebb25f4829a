//! The guarantee level in force right now (B4): what the configuration gives a group, lowered by every part of it that does not
//! work at this moment, each with its reason.

use crate::Arbiter;
use crate::group::Group;
use crate::io::Sentence;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use hotpair_types::{FenceHealth, GuaranteeLevel, WatchdogState};

/// The level in force.
pub(crate) struct Level {
    /// It.
    pub(crate) now: GuaranteeLevel,
    /// With every part working.
    pub(crate) configured: GuaranteeLevel,
    /// What is missing.
    pub(crate) missing: Vec<Sentence>,
}

impl Arbiter {
    /// What holds without a third party.
    fn base_level(group: &Group) -> GuaranteeLevel {
        match (group.config.guards.storage, group.config.guards.leased) {
            (true, _) => GuaranteeLevel::Storage,
            (false, true) => GuaranteeLevel::Leased,
            (false, false) => GuaranteeLevel::Evidence,
        }
    }

    fn missing(&self, id: &str, group: &Group, reason: String) -> Sentence {
        let parameters = [
            ("group", group.config.name.to_string()),
            ("node", self.name(self.me())),
            ("peer", self.name(self.me().other())),
            ("reason", reason),
        ];
        let parameters = parameters.into_iter().map(|(k, v)| (k.to_string(), v)).collect();
        Sentence { id: id.to_string(), parameters }
    }

    /// The level of a group.
    pub(crate) fn level(&self, group: &Group) -> Level {
        let base = Self::base_level(group);
        let require = group.config.guards.require;
        let fenced = require == GuaranteeLevel::Fenced && self.config.arbitration.fence.is_some();
        let witnessed = self.bound(group);
        let configured = match (fenced, witnessed) {
            (true, _) => GuaranteeLevel::Fenced,
            (false, true) => GuaranteeLevel::Witnessed.max(base),
            (false, false) => base,
        };
        let mut missing = Vec::new();
        let fence_works = match self.observed.as_ref().map(|o| &o.fence_health) {
            Some(FenceHealth::Broken { reason }) if fenced => {
                missing.push(self.missing("S212", group, reason.clone()));
                false
            }
            _ => true,
        };
        let vote_works = match &self.arbitration.witness {
            Some(view) if witnessed && !view.reachable => {
                missing.push(self.missing("S211", group, view.reason.clone()));
                false
            }
            None if witnessed => {
                missing.push(self.missing("S211", group, "it has not answered yet".to_string()));
                false
            }
            _ => true,
        };
        let now = match (fenced && fence_works, witnessed && vote_works) {
            (true, _) => GuaranteeLevel::Fenced,
            (false, true) => GuaranteeLevel::Witnessed.max(base),
            (false, false) => base,
        };
        if let Some(WatchdogState::Broken { reason }) = self.observed.as_ref().map(|o| &o.watchdog)
            && now > GuaranteeLevel::Evidence
        {
            missing.push(self.missing("S213", group, reason.clone()));
        }
        Level { now, configured, missing }
    }

    /// The watchdog stands behind the promises of leases and votes.
    pub(crate) fn watchdog_stands(&self) -> bool {
        self.config.arbitration.watchdog
            && !matches!(self.observed.as_ref().map(|o| &o.watchdog), Some(WatchdogState::Broken { .. }))
    }
}
