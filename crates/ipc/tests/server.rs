//! The server kit against real clients on real sockets: health, reflection, foreign authorities, credentials, stop.

use std::convert::Infallible;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hotpair_ipc::errors::{explain_status, reason_of};
use hotpair_ipc::peer::{Access, Need};
use hotpair_ipc::server::{GrpcServer, Health};
use hotpair_ipc::socket::BoundSocket;
use hotpair_ipc::{client, server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Far more than anything here takes: reaching it is a failure, not a delay.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service made by hand: its one method needs the right to change and answers with the caller in the error text.
#[derive(Clone)]
struct WhoAmI(Access);

impl NamedService for WhoAmI {
    const NAME: &'static str = "test.WhoAmI";
}

impl Service<Request<tonic::body::Body>> for WhoAmI {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let request = tonic::Request::from_http(request);
        let status = match self.0.authorize(request.extensions(), Need::Change) {
            Ok(caller) => Status::already_exists(caller.to_string()),
            Err(status) => status,
        };
        Box::pin(async move { Ok(status.into_http()) })
    }
}

struct Running {
    path: PathBuf,
    health: Health,
    stop: CancellationToken,
    task: JoinHandle<Result<(), server::ServeError>>,
    _dir: tempfile::TempDir,
}

impl Running {
    fn start(access: Access) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = dir.path().join("test.sock");
        let socket = BoundSocket::bind(&path, 0o666, None).unwrap();
        let server = GrpcServer::new(Routes::new(WhoAmI(access)), tonic_health::pb::FILE_DESCRIPTOR_SET).unwrap();
        let (health, stop) = (server.health(), CancellationToken::new());
        let task = tokio::spawn(server.serve(socket, stop.clone()));
        Self { path, health, stop, task, _dir: dir }
    }

    /// Stops the server and gives how long that took.
    async fn stop(self) -> Duration {
        let begin = boot_time();
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
        assert!(!self.path.exists(), "the socket file is removed");
        boot_time() - begin
    }
}

/// Time since boot.
fn boot_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap())
}

async fn check(path: &Path, service: &str) -> Result<HealthCheckResponse, Status> {
    let mut client = HealthClient::new(client::connect(path).await.unwrap());
    client.check(HealthCheckRequest { service: service.to_owned() }).await.map(tonic::Response::into_inner)
}

/// B8: the standard health service answers a check and streams changes, per service.
#[tokio::test]
async fn health_answers_and_streams() {
    let running = Running::start(Access::standard());
    assert_eq!(check(&running.path, "").await.unwrap().status(), ServingStatus::Serving);
    assert_eq!(check(&running.path, "test.WhoAmI").await.unwrap_err().code(), Code::NotFound);
    running.health.set("test.WhoAmI", false).await;
    assert_eq!(check(&running.path, "test.WhoAmI").await.unwrap().status(), ServingStatus::NotServing);

    let mut client = HealthClient::new(client::connect(&running.path).await.unwrap());
    let request = HealthCheckRequest { service: "test.WhoAmI".to_owned() };
    let mut watch = client.watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    running.health.set("test.WhoAmI", true).await;
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    running.health.set_all(false).await;
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(check(&running.path, "").await.unwrap().status(), ServingStatus::NotServing);
}

/// B8: both versions of reflection list every service, themselves and each other included.
#[tokio::test]
async fn both_reflection_versions_list_everything() {
    use tonic_reflection::pb::{v1, v1alpha};
    let running = Running::start(Access::standard());
    let channel = client::connect(&running.path).await.unwrap();
    let expected =
        ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

    let ask = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut answers = client.server_reflection_info(tokio_stream::once(ask)).await.unwrap().into_inner();
    match answers.next().await.unwrap().unwrap().message_response.unwrap() {
        v1::server_reflection_response::MessageResponse::ListServicesResponse(list) => {
            let mut names: Vec<_> = list.service.into_iter().map(|s| s.name).collect();
            names.sort();
            assert_eq!(names, expected);
        }
        other => panic!("{other:?}"),
    }

    let ask = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
            "google.rpc.ErrorInfo".to_owned(),
        )),
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(tokio_stream::once(ask)).await.unwrap().into_inner();
    match answers.next().await.unwrap().unwrap().message_response.unwrap() {
        v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(files) => {
            assert!(!files.file_descriptor_proto.is_empty(), "error details are described too");
        }
        other => panic!("{other:?}"),
    }
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let mut out = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
    out.extend_from_slice(payload);
    out
}

fn literal(index: u8, text: &str) -> Vec<u8> {
    let mut out = vec![0x40 | index, u8::try_from(text.len()).unwrap()];
    out.extend_from_slice(text.as_bytes());
    out
}

/// A health check as C-core and grpcurl send it: `:authority` is the path of the socket; the second one refers to the
/// compression table's entries of the first.
fn foreign_calls(authority: &str) -> Vec<u8> {
    let mut first = vec![0x83, 0x86]; // :method POST, :scheme http
    first.extend(literal(1, authority)); // dynamic entry, 64 after the last one
    first.extend(literal(4, "/grpc.health.v1.Health/Check")); // 63
    first.extend([0x40, 12]);
    first.extend_from_slice(b"content-type");
    first.push(16);
    first.extend_from_slice(b"application/grpc"); // 62
    let second = [0x83, 0x86, 0x80 | 64, 0x80 | 63, 0x80 | 62];
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    out.extend(frame(4, 0, 0, &[]));
    for (stream, block) in [(1, first.as_slice()), (3, &second)] {
        out.extend(frame(1, 4, stream, block));
        out.extend(frame(0, 1, stream, &[0, 0, 0, 0, 0]));
    }
    out
}

/// Reads frames until streams 1 and 3 have ended; gives the DATA payload of each, or the code of its reset.
async fn answers(connection: &mut UnixStream) -> [Result<Vec<u8>, u32>; 2] {
    let mut data = [Vec::new(), Vec::new()];
    let mut ended = [None, None];
    while ended.iter().any(Option::is_none) {
        let mut header = [0_u8; 9];
        connection.read_exact(&mut header).await.unwrap();
        let mut payload = vec![0_u8; usize::from(header[1]) << 8 | usize::from(header[2])];
        connection.read_exact(&mut payload).await.unwrap();
        let call = match header[8] {
            1 => 0,
            3 => 1,
            _ => continue,
        };
        match header[3] {
            0 => data[call].extend_from_slice(&payload),
            3 => ended[call] = Some(Err(u32::from_be_bytes(payload.try_into().unwrap()))),
            1 if header[4] & 1 == 1 => ended[call] = Some(Ok(std::mem::take(&mut data[call]))),
            _ => {}
        }
    }
    ended.map(Option::unwrap)
}

/// B8: clients that send the socket's path as `:authority` are served, on every call of a connection.
#[tokio::test]
async fn a_path_as_authority_is_accepted() {
    let running = Running::start(Access::standard());
    for authority in ["/run/hotpair/arbiterd.sock", "%2Frun%2Fhotpair%2Fhbd.sock", "/", "a b\\c"] {
        let mut connection = UnixStream::connect(&running.path).await.unwrap();
        connection.write_all(&foreign_calls(authority)).await.unwrap();
        let answered = tokio::time::timeout(PATIENCE, answers(&mut connection)).await.unwrap();
        let serving = Ok(vec![0, 0, 0, 0, 2, 8, 1]);
        assert_eq!(answered, [serving.clone(), serving], "{authority}");
    }
    // Without the rewriting it is refused: what this kit is for has not gone away.
    let (mut connection, foreign) = UnixStream::pair().unwrap();
    let (reporter, health) = tonic_health::server::health_reporter();
    let incoming = tokio_stream::once(Ok::<_, std::io::Error>(foreign));
    let plain = tonic::transport::Server::builder().add_service(health).serve_with_incoming(incoming);
    let plain = tokio::spawn(plain);
    connection.write_all(&foreign_calls("/run/hotpair/hbd.sock")).await.unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, answers(&mut connection)).await.unwrap(), [Err(1), Err(1)]);
    plain.abort();
    drop(reporter);
}

/// Finding of the gRPC study: an open watch and an idle connection must not hold up a daemon's end.
#[tokio::test]
async fn an_open_watch_and_an_idle_connection_do_not_hold_up_the_end() {
    let running = Running::start(Access::standard());
    let mut client = HealthClient::new(client::connect(&running.path).await.unwrap());
    let request = HealthCheckRequest { service: String::new() };
    let mut watch = client.watch(request).await.unwrap().into_inner();
    watch.message().await.unwrap();
    let mut idle = UnixStream::connect(&running.path).await.unwrap();
    let mut half = UnixStream::connect(&running.path).await.unwrap();
    half.write_all(&foreign_calls("/x")[..60]).await.unwrap();

    let took = running.stop().await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing, "told first");
    assert!(watch.message().await.is_err(), "then cut off");
    let mut rest = Vec::new();
    for connection in [&mut idle, &mut half] {
        // Closed or reset, but ended: the connection's task did not outlive the server.
        let _ended = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut rest)).await.unwrap();
    }
}

/// An ordinary client does not delay the end at all, and afterwards the path is free again.
#[tokio::test]
async fn an_idle_channel_does_not_delay_the_end() {
    let running = Running::start(Access::standard());
    let path = running.path.clone();
    let _channel = client::connect(&path).await.unwrap();
    assert!(running.stop().await < Duration::from_secs(1));
    let error = client::connect(&path).await.unwrap_err().to_string();
    assert!(error.contains("it is not running") && error.contains(path.to_str().unwrap()), "{error}");
}

/// Arbitrary bytes on the socket, then an ordinary client: nobody is disturbed.
#[tokio::test]
async fn garbage_on_a_connection_disturbs_nobody() {
    let running = Running::start(Access::standard());
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..200 {
        let mut connection = UnixStream::connect(&running.path).await.unwrap();
        let mut bytes = if round % 2 == 0 { foreign_calls("/x")[..33].to_vec() } else { Vec::new() };
        for _ in 0..200 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            bytes.push(seed.to_le_bytes()[2]);
        }
        // The server may close before it has taken everything.
        let _sent = connection.write_all(&bytes).await;
    }
    assert_eq!(check(&running.path, "").await.unwrap().status(), ServingStatus::Serving);
}

/// Calls `test.WhoAmI` on a thread that has become user `uid` with these groups. Needs root, as the suite does.
fn who_am_i_as(path: PathBuf, uid: u32, groups: &'static [u32]) -> Status {
    std::thread::spawn(move || {
        // The raw calls change this thread only; the C library's would change the whole process.
        // SAFETY: the pointer and length describe a live static slice; the other arguments are plain numbers.
        let done = unsafe {
            libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) == 0
                && libc::syscall(libc::SYS_setresgid, uid, uid, uid) == 0
                && libc::syscall(libc::SYS_setresuid, uid, uid, uid) == 0
        };
        assert!(done, "{}", std::io::Error::last_os_error());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let channel = client::connect(&path).await.unwrap();
            let mut grpc = tonic::client::Grpc::new(channel);
            grpc.ready().await.unwrap();
            let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
            let path = tonic::codegen::http::uri::PathAndQuery::from_static("/test.WhoAmI/Ask");
            let request = tonic::Request::new(HealthCheckRequest::default());
            grpc.unary(request, path, codec).await.unwrap_err()
        })
    })
    .join()
    .unwrap()
}

/// Peer credentials: root and members of the group may change, others are refused with a remedy.
#[tokio::test]
async fn credentials_decide_who_may_change() {
    // Two groups that every Debian has: daemon (1) to read, adm (4) to change.
    let running = Running::start(Access::resolve("daemon", "adm"));
    let ask = |uid, groups| {
        let path = running.path.clone();
        tokio::task::spawn_blocking(move || who_am_i_as(path, uid, groups))
    };
    let root = ask(0, &[]).await.unwrap();
    assert_eq!(root.code(), Code::AlreadyExists, "{root:?}");
    assert!(root.message().starts_with("root (uid 0, pid "), "{}", root.message());
    assert_eq!(ask(54_321, &[4, 77]).await.unwrap().code(), Code::AlreadyExists);
    for groups in [&[][..], &[1][..]] {
        let refused = ask(54_321, groups).await.unwrap();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert_eq!(reason_of(&refused).as_deref(), Some("NOT_A_MEMBER"));
        assert!(explain_status(&refused).contains("remedy: run it as root, or add the user (`usermod -aG adm"));
    }
}
