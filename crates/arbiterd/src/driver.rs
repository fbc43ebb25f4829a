//! The one loop: everything that happens comes in as an [`Event`], goes through the pure core, and what the core wants is
//! done in its order.
//!
//! *Invariant:* before a deadline is handed to the core, everything that has already arrived is handed to it first; after an
//! own stall too, and only then is the core told of the stall. A stall of this process is never held against the peer.
//! *Invariant:* nothing here waits for a disk, for another daemon or for a client.

use crate::convert::{WireError, advert as advert_wire, resource, status};
use crate::hbd_client::{AdvertBytes, HbdEvent};
use crate::history::{History, Record};
use crate::log;
use crate::peer_story::{Heard, OwnStory, PeerStory};
use crate::preview;
use crate::prober::Prober;
use crate::prober::interfaces::Interface;
use crate::prober::sockets::Packet;
use crate::resd_client::{NewestTarget, ResdEvent};
use crate::settings::Settings;
use crate::store::{self, Store, Stored};
use crate::text::say;
use crate::witness::{self, value::Writer};
use arbiter_core::Arbiter;
use arbiter_core::io::{
    BootAlone, Durable, Event as CoreEvent, Input, Order, Output, SafetyOrder, Seed, Sentence, Severity, Ticket,
};
use hotpair_proto::arbiter::v1 as pb;
use hotpair_proto::common::v1::ProcessInfo;
use hotpair_proto::resource::v1::ResourceEvent;
use hotpair_replay::{Recorded, Taken};
use hotpair_runtime::clock::{self, BootTimer};
use hotpair_runtime::recorder::Recorder;
use hotpair_runtime::stall::StallDetector;
use hotpair_runtime::{notify, signals::Signals};
use hotpair_types::{Advert, Digest, PeerView, ReceivedAdvert, Timestamp, WitnessView};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// The loop wakes at least so often: housekeeping, the service manager's watchdog, and to notice own stalls.
const TICK: Duration = Duration::from_secs(1);
/// Events taken in one turn at most, so that a flood cannot starve deadlines.
const TURN: usize = 4_096;
/// Turns of the runtime given to the other tasks before a deadline counts: a packet needs one, a gRPC message three.
const SETTLE: usize = 4;
/// The same after a stall, when much may have piled up.
const SETTLE_AFTER_STALL: usize = 16;

/// The flight recorder of the core.
pub type CoreRecorder = Recorder<Arbiter, Taken<Arbiter>>;

/// Answer to an order: the plan, or the refusal.
pub type Answer = Result<Vec<Sentence>, Sentence>;

/// Everything that can happen.
pub enum Event {
    /// hbd.
    Hbd(HbdEvent),
    /// resd.
    Resd(ResdEvent),
    /// A packet for the prober.
    Packet(Packet),
    /// The network interfaces changed.
    Interfaces(Vec<Interface>),
    /// A write of the state file ended.
    Stored(Stored),
    /// What the witness said, or that it does not answer.
    Witness(WitnessView),
    /// Somebody gives an order.
    Order {
        /// What.
        order: Order,
        /// Who.
        by: String,
        /// Only say what would happen.
        dry_run: bool,
        /// Where the answer goes.
        reply: oneshot::Sender<Answer>,
    },
    /// Somebody asks for the state.
    Status(oneshot::Sender<Arc<pb::Status>>),
    /// Somebody asks what this configuration would do.
    Preview(Box<Settings>, oneshot::Sender<Vec<pb::ConfigChange>>),
}

/// Connections of the loop to everything around it.
pub struct Surroundings {
    /// Events.
    pub events: mpsc::Receiver<Event>,
    /// Adverts for hbd.
    pub adverts: watch::Sender<AdvertBytes>,
    /// Targets for resd.
    pub targets: watch::Sender<NewestTarget>,
    /// The state for watchers.
    pub status: watch::Sender<Option<Arc<pb::Status>>>,
    /// The votes wanted at the witness.
    pub witness: watch::Sender<witness::Wanted>,
    /// The settings in force, for the API.
    pub settings: watch::Sender<Arc<Settings>>,
    /// The history.
    pub history: History,
    /// The state file.
    pub store: Store,
    /// The safety check's IO.
    pub prober: Prober,
    /// Signals.
    pub signals: Signals,
    /// Reads the configuration again; `Err`: what is wrong with it.
    pub reload: Box<dyn Fn() -> Result<Settings, String>>,
    /// This process.
    pub process: ProcessInfo,
}

/// The loop's state.
pub struct Driver {
    core: Recorded<Arbiter>,
    around: Surroundings,
    settings: Arc<Settings>,
    seed: Seed,
    /// The state file was not to be trusted, and the peer was not heard since: this node starts nothing alone.
    untrusted: bool,
    orders: BTreeMap<Ticket, oneshot::Sender<Answer>>,
    next_order: Ticket,
    decoded: Option<Decoded>,
    bad_adverts: u64,
    status_seq: u64,
    dirty: bool,
    pending: VecDeque<Input>,
    own_story: OwnStory,
    peer_story: PeerStory,
    /// The newest advert, to be sent again when there is more to tell with it.
    last_advert: Option<Advert>,
    more_to_tell: bool,
}

/// The advert of the last view, so that it is decoded once.
struct Decoded {
    digest: Digest,
    received_at: Timestamp,
    advert: Option<Advert>,
}

impl Driver {
    /// A fresh run. `found` is what the state file held; `recorder` is where goes what the core is told (B3).
    #[must_use]
    pub fn new(
        around: Surroundings,
        settings: Arc<Settings>,
        found: store::Found,
        seed: Seed,
        recorder: CoreRecorder,
        now: Timestamp,
    ) -> Self {
        let (durable, untrusted, why) = match found {
            store::Found::Nothing => (None, false, None),
            store::Found::State { durable, incomplete } => (Some(durable), incomplete, None),
            store::Found::Untrusted { why } => (None, true, Some(why)),
        };
        let core = Arbiter::new(core_config(&settings, untrusted), durable, seed, now);
        let mut this = Self {
            core: Recorded::new(core, recorder, now),
            around,
            settings,
            seed,
            untrusted,
            orders: BTreeMap::new(),
            next_order: 1,
            decoded: None,
            bad_adverts: 0,
            status_seq: 0,
            dirty: true,
            pending: VecDeque::new(),
            own_story: OwnStory::default(),
            peer_story: PeerStory::default(),
            last_advert: None,
            more_to_tell: false,
        };
        let version = this.around.process.version.clone();
        let started = say("E001", [("daemon", "arbiterd".to_owned()), ("version", version)]);
        this.tell(started, Severity::Info, now);
        if let Some(why) = why {
            let sentence = say("E160", [("reason", why)]);
            this.tell(sentence, Severity::Critical, now);
        }
        this.act(now);
        this
    }

    /// Runs until the process is told to stop.
    ///
    /// # Errors
    /// When the loop's own timer fails, which would make it deaf.
    pub async fn run(mut self) -> io::Result<()> {
        let mut timer = BootTimer::new()?;
        let mut stalls = StallDetector::new(stall_threshold(&self.settings));
        let stop = self.around.signals.stop();
        let mut reload = self.around.signals.reload();
        let mut tick = clock::now().after(TICK);
        self.publish();
        loop {
            let deadlines = [self.core.poll_timeout(), self.around.prober.deadline()];
            let planned = deadlines.into_iter().flatten().fold(tick, Timestamp::min);
            timer.set(Some(planned))?;
            let mut first = None;
            let mut timed_out = false;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                event = self.around.events.recv() => match event {
                    Some(event) => first = Some(event),
                    None => return Err(io::Error::other("every source of events has ended")),
                },
                changed = reload.changed() => if changed.is_ok() {
                    self.reload(clock::now());
                    stalls = StallDetector::new(stall_threshold(&self.settings));
                },
                expired = timer.expired() => { expired?; timed_out = true; }
            }
            let stalled = stalls.on_wakeup(Some(planned), clock::now());
            self.take(first, timed_out, stalled).await;
            let now = clock::now();
            if now >= tick {
                tick = now.after(TICK);
                self.around.prober.tick(now);
                notify::watchdog();
            } else if self.around.prober.deadline().is_some_and(|deadline| deadline <= now) {
                self.around.prober.tick(now);
            }
            self.publish();
        }
    }

    /// One turn: what has arrived, then the stall, then deadlines.
    async fn take(&mut self, first: Option<Event>, timed_out: bool, stalled: Option<Duration>) {
        if let Some(event) = first {
            self.on_event(event);
        }
        let due = self.core.poll_timeout().is_some_and(|deadline| deadline <= clock::now());
        if timed_out || due || stalled.is_some() {
            let turns = if stalled.is_some() { SETTLE_AFTER_STALL } else { SETTLE };
            for _ in 0..turns {
                tokio::task::yield_now().await;
                self.drain();
            }
        }
        self.drain();
        let now = clock::now();
        if let Some(gap) = stalled {
            tracing::warn!(gap_ms = gap.as_millis(), "this process did not run for a while");
            self.feed(Input::Stalled(gap), now);
        }
        if self.core.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.core.handle_timeout(now);
            self.act(now);
        }
    }

    fn drain(&mut self) {
        for _ in 0..TURN {
            match self.around.events.try_recv() {
                Ok(event) => self.on_event(event),
                Err(_) => return,
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        let now = clock::now();
        match event {
            Event::Hbd(HbdEvent::View(view)) => self.on_peer(*view, now),
            Event::Hbd(HbdEvent::Gone(reason)) => self.feed(Input::HbdGone { reason }, now),
            Event::Resd(ResdEvent::View(view, events)) => {
                for event in events {
                    self.on_resource_event(event);
                }
                self.feed(Input::Observed(*view), now);
            }
            Event::Resd(ResdEvent::Gone(reason)) => self.feed(Input::ResdGone { reason }, now),
            Event::Resd(ResdEvent::Refused(reason)) => self.feed(Input::TargetRefused { reason }, now),
            Event::Packet(packet) => {
                let inputs = self.around.prober.receive(&packet, now);
                self.pending.extend(inputs);
                self.feed_pending(now);
            }
            Event::Interfaces(interfaces) => {
                self.around.prober.set_interfaces(interfaces);
                self.around.prober.tick(now);
            }
            Event::Stored(Stored { ticket, result }) => match result {
                Ok(()) => self.feed(Input::Persisted(ticket), now),
                Err(error) => self.feed(Input::PersistFailed { ticket, error }, now),
            },
            Event::Witness(view) => self.feed(Input::Witness(view), now),
            Event::Order { order, by, dry_run, reply } => {
                let ticket = self.next_order;
                self.next_order = self.next_order.wrapping_add(1);
                self.orders.insert(ticket, reply);
                self.feed(Input::Order { ticket, by, order, dry_run }, now);
            }
            Event::Preview(settings, reply) => {
                let changes = preview::changes(&self.settings, &settings, &self.core, now);
                // Whoever asked may have gone away.
                drop(reply.send(changes));
            }
            Event::Status(reply) => {
                let status = self.status(now);
                // Whoever asked may have gone away.
                drop(reply.send(status));
            }
        }
    }

    fn on_peer(&mut self, view: PeerView, now: Timestamp) {
        self.around.prober.set_peer_healthy(view.any_path_alive(), now);
        let advert = view.advert.as_ref().and_then(|received| self.decode(received));
        self.feed(Input::Peer { view, advert }, now);
    }

    /// The advert of a view. One that is not understood is counted and ignored, like one that never came.
    fn decode(&mut self, received: &ReceivedAdvert) -> Option<Advert> {
        if let Some(known) = &self.decoded
            && known.digest == received.digest
            && known.received_at == received.received_at
        {
            return known.advert.clone();
        }
        let advert = match advert_wire::decode(&received.bytes, received.received_at).and_then(|a| self.of_peer(a)) {
            Ok(advert) => Some(advert),
            Err(error) => {
                self.bad_adverts = self.bad_adverts.saturating_add(1);
                tracing::warn!(%error, count = self.bad_adverts, "the peer's state is not understood and ignored");
                None
            }
        };
        if let Some(advert) = &advert {
            for (id, group, parameters) in self.peer_story.hear(advert, &received.bytes) {
                self.peer_told((id, group, parameters), received.received_at);
            }
        }
        self.decoded =
            Some(Decoded { digest: received.digest, received_at: received.received_at, advert: advert.clone() });
        advert
    }

    /// The peer told of its groups: an event of this node's history (B1).
    fn peer_told(&mut self, (id, group, parameters): Heard, at: Timestamp) {
        let mine = self.settings.node;
        let mut parameters: BTreeMap<String, String> = parameters.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        for (name, node) in [("node", mine), ("peer", mine.other())] {
            parameters.insert(name.to_owned(), self.settings.name(node).to_owned());
        }
        parameters.insert("group".to_owned(), group.clone());
        let severity = if matches!(id, "E246" | "E247") { Severity::Warning } else { Severity::Info };
        let record = Record {
            wall_ms: clock::wall_clock_unix_ms(),
            at,
            boot: self.seed.boot,
            message_id: id.to_owned(),
            severity,
            group,
            subject: String::new(),
            parameters,
            facts: BTreeMap::new(),
        };
        self.record(record);
    }

    fn of_peer(&self, advert: Advert) -> Result<Advert, WireError> {
        if advert.node == self.settings.node {
            return Err(WireError::Field {
                field: "node",
                why: "it is this node's own number: both nodes run with the same --node".to_owned(),
            });
        }
        Ok(advert)
    }

    fn on_resource_event(&mut self, event: ResourceEvent) {
        let severity = resource_severity(&event.id);
        let record = Record {
            wall_ms: clock::wall_clock_unix_ms(),
            at: Timestamp::from_nanos(event.at_ns),
            boot: self.seed.boot,
            message_id: event.id,
            severity,
            group: event.group,
            subject: event.resource,
            parameters: event.parameters.into_iter().collect(),
            facts: BTreeMap::new(),
        };
        self.record(record);
    }

    fn feed(&mut self, input: Input, now: Timestamp) {
        self.core.handle_input(input, now);
        self.act(now);
    }

    /// Does what the core wants, in its order, and feeds back what follows at once.
    fn act(&mut self, now: Timestamp) {
        while let Some(output) = self.core.poll_output() {
            self.execute(output, now);
        }
        self.feed_pending(now);
        // Events come after the advert that goes with them.
        if self.more_to_tell
            && let Some(advert) = self.last_advert.take()
        {
            self.execute(Output::Advert(advert), now);
        }
    }

    fn feed_pending(&mut self, now: Timestamp) {
        while let Some(input) = self.pending.pop_front() {
            self.core.handle_input(input, now);
            while let Some(output) = self.core.poll_output() {
                self.execute(output, now);
            }
        }
    }

    fn execute(&mut self, output: Output, now: Timestamp) {
        match output {
            Output::Persist { ticket, durable } => self.persist(ticket, &durable, now),
            Output::Advert(advert) => {
                let mut bytes = advert_wire::encode(&advert, now);
                let story = self.own_story.appendix();
                if bytes.len().saturating_add(story.len()) <= advert_wire::MAX_BYTES {
                    bytes.extend(story);
                }
                self.last_advert = Some(advert.clone());
                self.more_to_tell = false;
                if bytes.len() > advert_wire::MAX_BYTES {
                    tracing::error!(
                        bytes = bytes.len(),
                        "this node's state is too large for heartbeats: too many groups"
                    );
                }
                self.around.adverts.send_replace(Some(bytes.into()));
                self.around.prober.set_advert(advert);
            }
            Output::Safety(SafetyOrder::Round(round)) => {
                let self_test = self.around.prober.self_test();
                self.pending.push_back(Input::RoundStarted { round, self_test });
                let evidence = self.around.prober.send_round(round);
                self.pending.extend(evidence);
            }
            Output::Safety(SafetyOrder::Stop) => self.around.prober.stop(),
            Output::Witness(target) => {
                self.around.witness.send_modify(|wanted| wanted.target = Some(target));
            }
            Output::Target(target) => {
                self.around.targets.send_replace(Some(Arc::new(resource::target_to_wire(&target))));
            }
            Output::OrderDone { ticket, result } => {
                if let Some(reply) = self.orders.remove(&ticket) {
                    // Whoever asked may have gone away; the order stands.
                    drop(reply.send(result));
                }
            }
            Output::Event(event) => self.event(event),
            Output::StatusChanged => self.dirty = true,
        }
    }

    fn persist(&mut self, ticket: Ticket, durable: &Durable, now: Timestamp) {
        if self.untrusted && durable.heard_peer {
            // The peer has told what it knows: this state is as good as any.
            self.untrusted = false;
        }
        match store::encode(durable, self.untrusted, now) {
            Ok(text) => self.around.store.write(ticket, text),
            Err(error) => self.pending.push_back(Input::PersistFailed { ticket, error: error.to_string() }),
        }
    }

    /// An event of the shell's own.
    fn tell(&mut self, mut sentence: Sentence, severity: Severity, at: Timestamp) {
        let mine = self.settings.node;
        for (name, node) in [("node", mine), ("peer", mine.other())] {
            sentence.parameters.insert(name.to_owned(), self.settings.name(node).to_owned());
        }
        self.event(CoreEvent { at, sentence, severity, group: None, subject: None, facts: BTreeMap::new() });
    }

    fn event(&mut self, event: CoreEvent) {
        let record = Record {
            wall_ms: clock::wall_clock_unix_ms(),
            at: event.at,
            boot: self.seed.boot,
            message_id: event.sentence.id,
            severity: event.severity,
            group: event.group.map(String::from).unwrap_or_default(),
            subject: event.subject.unwrap_or_default(),
            parameters: event.sentence.parameters,
            facts: event.facts,
        };
        self.record(record);
    }

    fn record(&mut self, record: Record) {
        log::event(&record);
        self.more_to_tell |= self.own_story.note(&record);
        self.around.history.record(record);
    }

    fn status(&mut self, now: Timestamp) -> Arc<pb::Status> {
        let snapshot = self.core.snapshot(now);
        Arc::new(status::status(&snapshot, &self.settings, self.around.process.clone(), self.status_seq))
    }

    /// Shows a changed state to watchers, if there are any.
    fn publish(&mut self) {
        if !self.dirty {
            return;
        }
        self.dirty = false;
        self.status_seq = self.status_seq.wrapping_add(1);
        if self.around.status.receiver_count() > 0 {
            let status = self.status(clock::now());
            self.around.status.send_replace(Some(status));
        }
    }

    /// Another witness, or another way to reach it: its thread begins afresh. The same as before is left alone.
    fn reload_witness(&mut self) {
        let fresh = witness_setup(&self.settings, self.seed);
        self.around.witness.send_if_modified(|wanted| {
            let same = match (&wanted.setup, &fresh) {
                (Some(old), Some(new)) => old.same_as(new),
                (None, None) => true,
                _ => false,
            };
            if !same {
                wanted.setup = fresh.map(Arc::new);
            }
            !same
        });
    }

    /// A bad configuration changes nothing (FAULTS O05).
    fn reload(&mut self, now: Timestamp) {
        match (self.around.reload)() {
            Ok(settings) => {
                self.settings = Arc::new(settings);
                self.around.process.config_digest = self.settings.config.digest.to_string();
                self.around.settings.send_replace(Arc::clone(&self.settings));
                self.around.history.set_limit(self.settings.config.history.max_events);
                self.around.prober.reconfigure(&self.settings.config, self.settings.node);
                self.reload_witness();
                let config = core_config(&self.settings, self.untrusted);
                self.feed(Input::Config(config), now);
            }
            Err(findings) => {
                tracing::error!("the new configuration is wrong; the one in force stays:\n{findings}");
                let sentence = say("E151", [("reason", findings)]);
                self.tell(sentence, Severity::Critical, now);
            }
        }
    }
}

/// The witness as this run uses it; `None`: the configuration has none.
pub fn witness_setup(settings: &Settings, seed: Seed) -> Option<witness::Setup> {
    let me = Writer { node: settings.node, boot: seed.boot, run: seed.arbiter };
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    witness::Setup::of(&settings.config, me, credentials.as_deref())
}

/// A node whose state file cannot be trusted starts nothing alone until it has heard its peer.
fn core_config(settings: &Settings, untrusted: bool) -> arbiter_core::io::ArbiterConfig {
    let mut config = settings.core();
    if untrusted {
        config.boot_alone = BootAlone::Never;
    }
    config
}

/// Waking up to this much too late is ordinary scheduling.
fn stall_threshold(settings: &Settings) -> Duration {
    settings.config.safety_check.window.clamp(Duration::from_millis(50), Duration::from_millis(500))
}

/// resd's events carry no severity of their own.
fn resource_severity(id: &str) -> Severity {
    match id {
        // The group cannot run here; a stop cannot be confirmed; the lease ran out.
        "D111" | "D117" | "D118" | "D120" => Severity::Critical,
        // A target refused, failures under repair, late or missing answers, stops tried again.
        "D101" | "D106" | "D107" | "D108" | "D109" | "D112" | "D113" | "D115" | "D116" => Severity::Warning,
        _ => Severity::Info,
    }
}
