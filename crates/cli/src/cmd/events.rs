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

/// `hotpair events`
///
/// # Errors
/// When arbiterd does not answer.
pub async fn events(context: &Context, args: &EventsArgs) -> Outcome {
    let mut client = context.daemons.arbiter().await?;
    let request = ListEventsRequest {
        limit: args.lines,
        after_id: 0,
        group: args.group.clone().unwrap_or_default(),
        message_id: String::new(),
        before_id: 0,
    };
    let listed = context.daemons.answer(ARBITERD, client.list_events(request)).await?.events;
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
        let (headline, lines) = render::story::sentences(&answer, context.words);
        context.out.json(&json::story(&headline, &lines, &answer.events, context.words), false)?;
    } else {
        context.out.page(&render::story::page(&answer, context.out.sheet()))?;
    }
    Ok(Exit::Ok)
}

/// What a message of the catalogue means in general; needs no daemon.
fn message(context: &Context, id: &str, as_json: bool) -> Outcome {
    let words = context.words;
    let Some(message) = hotpair_messages::get(&id.to_ascii_uppercase()) else {
        return Err(Failure::new(Exit::Error, words, ids::WHICH_EVENT, &[("event", &id)]));
    };
    let lang = words.lang();
    let (text, meaning, remedy) = (message.text(lang), message.meaning_text(lang), message.remedy_text(lang));
    if as_json {
        let value = serde_json::json!({ "message_id": message.id, "text": text, "meaning": meaning, "remedy": remedy });
        context.out.json(&value, false)?;
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(Line::new().tone(Tone::Accent, message.id).text(words.colon()).tone(Tone::Bold, text));
    for (label, text) in [(ids::MEANING, meaning), (ids::REMEDY, remedy)] {
        if !text.is_empty() {
            let label = format!("{}{}", words.word(label), words.colon());
            page.line(Line::indented(2).tone(Tone::Dim, label).text(text));
        }
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
