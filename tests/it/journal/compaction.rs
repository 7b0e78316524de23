//! Compaction loses nothing that is owed, whenever it is interrupted and whoever reads meanwhile.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use message_hub::adapters::journal_file::FileJournal;
use message_hub::domain::compaction_summary::MessageTotals;
use message_hub::domain::fact::message::MessageFact;
use message_hub::domain::fact::{Fact, Recorded};
use message_hub::domain::ids::{MessageId, Position};
use message_hub::logic::message_totals::contribution;
use message_hub::ports::journal::{Journal, JournalError, Portion};

use super::{accepted, append_synced, delivered, files, open, reopen, replay};

const SMALL: u64 = 2000;

/// What must be the same before and after.
#[derive(PartialEq, Debug, Default)]
pub(super) struct Owed {
    pub open: BTreeSet<MessageId>,
    pub totals: MessageTotals,
    pub known_ids: BTreeSet<MessageId>,
}

pub(super) fn owed(records: &[Recorded]) -> Owed {
    let mut owed = Owed::default();
    for Recorded { fact, .. } in records {
        owed.totals += contribution(fact);
        match fact {
            Fact::Message(MessageFact::Accepted(message)) => {
                owed.open.insert(message.id);
                owed.known_ids.insert(message.id);
            }
            Fact::Message(MessageFact::Delivered(settlement)) => {
                owed.open.remove(&settlement.id);
            }
            Fact::CompactionSummary(summary) => {
                owed.known_ids
                    .extend(summary.known_ids.iter().map(|known| MessageId(known.id)));
            }
            _ => {}
        }
    }
    owed
}

/// Accepts the numbers and delivers all but each tenth.
fn work(journal: &mut FileJournal, numbers: std::ops::Range<u128>) -> Position {
    let mut last = 0;
    for number in numbers {
        last = append_synced(journal, &[accepted(number)]);
        if number % 10 != 0 {
            last = append_synced(journal, &[delivered(number)]);
        }
    }
    last
}

fn compact(journal: &mut FileJournal, archived: Position) {
    journal.plan_compaction(archived).unwrap().run().unwrap();
}

#[test]
fn what_is_owed_stays_and_the_rest_goes() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), SMALL);
    let last = work(&mut journal, 1..101);
    drop(journal);
    let (mut journal, before, _) = reopen(directory.path(), SMALL);
    let size_before = journal.size_bytes();
    let compaction = journal.plan_compaction(last).unwrap();
    let report = compaction.run().unwrap();
    assert!(report.segments_removed > 10);
    assert!(report.records_kept < report.records_dropped);
    assert!(report.bytes_after < report.bytes_before);
    assert_eq!(
        journal.size_bytes(),
        size_before - report.bytes_before + report.bytes_after
    );
    work(&mut journal, 101..111);
    drop(journal);

    let (_, after, recovery) = reopen(directory.path(), SMALL);
    assert!(after.len() < before.len());
    assert_eq!(recovery.last_position, last + 19);
    let mut whole = before;
    whole.extend(
        after
            .iter()
            .filter(|record| record.position > last)
            .cloned(),
    );
    assert_eq!(owed(&after), owed(&whole));
}

#[test]
fn compacting_again_takes_the_compacted_segment_along() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), SMALL);
    for round in 0..4 {
        let last = work(&mut journal, round * 100 + 1..round * 100 + 101);
        compact(&mut journal, last);
        let names = files(directory.path());
        let bases = names
            .iter()
            .filter(|name| name.to_str().unwrap().ends_with(".base"));
        assert_eq!(bases.count(), 1);
    }
    drop(journal);
    let (_, records, _) = reopen(directory.path(), SMALL);
    let owed = owed(&records);
    assert_eq!((owed.open.len(), owed.known_ids.len()), (40, 400));
    assert_eq!((owed.totals.accepted, owed.totals.open()), (400, 40));
}

#[test]
fn only_archived_segments_are_compacted_and_only_one_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), SMALL);
    let last = work(&mut journal, 1..101);
    assert!(journal.plan_compaction(5).is_none());
    let planned = journal.plan_compaction(last).unwrap();
    assert!(journal.plan_compaction(last).is_none());
    drop(planned);
    let planned = journal.plan_compaction(last / 2).unwrap();
    planned.run().unwrap();
    assert!(journal.plan_compaction(last / 2).is_none());
    assert!(journal.plan_compaction(last).is_some());
}

#[test]
fn the_journal_is_written_while_it_is_compacted() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), SMALL);
    let last = work(&mut journal, 1..301);
    let compaction = journal.plan_compaction(last).unwrap();
    let running = std::thread::spawn(|| compaction.run().unwrap());
    work(&mut journal, 301..401);
    running.join().unwrap();
    work(&mut journal, 401..501);
    drop(journal);
    let (_, records, _) = reopen(directory.path(), SMALL);
    let owed = owed(&records);
    assert_eq!((owed.totals.accepted, owed.open.len()), (500, 50));
    assert_eq!(owed.known_ids.len(), 500);
}

#[test]
fn a_reader_goes_on_through_a_compaction() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), SMALL);
    let half = work(&mut journal, 1..51);
    work(&mut journal, 51..101);
    let mut reader = journal.readers()(1);
    let mut seen = reader.next(Portion::records(half as usize)).unwrap();
    compact(&mut journal, half);
    work(&mut journal, 101..121);
    loop {
        let more = reader.next(Portion::records(7)).unwrap();
        if more.is_empty() {
            break;
        }
        seen.extend(more);
    }
    assert!(seen.is_sorted_by_key(|record| record.position));
    assert_eq!(owed(&seen).open.len(), 12);
    let fresh = journal.readers()(1)
        .next(Portion::records(usize::MAX))
        .unwrap();
    assert_eq!(owed(&fresh).open.len(), 12);
    assert_eq!(owed(&fresh).totals.accepted, 120);
}

#[test]
fn a_crash_at_any_step_leaves_everything_or_the_compacted() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), SMALL);
    let last = work(&mut journal, 1..101);
    let before = snapshot(directory.path());
    compact(&mut journal, last);
    drop(journal);
    let after = snapshot(directory.path());
    let (name, base) = after[0].clone();
    let whole = owed(&reopen(directory.path(), SMALL).1);

    for written in [0, 10, 24, base.len() / 2, base.len()] {
        let mut files = before.clone();
        files.push(("compaction.tmp".into(), base[..written].to_vec()));
        assert_eq!(owed(&restart_with(&files)), whole);
    }
    let sources = before.len() - (after.len() - 1);
    for removed in 0..=sources {
        let mut files = before[removed..].to_vec();
        files.push((name.clone(), base.clone()));
        assert_eq!(owed(&restart_with(&files)), whole);
    }
}

#[test]
fn a_compacted_segment_cut_between_records_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), SMALL);
    let last = work(&mut journal, 1..101);
    compact(&mut journal, last);
    drop(journal);
    let base = files(directory.path())[0].clone();
    let bytes = fs::read(&base).unwrap();
    for length in [
        0,
        24,
        bytes.len() / 2,
        last_record_start(&bytes),
        bytes.len() - 1,
    ] {
        fs::write(&base, &bytes[..length]).unwrap();
        let mut journal = open(directory.path(), SMALL).unwrap();
        let error = replay(&mut journal).unwrap_err();
        assert!(matches!(error, JournalError::Damaged { segment, .. } if segment == base));
    }
}

fn last_record_start(bytes: &[u8]) -> usize {
    let mut start = 24;
    loop {
        let length = u32::from_le_bytes(bytes[start..start + 4].try_into().unwrap());
        let next = start + 8 + length as usize;
        if next == bytes.len() {
            return start;
        }
        start = next;
    }
}

type Files = Vec<(String, Vec<u8>)>;

fn snapshot(directory: &Path) -> Files {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let paths = files(directory);
    let read = paths
        .iter()
        .map(|path| (name(path), fs::read(path).unwrap()));
    read.collect()
}

/// Replays these files, twice, as the first start cleans up.
fn restart_with(content: &Files) -> Vec<Recorded> {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in content {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let (journal, first, _) = reopen(directory.path(), SMALL);
    drop(journal);
    let (_, second, _) = reopen(directory.path(), SMALL);
    assert_eq!(first, second);
    let left = files(directory.path());
    assert!(!left.iter().any(|path| path.ends_with("compaction.tmp")));
    first
}
