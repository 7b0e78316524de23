//! The ids clients chose lately, so that a repeated send makes no second message.

use std::collections::VecDeque;
use std::time::Duration;

use ahash::AHashMap;

use crate::domain::compaction_summary::KnownId;
use crate::domain::message::{Fingerprint, State};
use crate::domain::timestamp::Timestamp;
use uuid::Uuid;

/// What the window knows about an id that comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DedupVerdict {
    /// Not in the window.
    New,
    /// A repeat.
    SameContent,
    /// The id was used for something else.
    OtherContent,
}

/// The last so many ids, none older than a certain age, and how what they stood for ended. A
/// million take about 86 MB.
#[derive(Clone, Debug)]
pub struct DedupWindow {
    capacity: usize,
    age: Duration,
    /// Oldest first.
    known: VecDeque<Known>,
    /// Of each in `known`, how it ended, if it did: apart, so that it takes one byte and not eight.
    ends: VecDeque<Option<State>>,
    /// Where an id stands in `known`, counted from the first one ever and wrapping around:
    /// four bytes an id instead of eight save 8 MB in a million.
    places: AHashMap<Uuid, u32>,
    /// The place of the oldest id.
    first: u32,
    overflowed: bool,
}

/// What the window keeps of a [`KnownId`] beside its end.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: Uuid,
    fingerprint: Fingerprint,
    at: Timestamp,
}

impl DedupWindow {
    /// Remembers `capacity` ids for `age` after they were accepted.
    pub fn new(capacity: usize, age: Duration) -> Self {
        Self {
            // Places must stay distinct.
            capacity: capacity.min(u32::MAX as usize),
            age,
            known: VecDeque::new(),
            ends: VecDeque::new(),
            places: AHashMap::new(),
            first: 0,
            overflowed: false,
        }
    }

    /// Compares an id that comes in at `now` with the window.
    pub fn judge(&mut self, id: Uuid, fingerprint: Fingerprint, now: Timestamp) -> DedupVerdict {
        self.forget_aged(now);
        self.compare(id, fingerprint)
    }

    /// Compares an id with the window as it is.
    pub fn compare(&self, id: Uuid, fingerprint: Fingerprint) -> DedupVerdict {
        let Some(index) = self.index(id) else {
            return DedupVerdict::New;
        };
        if self.known[index].fingerprint == fingerprint {
            DedupVerdict::SameContent
        } else {
            DedupVerdict::OtherContent
        }
    }

    /// Takes an accepted id into the window; one already in it keeps its time.
    pub fn remember(&mut self, known: KnownId) {
        self.forget_aged(known.at);
        if self.places.contains_key(&known.id) {
            return;
        }
        if self.known.len() >= self.capacity {
            self.forget_oldest();
        }
        if self.capacity > 0 {
            let place = self.first.wrapping_add(self.known.len() as u32);
            self.places.insert(known.id, place);
            self.ends.push_back(known.end);
            self.known.push_back(Known {
                id: known.id,
                fingerprint: known.fingerprint,
                at: known.at,
            });
        }
    }

    /// What the id stands for ended so; `None`: it goes on again.
    pub fn set_end(&mut self, id: Uuid, end: Option<State>) {
        if let Some(index) = self.index(id) {
            self.ends[index] = end;
        }
    }

    /// How what the id stands for ended, as far as the window knows.
    pub fn end(&self, id: Uuid) -> Option<State> {
        self.index(id).and_then(|index| self.ends[index])
    }

    /// Where the id stands in `known`.
    fn index(&self, id: Uuid) -> Option<usize> {
        let place = self.places.get(&id)?;
        Some(place.wrapping_sub(self.first) as usize)
    }

    /// Whether an id was ever forgotten. If not, an id unknown here is unknown altogether.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Every id in the window, oldest first.
    pub fn known(&self) -> impl ExactSizeIterator<Item = KnownId> {
        let known = self.known.iter().zip(&self.ends);
        known.map(|(known, end)| KnownId {
            id: known.id,
            fingerprint: known.fingerprint,
            at: known.at,
            end: *end,
        })
    }

    /// Takes in what [`DedupWindow::known`] and [`DedupWindow::overflowed`] said before a restart.
    pub fn restore(&mut self, known: impl IntoIterator<Item = KnownId>, overflowed: bool) {
        self.overflowed |= overflowed;
        for known in known {
            self.remember(known);
        }
    }

    /// Lets go of what is older at `now` than the window is long.
    pub fn forget_aged(&mut self, now: Timestamp) {
        while let Some(oldest) = self.known.front() {
            if now.since(oldest.at) <= self.age {
                break;
            }
            self.forget_oldest();
        }
    }

    /// Looks at every id; gives how many there are.
    ///
    /// # Panics
    /// If an id is not found where it stands.
    pub fn check(&self) -> usize {
        assert!(
            self.known.len() <= self.capacity,
            "no more ids than there is room for"
        );
        let lengths = [self.ends.len(), self.places.len()];
        assert_eq!(
            lengths,
            [self.known.len(); 2],
            "each id has a place and perhaps an end"
        );
        for (index, known) in self.known.iter().enumerate() {
            assert_eq!(
                self.index(known.id),
                Some(index),
                "{} stands there",
                known.id
            );
        }
        self.known.len()
    }

    fn forget_oldest(&mut self) {
        self.overflowed = true;
        if let Some(oldest) = self.known.pop_front() {
            self.ends.pop_front();
            self.places.remove(&oldest.id);
            self.first = self.first.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(id: u8, content: u8, millis: i64) -> KnownId {
        KnownId {
            id: Uuid::from_u128(id.into()),
            fingerprint: Fingerprint(Uuid::from_u128(content.into())),
            at: Timestamp::from_millis(millis),
            end: None,
        }
    }

    fn check(window: &mut DedupWindow, id: u8, content: u8, millis: i64) -> DedupVerdict {
        let asked = known(id, content, millis);
        window.judge(asked.id, asked.fingerprint, asked.at)
    }

    fn window(capacity: usize) -> DedupWindow {
        DedupWindow::new(capacity, Duration::from_millis(100))
    }

    #[test]
    fn tells_repeats_from_reuse() {
        let mut window = window(10);
        assert_eq!(check(&mut window, 1, 1, 0), DedupVerdict::New);
        window.remember(known(1, 1, 0));
        assert_eq!(check(&mut window, 1, 1, 0), DedupVerdict::SameContent);
        assert_eq!(check(&mut window, 1, 2, 0), DedupVerdict::OtherContent);
        assert_eq!(check(&mut window, 2, 1, 0), DedupVerdict::New);
    }

    #[test]
    fn forgets_the_oldest_when_full() {
        let mut window = window(2);
        window.remember(known(1, 1, 0));
        window.remember(known(2, 2, 0));
        assert!(!window.overflowed());
        window.remember(known(3, 3, 0));
        assert!(window.overflowed());
        assert_eq!(check(&mut window, 1, 1, 0), DedupVerdict::New);
        assert_eq!(check(&mut window, 2, 2, 0), DedupVerdict::SameContent);
        assert_eq!(check(&mut window, 3, 3, 0), DedupVerdict::SameContent);
    }

    #[test]
    fn forgets_what_is_too_old() {
        let mut window = window(10);
        window.remember(known(1, 1, 0));
        assert_eq!(check(&mut window, 1, 1, 100), DedupVerdict::SameContent);
        assert!(!window.overflowed());
        assert_eq!(check(&mut window, 1, 1, 101), DedupVerdict::New);
        assert!(window.overflowed());
        assert_eq!(window.known().len(), 0);
    }

    #[test]
    fn remembers_how_each_ended() {
        let mut window = window(2);
        window.first = u32::MAX;
        window.remember(known(1, 1, 0));
        window.remember(known(2, 2, 0));
        assert_eq!(window.end(Uuid::from_u128(2)), None);
        window.set_end(Uuid::from_u128(2), Some(State::Delivered));
        window.remember(known(3, 3, 0));
        window.set_end(Uuid::from_u128(1), Some(State::Dead));
        assert_eq!(window.end(Uuid::from_u128(1)), None, "it is forgotten");
        assert_eq!(window.end(Uuid::from_u128(2)), Some(State::Delivered));
        assert_eq!(window.end(Uuid::from_u128(3)), None);
        let mut after = DedupWindow::new(2, Duration::from_millis(100));
        after.restore(window.known(), window.overflowed());
        assert_eq!(after.end(Uuid::from_u128(2)), Some(State::Delivered));
        after.set_end(Uuid::from_u128(2), None);
        assert_eq!(after.end(Uuid::from_u128(2)), None);
        assert_eq!(after.ends.len(), after.known.len());
    }

    #[test]
    fn a_window_of_nothing_knows_nothing() {
        let mut window = window(0);
        window.remember(known(1, 1, 0));
        assert_eq!(check(&mut window, 1, 1, 0), DedupVerdict::New);
        assert!(window.overflowed());
    }

    #[test]
    fn places_may_wrap_around() {
        let mut window = window(3);
        window.first = u32::MAX - 1;
        for id in 0..10 {
            window.remember(known(id, id, 0));
            assert_eq!(check(&mut window, id, id, 0), DedupVerdict::SameContent);
            assert_eq!(
                check(&mut window, id.max(2) - 2, 99, 0),
                DedupVerdict::OtherContent
            );
        }
        assert_eq!(window.places.len(), 3);
    }

    /// The same, as slow and plain as can be.
    struct Model {
        known: Vec<KnownId>,
        capacity: usize,
        overflowed: bool,
    }

    impl Model {
        fn judge(&mut self, asked: KnownId) -> DedupVerdict {
            self.forget_aged(asked.at);
            match self.known.iter().find(|known| known.id == asked.id) {
                None => DedupVerdict::New,
                Some(known) if known.fingerprint == asked.fingerprint => DedupVerdict::SameContent,
                Some(_) => DedupVerdict::OtherContent,
            }
        }

        fn remember(&mut self, known: KnownId) {
            self.forget_aged(known.at);
            if self.known.iter().all(|other| other.id != known.id) {
                self.known.push(known);
                while self.known.len() > self.capacity {
                    self.forget_oldest();
                }
            }
        }

        /// Lets go of what is older at `now` than the window is long.
        pub(crate) fn forget_aged(&mut self, now: Timestamp) {
            let aged = |known: &KnownId| now.since(known.at) > Duration::from_millis(100);
            while self.known.first().is_some_and(aged) {
                self.forget_oldest();
            }
        }

        fn forget_oldest(&mut self) {
            self.known.remove(0);
            self.overflowed = true;
        }
    }

    proptest! {
        #[test]
        fn behaves_as_a_plain_list(
            capacity in 0usize..20,
            steps in prop::collection::vec((0u8..30, 0u8..3, -5i64..20, any::<bool>()), 0..300),
        ) {
            let mut window = window(capacity);
            let mut model = Model { known: Vec::new(), capacity, overflowed: false };
            let mut now = 0;
            for (id, content, passed, remember) in steps {
                now += passed;
                let asked = known(id, content, now);
                let verdict = check(&mut window, id, content, now);
                prop_assert_eq!(verdict, model.judge(asked));
                if remember {
                    window.remember(asked);
                    model.remember(asked);
                }
                prop_assert!(window.known().eq(model.known.iter().copied()));
                prop_assert_eq!(window.overflowed(), model.overflowed);
                window.check();
            }
        }

        #[test]
        fn survives_a_restart(ids in prop::collection::vec(0u8..30, 0..60)) {
            let mut before = window(20);
            for (id, millis) in ids.into_iter().zip(0..) {
                before.remember(known(id, id, millis));
            }
            let mut after = window(20);
            after.restore(before.known(), before.overflowed());
            prop_assert!(after.known().eq(before.known()));
            prop_assert_eq!(after.overflowed(), before.overflowed());
        }
    }
}
