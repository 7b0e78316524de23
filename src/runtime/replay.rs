//! At start: the journal, read from its beginning through the same path as what is new.

use std::fmt;
use std::time::Duration;

use actix::Recipient;
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::StartError;
use crate::actors::messages::Committed;
use crate::domain::fact::Recorded;
use crate::domain::ids::Position;
use crate::domain::timestamp::Timestamp;
use crate::logic::ledger::Ledger;
use crate::ports::journal::{Journal, JournalError, Recovery};

/// Records handed to the actors at once.
const BATCH: usize = 1024;
/// Batches read ahead of the actors.
const AHEAD: usize = 8;

/// What the start found.
#[derive(Debug)]
pub struct Recovered {
    recovery: Recovery,
    /// When the latest record was written.
    last_at: Timestamp,
    open: i64,
    took: Duration,
}

impl Recovered {
    pub fn last_position(&self) -> Position {
        self.recovery.last_position
    }

    pub fn last_at(&self) -> Timestamp {
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

/// Replays on another thread, as fast as the actors take it in.
pub async fn replay(
    mut journal: Box<dyn Journal>,
    mut ledger: Ledger,
    actors: &[Recipient<Committed>],
) -> Result<(Box<dyn Journal>, Ledger, Recovered), StartError> {
    let started = Instant::now();
    let (sender, mut batches) = mpsc::channel::<Vec<Recorded>>(AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        let (recovery, last_at) = read(&mut *journal, &mut ledger, sender)?;
        Ok::<_, JournalError>((journal, ledger, recovery, last_at))
    });
    while let Some(records) = batches.recv().await {
        let committed = Committed {
            records: records.into(),
            replay: true,
        };
        let taken = actors.iter().map(|actor| actor.send(committed.clone()));
        for result in join_all(taken).await {
            result.map_err(|error| StartError::Internal(format!("replay: {error}")))?;
        }
    }
    let read = reading
        .await
        .map_err(|error| StartError::Internal(format!("replay: {error}")))?;
    let (journal, ledger, recovery, last_at) =
        read.map_err(|error| StartError::Storage(error.to_string()))?;
    let open = ledger.tally().open();
    Ok((
        journal,
        ledger,
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
    ledger: &mut Ledger,
    sender: mpsc::Sender<Vec<Recorded>>,
) -> Result<(Recovery, Timestamp), JournalError> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut last_at = Timestamp::default();
    let recovery = journal.replay(&mut |record| {
        ledger.apply(&record.fact);
        last_at = last_at.max(record.fact.at().unwrap_or_default());
        batch.push(record);
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            // Fails only if the start was given up, and then nobody needs the rest.
            let _ = sender.blocking_send(full);
        }
    })?;
    let _ = sender.blocking_send(batch);
    Ok((recovery, last_at))
}
