//! The archive is looked at every second, also while nothing is written: that it is away is known
//! before somebody needs it, and while a write waits for an answer that does not come.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message};
use tokio::time::Instant;

use super::found::{Silence, tell_down};
use super::{Archivist, Phase};
use crate::ports::archive::{ArchiveError, Census, LOOK_LIMIT};

/// Together with the limit of a look: an archive is known to be away within 5 s.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// It is counted what there is no more often than this.
const COUNT: Duration = Duration::from_secs(10);
/// Nor for more than one part of so many of the time.
const COUNT_SHARE: u32 = 200;

/// Whether the archive answered.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Looked(Result<(), ArchiveError>);

/// Some space was given back; there may be more.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Tidied(Result<bool, ArchiveError>);

/// What there is, and how long it took to count.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Counted {
    census: Result<Census, ArchiveError>,
    took: Duration,
}

impl Archivist {
    pub(super) fn look_again(&self, ctx: &mut Context<Self>) {
        ctx.run_later(LOOK, Self::look);
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.closing.is_some() {
            return;
        }
        // Whether one that is down is back is found out by opening it.
        if matches!(self.phase, Phase::Down(_)) {
            return self.look_again(ctx);
        }
        let (archive, home) = (self.archive.clone(), ctx.address());
        let archived = self.archived;
        actix::spawn(async move {
            let looked = tokio::time::timeout(LOOK_LIMIT, archive.look()).await;
            let late = || format!("no answer within {LOOK_LIMIT:?}");
            let looked = looked.unwrap_or_else(|_| Err(ArchiveError::Unavailable(late())));
            home.do_send(Looked(looked.and_then(|found| match found.checkpoint {
                // It was restored, or is another one.
                checkpoint if checkpoint < archived => Err(ArchiveError::OutOfStep { checkpoint }),
                _ => Ok(()),
            })));
        });
    }

    fn falls_silent(&mut self, cause: ArchiveError) {
        if self.silent.is_some() {
            return;
        }
        tell_down(&cause);
        self.metrics.status.archive_answers.set(false);
        self.refuse_waiters(&cause);
        self.silent = Some(Silence {
            cause,
            until_written: false,
        });
    }

    pub(super) fn speaks_again(&mut self) {
        if self.silent.take().is_some() {
            tracing::info!(checkpoint = self.archived, "archive is back");
            self.metrics.status.archive_answers.set(true);
        }
    }

    fn count(&mut self, ctx: &Context<Self>) {
        let now = Instant::now();
        if self.counting || self.count_at.is_some_and(|at| now < at) {
            return;
        }
        self.counting = true;
        let (archive, home) = (self.archive.clone(), ctx.address());
        actix::spawn(async move {
            let census = archive.census().await;
            let took = now.elapsed();
            home.do_send(Counted { census, took });
        });
    }

    fn tidy(&mut self, ctx: &Context<Self>) {
        let is_idle = matches!(self.phase, Phase::Following(_)) && !self.writing;
        if !is_idle || self.closing.is_some() {
            return;
        }
        self.writing = true;
        let (archive, home) = (self.archive.clone(), ctx.address());
        actix::spawn(async move {
            home.do_send(Tidied(archive.tidy().await));
        });
    }
}

impl Handler<Looked> for Archivist {
    type Result = ();

    fn handle(&mut self, Looked(looked): Looked, ctx: &mut Context<Self>) {
        let is_down = matches!(self.phase, Phase::Down(_));
        match looked {
            // It went down or was opened meanwhile, which says more.
            _ if is_down => {}
            Ok(()) if self.silent.as_ref().is_some_and(|one| one.until_written) => {}
            Ok(()) => {
                self.speaks_again();
                self.count(ctx);
                self.tidy(ctx);
            }
            Err(error) => {
                self.metrics.archive_size.failures.inc();
                if self.writing {
                    self.falls_silent(error);
                } else {
                    self.failed(error, ctx);
                }
            }
        }
        self.look_again(ctx);
    }
}

impl Handler<Tidied> for Archivist {
    type Result = ();

    fn handle(&mut self, Tidied(tidied): Tidied, ctx: &mut Context<Self>) {
        self.writing = false;
        match tidied {
            Ok(_) => self.go_on(ctx),
            Err(error) => self.failed(error, ctx),
        }
    }
}

impl Handler<Counted> for Archivist {
    type Result = ();

    fn handle(&mut self, counted: Counted, _: &mut Context<Self>) {
        self.counting = false;
        let pause = COUNT.max(counted.took * COUNT_SHARE);
        self.count_at = Some(Instant::now() + pause);
        match counted.census {
            Ok(census) => self.metrics.archive_size.note(census),
            Err(error) => tracing::debug!(%error, "the archive was not counted"),
        }
    }
}
