//! A panic ends the whole process at once, with one line that says where.
//!
//! A daemon with a dead thread is neither alive nor dead; the service manager restarts a dead one, and the other
//! daemons are built to live through that (B6).

use std::io::{self, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::clock;
use crate::logging::LogFormat;

/// Installs the hook. `daemon` names the process in the line.
pub fn abort_on_panic(daemon: &'static str, format: LogFormat) {
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or_else(|| "unknown place".to_owned(), ToString::to_string);
        let reason = info.payload_as_str().unwrap_or("no message");
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        write_line(&line(daemon, format, &place, reason, &thread));
        std::process::abort();
    }));
}

fn line(daemon: &str, format: LogFormat, place: &str, reason: &str, thread: &str) -> String {
    let message = format!("{daemon} has a bug and aborts: panic at {place} in thread {thread}: {reason}");
    match format {
        LogFormat::Text => format!("ERROR {message}\n"),
        LogFormat::Json => {
            let object = serde_json::json!({
                "unix_ms": clock::wall_clock_unix_ms(),
                "level": "ERROR",
                "target": daemon,
                "fields": { "message": message, "panic_place": place, "thread": thread },
            });
            format!("{object}\n")
        }
    }
}

/// Past the log queue, which dies with the process; but a stuck reader must not keep a broken daemon alive, so only
/// if standard error takes data within 200 ms.
fn write_line(line: &str) {
    let stderr = io::stderr();
    let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
    let limit = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    if poll(&mut fds, Some(&limit)).is_ok_and(|ready| ready > 0) {
        // There is nowhere left to report a failure to.
        drop(io::stderr().write_all(line.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_daemon_place_and_reason_in_both_formats() {
        let text = line("hbd", LogFormat::Text, "src/a.rs:1:2", "index out of bounds", "beat");
        assert!(text.contains("hbd") && text.contains("src/a.rs:1:2") && text.contains("index out of bounds"));
        let json = line("hbd", LogFormat::Json, "src/a.rs:1:2", "say \"why\"", "beat");
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(parsed["fields"]["panic_place"], "src/a.rs:1:2");
        assert_eq!(json.lines().count(), 1);
    }
}
