//! A systemd unit over D-Bus: resd against a stand-in for org.freedesktop.systemd1 on a bus of its own.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::common::Node;
use futures_util::StreamExt;
use hotpair_proto::resource::v1 as api;
use zbus::{Connection, Message, MessageStream, ObjectPath, Variant};

const GROUP: &str = r#"
[[group]]
name = "g"
[[group.resource]]
name = "web"
kind = "app"
run = "systemd"
unit = "web.service"
monitor_interval = "1h"
monitor_timeout = "5s"
restarts = 1
"#;

const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const UNIT_PATH: &str = "/org/freedesktop/systemd1/unit/web_2eservice";
const JOB_PATH: &str = "/org/freedesktop/systemd1/job/7";

struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start(dir: &std::path::Path) -> Self {
        let address = format!("unix:path={}", dir.join("bus").display());
        let daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1", &format!("--address={address}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon; install the package dbus-daemon");
        let mut bus = Self { daemon, address };
        // Its address comes when it serves.
        std::io::Read::read_exact(bus.daemon.stdout.as_mut().unwrap(), &mut [0; 5]).unwrap();
        bus
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What the stand-in knows of its one unit.
struct State {
    active: &'static str,
    load: &'static str,
    /// Result of the next start job.
    start: &'static str,
    calls: Vec<String>,
}

#[derive(Clone)]
struct Systemd {
    connection: Connection,
    state: Arc<Mutex<State>>,
}

impl Systemd {
    async fn start(bus: &Bus) -> Self {
        let connection = zbus::connection::Builder::address(bus.address.as_str()).build().await.unwrap();
        let state = State { active: "inactive", load: "loaded", start: "done", calls: Vec::new() };
        let systemd = Self { connection: connection.clone(), state: Arc::new(Mutex::new(state)) };
        let mut messages = MessageStream::from(&connection);
        connection.request_name("org.freedesktop.systemd1").await.unwrap();
        let serving = systemd.clone();
        tokio::spawn(async move {
            while let Some(Ok(message)) = messages.next().await {
                if message.header().message_type() == zbus::message::Type::MethodCall {
                    serving.answer(&message).await;
                }
            }
        });
        systemd
    }

    async fn set(&self, active: &'static str) {
        self.state.lock().unwrap().active = active;
        let changed = std::collections::HashMap::from([("ActiveState", Variant::from(active))]);
        let none: &[&str] = &[];
        let body = (UNIT, changed, none);
        let properties = "org.freedesktop.DBus.Properties";
        self.connection.emit_signal(None::<&str>, UNIT_PATH, properties, "PropertiesChanged", &body).await.unwrap();
    }

    async fn answer(&self, message: &Message) {
        let header = message.header();
        let member = header.member().map(|m| m.to_string()).unwrap_or_default();
        self.state.lock().unwrap().calls.push(member.clone());
        let reply = &self.connection;
        match member.as_str() {
            "LoadUnit" => reply.reply(&header, &ObjectPath::try_from(UNIT_PATH).unwrap()).await.unwrap(),
            "StartUnit" | "StopUnit" => self.job(&header, member == "StartUnit").await,
            "Get" => {
                let (_, property): (String, String) = message.body().deserialize().unwrap();
                let value = {
                    let state = self.state.lock().unwrap();
                    if property == "ActiveState" { state.active } else { state.load }
                };
                reply.reply(&header, &Variant::from(value)).await.unwrap();
            }
            "GetAll" => {
                let active = self.state.lock().unwrap().active;
                let all = std::collections::HashMap::from([("ActiveState", Variant::from(active))]);
                reply.reply(&header, &all).await.unwrap();
            }
            _ => reply.reply(&header, &()).await.unwrap(),
        }
    }

    async fn job(&self, header: &zbus::message::Header<'_>, start: bool) {
        let job = ObjectPath::try_from(JOB_PATH).unwrap();
        self.connection.reply(header, &job).await.unwrap();
        let result = if start { self.state.lock().unwrap().start } else { "done" };
        if result == "done" {
            self.set(if start { "active" } else { "inactive" }).await;
        }
        let body = (7_u32, job, "web.service", result);
        let path = "/org/freedesktop/systemd1";
        self.connection.emit_signal(None::<&str>, path, MANAGER, "JobRemoved", &body).await.unwrap();
    }

    fn calls(&self, name: &str) -> usize {
        self.state.lock().unwrap().calls.iter().filter(|c| *c == name).count()
    }
}

/// B9 S19: start and stop follow the job; a failure of the unit is known by its signal, long before the next monitor.
#[tokio::test]
async fn a_unit_is_driven_and_its_failure_known_at_once() {
    let mut node = Node::new("alpha", GROUP);
    let bus = Bus::start(node.dir.path());
    let systemd = Systemd::start(&bus).await;
    node.start_with(&[("DBUS_SYSTEM_BUS_ADDRESS", bus.address.as_str())]).await;
    node.until_state(api::GroupState::Stopped).await;
    node.up().await;
    assert_eq!((systemd.calls("StartUnit"), systemd.calls("StopUnit")), (1, 0));
    // The signal alone: the monitor's interval is an hour.
    systemd.set("failed").await;
    node.until("repair", |g| g.resources[0].repairs == 1 && g.state() == api::GroupState::Running).await;
    assert_eq!(systemd.calls("StartUnit"), 2);
    // A job that fails is a failure with the job's result in words.
    systemd.state.lock().unwrap().start = "timeout";
    systemd.set("failed").await;
    let group = node.until_state(api::GroupState::Failed).await;
    assert!(group.failure.is_some());
    systemd.state.lock().unwrap().start = "done";
    node.order_with(api::Desired::Started, |g| g.clear = 1).await;
    node.until_state(api::GroupState::Running).await;
    node.down().await;
    assert_eq!(systemd.state.lock().unwrap().active, "inactive");
}

/// A unit that is not installed is this node's lack.
#[tokio::test]
async fn a_missing_unit_is_a_readiness_issue() {
    let mut node = Node::new("alpha", GROUP);
    let bus = Bus::start(node.dir.path());
    let systemd = Systemd::start(&bus).await;
    systemd.state.lock().unwrap().load = "not-found";
    node.start_with(&[("DBUS_SYSTEM_BUS_ADDRESS", bus.address.as_str())]).await;
    let group = node.until("readiness issue", |g| !g.not_ready.is_empty()).await;
    assert!(group.not_ready[0].text.contains("not-found"), "{group:?}");
}
