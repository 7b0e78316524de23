//! What is found out once for everybody who asks within a second: however many ask, whoever has to
//! answer is asked once.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::HubError;
use crate::phase::Phase;

/// What is older is found out anew: nothing that is told is older than a second, and who looks once
/// a second is told something new each time.
pub const MOST_AGE: Duration = Duration::from_millis(900);

/// What was found last. Clones are the same.
pub struct Lately<T> {
    latest: Arc<Mutex<Option<Latest<T>>>>,
    /// How many times as long as it took to find it is good.
    rest: u32,
}

struct Latest<T> {
    found: Arc<Found<T>>,
    /// How long it took.
    took: Duration,
}

/// Something that was found out.
pub struct Found<T> {
    /// The answer.
    pub what: T,
    /// When it was asked for, or when the oldest of what it is made of was.
    pub at: Instant,
    /// Of the hub at that time; what was so then says nothing about the next.
    pub phase: Phase,
}

impl<T> Clone for Lately<T> {
    fn clone(&self) -> Self {
        Self {
            latest: self.latest.clone(),
            rest: self.rest,
        }
    }
}

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self {
            latest: Arc::default(),
            rest: 0,
        }
    }
}

impl<T> Lately<T> {
    /// For what may take long to find: it is good for so many times as long, if that is longer, so
    /// that however much there is to look through, looking takes but a small part of the time.
    pub fn resting(rest: u32) -> Self {
        Self {
            rest,
            ..Self::default()
        }
    }
}

impl<T: 'static> Lately<T> {
    /// What was found within about the last second, or what `find` finds now.
    ///
    /// # Errors
    /// Those of `find`; the next who asks tries again.
    pub async fn get<F>(
        &self,
        phase: Phase,
        find: impl FnOnce() -> F,
    ) -> Result<Arc<Found<T>>, HubError>
    where
        F: Future<Output = Result<Found<T>, HubError>> + 'static,
    {
        let asked_at = Instant::now();
        let mut latest = self.latest.clone().lock_owned().await;
        // What took longer than a second is good for all who have waited for it.
        let is_good = |latest: &&Latest<T>| {
            let (found, most_age) = (&latest.found, MOST_AGE.max(latest.took * self.rest));
            found.phase == phase && (found.at.elapsed() < most_age || found.at >= asked_at)
        };
        if let Some(latest) = latest.as_ref().filter(is_good) {
            return Ok(latest.found.clone());
        }
        let (finding, begun_at) = (find(), Instant::now());
        // It goes on if the client leaves, so that to ask and to leave costs no more than to ask.
        let found = actix::spawn(async move {
            let found = Arc::new(finding.await?);
            *latest = Some(Latest {
                found: found.clone(),
                took: begun_at.elapsed(),
            });
            Ok(found)
        });
        found.await.unwrap_or(Err(HubError::Internal))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use futures_util::future::{FutureExt, join_all};

    use super::*;

    struct Source {
        lately: Lately<usize>,
        takes: Duration,
        asked: Rc<Cell<usize>>,
    }

    impl Source {
        fn new() -> Self {
            Self::taking(Duration::from_millis(300))
        }

        fn taking(takes: Duration) -> Self {
            Self {
                lately: Lately::default(),
                takes,
                asked: Rc::default(),
            }
        }

        async fn get(&self, phase: Phase) -> usize {
            let (asked, takes) = (self.asked.clone(), self.takes);
            let find = || async move {
                let at = Instant::now();
                asked.set(asked.get() + 1);
                tokio::time::sleep(takes).await;
                let what = asked.get();
                Ok(Found { what, at, phase })
            };
            self.lately.get(phase, find).await.unwrap().what
        }
    }

    #[actix::test]
    async fn however_many_ask_it_is_found_once_a_second() {
        tokio::time::pause();
        let source = Source::new();
        let many = || join_all((0..100).map(|_| source.get(Phase::Open)));
        assert_eq!(many().await, [1; 100]);
        tokio::time::advance(Duration::from_millis(590)).await;
        assert_eq!(many().await, [1; 100]);
        // Since it was asked for, not since it was answered.
        tokio::time::advance(Duration::from_millis(10)).await;
        assert_eq!(many().await, [2; 100]);
    }

    #[actix::test]
    async fn what_takes_long_is_not_found_again_for_each_who_waited() {
        tokio::time::pause();
        let source = Source::taking(Duration::from_secs(5));
        let many = || join_all((0..100).map(|_| source.get(Phase::Open)));
        assert_eq!(many().await, [1; 100]);
        assert_eq!(many().await, [2; 100]);
    }

    #[actix::test]
    async fn what_takes_long_may_be_good_for_longer() {
        tokio::time::pause();
        let source = Source {
            lately: Lately::resting(20),
            ..Source::new()
        };
        assert_eq!(source.get(Phase::Open).await, 1);
        // It took 0.3 s, and counts from when it was asked for.
        tokio::time::advance(Duration::from_millis(5_600)).await;
        assert_eq!(source.get(Phase::Open).await, 1);
        // The timer may ring a little late.
        tokio::time::advance(Duration::from_millis(400)).await;
        assert_eq!(source.get(Phase::Open).await, 2);
    }

    #[actix::test]
    async fn another_phase_is_another_answer() {
        let source = Source::new();
        assert_eq!(source.get(Phase::Starting).await, 1);
        assert_eq!(source.get(Phase::Open).await, 2);
        assert_eq!(source.get(Phase::Open).await, 2);
        assert_eq!(source.get(Phase::Draining).await, 3);
    }

    #[actix::test]
    async fn who_asks_and_leaves_has_asked() {
        tokio::time::pause();
        let source = Source::new();
        for _ in 0..100 {
            assert_eq!(source.get(Phase::Open).now_or_never(), None);
            tokio::task::yield_now().await;
        }
        assert_eq!(source.get(Phase::Open).await, 1);
    }

    #[actix::test]
    async fn what_failed_is_tried_again() {
        let lately = Lately::<usize>::default();
        let fails = || async { Err(HubError::Internal) };
        assert!(lately.get(Phase::Open, fails).await.is_err());
        let works = || async {
            let (at, phase) = (Instant::now(), Phase::Open);
            Ok(Found { what: 7, at, phase })
        };
        assert_eq!(lately.get(Phase::Open, works).await.unwrap().what, 7);
    }
}
