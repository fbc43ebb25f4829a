//! What makes two states of the pair the same: a fingerprint over their serialised form in which times count from now, numbers that
//! only grow count from a base, and what no decision looks at is left out.
//!
//! *Invariant:* whatever is not named here counts as it is. Leaving something out of this list costs states, never truth; what is on it
//! was chosen by reading the core: words for people, statistics, evidence lines, identities that are only compared for equality.

use hotpair_types::Timestamp;
use serde::ser::{self, Serialize};
use std::fmt;
use std::hash::{DefaultHasher, Hasher};

/// Times longer ago than this are all "long ago"; the longest window that looks back over less than an offer's life is shorter.
const PAST: u64 = 3_000_000_000;
/// Times farther ahead than this are all "not within what is explored".
const AHEAD: u64 = 20_000_000_000;

/// What is left out, by structure and field.
const SKIP: &[(&str, &str)] = &[
    ("Arbiter", "config"),
    ("Arbiter", "told_verdict"),
    ("Arbiter", "alarms"),
    ("Arbiter", "peer_state"),
    ("Arbiter", "next_ticket"),
    ("Arbiter", "evaluated"),
    ("Arbiter", "outputs"),
    ("Writing", "ticket"),
    ("SafetyCheck", "number"),
    ("SafetyCheck", "evidence"),
    ("SafetyCheck", "window"),
    ("SafetyCheck", "interval"),
    ("Group", "config"),
    ("Group", "reason"),
    ("Group", "rule"),
    ("Group", "offer_number"),
    ("Group", "announce"),
    ("Group", "local_clear"),
    ("Offer", "number"),
    ("GroupTarget", "announce"),
    ("GroupTarget", "clear"),
    ("GroupObserved", "cleared"),
    ("GroupObserved", "since"),
    ("ObservedView", "seq"),
    ("ObservedView", "taken_at"),
    ("PeerView", "seq"),
    ("PeerView", "taken_at"),
    ("PeerWord", "at"),
    ("ReceivedAdvert", "received_at"),
    ("ReceivedAdvert", "digest"),
    ("ReceivedAdvert", "bytes"),
    ("DirectionView", "since"),
    ("DirectionView", "cause"),
    ("PathView", "stats"),
];

/// From where the numbers count.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    /// The moment of the state.
    pub now: Timestamp,
    /// Number of the newest advert of each node's arbiter.
    pub adverts: [u64; 2],
    /// The run of each node's arbiter.
    pub runs: [u64; 2],
    /// Highest epoch number of the group anywhere.
    pub epoch: u64,
    /// Generation that the node's resd has accepted.
    pub generation: u64,
    /// Whose things are being written.
    pub node: usize,
}

/// The serializer.
pub struct Canon<'a> {
    hashers: &'a mut [DefaultHasher; 2],
    base: Base,
    /// Structure and field that are being written, for those that need care.
    place: (&'static str, &'static str),
    /// Whose advert is being written.
    speaker: usize,
    /// Last variant of a phase: how long it lasts matters only for an offer.
    released: bool,
}

/// Cannot happen: nothing here refuses anything.
#[derive(Debug)]
pub struct Never(String);

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

type Done = Result<(), Never>;

impl<'a> Canon<'a> {
    /// Writes `value` into both hashers.
    ///
    /// # Panics
    /// If a type of the core refuses to be serialised.
    pub fn write<T: Serialize>(hashers: &'a mut [DefaultHasher; 2], base: Base, value: &T) {
        let mut canon = Self { hashers, base, place: ("", ""), speaker: base.node, released: false };
        value.serialize(&mut canon).unwrap_or_else(|e| panic!("a state of the core as data: {e}"));
    }

    fn word(&mut self, word: u64) -> Done {
        self.hashers.iter_mut().for_each(|h| h.write_u64(word));
        Ok(())
    }

    fn text(&mut self, text: &str) -> Done {
        self.hashers.iter_mut().for_each(|h| {
            h.write(text.as_bytes());
            h.write_u8(0xff);
        });
        Ok(())
    }

    fn number(&mut self, value: u64) -> Done {
        let node = self.base.node;
        let below = |base: u64| base.wrapping_sub(value);
        let word = match self.place {
            (_, "Timestamp") => {
                let now = self.base.now.as_nanos();
                if value >= now { (value - now).min(AHEAD) } else { u64::MAX - (now - value).min(PAST) }
            }
            (_, "Incarnation") => match self.base.runs.iter().position(|r| *r == value) {
                _ if value == 0 => 0,
                Some(whose) => 1 + whose as u64,
                None => 3 + value,
            },
            (_, "Generation") => below(self.base.generation),
            ("Epoch", "number") if value > 0 => below(self.base.epoch),
            ("Epoch", "number") => u64::MAX / 2,
            ("Arbiter", "advert_seq") | ("Group", "withdrawal_seq") => below(self.base.adverts[node]),
            ("Advert", "seq") => below(self.base.adverts[self.speaker]),
            ("Arbiter", "seen") => below(self.base.adverts[1 - node]),
            ("Advert", "seen") => below(self.base.adverts[1 - self.speaker]),
            ("Advert", "node") => {
                self.speaker = usize::try_from(value & 1).unwrap_or(0);
                value
            }
            _ => value,
        };
        self.word(word)
    }

    fn field<T: Serialize + ?Sized>(&mut self, structure: &'static str, key: &'static str, value: &T) -> Done {
        if SKIP.contains(&(structure, key)) || (key == "phase_since" && !self.released) {
            return Ok(());
        }
        let outer = (self.place, self.speaker);
        self.place = (structure, key);
        value.serialize(&mut *self)?;
        self.place = outer.0;
        if !(structure == "Advert" && key == "node") {
            self.speaker = outer.1;
        }
        Ok(())
    }
}

/// A structure with its name.
pub struct Fields<'b, 'a> {
    canon: &'b mut Canon<'a>,
    name: &'static str,
}

impl<'b, 'a> ser::Serializer for &'b mut Canon<'a> {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Fields<'b, 'a>;
    type SerializeStructVariant = Fields<'b, 'a>;

    fn serialize_bool(self, v: bool) -> Done {
        self.word(u64::from(v))
    }
    fn serialize_i8(self, v: i8) -> Done {
        self.word(v as u64)
    }
    fn serialize_i16(self, v: i16) -> Done {
        self.word(v as u64)
    }
    fn serialize_i32(self, v: i32) -> Done {
        self.word(v as u64)
    }
    fn serialize_i64(self, v: i64) -> Done {
        self.word(v as u64)
    }
    fn serialize_u8(self, v: u8) -> Done {
        self.number(v.into())
    }
    fn serialize_u16(self, v: u16) -> Done {
        self.number(v.into())
    }
    fn serialize_u32(self, v: u32) -> Done {
        self.number(v.into())
    }
    fn serialize_u64(self, v: u64) -> Done {
        self.number(v)
    }
    fn serialize_f32(self, v: f32) -> Done {
        self.word(v.to_bits().into())
    }
    fn serialize_f64(self, v: f64) -> Done {
        self.word(v.to_bits())
    }
    fn serialize_char(self, v: char) -> Done {
        self.word(u64::from(u32::from(v)))
    }
    fn serialize_str(self, v: &str) -> Done {
        self.text(v)
    }
    fn serialize_bytes(self, v: &[u8]) -> Done {
        self.hashers.iter_mut().for_each(|h| h.write(v));
        Ok(())
    }
    fn serialize_none(self) -> Done {
        self.word(0xdead)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        self.word(0xa11e)?;
        value.serialize(self)
    }
    fn serialize_unit(self) -> Done {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Done {
        Ok(())
    }
    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Done {
        if name == "Phase" {
            self.released = variant == "Released";
        }
        self.word(u64::from(index) + 0x1000)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Done {
        // A node, as the first field of an advert, says whose it is.
        if self.place == ("Advert", "node") {
            return value.serialize(self);
        }
        let outer = self.place;
        self.place = (outer.0, name);
        value.serialize(&mut *self)?;
        self.place = outer;
        Ok(())
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Done {
        self.word(u64::from(index) + 0x2000)?;
        value.serialize(self)
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Never> {
        self.word(len.unwrap_or(0) as u64 + 0x3000)?;
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, Never> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        Ok(self)
    }
    fn serialize_tuple_variant(self, _: &'static str, index: u32, _: &'static str, _: usize) -> Result<Self, Never> {
        self.word(u64::from(index) + 0x4000)?;
        Ok(self)
    }
    fn serialize_map(self, len: Option<usize>) -> Result<Self, Never> {
        self.word(len.unwrap_or(0) as u64 + 0x5000)?;
        Ok(self)
    }
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'b, 'a>, Never> {
        Ok(Fields { canon: self, name })
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'b, 'a>, Never> {
        self.word(u64::from(index) + 0x6000)?;
        Ok(Fields { canon: self, name: variant })
    }
}

impl ser::SerializeStruct for Fields<'_, '_> {
    type Ok = ();
    type Error = Never;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Done {
        self.canon.field(self.name, key, value)
    }
    fn end(self) -> Done {
        Ok(())
    }
}

impl ser::SerializeStructVariant for Fields<'_, '_> {
    type Ok = ();
    type Error = Never;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Done {
        self.canon.field(self.name, key, value)
    }
    fn end(self) -> Done {
        Ok(())
    }
}

macro_rules! plain {
    ($($kind:ident :: $method:ident),*) => {$(
        impl ser::$kind for &mut Canon<'_> {
            type Ok = ();
            type Error = Never;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                value.serialize(&mut **self)
            }
            fn end(self) -> Done {
                Ok(())
            }
        }
    )*};
}

plain!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

impl ser::SerializeMap for &mut Canon<'_> {
    type Ok = ();
    type Error = Never;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        key.serialize(&mut **self)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut **self)
    }
    fn end(self) -> Done {
        Ok(())
    }
}
