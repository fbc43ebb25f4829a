//! SIGTERM and SIGINT end the process in good order, SIGHUP asks for the configuration to be read again.
//!
//! One small task turns signals into a [`CancellationToken`] and a counter; loops and streams watch those.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Handles to what signals ask for. Clones share it.
#[derive(Debug, Clone)]
pub struct Signals {
    stop: CancellationToken,
    reload: watch::Receiver<u64>,
}

impl Signals {
    /// Takes over SIGTERM, SIGINT and SIGHUP of the process. Call once, inside the runtime.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn install() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let stop = CancellationToken::new();
        let (reload_tx, reload) = watch::channel(0_u64);
        let token = stop.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {
                        tracing::info!("SIGTERM: stopping");
                        token.cancel();
                    }
                    _ = interrupt.recv() => {
                        tracing::info!("SIGINT: stopping");
                        token.cancel();
                    }
                    _ = hangup.recv() => {
                        tracing::info!("SIGHUP: the configuration is to be read again");
                        reload_tx.send_modify(|count| *count = count.wrapping_add(1));
                    }
                }
            }
        });
        Ok(Self { stop, reload })
    }

    /// Cancelled by SIGTERM or SIGINT, or by the daemon itself when it has to end.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Counts SIGHUPs: await `changed()`. Several quick ones may arrive as one.
    #[must_use]
    pub fn reload(&self) -> watch::Receiver<u64> {
        self.reload.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal, getpid, kill_process};

    #[tokio::test]
    async fn hangup_reloads_and_terminate_stops() {
        let signals = Signals::install().unwrap();
        let mut reload = signals.reload();
        kill_process(getpid(), Signal::HUP).unwrap();
        reload.changed().await.unwrap();
        assert!(!signals.stop().is_cancelled());
        kill_process(getpid(), Signal::TERM).unwrap();
        signals.stop().cancelled().await;
    }
}
