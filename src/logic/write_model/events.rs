//! The order of events: their sequence, the versions of their streams, and the ids their
//! publishers chose.

use std::sync::Arc;

use ahash::AHashMap;
use uuid::Uuid;

use crate::domain::compaction_summary::{CompactionSummary, KnownId};
use crate::domain::event::{Event, ExpectedVersion, Sequence};
use crate::domain::fact::Fact;
use crate::domain::fact::event::EventFact;
use crate::domain::ids::StreamId;
use crate::domain::message::Fingerprint;
use crate::domain::moment::LONGEST_LIFT;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::dedup::{DedupVerdict, DedupWindow};

/// What the journal says of events.
#[derive(Debug)]
pub(super) struct EventWriteModel {
    last_sequence: Sequence,
    last_published_at: Timestamp,
    /// The version of each stream's last event.
    streams: AHashMap<StreamId, u64>,
    window: DedupWindow,
}

impl EventWriteModel {
    pub(super) fn new(window: DedupWindow) -> Self {
        Self {
            last_sequence: 0,
            last_published_at: Timestamp::default(),
            streams: AHashMap::new(),
            window,
        }
    }

    /// Learns from a fact that is in the journal.
    pub(super) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Event(EventFact::EventPublished(event)) => self.learn(event),
            Fact::CompactionSummary(summary) => self.restore(summary),
            _ => {}
        }
    }

    fn learn(&mut self, event: &Event) {
        self.last_sequence = self.last_sequence.max(event.sequence);
        self.last_published_at = event.published_at;
        if let Some(place) = &event.stream {
            self.streams.insert(place.id.clone(), place.version);
        }
        if let Some(fingerprint) = event.fingerprint() {
            self.window.remember(KnownId {
                id: event.id.0,
                fingerprint,
                at: event.published_at,
                end: None,
            });
        }
    }

    fn restore(&mut self, summary: &CompactionSummary) {
        self.last_sequence = self.last_sequence.max(summary.last_sequence);
        self.last_published_at = self.last_published_at.max(summary.last_published_at);
        for head in &summary.streams {
            self.streams.insert(head.id.clone(), head.version);
        }
        let known = summary.known_event_ids.iter().copied();
        self.window.restore(known, summary.event_window_overflowed);
    }

    /// Whether the dedup window of events ever forgot an id.
    pub(super) fn window_overflowed(&self) -> bool {
        self.window.overflowed()
    }

    /// As [`super::WriteModel::check`].
    pub(super) fn check(&self) -> usize {
        // A stream numbers its events without a gap, and each of them has a sequence of its own.
        let of_streams: u64 = self.streams.values().sum();
        assert!(
            of_streams <= self.last_sequence,
            "versions are of events published"
        );
        self.window.check() + self.streams.len()
    }

    /// Begins to choose the events of one batch, `now` by the system's clock. Their time never
    /// falls as long as that clock is set back by a little; one that was far ahead was wrong, and
    /// waiting for it would make the times of all that follow wrong, too.
    pub(super) fn draft(&mut self, now: Timestamp) -> EventDraft<'_> {
        self.window.forget_aged(now);
        let last = self.last_published_at;
        EventDraft {
            published_at: match last.since(now) > LONGEST_LIFT {
                true => now,
                false => now.max(last),
            },
            last_sequence: self.last_sequence,
            write_model: self,
            streams: AHashMap::new(),
            ids: AHashMap::new(),
            steps: Vec::new(),
        }
    }
}

/// An event that somebody wants published.
#[derive(Clone, PartialEq, Debug)]
pub struct Offered {
    /// Without a place yet: its sequence and version are 0.
    pub event: Event,
    /// What its publisher expects of its stream; `None`: anything.
    pub expected_version: Option<ExpectedVersion>,
    /// Why it is not taken, unless it is a repeat.
    pub refusal_if_new: Option<Refusal>,
}

/// What becomes of an event that was offered.
#[derive(Clone, PartialEq, Debug)]
pub enum Publication {
    /// It has its place, and is to be recorded.
    Published(Arc<Event>),
    /// Known already, with the same content.
    Duplicate,
    /// It takes no place, and whoever offered it is told why.
    Refused(Refusal),
}

/// The events chosen for a batch that is not written yet, on top of the write model.
pub struct EventDraft<'a> {
    write_model: &'a EventWriteModel,
    /// The time of the whole batch.
    published_at: Timestamp,
    last_sequence: Sequence,
    streams: AHashMap<StreamId, u64>,
    ids: AHashMap<Uuid, Fingerprint>,
    /// One for each event chosen, so that the newest can be taken back.
    steps: Vec<Step>,
}

struct Step {
    /// With its version in the draft before, if it had one there.
    stream: Option<(StreamId, Option<u64>)>,
    id: Option<Uuid>,
}

/// How far a draft is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark(usize);

impl EventDraft<'_> {
    /// Gives the event its place, unless it is a repeat or may not come. A repeat is told before
    /// anything that was expected of the stream: it was met once.
    ///
    /// Refuses with [`Refusal::OtherContent`], [`Refusal::VersionConflict`] and what was given as
    /// the refusal of a new one; a refused event takes no place.
    pub fn publish(&mut self, offered: Offered) -> Publication {
        match self.judge(&offered.event) {
            DedupVerdict::SameContent => return Publication::Duplicate,
            DedupVerdict::OtherContent => return Publication::Refused(Refusal::OtherContent),
            DedupVerdict::New => {}
        }
        if let Some(refusal) = offered.refusal_if_new {
            return Publication::Refused(refusal);
        }
        let stream = offered.event.stream.as_ref();
        let current = stream.map_or(0, |place| self.version(&place.id));
        if let Some(expected) = offered.expected_version
            && !expected.is_met_by(current)
        {
            let expected = expected.number();
            return Publication::Refused(Refusal::VersionConflict { expected, current });
        }
        Publication::Published(self.append(offered.event))
    }

    /// Gives the event its place, whatever it is.
    pub fn append(&mut self, mut event: Event) -> Arc<Event> {
        self.last_sequence += 1;
        event.sequence = self.last_sequence;
        event.published_at = self.published_at;
        let mut step = Step {
            stream: None,
            id: None,
        };
        if let Some(place) = &mut event.stream {
            place.version = self.version(&place.id) + 1;
            let before = self.streams.insert(place.id.clone(), place.version);
            step.stream = Some((place.id.clone(), before));
        }
        if let Some(fingerprint) = event.fingerprint() {
            self.ids.insert(event.id.0, fingerprint);
            step.id = Some(event.id.0);
        }
        self.steps.push(step);
        Arc::new(event)
    }

    /// The version of a stream's last event; 0: there is none.
    pub fn version(&self, stream: &StreamId) -> u64 {
        let drafted = self.streams.get(stream);
        let known = drafted.or_else(|| self.write_model.streams.get(stream));
        known.copied().unwrap_or(0)
    }

    /// To come back to with [`EventDraft::roll_back`].
    pub fn mark(&self) -> Mark {
        Mark(self.steps.len())
    }

    /// Takes back every event chosen since then: their sequences and versions are free again.
    pub fn roll_back(&mut self, Mark(length): Mark) {
        while self.steps.len() > length
            && let Some(step) = self.steps.pop()
        {
            self.last_sequence -= 1;
            match step.stream {
                Some((stream, Some(before))) => drop(self.streams.insert(stream, before)),
                Some((stream, None)) => drop(self.streams.remove(&stream)),
                None => {}
            }
            if let Some(id) = step.id {
                self.ids.remove(&id);
            }
        }
    }

    fn judge(&self, event: &Event) -> DedupVerdict {
        let Some(fingerprint) = event.fingerprint() else {
            return DedupVerdict::New;
        };
        match self.ids.get(&event.id.0) {
            Some(other) if *other == fingerprint => DedupVerdict::SameContent,
            Some(_) => DedupVerdict::OtherContent,
            None => self.write_model.window.compare(event.id.0, fingerprint),
        }
    }
}

#[cfg(test)]
mod tests;
