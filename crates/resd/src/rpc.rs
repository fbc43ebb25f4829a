//! `hotpair.resource.v1`: handlers only look at the newest view or put an order into the driver's queue and await its
//! answer; a caller that goes away in the middle leaves nothing half done.

use std::sync::{Arc, PoisonError, RwLock};

use hotpair_ipc::errors::Problem;
use hotpair_ipc::latest::WholeView;
use hotpair_ipc::peer::{Access, Need};
use hotpair_proto::common::v1::ProcessInfo;
use hotpair_proto::resource::v1 as api;
use hotpair_proto::resource::v1::resource_service_server::ResourceService;
use resource_core::{Note, Refusal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::convert;
use crate::driver::{Order, Published};

/// The service.
#[derive(Debug)]
pub struct Service {
    /// The newest view.
    pub view: watch::Receiver<Option<Published>>,
    /// The driver's queue.
    pub orders: mpsc::Sender<Order>,
    /// Who may call.
    pub access: Arc<RwLock<Access>>,
    /// Who answers.
    pub process: ProcessInfo,
    /// Ends open watches.
    pub stop: CancellationToken,
}

impl Service {
    fn authorize<T>(&self, request: &Request<T>, need: Need) -> Result<(), Status> {
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        access.authorize(request.extensions(), need).map(drop)
    }
}

fn stopping() -> Status {
    Problem::unavailable("STOPPING", "resd is stopping").remedy("call again in a moment").into()
}

#[tonic::async_trait]
impl ResourceService for Service {
    async fn get_observed(
        &self,
        request: Request<api::GetObservedRequest>,
    ) -> Result<Response<api::GetObservedResponse>, Status> {
        self.authorize(&request, Need::Read)?;
        let mut view = self.view.clone();
        let published = view.wait_for(Option::is_some).await.map_err(|_| stopping())?.clone();
        let view = published.map(|p| convert::view(&p.view));
        Ok(Response::new(api::GetObservedResponse { view, process: Some(self.process.clone()) }))
    }

    type WatchObservedStream = WholeView<api::WatchObservedResponse>;

    async fn watch_observed(
        &self,
        request: Request<api::WatchObservedRequest>,
    ) -> Result<Response<Self::WatchObservedStream>, Status> {
        self.authorize(&request, Need::Read)?;
        let mut next = None;
        let stream = WholeView::filtered(self.view.clone(), self.stop.clone(), move |published| {
            let published: Published = published?;
            let (notes, after) = published.events.lock().unwrap_or_else(PoisonError::into_inner).since(next);
            next = Some(after);
            let view = Some(convert::view(&published.view));
            Some(api::WatchObservedResponse { view, events: notes.iter().map(event).collect() })
        });
        Ok(Response::new(stream))
    }

    async fn apply_target(
        &self,
        request: Request<api::ApplyTargetRequest>,
    ) -> Result<Response<api::ApplyTargetResponse>, Status> {
        self.authorize(&request, Need::Change)?;
        let Some(target) = request.into_inner().target else {
            return Err(Problem::invalid_argument("BAD_TARGET", "there is no target in the request")
                .field("target", "has to be given")
                .into());
        };
        let target = convert::target(target)?;
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order { target, reply }).await.map_err(|_| stopping())?;
        match answer.await.map_err(|_| stopping())? {
            Ok(generation) => Ok(Response::new(api::ApplyTargetResponse { generation: generation.0 })),
            Err(refusal) => Err(refused(&refusal)),
        }
    }
}

fn refused(refusal: &Refusal) -> Status {
    let (reason, kind, remedy) = match refusal {
        Refusal::Older { .. } => ("STALE_TARGET", "GENERATION", "send a target with a higher generation"),
        Refusal::Contradiction(_) => {
            ("CONTRADICTORY_TARGET", "GENERATION", "two programs give orders: only arbiterd may; find the other one")
        }
        Refusal::OtherBoot(_) => ("OTHER_BOOT", "BOOT", "ask this boot's id by GetObserved, and make a target for it"),
    };
    Problem::failed_precondition(reason, "the target is refused")
        .why(refusal.to_string())
        .precondition(kind, "target", refusal.to_string())
        .remedy(remedy)
        .into()
}

fn event(note: &Note) -> api::ResourceEvent {
    let (id, parameters) = crate::log::message(&note.event);
    api::ResourceEvent {
        at_ns: note.at.as_nanos(),
        group: note.group.as_ref().map(ToString::to_string).unwrap_or_default(),
        resource: note.resource.as_ref().map(ToString::to_string).unwrap_or_default(),
        id: id.to_string(),
        parameters: parameters.into_iter().map(|(k, v)| (k.to_string(), v)).collect(),
    }
}
