//! `message-hub wal repair`: sets damaged records aside, so that the hub starts again.
//!
//! What cannot be read is copied into a file beside the journal and then overwritten with records
//! that say nothing, in its place: positions and offsets of all others stay. Nothing is done while
//! what is damaged may still be owed, unless the loss is accepted.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ahash::{AHashMap, AHashSet};

use super::check::{SegmentState, check};
use crate::adapters::journal_file::directory::{self, SegmentFile, SegmentListing};
use crate::adapters::journal_file::{FileJournal, JournalOptions};
use crate::domain::compaction_summary::MessageTotals;
use crate::domain::fact::Fact;
use crate::domain::fact::message::MessageFact;
use crate::domain::ids::{MessageId, Position};
use crate::logic::journal::frame;
use crate::logic::journal::records::Kind;
use crate::logic::journal::salvage::{self, Remains};
use crate::logic::journal::segment::{HEADER_BYTES, SegmentReader, header};
use crate::ports::journal::JournalError;

/// Beside the directory of the journal.
const ASIDE: &str = "wal-damaged";

#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}; repair cannot help here, `message-hub wal export` rescues what can be read")]
    Beyond(String),
}

/// A stretch of a segment that cannot be read.
#[derive(Debug)]
pub struct Damage {
    pub segment: PathBuf,
    pub offset: u64,
    pub bytes: Vec<u8>,
    /// The positions that lie in it.
    pub positions: std::ops::Range<Position>,
    /// What can be told of the records in it, one for each position, or nothing.
    pub remains: Vec<Remains>,
    /// Whether it is only the header of the segment, of which everything is known.
    pub is_header: bool,
    /// Whether every record in it is of a message that was settled later.
    pub is_settled: bool,
}

/// What was found, and done.
#[derive(Debug, Default)]
pub struct Repair {
    pub damages: Vec<Damage>,
    /// Where the damaged bytes are now; empty if nothing was done.
    pub aside: Vec<PathBuf>,
}

impl Repair {
    /// Whether nothing that is damaged can be owed still.
    pub fn is_settled(&self) -> bool {
        let mut damages = self.damages.iter();
        damages.all(|damage| damage.is_header || damage.is_settled)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segment = self.segment.display();
        write!(
            f,
            "{segment}: {} bytes at {}",
            self.bytes.len(),
            self.offset
        )?;
        if self.is_header {
            return write!(f, ": the header of the segment, which is written anew");
        }
        if self.remains.is_empty() {
            let (first, last) = (self.positions.start, self.positions.end.saturating_sub(1));
            return write!(
                f,
                ": records {first} to {last}, of which nothing can be told"
            );
        }
        for (position, remains) in self.positions.clone().zip(&self.remains) {
            let kind = Kind::from_number(remains.kind).map_or("unknown", Kind::name);
            write!(f, ": record {position}, {kind}")?;
            match remains.id {
                Some(id) => write!(f, " of message {id}")?,
                None => write!(f, " without a readable id")?,
            }
        }
        let state = if self.is_settled {
            "was settled later"
        } else {
            "may still be owed"
        };
        write!(f, ", {state}")
    }
}

/// Looks at the journal in `data_dir`, which no hub may be running on, and sets aside what is
/// damaged if that cannot be owed still, or if `accept_loss`.
///
/// # Errors
/// [`RepairError::Beyond`] if what is there can be no journal again in this way.
pub fn repair(data_dir: &Path, accept_loss: bool) -> Result<Repair, RepairError> {
    let directory = data_dir.join("wal");
    let _lock = FileJournal::open(&directory, JournalOptions::default())?;
    let mut repair = Repair::default();
    let listing = SegmentListing::read(&directory)?;
    let is_damaged = damaged_segments(&directory)?;
    for (index, segment) in listing.segments.iter().enumerate() {
        if is_damaged.contains(&segment.path) {
            let next = listing.segments.get(index + 1).map(|next| next.first);
            repair.damages.extend(damages_of(segment, next)?);
        }
    }
    judge(&listing, &mut repair.damages)?;
    // Before anything is changed, and before anybody is told that it could be.
    let fillers: Result<Vec<_>, _> = repair.damages.iter().map(filler).collect();
    let fillers = fillers?;
    if !repair.is_settled() && !accept_loss {
        return Ok(repair);
    }
    for (damage, filler) in repair.damages.iter().zip(&fillers) {
        repair.aside.push(set_aside(data_dir, damage)?);
        let file = File::options().write(true).open(&damage.segment)?;
        file.write_all_at(filler, damage.offset)?;
        file.sync_all()?;
    }
    Ok(repair)
}

/// Those that keep the hub from starting.
fn damaged_segments(directory: &Path) -> Result<AHashSet<PathBuf>, RepairError> {
    let mut damaged = AHashSet::new();
    for segment in check(directory)?.segments {
        if let SegmentState::Damaged(error) = segment.state {
            let bytes = fs::metadata(&segment.path)?.len();
            if bytes < HEADER_BYTES as u64 {
                return Err(RepairError::Beyond(error.to_string()));
            }
            damaged.insert(segment.path);
        }
    }
    Ok(damaged)
}

/// `next`: where the following segment begins.
fn damages_of(segment: &SegmentFile, next: Option<Position>) -> Result<Vec<Damage>, RepairError> {
    let file = File::open(&segment.path)?;
    let mut reader = SegmentReader::new(File::open(&segment.path)?, segment.first, segment.order());
    let mut damages = Vec::new();
    loop {
        while reader.next_frame()?.is_some() {}
        let first = reader.next_position();
        let Some(gap) = reader.skip_damage()? else {
            break;
        };
        let is_at_end = reader.offset() == file.metadata()?.len();
        let end = match (is_at_end, segment.compacted_through, next) {
            (false, ..) => reader.next_position(),
            (true, Some(last), _) => last + 1,
            (true, None, Some(next)) => next,
            // Behind the last record of the newest segment: the next start cuts it off.
            (true, None, None) => break,
        };
        let mut bytes = vec![0; usize::try_from(gap.bytes).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, gap.offset)?;
        let is_header = gap.offset == 0 && bytes.len() == HEADER_BYTES;
        damages.push(Damage {
            segment: segment.path.clone(),
            offset: gap.offset,
            remains: salvage::records(&bytes, first..end),
            bytes,
            positions: first..end,
            is_header,
            is_settled: false,
        });
    }
    if damages.is_empty() {
        let path = segment.path.display();
        let problem = format!("{path}: its records are good but do not fit to those around it");
        return Err(RepairError::Beyond(problem));
    }
    Ok(damages)
}

/// Finds out what was settled: a message of which a readable record tells so behind the damage,
/// and whose acceptance, if that is what is damaged, is nowhere else. An id that is damaged itself
/// and happens to be another message's does not pass for it.
fn judge(listing: &SegmentListing, damages: &mut [Damage]) -> Result<(), RepairError> {
    let mut accepted = AHashSet::new();
    let mut settled = AHashMap::new();
    for segment in &listing.segments {
        let file = File::open(&segment.path)?;
        let mut reader = SegmentReader::new(file, segment.first, segment.order());
        loop {
            while let Some(frame) = reader.next_frame()? {
                match frame
                    .decode()
                    .map_err(|error| RepairError::Beyond(error.to_string()))?
                {
                    Fact::Message(MessageFact::Accepted(message)) => {
                        accepted.insert(message.id);
                    }
                    Fact::Message(MessageFact::Redriven(redrive)) => {
                        settled.remove(&redrive.message.id);
                    }
                    fact => {
                        if let Some((_, settlement)) = fact.settlement() {
                            settled.insert(settlement.id, frame.position);
                        }
                    }
                }
            }
            if reader.skip_damage()?.is_none() {
                break;
            }
        }
    }
    for damage in damages {
        let mut positions = damage.positions.clone().zip(&damage.remains);
        let is_settled = |(position, remains): (Position, &Remains)| {
            let later = |id: &MessageId| settled.get(id).is_some_and(|at| *at > position);
            let known = |id: &MessageId| accepted.contains(id);
            match (Kind::from_number(remains.kind), remains.id) {
                (Some(Kind::Accepted), Some(id)) => later(&id) && !known(&id),
                (Some(kind), Some(id)) if is_of_message(kind) => later(&id) && known(&id),
                _ => false,
            }
        };
        damage.is_settled = !damage.remains.is_empty() && positions.all(is_settled);
    }
    Ok(())
}

fn is_of_message(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::AttemptFailed
            | Kind::Delivered
            | Kind::DeadLettered
            | Kind::Expired
            | Kind::Cancelled
    )
}

/// Records without meaning that take just as much room.
fn filler(damage: &Damage) -> Result<Vec<u8>, RepairError> {
    if damage.is_header {
        return Ok(header(damage.positions.start).to_vec());
    }
    let header = match damage.offset {
        0 => header(damage.positions.start).to_vec(),
        _ => Vec::new(),
    };
    let room = damage.bytes.len() - header.len();
    let totals = totals_of(&damage.remains);
    let records = frame::without_meaning(damage.positions.clone(), room, totals);
    let records = records.ok_or_else(|| {
        let path = damage.segment.display();
        let count = damage.positions.end - damage.positions.start;
        RepairError::Beyond(format!("{path}: {count} records were in {room} bytes"))
    })?;
    Ok([header, records].concat())
}

/// What the records counted, so that the totals go on adding up.
fn totals_of(remains: &[Remains]) -> MessageTotals {
    let mut totals = MessageTotals::default();
    for record in remains {
        match Kind::from_number(record.kind) {
            Some(Kind::Accepted) => totals.accepted += 1,
            Some(Kind::Delivered) => totals.delivered += 1,
            Some(Kind::DeadLettered) => totals.dead += 1,
            Some(Kind::Expired) => totals.expired += 1,
            Some(Kind::Cancelled) => totals.cancelled += 1,
            _ => {}
        }
    }
    totals
}

/// Copies what is damaged into a file of its own, durably.
fn set_aside(data_dir: &Path, damage: &Damage) -> io::Result<PathBuf> {
    let folder = data_dir.join(ASIDE);
    directory::create(&folder)?;
    let segment = damage.segment.file_name().unwrap_or_default();
    let name = format!("{}.{}", segment.to_string_lossy(), damage.offset);
    let path = folder.join(name);
    let mut file = File::create(&path)?;
    file.write_all(&damage.bytes)?;
    file.sync_all()?;
    directory::sync(&folder)?;
    Ok(path)
}
