//! Pages for people, from the API's messages. Pure: time, language and colour are given.

pub mod events;
pub mod partial;
pub mod paths;
pub mod status;
pub mod story;

use crate::words::Words;

/// What every page needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Sheet {
    /// The language.
    pub words: Words,
    /// CLOCK_BOOTTIME now, nanoseconds since boot: the daemons of this machine use the same clock.
    pub now_ns: u64,
    /// Colours will be shown; without them their names are written.
    pub colour: bool,
}
