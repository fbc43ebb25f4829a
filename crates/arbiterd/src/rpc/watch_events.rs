//! `WatchEvents`: first what the history holds after the id asked for, then what happens, without a gap or a repetition.

use super::{Service, event};
use crate::history::{Entry, History, Query};
use crate::settings::Settings;
use hotpair_ipc::errors::Problem;
use hotpair_proto::arbiter::v1 as pb;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Events on their way to a slow client; beyond that the task waits, and the history holds the rest.
const BUFFER: usize = 64;
/// Events read at once.
const BATCH: u32 = 500;

type Item = Result<pb::WatchEventsResponse, Status>;

pub(super) fn stream(service: &Service, after: Option<u64>) -> ReceiverStream<Item> {
    let (out, stream) = mpsc::channel(BUFFER);
    let watcher =
        Watcher { history: service.history.clone(), settings: service.settings.clone(), out, last: after.unwrap_or(0) };
    tokio::spawn(watcher.run(after.is_some(), service.stop.clone()));
    ReceiverStream::new(stream)
}

struct Watcher {
    history: History,
    settings: watch::Receiver<Arc<Settings>>,
    out: mpsc::Sender<Item>,
    last: u64,
}

/// The client went away.
struct Gone;

impl Watcher {
    async fn run(mut self, from_history: bool, stop: CancellationToken) {
        let out = self.out.clone();
        tokio::select! {
            // Its end is the client's.
            _ = self.follow(from_history) => {}
            () = out.closed() => {}
            () = stop.cancelled() => {
                let end = Problem::unavailable("STOPPING", "the daemon is stopping")
                    .remedy("call again with the last id; the service manager starts it anew if it was restarted");
                // A client that takes nothing gets no goodbye either.
                drop(out.try_send(Err(end.into())));
            }
        }
    }

    async fn follow(&mut self, from_history: bool) -> Result<(), Gone> {
        // Subscribed first, so that nothing falls between the history and what is new.
        let mut live = self.history.watch();
        if from_history {
            self.catch_up().await?;
        }
        loop {
            match live.recv().await {
                Ok(entry) => self.send(&entry).await?,
                Err(RecvError::Lagged(_)) => self.catch_up().await?,
                Err(RecvError::Closed) => return Err(Gone),
            }
        }
    }

    async fn catch_up(&mut self) -> Result<(), Gone> {
        loop {
            let query = Query { limit: BATCH, after_id: self.last, oldest_first: true, ..Query::default() };
            let entries = self.history.read(query).await.unwrap_or_default();
            if entries.is_empty() {
                return Ok(());
            }
            for entry in &entries {
                self.send(entry).await?;
            }
        }
    }

    async fn send(&mut self, entry: &Entry) -> Result<(), Gone> {
        if entry.id <= self.last {
            return Ok(());
        }
        self.last = entry.id;
        let event = event(entry, &Arc::clone(&self.settings.borrow()));
        self.out.send(Ok(pb::WatchEventsResponse { event: Some(event) })).await.map_err(|_| Gone)
    }
}
