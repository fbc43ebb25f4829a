//! The public API as generated code, from `proto/hotpair/**`, and its descriptor set for reflection.
//!
//! Generated code is committed so that building needs no generator; `tests/generated.rs` generates it anew and
//! compares (`UPDATE_GOLDEN=1` writes).
#![allow(missing_docs, clippy::all, reason = "generated from documented .proto files")]

/// Values shared by all services.
pub mod common {
    /// Version 1.
    pub mod v1 {
        include!("gen/hotpair.common.v1.rs");
    }
}
/// hbd's service.
pub mod heartbeat {
    /// Version 1.
    pub mod v1 {
        include!("gen/hotpair.heartbeat.v1.rs");
    }
}
/// resd's service.
pub mod resource {
    /// Version 1.
    pub mod v1 {
        include!("gen/hotpair.resource.v1.rs");
    }
}
/// arbiterd's service.
pub mod arbiter {
    /// Version 1.
    pub mod v1 {
        include!("gen/hotpair.arbiter.v1.rs");
    }
}

/// Encoded `google.protobuf.FileDescriptorSet` of all files with their comments.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptors.bin");
