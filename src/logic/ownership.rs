//! Whose an archive is: of all hubs that can reach it, only the one whose journal it goes on with
//! may write. With every start of a hub a new epoch begins, which its journal notes: so a copy of
//! the journal, whose epochs are others from there on, is told from it.

use super::projection::Batch;
use super::writer::{Author, Writer};
use crate::domain::ids::{HubId, Position};

/// What an archive says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ArchiveStanding {
    /// It holds everything up to here.
    pub checkpoint: Position,
    /// `None`: it is new, or older than owners are.
    pub writer: Option<Writer>,
}

/// A hub is about to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Which hub it is, with all the epochs its journal knows.
    pub author: Author,
    /// Nothing after this position can be from this hub.
    pub written: Position,
}

/// What a claim led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claimed {
    /// Who writes from now on.
    pub writer: Writer,
    /// The archive holds everything up to here: the first batch goes on from it.
    pub checkpoint: Position,
}

/// Why a hub must leave an archive alone: their histories would mix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OwnershipDenial {
    /// Another hub wrote to it last.
    #[error(
        "the archive belongs to another hub ({owner}; the journal in data_dir is of hub {hub}): name \
         another database in database_url, or put back the data_dir this archive was written from; \
         if the archive is this hub's all the same, the statement UPDATE checkpoint SET hub = NULL \
         lets it take the archive over"
    )]
    OtherHub {
        /// Whose it is.
        owner: HubId,
        /// Who asked.
        hub: HubId,
    },
    /// The same hub wrote to it last, in an epoch that the journal does not know.
    #[error(
        "the archive has got history that this journal does not have: a copy of this data_dir wrote \
         to it, or data_dir was restored from a backup older than the archive; end the copy if there \
         is one, then restore the archive from a backup that this journal was written to, or name \
         another database in database_url, and start again; the statement UPDATE checkpoint SET hub \
         = NULL lets this hub take the archive over as it is: what the copy wrote stays in it, and \
         what this hub did meanwhile is missing"
    )]
    UnknownEpoch,
    /// It holds more than the journal ever had.
    #[error(
        "the archive is ahead of the journal (position {checkpoint} against {written}), so they do \
         not belong together; restore the journal, or move the archive away: then only history is \
         missing"
    )]
    Ahead {
        /// Up to where the archive holds everything.
        checkpoint: Position,
        /// Up to where the journal does.
        written: Position,
    },
}

/// What becomes of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchVerdict {
    /// It goes on where the archive ends, and comes from its owner.
    Write,
    /// The archive holds it already.
    Held,
    /// The archive is elsewhere, nobody's or of another epoch: it was replaced or taken, and is to
    /// be claimed again.
    OutOfStep,
    /// The archive is somebody else's now.
    Denied(OwnershipDenial),
}

impl ArchiveStanding {
    /// Who writes from now on.
    ///
    /// # Errors
    /// [`OwnershipDenial`] if that cannot be the one who asks.
    pub fn admit(&self, claim: &Claim) -> Result<Writer, OwnershipDenial> {
        self.must_be_of(&claim.author)?;
        let (checkpoint, written) = (self.checkpoint, claim.written);
        if checkpoint > written {
            return Err(OwnershipDenial::Ahead {
                checkpoint,
                written,
            });
        }
        Ok(claim.author.writer())
    }

    /// # Errors
    /// [`OwnershipDenial::OtherHub`] if the archive belongs to another, [`OwnershipDenial::UnknownEpoch`] if it was
    /// written by a copy of the hub, or by a later state of it.
    pub fn must_be_of(&self, author: &Author) -> Result<(), OwnershipDenial> {
        let Some(writer) = self.writer else {
            return Ok(());
        };
        if writer.hub != author.hub {
            return Err(writer.denies(author.hub));
        }
        if !author.knows(writer.epoch) {
            return Err(OwnershipDenial::UnknownEpoch);
        }
        Ok(())
    }

    /// Whether a batch is to be written, and if not, why.
    pub fn judge(&self, batch: &Batch) -> BatchVerdict {
        if self.writer != batch.writer {
            return self.judge_stranger(batch.writer);
        }
        if batch.through <= self.checkpoint {
            BatchVerdict::Held
        } else if batch.after == self.checkpoint {
            BatchVerdict::Write
        } else {
            BatchVerdict::OutOfStep
        }
    }

    /// Of the same hub in another epoch only a claim, which names all epochs, tells who is right.
    fn judge_stranger(&self, stranger: Option<Writer>) -> BatchVerdict {
        match (self.writer, stranger) {
            (Some(writer), Some(stranger)) if writer.hub != stranger.hub => {
                BatchVerdict::Denied(writer.denies(stranger.hub))
            }
            _ => BatchVerdict::OutOfStep,
        }
    }
}

impl Writer {
    fn denies(self, hub: HubId) -> OwnershipDenial {
        let owner = self.hub;
        OwnershipDenial::OtherHub { owner, hub }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::logic::writer::Epoch;
    use uuid::Uuid;

    fn hub(number: u128) -> HubId {
        HubId(Uuid::from_u128(number))
    }

    fn writer(number: u128, epoch: Epoch) -> Option<Writer> {
        let hub = hub(number);
        Some(Writer { hub, epoch })
    }

    /// Hub 1 in its epoch 40, which had the epochs 70 and 20 before.
    fn author() -> Author {
        Author {
            hub: hub(1),
            epoch: 40,
            earlier: Arc::new([70, 20]),
        }
    }

    #[test]
    fn an_archive_is_claimed_by_the_hub_whose_journal_wrote_it_and_no_other() {
        let denied = |checkpoint| OwnershipDenial::Ahead {
            checkpoint,
            written: 5,
        };
        let other = OwnershipDenial::OtherHub {
            owner: hub(2),
            hub: hub(1),
        };
        for (before, checkpoint, expected) in [
            // New, or released on purpose.
            (None, 0, Ok(())),
            (None, 5, Ok(())),
            (None, 6, Err(denied(6))),
            // As it was, from the epoch before, and a backup of an older one.
            (writer(1, 40), 5, Ok(())),
            (writer(1, 20), 5, Ok(())),
            (writer(1, 70), 3, Ok(())),
            (writer(1, 40), 6, Err(denied(6))),
            (writer(1, 70), 6, Err(denied(6))),
            // By a copy, wherever its number lies.
            (writer(1, 0), 0, Err(OwnershipDenial::UnknownEpoch)),
            (writer(1, 30), 5, Err(OwnershipDenial::UnknownEpoch)),
            (writer(1, 99), 9, Err(OwnershipDenial::UnknownEpoch)),
            (writer(2, 40), 0, Err(other)),
            (writer(2, 3), 9, Err(other)),
        ] {
            let standing = ArchiveStanding {
                checkpoint,
                writer: before,
            };
            let claim = Claim {
                author: author(),
                written: 5,
            };
            let expected = expected.map(|()| author().writer());
            assert_eq!(standing.admit(&claim), expected, "{standing:?}");
        }
    }

    #[test]
    fn a_batch_is_written_by_the_epoch_that_claimed_the_archive_alone() {
        let other = BatchVerdict::Denied(OwnershipDenial::OtherHub {
            owner: hub(2),
            hub: hub(1),
        });
        for (owner, after, through, expected) in [
            (writer(1, 4), 7, 9, BatchVerdict::Write),
            (writer(1, 4), 5, 7, BatchVerdict::Held),
            (writer(1, 4), 6, 9, BatchVerdict::OutOfStep),
            (writer(1, 4), 8, 9, BatchVerdict::OutOfStep),
            (writer(1, 5), 7, 9, BatchVerdict::OutOfStep),
            (writer(1, 5), 5, 7, BatchVerdict::OutOfStep),
            (writer(1, 3), 7, 9, BatchVerdict::OutOfStep),
            (None, 7, 9, BatchVerdict::OutOfStep),
            (writer(2, 4), 7, 9, other),
            (writer(2, 1), 5, 7, other),
        ] {
            let standing = ArchiveStanding {
                checkpoint: 7,
                writer: owner,
            };
            let batch = Batch {
                writer: writer(1, 4),
                after,
                through,
                ..Batch::default()
            };
            assert_eq!(standing.judge(&batch), expected, "{owner:?} {after}");
        }
    }
}
