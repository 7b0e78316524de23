//! The subscriptions as the journal says, and as they will be when what was sent there is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::circuit::{CircuitChanged, CircuitName, Origin};
use crate::domain::fact::Fact;
use crate::domain::ids::{JobId, Label, MessageId, ServiceName};
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{Channel, EventLetter, Replay, Subscription, SubscriptionId};

use super::positions::Positions;

/// Every subscription, with what it is owed beside its live events.
#[derive(Default)]
pub struct Roster {
    entries: BTreeMap<SubscriptionId, Entry>,
    /// Apart from the entries, since a compaction may leave a position before its subscription.
    pub positions: Positions,
    /// Dead letters to be sent again.
    letters: BTreeMap<MessageId, Arc<EventLetter>>,
    replays: BTreeMap<JobId, Arc<Replay>>,
    /// The circuits that stand as somebody forced them.
    forced: BTreeMap<Origin, Arc<CircuitChanged>>,
}

struct Entry {
    /// As it will be.
    wanted: Arc<Subscription>,
    /// As the journal says.
    present: Option<Arc<Subscription>>,
    is_leaving: bool,
}

/// What a fact changed.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A subscription is new, or another than it was.
    Put(SubscriptionId),
    Removed(SubscriptionId),
    Letter(Arc<EventLetter>),
    Replay(Arc<Replay>),
}

impl Roster {
    /// Takes in what the journal says.
    pub fn learn(&mut self, fact: &Fact) -> Option<Change> {
        match fact {
            Fact::Subscribed(subscription) => return Some(self.put(subscription)),
            Fact::Unsubscribed(gone) => {
                self.entries.remove(&gone.id);
                self.positions.forget(gone.id);
                return Some(Change::Removed(gone.id));
            }
            Fact::PositionAcked(acked) => self.positions.learn(acked.id, acked.through),
            Fact::EventRedriven(letter) => {
                self.letters.insert(letter.id, letter.clone());
                return Some(Change::Letter(letter.clone()));
            }
            Fact::EventDeadLettered(letter) => drop(self.letters.remove(&letter.id)),
            Fact::EventDelivered(delivered) => drop(self.letters.remove(&delivered.id)),
            Fact::ReplayAdvanced(replay) => return self.replay_advanced(replay),
            Fact::CircuitChanged(changed) => self.circuit_changed(changed),
            _ => {}
        }
        None
    }

    fn put(&mut self, subscription: &Arc<Subscription>) -> Change {
        let id = subscription.id;
        self.positions.learn(id, subscription.after);
        let entry = self.entries.entry(id).or_insert_with(|| Entry {
            wanted: subscription.clone(),
            present: None,
            is_leaving: false,
        });
        entry.present = Some(subscription.clone());
        if entry.wanted.changed_at < subscription.changed_at {
            entry.wanted = subscription.clone();
        }
        Change::Put(id)
    }

    fn replay_advanced(&mut self, replay: &Arc<Replay>) -> Option<Change> {
        if replay.done {
            self.replays.remove(&replay.id);
            return None;
        }
        let before = self.replays.insert(replay.id, replay.clone());
        before.is_none().then(|| Change::Replay(replay.clone()))
    }

    fn circuit_changed(&mut self, changed: &Arc<CircuitChanged>) {
        let CircuitName::Callback(origin) = &changed.circuit else {
            return;
        };
        if changed.forced.is_some() {
            self.forced.insert(origin.clone(), changed.clone());
        } else {
            self.forced.remove(origin);
        }
    }

    /// It will be so once the journal has it.
    pub fn intend(&mut self, subscription: Arc<Subscription>) {
        let entry = self.entries.entry(subscription.id).or_insert(Entry {
            wanted: subscription.clone(),
            present: None,
            is_leaving: false,
        });
        entry.wanted = subscription;
    }

    /// It will be no more once the journal has it; gives the facts that make it so.
    pub fn intend_end(&mut self, id: SubscriptionId) -> (Vec<Arc<EventLetter>>, Vec<Arc<Replay>>) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.is_leaving = true;
        }
        (self.letters_of(id), self.replays_of(id))
    }

    /// As it will be, unless it is about to end.
    pub fn wanted(&self, id: SubscriptionId) -> Option<&Arc<Subscription>> {
        let entry = self.entries.get(&id).filter(|entry| !entry.is_leaving)?;
        Some(&entry.wanted)
    }

    /// As the journal says.
    pub fn present(&self, id: SubscriptionId) -> Option<&Arc<Subscription>> {
        self.entries.get(&id)?.present.as_ref()
    }

    /// All that the journal knows, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.entries
            .values()
            .filter_map(|entry| entry.present.as_ref())
    }

    /// The callback subscription that asks for just this; not the one of the id `but`.
    pub fn same_callback(
        &self,
        but: Option<SubscriptionId>,
        service: &ServiceName,
        event_types: &[Pattern],
        url: &str,
    ) -> Option<&Arc<Subscription>> {
        let types: BTreeSet<_> = event_types.iter().collect();
        self.staying().find(|one| {
            but != Some(one.id)
                && one.service == *service
                && one.callback().is_some_and(|callback| callback.url == url)
                && one.event_types.iter().collect::<BTreeSet<_>>() == types
        })
    }

    /// The subscription of sockets of this name.
    pub fn named(&self, service: &ServiceName, wanted: &Label) -> Option<&Arc<Subscription>> {
        self.staying().find(|one| {
            let is_named = matches!(&one.channel, Channel::Socket { name } if name == wanted);
            one.service == *service && is_named
        })
    }

    fn staying(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        let staying = self.entries.values().filter(|entry| !entry.is_leaving);
        staying.map(|entry| &entry.wanted)
    }

    pub fn letters_of(&self, id: SubscriptionId) -> Vec<Arc<EventLetter>> {
        let letters = self.letters.values();
        letters
            .filter(|letter| letter.subscription_id == id)
            .cloned()
            .collect()
    }

    pub fn replays_of(&self, id: SubscriptionId) -> Vec<Arc<Replay>> {
        let replays = self.replays.values();
        replays
            .filter(|replay| replay.subscription_id == id)
            .cloned()
            .collect()
    }

    /// What is owed to subscriptions that are no more.
    pub fn orphans(&self) -> (Vec<Arc<EventLetter>>, Vec<Arc<Replay>>) {
        let is_gone = |id| !self.entries.contains_key(&id);
        let letters = self.letters.values();
        let letters = letters.filter(|letter| is_gone(letter.subscription_id));
        let replays = self.replays.values();
        let replays = replays.filter(|replay| is_gone(replay.subscription_id));
        (letters.cloned().collect(), replays.cloned().collect())
    }

    /// Where the callbacks lead that the journal knows.
    pub fn origins(&self) -> BTreeSet<Origin> {
        let callbacks = self.all().filter_map(|one| one.callback());
        callbacks.map(|one| Origin::of(&one.url)).collect()
    }

    /// The state somebody forced this circuit into, if it has not left that since.
    pub fn forced(&self, origin: &Origin) -> Option<Arc<CircuitChanged>> {
        self.forced.get(origin).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::wal::samples;

    fn subscription(number: u128) -> Arc<Subscription> {
        match samples::subscribed(number) {
            Fact::Subscribed(subscription) => subscription,
            other => panic!("{other:?}"),
        }
    }

    fn later(subscription: &Subscription, types: &str) -> Arc<Subscription> {
        Arc::new(Subscription {
            event_types: [Pattern::parse(types).unwrap()].into(),
            changed_at: subscription
                .changed_at
                .plus(std::time::Duration::from_secs(1)),
            ..subscription.clone()
        })
    }

    #[test]
    fn a_change_shows_once_it_is_written_and_counts_at_once() {
        let mut roster = Roster::default();
        let first = subscription(1);
        assert_eq!(
            roster.learn(&Fact::Subscribed(first.clone())),
            Some(Change::Put(first.id))
        );
        let second = later(&first, "a.*");
        roster.intend(second.clone());
        assert_eq!(roster.present(first.id), Some(&first));
        assert_eq!(roster.wanted(first.id), Some(&second));
        roster.learn(&Fact::Subscribed(second.clone()));
        assert_eq!(roster.present(first.id), Some(&second));
    }

    #[test]
    fn one_that_is_not_written_yet_is_found_again() {
        let mut roster = Roster::default();
        let new = subscription(1);
        let url = &new.callback().unwrap().url;
        assert!(
            roster
                .same_callback(None, &new.service, &new.event_types, url)
                .is_none()
        );
        roster.intend(new.clone());
        let twice: Vec<_> = new
            .event_types
            .iter()
            .chain(new.event_types.iter())
            .cloned()
            .collect();
        assert_eq!(
            roster.same_callback(None, &new.service, &twice, url),
            Some(&new)
        );
        assert_eq!(roster.all().count(), 0);
        let but = Some(new.id);
        let other = roster.same_callback(but, &new.service, &twice, url);
        assert!(other.is_none());
        roster.intend_end(new.id);
        assert!(roster.wanted(new.id).is_none());
        assert!(
            roster
                .same_callback(None, &new.service, &twice, url)
                .is_none()
        );
    }

    #[test]
    fn a_position_may_come_before_its_subscription() {
        let mut roster = Roster::default();
        let late = subscription(1);
        roster.positions.learn(late.id, 70);
        roster.learn(&Fact::Subscribed(late.clone()));
        assert_eq!(roster.positions.of(late.id), 70);
    }
}
