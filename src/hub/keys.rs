//! Who is calling, and what they may do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::access::{Principal, Role};
use super::error::HubError;
use crate::config::{Config, Secret};
use crate::domain::ids::ServiceName;
use crate::logic::browser_sessions::Digest as KeyDigest;

/// The keys of the services. Without any everybody may do everything.
pub struct Keys {
    /// Only digests are kept: what is read out of memory opens nothing, and all are of one length,
    /// so that comparing takes as long whatever is compared.
    keys: BTreeMap<ServiceName, Vec<Key>>,
    operators: BTreeSet<ServiceName>,
    viewers: BTreeSet<ServiceName>,
    /// Minutes are counted from here.
    started: Instant,
}

/// A name and a key that somebody shows to prove it; the key is not printed.
#[derive(Clone, PartialEq, Debug)]
pub struct Credentials {
    name: ServiceName,
    key: Secret,
}

impl Credentials {
    /// As they were shown.
    pub fn new(name: ServiceName, key: String) -> Self {
        let key = Secret::new(key);
        Self { name, key }
    }

    /// What is kept of the key.
    pub fn digest(&self) -> KeyDigest {
        digest_of(self.key.expose())
    }
}

/// One of the keys of a service.
struct Key {
    digest: KeyDigest,
    used: LastUse,
}

/// In which minute since the start of the hub something was last used.
#[derive(Default)]
struct LastUse(AtomicU32);

impl LastUse {
    fn note(&self, running: Duration) {
        let minute = u32::try_from(running.as_secs() / 60).unwrap_or(u32::MAX);
        self.0.store(minute.saturating_add(1), Ordering::Relaxed);
    }

    /// When that minute began, after the start; `None`: not since then.
    fn since_start(&self) -> Option<Duration> {
        let minute = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_secs(60 * u64::from(minute)))
    }
}

/// The keys of a service, in the order of the configuration.
pub struct KeysOf<'a> {
    /// Whose keys.
    pub service: &'a ServiceName,
    /// What it may do beyond what is its own.
    pub role: Role,
    /// In which minute after the start of the hub each was last used, if it was.
    pub last_used: Vec<Option<Duration>>,
}

/// Why it is not known who calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuthFailure {
    /// Name or key is not there.
    Missing(&'static str),
    /// Name or key is there twice, or the name can be nobody's.
    Malformed(&'static str),
    /// The key is not one of this service's, or there is no such service.
    Wrong(ServiceName),
}

impl Keys {
    /// As configured.
    pub fn of(config: &Config) -> Self {
        let expose = |keys: &Vec<Secret>| keys.iter().map(|key| key.expose().to_owned()).collect();
        let keys = config.security.service_keys.iter();
        let keys: BTreeMap<_, Vec<String>> = keys
            .map(|(name, keys)| (name.clone(), expose(keys)))
            .collect();
        let (operators, viewers) = (&config.security.operators, &config.security.viewers);
        Self::new(keys, operators.clone()).seen_by(viewers.clone())
    }

    /// Each name with its keys in clear text, of which only digests are kept.
    pub fn new(
        keys: BTreeMap<ServiceName, Vec<impl AsRef<[u8]>>>,
        operators: BTreeSet<ServiceName>,
    ) -> Self {
        let key = |key| Key {
            digest: digest_of(key),
            used: LastUse::default(),
        };
        let keys = keys
            .into_iter()
            .map(|(name, keys)| (name, keys.into_iter().map(key).collect()));
        Self {
            keys: keys.collect(),
            operators,
            viewers: BTreeSet::new(),
            started: Instant::now(),
        }
    }

    /// These see what operators see.
    fn seen_by(self, viewers: BTreeSet<ServiceName>) -> Self {
        Self { viewers, ..self }
    }

    /// These keys in place of those `before`: one that stays was last used when it was.
    pub fn following(mut self, before: &Self) -> Self {
        self.started = before.started;
        for (name, keys) in &mut self.keys {
            let known = before.keys.get(name).map_or(&[][..], Vec::as_slice);
            for key in keys {
                if let Some(same) = known.iter().find(|known| known.digest == key.digest) {
                    let used = same.used.0.load(Ordering::Relaxed);
                    key.used.0.store(used, Ordering::Relaxed);
                }
            }
        }
        self
    }

    /// Who has keys, by name, and which of them are in use.
    pub fn in_use(&self) -> impl Iterator<Item = KeysOf<'_>> {
        self.keys.iter().map(|(service, keys)| KeysOf {
            service,
            role: self.role_of(service),
            last_used: keys.iter().map(|key| key.used.since_start()).collect(),
        })
    }

    /// Whether names are proved; else everybody may take any.
    pub fn are_required(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Who this is, from its name and its key.
    ///
    /// # Errors
    /// What is missing or wrong, when keys are required.
    pub fn principal(
        &self,
        name: Option<&[u8]>,
        key: Option<&[u8]>,
    ) -> Result<Principal, AuthFailure> {
        let parsed = name.and_then(|name| ServiceName::given(str::from_utf8(name).ok()?).ok());
        if self.keys.is_empty() {
            return Ok(Principal {
                name: parsed,
                role: Role::Operator,
            });
        }
        if name.is_none_or(<[u8]>::is_empty) {
            return Err(AuthFailure::Missing("X-Service-Name: missing"));
        }
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Err(AuthFailure::Missing("X-Service-Key: missing"));
        };
        let name = parsed.ok_or(AuthFailure::Malformed("X-Service-Name: not a service name"))?;
        if !self.is_valid(&name, &digest_of(key)) {
            return Err(AuthFailure::Wrong(name));
        }
        Ok(self.proved(name))
    }

    /// Who shows these.
    ///
    /// # Errors
    /// That they are wrong, when keys are required.
    pub fn shown(&self, credentials: &Credentials) -> Result<Principal, AuthFailure> {
        let (name, key) = (credentials.name.as_str(), credentials.key.expose());
        self.principal(Some(name.as_bytes()), Some(key.as_bytes()))
    }

    /// This service, which has proved its name.
    pub fn proved(&self, name: ServiceName) -> Principal {
        Principal {
            role: self.role_of(&name),
            name: Some(name),
        }
    }

    fn role_of(&self, name: &ServiceName) -> Role {
        if self.operators.contains(name) {
            Role::Operator
        } else if self.viewers.contains(name) {
            Role::Viewer
        } else {
            Role::Service
        }
    }

    /// Compares with every key of the service, each in constant time; for an unknown service with
    /// a stand-in, so that the time does not tell which names exist.
    pub fn is_valid(&self, name: &ServiceName, given: &KeyDigest) -> bool {
        let stand_in = [Key {
            digest: [0; 32],
            used: LastUse::default(),
        }];
        let known = self.keys.get(name);
        let keys = known.map_or(&stand_in[..], Vec::as_slice);
        let mut valid = None;
        for candidate in keys {
            if bool::from(candidate.digest.ct_eq(given)) {
                valid = Some(candidate);
            }
        }
        let Some(valid) = valid.filter(|_| known.is_some()) else {
            return false;
        };
        valid.used.note(self.started.elapsed());
        true
    }
}

/// What of a key is kept and compared.
pub fn digest_of(key: impl AsRef<[u8]>) -> KeyDigest {
    Sha256::digest(key.as_ref()).into()
}

impl From<AuthFailure> for HubError {
    fn from(denial: AuthFailure) -> Self {
        match denial {
            AuthFailure::Missing(problem) | AuthFailure::Malformed(problem) => {
                Self::Unauthenticated(problem)
            }
            AuthFailure::Wrong(_) => Self::Unauthenticated("X-Service-Key: wrong for this service"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::error::ErrorCode;

    fn keys() -> Keys {
        let shop = ServiceName::parse("shop").unwrap();
        let boss = ServiceName::parse("boss").unwrap();
        let keys = BTreeMap::from([
            (shop, vec!["old".to_owned(), "new".to_owned()]),
            (boss.clone(), vec!["b".to_owned()]),
        ]);
        Keys::new(keys, BTreeSet::from([boss]))
    }

    fn principal(keys: &Keys, name: &str, key: &str) -> Result<Principal, AuthFailure> {
        keys.principal(Some(name.as_bytes()), Some(key.as_bytes()))
    }

    #[test]
    fn two_keys_are_valid_at_once() {
        for key in ["old", "new"] {
            let caller = principal(&keys(), "shop", key).unwrap();
            assert_eq!(caller.name.unwrap().as_str(), "shop");
            assert_eq!(caller.role, Role::Service);
        }
    }

    #[test]
    fn a_name_has_the_most_that_it_is_listed_for() {
        let service = |name: &str| ServiceName::parse(name).unwrap();
        let keys = keys().seen_by(BTreeSet::from([service("shop"), service("boss")]));
        for (name, key, role) in [("shop", "old", Role::Viewer), ("boss", "b", Role::Operator)] {
            assert_eq!(principal(&keys, name, key).unwrap().role, role, "{name}");
        }
    }

    #[test]
    fn wrong_keys_and_unknown_names_are_refused() {
        for (name, key) in [
            ("shop", "b"),
            ("shop", ""),
            ("nobody", "old"),
            ("nobody", "no such service"),
            ("a b", "old"),
        ] {
            let error = HubError::from(principal(&keys(), name, key).unwrap_err());
            assert!(
                matches!(error, HubError::Unauthenticated(_)),
                "{name} {key}"
            );
            assert_eq!(error.code(), ErrorCode::AuthFailed);
        }
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_wrong() {
        let shop = ServiceName::parse("shop").unwrap();
        for (name, key, expected) in [
            ("shop", "wrong", Some(AuthFailure::Wrong(shop))),
            ("shop", "", None),
            ("", "old", None),
        ] {
            let denial = principal(&keys(), name, key).unwrap_err();
            match expected {
                Some(expected) => assert_eq!(denial, expected),
                None => assert!(matches!(denial, AuthFailure::Missing(_)), "{denial:?}"),
            }
        }
        let denial = principal(&keys(), "a b", "old").unwrap_err();
        assert!(matches!(denial, AuthFailure::Malformed(_)), "{denial:?}");
    }

    #[test]
    fn no_key_is_kept_as_it_is() {
        let keys = keys();
        let key = &keys.keys[&ServiceName::parse("boss").unwrap()][0];
        assert_eq!(key.digest[..4], [0x3e, 0x23, 0xe8, 0x16]);
    }

    fn last_used(keys: &Keys) -> Vec<(String, Vec<Option<u64>>)> {
        let seconds = |used: Option<Duration>| used.map(|used| used.as_secs());
        let all = keys.in_use().map(|one| {
            let used = one.last_used.into_iter().map(seconds);
            (one.service.to_string(), used.collect())
        });
        all.collect()
    }

    #[actix::test]
    async fn each_key_knows_the_minute_of_its_last_use_over_changes_of_the_others() {
        tokio::time::pause();
        let keys = keys();
        let shop = |key| principal(&keys, "shop", key).is_ok();
        assert!(shop("old"));
        tokio::time::advance(Duration::from_secs(150)).await;
        assert!(!shop("wrong"));
        let boss = ("boss".to_owned(), vec![None]);
        let used = ("shop".to_owned(), vec![Some(0), None]);
        assert_eq!(last_used(&keys), [boss, used]);
        assert!(shop("new"));
        let name = ServiceName::parse("shop").unwrap();
        let later = BTreeMap::from([(name, vec!["newest", "new"])]);
        let later = Keys::new(later, BTreeSet::new()).following(&keys);
        let used = ("shop".to_owned(), vec![None, Some(120)]);
        assert_eq!(last_used(&later), [used]);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(principal(&later, "shop", "newest").is_ok());
        assert_eq!(last_used(&later)[0].1, [Some(180), Some(120)]);
    }
}
