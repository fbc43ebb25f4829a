//! Identifiers: names people chose in the configuration, and random numbers that tell instances apart.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Why a piece of text is not a valid name or id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Names have 1 to [`MAX_NAME_LEN`] bytes.
    #[error("a name has 1 to {MAX_NAME_LEN} characters, this one has {0}")]
    Length(usize),
    /// Names are made of ASCII letters, digits, `-`, `_` and `.`, and start with a letter or digit.
    #[error(
        "character {0:?} is not allowed in a name (letters, digits, '-', '_' and '.'; the first a letter or digit)"
    )]
    Character(char),
    /// A pair has exactly two nodes, numbered 0 and 1.
    #[error("a pair has nodes 0 and 1, not {0}")]
    NodeNumber(u64),
    /// Hexadecimal text of the wrong length or with other characters.
    #[error("expected {0} hexadecimal digits")]
    Hex(usize),
}

/// Longest name, in bytes.
pub const MAX_NAME_LEN: usize = 63;

fn check_name(text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > MAX_NAME_LEN {
        return Err(IdError::Length(text.chars().count()));
    }
    for (at, c) in text.chars().enumerate() {
        let ok = c.is_ascii_alphanumeric() || (at > 0 && matches!(c, '-' | '_' | '.'));
        if !ok {
            return Err(IdError::Character(c));
        }
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a name: 1 to 63 ASCII letters, digits, `-`, `_`, `.`; starts with a letter or digit.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check_name(text)?;
                Ok(Self(text.to_owned()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                check_name(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl core::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name_type!(
    /// Name of a node, as in `[[node]] name`.
    NodeName
);
name_type!(
    /// Name of a heartbeat path.
    PathName
);
name_type!(
    /// Name of a group: the unit that fails over.
    GroupName
);
name_type!(
    /// Name of a resource, unique within its group.
    ResourceName
);

/// Which of the pair's two nodes: 0 is the one named first in the configuration.
///
/// The number orders equal epochs, so it is the same on both nodes by the configuration digest rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct NodeId(u8);

impl NodeId {
    /// The node named first.
    pub const FIRST: Self = Self(0);
    /// The node named second.
    pub const SECOND: Self = Self(1);
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::FIRST, Self::SECOND];

    /// From its number.
    pub fn new(number: u64) -> Result<Self, IdError> {
        match number {
            0 => Ok(Self::FIRST),
            1 => Ok(Self::SECOND),
            other => Err(IdError::NodeNumber(other)),
        }
    }

    /// The peer of this node.
    pub const fn other(self) -> Self {
        Self(1 - self.0)
    }

    /// 0 or 1.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl TryFrom<u8> for NodeId {
    type Error = IdError;
    fn try_from(number: u8) -> Result<Self, IdError> {
        Self::new(u64::from(number))
    }
}

impl From<NodeId> for u8 {
    fn from(id: NodeId) -> u8 {
        id.0
    }
}

macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for byte in self.0 {
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let bad = IdError::Hex($len * 2);
                if text.len() != $len * 2 || !text.is_ascii() {
                    return Err(bad);
                }
                let mut bytes = [0u8; $len];
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let digit = |c: u8| char::from(c).to_digit(16).ok_or(IdError::Hex($len * 2));
                    let value = digit(pair[0])? * 16 + digit(pair[1])?;
                    *byte = u8::try_from(value).map_err(|_| bad.clone())?;
                }
                Ok(Self(bytes))
            }
        }
    };
}

bytes_type!(
    /// Random id of one boot of one node's kernel.
    BootId,
    16
);
bytes_type!(
    /// Identifies a pair on the wire: the first 8 bytes of SHA-256 over the pair's name and key.
    PairId,
    8
);
bytes_type!(
    /// Truncated SHA-256 (8 bytes) of a document: adverts, configurations. Tells documents apart; not a secret.
    Digest,
    8
);

/// Random id of one run of one daemon process (64 bits, never 0 in use).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_are_checked() {
        assert!(NodeName::new("alpha-1.example_x").is_ok());
        assert_eq!(NodeName::new(""), Err(IdError::Length(0)));
        assert_eq!(NodeName::new("-a"), Err(IdError::Character('-')));
        assert_eq!(NodeName::new("a b"), Err(IdError::Character(' ')));
        assert_eq!(NodeName::new("节点"), Err(IdError::Character('节')));
        assert!(NodeName::new(&"a".repeat(63)).is_ok());
        assert_eq!(NodeName::new(&"a".repeat(64)), Err(IdError::Length(64)));
    }

    #[test]
    fn hex_ids_round_trip_and_reject_the_rest() {
        let id = BootId([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("zz".parse::<PairId>(), Err(IdError::Hex(16)));
        assert_eq!("ééééé".parse::<PairId>(), Err(IdError::Hex(16)));
    }

    #[test]
    fn there_is_no_third_node() {
        assert_eq!(NodeId::new(2), Err(IdError::NodeNumber(2)));
        assert_eq!(NodeId::FIRST.other(), NodeId::SECOND);
    }
}
