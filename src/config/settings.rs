//! Settings as written: which key was given which value, and where.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_norway::Value;

use super::error::{ConfigError, SettingOrigin};
use super::nearest::nearest;

const PREFIX: &str = "MESSAGE_HUB_";

/// What commands that talk to a hub read, and the hub does not.
const OF_CLIENTS: [&str; 1] = ["MESSAGE_HUB_KEY"];

/// What was given and not read yet, and the keys that were asked for.
#[derive(Default)]
pub(super) struct Settings {
    given: BTreeMap<String, Setting>,
    known: Vec<&'static str>,
}

pub(super) struct Setting {
    pub value: Value,
    /// An environment variable as it is, for keys that are text: `007` is no number there.
    raw: Option<String>,
    pub place: SettingOrigin,
}

impl Settings {
    pub(super) fn add_file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let text = fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        // Some editors begin every file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let not_a_mapping = || ConfigError::NotAMapping {
            file: file.to_owned(),
        };
        let mapping = match serde_norway::from_str(text) {
            Ok(Value::Mapping(mapping)) => mapping,
            Ok(Value::Null) => return Ok(()),
            Ok(_) => return Err(not_a_mapping()),
            Err(source) => {
                return Err(ConfigError::Syntax {
                    file: file.to_owned(),
                    source,
                });
            }
        };
        for (key, value) in mapping {
            let key = key.as_str().ok_or_else(not_a_mapping)?.to_owned();
            let place = SettingOrigin::File {
                file: file.to_owned(),
                line: line_of(text, &key),
            };
            let setting = Setting {
                value,
                raw: None,
                place,
            };
            self.given.insert(key, setting);
        }
        Ok(())
    }

    /// Takes the variable if its name starts with `MESSAGE_HUB_`.
    pub(super) fn add_variable(&mut self, name: &OsStr, raw: &OsStr) -> Result<(), ConfigError> {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            return Ok(());
        };
        let name = format!("{PREFIX}{key}");
        let Some(raw) = raw.to_str() else {
            return Err(ConfigError::NotText { name });
        };
        // Kubernetes sets this one for a service called `message-hub`.
        if key == "PORT" && raw.starts_with("tcp://") {
            return Ok(());
        }
        let value = serde_norway::from_str(raw).unwrap_or_else(|_| Value::from(raw));
        if value.is_null() {
            return Ok(());
        }
        // Names are upper case; any other spelling is a variable that no key asks for.
        let is_upper_case = !key.bytes().any(|byte| byte.is_ascii_lowercase());
        let key = if is_upper_case {
            key.to_ascii_lowercase()
        } else {
            name.clone()
        };
        let setting = Setting {
            value,
            raw: Some(raw.to_owned()),
            place: SettingOrigin::Variable { name },
        };
        self.given.insert(key, setting);
        Ok(())
    }

    /// Takes a setting of the command line, in the form of the environment. Nobody gives one there
    /// to say nothing.
    pub(super) fn add_argument(&mut self, key: &str, raw: &str) -> Result<(), ConfigError> {
        let value = serde_norway::from_str(raw).unwrap_or_else(|_| Value::from(raw));
        if value.is_null() {
            let (place, key) = (SettingOrigin::Argument, key.to_owned());
            return Err(ConfigError::NoValue { place, key });
        }
        let setting = Setting {
            value,
            raw: Some(raw.to_owned()),
            place: SettingOrigin::Argument,
        };
        self.given.insert(key.to_ascii_lowercase(), setting);
        Ok(())
    }

    /// What nobody asked for: an error in the file and on the command line, a warning in the
    /// environment.
    pub(super) fn finish(self) -> Result<Vec<String>, ConfigError> {
        let mut warnings = Vec::new();
        for (key, setting) in self.given {
            match setting.place {
                // Whoever measures this hub may do so in the same shell.
                SettingOrigin::Variable { name } if OF_CLIENTS.contains(&name.as_str()) => {}
                SettingOrigin::Variable { name } => {
                    let given = name.strip_prefix(PREFIX).unwrap_or(&name);
                    let meant = nearest(given, self.known.iter().copied());
                    let meant = meant
                        .map(|key| format!("; did you mean {PREFIX}{}?", key.to_ascii_uppercase()));
                    warnings.push(format!(
                        "environment variable {name}: no such setting, ignored{}",
                        meant.unwrap_or_default()
                    ));
                }
                place @ (SettingOrigin::File { .. } | SettingOrigin::Argument) => {
                    let advice = match nearest(&key, self.known.iter().copied()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("the keys are: {}", self.known.join(", ")),
                    };
                    return Err(ConfigError::UnknownKey { place, key, advice });
                }
            }
        }
        Ok(warnings)
    }

    /// What is given of a key that there is. A key without a value is not given.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Setting> {
        self.known.push(key);
        let setting = self.given.remove(key)?;
        (!setting.value.is_null()).then_some(setting)
    }
}

impl Setting {
    pub(super) fn as_text(&self) -> Option<&str> {
        self.value.as_str().or(self.raw.as_deref())
    }

    /// As an error message ends that repeats what was given.
    pub(super) fn shown(&self) -> String {
        match (&self.raw, serde_json::to_string(&self.value)) {
            (Some(raw), _) => format!(", but is {raw:?}"),
            (None, Ok(json)) => format!(", but is {json}"),
            (None, Err(_)) => format!(", but is {:?}", self.value),
        }
    }
}

/// The line, from 1, where `key` stands at the outermost level.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let starts_with_key = |line: &str| {
        let bare = line.trim_start_matches(['"', '\'']);
        bare.strip_prefix(key)
            .map(|rest| rest.trim_start_matches(['"', '\'']).trim_start())
            .is_some_and(|rest| rest.starts_with(':'))
    };
    text.lines().position(starts_with_key).map(|line| line + 1)
}
