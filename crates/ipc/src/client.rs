//! Connecting to a daemon's Unix socket, with errors that say which of the usual reasons it is.

use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// A frozen daemon is noticed after both together.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why nobody answers on a socket.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No socket, or nobody behind it.
    #[error(
        "cannot reach the daemon at {path}: it is not running ({source}); start it with `systemctl start \
         hotpair.target`, or give the right --run-dir"
    )]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The socket or its directory is closed to this user.
    #[error(
        "cannot reach the daemon at {path}: permission denied; run it as root, or as a member of the group hotpair \
         (and of hotpair-admin to change things; membership counts from the next login on)"
    )]
    Permission {
        /// The socket.
        path: PathBuf,
    },
    /// It is there but does not answer.
    #[error("the daemon at {path} does not answer within {} s; it is frozen or overloaded: see its log", CONNECT_LIMIT.as_secs())]
    NoAnswer {
        /// The socket.
        path: PathBuf,
    },
    /// Anything else.
    #[error("cannot reach the daemon at {path}: {why}")]
    Other {
        /// The socket.
        path: PathBuf,
        /// The chain of reasons.
        why: String,
    },
}

/// Connects to the socket at `path`. The channel reconnects by itself when the daemon comes back.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(path: &Path) -> Result<Channel, ConnectError> {
    // A plain connection first: its error is exact, the transport's is not.
    let owned = || path.to_owned();
    match tokio::time::timeout(CONNECT_LIMIT, UnixStream::connect(path)).await {
        Ok(Ok(_)) => {}
        Ok(Err(source)) => return Err(classify(path, source)),
        Err(_) => return Err(ConnectError::NoAnswer { path: owned() }),
    }
    match tokio::time::timeout(CONNECT_LIMIT, endpoint(path)?.connect()).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(ConnectError::Other { path: owned(), why: chain(&error) }),
        Err(_) => Err(ConnectError::NoAnswer { path: owned() }),
    }
}

/// A channel that connects on first use and again after each loss: for a daemon that drives another one. Calls on it
/// fail with UNAVAILABLE while nobody is there.
///
/// # Errors
/// [`ConnectError::Other`] if the path cannot be expressed.
pub fn connect_lazy(path: &Path) -> Result<Channel, ConnectError> {
    Ok(endpoint(path)?.connect_lazy())
}

fn endpoint(path: &Path) -> Result<Endpoint, ConnectError> {
    let other = |why: String| ConnectError::Other { path: path.to_owned(), why };
    let absolute = std::path::absolute(path).map_err(|error| other(error.to_string()))?;
    let text = absolute.to_str().ok_or_else(|| other("the path is not UTF-8".to_owned()))?;
    let endpoint = Endpoint::try_from(format!("unix://{text}")).map_err(|error| other(chain(&error)))?;
    Ok(endpoint
        .connect_timeout(CONNECT_LIMIT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}

fn classify(path: &Path, source: io::Error) -> ConnectError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ConnectError::NotRunning { path, source },
        io::ErrorKind::PermissionDenied => ConnectError::Permission { path },
        // A full backlog: the daemon exists but does not accept.
        io::ErrorKind::WouldBlock => ConnectError::NoAnswer { path },
        _ => ConnectError::Other { path, why: source.to_string() },
    }
}

/// The transport's errors say what happened only in their sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
