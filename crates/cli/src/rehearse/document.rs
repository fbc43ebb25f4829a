//! A rehearsal as JSON; the names are part of the interface (docs/rehearse.md).

use super::{Findings, page};
use crate::words::Words;
use core::time::Duration;
use serde_json::{Value, json};
use simulator::rehearse::advice::{Advice, Effect, LASTING, Score};
use simulator::rehearse::verdict::{GroupVerdict, Lengths, Serving};
use simulator::rehearse::{Case, Scene, Verdict};
use simulator::world::Range;

fn millis(time: Duration) -> Value {
    if time == LASTING { Value::Null } else { json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)) }
}

fn lengths(lengths: &Lengths) -> Value {
    let at = |percent| lengths.percentile(percent).map_or(Value::Null, millis);
    json!({
        "p50": at(50),
        "p99": at(99),
        "max": lengths.max().map_or(Value::Null, millis),
        "runs": lengths.runs(),
        "lasting_runs": lengths.lasting,
    })
}

fn nodes(scene: &Scene, serving: Serving) -> Vec<String> {
    let all = hotpair_types::NodeId::BOTH.into_iter().filter(|n| serving[n.index()]);
    all.map(|n| scene.name(n)).collect()
}

fn outcomes(scene: &Scene, all: &[(Serving, usize)]) -> Vec<Value> {
    all.iter().map(|(serving, runs)| json!({ "nodes": nodes(scene, *serving), "runs": runs })).collect()
}

fn group(scene: &Scene, group: &GroupVerdict) -> Value {
    json!({
        "name": group.name.as_str(),
        "before": nodes(scene, group.before),
        "serves": outcomes(scene, &group.serves),
        "after_repair": outcomes(scene, &group.repaired),
        "outage_ms": lengths(&group.outage),
        "both_ms": lengths(&group.dual),
        "both_after_repair_ms": lengths(&group.dual_after_repair),
        "data": group.data.as_str(),
        "both_write_ms": lengths(&group.both_write),
        "moves": group.moves,
    })
}

fn case(words: Words, case: &Case) -> Value {
    json!({
        "name": case.name,
        "row": case.row,
        "area": case.area.as_str(),
        "title": page::say(words, &case.title),
        "applicable": case.script.is_ok(),
        "reason": case.script.as_ref().err().map(|reason| page::say(words, reason)),
    })
}

fn fault(words: Words, scene: &Scene, one: &Case, verdict: Option<&Verdict>) -> Value {
    let mut value = case(words, one);
    let (Some(verdict), Value::Object(map)) = (verdict, &mut value) else { return value };
    let alarms: Vec<Value> = verdict
        .alarms
        .iter()
        .map(|a| {
            json!({
                "id": a.id, "node": scene.name(a.node), "subject": a.subject, "runs": a.runs, "after_ms": millis(a.after),
            })
        })
        .collect();
    map.insert("runs".to_owned(), verdict.runs.into());
    map.insert("groups".to_owned(), verdict.groups.iter().map(|g| group(scene, g)).collect());
    map.insert("alarms".to_owned(), alarms.into());
    let unsettled: Vec<String> = verdict.unsettled.iter().map(ToString::to_string).collect();
    map.insert("not_served_before".to_owned(), unsettled.into());
    value
}

fn score(score: &Score) -> Value {
    json!({
        "data_danger_ms": millis(score.data),
        "both_ms": millis(score.dual),
        "unserved_groups": score.unserved,
        "outage_ms": millis(score.outage),
    })
}

fn effects(effects: &[Effect]) -> Vec<Value> {
    let one = |e: &Effect| json!({ "fault": e.name, "before": score(&e.before), "after": score(&e.after) });
    effects.iter().map(one).collect()
}

fn advice(words: Words, advice: &Advice) -> Value {
    json!({
        "id": advice.change.words.id,
        "text": page::say(words, &advice.change.words),
        "lines": advice.change.lines,
        "better": effects(&advice.better),
        "worse": effects(&advice.worse),
    })
}

/// The faults alone.
pub fn list(words: Words, cases: &[Case]) -> Value {
    let all: Vec<Value> = cases.iter().map(|c| case(words, c)).collect();
    json!({ "faults": all })
}

/// Everything that was found.
pub fn document(words: Words, findings: &Findings, met: &[(String, String, String)]) -> Value {
    let scene = &findings.rehearsal.scene;
    let range = |r: Range| json!([millis(r.from), millis(r.to)]);
    let times = scene.resources.iter().zip(&findings.rehearsal.assumptions.times);
    let times: Vec<Value> = times
        .map(|(thing, took)| {
            json!({
                "group": thing.group.as_str(), "resource": thing.name.as_str(),
                "start_ms": range(took.start), "stop_ms": range(took.stop), "source": took.source.as_str(),
            })
        })
        .collect();
    // In the order of the catalogue: those that were chosen, played or not.
    let cases = findings.rehearsal.cases.iter();
    let played = |c: &&Case| findings.whole || findings.verdict(c).is_some() || findings.named.contains(&c.name);
    let faults: Vec<Value> = cases.filter(played).map(|c| fault(words, scene, c, findings.verdict(c))).collect();
    let met: Vec<Value> =
        met.iter().map(|(name, on, what)| json!({ "fault": name, "condition": on, "text": what })).collect();
    json!({
        "file": scene.config.file.display().to_string(),
        "config_digest": scene.config.digest.to_string(),
        "seeds": findings.seeds,
        "took_ms": millis(findings.took),
        "owner": scene.name(scene.owner),
        "standby": scene.name(scene.standby()),
        "times": times,
        "assumptions": page::assumptions(words, &findings.rehearsal),
        "faults": faults,
        "advice": findings.advice.iter().map(|a| advice(words, a)).collect::<Vec<_>>(),
        "failed_on": met,
    })
}
