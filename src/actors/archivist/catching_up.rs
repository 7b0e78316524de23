//! What the archive lacks is read from the journal, portion by portion, until it has caught up.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler, Message};

use super::{Archivist, BATCH, Phase};
use crate::actors::off_thread;
use crate::domain::fact::Recorded;
use crate::logic::projection::Projection;
use crate::ports::archive::ArchiveError;
use crate::ports::journal::{JournalError, JournalReader};

/// The next piece of the journal, read on another thread.
#[derive(Message)]
#[rtype(result = "()")]
struct ReadAgain {
    reader: Box<dyn JournalReader>,
    records: Result<Vec<Recorded>, JournalError>,
}

/// The journal could not be read on another thread.
#[derive(Message)]
#[rtype(result = "()")]
struct NotRead(String);

impl Archivist {
    pub(super) fn read_on(&mut self, mut reader: Box<dyn JournalReader>, ctx: &Context<Self>) {
        self.writing = true;
        let home = ctx.address();
        actix::spawn(async move {
            let read = off_thread::run(move || {
                let records = reader.next(BATCH);
                (reader, records)
            });
            match read.await {
                Ok((reader, records)) => home.do_send(ReadAgain { reader, records }),
                Err(error) => home.do_send(NotRead(error.to_string())),
            }
        });
    }

    /// The journal was read to its end: from here on facts are taken as they come.
    fn follow_again(&mut self) {
        tracing::info!(
            position = self.archived,
            "archive has caught up with the journal"
        );
        self.phase = Phase::following(self.archived);
        self.speaks_again();
        self.tell_oldest_retained();
    }
}

impl Handler<ReadAgain> for Archivist {
    type Result = ();

    fn handle(&mut self, read: ReadAgain, ctx: &mut Context<Self>) {
        self.writing = false;
        if !matches!(self.phase, Phase::CatchingUp(_)) {
            return;
        }
        let records = match read.records {
            Ok(records) => records,
            Err(error) => return self.failed(ArchiveError::Unavailable(error.to_string()), ctx),
        };
        let mut projection = Projection::new(self.archived);
        for record in &records {
            projection.apply(record);
            self.retained_events.expect(&record.fact);
        }
        self.tell_oldest_retained();
        self.phase = Phase::CatchingUp(Some(read.reader));
        if let Some(batch) = projection.take() {
            self.write(batch, ctx);
        } else if self.archived >= self.committed {
            self.follow_again();
            self.proceed(ctx);
        } else {
            // Written by others but not readable yet.
            ctx.run_later(Duration::from_millis(10), Self::proceed);
        }
    }
}

impl Handler<NotRead> for Archivist {
    type Result = ();

    fn handle(&mut self, NotRead(cause): NotRead, ctx: &mut Context<Self>) {
        self.writing = false;
        self.failed(ArchiveError::Unavailable(cause), ctx);
    }
}
