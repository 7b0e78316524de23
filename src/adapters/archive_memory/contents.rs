//! What the archive has, and how a batch changes it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::event::{Event, Sequence, Snapshot};
use crate::domain::event_lists::{EventTypeEntry, MOST_OF_A_TYPE, StreamEntry};
use crate::domain::fact::message::MessagesRemoved;
use crate::domain::ids::{MessageId, Position, StreamId};
use crate::domain::message::State;
use crate::domain::subscription::DeadEvent;
use crate::logic::event_query::EventQuery;
use crate::logic::name_query::NameQuery;
use crate::logic::ownership::{ArchiveStanding, BatchVerdict};
use crate::logic::page::Page;
use crate::logic::projection::{Batch, DeadEventChange, MessageChange, Opening};
use crate::ports::archive::{
    Age, ArchiveError, ArchivedDeadEvent, ArchivedMessage, ArchivedStream, DeadLetterQuery,
    MessageQuery,
};

#[derive(Default)]
pub(super) struct Contents {
    pub(super) unavailable: bool,
    pub(super) stuck: bool,
    /// It answers, but nothing can be written.
    pub(super) full: bool,
    pub(super) standing: ArchiveStanding,
    pub(super) rows: HashMap<MessageId, ArchivedMessage>,
    pub(super) events: BTreeMap<Sequence, Arc<Event>>,
    pub(super) snapshots: Vec<Arc<Snapshot>>,
    pub(super) dead_events: BTreeMap<Position, Arc<DeadEvent>>,
}

impl Contents {
    pub(super) fn matching<'a>(
        &'a self,
        query: &'a MessageQuery,
    ) -> impl Iterator<Item = &'a ArchivedMessage> {
        self.rows.values().filter(|row| query.matches(row))
    }

    pub(super) fn dead_letter_places(&self, query: &DeadLetterQuery) -> Vec<(Position, MessageId)> {
        let mut places = Vec::new();
        if let Some(query) = &query.messages {
            let found = self.matching(query);
            places.extend(found.map(|row| (row.position, row.message.id)));
        }
        if let Some(query) = &query.events {
            let found = self.archived_dead_events().filter(|one| query.matches(one));
            places.extend(found.map(|one| (one.position, one.dead_event.id)));
        }
        places.sort_unstable();
        places
    }

    /// Those that match, in the order asked for, however many.
    pub(super) fn events<'a>(
        &'a self,
        query: &'a EventQuery,
    ) -> Box<dyn Iterator<Item = &'a Arc<Event>> + 'a> {
        let found = self.events.values().filter(|event| query.matches(event));
        if query.descending {
            Box::new(found.rev())
        } else {
            Box::new(found)
        }
    }

    pub(super) fn apply(&mut self, batch: &Batch) -> Result<(), ArchiveError> {
        let checkpoint = self.standing.checkpoint;
        match self.standing.judge(batch) {
            BatchVerdict::Write => {}
            BatchVerdict::Held => return Ok(()),
            BatchVerdict::OutOfStep => return Err(ArchiveError::OutOfStep { checkpoint }),
            BatchVerdict::Denied(denial) => return Err(ArchiveError::Denied(denial)),
        }
        for change in &batch.changes {
            self.change(change);
        }
        for event in &batch.events {
            self.events.insert(event.sequence, event.clone());
        }
        self.snapshots.extend(batch.snapshots.iter().cloned());
        if let Some(before) = batch.removed_before {
            self.events = self.events.split_off(&before);
        }
        for snapshot in &batch.snapshots {
            self.drop_superseded(&snapshot.stream_id);
        }
        for removed in &batch.removed_messages {
            self.rows.retain(|_, row| !goes(row, removed));
        }
        for dead_event in &batch.dead_events {
            self.change_dead_event(dead_event);
        }
        self.standing.checkpoint = batch.through;
        Ok(())
    }

    /// Those that no state of the stream can begin with any more.
    fn drop_superseded(&mut self, stream: &StreamId) {
        let places = self
            .events
            .values()
            .filter_map(|event| event.stream.as_ref());
        let kept = places.filter(|place| place.id == *stream);
        let first_kept = kept.map(|place| place.version).min();
        let of_stream = self.snapshots.iter();
        let of_stream = of_stream.filter(|snapshot| snapshot.stream_id == *stream);
        let covering = of_stream
            .map(|snapshot| snapshot.version)
            .filter(|version| first_kept.is_none_or(|first| *version < first))
            .max();
        self.snapshots.retain(|snapshot| {
            snapshot.stream_id != *stream || covering.is_none_or(|one| snapshot.version >= one)
        });
    }

    fn change_dead_event(&mut self, change: &DeadEventChange) {
        let id = match change {
            DeadEventChange::Dead { dead_event, .. } => dead_event.id,
            DeadEventChange::Gone(id) => *id,
        };
        self.dead_events.retain(|_, dead_event| dead_event.id != id);
        if let DeadEventChange::Dead {
            position,
            dead_event,
        } = change
        {
            self.dead_events.insert(*position, dead_event.clone());
        }
    }

    pub(super) fn archived_dead_events(
        &self,
    ) -> impl DoubleEndedIterator<Item = ArchivedDeadEvent> {
        self.dead_events
            .iter()
            .map(|(position, dead_event)| ArchivedDeadEvent {
                position: *position,
                dead_event: DeadEvent::clone(dead_event),
                payload_head: None,
            })
    }

    pub(super) fn stream(&self, id: &StreamId) -> Option<ArchivedStream> {
        let is_of =
            |event: &&Arc<Event>| event.stream.as_ref().is_some_and(|place| place.id == *id);
        let events: Vec<_> = self.events.values().filter(is_of).collect();
        let snapshots = self.snapshots.iter();
        let snapshots = snapshots.filter(|snapshot| snapshot.stream_id == *id);
        let versions = events
            .iter()
            .filter_map(|event| Some(event.stream.as_ref()?.version));
        Some(ArchivedStream {
            version: versions.chain(snapshots.map(|one| one.version)).max()?,
            count: events.len() as u64,
            first_at: events.first().map(|event| event.published_at),
            last_at: events.last().map(|event| event.published_at),
        })
    }

    pub(super) fn streams(&self, query: &NameQuery) -> Page<StreamEntry> {
        let mut found = BTreeMap::<_, StreamEntry>::new();
        for event in self.events.values() {
            let Some(place) = event.stream.as_ref() else {
                continue;
            };
            let count = found.get(&place.id).map_or(0, |entry| entry.count) + 1;
            let entry = StreamEntry {
                id: place.id.clone(),
                version: place.version,
                count,
                last_at: event.published_at,
            };
            found.insert(place.id.clone(), entry);
        }
        let found = found.into_values();
        Page::begin(
            found.filter(|one| query.matches(one.id.as_str())),
            query.limit,
        )
    }

    pub(super) fn event_types(&self, query: &NameQuery) -> Page<EventTypeEntry> {
        let mut found = BTreeMap::<_, EventTypeEntry>::new();
        for event in self.events.values() {
            let count = found.get(&event.event_type).map_or(0, |entry| entry.count) + 1;
            let entry = EventTypeEntry {
                event_type: event.event_type.clone(),
                count: count.min(MOST_OF_A_TYPE),
                last_at: event.published_at,
            };
            found.insert(event.event_type.clone(), entry);
        }
        let found = found.into_values();
        let meant = found.filter(|one| query.matches(one.event_type.as_str()));
        Page::begin(meant, query.limit)
    }

    fn change(&mut self, change: &MessageChange) {
        if change.is_deleted {
            self.rows.remove(&change.id);
        }
        if let Some(opening) = &change.opening {
            self.open(change.id, opening);
        }
        let Some(row) = self.rows.get_mut(&change.id) else {
            return;
        };
        row.attempts.extend(change.attempts.iter().cloned());
        row.delivery_attempts += change.delivery_attempts;
        row.dead_letter = change.dead_letter.unwrap_or(row.dead_letter);
        if let Some(end) = change.end {
            row.state = end.state;
            row.settled_at = Some(end.at);
            row.reason = end.reason;
        }
    }

    /// The row as it is before anything else happens to the message.
    fn open(&mut self, id: MessageId, opening: &Opening) {
        let before = self.rows.remove(&id).filter(|_| !opening.is_new);
        let position = before.as_ref().map_or(opening.position, |row| row.position);
        let row = ArchivedMessage {
            position,
            message: opening.opened.message().clone(),
            payload_head: None,
            state: State::Queued,
            settled_at: None,
            reason: None,
            attempts: before.map_or_else(Vec::new, |row| row.attempts),
            delivery_attempts: 0,
            redriven: opening.opened.times_redriven(),
            dead_letter: false,
        };
        self.rows.insert(id, row);
    }
}

pub(super) fn age(row: &ArchivedMessage) -> Age {
    Age {
        position: row.position,
        accepted_at: row.message.accepted_at,
        settled_at: row.settled_at,
        dead_letter: row.dead_letter,
    }
}

fn goes(row: &ArchivedMessage, removed: &MessagesRemoved) -> bool {
    let is_old = row.settled_at.is_some_and(|at| at < removed.settled_before);
    let is_meant = row.position > removed.after && row.position <= removed.through;
    is_meant && is_old && !row.dead_letter
}
