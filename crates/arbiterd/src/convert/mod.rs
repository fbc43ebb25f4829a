//! Between the wire (generated protocol types) and the vocabulary of `hotpair-types`.
//!
//! Decoding never panics and never guesses: the first bad field becomes a [`WireError`] that names it, and the whole
//! document is dropped. Encoding cannot fail.

pub mod advert;
pub mod peer;
pub mod resource;
pub mod status;

use hotpair_types::{IdError, NodeId, Timestamp};
use std::time::Duration;

/// A document that came over the wire and cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are no message of this type.
    #[error("not a protocol message: {0}")]
    Undecodable(String),
    /// A field holds what it must not.
    #[error("field {field}: {why}")]
    Field {
        /// Its name, as in the protocol file.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Another major version of the protocol.
    #[error("protocol version {0}.{1} is not understood (this program speaks {major}.x)", major = advert::VERSION.0)]
    Version(u32, u32),
}

/// A bad field.
pub(crate) fn bad(field: &'static str, why: impl ToString) -> WireError {
    WireError::Field { field, why: why.to_string() }
}

/// A field that has to be there.
pub(crate) fn need<T>(field: &'static str, value: Option<T>) -> Result<T, WireError> {
    value.ok_or_else(|| bad(field, "is missing"))
}

/// A node number.
pub(crate) fn node(field: &'static str, number: u32) -> Result<NodeId, WireError> {
    NodeId::new(u64::from(number)).map_err(|error| bad(field, error))
}

/// A name or hexadecimal id.
pub(crate) fn id<T>(field: &'static str, value: Result<T, IdError>) -> Result<T, WireError> {
    value.map_err(|error| bad(field, error))
}

/// A known value of an enumeration; 0 (not given) is for the caller to refuse.
pub(crate) fn known<E: TryFrom<i32>>(field: &'static str, value: i32) -> Result<E, WireError> {
    E::try_from(value).map_err(|_| bad(field, format!("{value} is no known value")))
}

/// An instant.
pub(crate) const fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

/// Nanoseconds; a duration beyond 584 years is cut to that.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Whole milliseconds, rounded up so that a rest never turns into "over".
pub(crate) fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// At most `limit` bytes of `text`, cut between characters.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default()
}
