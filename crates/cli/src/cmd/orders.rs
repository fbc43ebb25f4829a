//! Orders that are done once accepted: `standby`, `online`, `freeze`, `maintenance`, `clear`, `vouch-peer-off`.

use crate::args::{ClearArgs, NodeArgs, OrderArgs, TimedArgs, VouchArgs};
use crate::cmd::{Context, Outcome};
use crate::connect::ARBITERD;
use crate::duration;
use crate::failure::{Exit, Failure};
use crate::ids;
use crate::text::{Line, Page, Tone};
use hotpair_proto::arbiter::v1::{
    ClearRequest, NodeMode, SetFreezeRequest, SetMaintenanceRequest, SetNodeModeRequest, VouchPeerOffRequest,
};
use std::io::{BufRead, IsTerminal};

/// Shows what happens or would happen.
///
/// # Errors
/// When standard output cannot be written.
pub fn show_plan(context: &Context, order: OrderArgs, plan: &[String]) -> Result<(), Failure> {
    if order.json {
        let value = serde_json::json!({ "accepted": !order.dry_run, "dry_run": order.dry_run, "plan": plan });
        return context.out.json(&value, false);
    }
    let mut page = Page::new();
    let (tone, id) = if order.dry_run { (Tone::Warn, ids::WOULD_HAPPEN) } else { (Tone::Good, ids::ACCEPTED) };
    page.line(Line::new().tone(tone, context.words.word(id)));
    for step in plan {
        page.line(Line::indented(2).text("· ").text(step.as_str()).hang(4));
    }
    context.out.page(&page)
}

/// `hotpair standby`, `hotpair online`
///
/// # Errors
/// When arbiterd refuses or does not answer.
pub async fn node_mode(context: &Context, args: &NodeArgs, mode: NodeMode) -> Outcome {
    let mut client = context.daemons.arbiter().await?;
    let request = SetNodeModeRequest {
        node: args.node.clone().unwrap_or_default(),
        mode: mode.into(),
        dry_run: args.order.dry_run,
    };
    let answer = context.daemons.answer(ARBITERD, client.set_node_mode(request)).await?;
    let plan = context.words.plan(&answer.plan, &answer.steps);
    show_plan(context, args.order, &plan).map(|()| Exit::Ok)
}

/// Group (empty: every one) and length in milliseconds (0: end it).
fn timed(context: &Context, args: &TimedArgs) -> Result<(String, u64), Failure> {
    let words = context.words;
    let group = match (&args.group, args.all) {
        (Some(group), _) => group.clone(),
        (None, true) => String::new(),
        (None, false) => return Err(Failure::new(Exit::Usage, words, ids::WHICH_GROUP, &[])),
    };
    let length = match (&args.length, args.off) {
        (_, true) => 0,
        // As in the API.
        (Some(text), _) if text.trim() == "0" => 0,
        (Some(text), false) => {
            let length = duration::parse(text, words).map_err(|text| Failure {
                exit: Exit::Usage,
                text,
                meaning: String::new(),
                remedy: String::new(),
                reason: ids::BAD_DURATION.to_owned(),
            })?;
            u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
        }
        (None, false) => return Err(Failure::new(Exit::Usage, words, ids::HOW_LONG, &[])),
    };
    Ok((group, length))
}

/// `hotpair freeze`
///
/// # Errors
/// When arbiterd refuses or does not answer, or the length of time is none.
pub async fn freeze(context: &Context, args: &TimedArgs) -> Outcome {
    let (group, for_ms) = timed(context, args)?;
    let mut client = context.daemons.arbiter().await?;
    let request = SetFreezeRequest { group, for_ms, dry_run: args.order.dry_run };
    let answer = context.daemons.answer(ARBITERD, client.set_freeze(request)).await?;
    let plan = context.words.plan(&answer.plan, &answer.steps);
    show_plan(context, args.order, &plan).map(|()| Exit::Ok)
}

/// `hotpair maintenance`
///
/// # Errors
/// As [`freeze`].
pub async fn maintenance(context: &Context, args: &TimedArgs) -> Outcome {
    let (group, for_ms) = timed(context, args)?;
    let mut client = context.daemons.arbiter().await?;
    let request = SetMaintenanceRequest { group, for_ms, dry_run: args.order.dry_run };
    let answer = context.daemons.answer(ARBITERD, client.set_maintenance(request)).await?;
    let plan = context.words.plan(&answer.plan, &answer.steps);
    show_plan(context, args.order, &plan).map(|()| Exit::Ok)
}

/// `hotpair clear`
///
/// # Errors
/// When arbiterd refuses or does not answer.
pub async fn clear(context: &Context, args: &ClearArgs) -> Outcome {
    let mut client = context.daemons.arbiter().await?;
    let request = ClearRequest { group: args.group.clone().unwrap_or_default(), dry_run: args.order.dry_run };
    let answer = context.daemons.answer(ARBITERD, client.clear(request)).await?;
    let plan = context.words.plan(&answer.plan, &answer.steps);
    show_plan(context, args.order, &plan).map(|()| Exit::Ok)
}

/// `hotpair vouch-peer-off`: on a terminal the peer's name is typed once more, since a wrong statement can cost data.
///
/// # Errors
/// When it is not confirmed, or arbiterd refuses or does not answer.
pub async fn vouch(context: &Context, args: &VouchArgs) -> Outcome {
    let words = context.words;
    if args.reason.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, words, ids::VOUCH_REASON, &[]));
    }
    let mut client = context.daemons.arbiter().await?;
    let mut request = VouchPeerOffRequest { peer: args.peer.clone(), reason: args.reason.clone(), dry_run: true };
    if !args.yes && !args.order.dry_run {
        // What would happen is shown, and a refusal said, before anybody is asked.
        let answer = context.daemons.answer(ARBITERD, client.vouch_peer_off(request.clone())).await?;
        let plan = context.words.plan(&answer.plan, &answer.steps);
        confirm(context, &args.peer, &plan)?;
    }
    request.dry_run = args.order.dry_run;
    let answer = context.daemons.answer(ARBITERD, client.vouch_peer_off(request)).await?;
    let plan = context.words.plan(&answer.plan, &answer.steps);
    show_plan(context, args.order, &plan).map(|()| Exit::Ok)
}

fn confirm(context: &Context, peer: &str, plan: &[String]) -> Result<(), Failure> {
    let words = context.words;
    if !(std::io::stdin().is_terminal() && context.out.terminal) {
        return Err(Failure::new(Exit::Usage, words, ids::VOUCH_NOBODY, &[]));
    }
    show_plan(context, OrderArgs { dry_run: true, json: false }, plan)?;
    let mut page = Page::new();
    page.line(Line::new().tone(Tone::Bad, words.say(ids::VOUCH_WARNING, &[("peer", &peer)])));
    context.out.page(&page)?;
    context.out.print(&words.word(ids::VOUCH_PROMPT))?;
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    let typed = typed.trim();
    if read.is_err() || typed != peer {
        return Err(Failure::new(Exit::Error, words, ids::VOUCH_WRONG, &[("typed", &typed), ("peer", &peer)]));
    }
    Ok(())
}
