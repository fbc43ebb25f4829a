//! The part of etcd's v3 gRPC API that the vote uses: messages with etcd's own field numbers (api/etcdserverpb/rpc.proto and
//! api/mvccpb/kv.proto of etcd, Apache-2.0). Fields that are neither set nor read are left out, as protobuf allows.

use prost::{Message, Oneof};

/// Method paths.
pub mod method {
    /// Reads keys.
    pub const RANGE: &str = "/etcdserverpb.KV/Range";
    /// Compare and set.
    pub const TXN: &str = "/etcdserverpb.KV/Txn";
    /// Takes a lease.
    pub const LEASE_GRANT: &str = "/etcdserverpb.Lease/LeaseGrant";
    /// Keeps leases alive (a stream in both directions).
    pub const LEASE_KEEP_ALIVE: &str = "/etcdserverpb.Lease/LeaseKeepAlive";
    /// Logs in.
    pub const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";
}

/// Head of every answer.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ResponseHeader {
    /// Which cluster.
    #[prost(uint64, tag = "1")]
    pub cluster_id: u64,
    /// Revision of its content.
    #[prost(int64, tag = "3")]
    pub revision: i64,
    /// Term of its leadership.
    #[prost(uint64, tag = "4")]
    pub raft_term: u64,
}

/// Reads the keys from `key` up to, not including, `range_end`; linearizable.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RangeRequest {
    /// First key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// End.
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
    /// At most so many.
    #[prost(int64, tag = "3")]
    pub limit: i64,
}

/// A key with its content.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct KeyValue {
    /// The key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// Revision of its last change.
    #[prost(int64, tag = "3")]
    pub mod_revision: i64,
    /// Content.
    #[prost(bytes = "vec", tag = "5")]
    pub value: Vec<u8>,
    /// Lease it hangs on; 0: none.
    #[prost(int64, tag = "6")]
    pub lease: i64,
}

/// Answer to a read.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RangeResponse {
    /// Head.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// What was found.
    #[prost(message, repeated, tag = "2")]
    pub kvs: Vec<KeyValue>,
    /// There is more than the limit.
    #[prost(bool, tag = "3")]
    pub more: bool,
}

/// Writes a key.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct PutRequest {
    /// The key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    /// Content.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
    /// Lease it hangs on; 0: none.
    #[prost(int64, tag = "3")]
    pub lease: i64,
}

/// Removes a key.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct DeleteRangeRequest {
    /// The key.
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
}

/// A step of a transaction.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct RequestOp {
    /// What.
    #[prost(oneof = "Operation", tags = "2, 3")]
    pub request: Option<Operation>,
}

/// What a step does.
#[derive(Clone, PartialEq, Eq, Oneof)]
pub enum Operation {
    /// Writes.
    #[prost(message, tag = "2")]
    Put(PutRequest),
    /// Removes.
    #[prost(message, tag = "3")]
    Delete(DeleteRangeRequest),
}

/// `Compare.CompareTarget.MOD`: the revision of the last change; 0 for a key that does not exist.
pub const TARGET_MOD: i32 = 2;

/// A condition: with `result` 0 (equal, the default).
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Compare {
    /// What is compared: [`TARGET_MOD`].
    #[prost(int32, tag = "2")]
    pub target: i32,
    /// Of which key.
    #[prost(bytes = "vec", tag = "3")]
    pub key: Vec<u8>,
    /// With what; part of a oneof there, so it is sent also when it is 0.
    #[prost(int64, optional, tag = "6")]
    pub mod_revision: Option<i64>,
}

/// If every condition holds, does every step, all at once.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TxnRequest {
    /// Conditions.
    #[prost(message, repeated, tag = "1")]
    pub compare: Vec<Compare>,
    /// Steps.
    #[prost(message, repeated, tag = "2")]
    pub success: Vec<RequestOp>,
}

/// Answer to a transaction.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct TxnResponse {
    /// The conditions held and the steps are done.
    #[prost(bool, tag = "2")]
    pub succeeded: bool,
}

/// Takes a lease.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LeaseGrantRequest {
    /// Seconds.
    #[prost(int64, tag = "1")]
    pub ttl: i64,
}

/// A lease.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LeaseGrantResponse {
    /// Its number.
    #[prost(int64, tag = "2")]
    pub id: i64,
    /// Seconds, as granted.
    #[prost(int64, tag = "3")]
    pub ttl: i64,
    /// Why not.
    #[prost(string, tag = "4")]
    pub error: String,
}

/// Keeps a lease alive.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LeaseKeepAliveRequest {
    /// Its number.
    #[prost(int64, tag = "1")]
    pub id: i64,
}

/// Kept alive.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LeaseKeepAliveResponse {
    /// Head.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// Seconds from now on; 0: the lease has expired.
    #[prost(int64, tag = "3")]
    pub ttl: i64,
}

/// Logs in.
#[derive(Clone, PartialEq, Message)]
pub struct AuthenticateRequest {
    /// User.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Password.
    #[prost(string, tag = "2")]
    pub password: String,
}

/// Logged in.
#[derive(Clone, PartialEq, Message)]
pub struct AuthenticateResponse {
    /// Goes with every further call, as metadata `token`.
    #[prost(string, tag = "2")]
    pub token: String,
}
