//! A hub of the bench's own: this executable once more, on data that is thrown away.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::client::request_once;
use super::target::Target;

const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than the hub's own `shutdown_timeout`.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Killed, and its data removed, when dropped.
pub struct HubProcess {
    child: Child,
    target: Target,
    folder: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the hub's temporary folder or process cannot be made: {0}")]
    Io(#[from] io::Error),
    #[error("the hub ended at start, saying: {log}")]
    Ended { log: String },
    #[error("the hub was not ready after {START_TIMEOUT:?}; it said: {log}")]
    NotReady { log: String },
}

impl HubProcess {
    /// Starts `program serve` and waits until it is ready. `settings` are further
    /// configuration keys with their values, in the form of the environment.
    pub async fn start(
        program: &std::path::Path,
        settings: &[(String, String)],
    ) -> Result<Self, StartError> {
        let port = free_port()?;
        let folder = std::env::temp_dir().join(format!("message-hub-bench-{port}"));
        fs::create_dir(&folder)?;
        let log = File::create(folder.join("log"))?;
        let child = Command::new(program)
            .arg("serve")
            .current_dir(&folder)
            .env_clear()
            .envs(other_environment())
            .envs(environment(port, settings))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn();
        let mut hub = Self {
            child: child.inspect_err(|_| drop(fs::remove_dir_all(&folder)))?,
            target: Target::at(&format!("127.0.0.1:{port}")),
            folder,
        };
        hub.wait_until_ready().await?;
        Ok(hub)
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the hub to stop and waits for it. `false`: it did not end by itself, or not well.
    pub async fn stop(mut self) -> io::Result<bool> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(false)
    }

    async fn wait_until_ready(&mut self) -> Result<(), StartError> {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Err(StartError::Ended { log: self.log() });
            }
            let answer = request_once(&self.target, "GET", "/health/ready", "").await;
            if matches!(answer, Ok((200, _))) {
                return Ok(());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Err(StartError::NotReady { log: self.log() })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        // Both fail if the process has ended already, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Without the settings of another hub.
fn other_environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        !name.starts_with("MESSAGE_HUB_")
    })
}

/// Room for whatever the load sends, a quiet log, then the caller's wishes.
fn environment(port: u16, settings: &[(String, String)]) -> Vec<(String, String)> {
    let port = port.to_string();
    let mut variables = Vec::new();
    for (key, value) in [
        ("port", port.as_str()),
        ("data_dir", "data"),
        ("max_queue_size", "1000000000"),
        ("max_queue_bytes", "1099511627776"),
        ("log", "warn"),
    ] {
        variables.push((variable(key), value.to_owned()));
    }
    for (key, value) in settings {
        variables.push((variable(key), value.clone()));
    }
    variables
}

fn variable(key: &str) -> String {
    format!("MESSAGE_HUB_{}", key.to_uppercase())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_hub_understands_its_settings() {
        let settings = [("wal_sync".to_owned(), "os".to_owned())];
        let loaded = Config::load(None, environment(8300, &settings)).unwrap();
        assert_eq!(loaded.config.port, 8300);
        assert_eq!(loaded.config.max_queue_size, 1_000_000_000);
        assert_eq!(loaded.config.wal_sync.name(), "os");
    }

    #[actix::test]
    async fn a_hub_that_ends_at_once_is_reported() {
        let error = HubProcess::start("/bin/false".as_ref(), &[]).await.err();
        assert!(matches!(error, Some(StartError::Ended { .. })), "{error:?}");
    }
}
