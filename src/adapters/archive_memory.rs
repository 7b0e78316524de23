//! An archive that forgets everything at exit and fails when told to.

mod contents;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, FutureExt, pending, ready};

use crate::domain::compaction_summary::StreamHead;
use crate::domain::event::{Event, EventId, Sequence, Snapshot};
use crate::domain::event_lists::{EventTypeEntry, StreamEntry};
use crate::domain::ids::{MessageId, Position, StreamId};
use crate::domain::message::Status;
use crate::logic::event_query::EventQuery;
use crate::logic::name_query::NameQuery;
use crate::logic::ownership::{ArchiveStanding, Claim, Claimed};
use crate::logic::page::{Filling, MOST_BYTES, Page};
use crate::logic::projection::Batch;
use crate::ports::archive::{
    Age, ArchiveError, ArchiveReader, ArchiveWriter, ArchivedDeadEvent, ArchivedMessage,
    ArchivedStream, Census, DeadEventQuery, DeadLetterArchive, DeadLetterCounts, DeadLetterQuery,
    EventArchive, MessageArchive, MessageQuery, StreamArchive,
};
use contents::{Contents, age};

#[derive(Default)]
pub(crate) struct MemoryArchive {
    contents: Mutex<Contents>,
}

impl MemoryArchive {
    /// From now on every call fails, or none.
    pub(crate) fn set_unavailable(&self, unavailable: bool) {
        self.lock().unavailable = unavailable;
    }

    /// Somebody puts a new one in its place.
    pub(crate) fn empty(&self) {
        *self.lock() = Contents::default();
    }

    /// From now on it answers, but cannot be written to, or it can.
    pub(crate) fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// From now on nobody who looks at it or writes gets an answer, or everybody does.
    pub(crate) fn set_stuck(&self, stuck: bool) {
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

impl ArchiveReader for MemoryArchive {
    fn standing(&self) -> BoxFuture<'_, Result<ArchiveStanding, ArchiveError>> {
        self.answer(|contents| Ok(contents.standing))
    }
}

impl ArchiveWriter for MemoryArchive {
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
        self.answer(|contents| match contents.full {
            true => Err(ArchiveError::Unavailable("no room".to_owned())),
            false => contents.apply(&batch),
        })
    }

    fn look(&self) -> BoxFuture<'_, Result<ArchiveStanding, ArchiveError>> {
        let stuck = self.lock().stuck;
        if stuck {
            return pending().boxed();
        }
        self.answer(|contents| Ok(contents.standing))
    }

    fn census(&self) -> BoxFuture<'_, Result<Census, ArchiveError>> {
        self.answer(|contents| {
            let mut census = Census {
                messages: contents.rows.len() as u64,
                events: contents.events.len() as u64,
                dead_events: contents.dead_events.len() as u64,
                ..Census::default()
            };
            let rows = contents.rows.values();
            for row in rows.filter(|row| row.state.status() == Status::Failed) {
                *census.failed.entry(row.state).or_default() += 1;
            }
            Ok(census)
        })
    }
}

impl MessageArchive for MemoryArchive {
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
            let found = found.into_iter().cloned().map(|row| row.with(query.detail));
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
}

impl DeadLetterArchive for MemoryArchive {
    fn dead_letters_after(
        &self,
        query: DeadLetterQuery,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Position, MessageId)>, ArchiveError>> {
        self.answer(|contents| {
            let mut places = contents.dead_letter_places(&query);
            places.retain(|(position, _)| *position > after);
            places.truncate(limit);
            Ok(places)
        })
    }

    fn count_dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<u64, ArchiveError>> {
        self.answer(|contents| Ok(contents.dead_letter_places(&query).len() as u64))
    }

    fn dead_letter_counts(&self) -> BoxFuture<'_, Result<DeadLetterCounts, ArchiveError>> {
        self.answer(|contents| {
            let mut counts = DeadLetterCounts::default();
            for row in contents.rows.values().filter(|row| row.dead_letter) {
                let destination = row.message.destination.clone();
                *counts.by_destination.entry(destination).or_default() += 1;
                counts.total += 1;
            }
            for dead_event in contents.dead_events.values() {
                let subscriber = dead_event.service.clone();
                *counts.by_destination.entry(subscriber).or_default() += 1;
                counts.total += 1;
            }
            Ok(counts)
        })
    }

    fn dead_event(
        &self,
        id: MessageId,
    ) -> BoxFuture<'_, Result<Option<ArchivedDeadEvent>, ArchiveError>> {
        self.answer(|contents| {
            let mut dead_events = contents.archived_dead_events();
            Ok(dead_events.find(|archived| archived.dead_event.id == id))
        })
    }

    fn dead_events(
        &self,
        query: DeadEventQuery,
    ) -> BoxFuture<'_, Result<Page<ArchivedDeadEvent>, ArchiveError>> {
        self.answer(|contents| {
            let newest_first = contents.archived_dead_events().rev();
            let found = newest_first.filter(|archived| query.matches(archived));
            Ok(page(
                found,
                query.limit,
                MOST_BYTES,
                ArchivedDeadEvent::bytes,
            ))
        })
    }
}

impl EventArchive for MemoryArchive {
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

    fn event_types(
        &self,
        query: NameQuery,
    ) -> BoxFuture<'_, Result<Page<EventTypeEntry>, ArchiveError>> {
        self.answer(|contents| Ok(contents.event_types(&query)))
    }
}

impl StreamArchive for MemoryArchive {
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

    fn streams(&self, query: NameQuery) -> BoxFuture<'_, Result<Page<StreamEntry>, ArchiveError>> {
        self.answer(|contents| Ok(contents.streams(&query)))
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
