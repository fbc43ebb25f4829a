//! `hotpair.heartbeat.v1`: the view of the peer, and the way in for the own arbiter's advert.
//!
//! Handlers only look at the newest view and replace the newest advert; a caller that goes away in the middle leaves
//! nothing half done.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hotpair_ipc::errors::Problem;
use hotpair_ipc::latest::WholeView;
use hotpair_ipc::peer::{Access, Need};
use hotpair_proto::common::v1::ProcessInfo;
use hotpair_proto::heartbeat::v1 as api;
use hotpair_proto::heartbeat::v1::heartbeat_service_server::HeartbeatService;
use hotpair_types::PeerView;
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::convert;
use crate::driver::OwnAdvert;
use crate::log;
use crate::wake::Wake;

/// An advert handed over by `SetAdvert` counts as fresh for so long; the caller repeats it at least every two seconds.
const FRESH: Duration = Duration::from_secs(5);

/// The own advert on its way to the beat loop, and who keeps it fresh. Clones share it.
#[derive(Debug, Clone)]
pub struct AdvertDesk {
    advert: watch::Sender<OwnAdvert>,
    wake: Wake,
    keepers: Arc<Mutex<Keepers>>,
}

#[derive(Debug, Default)]
struct Keepers {
    /// Open `StreamAdvert` calls.
    streams: u64,
    /// `SetAdvert` calls so far, and whether the last one still counts.
    calls: u64,
    call_counts: bool,
}

impl AdvertDesk {
    /// The desk for a beat loop that watches `advert` and is woken by `wake`.
    pub fn new(advert: watch::Sender<OwnAdvert>, wake: Wake) -> Self {
        Self { advert, wake, keepers: Arc::default() }
    }

    /// Replaces the advert, if there is a new one, and who keeps it fresh: in one step, so that neither is ever seen
    /// with the other's past.
    fn put(&self, bytes: Option<Vec<u8>>, change: impl FnOnce(&mut Keepers)) {
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut keepers);
        let stale = keepers.streams == 0 && !keepers.call_counts;
        let mut turned = false;
        let changed = self.advert.send_if_modified(|advert| {
            turned = advert.stale != stale;
            let new = bytes.filter(|new| advert.bytes.as_deref() != Some(new));
            let changed = turned || new.is_some();
            advert.stale = stale;
            if let Some(new) = new {
                advert.bytes = Some(new.into());
            }
            changed
        });
        if changed {
            self.wake.wake();
        }
        if turned {
            log::advert_stale(stale);
        }
    }

    /// A call counts for [`FRESH`], unless another one follows.
    fn put_for_a_while(&self, bytes: Vec<u8>) {
        let mut number = 0;
        self.put(Some(bytes), |k| {
            k.calls = k.calls.wrapping_add(1);
            k.call_counts = true;
            number = k.calls;
        });
        let desk = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(FRESH).await;
            desk.put(None, |k| k.call_counts &= k.calls != number);
        });
    }
}

/// One open `StreamAdvert` call; dropped however the call ends.
struct Keeper(AdvertDesk);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.put(None, |k| k.streams = k.streams.saturating_sub(1));
    }
}

/// The service.
#[derive(Debug)]
pub struct Service {
    /// Newest view.
    pub view: watch::Receiver<Arc<PeerView>>,
    /// Way in for adverts.
    pub desk: AdvertDesk,
    /// Who may; looked up anew when the configuration is read again.
    pub access: Arc<RwLock<Access>>,
    /// This process; its digest changes with the configuration.
    pub process: watch::Receiver<ProcessInfo>,
    /// Ends open watches.
    pub stop: CancellationToken,
}

impl Service {
    fn authorize<T>(&self, request: &Request<T>, need: Need) -> Result<(), Status> {
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner).clone();
        access.authorize(request.extensions(), need).map(drop)
    }
}

fn check(advert: &[u8]) -> Result<(), Status> {
    if advert.is_empty() || advert.len() > heartbeat_core::MAX_ADVERT {
        let limit = heartbeat_core::MAX_ADVERT;
        let problem = Problem::invalid_argument("ADVERT_LENGTH", "the advert was not taken")
            .why(format!("it has {} bytes; 1 to {limit} can be carried", advert.len()))
            .field("advert", format!("length must be 1 to {limit}"))
            .remedy("hand over one encoded hotpair.arbiter.v1.Advert");
        return Err(problem.into());
    }
    Ok(())
}

#[tonic::async_trait]
impl HeartbeatService for Service {
    async fn get_peer(&self, request: Request<api::GetPeerRequest>) -> Result<Response<api::GetPeerResponse>, Status> {
        self.authorize(&request, Need::Read)?;
        let view = self.view.borrow().clone();
        let process = self.process.borrow().clone();
        Ok(Response::new(api::GetPeerResponse { view: Some(convert::peer_view(&view)), process: Some(process) }))
    }

    type WatchPeerStream = WholeView<api::WatchPeerResponse>;

    async fn watch_peer(
        &self,
        request: Request<api::WatchPeerRequest>,
    ) -> Result<Response<Self::WatchPeerStream>, Status> {
        self.authorize(&request, Need::Read)?;
        let convert = |view: Arc<PeerView>| api::WatchPeerResponse { view: Some(convert::peer_view(&view)) };
        Ok(Response::new(WholeView::new(self.view.clone(), self.stop.clone(), convert)))
    }

    async fn set_advert(
        &self,
        request: Request<api::SetAdvertRequest>,
    ) -> Result<Response<api::SetAdvertResponse>, Status> {
        self.authorize(&request, Need::Change)?;
        let advert = request.into_inner().advert;
        check(&advert)?;
        let digest = heartbeat_core::advert_digest(&advert).to_string();
        self.desk.put_for_a_while(advert);
        Ok(Response::new(api::SetAdvertResponse { digest }))
    }

    async fn stream_advert(
        &self,
        request: Request<Streaming<api::StreamAdvertRequest>>,
    ) -> Result<Response<api::StreamAdvertResponse>, Status> {
        self.authorize(&request, Need::Change)?;
        let mut adverts = request.into_inner();
        let mut keeper = None;
        loop {
            let next = tokio::select! {
                next = adverts.next() => next,
                () = self.stop.cancelled() => None,
            };
            let Some(message) = next else {
                return Ok(Response::new(api::StreamAdvertResponse {}));
            };
            let advert = message?.advert;
            check(&advert)?;
            // Fresh from the first advert on: an open call without one confirms nothing.
            let first = keeper.is_none();
            self.desk.put(Some(advert), |k| k.streams = k.streams.saturating_add(u64::from(first)));
            keeper.get_or_insert_with(|| Keeper(self.desk.clone()));
        }
    }
}
