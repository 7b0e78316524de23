//! Whose an archive is: of all hubs that can reach it, only the one whose journal it goes on with
//! may write, and of that one only its latest life.

use super::projection::Batch;
use crate::domain::ids::{HubId, Position};

/// A hub in one of its lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Writer {
    pub hub: HubId,
    /// Rises with every life, so that what an earlier one still sends is told from the present.
    pub epoch: u64,
}

/// What an archive says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// It holds everything up to here.
    pub checkpoint: Position,
    /// `None`: it is new, or older than owners are.
    pub writer: Option<Writer>,
}

/// A hub is about to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    pub hub: HubId,
    /// `None`: it has not written in this life.
    pub epoch: Option<u64>,
    /// Nothing after this position can be from this hub.
    pub written: Position,
}

/// What a claim led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claimed {
    pub writer: Writer,
    pub checkpoint: Position,
}

/// Why a hub must leave an archive alone: their histories would mix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Denial {
    #[error(
        "the archive belongs to another hub ({owner}; the journal in data_dir is of hub {hub}): name \
         another database in database_url, or put back the data_dir this archive was written from; \
         if the archive is this hub's all the same, the statement UPDATE checkpoint SET hub = NULL \
         lets it take the archive over"
    )]
    OtherHub { owner: HubId, hub: HubId },
    #[error(
        "another process writes to the archive as this hub: end the one that works on a copy of \
         this data_dir, then start this one again"
    )]
    LaterLife,
    #[error(
        "the archive is ahead of the journal (position {checkpoint} against {written}), so they do \
         not belong together; restore the journal, or move the archive away: then only history is \
         missing"
    )]
    Ahead {
        checkpoint: Position,
        written: Position,
    },
}

/// What becomes of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Write,
    /// The archive holds it already.
    Held,
    /// The archive is elsewhere, or nobody's: it was replaced, and is to be claimed again.
    OutOfStep,
    Denied(Denial),
}

impl Standing {
    /// Who writes from now on.
    ///
    /// # Errors
    /// [`Denial`] if that cannot be the one who asks.
    pub fn admit(&self, claim: &Claim) -> Result<Writer, Denial> {
        let hub = claim.hub;
        let before = self.writer.map_or(0, |writer| writer.epoch);
        self.must_be_of(hub)?;
        if claim.epoch.is_some_and(|epoch| epoch < before) {
            return Err(Denial::LaterLife);
        }
        let (checkpoint, written) = (self.checkpoint, claim.written);
        if checkpoint > written {
            return Err(Denial::Ahead {
                checkpoint,
                written,
            });
        }
        let epoch = claim.epoch.unwrap_or(before + 1);
        Ok(Writer { hub, epoch })
    }

    /// # Errors
    /// [`Denial::OtherHub`] if the archive belongs to another.
    pub fn must_be_of(&self, hub: HubId) -> Result<(), Denial> {
        match self.writer {
            Some(Writer { hub: owner, .. }) if owner != hub => Err(Denial::OtherHub { owner, hub }),
            _ => Ok(()),
        }
    }

    pub fn judge(&self, batch: &Batch) -> Verdict {
        if self.writer != batch.writer {
            return self.judge_stranger(batch.writer);
        }
        if batch.through <= self.checkpoint {
            Verdict::Held
        } else if batch.after == self.checkpoint {
            Verdict::Write
        } else {
            Verdict::OutOfStep
        }
    }

    fn judge_stranger(&self, stranger: Option<Writer>) -> Verdict {
        let (Some(writer), Some(stranger)) = (self.writer, stranger) else {
            return Verdict::OutOfStep;
        };
        match self.must_be_of(stranger.hub) {
            Err(denial) => Verdict::Denied(denial),
            Ok(()) if writer.epoch > stranger.epoch => Verdict::Denied(Denial::LaterLife),
            // An earlier state of the archive was restored.
            Ok(()) => Verdict::OutOfStep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn hub(number: u128) -> HubId {
        HubId(Uuid::from_u128(number))
    }

    fn writer(number: u128, epoch: u64) -> Option<Writer> {
        let hub = hub(number);
        Some(Writer { hub, epoch })
    }

    #[test]
    fn an_archive_is_claimed_by_the_hub_it_belongs_to_and_no_other() {
        let denied = |checkpoint| Denial::Ahead {
            checkpoint,
            written: 5,
        };
        let other = Denial::OtherHub {
            owner: hub(2),
            hub: hub(1),
        };
        for (before, checkpoint, epoch, expected) in [
            (None, 0, None, Ok(1)),
            (None, 5, None, Ok(1)),
            (None, 6, None, Err(denied(6))),
            (writer(1, 3), 5, None, Ok(4)),
            (writer(1, 3), 6, None, Err(denied(6))),
            (writer(2, 3), 0, None, Err(other)),
            (writer(2, 3), 9, None, Err(other)),
            // Emptied, restored, as it was, taken by a later life.
            (None, 0, Some(4), Ok(4)),
            (writer(1, 2), 3, Some(4), Ok(4)),
            (writer(1, 4), 5, Some(4), Ok(4)),
            (writer(1, 5), 5, Some(4), Err(Denial::LaterLife)),
        ] {
            let standing = Standing {
                checkpoint,
                writer: before,
            };
            let claim = Claim {
                hub: hub(1),
                epoch,
                written: 5,
            };
            let admitted = standing.admit(&claim).map(|writer| writer.epoch);
            assert_eq!(admitted, expected, "{standing:?} {claim:?}");
        }
    }

    #[test]
    fn a_batch_is_written_by_the_latest_life_alone() {
        let other = Verdict::Denied(Denial::OtherHub {
            owner: hub(2),
            hub: hub(1),
        });
        for (owner, after, through, expected) in [
            (writer(1, 4), 7, 9, Verdict::Write),
            (writer(1, 4), 5, 7, Verdict::Held),
            (writer(1, 4), 6, 9, Verdict::OutOfStep),
            (writer(1, 4), 8, 9, Verdict::OutOfStep),
            (writer(1, 5), 7, 9, Verdict::Denied(Denial::LaterLife)),
            (writer(1, 5), 5, 7, Verdict::Denied(Denial::LaterLife)),
            (writer(1, 3), 7, 9, Verdict::OutOfStep),
            (None, 7, 9, Verdict::OutOfStep),
            (writer(2, 4), 7, 9, other),
            (writer(2, 1), 5, 7, other),
        ] {
            let standing = Standing {
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
