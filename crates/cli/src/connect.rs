//! Reaching the three daemons on this node, every wait bounded.

use crate::failure::{Exit, Failure};
use crate::ids;
use crate::words::Words;
use core::time::Duration;
use hotpair_ipc::client::{self, ConnectError};
use hotpair_proto::arbiter::v1::arbiter_service_client::ArbiterServiceClient;
use hotpair_proto::heartbeat::v1::heartbeat_service_client::HeartbeatServiceClient;
use hotpair_proto::resource::v1::resource_service_client::ResourceServiceClient;
use std::path::{Path, PathBuf};
use tonic::transport::Channel;

/// A daemon that has not answered a call for so long is taken for frozen.
const CALL_LIMIT: Duration = Duration::from_secs(5);
/// How long the client kit waits for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Names of the daemons.
pub const ARBITERD: &str = "arbiterd";
/// See [`ARBITERD`].
pub const HBD: &str = "hbd";
/// See [`ARBITERD`].
pub const RESD: &str = "resd";

/// The daemons of one run directory.
#[derive(Clone, Debug)]
pub struct Daemons {
    run_dir: PathBuf,
    words: Words,
}

impl Daemons {
    /// Their sockets are in `run_dir`.
    #[must_use]
    pub fn new(run_dir: &Path, words: Words) -> Self {
        Self { run_dir: run_dir.to_owned(), words }
    }

    /// A client of arbiterd.
    ///
    /// # Errors
    /// When nobody answers, or it is not permitted.
    pub async fn arbiter(&self) -> Result<ArbiterServiceClient<Channel>, Failure> {
        self.channel(ARBITERD).await.map(ArbiterServiceClient::new)
    }

    /// A client of hbd.
    ///
    /// # Errors
    /// As [`Self::arbiter`].
    pub async fn heartbeat(&self) -> Result<HeartbeatServiceClient<Channel>, Failure> {
        self.channel(HBD).await.map(HeartbeatServiceClient::new)
    }

    /// A client of resd.
    ///
    /// # Errors
    /// As [`Self::arbiter`].
    pub async fn resource(&self) -> Result<ResourceServiceClient<Channel>, Failure> {
        self.channel(RESD).await.map(ResourceServiceClient::new)
    }

    /// Awaits a call's answer for a bounded time.
    ///
    /// # Errors
    /// The daemon's error, or that it does not answer.
    pub async fn answer<T>(
        &self,
        daemon: &str,
        call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(CALL_LIMIT, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(Failure::from_status(self.words, daemon, &status)),
            Err(_) => Err(self.silent(daemon, CALL_LIMIT)),
        }
    }

    /// The failure for an answer that lacks its content: only a daemon of another version sends one.
    #[must_use]
    pub fn empty(&self, daemon: &str) -> Failure {
        Failure::new(Exit::Error, self.words, ids::EMPTY_ANSWER, &[("daemon", &daemon)])
    }

    async fn channel(&self, daemon: &str) -> Result<Channel, Failure> {
        let path = self.socket(daemon);
        client::connect(&path).await.map_err(|error| self.explain(daemon, &error))
    }

    fn socket(&self, daemon: &str) -> PathBuf {
        self.run_dir.join(format!("{daemon}.sock"))
    }

    fn silent(&self, daemon: &str, limit: Duration) -> Failure {
        let (path, time) = (self.socket(daemon), self.words.duration(limit));
        let args: &[hotpair_messages::Arg<'_>] = &[("daemon", &daemon), ("path", &path.display()), ("time", &time)];
        Failure::new(Exit::Unreachable, self.words, ids::NO_ANSWER, args)
    }

    fn explain(&self, daemon: &str, error: &ConnectError) -> Failure {
        let path = self.socket(daemon);
        let path = path.display();
        let fail = |exit, id, reason: &str| {
            Failure::new(exit, self.words, id, &[("daemon", &daemon), ("path", &path), ("reason", &reason)])
        };
        match error {
            ConnectError::NotRunning { source, .. } => fail(Exit::Unreachable, ids::NOT_RUNNING, &source.to_string()),
            ConnectError::Permission { .. } => fail(Exit::Permission, ids::NO_PERMISSION, ""),
            ConnectError::NoAnswer { .. } => self.silent(daemon, CONNECT_LIMIT),
            ConnectError::Other { why, .. } => fail(Exit::Unreachable, ids::UNREACHABLE, why),
        }
    }
}
