//! At start: the journal, read from its beginning through the same path as what is new.

use std::fmt;
use std::time::Duration;

use actix::Recipient;
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::actors::messages::Committed;
use crate::domain::fact::Recorded;
use crate::domain::ids::Position;
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::clock_steps::ClockSteps;
use crate::logic::write_model::WriteModel;
use crate::opening::StartError;
use crate::ports::journal::{Cut, Journal, JournalError, Portion, Recovery};

/// How much is handed to the actors at once. The bytes are those in memory.
const BATCH: Portion = Portion {
    records: 1024,
    bytes: 2 << 20,
};
/// Batches read ahead of the actors.
const AHEAD: usize = 8;

/// What the start found.
#[derive(Debug)]
pub(super) struct Recovered {
    recovery: Recovery,
    /// When the latest record was written.
    last_at: Timestamp,
    open: i64,
    took: Duration,
}

impl Recovered {
    pub(super) fn last_position(&self) -> Position {
        self.recovery.last_position
    }

    /// What a torn write left, which was cut off; space reserved ahead is none.
    pub(super) fn torn(&self) -> Option<&Cut> {
        self.recovery.cut.as_ref().filter(|cut| !cut.zeroes)
    }

    pub(super) fn last_at(&self) -> Timestamp {
        self.last_at
    }
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recovery {
            records,
            segments,
            cut,
            ..
        } = &self.recovery;
        let (open, took) = (self.open, self.took);
        write!(
            f,
            "{open} open messages from {records} records in {segments} segments in {took:.1?}"
        )?;
        match cut {
            Some(cut) => write!(f, "; {cut}"),
            None => Ok(()),
        }
    }
}

/// Records that are of one time: the system's clock was set by the same since they were stamped.
type Batch = (Vec<Recorded>, i64);

/// Replays on another thread, as fast as the actors take it in.
pub(super) async fn replay(
    mut journal: Box<dyn Journal>,
    mut write_model: WriteModel,
    actors: &[Recipient<Committed>],
    at: Moment,
) -> Result<(Box<dyn Journal>, WriteModel, Recovered), StartError> {
    let started = Instant::now();
    let (sender, mut batches) = mpsc::channel::<Batch>(AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        let (recovery, last_at) = read(&mut *journal, &mut write_model, sender, at.wall)?;
        Ok::<_, JournalError>((journal, write_model, recovery, last_at))
    });
    while let Some((records, set_since)) = batches.recv().await {
        let committed = Committed {
            records: records.into(),
            at,
            replay: true,
            set_since,
        };
        let taken = actors.iter().map(|actor| actor.send(committed.clone()));
        for result in join_all(taken).await {
            result.map_err(|error| StartError::Internal(format!("replay: {error}")))?;
        }
    }
    let read = reading
        .await
        .map_err(|error| StartError::Internal(format!("replay: {error}")))?;
    let (journal, write_model, recovery, last_at) =
        read.map_err(|error| StartError::Storage(error.to_string()))?;
    let open = write_model.totals().open();
    Ok((
        journal,
        write_model,
        Recovered {
            recovery,
            last_at,
            open,
            took: started.elapsed(),
        },
    ))
}

fn read(
    journal: &mut dyn Journal,
    write_model: &mut WriteModel,
    sender: mpsc::Sender<Batch>,
    now: Timestamp,
) -> Result<(Recovery, Timestamp), JournalError> {
    let newest_step = journal.clock_steps().newest();
    let mut batches = Batches::new(sender, journal.clock_steps().clone());
    let mut last_at = Timestamp::default();
    let mut since_step = Timestamp::default();
    let recovery = journal.replay(&mut |record| {
        write_model.apply(&record.fact);
        let at = record.fact.at().unwrap_or_default();
        last_at = last_at.max(at);
        if record.position >= newest_step {
            since_step = since_step.max(at);
        }
        batches.push(record);
    })?;
    batches.hand_over();
    if let Some(shown) = journal.clock_steps().taken_back(since_step, now) {
        // It is told there if it cannot be written down, and tried again.
        journal.note_clock_step(shown, now).ok();
    }
    Ok((recovery, last_at))
}

/// Cuts what is read into batches.
struct Batches {
    sender: mpsc::Sender<Batch>,
    steps: ClockSteps,
    /// Of `records`.
    set_since: i64,
    records: Vec<Recorded>,
    /// Of `records`.
    bytes: usize,
}

impl Batches {
    fn new(sender: mpsc::Sender<Batch>, steps: ClockSteps) -> Self {
        Self {
            sender,
            steps,
            set_since: 0,
            records: Vec::with_capacity(BATCH.records),
            bytes: 0,
        }
    }

    fn push(&mut self, record: Recorded) {
        let set_since = self.steps.set_since(record.position, record.fact.at());
        if set_since != self.set_since {
            if !self.records.is_empty() {
                self.hand_over();
            }
            self.set_since = set_since;
        }
        self.bytes += record.fact.size_bytes();
        self.records.push(record);
        if !BATCH.has_room(self.records.len(), self.bytes) {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        self.bytes = 0;
        let next = Vec::with_capacity(BATCH.records);
        let records = std::mem::replace(&mut self.records, next);
        let batch = (records, self.set_since);
        // Fails only if the start was given up, and then nobody needs the rest.
        let _ = self.sender.blocking_send(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fact::Fact;
    use crate::logic::journal::samples;

    /// How the facts are cut, by number of records.
    fn cut(facts: Vec<Fact>, steps: ClockSteps) -> Vec<(usize, i64)> {
        let (sender, mut receiver) = mpsc::channel(100);
        let mut batches = Batches::new(sender, steps);
        for (position, fact) in (1..).zip(facts) {
            batches.push(Recorded { position, fact });
        }
        batches.hand_over();
        drop(batches);
        let received = std::iter::from_fn(|| receiver.blocking_recv());
        received
            .map(|(records, set_since)| (records.len(), set_since))
            .collect()
    }

    #[test]
    fn batches_are_cut_by_records_and_by_bytes() {
        let small = |count: usize| (0..count).map(|_| samples::delivered(1)).collect();
        let none = ClockSteps::default;
        let whole = cut(small(2500), none());
        assert_eq!(whole, [(1024, 0), (1024, 0), (452, 0)]);
        let payload = format!("\"{}\"", "x".repeat(1 << 20));
        let large = samples::accepted_with_payload(1, &payload);
        assert_eq!(cut(vec![large; 5], none()), [(2, 0), (2, 0), (1, 0)]);
    }

    #[test]
    fn records_from_before_the_clock_was_set_are_apart() {
        let mut steps = ClockSteps::default();
        let at = Timestamp::from_millis;
        steps.add(3, at(5_000), at(65_000));
        steps.add(4, at(65_000), at(5_000));
        let facts = (0..5).map(|_| samples::compaction_summary(0..1)).collect();
        assert_eq!(cut(facts, steps), [(2, 0), (1, -60_000), (2, 0)]);
    }
}
