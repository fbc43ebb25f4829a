//! The kinds of resources behind one trait. Every operation is idempotent and answers with an [`Outcome`]; the driver adds
//! the hard limit. A kind may watch its resource in the background and tell what it notices through its [`EventSink`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hotpair_types::{Epoch, FailureScope, GroupName, ResourceName, Timestamp};
use resource_core::{Input, Outcome, ResourceEvent};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub mod app;
pub mod ip;
pub mod ocf;
pub mod unit;
pub mod volume;

/// What an operation has to know.
#[derive(Clone, Debug)]
pub struct OpContext {
    /// Its limit. The kind ends its own work by then where it can.
    pub timeout: Duration,
    /// Given when the answer is not wanted any more.
    pub cancel: CancellationToken,
    /// A start must not begin at or after this instant.
    pub not_after: Option<Timestamp>,
    /// The ownership by which it is done.
    pub epoch: Epoch,
}

/// A running operation.
pub type Op<'a> = BoxFuture<'a, Outcome>;

/// A kind of resource. See [`resource_core::Action`] for what each operation means.
pub trait ResourceKind: Send + Sync + std::fmt::Debug {
    /// Does it run?
    fn probe<'a>(&'a self, cx: &'a OpContext) -> Op<'a>;
    /// Bring it up.
    fn start<'a>(&'a self, cx: &'a OpContext) -> Op<'a>;
    /// Take it down, confirmed.
    fn stop<'a>(&'a self, cx: &'a OpContext, force: bool) -> Op<'a>;
    /// Does it serve?
    fn monitor<'a>(&'a self, cx: &'a OpContext, deep: bool) -> Op<'a>;
    /// Could it run here?
    fn readiness<'a>(&'a self, cx: &'a OpContext) -> Op<'a>;
    /// Announce it.
    fn announce<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        let _ = cx;
        Box::pin(std::future::ready(Outcome::Ok))
    }
    /// After so long the driver gives up waiting, whatever the kind does.
    fn hard_limit(&self, cx: &OpContext, start: bool) -> Duration {
        let _ = start;
        cx.timeout
    }
    /// Get ready.
    fn prepare<'a>(&'a self, cx: &'a OpContext) -> Op<'a> {
        let _ = cx;
        Box::pin(std::future::ready(Outcome::Ok))
    }
}

/// Where a kind tells what it notices. Kept in one queue with the answers of operations, so their order is true.
#[derive(Clone, Debug)]
pub struct EventSink {
    /// The group.
    pub group: GroupName,
    /// The resource.
    pub resource: ResourceName,
    /// The driver's queue.
    pub queue: mpsc::UnboundedSender<Input>,
}

impl EventSink {
    /// Tells the driver. Without a driver there is nobody to tell.
    pub fn send(&self, event: ResourceEvent) {
        let input = Input::Event { group: self.group.clone(), resource: self.resource.clone(), event };
        if self.queue.send(input).is_err() {
            tracing::debug!("an event came after the end of the loop");
        }
    }
}

/// A failure that a restart or the other node may help against.
pub fn failed(text: impl Into<String>) -> Outcome {
    Outcome::Failed { text: text.into(), scope: FailureScope::Resource }
}

/// A failure of this node's network.
pub fn network_failed(text: impl Into<String>) -> Outcome {
    Outcome::Failed { text: text.into(), scope: FailureScope::Network }
}

/// Something this node lacks.
pub fn node_lacks(text: impl Into<String>) -> Outcome {
    Outcome::Failed { text: text.into(), scope: FailureScope::Node }
}

/// It could not be found out.
pub fn unknown(text: impl Into<String>) -> Outcome {
    Outcome::Unknown { text: text.into() }
}

/// A start that was refused before anything was done: the other node still has what it needs.
pub fn held(text: impl Into<String>) -> Outcome {
    Outcome::Held { text: text.into() }
}

/// All kinds of one node share what they act with.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Links and addresses.
    pub net: crate::act::netlink::Net,
    /// Sends announcements and questions.
    pub sender: Arc<crate::act::arp::Sender>,
}
