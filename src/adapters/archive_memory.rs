//! An archive that forgets everything at exit and fails when told to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, FutureExt, pending, ready};

use crate::domain::carried::StreamHead;
use crate::domain::event::{Event, EventId, Sequence, Snapshot, StreamId};
use crate::domain::fact::MessagesRemoved;
use crate::domain::ids::{MessageId, Position};
use crate::domain::message::State;
use crate::domain::subscription::EventLetter;
use crate::logic::ownership::{Claim, Claimed, Standing, Verdict};
use crate::logic::page::{Filling, MOST_BYTES, Page};
use crate::logic::projection::{Batch, Change, LetterChange, Opening};
use crate::ports::archive::{
    Age, Archive, ArchiveError, ArchivedLetter, ArchivedMessage, ArchivedStream, Census,
    DeadLetterCounts, DeadLetterQuery, EventQuery, LetterQuery, MessageQuery,
};

#[derive(Default)]
pub struct MemoryArchive {
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    unavailable: bool,
    stuck: bool,
    standing: Standing,
    rows: HashMap<MessageId, ArchivedMessage>,
    events: BTreeMap<Sequence, Arc<Event>>,
    snapshots: Vec<Arc<Snapshot>>,
    letters: BTreeMap<Position, Arc<EventLetter>>,
}

impl MemoryArchive {
    /// From now on every call fails, or none.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.lock().unavailable = unavailable;
    }

    /// From now on nobody who looks at it or writes gets an answer, or everybody does.
    pub fn set_stuck(&self, stuck: bool) {
        self.lock().stuck = stuck;
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Contents) -> Result<T, ArchiveError>,
    ) -> BoxFuture<'_, Result<T, ArchiveError>> {
        let mut contents = self.lock();
        let answer = if contents.unavailable {
            Err(ArchiveError::Unavailable("switched off".to_owned()))
        } else {
            work(&mut contents)
        };
        ready(answer).boxed()
    }
}

impl Archive for MemoryArchive {
    fn standing(&self) -> BoxFuture<'_, Result<Standing, ArchiveError>> {
        self.answer(|contents| Ok(contents.standing))
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, ArchiveError>> {
        self.answer(|contents| {
            if contents.stuck {
                return Err(ArchiveError::Unavailable("no answer in time".to_owned()));
            }
            let standing = &mut contents.standing;
            let writer = standing.admit(&claim).map_err(ArchiveError::Denied)?;
            standing.writer = Some(writer);
            let checkpoint = standing.checkpoint;
            Ok(Claimed { writer, checkpoint })
        })
    }

    fn apply(&self, batch: Arc<Batch>) -> BoxFuture<'_, Result<(), ArchiveError>> {
        if self.lock().stuck {
            return pending().boxed();
        }
        self.answer(|contents| contents.apply(&batch))
    }

    fn look(&self) -> BoxFuture<'_, Result<(), ArchiveError>> {
        let stuck = self.lock().stuck;
        if stuck {
            return pending().boxed();
        }
        self.answer(|_| Ok(()))
    }

    fn census(&self) -> BoxFuture<'_, Result<Census, ArchiveError>> {
        self.answer(|contents| {
            let mut census = Census {
                events: contents.events.len() as u64,
                event_letters: contents.letters.len() as u64,
                ..Census::default()
            };
            for row in contents.rows.values() {
                *census.messages.entry(row.state).or_default() += 1;
            }
            Ok(census)
        })
    }

    fn message(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedMessage>, ArchiveError>> {
        self.answer(|contents| Ok(contents.rows.get(&id).cloned()))
    }

    fn messages_by_id(
        &self,
        ids: Vec<MessageId>,
    ) -> BoxFuture<'_, Result<Vec<ArchivedMessage>, ArchiveError>> {
        self.answer(|contents| {
            let found = ids.iter().filter_map(|id| contents.rows.get(id));
            Ok(found.cloned().collect())
        })
    }

    fn messages(
        &self,
        query: MessageQuery,
    ) -> BoxFuture<'_, Result<Page<ArchivedMessage>, ArchiveError>> {
        self.answer(|contents| {
            let mut found: Vec<_> = contents.matching(&query).collect();
            found.sort_by_key(|row| std::cmp::Reverse(row.position));
            let found = found.into_iter().cloned();
            Ok(page(found, query.limit, MOST_BYTES, ArchivedMessage::bytes))
        })
    }

    fn ids_after(
        &self,
        query: MessageQuery,
        after: Position,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>> {
        self.answer(|contents| {
            let found = contents.matching(&query).filter(|row| row.position > after);
            let mut ids: Vec<_> = found.map(|row| (row.position, row.message.id)).collect();
            ids.sort_unstable();
            ids.truncate(query.limit);
            Ok(ids)
        })
    }

    fn ages_after(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Age>, ArchiveError>> {
        self.answer(|contents| {
            let rows = contents.rows.values();
            let rows = rows.filter(|row| row.position > after);
            let mut ages: Vec<_> = rows.map(age).collect();
            ages.sort_unstable_by_key(|age| age.position);
            ages.truncate(limit);
            Ok(ages)
        })
    }

    fn dead_letters_after(
        &self,
        query: DeadLetterQuery,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>> {
        self.answer(|contents| {
            let mut places = contents.letter_places(&query);
            places.retain(|(position, _)| *position > after);
            places.truncate(limit);
            Ok(places)
        })
    }

    fn count_dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<u64, ArchiveError>> {
        self.answer(|contents| Ok(contents.letter_places(&query).len() as u64))
    }

    fn dead_letter_counts(&self) -> BoxFuture<'_, Result<DeadLetterCounts, ArchiveError>> {
        self.answer(|contents| {
            let mut counts = DeadLetterCounts::default();
            for row in contents.rows.values().filter(|row| row.dead_letter) {
                let destination = row.message.destination.clone();
                *counts.by_destination.entry(destination).or_default() += 1;
                counts.total += 1;
            }
            for letter in contents.letters.values() {
                let subscriber = letter.service.clone();
                *counts.by_destination.entry(subscriber).or_default() += 1;
                counts.total += 1;
            }
            Ok(counts)
        })
    }

    fn events_by_id(&self, ids: Vec<EventId>) -> BoxFuture<'_, Result<Vec<Event>, ArchiveError>> {
        self.answer(|contents| {
            let with_id = |id| contents.events.values().find(|event| event.id == id);
            let found = ids.into_iter().filter_map(with_id);
            Ok(found.map(|event| Event::clone(event)).collect())
        })
    }

    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Page<Event>, ArchiveError>> {
        self.answer(|contents| {
            let found = contents.events(&query).map(|event| Event::clone(event));
            let bytes = query.page_bytes();
            Ok(page(found, query.limit, bytes, Event::bytes))
        })
    }

    fn sequences(&self, query: EventQuery) -> BoxFuture<'_, Result<Vec<Sequence>, ArchiveError>> {
        self.answer(|contents| {
            let found = contents.events(&query).take(query.limit);
            Ok(found.map(|event| event.sequence).collect())
        })
    }

    fn stream(&self, id: StreamId) -> BoxFuture<'_, Result<Option<ArchivedStream>, ArchiveError>> {
        self.answer(|contents| Ok(contents.stream(&id)))
    }

    fn snapshot(
        &self,
        stream: StreamId,
        version: u64,
    ) -> BoxFuture<'_, Result<Option<Snapshot>, ArchiveError>> {
        self.answer(|contents| {
            let of_stream = contents
                .snapshots
                .iter()
                .filter(|snapshot| snapshot.stream_id == stream && snapshot.version <= version);
            let newest = of_stream.max_by_key(|snapshot| snapshot.version);
            Ok(newest.map(|snapshot| Snapshot::clone(snapshot)))
        })
    }

    fn streams_before(
        &self,
        sequence: Sequence,
    ) -> BoxFuture<'_, Result<Vec<StreamHead>, ArchiveError>> {
        self.answer(|contents| {
            let mut heads = BTreeMap::new();
            for (_, event) in contents.events.range(..sequence) {
                if let Some(place) = &event.stream {
                    heads.insert(place.id.clone(), place.version);
                }
            }
            let heads = heads.into_iter();
            Ok(heads
                .map(|(id, version)| StreamHead { id, version })
                .collect())
        })
    }

    fn event_letter(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedLetter>, ArchiveError>> {
        self.answer(|contents| {
            let mut letters = contents.archived_letters();
            Ok(letters.find(|archived| archived.letter.id == id))
        })
    }

    fn event_letters(
        &self,
        query: LetterQuery,
    ) -> BoxFuture<'_, Result<Page<ArchivedLetter>, ArchiveError>> {
        self.answer(|contents| {
            let newest_first = contents.archived_letters().rev();
            let found = newest_first.filter(|archived| query.matches(archived));
            Ok(page(found, query.limit, MOST_BYTES, ArchivedLetter::bytes))
        })
    }
}

impl Contents {
    fn matching<'a>(
        &'a self,
        query: &'a MessageQuery,
    ) -> impl Iterator<Item = &'a ArchivedMessage> {
        self.rows.values().filter(|row| query.matches(row))
    }

    fn letter_places(&self, query: &DeadLetterQuery) -> Vec<(Position, MessageId)> {
        let mut places = Vec::new();
        if let Some(query) = &query.messages {
            let found = self.matching(query);
            places.extend(found.map(|row| (row.position, row.message.id)));
        }
        if let Some(query) = &query.events {
            let found = self.archived_letters().filter(|one| query.matches(one));
            places.extend(found.map(|one| (one.position, one.letter.id)));
        }
        places.sort_unstable();
        places
    }

    /// Those that match, in the order asked for, however many.
    fn events<'a>(
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

    fn apply(&mut self, batch: &Batch) -> Result<(), ArchiveError> {
        let checkpoint = self.standing.checkpoint;
        match self.standing.judge(batch) {
            Verdict::Write => {}
            Verdict::Held => return Ok(()),
            Verdict::OutOfStep => return Err(ArchiveError::OutOfStep { checkpoint }),
            Verdict::Denied(denial) => return Err(ArchiveError::Denied(denial)),
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
        for letter in &batch.letters {
            self.change_letter(letter);
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

    fn change_letter(&mut self, change: &LetterChange) {
        let id = match change {
            LetterChange::Dead { letter, .. } => letter.id,
            LetterChange::Gone(id) => *id,
        };
        self.letters.retain(|_, letter| letter.id != id);
        if let LetterChange::Dead { position, letter } = change {
            self.letters.insert(*position, letter.clone());
        }
    }

    fn archived_letters(&self) -> impl DoubleEndedIterator<Item = ArchivedLetter> {
        self.letters
            .iter()
            .map(|(position, letter)| ArchivedLetter {
                position: *position,
                letter: EventLetter::clone(letter),
            })
    }

    fn stream(&self, id: &StreamId) -> Option<ArchivedStream> {
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

    fn change(&mut self, change: &Change) {
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

fn age(row: &ArchivedMessage) -> Age {
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

fn page<T>(
    found: impl Iterator<Item = T>,
    limit: usize,
    most_bytes: usize,
    bytes: impl Fn(&T) -> usize,
) -> Page<T> {
    let mut filling = Filling::new(limit, most_bytes);
    for item in found {
        let size = bytes(&item);
        if !filling.add(item, size) {
            break;
        }
    }
    filling.finish()
}
