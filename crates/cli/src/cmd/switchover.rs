//! `hotpair switchover`: gives the order, then shows the move until it is done.

use crate::args::{OrderArgs, SwitchoverArgs};
use crate::clock;
use crate::cmd::{Context, Outcome, orders, status};
use crate::connect::ARBITERD;
use crate::duration;
use crate::failure::{Exit, Failure};
use crate::ids;
use crate::words::Words;
use core::time::Duration;
use hotpair_proto::arbiter::v1::{GroupStatus, Status, SwitchoverRequest, WatchStatusRequest};
use hotpair_proto::resource::v1::GroupState;

/// How long a move is waited for, unless said otherwise.
const WAIT: Duration = Duration::from_secs(30);
/// How often a daemon that went away meanwhile is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// The command.
///
/// # Errors
/// When arbiterd refuses, or the group does not run on its new node in time.
pub async fn run(context: &Context, args: &SwitchoverArgs) -> Outcome {
    let wait = match &args.wait {
        _ if args.no_wait || args.order.dry_run => None,
        None => Some(WAIT),
        Some(text) => Some(duration::parse(text, context.words).map_err(|text| Failure {
            exit: Exit::Usage,
            text,
            meaning: String::new(),
            remedy: String::new(),
            reason: ids::BAD_DURATION.to_owned(),
        })?),
    };
    let before = status::fetch(context).await?;
    let target = args.to.clone().or_else(|| other_node(&before, &args.group));
    let began_ns = clock::boottime_ns();
    let mut client = context.daemons.arbiter().await?;
    let request = SwitchoverRequest {
        group: args.group.clone(),
        to: args.to.clone().unwrap_or_default(),
        dry_run: args.order.dry_run,
    };
    let answer = context.daemons.answer(ARBITERD, client.switchover(request)).await?;
    let plan = context.words.plan(&answer.plan, &answer.steps);
    let (Some(wait), Some(target)) = (wait, target) else {
        return orders::show_plan(context, args.order, &plan).map(|()| Exit::Ok);
    };
    if !args.order.json {
        orders::show_plan(context, args.order, &plan)?;
    }
    let mut progress = Progress::new(&args.group, &target, began_ns, context.words);
    let outcome = tokio::time::timeout(wait, follow(context, args.order, &mut progress)).await;
    let took_ns = clock::boottime_ns().saturating_sub(began_ns);
    match outcome {
        Ok(result) => result?,
        Err(_) => return Err(progress.not_yet(wait)),
    }
    if args.order.json {
        let value = serde_json::json!({
            "accepted": true, "dry_run": false, "plan": plan, "done": true, "node": target, "took_ms": took_ns / 1_000_000,
        });
        context.out.json(&value, false)?;
        return Ok(Exit::Ok);
    }
    let time = context.words.duration(Duration::from_nanos(took_ns));
    let done = context.words.say(ids::MOVED, &[("group", &args.group), ("node", &target), ("time", &time)]);
    context.out.print(&format!("{done}\n")).map(|()| Exit::Ok)
}

/// The node that does not serve the group now.
fn other_node(status: &Status, group: &str) -> Option<String> {
    let group = status.groups.iter().find(|g| g.name == group)?;
    let from = crate::health::serving(group).map_or(group.owner.as_str(), |on| on.node.as_str());
    if from.is_empty() {
        return None;
    }
    group.nodes.iter().find(|on| on.node != from).map(|on| on.node.clone())
}

/// Follows until it is done or has failed; a daemon that restarts meanwhile is waited for.
async fn follow(context: &Context, order: OrderArgs, progress: &mut Progress<'_>) -> Result<(), Failure> {
    let mut retry = tokio::time::interval(RETRY);
    retry.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        retry.tick().await;
        match follow_once(context, order, progress).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(failure) if failure.exit == Exit::Unreachable => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// True: done. False: the stream ended before.
async fn follow_once(context: &Context, order: OrderArgs, progress: &mut Progress<'_>) -> Result<bool, Failure> {
    let mut client = context.daemons.arbiter().await?;
    let mut stream = context.daemons.answer(ARBITERD, client.watch_status(WatchStatusRequest {})).await?;
    loop {
        match stream.message().await {
            Ok(Some(message)) => {
                let Some(status) = message.status else { continue };
                let lines = progress.observe(&status, clock::boottime_ns());
                if !order.json {
                    context.out.print(&lines)?;
                }
                match progress.end() {
                    Some(Ok(())) => return Ok(true),
                    Some(Err(failure)) => return Err(failure),
                    None => {}
                }
            }
            Ok(None) => return Ok(false),
            Err(status) => return Err(Failure::from_status(context.words, ARBITERD, &status)),
        }
    }
}

/// What has been seen of the move.
struct Progress<'a> {
    group: &'a str,
    target: &'a str,
    began_ns: u64,
    words: Words,
    shown: Vec<(String, String)>,
    current: Option<GroupStatus>,
}

impl<'a> Progress<'a> {
    const fn new(group: &'a str, target: &'a str, began_ns: u64, words: Words) -> Self {
        Self { group, target, began_ns, words, shown: Vec::new(), current: None }
    }

    /// Takes a status; the lines to show for what changed.
    fn observe(&mut self, status: &Status, now_ns: u64) -> String {
        let Some(group) = status.groups.iter().find(|g| g.name == self.group) else { return String::new() };
        let time = self.words.duration(Duration::from_nanos(now_ns.saturating_sub(self.began_ns)));
        let mut lines = String::new();
        for on in &group.nodes {
            let state = self.words.group_state(on.state()).1;
            let known = self.shown.iter_mut().find(|(node, _)| *node == on.node);
            match known {
                Some((_, shown)) if *shown == state => continue,
                Some((_, shown)) => shown.clone_from(&state),
                None => self.shown.push((on.node.clone(), state.clone())),
            }
            lines.push_str(&format!("  {time}  {}{}{state}\n", on.node, self.words.colon()));
        }
        self.current = Some(group.clone());
        lines
    }

    /// Whether it is over, and how.
    fn end(&self) -> Option<Result<(), Failure>> {
        let group = self.current.as_ref()?;
        let on = group.nodes.iter().find(|on| on.node == self.target)?;
        if on.failed {
            let reason = if group.reason.is_empty() { on.not_ready_reason.clone() } else { self.reason(group) };
            let args: &[hotpair_messages::Arg<'_>] =
                &[("group", &self.group), ("node", &self.target), ("reason", &reason)];
            return Some(Err(Failure::new(Exit::Error, self.words, ids::MOVE_FAILED, args)));
        }
        let others_left = group.nodes.iter().all(|other| other.node == self.target || !other.serving);
        (group.owner == self.target && on.state() == GroupState::Running && others_left).then_some(Ok(()))
    }

    fn reason(&self, group: &GroupStatus) -> String {
        let text = self.words.decision(group).text;
        format!("{}{}{text}", group.rule, self.words.colon())
    }

    fn not_yet(&self, wait: Duration) -> Failure {
        let time = self.words.duration(wait);
        let state = self.current.as_ref().map_or_else(|| self.words.word(ids::UNKNOWN), |group| self.reason(group));
        let args: &[hotpair_messages::Arg<'_>] =
            &[("group", &self.group), ("node", &self.target), ("time", &time), ("state", &state)];
        Failure::new(Exit::Error, self.words, ids::NOT_YET, args)
    }
}
