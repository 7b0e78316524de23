//! The SQL database behind the history: a projection of the journal, never the truth.

mod dead_letters;
mod error;
mod events;
mod meant_letters;
mod messages;
mod streams;
mod writer;

pub use crate::logic::census::Census;
pub use crate::logic::retention::messages::Age;
pub use dead_letters::{
    DeadLetter, DeadLetterArchive, DeadLetterCounts, DeadLetterQuery, dead_letter,
};
pub use error::ArchiveError;
pub use events::{ArchivedDeadEvent, DeadEventQuery, EventArchive};
pub use meant_letters::{MeantLetters, count_meant, meant_after};
pub use messages::ArchivedMessage;
pub use messages::MOST_IDS;
pub use messages::MessageArchive;
pub use messages::MessageQuery;
pub use streams::{ArchivedStream, StreamArchive};
pub use writer::{ArchiveWriter, LOOK_LIMIT};

use futures_util::future::BoxFuture;

use crate::logic::ownership::ArchiveStanding;

/// Answers questions about the past. Takes little memory for any answer: lists come in pages, which
/// end by number or by bytes.
pub trait ArchiveReader: MessageArchive + DeadLetterArchive + EventArchive + StreamArchive {
    /// Up to where the archive holds everything, and who writes to it.
    fn standing(&self) -> BoxFuture<'_, Result<ArchiveStanding, ArchiveError>>;
}

/// The whole archive, for whoever opens it. Everybody else is given the part he asks.
pub trait Archive: ArchiveWriter + ArchiveReader {}

impl<A: ArchiveWriter + ArchiveReader> Archive for A {}
