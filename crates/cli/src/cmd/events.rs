//! `events`, `explain`, `rules`: what happened and why (B1).

use crate::args::{EventsArgs, ExplainArgs, JsonArgs};
use crate::clock::WallClock;
use crate::cmd::{Context, Outcome};
use crate::connect::ARBITERD;
use crate::failure::{Exit, Failure};
use crate::ids;
use crate::json;
use crate::render;
use crate::text::{Line, Page, Tone};
use core::time::Duration;
use hotpair_proto::arbiter::v1::arbiter_service_client::ArbiterServiceClient;
use hotpair_proto::arbiter::v1::{
    Event, ExplainRequest, ListEventsRequest, ListRulesRequest, WatchEventsRequest, explain_request::What,
};
use tonic::transport::Channel;

/// How often a daemon that is away is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Events asked for at once: an answer of more could grow past what gRPC carries.
const PORTION: u32 = 1_000;

/// `hotpair events`
///
/// # Errors
/// When arbiterd does not answer.
pub async fn events(context: &Context, args: &EventsArgs) -> Outcome {
    let mut client = context.daemons.arbiter().await?;
    let listed = newest(context, &mut client, args).await?;
    if args.json {
        for event in &listed {
            context.out.json(&json::event(event, context.words), true)?;
        }
    } else if !(listed.is_empty() && args.follow) {
        context.out.page(&render::events::page(&listed, &WallClock::Local, context.out.sheet()))?;
    }
    if args.follow {
        let last = newest_id(context, &mut client, listed.last()).await?;
        follow(context, args, last).await?;
    }
    Ok(Exit::Ok)
}

/// The newest events, asked for in portions that an answer can hold.
async fn newest(
    context: &Context,
    client: &mut ArbiterServiceClient<Channel>,
    args: &EventsArgs,
) -> Result<Vec<Event>, Failure> {
    let mut listed: Vec<Event> = Vec::new();
    let mut before_id = 0;
    loop {
        let missing = args.lines.saturating_sub(u32::try_from(listed.len()).unwrap_or(u32::MAX));
        let request = ListEventsRequest {
            limit: missing.min(PORTION),
            group: args.group.clone().unwrap_or_default(),
            before_id,
            ..ListEventsRequest::default()
        };
        let asked = request.limit;
        let mut older = context.daemons.answer(ARBITERD, client.list_events(request)).await?.events;
        let got = u32::try_from(older.len()).unwrap_or(u32::MAX);
        before_id = older.first().map_or(0, |event| event.id);
        older.append(&mut listed);
        listed = older;
        if got < asked || got >= missing || before_id <= 1 {
            return Ok(listed);
        }
    }
}

/// After which id to follow. A list filtered by group does not hold the newest of all.
async fn newest_id(
    context: &Context,
    client: &mut ArbiterServiceClient<Channel>,
    listed: Option<&Event>,
) -> Result<u64, Failure> {
    if let Some(event) = listed {
        return Ok(event.id);
    }
    let request = ListEventsRequest { limit: 1, ..ListEventsRequest::default() };
    let newest = context.daemons.answer(ARBITERD, client.list_events(request)).await?;
    Ok(newest.events.last().map_or(0, |event| event.id))
}

/// Prints events as they happen; comes back after the daemon does, without leaving any out.
async fn follow(context: &Context, args: &EventsArgs, mut last: u64) -> Result<(), Failure> {
    let mut told = false;
    let mut retry = tokio::time::interval(RETRY);
    retry.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        retry.tick().await;
        let failure = match follow_once(context, args, &mut last, &mut told).await {
            Ok(failure) => failure,
            Err(failure) if failure.exit == Exit::Unreachable => failure,
            Err(failure) => return Err(failure),
        };
        if !told {
            let args: &[hotpair_messages::Arg<'_>] = &[("daemon", &ARBITERD), ("reason", &failure.text)];
            context.out.fail(&Failure::new(Exit::Unreachable, context.words, ids::CONNECTION_LOST, args));
            told = true;
        }
    }
}

async fn follow_once(
    context: &Context,
    args: &EventsArgs,
    last: &mut u64,
    told: &mut bool,
) -> Result<Failure, Failure> {
    let mut client = context.daemons.arbiter().await?;
    let request = WatchEventsRequest { after_id: Some(*last) };
    let mut stream = context.daemons.answer(ARBITERD, client.watch_events(request)).await?;
    *told = false;
    loop {
        match stream.message().await {
            Ok(Some(message)) => {
                let Some(event) = message.event else { continue };
                *last = event.id.max(*last);
                if args.group.as_ref().is_some_and(|group| *group != event.group) {
                    continue;
                }
                if args.json {
                    context.out.json(&json::event(&event, context.words), true)?;
                } else {
                    let events = std::slice::from_ref(&event);
                    context.out.page(&render::events::page(events, &WallClock::Local, context.out.sheet()))?;
                }
            }
            Ok(None) => return Ok(context.daemons.empty(ARBITERD)),
            Err(status) => return Ok(Failure::from_status(context.words, ARBITERD, &status)),
        }
    }
}

/// `hotpair explain`
///
/// # Errors
/// When arbiterd does not answer, or there is no such event.
pub async fn explain(context: &Context, args: &ExplainArgs) -> Outcome {
    let what = match (&args.event, &args.why_not) {
        (Some(text), _) => match text.trim_start_matches('#').parse::<u64>() {
            Ok(id) => Some(What::EventId(id)),
            Err(_) => return message(context, text, args.json),
        },
        (None, Some(group)) => Some(What::WhyNotGroup(group.clone())),
        (None, None) => None,
    };
    let mut client = context.daemons.arbiter().await?;
    let answer = context.daemons.answer(ARBITERD, client.explain(ExplainRequest { what })).await?;
    if args.json {
        context.out.json(&render::story::json(&answer, context.words), false)?;
    } else {
        context.out.page(&render::story::page(&answer, &WallClock::Local, context.out.sheet()))?;
    }
    Ok(Exit::Ok)
}

/// What a message of the catalogue means in general; needs no daemon.
fn message(context: &Context, id: &str, as_json: bool) -> Outcome {
    let words = context.words;
    let id = &id.to_ascii_uppercase();
    let Some((parts, text)) = render::story::message(id, words) else {
        return Err(Failure::new(Exit::Error, words, ids::WHICH_EVENT, &[("event", id)]));
    };
    if as_json {
        let of = |label: &str| parts.iter().find(|(l, _)| *l == label).map_or("", |(_, text)| text.as_str());
        let value = serde_json::json!({
            "message_id": id, "text": text, "meaning": of(ids::MEANING), "causes": of(ids::CAUSES),
            "remedy": of(ids::REMEDY), "condition": of(ids::CONDITION), "decision": of(ids::DECISION),
        });
        context.out.json(&value, false)?;
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(
        Line::new().tone(Tone::Accent, id.as_str()).text(words.colon()).tone(Tone::Bold, render::story::plain(&text)),
    );
    for (label, text) in parts {
        let label = format!("{}{}", words.word(label), words.colon());
        page.line(Line::indented(2).tone(Tone::Dim, label).text(text).hang(4));
    }
    context.out.page(&page)?;
    Ok(Exit::Ok)
}

/// `hotpair rules`
///
/// # Errors
/// When arbiterd does not answer.
pub async fn rules(context: &Context, args: &JsonArgs) -> Outcome {
    let mut client = context.daemons.arbiter().await?;
    let rules = context.daemons.answer(ARBITERD, client.list_rules(ListRulesRequest {})).await?.rules;
    if args.json {
        let rules: Vec<_> = rules.iter().map(json::rule).collect();
        context.out.json(&serde_json::json!({ "rules": rules }), false)?;
    } else {
        context.out.page(&render::events::rules(&rules, context.out.sheet()))?;
    }
    Ok(Exit::Ok)
}
