//! The connection to resd: what it sees comes in as a stream, targets go out one at a time, the newest first.
//!
//! One task. A target that is replaced while another is on its way is never sent; after a lost connection the newest one
//! is sent again (resd takes the same target twice without harm).

use crate::convert::resource;
use crate::hbd_client::{CALL_LIMIT, FIRST_PAUSE, LAST_PAUSE, words};
use hotpair_ipc::client;
use hotpair_proto::resource::v1::resource_service_client::ResourceServiceClient;
use hotpair_proto::resource::v1::{ApplyTargetRequest, ResourceEvent, Target as WireTarget, WatchObservedRequest};
use hotpair_types::ObservedView;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tonic::Code;
use tonic::transport::Channel;

/// Largest message: views of many resources with their errors.
const MAX_MESSAGE: usize = 8 << 20;

/// What resd, or the lack of it, has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum ResdEvent {
    /// A whole view, and what happened since the one before.
    View(Box<ObservedView>, Vec<ResourceEvent>),
    /// It cannot be asked; why.
    Gone(String),
    /// It refused a target; its words.
    Refused(String),
}

/// The newest target; `None` before there is one.
pub type NewestTarget = Option<Arc<WireTarget>>;

/// Runs for ever. `tell` hands events to the loop.
pub async fn run<F, T>(socket: PathBuf, targets: watch::Receiver<NewestTarget>, tell: T)
where
    T: Fn(ResdEvent) -> F,
    F: Future<Output = ()>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let (heard, reason) = connection(&socket, targets.clone(), &tell).await;
        tracing::debug!(%reason, "the connection to resd is lost or was not made");
        tell(ResdEvent::Gone(reason)).await;
        pause = if heard { FIRST_PAUSE } else { (pause * 2).min(LAST_PAUSE) };
        tokio::time::sleep(pause).await;
    }
}

/// One connection until its end: whether anything was heard, and why it ended.
async fn connection<F, T>(socket: &Path, targets: watch::Receiver<NewestTarget>, tell: &T) -> (bool, String)
where
    T: Fn(ResdEvent) -> F,
    F: Future<Output = ()>,
{
    let channel = match client::connect(socket).await {
        Ok(channel) => channel,
        Err(error) => return (false, error.to_string()),
    };
    let client = ResourceServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
    let mut watching = client.clone();
    let mut views = match tokio::time::timeout(CALL_LIMIT, watching.watch_observed(WatchObservedRequest {})).await {
        Ok(Ok(answer)) => answer.into_inner(),
        Ok(Err(status)) => return (false, words(&status)),
        Err(_) => return (false, "resd does not answer: it is frozen or overloaded".to_owned()),
    };
    let mut applying = std::pin::pin!(apply(client, targets, tell));
    let mut heard = false;
    loop {
        tokio::select! {
            reason = &mut applying => return (heard, reason),
            message = views.message() => match message {
                Ok(Some(message)) => match message.view.as_ref().map(resource::from_wire) {
                    Some(Ok(view)) => {
                        heard = true;
                        tell(ResdEvent::View(Box::new(view), message.events)).await;
                    }
                    Some(Err(error)) => return (heard, format!("resd's view is not understood: {error}")),
                    None => return (heard, "resd sent an empty view".to_owned()),
                },
                Ok(None) => return (heard, "resd ended the stream of views".to_owned()),
                Err(status) => return (heard, words(&status)),
            }
        }
    }
}

/// Sends targets until the connection fails: why it did.
async fn apply<F, T>(
    mut client: ResourceServiceClient<Channel>,
    mut targets: watch::Receiver<NewestTarget>,
    tell: &T,
) -> String
where
    T: Fn(ResdEvent) -> F,
    F: Future<Output = ()>,
{
    targets.mark_changed();
    loop {
        if targets.changed().await.is_err() {
            // The loop has ended, and with it this process.
            return "arbiterd is stopping".to_owned();
        }
        let Some(target) = targets.borrow_and_update().clone() else { continue };
        let request = ApplyTargetRequest { target: Some(WireTarget::clone(&target)) };
        match tokio::time::timeout(CALL_LIMIT, client.apply_target(request)).await {
            Ok(Ok(_)) => {}
            Ok(Err(status)) => match status.code() {
                Code::FailedPrecondition | Code::InvalidArgument | Code::Aborted | Code::PermissionDenied => {
                    tell(ResdEvent::Refused(words(&status))).await;
                }
                _ => return words(&status),
            },
            Err(_) => return "resd does not take its target: it is frozen or overloaded".to_owned(),
        }
    }
}
