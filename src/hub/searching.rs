//! Looking through lists for what no list is ordered by.
//!
//! A request looks at so many, or for so long, and then says how far it came: whoever wants goes on
//! from there. What is looked at comes in stretches, and is compared on a thread that nobody else
//! waits for.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::error::HubError;
use crate::domain::timestamp::Timestamp;
use crate::logic::page::MOST_BYTES;

/// No request looks at more.
pub(super) const MOST_ROWS: usize = 200_000;
/// No request begins to look at another stretch after so long.
pub(super) const MOST_TIME: Duration = Duration::from_secs(1);

/// What was found by looking through a list, in its order.
pub struct FoundPage<T> {
    /// At most as many as were asked for; maybe none, although the list goes on.
    pub items: Vec<T>,
    /// Where to go on: before this position, or with this event. `None`: the list was looked
    /// through.
    pub next: Option<u64>,
    /// How far it was.
    pub searched: Searched,
}

/// How far a list was looked through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Searched {
    /// How many were looked at.
    pub rows: usize,
    /// When the last of them came to stand there: was accepted or published, or as the dead letter
    /// of an event died. `None`: there was none.
    pub back_to: Option<Timestamp>,
    /// Whether there is nothing more to look at.
    pub complete: bool,
}

/// What was looked at together, in the order of the list.
pub(super) struct LookedAt<T> {
    /// Those that are meant.
    pub found: Vec<T>,
    /// How many there were.
    pub rows: usize,
    /// When the last of them came to stand there.
    pub back_to: Option<Timestamp>,
    /// Where the list goes on, as [`FoundPage::next`]; `None`: it ends.
    pub next: Option<u64>,
}

/// What makes a page of what is found.
pub(super) struct FoundPageOf<Keep, Bytes, Place> {
    /// How many, at most.
    pub limit: usize,
    /// Whether an item is on it.
    pub keep: Keep,
    /// Roughly what an item takes.
    pub bytes: Bytes,
    /// Where the list goes on behind an item, and since when that stands there.
    pub place: Place,
}

impl<T> FoundPage<T> {
    pub(super) fn nothing() -> Self {
        Self {
            items: Vec::new(),
            next: None,
            searched: Searched {
                complete: true,
                ..Searched::default()
            },
        }
    }
}

/// Runs what may take a while where nobody waits for the thread.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HubError> {
    spawn_blocking(work).await.map_err(|_| HubError::Internal)
}

/// Fills a page with those to keep of what `next` finds, until it is full, the list ends or enough
/// was looked at.
pub(super) async fn fill<T>(
    wanted: FoundPageOf<impl Fn(&T) -> bool, impl Fn(&T) -> usize, impl Fn(&T) -> (u64, Timestamp)>,
    mut next: impl AsyncFnMut() -> Result<LookedAt<T>, HubError>,
) -> Result<FoundPage<T>, HubError> {
    let mut page = FoundPage::nothing();
    let mut bytes = 0;
    let begun = Instant::now();
    loop {
        let stretch = next().await?;
        page.searched.rows += stretch.rows;
        page.next = stretch.next;
        let mut found = stretch.found.into_iter().filter(&wanted.keep).peekable();
        while let Some(item) = found.next() {
            bytes += (wanted.bytes)(&item);
            let is_full = page.items.len() + 1 == wanted.limit || bytes >= MOST_BYTES;
            if is_full && (found.peek().is_some() || stretch.next.is_some()) {
                let (behind, at) = (wanted.place)(&item);
                page.next = Some(behind);
                page.searched.back_to = Some(at);
                page.searched.complete = false;
                page.items.push(item);
                return Ok(page);
            }
            page.items.push(item);
        }
        page.searched.back_to = stretch.back_to.or(page.searched.back_to);
        page.searched.complete = stretch.next.is_none();
        let is_enough = page.searched.rows >= MOST_ROWS || begun.elapsed() >= MOST_TIME;
        if page.searched.complete || is_enough {
            return Ok(page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix::test]
    async fn nobody_looks_through_more_than_enough_and_whoever_wants_goes_on() {
        let mut left = 3 * MOST_ROWS as u64 / 2;
        let mut rounds = Vec::new();
        loop {
            let wanted = FoundPageOf {
                limit: 10,
                keep: |_: &()| true,
                bytes: |_: &()| 1,
                place: |_: &()| (0, Timestamp::from_millis(0)),
            };
            let page = fill(wanted, async || {
                left -= 500;
                Ok(LookedAt {
                    found: Vec::new(),
                    rows: 500,
                    back_to: Some(Timestamp::from_millis(left as i64)),
                    next: Some(left).filter(|left| *left > 0),
                })
            });
            let page = page.await.unwrap();
            let searched = page.searched;
            assert!(page.items.is_empty());
            assert_eq!(searched.back_to, Some(Timestamp::from_millis(left as i64)));
            assert_eq!(page.next.unwrap_or(0), left);
            assert_eq!(searched.complete, page.next.is_none());
            rounds.push(searched.rows);
            if searched.complete {
                break;
            }
        }
        // However slow the machine is, no round has more.
        assert_eq!(rounds.iter().sum::<usize>(), 3 * MOST_ROWS / 2);
        assert!(rounds.iter().all(|rows| *rows <= MOST_ROWS), "{rounds:?}");
        assert!(rounds.len() > 1);
    }
}
