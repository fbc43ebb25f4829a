//! The judge of service: a client that asks the application over HTTP at a steady pace and keeps its answers.
//!
//! Threading: one thread per client.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use super::clock;
use super::ns::Namespace;
use super::timeline::{Sample, Timeline};

/// What the application said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When the request was sent.
    pub sent: Duration,
    /// When the answer was complete.
    pub at: Duration,
    /// Node that answered.
    pub node: String,
    /// Counter as it was on the volume.
    pub counter: u64,
}

/// Everything a client saw.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// Requests and answers in time.
    pub timeline: Timeline,
    /// The answers' content, in the order of the requests.
    pub answers: Vec<Answer>,
}

impl Service {
    /// The first answer whose counter is below the one before, with that one: a lost write.
    #[must_use]
    pub fn counter_went_back(&self) -> Option<(Answer, Answer)> {
        self.answers
            .windows(2)
            .find(|pair| matches!(pair, [before, after] if after.counter < before.counter))
            .and_then(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone())))
    }

    /// The nodes that answered, one after the other.
    #[must_use]
    pub fn served_by(&self) -> Vec<String> {
        let mut nodes: Vec<String> = self.answers.iter().map(|answer| answer.node.clone()).collect();
        nodes.dedup();
        nodes
    }

    /// Only the requests sent within `from..to`.
    #[must_use]
    pub fn between(&self, from: Duration, to: Duration) -> Self {
        let answers = self.answers.iter().filter(|answer| (from..to).contains(&answer.sent)).cloned().collect();
        Self { timeline: self.timeline.between(from, to), answers }
    }
}

/// A running client.
#[derive(Debug)]
pub struct HttpClient {
    seen: Arc<Mutex<Service>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl HttpClient {
    /// Starts to ask `http://address/` from `ns` every `interval`, giving each request `timeout` (a request that waits
    /// delays the next one, so keep it short: tens of milliseconds).
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(ns: &Arc<Namespace>, address: SocketAddr, interval: Duration, timeout: Duration) -> Result<Self> {
        let timeline = Timeline { interval, samples: Vec::new() };
        let seen = Arc::new(Mutex::new(Service { timeline, answers: Vec::new() }));
        let ended = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name(format!("http-{address}")).spawn({
            let (seen, ended, ns) = (Arc::clone(&seen), Arc::clone(&ended), Arc::clone(ns));
            move || {
                let result = ns.in_net(|| {
                    clock::prefer_this_thread();
                    run(address, interval, timeout, &seen, &ended);
                    Ok(())
                });
                if let Err(error) = result {
                    eprintln!("lab: the HTTP client could not start: {error:#}");
                }
            }
        })?;
        Ok(Self { seen, ended, thread: Some(thread) })
    }

    /// Everything seen so far.
    #[must_use]
    pub fn seen(&self) -> Service {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest answer.
    #[must_use]
    pub fn last(&self) -> Option<Answer> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).answers.last().cloned()
    }

    /// Stops and returns everything seen.
    ///
    /// # Errors
    /// When its thread panicked.
    pub fn stop(mut self) -> Result<Service> {
        self.ended.store(true, Ordering::Release);
        let thread = self.thread.take().context("stopped already")?;
        thread.join().map_err(|_| anyhow!("the HTTP client's thread panicked"))?;
        Ok(self.seen())
    }
}

impl Drop for HttpClient {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}

fn run(address: SocketAddr, interval: Duration, timeout: Duration, seen: &Mutex<Service>, ended: &AtomicBool) {
    let mut next = clock::now();
    while !ended.load(Ordering::Acquire) {
        let sent = clock::now();
        let answer = get(address, "/", timeout);
        let at = clock::now();
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let content =
                answer.ok().and_then(|body| Some((body["node"].as_str()?.to_owned(), body["counter"].as_u64()?)));
            seen.timeline.samples.push(Sample { sent, answered: content.is_some().then_some(at) });
            if let Some((node, counter)) = content {
                seen.answers.push(Answer { sent, at, node, counter });
            }
        }
        next = (next + interval).max(at);
        clock::pause(next.saturating_sub(clock::now()));
    }
}

/// One HTTP GET in the calling thread's network; returns the JSON body of a 200 answer.
///
/// # Errors
/// When it is not answered completely within about `timeout`, or not with 200 and JSON.
pub fn get(address: SocketAddr, path: &str, timeout: Duration) -> Result<Value> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.set_nodelay(true)?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.take(65536).read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("an incomplete answer")?;
    ensure!(head.split(' ').nth(1) == Some("200"), "answer {:?}", head.lines().next());
    Ok(serde_json::from_str(body)?)
}
