//! Sentences that were said before: stored in the history, or told by a daemon in English, for a reader now.
//!
//! Parameters of messages hold words of programs (`rx`, `missed 5`, `kernel`, a list of probes, another program's English
//! sentence). Here they become words for people, in the reader's language. What is not known stays as it was said: nothing is lost.

use crate::{Arg, Lang, Rendered, catalogue, pages, render_full, texts};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;

/// How deep sentences are looked for within sentences.
const DEPTH: u32 = 4;

/// As `render_pairs`, with parameters in words for people.
pub fn render_said(id: &str, lang: Lang, args: &[(String, String)]) -> Rendered {
    let args = localized(id, lang, args);
    let args: Vec<Arg<'_>> = args.iter().map(|(name, value)| (name.as_str(), value as &dyn Display)).collect();
    render_full(id, lang, &args)
}

/// The parameters of a message with values in words for people.
pub fn localized(id: &str, lang: Lang, args: &[(String, String)]) -> Vec<(String, String)> {
    args.iter().map(|(name, value)| (name.clone(), value_of(id, name, value, lang, args))).collect()
}

fn value_of(id: &str, name: &str, value: &str, lang: Lang, args: &[(String, String)]) -> String {
    let rule = || args.iter().find(|(n, _)| n == "rule").map_or("", |(_, v)| v.as_str());
    let known = match name {
        "direction" => word(value, lang, DIRECTIONS),
        "medium" => word(value, lang, MEDIA),
        "sign" => word(value, lang, SIGNS),
        "verdict" => word(value, lang, VERDICTS),
        "state" | "action" | "ready" => word(value, lang, STATES),
        "cause" => Some(cause(value, lang)),
        "evidence" => Some(evidence(value, lang)),
        "facts" => Some(facts(value, lang)),
        "condition" if lang == Lang::Zh => pages::condition_zh(rule()).map(ToOwned::to_owned),
        "why" if matches!(id, "E248" | "X204" | "X420") => {
            Some(why(id, rule(), lang, args).unwrap_or(value.to_owned()))
        }
        "reason" | "failure" | "not_ready" | "peer_not_ready" | "for" | "time" | "why" | "outcome" | "what" => None,
        _ => return value.to_owned(),
    };
    known.unwrap_or_else(|| translate(value, lang))
}

/// The sentence of a rule, as the node that decided would say it, without the group's name.
fn why(id: &str, rule: &str, lang: Lang, args: &[(String, String)]) -> Option<String> {
    crate::get(rule)?;
    let swapped: Vec<(String, String)> = args
        .iter()
        .map(|(name, value)| match name.as_str() {
            // Told by the peer: its own name stands for the node that decided.
            "node" if id == "E248" => ("peer".to_owned(), value.clone()),
            "peer" if id == "E248" => ("node".to_owned(), value.clone()),
            _ => (name.clone(), value.clone()),
        })
        .filter(|(name, _)| name != "why" && name != "rule")
        .collect();
    let text = render_said(rule, lang, &swapped).text;
    let group = args.iter().find(|(n, _)| n == "group" || n == "name").map_or("", |(_, v)| v.as_str());
    let rest = text.strip_prefix(group).and_then(|t| t.strip_prefix(": ").or_else(|| t.strip_prefix('：')));
    Some(rest.unwrap_or(&text).to_owned())
}

type Words = &'static [(&'static str, &'static str, &'static str)];

const DIRECTIONS: Words = &[("rx", "receiving", "接收方向"), ("tx", "sending", "发送方向")];
const MEDIA: Words = &[("serial", "serial", "串口"), ("udp", "network", "网络"), ("disk", "disk", "磁盘")];
const SIGNS: Words = &[
    ("software", "hotpair answers there", "对方的 hotpair 有回应"),
    ("serving", "a virtual address answers there", "虚拟地址有回应"),
    ("kernel", "its kernel answers", "对方内核有回应"),
    ("storage", "its disk slot or lease is being written", "对方的磁盘槽位或租约仍在写"),
];
const VERDICTS: Words = &[
    ("peer-alive", "the peer is alive", "对方存活"),
    ("no-sign", "no sign of the peer", "没有对方的迹象"),
    ("isolated", "this node is the isolated one", "被隔断的是本机"),
    ("unknown", "cannot tell yet", "尚无法判断"),
    ("", "not known yet", "尚不清楚"),
];
const STATES: Words = &[
    ("unknown", "not known", "未知"),
    ("stopped", "stopped", "已停止"),
    ("starting", "starting", "正在启动"),
    ("running", "running", "运行中"),
    ("recovering", "being repaired", "正在修复"),
    ("stopping", "stopping", "正在停止"),
    ("failed", "failed", "失败"),
    ("stop-failed", "stop not confirmed", "停止未确认"),
    ("ready", "ready", "就绪"),
    ("leave everything as it is", "everything stays as it is", "保持现状"),
    ("watch only", "it is only watched", "只观察"),
    ("run it here", "it runs here", "在本机运行"),
    ("do not run it here", "it does not run here", "不在本机运行"),
    (
        "do not run it here; ask the witness for its vote",
        "it does not run here; the witness is asked for its vote",
        "不在本机运行；向见证者请求投票",
    ),
    (
        "do not run it here; have the peer switched off",
        "it does not run here; the peer is to be switched off",
        "不在本机运行；切断对方电源",
    ),
    ("stop it here in order to hand it over", "it is stopped here in order to hand it over", "在本机停止以便交出"),
    ("offer it to the peer", "it is offered to the peer", "向对方发出交接"),
    ("take the offer back", "the offer is taken back", "收回交接"),
    ("take it with a new epoch and start it", "it is taken with a new epoch and started", "以新的 epoch 接管并启动"),
    (
        "take it from the peer with a new epoch and start it",
        "it is taken from the peer with a new epoch and started",
        "以新的 epoch 从对方接管并启动",
    ),
];

fn word(value: &str, lang: Lang, words: Words) -> Option<String> {
    words.iter().find(|(code, _, _)| *code == value).map(|(_, en, zh)| pick(lang, en, zh).to_owned())
}

const fn pick<'a>(lang: Lang, en: &'a str, zh: &'a str) -> &'a str {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

const CAUSES: Words = &[
    ("none", "nothing is wrong", "无异常"),
    ("never-heard", "nothing was ever heard there", "从未收到心跳"),
    ("no-carrier", "own port has no carrier", "本机端口无载波"),
    ("partner-silent", "the other end is connected but silent", "对端已连接但没有心跳"),
    ("peer-does-not-hear", "the peer says that it does not hear us", "对方表示听不到本机"),
    ("no-report", "nothing is heard of the peer on any path", "所有路径都没有对方的消息"),
    ("stale", "frames arrive too old", "收到的帧已过时"),
    ("unauthenticated", "frames fail authentication: key or pair differs", "收到的帧认证失败：密钥或双机标识不同"),
    ("own-echo", "own frames come back", "收到本机发出的帧"),
];

/// A path's cause, as the arbiter's core words it for parameters.
fn cause(value: &str, lang: Lang) -> String {
    if let Some(known) = word(value, lang, CAUSES) {
        return known;
    }
    if let Some(count) = value.strip_prefix("missed ") {
        return match lang {
            Lang::En => format!("{count} heartbeats missing in a row"),
            Lang::Zh => format!("连续丢失 {count} 个心跳"),
        };
    }
    if let Some((what, detail)) = value.split_once(": ") {
        let what = match what {
            "device-missing" => pick(lang, "own device is not there", "本机设备不存在"),
            "io-error" => pick(lang, "own port answers with an error", "本机端口报告错误"),
            _ => return translate(value, lang),
        };
        return format!("{what}{}{detail}", pick(lang, ": ", "："));
    }
    translate(value, lang)
}

const PROBES: Words = &[
    ("ask", "its arbiter", "对方仲裁进程"),
    ("ask-broadcast", "its arbiter, by broadcast", "对方仲裁进程（广播）"),
    ("arp", "ARP", "ARP"),
    ("nd", "neighbour discovery", "邻居发现"),
    ("echo", "ping", "ping"),
    ("virtual-address", "the groups' addresses", "服务地址"),
    ("reference", "reference addresses", "参考地址"),
    ("disk", "the shared disk", "共享磁盘"),
    ("third-party", "neighbours", "邻居节点"),
];

/// Lines of evidence in two or three sentences: who was asked without an answer, who answered, what could not be sent.
fn evidence(value: &str, lang: Lang) -> String {
    let (mut asked, mut answered, mut unsent, mut rest): (Vec<Asked>, Vec<String>, Vec<String>, Vec<String>) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for piece in value.split("; ") {
        match Piece::read(piece) {
            Some(Piece::Sent { probe, via }) => match asked.iter_mut().find(|(p, _)| *p == probe) {
                Some((_, all)) => all.push(via.to_owned()),
                None => asked.push((probe.to_owned(), [via.to_owned()].into())),
            },
            Some(Piece::Unsent { probe, why }) => {
                let probe = word(probe, lang, PROBES).unwrap_or_else(|| probe.to_owned());
                unsent.push(format!("{probe}{}{}", pick(lang, ": ", "："), translate(why, lang)));
            }
            Some(Piece::Answered { probe, via, sign }) => {
                asked.retain(|(p, _)| p != probe);
                let probe = word(probe, lang, PROBES).unwrap_or_else(|| probe.to_owned());
                let sign = word(sign, lang, SIGNS).unwrap_or_else(|| sign.to_owned());
                answered.push(format!("{probe} {via}{}{sign}", pick(lang, ": ", "：")));
            }
            Some(Piece::Reference { via }) => {
                asked.retain(|(p, _)| p != "reference");
                let who = via.split(',').next().unwrap_or(via);
                answered.push(format!("{} {who}", pick(lang, "reference address", "参考地址")));
            }
            Some(Piece::Neighbour { via }) => {
                answered
                    .push(format!("{} {via}", pick(lang, "a neighbour cannot see it either:", "邻居节点也看不到它：")));
            }
            None if piece.is_empty() => {}
            None => rest.push(translate(piece, lang)),
        }
    }
    answered.sort();
    answered.dedup();
    let asked: Vec<String> = asked
        .into_iter()
        .map(|(probe, via)| {
            let probe = word(&probe, lang, PROBES).unwrap_or(probe);
            format!("{probe} ({})", via.join(", "))
        })
        .collect();
    let mut parts = Vec::new();
    for (en, zh, list) in [
        ("answered: ", "有回应：", answered),
        ("asked without an answer: ", "询问而无回应：", asked),
        ("could not be sent: ", "无法发送：", unsent),
        ("", "", rest),
    ] {
        if !list.is_empty() {
            parts.push(format!("{}{}", pick(lang, en, zh), list.join(pick(lang, ", ", "、"))));
        }
    }
    parts.join(pick(lang, "; ", "；"))
}

type Asked = (String, Vec<String>);

/// One line of evidence, as the arbiter's core words it: `round 3: arp sent hb 192.0.2.1`.
enum Piece<'a> {
    Sent { probe: &'a str, via: &'a str },
    Unsent { probe: &'a str, why: &'a str },
    Answered { probe: &'a str, via: &'a str, sign: &'a str },
    Reference { via: &'a str },
    Neighbour { via: &'a str },
}

impl<'a> Piece<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (_, rest) = text.strip_prefix("round ")?.split_once(": ")?;
        if let Some(via) = rest.strip_prefix("reference answered ") {
            return Some(Self::Reference { via });
        }
        if let Some(via) = rest.strip_prefix("neighbour cannot see it either ") {
            return Some(Self::Neighbour { via });
        }
        let (probe, rest) = rest.split_once(' ')?;
        if let Some(via) = rest.strip_prefix("sent ") {
            return Some(Self::Sent { probe, via });
        }
        if let Some(why) = rest.strip_prefix("could not be sent ") {
            return Some(Self::Unsent { probe, why });
        }
        let (via, sign) = rest.strip_prefix("answered ")?.rsplit_once(": ")?;
        Some(Self::Answered { probe, via, sign: sign.strip_suffix(" alive")? })
    }
}

/// Facts worth telling: name, the value that says nothing, and the words for it.
const FACTS: &[(&str, &str, &str, &str)] = &[
    ("peer", "", "the peer is", "对方"),
    ("sign", "", "sign of life", "生命迹象"),
    ("steward", "", "looked after by", "负责方"),
    ("local_state", "", "state here", "本机状态"),
    ("phase", "Normal", "phase of a hand-over", "交接阶段"),
    ("ready", "", "ready here", "本机就绪"),
    ("failed_here", "No", "failed here", "在本机失败"),
    ("peer_ready", "", "ready at the peer", "对方就绪"),
    ("peer_claim", "", "the peer's word", "对方表态"),
    ("epoch", "", "epoch", "epoch"),
    ("resd_known", "true", "resd has told what runs here", "resd 已报告运行情况"),
    ("peer_current", "", "the peer's arbiter is heard", "听得到对方仲裁进程"),
    ("config_same", "true", "configurations equal", "配置一致"),
    ("vouched", "false", "a person vouched that the peer is off", "有人担保对方断电"),
    ("boot_wait", "false", "boot wait", "开机等待"),
    ("heard_this_boot", "true", "peer heard since boot", "开机后听到过对方"),
    ("revalidating", "false", "making sure of its rights after a stall", "停顿后重新确认权利"),
    ("persist_broken", "false", "state file cannot be written", "状态文件无法写入"),
    ("serving", "false", "up here", "在本机运行"),
    ("i_may_host", "true", "this node may host it", "本机允许承载"),
    ("peer_may_host", "true", "the peer may host it", "对方允许承载"),
    ("peer_serving", "", "up at the peer as last told", "据最后消息在对方运行"),
    ("frozen", "false", "frozen", "已冻结"),
    ("maintenance", "false", "maintenance", "维护中"),
    ("quarantined", "false", "moved too often", "移动过多"),
    ("hold_on_silence", "false", "to be held on silence", "静默时保持"),
    ("require_unmet", "false", "demanded guarantee not reached", "所需保证级别未达到"),
    ("lease_wait", "false", "the peer's lease may still run", "对方租约可能未到期"),
    ("right_lost", "false", "the right to run it was not renewed", "运行的权利未续期"),
    ("require", "evidence", "demanded guarantee", "要求的保证级别"),
    ("vote", "None", "the witness's vote", "见证者的投票"),
    ("fence", "None", "fencing of the peer", "对方的隔离"),
    ("right", "Unbound", "the right to run it", "运行的权利"),
    ("move_asked", "false", "a move was ordered", "已下令移动"),
    ("failback_due", "false", "failback is due", "应回切"),
    ("i_am_standby", "false", "this node is in standby", "本机备用"),
    // Not told: they follow from the others.
    ("authorised", "*", "", ""),
    ("ever_owned", "true", "owned before", "曾被拥有"),
    ("peer_up", "*", "", ""),
    ("stop_confirmed", "*", "", ""),
    ("synced", "*", "", ""),
];

const FACT_VALUES: Words = &[
    ("true", "yes", "是"),
    ("false", "no", "否"),
    ("Yes", "yes", "是"),
    ("No", "no", "否"),
    ("Unknown", "not known", "未知"),
    ("Heard", "heard", "有心跳"),
    ("Silent", "silent", "静默"),
    ("None", "none", "无"),
    ("Isolated", "this node is isolated", "本机被隔断"),
    ("Me", "this node", "本机"),
    ("Peer", "the peer", "对方"),
    ("Owner", "owner", "拥有者"),
    ("Resource", "a resource", "资源"),
    ("Network", "the network", "网络"),
    ("Releasing", "stopping to hand over", "正在停止以交出"),
    ("Released", "offered", "已发出交接"),
    ("Withdrawing", "offer being taken back", "正在收回交接"),
    ("OffersToMe", "offers it to this node", "向本机交接"),
    ("Held", "held by this node", "本机持有"),
    ("Waiting", "asked for, no answer yet", "已请求，尚无答复"),
    ("Unreachable", "the witness does not answer", "见证者没有应答"),
    ("Due", "to be done", "待执行"),
    ("Running", "under way", "正在执行"),
    ("Confirmed", "confirmed", "已确认"),
    ("Failed", "failed", "失败"),
    ("Given", "given", "已具备"),
    ("Missing", "missing", "缺失"),
    ("Alive(Software)", "hotpair answers there", "对方的 hotpair 有回应"),
    ("Alive(Serving)", "a virtual address answers there", "虚拟地址有回应"),
    ("Alive(Kernel)", "its kernel answers", "对方内核有回应"),
    ("Alive(Storage)", "its disk is being written", "对方仍在写磁盘"),
];

/// `name = value, name = value` as the arbiter's core records facts: those worth telling, in words.
fn facts(value: &str, lang: Lang) -> String {
    let told = value.split(", ").filter_map(|pair| {
        let (name, value) = pair.split_once(" = ")?;
        let known = FACTS.iter().find(|(n, _, _, _)| *n == name);
        let (en, zh) = match known {
            Some((_, dull, _, _)) if *dull == value || *dull == "*" => return None,
            Some((_, _, en, zh)) => (*en, *zh),
            None => (name, name),
        };
        let words = word(value, lang, FACT_VALUES).or_else(|| word(value, lang, STATES));
        Some(format!("{}{}{}", pick(lang, en, zh), pick(lang, ": ", "："), words.unwrap_or_else(|| value.to_owned())))
    });
    told.collect::<Vec<String>>().join(pick(lang, ", ", "，"))
}

/// A program's English sentence in the reader's language, as far as it is known: it is compared with the catalogue's sentences
/// and with those that daemons use in reasons. What is not known stays English.
pub fn translate(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => text.to_owned(),
        Lang::Zh => zh(text, DEPTH),
    }
}

fn zh(text: &str, depth: u32) -> String {
    if depth == 0 || text.is_empty() {
        return text.to_owned();
    }
    if let Some(known) = whole(text, depth) {
        return known;
    }
    for (separator, with) in [("; ", "；"), (": ", "：")] {
        if let Some((first, rest)) = text.split_once(separator) {
            return format!("{}{with}{}", zh(first, depth - 1), zh(rest, depth - 1));
        }
    }
    text.to_owned()
}

/// The sentence with the most words of its own that fits.
fn whole(text: &str, depth: u32) -> Option<String> {
    let sentences = texts::TEXTS.iter().copied();
    let messages = catalogue::AREAS
        .iter()
        .filter(|(letter, _)| !matches!(letter, 'U' | 'X'))
        .flat_map(|(_, messages)| messages.iter().map(|m| (m.en, m.zh)));
    let (_, holes, zh_text) = sentences
        .chain(messages)
        .filter_map(|(en, zh)| fit(en, text).map(|holes| (own_words(en), holes, zh)))
        .filter(|(own, _, _)| *own >= 4)
        .max_by_key(|(own, _, _)| *own)?;
    let values: Vec<(&str, String)> = holes.into_iter().map(|(name, value)| (name, zh(value, depth - 1))).collect();
    let args: Vec<Arg<'_>> = values.iter().map(|(name, value)| (*name, value as &dyn Display)).collect();
    Some(crate::fill(zh_text, &args))
}

/// Letters of a sentence that are its own and not of parameters.
fn own_words(template: &str) -> usize {
    let mut inside = false;
    template
        .chars()
        .filter(|c| {
            match c {
                '{' => inside = true,
                '}' => inside = false,
                _ => {}
            }
            !inside && c.is_alphabetic()
        })
        .count()
}

/// The values of a template's parameters in a text that was made from it; `None`: it was not.
fn fit<'t>(template: &'static str, text: &'t str) -> Option<Vec<(&'static str, &'t str)>> {
    let mut values = Vec::new();
    let mut rest = text;
    let mut pattern = template;
    loop {
        let Some((literal, after)) = pattern.split_once('{') else {
            return (rest == pattern).then_some(values);
        };
        rest = rest.strip_prefix(literal)?;
        let (name, after) = after.split_once('}')?;
        let next = after.split('{').next().unwrap_or_default();
        let end = if next.is_empty() {
            if after.is_empty() { rest.len() } else { return None }
        } else if next.len() == after.len() {
            // The last words of the sentence.
            rest.len().checked_sub(next.len()).filter(|at| rest.get(*at..) == Some(next))?
        } else {
            rest.find(next)?
        };
        values.push((name, rest.get(..end)?));
        rest = rest.get(end..)?;
        pattern = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placeholders;
    use alloc::string::ToString;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_string(), (*b).to_string())).collect()
    }

    /// B1: program words in parameters become words for people, in both languages.
    #[test]
    fn parameters_are_said_in_words() {
        let args = pairs(&[("subject", "lan"), ("medium", "udp"), ("direction", "rx"), ("cause", "missed 5")]);
        let en = render_said("P103", Lang::En, &args).text;
        assert_eq!(en, "Path lan (network), receiving: red, failed: 5 heartbeats missing in a row");
        let zh = render_said("P103", Lang::Zh, &args).text;
        assert_eq!(zh, "路径 lan（网络）接收方向：红色，已失效：连续丢失 5 个心跳");
    }

    /// B1: evidence of many probes is told in a sentence; what is not understood stays.
    #[test]
    fn evidence_is_summed_up() {
        let text = "round 18: ask sent hb 10.77.2.1; round 18: arp sent hb 10.77.2.1; round 18: reference sent lan 10.77.1.254; \
                    round 18: reference answered lan 10.77.1.254, answered by 02:77:00:01:00:09; something new";
        assert_eq!(
            evidence(text, Lang::En),
            "answered: reference address lan 10.77.1.254; asked without an answer: its arbiter (hb 10.77.2.1), \
             ARP (hb 10.77.2.1); something new"
        );
        assert_eq!(
            evidence("round 1: echo answered lan 10.0.0.1: kernel alive", Lang::Zh),
            "有回应：ping lan 10.0.0.1：对方内核有回应"
        );
    }

    #[test]
    fn facts_that_say_nothing_are_left_out() {
        let text = "config_same = true, frozen = true, peer = Silent, sign = Alive(Kernel), synced = false";
        assert_eq!(facts(text, Lang::En), "frozen: yes, the peer is: silent, sign of life: its kernel answers");
        assert_eq!(facts(text, Lang::Zh), "已冻结：是，对方：静默，生命迹象：对方内核有回应");
    }

    /// B1: every sentence that daemons use in reasons is found again from its English form, whatever its parameters are.
    #[test]
    fn every_known_sentence_is_translated() {
        for (en, zh) in texts::TEXTS {
            let names: Vec<&str> = placeholders(en);
            let mut sorted = placeholders(zh);
            let mut expected = names.clone();
            sorted.sort_unstable();
            expected.sort_unstable();
            assert_eq!(expected, sorted, "{en}");
            let values: Vec<String> = (0..names.len()).map(|n| format!("/x{n}")).collect();
            let args: Vec<Arg<'_>> = names.iter().zip(&values).map(|(n, v)| (*n, v as &dyn Display)).collect();
            let said = crate::fill(en, &args);
            let translated = translate(&said, Lang::Zh);
            assert_eq!(translated, crate::fill(zh, &args), "{said}");
            assert_eq!(translate(&said, Lang::En), said);
        }
        assert_eq!(translate("some unknown words", Lang::Zh), "some unknown words");
        assert_eq!(translate("vip: interface eth9 does not exist", Lang::Zh), "vip：网卡 eth9 不存在");
    }
}
