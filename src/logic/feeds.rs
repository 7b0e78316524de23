//! Followers of the events, each fed in order and never more than it has room for.
//!
//! A feed is live (it has got everything that matches), stalled (it has no room, and the rest waits
//! in memory or beyond), or behind (what it needs next is no longer in memory; whoever it feeds
//! reads the archive and follows again). Feeds that want the same types share the work.

use std::collections::{BTreeSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use ahash::AHashMap;

use super::recent::{Framed, Recent};
use super::topics::Topics;
use super::type_filter::TypeFilter;
use crate::domain::event::Sequence;
use crate::domain::pattern::Pattern;

/// Events handed over at once, at most.
const PORTION: usize = 512;
/// A feed learns how far it is after so many events without one that matches.
const QUIET: u64 = 1024;
/// How much a feed that looks through the memory may cost at a time, in steps of its filter: a few
/// milliseconds. Others have their turn before it goes on.
const TURN: usize = 200_000;

/// What a follower gets.
#[derive(Clone, Debug)]
pub enum Fed {
    /// In order, without a gap since the last ones.
    Events {
        /// Shared by all that want the same types.
        events: Arc<[Arc<Framed>]>,
        /// Everything up to here was looked at.
        through: Sequence,
    },
    /// The events from here on are no longer in memory: read them from the archive, then follow
    /// again.
    Behind {
        /// The first that is needed.
        from: Sequence,
    },
}

/// All feeds, by the key `F` their followers chose.
#[derive(Debug)]
pub struct Feeds<F> {
    feeds: AHashMap<F, Feed>,
    groups: Vec<Group<F>>,
    /// Those without members.
    free: Vec<usize>,
    /// The others, by what they were told last.
    told: BTreeSet<(Sequence, usize)>,
    places: AHashMap<Arc<[Pattern]>, usize>,
    topics: Topics<usize>,
    /// Those whose turn ended before they had all there is for them.
    unfinished: VecDeque<F>,
}

#[derive(Debug)]
struct Feed {
    group: usize,
    /// In bytes; below zero after an event larger than what was left.
    credit: i64,
    /// The last event it was given; before that, the one before where it began.
    given: Sequence,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Events before `from` are not meant.
    Live {
        from: Sequence,
    },
    Stalled {
        from: Sequence,
    },
    Behind,
}

/// Feeds that want the same types.
#[derive(Debug)]
struct Group<F> {
    event_types: Arc<[Pattern]>,
    members: BTreeSet<F>,
    /// What its live members were told last.
    told: Sequence,
    /// Those of the batch at hand that match.
    batch: Vec<Arc<Framed>>,
    /// For what is in memory, while a member looks through it.
    filter: Option<Box<TypeFilter>>,
}

impl<F> Default for Feeds<F> {
    fn default() -> Self {
        Self {
            feeds: AHashMap::new(),
            groups: Vec::new(),
            free: Vec::new(),
            told: BTreeSet::new(),
            places: AHashMap::new(),
            topics: Topics::default(),
            unfinished: VecDeque::new(),
        }
    }
}

impl<F: Copy + Ord + Hash> Feeds<F> {
    /// How many followers there are.
    pub fn len(&self) -> usize {
        self.feeds.len()
    }

    /// Whether nobody follows.
    pub fn is_empty(&self) -> bool {
        self.feeds.is_empty()
    }

    /// Begins a feed with the events from `from` on, instead of what it was.
    pub fn follow(
        &mut self,
        feed: F,
        event_types: &Arc<[Pattern]>,
        from: Sequence,
        credit: usize,
        recent: &Recent,
    ) -> Vec<(F, Fed)> {
        self.unfollow(feed);
        let group = self.join(feed, event_types, recent);
        let credit = i64::try_from(credit).unwrap_or(i64::MAX);
        let state = State::Stalled { from };
        let begun = Feed {
            group,
            credit,
            given: from.saturating_sub(1),
            state,
        };
        self.feeds.insert(feed, begun);
        self.resume(feed, recent)
    }

    /// More room.
    pub fn credit(&mut self, feed: F, bytes: usize, recent: &Recent) -> Vec<(F, Fed)> {
        let Some(known) = self.feeds.get_mut(&feed) else {
            return Vec::new();
        };
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        known.credit = known.credit.saturating_add(bytes);
        self.resume(feed, recent)
    }

    /// Ends a feed, if there is one; the last of those that want the same types takes their filter
    /// along.
    pub fn unfollow(&mut self, feed: F) {
        let Some(known) = self.feeds.remove(&feed) else {
            return;
        };
        let group = &mut self.groups[known.group];
        group.members.remove(&feed);
        if group.members.is_empty() {
            for pattern in group.event_types.iter() {
                self.topics.remove(pattern, known.group);
            }
            self.places.remove(&group.event_types);
            self.told.remove(&(group.told, known.group));
            self.free.push(known.group);
            // Its place is for the next group.
            group.event_types = Arc::new([]);
            group.filter = None;
        }
    }

    /// Whether a follower that is done with everything up to `position` is done with all there is
    /// for it.
    pub fn has_all(&self, feed: F, position: Sequence) -> bool {
        let feed = self.feeds.get(&feed);
        feed.is_some_and(|feed| matches!(feed.state, State::Live { .. }) && feed.given <= position)
    }

    /// Hands the events that were just pushed to `recent` to the live feeds.
    pub fn publish(&mut self, events: &[Arc<Framed>]) -> Vec<(F, Fed)> {
        if self.feeds.is_empty() {
            return Vec::new();
        }
        let Some(through) = last_of(events) else {
            return Vec::new();
        };
        let mut touched = Vec::new();
        for event in events {
            for group in self.topics.matching(event.event.event_type.as_str()) {
                if self.groups[group].batch.is_empty() {
                    touched.push(group);
                }
                self.groups[group].batch.push(event.clone());
            }
        }
        let mut fed = Vec::new();
        for group in touched {
            self.serve(group, through, &mut fed);
        }
        self.tell_quiet(through, &mut fed);
        fed
    }

    /// Looks at every feed; gives how many there are. Panics if they are not found, or one stands
    /// still for no reason.
    pub fn check(&self) -> usize {
        for (key, feed) in &self.feeds {
            let is_member = self.groups[feed.group].members.contains(key);
            assert!(
                is_member,
                "a feed is in the group of those that want the same"
            );
            let may_go_on = matches!(feed.state, State::Stalled { .. }) && feed.credit > 0;
            let is_known = !may_go_on || self.unfinished.contains(key);
            assert!(is_known, "a feed with room has its turn once more");
        }
        let used = self.groups.iter().filter(|group| !group.members.is_empty());
        let members: usize = used.clone().map(|group| group.members.len()).sum();
        assert_eq!(members, self.feeds.len(), "a feed is in one group");
        let counts = [
            self.groups.len() - self.free.len(),
            self.told.len(),
            self.places.len(),
        ];
        assert_eq!(counts, [used.count(); 3], "groups with members are found");
        for (types, place) in &self.places {
            let group = &self.groups[*place];
            assert_eq!(group.event_types, *types);
            assert!(self.told.contains(&(group.told, *place)) && group.batch.is_empty());
        }
        self.feeds.len()
    }

    fn join(&mut self, feed: F, event_types: &Arc<[Pattern]>, recent: &Recent) -> usize {
        let known = self.places.get(event_types).copied();
        let place = known.unwrap_or_else(|| self.open_group(event_types, recent));
        self.groups[place].members.insert(feed);
        place
    }

    fn open_group(&mut self, event_types: &Arc<[Pattern]>, recent: &Recent) -> usize {
        let group = Group {
            event_types: event_types.clone(),
            members: BTreeSet::new(),
            told: recent.next() - 1,
            batch: Vec::new(),
            filter: None,
        };
        let place = self.free.pop().unwrap_or(self.groups.len());
        self.told.insert((group.told, place));
        if place == self.groups.len() {
            self.groups.push(group);
        } else {
            self.groups[place] = group;
        }
        for pattern in event_types.iter() {
            self.topics.insert(pattern, place);
        }
        self.places.insert(event_types.clone(), place);
        place
    }

    /// The batch of one group to its live members.
    fn serve(&mut self, group: usize, through: Sequence, fed: &mut Vec<(F, Fed)>) {
        let batch: Arc<[_]> = std::mem::take(&mut self.groups[group].batch).into();
        let bytes: usize = batch.iter().map(|event| event.event.bytes()).sum();
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let first = batch.first().map_or(0, |event| event.event.sequence);
        let last = last_of(&batch).unwrap_or(0);
        self.told(group, through);
        let group = &self.groups[group];
        for member in &group.members {
            let Some(feed) = self.feeds.get_mut(member) else {
                continue;
            };
            let State::Live { from } = feed.state else {
                continue;
            };
            if from <= first && bytes <= feed.credit {
                feed.credit -= bytes;
                feed.given = last;
                let events = batch.clone();
                fed.push((*member, Fed::Events { events, through }));
                continue;
            }
            let meant = batch.iter().filter(|event| event.event.sequence >= from);
            let (events, stalled) = take(meant, &mut feed.credit);
            if let Some(from) = stalled {
                feed.state = State::Stalled { from };
            }
            if let Some(last) = last_of(&events) {
                feed.given = last;
                let through = stalled.map_or(through, |from| from - 1);
                let events = events.into();
                fed.push((*member, Fed::Events { events, through }));
            }
        }
    }

    /// Who has all there is for it is done with everything up to `through`.
    pub fn tell_all(&self, through: Sequence) -> Vec<(F, Fed)> {
        let is_live = |feed: &Feed| matches!(feed.state, State::Live { from } if from <= through);
        let live = self.feeds.iter().filter(|(_, feed)| is_live(feed));
        let fed = live.map(|(key, _)| {
            let events = Arc::new([]);
            (*key, Fed::Events { events, through })
        });
        fed.collect()
    }

    /// Nothing matched for long: how far they are, all the same.
    fn tell_quiet(&mut self, through: Sequence, fed: &mut Vec<(F, Fed)>) {
        while let Some((told, group)) = self.told.first().copied()
            && through.saturating_sub(told) >= QUIET
        {
            self.told(group, through);
            for member in &self.groups[group].members {
                let state = self.feeds.get(member).map(|feed| feed.state);
                if matches!(state, Some(State::Live { from }) if from <= through) {
                    let events = Arc::new([]);
                    fed.push((*member, Fed::Events { events, through }));
                }
            }
        }
    }

    fn told(&mut self, group: usize, through: Sequence) {
        let told = std::mem::replace(&mut self.groups[group].told, through);
        self.told.remove(&(told, group));
        self.told.insert((through, group));
    }

    /// Goes on with those whose turn ended before they had all there is for them.
    pub fn go_on(&mut self, recent: &Recent) -> Vec<(F, Fed)> {
        match self.unfinished.pop_front() {
            Some(feed) => self.resume(feed, recent),
            None => Vec::new(),
        }
    }

    /// Whether there are such.
    pub fn has_unfinished(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Goes on with a feed that stands still, from memory, as far as its room and its turn go.
    fn resume(&mut self, key: F, recent: &Recent) -> Vec<(F, Fed)> {
        let mut fed = Vec::new();
        let Some(feed) = self.feeds.get_mut(&key) else {
            return fed;
        };
        if !matches!(feed.state, State::Stalled { .. }) || feed.credit <= 0 {
            return fed;
        }
        let group = &mut self.groups[feed.group];
        let filter = group
            .filter
            .get_or_insert_with(|| Box::new(TypeFilter::new(&group.event_types)));
        let until = filter.steps() + TURN;
        while let State::Stalled { from } = feed.state {
            if from < recent.first() {
                feed.state = State::Behind;
                fed.push((key, Fed::Behind { from }));
                break;
            }
            if feed.credit <= 0 {
                break;
            }
            if filter.steps() >= until {
                self.unfinished.push_back(key);
                break;
            }
            let portion = portion(recent, from, filter, until, &mut feed.credit);
            feed.given = last_of(&portion.events).unwrap_or(feed.given);
            feed.state = match portion.next {
                Some(from) => State::Stalled { from },
                None => State::Live {
                    from: from.max(recent.next()),
                },
            };
            let through = portion.next.unwrap_or(recent.next()) - 1;
            let events = portion.events.into();
            fed.push((key, Fed::Events { events, through }));
        }
        if matches!(feed.state, State::Live { .. }) {
            group.filter = None;
        }
        fed
    }
}

/// Events for a feed, and where to go on; `None`: these are all.
struct Portion {
    events: Vec<Arc<Framed>>,
    next: Option<Sequence>,
}

/// The next events from memory, until there is no more credit, or no more time.
fn portion(
    recent: &Recent,
    from: Sequence,
    filter: &mut TypeFilter,
    until: usize,
    credit: &mut i64,
) -> Portion {
    let mut events = Vec::new();
    let mut next = None;
    for framed in recent.from(from) {
        let event = &framed.event;
        if filter.steps() >= until {
            next = Some(event.sequence);
            break;
        }
        if !filter.wants(&event.event_type) {
            continue;
        }
        if *credit <= 0 || events.len() == PORTION {
            next = Some(event.sequence);
            break;
        }
        *credit -= i64::try_from(event.bytes()).unwrap_or(i64::MAX);
        events.push(framed.clone());
    }
    Portion { events, next }
}

fn last_of(events: &[Arc<Framed>]) -> Option<Sequence> {
    events.last().map(|event| event.event.sequence)
}

/// As many of the events as there is credit for, and the first that has to wait.
fn take<'a>(
    events: impl Iterator<Item = &'a Arc<Framed>>,
    credit: &mut i64,
) -> (Vec<Arc<Framed>>, Option<Sequence>) {
    let mut taken = Vec::new();
    for event in events {
        if *credit <= 0 {
            return (taken, Some(event.event.sequence));
        }
        *credit -= i64::try_from(event.event.bytes()).unwrap_or(i64::MAX);
        taken.push(event.clone());
    }
    (taken, None)
}

#[cfg(test)]
mod tests;
