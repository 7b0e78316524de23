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
use crate::config::{Config, ConfigError};
use crate::exit::Exit;

const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than the hub's own `shutdown_timeout`.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Killed, and its data removed, when dropped.
pub(super) struct HubProcess {
    child: Child,
    target: Target,
    folder: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("the hub's temporary folder or process cannot be made: {0}")]
    Io(#[from] io::Error),
    #[error("the hub ended at start, saying: {log}")]
    Ended { log: String, code: Option<i32> },
    #[error("the hub was not ready after {START_TIMEOUT:?}; it said: {log}")]
    NotReady { log: String },
}

impl HubProcess {
    /// Starts `program serve` and waits until it is ready. `settings` are further
    /// configuration keys with their values, in the form of the environment.
    pub(super) async fn start(
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

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the hub to stop and waits for it. `false`: it did not end by itself, or not well.
    pub(super) async fn stop(mut self) -> io::Result<bool> {
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
            if let Some(status) = self.child.try_wait()? {
                let (log, code) = (self.log(), status.code());
                return Err(StartError::Ended { log, code });
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

/// What is not for `--set`, as the bench would not find, or not be let into, its own hub.
const FIXED: [(&str, &str); 3] = [
    ("port", "the bench chooses a free one itself"),
    ("host", "the bench asks its hub at 127.0.0.1"),
    (
        "service_keys",
        "the bench has no key for its own hub; start one with keys, and use --url",
    ),
];

#[derive(Debug, thiserror::Error)]
pub(super) enum SettingError {
    #[error("--set {key}: {why}")]
    Fixed {
        key: &'static str,
        why: &'static str,
    },
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Whether a hub can be started with `settings`.
pub(super) fn check(settings: &[(String, String)]) -> Result<(), SettingError> {
    for (key, why) in FIXED {
        if settings
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(key))
        {
            return Err(SettingError::Fixed { key, why });
        }
    }
    Ok(Config::check_arguments(settings)?)
}

impl StartError {
    /// Whether the hub found fault with its settings.
    pub(super) fn is_usage(&self) -> bool {
        let usage = Some(Exit::Usage as i32);
        matches!(self, Self::Ended { code, .. } if *code == usage)
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
        assert_eq!(loaded.config.server.port, 8300);
        assert_eq!(loaded.config.delivery.max_queue_size, 1_000_000_000);
        assert_eq!(loaded.config.storage.wal_sync.name(), "os");
    }

    #[test]
    fn settings_are_refused_before_anything_starts() {
        for (key, value, words) in [
            (
                "wal_sink",
                "os",
                "--set: unknown key `wal_sink`; did you mean `wal_sync`?",
            ),
            ("wal_sync", "often", "--set: wal_sync: must be "),
            ("wal_sync", "", "--set: wal_sync: must have a value"),
            ("port", "8200", "--set port: the bench chooses"),
            ("HOST", "::1", "--set host: the bench asks"),
            (
                "service_keys",
                "{a: b}",
                "--set service_keys: the bench has no key",
            ),
            ("base_retry_delay", "9999", "base_retry_delay: "),
        ] {
            let error = check(&[(key.to_owned(), value.to_owned())]).unwrap_err();
            let error = error.to_string();
            assert!(error.starts_with(words), "{error}");
        }
        // As in the environment, whose form settings have.
        let good = [("WAL_SYNC", "os"), ("limits", "{sockets_per_service: 5}")];
        let good = good.map(|(key, value)| (key.to_owned(), value.to_owned()));
        check(&good).unwrap();
    }

    #[actix::test]
    async fn a_hub_that_ends_at_once_is_reported() {
        let error = HubProcess::start("/bin/false".as_ref(), &[]).await.err();
        let Some(error @ StartError::Ended { .. }) = error else {
            panic!("{error:?}");
        };
        assert!(!error.is_usage());
    }
}
