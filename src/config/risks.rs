//! What a configuration makes easier for others than its owner may think.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Config;
use super::storage::Database;
use crate::domain::ids::ServiceName;

/// A key with fewer characters can be guessed.
const SHORTEST_KEY: usize = 16;
const READ_BY_ALL: u32 = 0o004;

impl Config {
    /// One sentence each. `file` is where the configuration was read from.
    pub(super) fn secrets_at_risk(&self, file: Option<&Path>) -> Vec<String> {
        let mut risks = self.weak_keys();
        risks.extend(self.names_of_nobody());
        if !self.security.service_keys.is_empty() && !self.server.is_loopback() {
            let host = &self.server.host;
            risks.push(format!(
                "service_keys: travel in clear text to {host}; let a proxy with TLS stand before it"
            ));
        }
        risks.extend(self.unproved_database());
        if let Some(file) = file
            && self.has_secrets_in(file)
            && fs::metadata(file).is_ok_and(|found| found.mode() & READ_BY_ALL != 0)
        {
            let file = file.display();
            risks.push(format!(
                "{file}: has keys or passwords, and every user of this machine may read it: chmod o-r {file}"
            ));
        }
        risks
    }

    /// Names under which nobody can do anything.
    fn names_of_nobody(&self) -> Vec<String> {
        let keys = self
            .security
            .service_keys
            .keys()
            .map(|name| ("service_keys", name));
        let quotas = self.shares.quotas.keys().map(|name| ("quotas", name));
        let told = |(key, name): (&str, &ServiceName)| {
            let why = if name.is_the_hubs() {
                "the hub itself: nobody can send, publish or register under it"
            } else if ServiceName::given(name.as_str()).is_err() {
                "a step in a path: nobody can register under it"
            } else {
                return None;
            };
            Some(format!("{key}: {name} is {why}"))
        };
        keys.chain(quotas).filter_map(told).collect()
    }

    /// Not those of the environment.
    fn has_secrets_in(&self, file: &Path) -> bool {
        let text = fs::read_to_string(file).unwrap_or_default();
        let mut keys = self.security.service_keys.values().flatten();
        keys.any(|key| text.contains(key.expose()))
            || self.database_has_password() && text.contains("database_url")
    }

    fn weak_keys(&self) -> Vec<String> {
        let mut risks = Vec::new();
        let mut owners: BTreeMap<&str, Vec<&ServiceName>> = BTreeMap::new();
        for (service, keys) in &self.security.service_keys {
            let is_short = |key: &super::Secret| key.expose().len() < SHORTEST_KEY;
            if keys.iter().any(is_short) {
                risks.push(format!(
                    "service_keys: {service} has a key of fewer than {SHORTEST_KEY} characters, which can be guessed"
                ));
            }
            for key in keys {
                let owners = owners.entry(key.expose()).or_default();
                if !owners.contains(&service) {
                    owners.push(service);
                }
            }
        }
        let shared = owners.values().filter(|owners| owners.len() > 1);
        risks.extend(shared.map(|owners| {
            let names: Vec<_> = owners.iter().map(|name| name.as_str()).collect();
            format!(
                "service_keys: {} have the same key, so each can pass for the other",
                names.join(" and ")
            )
        }));
        risks
    }

    /// Of a database on another machine nobody may stand in the way unseen.
    fn unproved_database(&self) -> Option<String> {
        let Database::Postgres(url) = &self.storage.database_url else {
            return None;
        };
        let place = SettingOrigin::of(url);
        let proves = place.pairs().any(|pair| pair == ("sslmode", "verify-full"));
        (place.is_elsewhere() && !proves).then(|| {
            format!(
                "database_url: without sslmode=verify-full whoever stands between here and {} can \
                 read and change everything",
                place.host
            )
        })
    }

    fn database_has_password(&self) -> bool {
        let Database::Postgres(url) = &self.storage.database_url else {
            return false;
        };
        let place = SettingOrigin::of(url);
        place.user.contains(':') || place.pairs().any(|(name, _)| name == "password")
    }
}

/// The parts of a PostgreSQL URL that say where it leads.
struct SettingOrigin<'a> {
    user: &'a str,
    host: &'a str,
    query: &'a str,
}

impl<'a> SettingOrigin<'a> {
    fn of(url: &'a str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split('/').next().unwrap_or_default();
        let (user, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let host = match address
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((host, _)) => host,
            None => address.split(':').next().unwrap_or_default(),
        };
        Self { user, host, query }
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
    }

    /// Whether it is not this machine: a socket in the file system, or a loopback address.
    fn is_elsewhere(&self) -> bool {
        let is_here = self.host.is_empty()
            || self.host.starts_with("%2F")
            || self.host.eq_ignore_ascii_case("localhost")
            || self
                .host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        !is_here
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// The warnings about what this text of a configuration says.
    fn warnings(yaml: &str, mode: u32) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("hub.yaml");
        fs::write(&file, yaml).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let none: [(&str, &str); 0] = [];
        Config::load(Some(&file), none).unwrap().warnings
    }

    const GOOD: &str = "{shop: 0123456789abcdef, billing: fedcba9876543210}";

    #[test]
    fn good_keys_in_a_private_file_are_no_risk() {
        assert!(warnings(&format!("service_keys: {GOOD}"), 0o640).is_empty());
        let local = "database_url: postgresql://hub:secret@127.0.0.1/hub";
        assert!(warnings(local, 0o600).is_empty());
        let proved = "database_url: postgresql://hub:secret@db/hub?sslmode=verify-full";
        assert!(warnings(proved, 0o600).is_empty());
        assert!(
            warnings("port: 0", 0o644).is_empty(),
            "there is no secret in it"
        );
    }

    #[test]
    fn each_risk_is_told_without_the_secret() {
        for (yaml, mode, part) in [
            (
                "service_keys: {shop: tooshort5}".to_owned(),
                0o600,
                "shop has a key of fewer than 16",
            ),
            (
                "service_keys: {shop: 0123456789abcdef, till: 0123456789abcdef}".to_owned(),
                0o600,
                "shop and till have the same key",
            ),
            (
                "service_keys: {Message-Hub: 0123456789abcdef}".to_owned(),
                0o600,
                "service_keys: Message-Hub is the hub itself",
            ),
            (
                "service_keys: {'..': 0123456789abcdef}".to_owned(),
                0o600,
                "service_keys: .. is a step in a path",
            ),
            (
                "quotas: {message-hub: {send_rate: 1}}".to_owned(),
                0o600,
                "quotas: message-hub is the hub itself",
            ),
            (format!("service_keys: {GOOD}"), 0o644, "chmod o-r"),
            (
                format!("{{host: 0.0.0.0, service_keys: {GOOD}}}"),
                0o600,
                "in clear text to 0.0.0.0",
            ),
            (
                "database_url: postgresql://hub:fedcba9876543210@db:5432/hub?sslmode=require"
                    .to_owned(),
                0o600,
                "between here and db can",
            ),
            (
                "database_url: postgresql://hub:fedcba9876543210@localhost/hub".to_owned(),
                0o644,
                "chmod o-r",
            ),
        ] {
            let told = warnings(&yaml, mode);
            assert_eq!(told.len(), 1, "{yaml}: {told:?}");
            assert!(told[0].contains(part), "{told:?}");
            for secret in ["tooshort5", "0123456789abcdef", "fedcba9876543210"] {
                assert!(!told[0].contains(secret), "{told:?}");
            }
        }
    }
}
