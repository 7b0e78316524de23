//! Where a hub keeps what it has, and how it is started there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Where a hub keeps what it has.
pub(crate) struct Place {
    directory: TempDir,
    data: PathBuf,
}

/// A hub that did not start.
pub(crate) struct FailedStart {
    pub exit_code: Option<i32>,
    pub stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        Self { directory, data }
    }

    /// Data elsewhere, such as on a disk of its own.
    pub(crate) fn at(data: PathBuf) -> Self {
        Self {
            data,
            ..Self::new()
        }
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Writes the configuration that a hub here finds by itself.
    pub(crate) fn configure(&self, yaml: &str) {
        let folder = self.data.parent().unwrap().join("config");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.yaml"), yaml).unwrap();
    }

    /// The journal's oldest file.
    #[track_caller]
    pub(crate) fn first_segment(&self) -> PathBuf {
        let entries = fs::read_dir(self.data.join("wal")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let segments = paths.filter(|path| path.extension().is_some_and(|name| name == "wal"));
        segments.min().expect("a journal has a segment")
    }

    /// What hubs here wrote to standard error.
    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("stderr")
    }

    /// The binary, seeing nothing of this process's environment or directory.
    pub(crate) fn command(&self, settings: &[(String, String)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_message-hub"));
        let log = File::options().append(true).create(true).open(self.log());
        command
            .env_clear()
            .env("MESSAGE_HUB_PORT", "0")
            .env("MESSAGE_HUB_DATA_DIR", &self.data)
            // Checks that come often make tests quick.
            .env("MESSAGE_HUB_MIN_CHECK_INTERVAL", "0.1")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.unwrap());
        command
    }

    /// As [`Place::command`], of a process that may have so many open files.
    pub(crate) fn command_with_files(
        &self,
        files: usize,
        settings: &[(String, String)],
    ) -> Command {
        self.limited(&format!("-n {files}"), settings)
    }

    /// As [`Place::command`], with a limit as `ulimit` takes it.
    pub(crate) fn limited(&self, limit: &str, settings: &[(String, String)]) -> Command {
        let plain = self.command(settings);
        let mut command = Command::new("/bin/sh");
        let script = format!("ulimit {limit} && exec \"$0\"");
        command.arg("-c").arg(script).arg(plain.get_program());
        let log = File::options().append(true).create(true).open(self.log());
        command
            .env_clear()
            .envs(
                plain
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.unwrap());
        command
    }

    /// Starts a hub that must not start.
    #[track_caller]
    pub(crate) fn fails_to_start(&self, settings: &[(&str, &str)]) -> FailedStart {
        let output = self.command(&variables(settings)).output().unwrap();
        FailedStart {
            exit_code: output.status.code(),
            stderr: self.log_text(),
        }
    }
}

/// Settings by their names in the configuration, as variables of the environment.
pub(crate) fn variables(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let variable = |(key, value): &(&str, &str)| {
        let name = format!("MESSAGE_HUB_{}", key.to_uppercase());
        (name, (*value).to_owned())
    };
    settings.iter().map(variable).collect()
}
