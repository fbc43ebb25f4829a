//! The connection to hbd: its view of the peer comes in, this node's advert goes out, both as streams.
//!
//! One task. It connects, watches, and starts again with a growing pause when the connection is lost; a loss is told once
//! and is never a death of anybody. The newest advert is sent at once, and again first thing on a new connection.

use crate::convert::peer;
use hotpair_ipc::client;
use hotpair_proto::heartbeat::v1::heartbeat_service_client::HeartbeatServiceClient;
use hotpair_proto::heartbeat::v1::{StreamAdvertRequest, WatchPeerRequest};
use hotpair_types::PeerView;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;

/// First pause before connecting again.
pub const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause.
pub const LAST_PAUSE: Duration = Duration::from_secs(1);
/// A daemon that does not answer a call within this time is gone.
pub const CALL_LIMIT: Duration = Duration::from_secs(3);
/// Largest message: a view holds an advert of up to 64 KiB.
const MAX_MESSAGE: usize = 1 << 20;

/// What hbd, or the lack of it, has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum HbdEvent {
    /// A whole view.
    View(Box<PeerView>),
    /// It cannot be asked; why.
    Gone(String),
}

/// The newest advert, encoded; `None` before there is one.
pub type AdvertBytes = Option<std::sync::Arc<[u8]>>;

/// Runs for ever. `tell` hands events to the loop.
pub async fn run<F, T>(socket: PathBuf, adverts: watch::Receiver<AdvertBytes>, tell: T)
where
    T: Fn(HbdEvent) -> F,
    F: Future<Output = ()>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let (heard, reason) = connection(&socket, adverts.clone(), &tell).await;
        tracing::debug!(%reason, "the connection to hbd is lost or was not made");
        tell(HbdEvent::Gone(reason)).await;
        pause = if heard { FIRST_PAUSE } else { (pause * 2).min(LAST_PAUSE) };
        tokio::time::sleep(pause).await;
    }
}

/// One connection until its end: whether anything was heard, and why it ended.
async fn connection<F, T>(socket: &std::path::Path, adverts: watch::Receiver<AdvertBytes>, tell: &T) -> (bool, String)
where
    T: Fn(HbdEvent) -> F,
    F: Future<Output = ()>,
{
    let channel = match client::connect(socket).await {
        Ok(channel) => channel,
        Err(error) => return (false, error.to_string()),
    };
    let mut client = HeartbeatServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
    let mut views = match tokio::time::timeout(CALL_LIMIT, client.watch_peer(WatchPeerRequest {})).await {
        Ok(Ok(answer)) => answer.into_inner(),
        Ok(Err(status)) => return (false, words(&status)),
        Err(_) => return (false, "hbd does not answer: it is frozen or overloaded".to_owned()),
    };
    let sending =
        WatchStream::new(adverts).filter_map(|bytes| bytes.map(|bytes| StreamAdvertRequest { advert: bytes.to_vec() }));
    let mut advertising = std::pin::pin!(client.stream_advert(sending));
    let mut heard = false;
    loop {
        tokio::select! {
            ended = &mut advertising => {
                let why = ended.err().map_or_else(|| "hbd ended the stream of adverts".to_owned(), |s| words(&s));
                return (heard, why);
            }
            message = views.message() => match message {
                Ok(Some(message)) => match message.view.as_ref().map(peer::from_wire) {
                    Some(Ok(view)) => {
                        heard = true;
                        tell(HbdEvent::View(Box::new(view))).await;
                    }
                    Some(Err(error)) => return (heard, format!("hbd's view is not understood: {error}")),
                    None => return (heard, "hbd sent an empty view".to_owned()),
                },
                Ok(None) => return (heard, "hbd ended the stream of views".to_owned()),
                Err(status) => return (heard, words(&status)),
            }
        }
    }
}

/// One line of a status.
pub(crate) fn words(status: &tonic::Status) -> String {
    if status.message().is_empty() { status.code().to_string() } else { status.message().to_owned() }
}
