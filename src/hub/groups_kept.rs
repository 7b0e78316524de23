//! Which dead letters died alike, as it was answered a moment ago.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::redrive::RedriveFilter;
use crate::logic::content_filter::ContentFilter;
use crate::logic::dead_letter_groups::{GroupBy, GroupCount, GroupKey};

/// An answer is good for so long.
const MOST_AGE: Duration = Duration::from_secs(5);
/// The answers to so many questions are kept.
const MOST_KEPT: usize = 8;

/// Which dead letters are counted together.
#[derive(Clone, PartialEq, Debug)]
pub struct GroupsQuery {
    /// What the archive finds them by.
    pub filter: RedriveFilter,
    /// What each is looked at for.
    pub content: ContentFilter,
    /// What those of a group have in common.
    pub by: GroupBy,
}

/// The largest groups first.
#[derive(Debug)]
pub struct GroupsFound {
    /// At most [`MOST_SHOWN`](crate::logic::dead_letter_groups::MOST_SHOWN).
    pub groups: Vec<(GroupKey, GroupCount)>,
    /// Whether every dead letter that matches was counted, and every group is there.
    pub complete: bool,
}

/// What was answered within the last seconds, the latest last. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct GroupsKept(Arc<Mutex<VecDeque<KeptAnswer>>>);

pub(super) struct KeptAnswer {
    pub query: GroupsQuery,
    pub asked_at: Instant,
    pub found: Arc<GroupsFound>,
}

impl GroupsKept {
    pub(super) fn find(&self, query: &GroupsQuery) -> Option<Arc<GroupsFound>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|answer| answer.asked_at.elapsed() < MOST_AGE);
        let answer = kept.iter().find(|answer| answer.query == *query)?;
        Some(answer.found.clone())
    }

    pub(super) fn keep(&self, answer: KeptAnswer) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MOST_KEPT {
            kept.pop_front();
        }
        kept.push_back(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(error: bool) -> GroupsQuery {
        GroupsQuery {
            filter: RedriveFilter::default(),
            content: ContentFilter::default(),
            by: GroupBy {
                destination: true,
                reason: true,
                error,
            },
        }
    }

    fn answer(query: GroupsQuery) -> KeptAnswer {
        let found = GroupsFound {
            groups: Vec::new(),
            complete: query.by.error,
        };
        KeptAnswer {
            query,
            asked_at: Instant::now(),
            found: Arc::new(found),
        }
    }

    #[actix::test]
    async fn answers_are_kept_for_seconds_each_for_its_question() {
        tokio::time::pause();
        let kept = GroupsKept::default();
        kept.keep(answer(query(true)));
        let nearly = MOST_AGE - Duration::from_millis(1);
        tokio::time::advance(nearly).await;
        assert!(kept.find(&query(true)).unwrap().complete);
        assert!(kept.find(&query(false)).is_none());
        kept.keep(answer(query(false)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(kept.find(&query(true)).is_none());
        assert!(!kept.find(&query(false)).unwrap().complete);
        for _ in 0..2 * MOST_KEPT {
            kept.keep(answer(query(true)));
        }
        assert_eq!(kept.0.lock().unwrap().len(), MOST_KEPT);
        assert!(kept.find(&query(false)).is_none());
    }
}
