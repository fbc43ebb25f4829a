//! `status`, `paths`, `version`: what the daemons see.

use crate::args::{JsonArgs, StatusArgs, WatchArgs};
use crate::cmd::{Context, Outcome};
use crate::connect::{ARBITERD, HBD, RESD};
use crate::failure::{Exit, Failure};
use crate::health;
use crate::ids;
use crate::json;
use crate::render::{self, Sheet, partial::Partial};
use crate::text::{Line, Page, Tone};
use crate::watch::{self, Watched};
use hotpair_proto::arbiter::v1::{GetStatusRequest, Status, WatchStatusRequest, WatchStatusResponse};
use hotpair_proto::common::v1::ProcessInfo;
use hotpair_proto::heartbeat::v1::{GetPeerRequest, GetPeerResponse, PeerView, WatchPeerRequest, WatchPeerResponse};
use hotpair_proto::resource::v1::{GetObservedRequest, GetObservedResponse};
use serde_json::Value;
use tonic::Streaming;

/// The status, now.
///
/// # Errors
/// When arbiterd does not answer.
pub async fn fetch(context: &Context) -> Result<Status, Failure> {
    let mut client = context.daemons.arbiter().await?;
    let answer = context.daemons.answer(ARBITERD, client.get_status(GetStatusRequest {})).await?;
    answer.status.ok_or_else(|| context.daemons.empty(ARBITERD))
}

async fn fetch_peer(context: &Context) -> Result<GetPeerResponse, Failure> {
    let mut client = context.daemons.heartbeat().await?;
    context.daemons.answer(HBD, client.get_peer(GetPeerRequest {})).await
}

async fn fetch_observed(context: &Context) -> Result<GetObservedResponse, Failure> {
    let mut client = context.daemons.resource().await?;
    context.daemons.answer(RESD, client.get_observed(GetObservedRequest {})).await
}

/// What hbd and resd say while arbiterd does not.
async fn partial(context: &Context, arbiterd: Failure) -> Partial {
    let (hbd, resd) = tokio::join!(fetch_peer(context), fetch_observed(context));
    Partial { arbiterd, hbd, resd }
}

/// `hotpair status`
///
/// # Errors
/// When arbiterd does not answer; what hbd and resd say is shown before.
pub async fn status(context: &Context, args: &StatusArgs) -> Outcome {
    if args.watch {
        let watched = WatchedStatus { context };
        return watch::run(&watched, &context.out, context.words, ARBITERD, args.json).await.map(|()| Exit::Ok);
    }
    let status = match fetch(context).await {
        Ok(status) => status,
        Err(failure) if failure.exit == Exit::Permission => return Err(failure),
        Err(failure) => {
            let partial = partial(context, failure.clone()).await;
            if args.json {
                context.out.json(&partial.json(context.words), false)?;
            } else if partial.hbd.is_ok() || partial.resd.is_ok() {
                context.out.page(&partial.page(context.out.sheet()))?;
            }
            return Err(failure);
        }
    };
    if args.json {
        context.out.json(&json::status(&status, context.words), false)?;
    } else {
        context.out.page(&render::status::page(&status, context.out.sheet()))?;
    }
    let grade = health::grade(&status, context.words).0;
    Ok(if args.exit_code { grade.exit() } else { Exit::Ok })
}

struct WatchedStatus<'a> {
    context: &'a Context,
}

impl Watched for WatchedStatus<'_> {
    type Message = WatchStatusResponse;

    async fn open(&self) -> Result<Streaming<WatchStatusResponse>, Failure> {
        let mut client = self.context.daemons.arbiter().await?;
        self.context.daemons.answer(ARBITERD, client.watch_status(WatchStatusRequest {})).await
    }

    fn page(&self, message: &WatchStatusResponse, sheet: Sheet) -> Page {
        message.status.as_ref().map_or_else(Page::new, |status| render::status::page(status, sheet))
    }

    fn json(&self, message: &WatchStatusResponse) -> Value {
        message.status.as_ref().map_or(Value::Null, |status| json::status(status, self.context.words))
    }

    async fn away(&self, failure: &Failure, sheet: Sheet) -> (Page, Value) {
        let partial = partial(self.context, failure.clone()).await;
        let mut page = partial.page(sheet);
        page.blank();
        page.line(Line::new().tone(Tone::Bad, failure.text.as_str()));
        (page, partial.json(self.context.words))
    }
}

/// `hotpair paths`
///
/// # Errors
/// When hbd does not answer.
pub async fn paths(context: &Context, args: &WatchArgs) -> Outcome {
    let first = match fetch_peer(context).await {
        Ok(answer) => answer,
        // A watch waits for a daemon that is not there yet.
        Err(failure) if args.watch && failure.exit == Exit::Unreachable => GetPeerResponse::default(),
        Err(failure) => return Err(failure),
    };
    let node = first.process.as_ref().map_or_else(String::new, |process| process.node.clone());
    if args.watch {
        let watched = WatchedPaths { context, node };
        return watch::run(&watched, &context.out, context.words, HBD, args.json).await.map(|()| Exit::Ok);
    }
    let view = first.view.ok_or_else(|| context.daemons.empty(HBD))?;
    if args.json {
        context.out.json(&paths_json(context, &node, &view), false)?;
    } else {
        context.out.page(&render::paths::page(&view, &node, context.out.sheet()))?;
    }
    Ok(Exit::Ok)
}

fn paths_json(context: &Context, node: &str, view: &PeerView) -> Value {
    let mut value = json::peer_view(view, context.words);
    if let Some(object) = value.as_object_mut() {
        object.insert("node".to_owned(), node.into());
    }
    value
}

struct WatchedPaths<'a> {
    context: &'a Context,
    node: String,
}

impl Watched for WatchedPaths<'_> {
    type Message = WatchPeerResponse;

    async fn open(&self) -> Result<Streaming<WatchPeerResponse>, Failure> {
        let mut client = self.context.daemons.heartbeat().await?;
        self.context.daemons.answer(HBD, client.watch_peer(WatchPeerRequest {})).await
    }

    fn page(&self, message: &WatchPeerResponse, sheet: Sheet) -> Page {
        message.view.as_ref().map_or_else(Page::new, |view| render::paths::page(view, &self.node, sheet))
    }

    fn json(&self, message: &WatchPeerResponse) -> Value {
        message.view.as_ref().map_or(Value::Null, |view| paths_json(self.context, &self.node, view))
    }

    async fn away(&self, failure: &Failure, _sheet: Sheet) -> (Page, Value) {
        let mut page = Page::new();
        page.line(Line::new().tone(Tone::Bad, failure.text.as_str()));
        (page, failure.json())
    }
}

/// `hotpair version`: this program, and the daemons as far as they run.
///
/// # Errors
/// When standard output cannot be written.
pub async fn version(context: &Context, args: &JsonArgs) -> Outcome {
    let (arbiterd, hbd, resd) = tokio::join!(fetch(context), fetch_peer(context), fetch_observed(context));
    let daemons: [(&str, Option<ProcessInfo>); 3] = [
        (HBD, hbd.ok().and_then(|answer| answer.process)),
        (ARBITERD, arbiterd.ok().and_then(|status| status.process)),
        (RESD, resd.ok().and_then(|answer| answer.process)),
    ];
    let own = env!("CARGO_PKG_VERSION");
    if args.json {
        let daemons: serde_json::Map<String, Value> = daemons
            .iter()
            .map(|(name, process)| ((*name).to_owned(), process.as_ref().map_or(Value::Null, json::process)))
            .collect();
        context.out.json(&serde_json::json!({ "version": own, "daemons": daemons }), false)?;
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(format!("hotpair {own}"));
    for (name, process) in daemons {
        let line = match process {
            Some(process) => {
                let tone = if process.version == own { Tone::Plain } else { Tone::Warn };
                Line::new().tone(tone, format!("{name} {}", process.version))
            }
            None => Line::new().tone(Tone::Dim, context.words.say(ids::DAEMON_DOWN, &[("daemon", &name)])),
        };
        page.line(line);
    }
    context.out.page(&page)?;
    Ok(Exit::Ok)
}
