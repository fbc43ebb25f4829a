//! Adverts: making ours, merging the peer's.

use crate::evaluate::known_up;
use crate::facts::PeerPresence;
use crate::group::Group;
use crate::io::{Output, Severity};
use crate::{Arbiter, PeerWord};
use alloc::string::ToString;
use hotpair_types::{Advert, Claim, GroupAdvert, Stamped, Timestamp};

/// Version of adverts that this program speaks (major, minor).
pub const ADVERT_VERSION: (u16, u16) = (1, 0);

impl Arbiter {
    /// The peer arbiter's word, through hbd (`by_hbd`) or as the answer to a signed question.
    pub(crate) fn on_word(&mut self, advert: Advert, now: Timestamp, by_hbd: bool) {
        if advert.node == self.me() {
            return;
        }
        let known = self.word.as_ref().map(|w| (w.advert.arbiter, w.advert.seq));
        // hbd keeps only the newest advert of the peer's newest run; an answer to a question is fresh by its nonce, but may be
        // overtaken by what hbd brought since.
        let outdated = known
            .is_some_and(|(run, seq)| run == advert.arbiter && (advert.seq < seq || (!by_hbd && advert.seq == seq)));
        if outdated {
            return;
        }
        let news = known != Some((advert.arbiter, advert.seq));
        if known.is_none_or(|(run, _)| run != advert.arbiter) {
            let run = advert.arbiter.to_string();
            self.event(now, "E110", Severity::Info, None, None, &[("run", run)]);
        }
        if news {
            self.merge(&advert, now);
        }
        let current = by_hbd || self.word.as_ref().is_some_and(|w| w.current);
        // While an own new epoch is being written, what the peer says is not confirmed to it: an offer that it takes back in
        // this moment must not look as if its withdrawal had been seen in time.
        if self.groups.iter().all(|g| g.taking.is_none()) {
            self.seen = (advert.arbiter, advert.seq);
        }
        if !self.heard_peer && by_hbd {
            self.heard_peer = true;
            self.boot_wait_over = true;
        }
        let at = if news { now } else { self.word.as_ref().map_or(now, |w| w.at) };
        self.word = Some(PeerWord { advert, current, at });
    }

    fn merge(&mut self, advert: &Advert, now: Timestamp) {
        for (own, theirs) in self.nodes.iter_mut().zip(&advert.nodes) {
            adopt(own, theirs);
        }
        for remote in &advert.groups {
            let Some(at) = self.groups.iter().position(|g| g.config.name == remote.name) else { continue };
            self.merge_group(at, remote, now);
        }
        self.finish_requests(&advert.done);
        self.accept_requests(&advert.requests, now);
    }

    fn merge_group(&mut self, at: usize, remote: &GroupAdvert, now: Timestamp) {
        let me = self.me();
        let Some(group) = self.groups.get_mut(at) else { return };
        let cleared = group.settings.value.clear;
        adopt(&mut group.settings, &remote.settings);
        if group.settings.value.clear > cleared {
            // Somebody cleared it at the peer: what is remembered here is forgiven as well.
            group.failed_until = None;
            group.release_blocked_until = None;
        }
        group.remote = Some(remote.clone());
        if remote.epoch <= group.epoch {
            return;
        }
        let was_mine = group.epoch.owner() == Some(me);
        group.epoch = remote.epoch;
        if group.taking.is_some_and(|t| t.epoch <= remote.epoch) {
            group.taking = None;
        }
        let both =
            group.serving() && group.observed.is_some() && known_up(remote) && matches!(remote.claim, Claim::Owner);
        let name = group.config.name.clone();
        let epoch = remote.epoch.to_string();
        if both {
            self.event(now, "E210", Severity::Critical, Some(name), None, &[("epoch", epoch)]);
        } else if was_mine {
            self.event(now, "E202", Severity::Info, Some(name), None, &[("epoch", epoch)]);
        }
    }

    /// This node's advert as it should be now.
    fn make_advert(&self) -> Advert {
        let me = self.me();
        let groups = self
            .groups
            .iter()
            .map(|group| GroupAdvert {
                name: group.config.name.clone(),
                epoch: group.epoch,
                claim: group.claim(me),
                state: group.state(),
                serving: self.may_be_up(group),
                ready: group.readiness(self.resd_alive),
                failed: group.failed_until.is_some() || group.state() == hotpair_types::GroupState::Failed,
                settings: group.settings.clone(),
            })
            .collect();
        Advert {
            node: me,
            boot: self.seed.boot,
            arbiter: self.seed.arbiter,
            seq: self.advert_seq,
            seen: self.seen,
            config: self.config.digest,
            version: ADVERT_VERSION,
            booting: !self.boot_wait_over,
            leaving: false,
            resd_alive: self.resd_alive,
            nodes: self.nodes.clone(),
            groups,
            requests: self.requests.iter().map(|(r, _)| r.clone()).collect(),
            done: self.done.clone(),
        }
    }

    /// [`Self::make_advert`] would say the same as `old`, its number and what it has seen aside; found out without making it, since
    /// most evaluations change nothing.
    fn says(&self, old: &Advert) -> bool {
        let Advert {
            node,
            boot,
            arbiter,
            seq: _,
            seen: _,
            config,
            version,
            booting,
            leaving,
            resd_alive,
            nodes,
            groups,
            requests,
            done,
        } = old;
        *node == self.me()
            && *boot == self.seed.boot
            && *arbiter == self.seed.arbiter
            && *config == self.config.digest
            && *version == ADVERT_VERSION
            && *booting != self.boot_wait_over
            && !*leaving
            && *resd_alive == self.resd_alive
            && *nodes == self.nodes
            && groups.len() == self.groups.len()
            && groups.iter().zip(&self.groups).all(|(told, group)| self.says_of(told, group))
            && requests.iter().eq(self.requests.iter().map(|(r, _)| r))
            && *done == self.done
    }

    fn says_of(&self, told: &GroupAdvert, group: &Group) -> bool {
        let GroupAdvert { name, epoch, claim, state, serving, ready, failed, settings } = told;
        *name == group.config.name
            && *epoch == group.epoch
            && *claim == group.claim(self.me())
            && *state == group.state()
            && *serving == self.may_be_up(group)
            && *failed == (group.failed_until.is_some() || group.state() == hotpair_types::GroupState::Failed)
            && *settings == group.settings
            && *ready == group.readiness(self.resd_alive)
    }

    /// Sends a new advert if anything in it changed.
    pub(crate) fn advertise(&mut self) {
        if self.groups.iter().all(|g| g.taking.is_none())
            && let Some(word) = &self.word
        {
            self.seen = (word.advert.arbiter, word.advert.seq);
        }
        // Two arbiters confirming each other's confirmations would never come to rest: `seen` alone is sent only if the peer
        // waits for it (its run or an offer of it), and then it changes something else over there.
        let same = self.advert.as_ref().is_some_and(|old| {
            let peer_waits = old.seen.0 != self.seen.0 || self.peer_waits_for_sight(old.seen.1);
            (!peer_waits || old.seen == self.seen) && self.says(old)
        });
        if same {
            return;
        }
        self.advert_seq += 1;
        let advert = self.make_advert();
        self.advert = Some(advert.clone());
        self.outputs.push_back(Output::Advert(advert));
    }

    /// The peer took an offer back, or owns a group without having it up: it waits until its newest advert was seen.
    fn peer_waits_for_sight(&self, confirmed: u64) -> bool {
        self.presence() == PeerPresence::Heard
            && self.word.as_ref().is_some_and(|w| {
                w.advert.seq > confirmed && w.advert.groups.iter().any(|g| g.claim == Claim::Owner && !g.serving)
            })
    }
}

fn adopt<T: Clone>(own: &mut Stamped<T>, theirs: &Stamped<T>) {
    if theirs.stamp.newer_than(own.stamp) {
        *own = theirs.clone();
    }
}
