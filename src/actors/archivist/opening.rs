//! The archive is opened, at the start and whenever it was away: claimed, looked at, and told of.
//! It may have been restored, emptied or taken by another hub meanwhile.

use actix::{AsyncContext, Context, Handler, Message};

use super::found::{FoundArchive, Silence, events_in, tell_down};
use super::{Archivist, Phase, RETRY};
use crate::actors::messages::HistoryBegins;
use crate::logic::ownership::Claim;
use crate::logic::writer::Writer;
use crate::ports::archive::{Archive, ArchiveError};

/// The archive can be written to, or not.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Opened {
    result: Result<(Writer, FoundArchive), ArchiveError>,
}

async fn open(archive: &dyn Archive, claim: Claim) -> Result<(Writer, FoundArchive), ArchiveError> {
    let claimed = archive.claim(claim).await?;
    let found = FoundArchive {
        checkpoint: claimed.checkpoint,
        events: events_in(archive).await?,
    };
    Ok((claimed.writer, found))
}

impl Archivist {
    /// Nothing is written until the archive is known to be this hub's.
    pub(super) fn open_archive(&mut self, ctx: &mut Context<Self>) {
        self.writing = true;
        let claim = Claim {
            author: self.author.clone(),
            written: self.tried,
        };
        let (archive, home) = (self.archive.clone(), ctx.address());
        actix::spawn(async move {
            let result = open(&*archive, claim).await;
            home.do_send(Opened { result });
        });
    }

    fn opened(&mut self, writer: Writer, found: FoundArchive, ctx: &mut Context<Self>) {
        let down = match &self.phase {
            Phase::Down(cause) => Some(cause.clone()),
            _ => None,
        };
        let was_down = down.is_some();
        self.silent = down.map(|cause| Silence {
            cause,
            until_written: true,
        });
        self.writer = Some(writer);
        if was_down || found.checkpoint != self.archived {
            self.retained_events.closed();
            self.archived = found.checkpoint;
            self.phase = Phase::CatchingUp(None);
        }
        self.is_known = true;
        self.show_lag();
        if !was_down {
            self.metrics.status.archive_answers.set(true);
        } else if self.archived >= self.committed {
            self.speaks_again();
        }
        self.retained_events.opened(found.events);
        self.tell_oldest_retained();
        self.go_on(ctx);
    }

    /// The archive failed. One that is not this hub's is not tried again: the journal might
    /// outgrow it, and the two would look as if they belonged together.
    pub(super) fn failed(&mut self, error: ArchiveError, ctx: &mut Context<Self>) {
        let is_final = matches!(error, ArchiveError::Denied(_));
        self.go_down(error);
        self.finish_close(ctx);
        if !is_final {
            ctx.run_later(RETRY, Self::open_archive);
        }
    }

    fn go_down(&mut self, error: ArchiveError) {
        // One line when it goes: what each attempt to reach it fails of is no news, but that it is
        // somebody else's.
        let is_denied = |error: &ArchiveError| matches!(error, ArchiveError::Denied(_));
        let is_news = match &self.phase {
            Phase::Down(before) => is_denied(before) != is_denied(&error),
            _ => self.silent.is_none() || is_denied(&error),
        };
        self.silent = None;
        if is_news {
            tell_down(&error);
        }
        self.metrics.status.archive_answers.set(false);
        self.refuse_waiters(&error);
        self.phase = Phase::Down(error);
        self.retained_events.closed();
        self.tell_oldest_retained();
    }

    pub(super) fn refuse_waiters(&mut self, error: &ArchiveError) {
        for (_, reply) in self.waiters.drain(..) {
            let _ = reply.send(Err(error.clone()));
        }
    }

    /// Tells where the events begin that can be read, if that is news.
    pub(super) fn tell_oldest_retained(&mut self) {
        let is_complete = matches!(self.phase, Phase::Following(_));
        let oldest = self.retained_events.oldest(is_complete);
        let is_lost = self.retained_events.is_lost(oldest);
        let lost_before = if is_lost { oldest } else { 0 };
        let gauge = &self.metrics.archive_lost_before;
        gauge.set(i64::try_from(lost_before).unwrap_or(i64::MAX));
        if oldest == self.told_oldest {
            return;
        }
        self.told_oldest = oldest;
        if is_lost {
            tracing::warn!(
                oldest,
                "of the history of events before this one some or all is neither in the archive nor \
                 in the journal: who asks for it is told that it is gone, until it is restored"
            );
        }
        for recipient in &self.hops.history_begins {
            recipient.do_send(HistoryBegins { oldest });
        }
    }
}

impl Handler<Opened> for Archivist {
    type Result = ();

    fn handle(&mut self, opened: Opened, ctx: &mut Context<Self>) {
        self.writing = false;
        match opened.result {
            Ok((writer, found)) => self.opened(writer, found, ctx),
            Err(error) => self.failed(error, ctx),
        }
    }
}
