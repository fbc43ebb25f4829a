//! systemd over D-Bus (org.freedesktop.systemd1): the only file of resd that speaks D-Bus.
//!
//! Jobs are followed by the JobRemoved signal, subscribed to before the job is asked for, so that its end cannot be
//! missed. The connection is made when it is first needed and again after it was lost.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Mutex;
use zbus::{Connection, OwnedObjectPath, proxy};

/// Why systemd could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// There is no bus, or no systemd on it.
    #[error("systemd cannot be reached over D-Bus: {0}")]
    Unreachable(String),
    /// systemd refused.
    #[error("systemd refused: {0}")]
    Refused(String),
    /// The job ended otherwise than by being done.
    #[error("the job of systemd ended as \"{0}\"")]
    Job(String),
}

#[proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn subscribe(&self) -> zbus::Result<()>;
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn kill_unit(&self, name: &str, whom: &str, signal: i32) -> zbus::Result<()>;
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    #[zbus(signal)]
    fn job_removed(&self, id: u32, job: OwnedObjectPath, unit: String, result: String) -> zbus::Result<()>;
}

#[proxy(interface = "org.freedesktop.systemd1.Unit", default_service = "org.freedesktop.systemd1")]
trait Unit {
    #[zbus(property)]
    fn active_state(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn load_state(&self) -> zbus::Result<String>;
}

/// State of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitState {
    /// `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`.
    pub active: String,
    /// `loaded`, `not-found`, `masked`, …
    pub load: String,
}

/// What is to be done with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
}

/// The way to systemd.
#[derive(Debug, Default)]
pub struct Systemd {
    connection: Mutex<Option<Connection>>,
}

impl Systemd {
    async fn manager(&self) -> Result<ManagerProxy<'static>, BusError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = &*held
            && let Ok(manager) = ManagerProxy::new(connection).await
            && manager.subscribe().await.is_ok()
        {
            return Ok(manager);
        }
        let connection = Connection::system().await.map_err(|e| BusError::Unreachable(e.to_string()))?;
        let manager = ManagerProxy::new(&connection).await.map_err(|e| BusError::Unreachable(e.to_string()))?;
        // "Already subscribed" is what it says the second time.
        match manager.subscribe().await {
            Ok(()) => {}
            Err(zbus::Error::MethodError(name, ..)) if name.as_str().ends_with("AlreadySubscribed") => {}
            Err(error) => return Err(BusError::Unreachable(error.to_string())),
        }
        *held = Some(connection);
        Ok(manager)
    }

    async fn unit(&self, name: &str) -> Result<UnitProxy<'static>, BusError> {
        let manager = self.manager().await?;
        let path = manager.load_unit(name).await.map_err(|e| BusError::Refused(e.to_string()))?;
        let connection = manager.inner().connection().clone();
        let builder = UnitProxy::builder(&connection).path(path);
        // Asked anew each time: a remembered state could be outdated.
        let builder = builder.cache_properties(zbus::proxy::CacheProperties::No);
        builder.build().await.map_err(|e| BusError::Refused(e.to_string()))
    }

    /// The unit's state, now.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn state(&self, name: &str) -> Result<UnitState, BusError> {
        let unit = self.unit(name).await?;
        let refused = |e: zbus::Error| BusError::Refused(e.to_string());
        let active = unit.active_state().await.map_err(refused)?;
        let load = unit.load_state().await.map_err(refused)?;
        Ok(UnitState { active, load })
    }

    /// Starts or stops a unit and waits for the job's end; the caller sets the limit.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn job(&self, name: &str, job: Job) -> Result<(), BusError> {
        let manager = self.manager().await?;
        let refused = |e: zbus::Error| BusError::Refused(e.to_string());
        let mut removed = manager.receive_job_removed().await.map_err(refused)?;
        let path = match job {
            Job::Start => {
                // A unit that failed too often is not started again until that is forgotten.
                if let Err(error) = manager.reset_failed_unit(name).await {
                    tracing::debug!(%error, unit = name, "nothing to reset");
                }
                manager.start_unit(name, "replace").await
            }
            Job::Stop => manager.stop_unit(name, "replace").await,
        }
        .map_err(refused)?;
        while let Some(signal) = removed.next().await {
            let arguments = signal.args().map_err(refused)?;
            if arguments.job == path {
                let result = arguments.result.clone();
                return if result == "done" { Ok(()) } else { Err(BusError::Job(result)) };
            }
        }
        Err(BusError::Unreachable("the connection ended".to_string()))
    }

    /// Kills all processes of a unit.
    ///
    /// # Errors
    /// [`BusError`].
    pub async fn kill(&self, name: &str) -> Result<(), BusError> {
        let manager = self.manager().await?;
        manager.kill_unit(name, "all", libc::SIGKILL).await.map_err(|e| BusError::Refused(e.to_string()))
    }

    /// Tells each change of the unit's ActiveState until the connection ends.
    ///
    /// # Errors
    /// [`BusError`] if it cannot be watched.
    pub async fn watch(&self, name: &str, mut tell: impl FnMut(String)) -> Result<(), BusError> {
        let path = self.unit(name).await?.inner().path().to_owned();
        let manager = self.manager().await?;
        let refused = |e: zbus::Error| BusError::Refused(e.to_string());
        let builder = UnitProxy::builder(manager.inner().connection()).path(path);
        let unit = builder.build().await.map_err(refused)?;
        let mut changes = unit.receive_active_state_changed().await;
        while let Some(change) = changes.next().await {
            tell(change.get().await.map_err(refused)?);
        }
        Ok(())
    }
}

/// Pause before a lost bus is looked for again.
pub const RECONNECT: Duration = Duration::from_secs(5);
