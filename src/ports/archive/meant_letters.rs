//! The dead letters that a job means, of which a database decides only a part: where they stand and
//! by what lists are ordered. What they are and how they failed is looked at in what it finds.

use std::sync::Arc;

use ahash::AHashSet;

use super::dead_letters::{DeadLetterArchive, DeadLetterQuery};
use super::error::ArchiveError;
use super::events::DeadEventQuery;
use super::messages::{MessageArchive, MessageQuery};
use crate::domain::ids::{MessageId, Position};
use crate::domain::redrive::RedriveJob;
use crate::logic::content_filter::ContentFilter;
use crate::logic::payload_head::PayloadDetail;

/// So many are looked at together to count them.
const COUNTED: usize = 1000;

/// A part of the list.
pub struct MeantLetters {
    /// Where those stand that the job means, and their ids, by position.
    pub found: Vec<(Position, MessageId)>,
    /// The list was looked through up to here.
    pub through: Position,
    /// It ends there.
    pub is_last: bool,
}

/// Of the next `limit` dead letters that stand after `after` those that the job means; all of them
/// stood in the list when it was started.
///
/// # Errors
/// If the archive does not answer.
pub async fn meant_after(
    archive: &(impl MessageArchive + DeadLetterArchive + ?Sized),
    job: &RedriveJob,
    after: Position,
    limit: usize,
) -> Result<MeantLetters, ArchiveError> {
    let query = DeadLetterQuery::of_job(job);
    let mut found = archive.dead_letters_after(query, after, limit).await?;
    let is_last = found.len() < limit;
    let through = found.last().map_or(after, |(position, _)| *position);
    if job.filter.looks_inside() {
        let ids = found.iter().map(|(_, id)| *id).collect();
        let meant = matching(archive, ids, &ContentFilter::of(&job.filter)).await?;
        found.retain(|(_, id)| meant.contains(id));
    }
    Ok(MeantLetters {
        found,
        through,
        is_last,
    })
}

/// How many dead letters the job means.
///
/// # Errors
/// If the archive does not answer.
pub async fn count_meant(
    archive: &(impl MessageArchive + DeadLetterArchive + ?Sized),
    job: &RedriveJob,
) -> Result<u64, ArchiveError> {
    if !job.filter.looks_inside() {
        return archive
            .count_dead_letters(DeadLetterQuery::of_job(job))
            .await;
    }
    let (mut count, mut after) = (0, 0);
    loop {
        let part = meant_after(archive, job, after, COUNTED).await?;
        count += part.found.len() as u64;
        if part.is_last {
            return Ok(count);
        }
        after = part.through;
    }
}

/// Which of these dead letters match. They are read without payloads, as nobody asks for these.
async fn matching(
    archive: &(impl MessageArchive + DeadLetterArchive + ?Sized),
    ids: Arc<[MessageId]>,
    content: &ContentFilter,
) -> Result<AHashSet<MessageId>, ArchiveError> {
    let mut matching = AHashSet::new();
    let mut messages = MessageQuery {
        dead_letters: true,
        detail: PayloadDetail::None,
        limit: ids.len(),
        ids: Some(ids.clone()),
        ..MessageQuery::default()
    };
    loop {
        let page = archive.messages(messages.clone()).await?;
        messages.before = page.items.last().map(|row| row.position);
        let is_last = page.is_last();
        let rows = page.items.iter().filter(|row| row.meets(content));
        matching.extend(rows.map(|row| row.message.id));
        if is_last {
            break;
        }
    }
    let mut events = DeadEventQuery {
        limit: ids.len(),
        ids: Some(ids),
        ..DeadEventQuery::default()
    };
    loop {
        let page = archive.dead_events(events.clone()).await?;
        events.before = page.items.last().map(|row| row.position);
        let is_last = page.is_last();
        let rows = page.items.iter().filter(|row| row.meets(content));
        matching.extend(rows.map(|row| row.dead_event.id));
        if is_last {
            return Ok(matching);
        }
    }
}
