//! The hub that is asked, and who asks it.

use std::fs;
use std::path::Path;

/// Shown to a hub with keys.
const KEY_VARIABLE: &str = "MESSAGE_HUB_KEY";

#[derive(Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// `host:port`.
    pub authority: String,
    /// Name and key; nothing for a hub without keys.
    credentials: Option<(String, String)>,
}

impl Target {
    /// Without a name or key.
    pub fn at(authority: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            credentials: None,
        }
    }

    pub fn with(self, credentials: Option<(String, String)>) -> Self {
        Self {
            credentials,
            ..self
        }
    }

    /// As names and values.
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        let credentials = self.credentials.iter();
        credentials
            .flat_map(|(name, key)| [("x-service-name", name.as_str()), ("x-service-key", key)])
            .collect()
    }

    /// The lines of a head that say which hub is asked, and who asks.
    pub fn lines(&self) -> String {
        let mut lines = format!("host: {}\r\n", self.authority);
        for (name, value) in self.headers() {
            lines.push_str(&format!("{name}: {value}\r\n"));
        }
        lines
    }
}

/// The key in `file`, else that of the environment: never an argument, which everybody on the
/// machine may read.
///
/// # Errors
/// In words, without the key.
pub fn key(file: Option<&Path>) -> Result<Option<String>, String> {
    let given = match file {
        Some(path) => {
            let read = fs::read_to_string(path);
            Some(read.map_err(|error| format!("{}: {error}", path.display()))?)
        }
        None => std::env::var(KEY_VARIABLE).ok(),
    };
    let Some(given) = given else {
        return Ok(None);
    };
    let key = given.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "--key-file, {KEY_VARIABLE}: must hold one key, without spaces"
        ));
    }
    Ok(Some(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_key_shows_it_with_a_name() {
        let target = Target::at("hub:1");
        assert_eq!(target.lines(), "host: hub:1\r\n");
        let target = target.with(Some(("boss".to_owned(), "k".to_owned())));
        let expected = "host: hub:1\r\nx-service-name: boss\r\nx-service-key: k\r\n";
        assert_eq!(target.lines(), expected);
    }

    #[test]
    fn a_key_is_read_from_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        fs::write(&file, "secret\n").unwrap();
        assert_eq!(key(Some(&file)), Ok(Some("secret".to_owned())));
        fs::write(&file, "two words").unwrap();
        assert!(key(Some(&file)).is_err());
        assert!(key(Some(&directory.path().join("none"))).is_err());
    }
}
