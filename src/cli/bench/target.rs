//! The hub that is asked, and who asks it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Shown to a hub with keys.
const KEY_VARIABLE: &str = "MESSAGE_HUB_KEY";
/// In bytes; no key is as long.
const LONGEST_FILE: u64 = 64 << 10;

#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Target {
    /// `host:port`.
    pub authority: String,
    /// Name and key; nothing for a hub without keys.
    credentials: Option<(String, String)>,
}

impl Target {
    /// Without a name or key.
    pub(super) fn at(authority: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            credentials: None,
        }
    }

    pub(super) fn with(self, credentials: Option<(String, String)>) -> Self {
        Self {
            credentials,
            ..self
        }
    }

    /// As names and values.
    pub(super) fn headers(&self) -> Vec<(&'static str, &str)> {
        let credentials = self.credentials.iter();
        credentials
            .flat_map(|(name, key)| [("x-service-name", name.as_str()), ("x-service-key", key)])
            .collect()
    }

    /// The lines of a head that say which hub is asked, and who asks.
    pub(super) fn lines(&self) -> String {
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
pub(super) fn key(file: Option<&Path>) -> Result<Option<String>, String> {
    let given = match file {
        Some(path) => read(path).map_err(|problem| {
            let file = path.display();
            format!("--key-file {file}: {problem}")
        }),
        None => match std::env::var_os(KEY_VARIABLE) {
            Some(value) => {
                let key = value.to_str().ok_or("is not valid UTF-8".to_owned());
                key.and_then(one_key)
                    .map_err(|problem| format!("{KEY_VARIABLE}: {problem}"))
            }
            None => return Ok(None),
        },
    };
    given.map(Some)
}

fn read(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    // A device may never end.
    let read = file.take(LONGEST_FILE).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    one_key(&text)
}

fn one_key(text: &str) -> Result<String, String> {
    let key = text.trim();
    if key.is_empty() {
        return Err("is empty; it must hold a key".to_owned());
    }
    match key.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(key.to_owned()),
        false => Err("must hold one key, without spaces".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
    }

    #[test]
    fn a_file_without_a_key_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        let wrong = |path: &Path| {
            let problem = key(Some(path)).unwrap_err();
            let name = format!("--key-file {}: ", path.display());
            let problem = problem.strip_prefix(&name).map(str::to_owned);
            problem.expect("the file is named")
        };
        for (content, problem) in [
            ("", "is empty; it must hold a key"),
            (" \n\n", "is empty; it must hold a key"),
            ("two words", "must hold one key, without spaces"),
            ("schlüssel", "must hold one key, without spaces"),
        ] {
            fs::write(&file, content).unwrap();
            assert_eq!(wrong(&file), problem);
        }
        assert!(wrong(&directory.path().join("none")).contains("No such file"));
        assert!(wrong(directory.path()).contains("directory"));
        assert!(wrong(Path::new("/dev/zero")).contains("one key"));
    }
}
