//! Sentences in the chosen language: own messages, states of the API in words, and the daemons' sentences rendered anew
//! from their message ids and parameters.

use crate::ids;
use crate::text::Tone;
use core::time::Duration;
use hotpair_messages::{Arg, Lang, Rendered};
use hotpair_proto::arbiter::v1 as arb;
use hotpair_proto::heartbeat::v1 as hb;
use hotpair_proto::resource::v1 as res;
use std::collections::HashMap;

/// The chosen language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words {
    lang: Lang,
}

impl Words {
    /// Words of a language.
    #[must_use]
    pub const fn new(lang: Lang) -> Self {
        Self { lang }
    }

    /// The language.
    #[must_use]
    pub const fn lang(self) -> Lang {
        self.lang
    }

    /// A message, filled.
    #[must_use]
    pub fn say(self, id: &str, args: &[Arg<'_>]) -> String {
        hotpair_messages::render(id, self.lang, args)
    }

    /// A message without parameters.
    #[must_use]
    pub fn word(self, id: &str) -> String {
        self.say(id, &[])
    }

    /// What separates a name from what follows.
    #[must_use]
    pub const fn colon(self) -> &'static str {
        match self.lang {
            Lang::En => ": ",
            Lang::Zh => "：",
        }
    }

    /// The text in brackets, to be put behind another; nothing for nothing.
    #[must_use]
    pub fn brackets(self, text: &str) -> String {
        match self.lang {
            _ if text.is_empty() => String::new(),
            Lang::En => format!(" ({text})"),
            Lang::Zh => format!("（{text}）"),
        }
    }

    /// What separates parts of a list.
    #[must_use]
    pub const fn comma(self) -> &'static str {
        match self.lang {
            Lang::En => ", ",
            Lang::Zh => "，",
        }
    }

    /// A length of time for people: two units at most.
    #[must_use]
    pub fn duration(self, length: Duration) -> String {
        let millis = length.as_millis();
        let seconds = length.as_secs();
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
        if millis < 1_000 {
            self.say(ids::MILLIS, &[("ms", &fraction(u64::try_from(length.as_micros()).unwrap_or(u64::MAX)))])
        } else if seconds < 60 && !millis.is_multiple_of(1_000) && seconds < 10 {
            self.say(ids::SECONDS, &[("s", &fraction(u64::try_from(millis / 100 * 100).unwrap_or(u64::MAX)))])
        } else if minutes == 0 {
            self.say(ids::SECONDS, &[("s", &seconds)])
        } else if hours == 0 {
            let id = if seconds.is_multiple_of(60) { ids::MINUTES_EVEN } else { ids::MINUTES };
            self.say(id, &[("m", &minutes), ("s", &(seconds % 60))])
        } else if days == 0 {
            let id = if minutes.is_multiple_of(60) { ids::HOURS_EVEN } else { ids::HOURS };
            self.say(id, &[("h", &hours), ("m", &(minutes % 60))])
        } else {
            let id = if hours.is_multiple_of(24) { ids::DAYS_EVEN } else { ids::DAYS };
            self.say(id, &[("d", &days), ("h", &(hours % 24))])
        }
    }

    /// "for …": how long something lasts, from two points of CLOCK_BOOTTIME in nanoseconds; empty where `since` is 0.
    #[must_use]
    pub fn lasting(self, since_ns: u64, now_ns: u64) -> String {
        if since_ns == 0 {
            return String::new();
        }
        let time = self.duration(Duration::from_nanos(now_ns.saturating_sub(since_ns)));
        self.say(ids::FOR, &[("time", &time)])
    }

    /// A daemon's sentence. English comes as the daemon said it; another language is rendered from id and parameters,
    /// unless this program does not know the message or a parameter is missing.
    #[must_use]
    pub fn server(self, id: &str, parameters: &HashMap<String, String>, english: &str) -> Rendered {
        let given =
            |text: &'static str| hotpair_messages::placeholders(text).iter().all(|name| parameters.contains_key(*name));
        let known = hotpair_messages::get(id).filter(|message| given(message.text(self.lang)));
        let pairs: Vec<(String, String)> = parameters.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        match known {
            Some(message) => {
                let mut rendered = hotpair_messages::render_said(id, self.lang, &pairs);
                if self.lang == Lang::En && !english.is_empty() {
                    english.clone_into(&mut rendered.text);
                }
                if !given(message.remedy_text(self.lang)) {
                    rendered.remedy.clear();
                }
                rendered
            }
            None => Rendered { text: self.translated(english), meaning: String::new(), remedy: String::new() },
        }
    }

    /// A daemon's English words in the reader's language, as far as they are known.
    #[must_use]
    pub fn translated(self, english: &str) -> String {
        hotpair_messages::translate(english, self.lang)
    }

    /// Evidence of the safety check, as a daemon lists it, in words.
    #[must_use]
    pub fn evidence(self, line: &str) -> String {
        let said = hotpair_messages::localized("X308", self.lang, &[("evidence".to_owned(), line.to_owned())]);
        said.into_iter().next().map(|(_, text)| text).unwrap_or_default()
    }

    /// What a rule does, in words.
    #[must_use]
    pub fn action(self, english: &str) -> String {
        let said = hotpair_messages::localized("X110", self.lang, &[("action".to_owned(), english.to_owned())]);
        said.into_iter().next().map(|(_, text)| text).unwrap_or_default()
    }

    /// The steps of a plan.
    #[must_use]
    pub fn plan(self, plan: &[String], steps: &[arb::PlanStep]) -> Vec<String> {
        if steps.len() != plan.len() {
            return plan.iter().map(|step| self.translated(step)).collect();
        }
        steps.iter().map(|step| self.server(&step.message_id, &step.parameters, &step.text).text).collect()
    }

    /// What a rule decided on a group, for a page on which the group's name stands already.
    #[must_use]
    pub fn decision(self, group: &arb::GroupStatus) -> Rendered {
        let mut rendered = self.server(&group.rule, &group.parameters, &group.reason);
        let rest =
            rendered.text.strip_prefix(&group.name).and_then(|t| t.strip_prefix(": ").or_else(|| t.strip_prefix('：')));
        if let Some(rest) = rest.map(str::to_owned) {
            rendered.text = rest;
        }
        rendered
    }

    /// A node's state.
    #[must_use]
    pub fn node_state(self, state: arb::NodeState) -> (Tone, String) {
        use arb::NodeState as S;
        let (tone, id) = match state {
            S::Unspecified | S::Unknown => (Tone::Dim, ids::UNKNOWN),
            S::Alive => (Tone::Good, ids::ALIVE),
            S::Booting => (Tone::Warn, ids::BOOTING),
            S::SilentButAlive => (Tone::Warn, ids::SILENT_ALIVE),
            S::Silent => (Tone::Bad, ids::SILENT),
            S::NoSign => (Tone::Bad, ids::NO_SIGN),
            S::Left => (Tone::Warn, ids::LEFT),
        };
        (tone, self.word(id))
    }

    /// A group's state on a node.
    #[must_use]
    pub fn group_state(self, state: res::GroupState) -> (Tone, String) {
        use res::GroupState as S;
        let (tone, id) = match state {
            S::Unspecified | S::Unknown => (Tone::Dim, ids::UNKNOWN),
            S::Stopped => (Tone::Plain, ids::STOPPED),
            S::Starting => (Tone::Warn, ids::STARTING),
            S::Running => (Tone::Good, ids::RUNNING),
            S::Recovering => (Tone::Warn, ids::RECOVERING),
            S::Stopping => (Tone::Warn, ids::STOPPING),
            S::Failed => (Tone::Bad, ids::FAILED),
            S::StopFailed => (Tone::Bad, ids::STOP_FAILED),
        };
        (tone, self.word(id))
    }

    /// A resource's state.
    #[must_use]
    pub fn resource_state(self, state: res::ResourceState) -> (Tone, String) {
        use res::ResourceState as S;
        let (tone, id) = match state {
            S::Unspecified | S::Unknown => (Tone::Dim, ids::UNKNOWN),
            S::Stopped => (Tone::Plain, ids::STOPPED),
            S::Starting => (Tone::Warn, ids::STARTING),
            S::Running => (Tone::Good, ids::RUNNING),
            S::Late => (Tone::Warn, ids::OVERDUE),
            S::Failed => (Tone::Bad, ids::FAILED),
            S::Stopping => (Tone::Warn, ids::STOPPING),
            S::StopFailed => (Tone::Bad, ids::STOP_FAILED),
        };
        (tone, self.word(id))
    }

    /// The state of one direction of a path.
    #[must_use]
    pub fn path_state(self, state: hb::PathState) -> (Tone, String) {
        use hb::PathState as S;
        let (tone, id) = match state {
            S::Unspecified | S::Unknown => (Tone::Dim, ids::NOT_JUDGED),
            S::Up => (Tone::Good, ids::UP),
            S::Late => (Tone::Warn, ids::LATE),
            S::Down => (Tone::Bad, ids::DOWN),
        };
        (tone, self.word(id))
    }

    /// The colour's name, for output without colours.
    #[must_use]
    pub fn colour_name(self, state: hb::PathState) -> String {
        use hb::PathState as S;
        self.word(match state {
            S::Unspecified | S::Unknown => ids::GREY,
            S::Up => ids::GREEN,
            S::Late => ids::YELLOW,
            S::Down => ids::RED,
        })
    }

    /// Why a direction is as it is, and what to do; `None` where nothing is wrong.
    #[must_use]
    pub fn path_cause(self, view: &hb::DirectionView) -> Option<Rendered> {
        use hb::PathCause as C;
        let id = match view.cause() {
            C::Unspecified | C::None => return None,
            C::NeverHeard => ids::CAUSE_NEVER,
            C::Missed => ids::CAUSE_MISSED,
            C::NoCarrier => ids::CAUSE_CARRIER,
            C::DeviceMissing => ids::CAUSE_DEVICE,
            C::IoError => ids::CAUSE_IO,
            C::PartnerSilent => ids::CAUSE_PARTNER,
            C::PeerDoesNotHear => ids::CAUSE_DEAF,
            C::NoReport => ids::CAUSE_NO_REPORT,
            C::Stale => ids::CAUSE_STALE,
            C::Unauthenticated => ids::CAUSE_AUTH,
            C::OwnEcho => ids::CAUSE_ECHO,
            C::Hanging => ids::CAUSE_HANGING,
            C::ForeignArea => ids::CAUSE_FOREIGN_AREA,
            C::DamagedSlot => ids::CAUSE_DAMAGED_SLOT,
        };
        let mut rendered = hotpair_messages::render_full(id, self.lang, &[("missed", &view.missed)]);
        if !view.detail.is_empty() {
            rendered.text.push_str(&self.brackets(&view.detail));
        }
        Some(rendered)
    }

    /// How bad something is.
    #[must_use]
    pub fn severity(self, severity: arb::Severity) -> (Tone, String) {
        let (tone, id) = match severity {
            arb::Severity::Unspecified | arb::Severity::Info => (Tone::Dim, ids::SEVERITY_INFO),
            arb::Severity::Warning => (Tone::Warn, ids::SEVERITY_WARNING),
            arb::Severity::Critical => (Tone::Bad, ids::SEVERITY_CRITICAL),
        };
        (tone, self.word(id))
    }

    /// A verdict of the safety check.
    #[must_use]
    pub fn verdict(self, verdict: &str) -> String {
        match verdict {
            "no-sign" => self.word(ids::VERDICT_NO_SIGN),
            "isolated" => self.word(ids::VERDICT_ISOLATED),
            "unknown" | "" => self.word(ids::VERDICT_UNKNOWN),
            alive if alive.starts_with("peer-alive") => self.word(ids::VERDICT_ALIVE),
            // A newer daemon's word.
            other => other.to_owned(),
        }
    }

    /// What the guarantee in force promises; where this program does not know the sentence, what the daemon said.
    #[must_use]
    pub fn promise(self, group: &arb::GroupStatus) -> String {
        if hotpair_messages::get(&group.promise_id).is_some() {
            return hotpair_messages::render(&group.promise_id, self.lang, &[]);
        }
        hotpair_config::guarantee::level(&group.guarantee)
            .map_or_else(|| group.promise.clone(), |level| hotpair_config::guarantee::promise(level, self.lang))
    }
}

/// Thousandths with up to three significant decimals and no trailing zeros: 1500 -> "1.5", 20 -> "0.02".
#[must_use]
pub fn fraction(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    // From ten on, less precision reads better.
    let rest = match whole {
        0 => rest,
        1..=9 => rest / 10 * 10,
        10..=99 => rest / 100 * 100,
        _ => 0,
    };
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:03}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_well_in_both_languages() {
        let en = |ms| Words::new(Lang::En).duration(Duration::from_millis(ms));
        assert_eq!(en(0), "0 ms");
        assert_eq!(en(450), "450 ms");
        assert_eq!(en(1_250), "1.2 s");
        assert_eq!(en(59_999), "59 s");
        assert_eq!(en(61_000), "1 min 1 s");
        assert_eq!(en(7_260_000), "2 h 1 min");
        assert_eq!(en(90_000_000), "1 d 1 h");
        assert_eq!(Words::new(Lang::En).duration(Duration::from_micros(210)), "0.21 ms");
        assert_eq!(Words::new(Lang::Zh).duration(Duration::from_secs(3_661)), "1 小时 1 分");
    }

    #[test]
    fn fractions_keep_what_matters() {
        for (thousandths, text) in
            [(0, "0"), (20, "0.02"), (1_500, "1.5"), (1_555, "1.55"), (12_345, "12.3"), (123_456, "123")]
        {
            assert_eq!(fraction(thousandths), text);
        }
    }

    /// B1: the daemons' sentences come out in the reader's language, and never get lost when they cannot be translated.
    #[test]
    fn server_sentences_are_translated_where_possible_and_kept_where_not() {
        let parameters = HashMap::from([("path".to_owned(), "lan0".to_owned())]);
        let zh = Words::new(Lang::Zh);
        assert_eq!(zh.server("P001", &parameters, "path lan0 is up").text, "路径 lan0 正常");
        assert_eq!(zh.server("X999", &parameters, "something new").text, "something new");
        // Without parameters the English sentence itself tells them.
        assert_eq!(zh.server("P001", &HashMap::new(), "path lan0 is up").text, "路径 lan0 正常");
        assert_eq!(Words::new(Lang::En).server("P001", &parameters, "path lan0 is up").text, "path lan0 is up");
    }
}
