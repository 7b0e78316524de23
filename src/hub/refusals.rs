//! What was turned away: counted, slowed down, and told in the log, seldom enough that
//! whoever knocks all day does not fill it.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::HubError;
use super::keys::AuthFailure;
use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;
use crate::logic::log_limit::{LogLimit, Summary};
use crate::logic::wrong_keys::WrongKeys;
use crate::metrics::auth_failures::AuthFailures;

/// The same is said once in so long.
const PERIOD: Duration = Duration::from_secs(60);

/// From so many wrong keys within so long further attempts to sign in wait.
const MOST_SIGN_INS: usize = 10;
const SIGN_IN_PERIOD: Duration = Duration::from_secs(60);
/// The same for keys in requests, of which a program makes many.
const WRONG_KEY_PERIOD: Duration = Duration::from_secs(10);

/// More different things than this are counted together.
const MOST: usize = 1000;

/// Of what a stranger wrote, so much is repeated.
const SHOWN: usize = 100;

/// Shared by all who take requests.
pub struct Refusals {
    wrong_keys: Mutex<WrongKeys>,
    sign_ins: Mutex<WrongKeys>,
    limit: Mutex<LogLimit<Kind, ()>>,
}

/// What is counted and told together.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Credentials {
        peer: Option<IpAddr>,
        service: Option<ServiceName>,
    },
    Foreign {
        peer: Option<IpAddr>,
        /// `Host` or `Origin`, and what it was.
        header: &'static str,
        value: String,
    },
    Forbidden {
        peer: Option<IpAddr>,
        service: Option<ServiceName>,
        /// What was to be done, as the protocol calls it.
        what: String,
    },
}

impl Refusals {
    /// `auth_failures`: from so many wrong keys of an address on, more are put off.
    pub fn new(auth_failures: usize) -> Self {
        Self {
            wrong_keys: Mutex::new(WrongKeys::new(auth_failures, WRONG_KEY_PERIOD)),
            sign_ins: Mutex::new(WrongKeys::new(MOST_SIGN_INS, SIGN_IN_PERIOD)),
            limit: Mutex::new(LogLimit::new(MOST)),
        }
    }

    fn limit(&self) -> MutexGuard<'_, LogLimit<Kind, ()>> {
        locked(&self.limit)
    }

    /// To be called every second or so.
    pub fn tell_due(&self, now: Timestamp) {
        let due = self.limit().due(now);
        due.iter().for_each(say_more);
    }

    /// Before the log ends.
    pub fn tell_rest(&self, now: Timestamp) {
        let rest = self.limit().rest(now);
        rest.iter().for_each(say_more);
    }

    fn put_off(&self, peer: Option<IpAddr>, now: Timestamp) -> Option<Duration> {
        locked(&self.wrong_keys).note(peer?, now)
    }

    /// How long nobody signs in from there, because too many keys were wrong.
    pub fn sign_in_put_off(&self, peer: Option<IpAddr>, now: Timestamp) -> Option<Duration> {
        locked(&self.sign_ins).put_off(peer?, now)
    }

    /// Somebody there showed a wrong key to sign in.
    pub fn sign_in_failed(&self, peer: Option<IpAddr>, now: Timestamp) {
        if let Some(peer) = peer {
            locked(&self.sign_ins).note(peer, now);
        }
    }

    /// Takes note of a caller who is not who it says, and gives the answer it gets.
    pub fn unauthenticated(
        &self,
        failures: &AuthFailures,
        peer: Option<IpAddr>,
        denial: AuthFailure,
        now: Timestamp,
    ) -> HubError {
        let (counter, service, put_off) = match &denial {
            // Nobody guesses who shows nothing.
            AuthFailure::Missing(_) => return denial.into(),
            AuthFailure::Malformed(_) => (&failures.malformed, None, None),
            AuthFailure::Wrong(service) => match self.put_off(peer, now) {
                None => (&failures.wrong_key, Some(service.clone()), None),
                put_off => (&failures.put_off, Some(service.clone()), put_off),
            },
        };
        counter.inc();
        self.note(&Kind::Credentials { peer, service }, now);
        match put_off {
            Some(retry_after) => HubError::TooManyWrongKeys { retry_after },
            None => denial.into(),
        }
    }

    /// Takes note of a request that a web page of another site made, or for another host.
    pub fn foreign(&self, peer: Option<IpAddr>, header: &'static str, value: &str, now: Timestamp) {
        let value = value.chars().take(SHOWN).collect();
        let kind = Kind::Foreign {
            peer,
            header,
            value,
        };
        self.note(&kind, now);
    }

    /// Takes note of a change that its caller may not make: had it been made, it would be told, too.
    pub fn forbidden(
        &self,
        peer: Option<IpAddr>,
        service: Option<ServiceName>,
        what: String,
        now: Timestamp,
    ) {
        let kind = Kind::Forbidden {
            peer,
            service,
            what,
        };
        self.note(&kind, now);
    }

    fn note(&self, kind: &Kind, now: Timestamp) {
        if self.limit().note(kind, PERIOD, now, || ()) {
            say(Some(kind), 1);
        }
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn say_more(more: &Summary<Kind, ()>) {
    let kind = (!more.mixed).then_some(&more.kind);
    say(kind, more.count);
}

fn say(kind: Option<&Kind>, count: u64) {
    match kind {
        Some(Kind::Credentials { peer, service }) => {
            let (peer, service) = (shown(peer.as_ref()), shown(service.as_ref()));
            tracing::warn!(peer, service, count, "refused: wrong name or key");
        }
        Some(Kind::Foreign {
            peer,
            header: "Host",
            value,
        }) => {
            let peer = shown(peer.as_ref());
            tracing::warn!(
                peer,
                host = ?value,
                count,
                "refused: asked under a name that is not the hub's; if it is, add it to allowed_hosts"
            );
        }
        Some(Kind::Foreign { peer, value, .. }) => {
            let peer = shown(peer.as_ref());
            tracing::warn!(
                peer,
                origin = ?value,
                count,
                "refused: a web page of another origin; if it may use the hub, or if a proxy changes Host, add it to allowed_origins"
            );
        }
        Some(Kind::Forbidden {
            peer,
            service,
            what,
        }) => {
            let (peer, service) = (shown(peer.as_ref()), shown(service.as_ref()));
            tracing::warn!(
                peer,
                service,
                what,
                count,
                "refused: who asks may not do this"
            );
        }
        None => tracing::warn!(
            count,
            "refused: more wrong names, keys, hosts, origins and callers"
        ),
    }
}

fn shown(what: Option<&impl ToString>) -> String {
    what.map_or_else(|| "-".to_owned(), ToString::to_string)
}
