//! What the three daemons share with the operating system: clock, timers, signals, service manager, priorities,
//! logging, arguments, the small durable state file and the flight recorder.
//!
//! There is no event-loop framework here: each daemon writes its own `driver.rs` from these parts. Everything works on
//! a tokio `current_thread` runtime; nothing spawns threads except the log writer and the recorder.

pub mod args;
pub mod clock;
pub mod logging;
pub mod notify;
pub mod panic;
pub mod realtime;
pub mod recorder;
pub mod signals;
pub mod stall;
pub mod state_file;
