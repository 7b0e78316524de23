//! Who has signed in from a browser, and until when that holds: the browser keeps a token, the hub
//! what the token is known by, and whose key was shown for it.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::ids::ServiceName;
use crate::domain::timestamp::Timestamp;

/// A session ends so long after it was begun, whatever is done with it.
pub const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// A session ends when nothing was asked with it for so long.
pub const UNUSED: Duration = Duration::from_secs(3600);
/// A name has at most so many; one more ends the one that was used longest ago.
pub const MOST_OF_A_NAME: usize = 100;

/// The SHA-256 of a token or of a key: what is read out of memory opens nothing.
pub type Digest = [u8; 32];

/// Those that are open. `E` goes with a session: whoever holds the other end learns of its end when
/// it is dropped.
pub struct BrowserSessions<E> {
    open: HashMap<Digest, BrowserSession<E>>,
}

/// One that is open.
pub struct BrowserSession<E> {
    /// Who signed in.
    pub name: ServiceName,
    /// The key that it was begun with; it ends with this.
    pub key: Digest,
    began: Timestamp,
    used: Timestamp,
    /// What goes with it.
    pub ending: E,
}

impl<E> BrowserSession<E> {
    /// When it ends if nothing more is asked with it.
    pub fn ends_at(&self) -> Timestamp {
        self.began.plus(LONGEST).min(self.used.plus(UNUSED))
    }
}

impl<E> Default for BrowserSessions<E> {
    fn default() -> Self {
        let open = HashMap::new();
        Self { open }
    }
}

impl<E> BrowserSessions<E> {
    /// Begins a session of this name.
    pub fn begin(
        &mut self,
        token: Digest,
        (name, key): (ServiceName, Digest),
        ending: E,
        now: Timestamp,
    ) {
        self.open.retain(|_, session| now < session.ends_at());
        let of_name = self.open.iter().filter(|(_, open)| open.name == name);
        let of_name: Vec<_> = of_name.map(|(token, open)| (open.used, *token)).collect();
        if of_name.len() >= MOST_OF_A_NAME
            && let Some((_, oldest)) = of_name.into_iter().min()
        {
            self.open.remove(&oldest);
        }
        let session = BrowserSession {
            name,
            key,
            began: now,
            used: now,
            ending,
        };
        self.open.insert(token, session);
    }

    /// The session of this token, which is used now; `None`: there is none, or it has ended.
    /// `holds`: whether a key still is one of its service's.
    pub fn using(
        &mut self,
        token: &Digest,
        now: Timestamp,
        holds: impl Fn(&ServiceName, &Digest) -> bool,
    ) -> Option<&BrowserSession<E>> {
        let session = self.open.get(token)?;
        if now >= session.ends_at() || !holds(&session.name, &session.key) {
            self.open.remove(token);
            return None;
        }
        let session = self.open.get_mut(token)?;
        session.used = now;
        Some(session)
    }

    /// Its token opens nothing any more.
    pub fn end(&mut self, token: &Digest) {
        self.open.remove(token);
    }

    /// Ends those whose key is gone.
    pub fn keep(&mut self, holds: impl Fn(&ServiceName, &Digest) -> bool) {
        self.open
            .retain(|_, session| holds(&session.name, &session.key));
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn name(text: &str) -> ServiceName {
        ServiceName::parse(text).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::default().plus(Duration::from_secs(seconds))
    }

    fn token(n: usize) -> Digest {
        let mut token = [0; 32];
        token[..8].copy_from_slice(&n.to_le_bytes());
        token
    }

    fn all_hold(_: &ServiceName, _: &Digest) -> bool {
        true
    }

    fn begun(seconds: u64) -> BrowserSessions<()> {
        let mut sessions = BrowserSessions::default();
        sessions.begin(token(1), (name("ops"), [7; 32]), (), at(seconds));
        sessions
    }

    fn is_open(sessions: &mut BrowserSessions<()>, seconds: u64) -> bool {
        sessions.using(&token(1), at(seconds), all_hold).is_some()
    }

    const HOUR: u64 = 3600;

    #[test]
    fn a_session_ends_an_hour_after_its_last_use() {
        let mut sessions = begun(5);
        assert!(is_open(&mut sessions, HOUR));
        assert!(is_open(&mut sessions, 2 * HOUR - 1));
        assert!(!is_open(&mut sessions, 3 * HOUR - 1));
        assert!(!is_open(&mut sessions, 3 * HOUR - 1), "it stays ended");
    }

    #[test]
    fn a_session_ends_after_twelve_hours_however_much_it_is_used() {
        let mut sessions = begun(0);
        for half in 1..24 {
            assert!(is_open(&mut sessions, half * HOUR / 2), "{half}");
        }
        let session = sessions.using(&token(1), at(12 * HOUR - 1), all_hold);
        assert_eq!(session.unwrap().ends_at(), at(12 * HOUR));
        assert!(!is_open(&mut sessions, 12 * HOUR));
    }

    #[test]
    fn a_session_ends_with_its_key_and_when_it_is_told_to() {
        let is_gone = |_: &ServiceName, key: &Digest| *key != [7; 32];
        let mut sessions = begun(0);
        assert!(sessions.using(&token(1), at(1), is_gone).is_none());
        assert!(!is_open(&mut sessions, 2));
        let mut sessions = begun(0);
        sessions.keep(is_gone);
        assert!(!is_open(&mut sessions, 1));
        let mut sessions = begun(0);
        sessions.end(&token(2));
        assert!(is_open(&mut sessions, 1));
        sessions.end(&token(1));
        assert!(!is_open(&mut sessions, 1));
    }

    #[test]
    fn one_too_many_of_a_name_ends_the_one_unused_for_longest_and_drops_what_goes_with_it() {
        let mut sessions = BrowserSessions::default();
        let ends: Vec<Rc<()>> = (0..MOST_OF_A_NAME).map(|_| Rc::default()).collect();
        for (n, end) in ends.iter().enumerate() {
            sessions.begin(token(n), (name("ops"), [7; 32]), end.clone(), at(n as u64));
        }
        sessions.using(&token(0), at(500), all_hold);
        sessions.begin(token(1000), (name("eye"), [8; 32]), Rc::default(), at(501));
        assert!(ends.iter().all(|end| Rc::strong_count(end) == 2));
        sessions.begin(token(1001), (name("ops"), [7; 32]), Rc::default(), at(502));
        let ended: Vec<_> = (0..ends.len())
            .filter(|n| Rc::strong_count(&ends[*n]) == 1)
            .collect();
        assert_eq!(ended, [1]);
    }

    #[test]
    fn what_has_ended_takes_no_room() {
        let mut sessions = begun(0);
        sessions.begin(token(2), (name("eye"), [8; 32]), (), at(2 * HOUR));
        assert_eq!(sessions.open.len(), 1);
    }
}
