//! What can be wrong with a configuration, told so that it can be put right.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::refusal::FieldRefusal;
use crate::domain::ids::ServiceName;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read: {source}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{}: is not valid YAML: {source}", file.display())]
    Syntax {
        file: PathBuf,
        source: serde_norway::Error,
    },
    #[error("{}: must be a list of `key: value` lines", file.display())]
    NotAMapping { file: PathBuf },
    #[error("{place}: unknown key `{key}`; {advice}")]
    UnknownKey {
        place: SettingOrigin,
        key: String,
        /// Which key was meant, or which there are.
        advice: String,
    },
    #[error("{place}: {key}: must have a value")]
    NoValue { place: SettingOrigin, key: String },
    #[error("{place}: {key}: {allowed}{instead}")]
    BadValue {
        place: SettingOrigin,
        key: &'static str,
        allowed: String,
        /// `, but is …`; nothing for a secret.
        instead: String,
    },
    #[error("{place}: {old}: is the old name of {key}, which is given too ({now}); keep one")]
    GivenTwice {
        place: SettingOrigin,
        old: &'static str,
        key: &'static str,
        now: SettingOrigin,
    },
    #[error("a key is not declared well: {0}")]
    Declaration(FieldRefusal),
    #[error("environment variable {name}: is not valid UTF-8")]
    NotText { name: String },
    #[error(
        "host: {host} {}, and nobody would need a key; configure service_keys, or set \
         allow_anonymous: true to let everybody in",
        reach(host)
    )]
    OpenToAll { host: String },
    #[error("{list}: `{name}` has no key under service_keys")]
    WithoutKey {
        /// The key of the configuration that lists it.
        list: &'static str,
        name: ServiceName,
    },
    #[error("base_retry_delay: {base:?} is longer than max_retry_delay, which is {max:?}")]
    RetryDelays { base: Duration, max: Duration },
}

/// Where a setting was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SettingOrigin {
    File {
        file: PathBuf,
        line: Option<usize>,
    },
    Variable {
        name: String,
    },
    /// `--set KEY=VALUE`.
    Argument,
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line: None } => write!(f, "{}", file.display()),
            Self::File {
                file,
                line: Some(line),
            } => write!(f, "{}:{line}", file.display()),
            Self::Variable { name } => write!(f, "environment variable {name}"),
            Self::Argument => write!(f, "--set"),
        }
    }
}

/// Whom a host that is not this machine's alone lets in. What a name stands for is only known when
/// it is asked for.
fn reach(host: &str) -> &'static str {
    match host.parse::<std::net::IpAddr>() {
        Ok(_) => "can be reached from other machines",
        Err(_) => {
            "is a name that may stand for an address other machines reach (127.0.0.1 and \
             localhost do not)"
        }
    }
}
