//! The vote's store in an existing etcd: its v3 gRPC API, TLS and login included.
//!
//! One connection at a time, made when it is needed; endpoints are tried in turn, a call that fails or takes longer than the
//! limit ends the connection. Keep-alive and read of one round thus go to one server: [`super::keeper`] relies on it.
//! Certificates and password are read anew for each connection, so that renewed ones need no restart.

pub mod wire;

use super::store::{KeptAlive, Lease, Snapshot, Store, StoreError, Stored, Transaction};
use prost::Message;
use std::future::Future;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use wire::{Operation, ResponseHeader, method};

/// Where Debian keeps the certificates of the public authorities, for `https` without a `ca_file`.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";
/// More keys below the prefix than any pair writes: the store is not what it should be.
const MOST_KEYS: i64 = 4_096;

/// How to reach the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// URLs, at least one.
    pub endpoints: Vec<String>,
    /// Login name; `None`: etcd asks for none.
    pub user: Option<String>,
    /// Where the password is.
    pub password_file: Option<PathBuf>,
    /// The authority that signed the servers' certificates.
    pub ca_file: Option<PathBuf>,
    /// Own certificate.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub cert_key_file: Option<PathBuf>,
    /// Limit of a call, and of making a connection.
    pub timeout: Duration,
}

struct Session {
    channel: Channel,
    token: Option<MetadataValue<Ascii>>,
}

/// etcd.
pub struct Etcd {
    options: Options,
    prefix: String,
    at: usize,
    session: Option<Session>,
}

impl Etcd {
    /// Makes no connection yet. Keys stand below `prefix`.
    #[must_use]
    pub fn new(options: Options, prefix: String) -> Self {
        Self { options, prefix, at: 0, session: None }
    }

    fn key(&self, name: &str) -> Vec<u8> {
        format!("{}{name}", self.prefix).into_bytes()
    }

    async fn session(&mut self) -> Result<&Session, StoreError> {
        if self.session.is_none() {
            let made = limited(self.options.timeout, self.connect()).await?;
            self.session = Some(made);
        }
        self.session.as_ref().ok_or_else(|| StoreError::Unreachable("no connection".to_owned()))
    }

    async fn connect(&self) -> Result<Session, StoreError> {
        let url = self.endpoint();
        let unusable = |why: String| StoreError::Refused(format!("{url} cannot be used: {why}"));
        let mut endpoint = Endpoint::from_shared(url.clone())
            .map_err(|error| unusable(error.to_string()))?
            .connect_timeout(self.options.timeout)
            .timeout(self.options.timeout)
            .tcp_nodelay(true);
        if url.starts_with("https:") {
            let tls = self.tls().await?;
            endpoint = endpoint.tls_config(tls).map_err(|error| unusable(chain(&error)))?;
        }
        let channel = endpoint
            .connect()
            .await
            .map_err(|error| StoreError::Unreachable(format!("{url} cannot be reached: {}", chain(&error))))?;
        let mut session = Session { channel, token: None };
        if let Some(user) = &self.options.user {
            session.token = Some(self.log_in(&session, user).await?);
        }
        Ok(session)
    }

    async fn tls(&self) -> Result<ClientTlsConfig, StoreError> {
        let ca = self.options.ca_file.as_deref().unwrap_or(Path::new(SYSTEM_CA));
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca).await?));
        if let (Some(cert), Some(key)) = (&self.options.cert_file, &self.options.cert_key_file) {
            tls = tls.identity(Identity::from_pem(read(cert).await?, read_secret(key).await?));
        }
        Ok(tls)
    }

    async fn log_in(&self, session: &Session, user: &str) -> Result<MetadataValue<Ascii>, StoreError> {
        let password = match &self.options.password_file {
            Some(path) => String::from_utf8(read_secret(path).await?)
                .map_err(|_| StoreError::Refused(format!("the password in {} is not UTF-8", path.display())))?,
            None => String::new(),
        };
        let request = wire::AuthenticateRequest {
            name: user.to_owned(),
            password: password.trim_end_matches(['\n', '\r']).to_owned(),
        };
        let answer: wire::AuthenticateResponse = unary(session, method::AUTHENTICATE, request)
            .await
            .map_err(|status| StoreError::Refused(format!("the login of {user} failed: {}", status.message())))?;
        answer.token.parse().map_err(|_| StoreError::Refused("etcd gave a token that cannot be sent".to_owned()))
    }

    /// A call whose failure ends the connection, unless etcd answered something sensible.
    async fn call<Q, A>(&mut self, path: &'static str, request: Q) -> Result<A, StoreError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let limit = self.options.timeout;
        let session = self.session().await?;
        let result = match limited(limit, async { Ok(unary(session, path, request).await) }).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(status)) => self.judge(&status),
            Err(error) => error,
        };
        // Also after a refusal: the login may have expired.
        self.session = None;
        Err(result)
    }

    fn judge(&self, status: &Status) -> StoreError {
        let url = self.endpoint();
        let said = status.message();
        match status.code() {
            Code::NotFound if said.contains("lease") => StoreError::NoLease,
            Code::Unauthenticated | Code::PermissionDenied | Code::InvalidArgument | Code::FailedPrecondition => {
                StoreError::Refused(format!("{url} refuses: {said}"))
            }
            _ => StoreError::Unreachable(format!("{url} does not answer as it should: {said}")),
        }
    }
}

impl Store for Etcd {
    async fn grant(&mut self, ttl: Duration) -> Result<Lease, StoreError> {
        // Whole seconds there: rounded up, so that it lives at least as long as asked.
        let seconds = i64::try_from(ttl.as_nanos().div_ceil(1_000_000_000)).unwrap_or(i64::MAX);
        let answer: wire::LeaseGrantResponse =
            self.call(method::LEASE_GRANT, wire::LeaseGrantRequest { ttl: seconds }).await?;
        if !answer.error.is_empty() || answer.id == 0 {
            return Err(StoreError::Refused(format!("{} gives no lease: {}", self.endpoint(), answer.error)));
        }
        Ok(Lease { id: answer.id, ttl: seconds_of(answer.ttl) })
    }

    async fn keep_alive(&mut self, lease: i64) -> Result<KeptAlive, StoreError> {
        let limit = self.options.timeout;
        let session = self.session().await?;
        let result = match limited(limit, async { Ok(keep_alive(session, lease).await) }).await {
            Ok(Ok(answer)) if answer.ttl <= 0 => return Err(StoreError::NoLease),
            Ok(Ok(answer)) => {
                let term = answer.header.map_or(0, |header| header.raft_term);
                return Ok(KeptAlive { ttl: seconds_of(answer.ttl), term });
            }
            Ok(Err(status)) => self.judge(&status),
            Err(error) => error,
        };
        self.session = None;
        Err(result)
    }

    async fn read(&mut self) -> Result<Snapshot, StoreError> {
        let mut end = self.prefix.clone().into_bytes();
        if let Some(last) = end.last_mut() {
            // The prefix ends with a slash: the next byte is the end of everything below it.
            *last = last.saturating_add(1);
        }
        let request = wire::RangeRequest { key: self.prefix.clone().into_bytes(), range_end: end, limit: MOST_KEYS };
        let answer: wire::RangeResponse = self.call(method::RANGE, request).await?;
        let header = answer.header.unwrap_or(ResponseHeader { cluster_id: 0, revision: 0, raft_term: 0 });
        if answer.more {
            return Err(StoreError::Refused(format!("{} holds too much below {}", self.endpoint(), self.prefix)));
        }
        let keys = answer.kvs.into_iter().filter_map(|kv| {
            let name = String::from_utf8(kv.key).ok()?.strip_prefix(&self.prefix)?.to_owned();
            Some((name, Stored { value: kv.value, revision: kv.mod_revision, lease: kv.lease }))
        });
        Ok(Snapshot {
            cluster: header.cluster_id,
            revision: header.revision,
            term: header.raft_term,
            keys: keys.collect(),
        })
    }

    async fn commit(&mut self, step: &Transaction) -> Result<bool, StoreError> {
        let compare = step.when.iter().map(|(name, revision)| wire::Compare {
            target: wire::TARGET_MOD,
            key: self.key(name),
            mod_revision: Some(*revision),
        });
        let put = step.put.iter().map(|(name, value, lease)| {
            Operation::Put(wire::PutRequest { key: self.key(name), value: value.clone(), lease: *lease })
        });
        let delete = step.delete.iter().map(|name| Operation::Delete(wire::DeleteRangeRequest { key: self.key(name) }));
        let success = put.chain(delete).map(|request| wire::RequestOp { request: Some(request) });
        let request = wire::TxnRequest { compare: compare.collect(), success: success.collect() };
        let answer: wire::TxnResponse = self.call(method::TXN, request).await?;
        Ok(answer.succeeded)
    }

    fn next_endpoint(&mut self) -> usize {
        self.session = None;
        self.at = self.at.wrapping_add(1) % self.options.endpoints.len().max(1);
        self.options.endpoints.len()
    }

    fn endpoint(&self) -> String {
        self.options.endpoints.get(self.at).cloned().unwrap_or_default()
    }
}

/// etcd's seconds.
fn seconds_of(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

async fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    let failed = |error| StoreError::Refused(format!("{} cannot be read: {error}", path.display()));
    tokio::fs::read(path).await.map_err(failed)
}

/// A file that everybody may read holds no secret.
async fn read_secret(path: &Path) -> Result<Vec<u8>, StoreError> {
    if let Ok(meta) = tokio::fs::metadata(path).await
        && meta.mode() & 0o007 != 0
    {
        let remedy = format!("chmod 600 {}", path.display());
        return Err(StoreError::Refused(format!("{} can be read by everybody: {remedy}", path.display())));
    }
    read(path).await
}

async fn limited<T>(limit: Duration, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unreachable(format!("no answer within {} ms", limit.as_millis()))),
    }
}

fn prepared<Q>(session: &Session, message: Q) -> Request<Q> {
    let mut request = Request::new(message);
    if let Some(token) = &session.token {
        request.metadata_mut().insert("token", token.clone());
    }
    request
}

async fn ready(session: &Session) -> Result<Grpc<Channel>, Status> {
    let mut grpc = Grpc::new(session.channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(chain(&error)))?;
    Ok(grpc)
}

async fn unary<Q, A>(session: &Session, path: &'static str, message: Q) -> Result<A, Status>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Send + Sync + 'static,
{
    let mut grpc = ready(session).await?;
    let request = prepared(session, message);
    let codec: ProstCodec<Q, A> = ProstCodec::default();
    Ok(grpc.unary(request, PathAndQuery::from_static(path), codec).await?.into_inner())
}

/// A stream of one message there and one back: what is lost with a connection is a round, never a hanging stream.
async fn keep_alive(session: &Session, lease: i64) -> Result<wire::LeaseKeepAliveResponse, Status> {
    let mut grpc = ready(session).await?;
    let request = prepared(session, tokio_stream::once(wire::LeaseKeepAliveRequest { id: lease }));
    let codec: ProstCodec<wire::LeaseKeepAliveRequest, wire::LeaseKeepAliveResponse> = ProstCodec::default();
    let path = PathAndQuery::from_static(method::LEASE_KEEP_ALIVE);
    let mut answers = grpc.streaming(request, path, codec).await?.into_inner();
    answers.message().await?.ok_or_else(|| Status::unavailable("etcd ended the stream without an answer"))
}

/// An error with its causes: tonic's own words alone are "transport error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
