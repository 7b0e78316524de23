//! Which configuration file is read: the one that the command line names, or the usual one.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{Config, ConfigError, Loaded};

/// Read when no `--config` is given, if it is there.
pub const USUAL_FILE: &str = "config/config.yaml";

#[derive(Args, Clone, PartialEq, Eq, Debug)]
pub struct ConfigFile {
    /// The configuration file; without it config/config.yaml, if there is one.
    #[arg(long, value_name = "PATH")]
    pub config: Option<PathBuf>,
}

impl ConfigFile {
    /// The file that is read, if there is one.
    pub fn path(&self) -> Option<PathBuf> {
        let usual = Path::new(USUAL_FILE);
        match &self.config {
            Some(file) => Some(file.clone()),
            None => usual.exists().then(|| usual.to_owned()),
        }
    }

    /// Reads the file, and the environment of this process over it.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        Config::load(self.path().as_deref(), std::env::vars_os())
    }
}
