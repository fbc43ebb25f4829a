//! One gRPC server on one Unix socket: a daemon's services plus reflection (v1 and v1alpha) and `grpc.health.v1`.
//!
//! The end is bounded: after the stop token everything is closed within [`STOP_LIMIT`], whatever clients do; hyper and
//! tonic alone would wait for an open watch or an idle connection for ever.

use core::time::Duration;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::authority::AuthorityStream;
use crate::peer::PeerInfo;
use crate::socket::BoundSocket;

/// How long clients have to take what is on its way after the stop token.
pub const STOP_LIMIT: Duration = Duration::from_secs(1);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Calls at once on one connection.
const MAX_STREAMS: u32 = 256;
/// Connections at once of one user other than root and the daemon's own: nobody can use up the descriptors.
const MAX_CONNECTIONS_PER_USER: usize = 64;
/// Pause after a failed accept (out of descriptors): tries again instead of spinning.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Why a server could not be set up or ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptor set given to [`GrpcServer::new`] is damaged.
    #[error("the API description built into this program is damaged: {0}")]
    Descriptors(#[from] tonic_reflection::server::Error),
    /// The transport gave up.
    #[error("the server ended: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// The standard health service's states. Clones share them.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    names: Arc<Mutex<BTreeSet<String>>>,
}

impl Health {
    /// Sets the state of a service by its full name (`hotpair.heartbeat.v1.HeartbeatService`), or of the whole server
    /// by the empty name, which serves from the start.
    pub async fn set(&self, service: &str, serving: bool) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(service.to_owned());
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.reporter.set_service_status(service, status).await;
    }

    /// Sets every service that was ever set, and the whole server.
    pub async fn set_all(&self, serving: bool) {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for name in &names {
            self.set(name, serving).await;
        }
    }
}

/// A daemon's services, ready to be served.
#[derive(Debug)]
pub struct GrpcServer {
    routes: Routes,
    health: Health,
}

impl GrpcServer {
    /// Adds reflection and health to `services` (`Routes::new(a).add_service(b)`). `descriptors` is the encoded
    /// `FileDescriptorSet` of their protocol files.
    ///
    /// # Errors
    /// [`ServeError::Descriptors`].
    pub fn new(services: Routes, descriptors: &[u8]) -> Result<Self, ServeError> {
        let (reporter, health_service) = tonic_health::server::health_reporter();
        // grpcurl 1.8.6 knows v1alpha only. Each version also describes the other, health and the error details, so
        // that `list` shows everything and errors are printed as text.
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .include_reflection_service(false)
                .register_encoded_file_descriptor_set(descriptors)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
        };
        let routes = services
            .add_service(health_service)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        let names = Arc::new(Mutex::new(BTreeSet::from([String::new()])));
        Ok(Self { routes, health: Health { reporter, names } })
    }

    /// The handle that sets health states.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Serves until `stop`, then at most [`STOP_LIMIT`] longer; removes the socket. Health turns to NOT_SERVING at once.
    ///
    /// # Errors
    /// [`ServeError::Transport`].
    pub async fn serve(self, socket: BoundSocket, stop: CancellationToken) -> Result<(), ServeError> {
        // Ends what is left of the connections, whose tasks belong to the runtime and outlive the server.
        let kill = CancellationToken::new();
        let _kill_at_the_end = kill.clone().drop_guard();
        let path = socket.path().to_owned();
        let serving = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .max_concurrent_streams(Some(MAX_STREAMS))
            .add_routes(self.routes)
            .serve_with_incoming_shutdown(connections(socket, kill), stop.clone().cancelled_owned());
        let limit = async {
            stop.cancelled().await;
            self.health.set_all(false).await;
            tokio::time::sleep(STOP_LIMIT).await;
        };
        tokio::select! {
            ended = serving => ended?,
            () = limit => tracing::info!(path = %path.display(), "clients kept calls open: closing them"),
        }
        Ok(())
    }
}

/// Accepted connections, without end.
fn connections(socket: BoundSocket, kill: CancellationToken) -> impl Stream<Item = io::Result<Connection>> {
    let admission = Admission::default();
    stream::unfold((socket, kill, admission), |(socket, kill, admission)| async move {
        let connection = accept(&socket.listener, &kill, &admission).await;
        Some((Ok(connection), (socket, kill, admission)))
    })
}

async fn accept(listener: &UnixListener, kill: &CancellationToken, admission: &Admission) -> Connection {
    let mut failing = false;
    loop {
        let accepted = listener.accept().await.and_then(|(stream, _)| Ok((PeerInfo::of(&stream)?, stream)));
        match accepted {
            Ok((peer, stream)) => match admission.admit(peer.uid) {
                Some(place) => {
                    return Connection {
                        stream: AuthorityStream::new(stream),
                        peer,
                        killed: Box::pin(kill.clone().cancelled_owned()),
                        _place: place,
                    };
                }
                None => {
                    tracing::debug!(uid = peer.uid, "connection refused: this user has too many")
                }
            },
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "a connection cannot be accepted; trying again");
                }
                failing = true;
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// Counts connections by user.
#[derive(Debug, Clone, Default)]
struct Admission(Arc<Mutex<HashMap<u32, usize>>>);

/// One counted connection; gives its place back when dropped.
#[derive(Debug)]
struct Place {
    uid: u32,
    admission: Admission,
}

impl Admission {
    fn admit(&self, uid: u32) -> Option<Place> {
        let unlimited = uid == 0 || uid == nix::unistd::geteuid().as_raw();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(uid).or_default();
        if *count >= MAX_CONNECTIONS_PER_USER && !unlimited {
            return None;
        }
        *count += 1;
        Some(Place { uid, admission: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.uid) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.uid);
            }
        }
    }
}

/// An accepted connection: authority rewritten, ended from outside by the kill token.
struct Connection {
    stream: AuthorityStream<UnixStream>,
    peer: PeerInfo,
    killed: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: Place,
}

impl Connection {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.killed.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the server has stopped")),
            Poll::Pending => Ok(()),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(cx)?;
        Pin::new(&mut this.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(cx)?;
        Pin::new(&mut this.stream).poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(cx)?;
        Pin::new(&mut this.stream).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_user_has_a_limit_and_gets_places_back() {
        let admission = Admission::default();
        let mut places: Vec<_> = (0..MAX_CONNECTIONS_PER_USER).map(|_| admission.admit(54_321).unwrap()).collect();
        assert!(admission.admit(54_321).is_none());
        assert!(admission.admit(54_322).is_some(), "others are not affected");
        let root: Vec<_> = (0..200).filter_map(|_| admission.admit(0)).collect();
        assert_eq!(root.len(), 200);
        places.pop();
        assert!(admission.admit(54_321).is_some());
        drop((places, root));
        assert!(admission.0.lock().unwrap().is_empty());
    }
}
