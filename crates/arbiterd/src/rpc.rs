//! The public API: `hotpair.arbiter.v1.ArbiterService` on the Unix socket.
//!
//! Reading needs the group `hotpair`, changing `hotpair-admin`. Orders go through the loop and are answered by the core;
//! what is wrong with a request itself is said here, every field at once, with the remedy.

mod orders;
mod watch_events;

use crate::driver::Event;
use crate::explain;
use crate::history::{Entry, History, Query};
use crate::preview;
use crate::settings::Settings;
use crate::text;
use arbiter_core::io::{Order, Sentence};
use hotpair_ipc::errors::Problem;
use hotpair_ipc::latest::WholeView;
use hotpair_ipc::peer::{Access, Caller, Need};
use hotpair_proto::arbiter::v1 as pb;
use hotpair_proto::arbiter::v1::arbiter_service_server::ArbiterService;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Extensions, Request, Response, Status};

/// The loop answers within a turn; an order that needs the disk may take longer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Events in one answer at most.
const MAX_EVENTS: u32 = 10_000;
const DEFAULT_EVENTS: u32 = 100;
/// A configuration longer than this is none.
const MAX_CONFIG_BYTES: usize = 1 << 20;

/// The service.
pub struct Service {
    /// The loop.
    pub events: mpsc::Sender<Event>,
    /// The state for watchers.
    pub status: watch::Sender<Option<Arc<pb::Status>>>,
    /// The settings in force.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// The history.
    pub history: History,
    /// Who may do what.
    pub access: Access,
    /// Ends streams.
    pub stop: CancellationToken,
}

impl Service {
    fn may(&self, extensions: &Extensions, need: Need) -> Result<Caller, Status> {
        self.access.authorize(extensions, need)
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.borrow())
    }

    async fn current(&self) -> Result<Arc<pb::Status>, Status> {
        let (reply, answer) = oneshot::channel();
        self.ask(Event::Status(reply), answer).await
    }

    async fn ask<T>(&self, event: Event, answer: oneshot::Receiver<T>) -> Result<T, Status> {
        let exchange = async {
            self.events.send(event).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(ANSWER_LIMIT, exchange).await {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(Problem::unavailable("STOPPING", "arbiterd is stopping")
                .remedy("call again; the service manager starts it anew if it was restarted")
                .into()),
            Err(_) => Err(Problem::unavailable("BUSY", "arbiterd did not answer in time")
                .remedy("see its log; an order may still have been carried out: look at `hotpair status` first")
                .into()),
        }
    }

    /// Gives an order; the plan in English, and its sentences for other languages.
    async fn order(
        &self,
        caller: &Caller,
        order: Order,
        dry_run: bool,
    ) -> Result<(Vec<String>, Vec<pb::PlanStep>), Status> {
        let (reply, answer) = oneshot::channel();
        let event = Event::Order { order, by: caller.name.clone(), dry_run, reply };
        match self.ask(event, answer).await? {
            Ok(plan) => Ok((plan.iter().map(text::sentence).collect(), plan.into_iter().map(plan_step).collect())),
            Err(refusal) => Err(refused(&refusal)),
        }
    }

    /// What a configuration would do. Its keys are read where the running one has them.
    async fn preview(
        &self,
        request: &pb::PreviewConfigRequest,
        running: &Settings,
    ) -> Result<pb::PreviewConfigResponse, Status> {
        if request.text.len() > MAX_CONFIG_BYTES {
            return Err(Problem::invalid_argument("TOO_LONG", "the configuration is longer than 1 MiB")
                .remedy("give the text of a configuration file")
                .field("text", format!("must be at most {MAX_CONFIG_BYTES} bytes"))
                .into());
        }
        let peer = running.name(running.node.other());
        let status = self.current().await?;
        let mut answer = pb::PreviewConfigResponse {
            running_digest: running.config.digest.to_string(),
            peer_digest: status
                .nodes
                .iter()
                .find(|n| n.name == peer)
                .map(|n| n.config_digest.clone())
                .unwrap_or_default(),
            ..pb::PreviewConfigResponse::default()
        };
        let name = running.name(running.node);
        match hotpair_config::load_text(&request.text, &running.config.file, Some(name)) {
            Err(findings) => answer.findings = findings.iter().map(preview::finding).collect(),
            Ok(loaded) => {
                answer.good = true;
                answer.digest = loaded.config.digest.to_string();
                answer.findings = loaded.warnings.iter().map(preview::finding).collect();
                let settings = Settings::new(loaded.config, loaded.node.unwrap_or(running.node), Vec::new());
                let (reply, changes) = oneshot::channel();
                answer.changes = self.ask(Event::Preview(Box::new(settings), reply), changes).await?;
            }
        }
        Ok(answer)
    }

    async fn read(&self, query: Query) -> Result<Vec<Entry>, Status> {
        self.history.read(query).await.ok_or_else(|| {
            Problem::unavailable("HISTORY_BUSY", "the history cannot be read now")
                .why("its disk is slow, or arbiterd is stopping")
                .remedy("call again")
                .into()
        })
    }
}

fn plan_step(sentence: Sentence) -> pb::PlanStep {
    let text = text::sentence(&sentence);
    pb::PlanStep { message_id: sentence.id, parameters: sentence.parameters.into_iter().collect(), text }
}

fn refused(refusal: &Sentence) -> Status {
    let rendered = text::rendered(refusal);
    let mut problem = Problem::failed_precondition("ORDER_REFUSED", rendered.text.clone())
        .meta("message_id", refusal.id.clone())
        .precondition("ARBITER", refusal.parameters.get("group").cloned().unwrap_or_default(), rendered.text);
    for (name, value) in &refusal.parameters {
        problem = problem.meta(name.clone(), value.clone());
    }
    if !rendered.meaning.is_empty() {
        problem = problem.why(rendered.meaning);
    }
    if !rendered.remedy.is_empty() {
        problem = problem.remedy(rendered.remedy);
    }
    problem.into()
}

/// An entry of the history for the API.
pub(crate) fn event(entry: &Entry, settings: &Settings) -> pb::Event {
    let record = &entry.record;
    let parameters = text::of_record(record);
    pb::Event {
        id: entry.id,
        wall_clock_ms: record.wall_ms,
        at_ns: record.at.as_nanos(),
        boot_id: record.boot.to_string(),
        node: settings.name(settings.node).to_owned(),
        message_id: record.message_id.clone(),
        severity: crate::convert::status::severity(record.severity).into(),
        group: record.group.clone(),
        subject: record.subject.clone(),
        text: text::by_id(&record.message_id, &parameters).text,
        parameters: parameters.into_iter().collect(),
        facts: record.facts.clone().into_iter().collect(),
    }
}

#[tonic::async_trait]
impl ArbiterService for Service {
    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        self.may(request.extensions(), Need::Read)?;
        let status = self.current().await?;
        Ok(Response::new(pb::GetStatusResponse { status: Some(pb::Status::clone(&status)) }))
    }

    type WatchStatusStream = WholeView<pb::WatchStatusResponse>;

    async fn watch_status(
        &self,
        request: Request<pb::WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        self.may(request.extensions(), Need::Read)?;
        // Subscribed first: from here on the loop publishes every change. What is shown at once is asked for, since the
        // last published state is as old as the last watcher.
        let view = self.status.subscribe();
        let now = self.current().await?;
        self.status.send_if_modified(|last| {
            let newer = last.as_ref().is_none_or(|last| last.taken_at_ns <= now.taken_at_ns);
            if newer {
                *last = Some(now);
            }
            newer
        });
        Ok(Response::new(WholeView::filtered(view, self.stop.clone(), |status| {
            status.map(|status| pb::WatchStatusResponse { status: Some(pb::Status::clone(&status)) })
        })))
    }

    async fn list_events(
        &self,
        request: Request<pb::ListEventsRequest>,
    ) -> Result<Response<pb::ListEventsResponse>, Status> {
        self.may(request.extensions(), Need::Read)?;
        let request = request.into_inner();
        let settings = self.settings();
        let limit = if request.limit == 0 { DEFAULT_EVENTS } else { request.limit.min(MAX_EVENTS) };
        let query = Query {
            limit,
            after_id: request.after_id,
            up_to_id: request.before_id.checked_sub(1),
            group: request.group,
            message_id: request.message_id,
            ..Query::default()
        };
        let entries = self.read(query).await?;
        let events = entries.iter().map(|entry| event(entry, &settings)).collect();
        Ok(Response::new(pb::ListEventsResponse { events }))
    }

    type WatchEventsStream = ReceiverStream<Result<pb::WatchEventsResponse, Status>>;

    async fn watch_events(
        &self,
        request: Request<pb::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        self.may(request.extensions(), Need::Read)?;
        let after = request.into_inner().after_id;
        Ok(Response::new(watch_events::stream(self, after)))
    }

    async fn explain(&self, request: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        self.may(request.extensions(), Need::Read)?;
        let settings = self.settings();
        let story = match request.into_inner().what {
            Some(pb::explain_request::What::WhyNotGroup(group)) => {
                orders::group_name(&group, &settings)?;
                let status = self.current().await?;
                let query = Query { limit: 200, group: group.clone(), ..Query::default() };
                let entries = self.read(query).await?;
                explain::why_not(&status, &group, &entries, &settings)
            }
            Some(pb::explain_request::What::EventId(id)) => {
                let entries = self.read(explain::around(id)).await?;
                explain::story(id, &entries, &settings)
            }
            None => {
                let newest = self.read(Query { limit: 2_000, ..Query::default() }).await?;
                match explain::last_decision(&newest) {
                    Some(id) => {
                        let entries = self.read(explain::around(id)).await?;
                        explain::story(id, &entries, &settings)
                    }
                    None => None,
                }
            }
        };
        story.map(Response::new).ok_or_else(|| {
            Problem::not_found("NO_SUCH_EVENT", "there is nothing to explain")
                .why("the history holds no such event")
                .remedy("`hotpair events` lists what it holds, with ids")
                .into()
        })
    }

    async fn switchover(
        &self,
        request: Request<pb::SwitchoverRequest>,
    ) -> Result<Response<pb::SwitchoverResponse>, Status> {
        let caller = self.may(request.extensions(), Need::Change)?;
        let request = request.into_inner();
        let order = orders::switchover(&request, &self.settings())?;
        let (plan, steps) = self.order(&caller, order, request.dry_run).await?;
        Ok(Response::new(pb::SwitchoverResponse { plan, steps }))
    }

    async fn set_node_mode(
        &self,
        request: Request<pb::SetNodeModeRequest>,
    ) -> Result<Response<pb::SetNodeModeResponse>, Status> {
        let caller = self.may(request.extensions(), Need::Change)?;
        let request = request.into_inner();
        let order = orders::node_mode(&request, &self.settings())?;
        let (plan, steps) = self.order(&caller, order, request.dry_run).await?;
        Ok(Response::new(pb::SetNodeModeResponse { plan, steps }))
    }

    async fn set_freeze(
        &self,
        request: Request<pb::SetFreezeRequest>,
    ) -> Result<Response<pb::SetFreezeResponse>, Status> {
        let caller = self.may(request.extensions(), Need::Change)?;
        let request = request.into_inner();
        let (group, lasting) = orders::lasting(&request.group, request.for_ms, &self.settings())?;
        let (plan, steps) = self.order(&caller, Order::Freeze { group, lasting }, request.dry_run).await?;
        Ok(Response::new(pb::SetFreezeResponse { plan, steps }))
    }

    async fn set_maintenance(
        &self,
        request: Request<pb::SetMaintenanceRequest>,
    ) -> Result<Response<pb::SetMaintenanceResponse>, Status> {
        let caller = self.may(request.extensions(), Need::Change)?;
        let request = request.into_inner();
        let (group, lasting) = orders::lasting(&request.group, request.for_ms, &self.settings())?;
        let (plan, steps) = self.order(&caller, Order::Maintenance { group, lasting }, request.dry_run).await?;
        Ok(Response::new(pb::SetMaintenanceResponse { plan, steps }))
    }

    async fn clear(&self, request: Request<pb::ClearRequest>) -> Result<Response<pb::ClearResponse>, Status> {
        let caller = self.may(request.extensions(), Need::Change)?;
        let request = request.into_inner();
        let group = orders::optional_group(&request.group, &self.settings())?;
        let (plan, steps) = self.order(&caller, Order::Clear { group }, request.dry_run).await?;
        Ok(Response::new(pb::ClearResponse { plan, steps }))
    }

    async fn vouch_peer_off(
        &self,
        request: Request<pb::VouchPeerOffRequest>,
    ) -> Result<Response<pb::VouchPeerOffResponse>, Status> {
        let caller = self.may(request.extensions(), Need::Change)?;
        let request = request.into_inner();
        let order = orders::vouch(&request, &self.settings())?;
        let (plan, steps) = self.order(&caller, order, request.dry_run).await?;
        Ok(Response::new(pb::VouchPeerOffResponse { plan, steps }))
    }

    async fn preview_config(
        &self,
        request: Request<pb::PreviewConfigRequest>,
    ) -> Result<Response<pb::PreviewConfigResponse>, Status> {
        self.may(request.extensions(), Need::Read)?;
        let request = request.into_inner();
        let running = self.settings();
        Ok(Response::new(self.preview(&request, &running).await?))
    }

    async fn list_rules(
        &self,
        request: Request<pb::ListRulesRequest>,
    ) -> Result<Response<pb::ListRulesResponse>, Status> {
        self.may(request.extensions(), Need::Read)?;
        let rules = arbiter_core::rule_docs()
            .map(|rule| pb::Rule {
                id: rule.id.to_owned(),
                condition: rule.condition.to_owned(),
                decision: rule.decision.to_owned(),
            })
            .collect();
        Ok(Response::new(pb::ListRulesResponse { rules }))
    }
}
