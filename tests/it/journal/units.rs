//! What is written as one unit is found whole or not at all, wherever the journal is cut.

use std::fs;
use std::path::{Path, PathBuf};

use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::MessageFact;
use message_hub::logic::journal::units::Units;
use message_hub::ports::journal::{Journal, Portion};

use super::{FileJournal, accepted, files, numbered, reopen};

/// Facts 1 to 10, of which 3 to 5 and 6 to 9 are units.
fn batch() -> (Vec<Fact>, Units) {
    let mut units = Units::default();
    units.join(2..5);
    units.join(5..9);
    ((1..=10).map(accepted).collect(), units)
}

/// A journal with the batch, and its facts.
fn written(directory: &Path) -> (FileJournal, Vec<Fact>) {
    let (facts, units) = batch();
    let (mut journal, ..) = reopen(directory, 1 << 20);
    journal.append_units(&facts, &units).unwrap();
    journal.sync().unwrap();
    (journal, facts)
}

/// As [`written`], closed: its one segment, and the bytes of that.
fn closed(directory: &Path) -> (PathBuf, Vec<u8>, Vec<Fact>) {
    let (mut journal, facts) = written(directory);
    journal.close().unwrap();
    drop(journal);
    let segment = files(directory).remove(0);
    let bytes = fs::read(&segment).unwrap();
    (segment, bytes, facts)
}

/// After so many records nothing is torn.
const WHOLE: [usize; 6] = [0, 1, 2, 5, 9, 10];

#[test]
fn a_journal_cut_at_any_byte_has_no_half_unit_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (segment, bytes, facts) = closed(directory.path());
    let mut found = Vec::new();
    for length in 24..=bytes.len() {
        fs::write(&segment, &bytes[..length]).unwrap();
        let (mut journal, records, recovery) = reopen(directory.path(), 1 << 20);
        let count = records.len();
        assert!(WHOLE.contains(&count), "{count} records of {length} bytes");
        assert_eq!(records, numbered(facts[..count].to_vec()));
        found.push(count);
        if length % 97 == 0 {
            assert_eq!(recovery.last_position, count as u64);
            let next = journal.append(&[accepted(11)]).unwrap();
            assert_eq!(next, count as u64 + 1);
            journal.sync().unwrap();
            drop(journal);
            assert_eq!(reopen(directory.path(), 1 << 20).1.len(), count + 1);
        }
    }
    assert!(found.is_sorted());
    found.dedup();
    assert_eq!(found, WHOLE);
}

#[test]
fn a_hole_in_a_unit_takes_it_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (segment, bytes, _) = closed(directory.path());
    for at in (24..bytes.len()).step_by(11) {
        let mut torn = bytes.clone();
        torn[at] ^= 0x20;
        fs::write(&segment, &torn).unwrap();
        let (_, records, _) = reopen(directory.path(), 1 << 20);
        assert!(WHOLE.contains(&records.len()), "{} records", records.len());
    }
}

#[test]
fn no_reader_sees_a_part_of_a_unit() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _) = written(directory.path());
    for (records, bytes) in [(1, usize::MAX), (usize::MAX, 1)] {
        let mut reader = journal.readers()(1);
        let mut lengths = Vec::new();
        loop {
            let portion = reader.next(Portion { records, bytes }).unwrap();
            if portion.is_empty() {
                break;
            }
            lengths.push(portion.len());
        }
        assert_eq!(lengths, [1, 1, 3, 4, 1]);
    }
}

#[test]
fn a_compacted_unit_is_read_record_by_record() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), 500);
    for round in 0..10 {
        let (_, units) = batch();
        let facts: Vec<Fact> = (1..=10)
            .map(|number| accepted(10 * round + number))
            .collect();
        journal.append_units(&facts, &units).unwrap();
        // Of each unit something is settled, so that what is left of it has gaps.
        let settled: Vec<Fact> = [4, 6, 9]
            .map(|number| super::delivered(10 * round + number))
            .into();
        journal.append(&settled).unwrap();
        journal.sync().unwrap();
    }
    journal.plan_compaction(u64::MAX).unwrap().run().unwrap();
    drop(journal);
    let (journal, records, _) = reopen(directory.path(), 500);
    let open = records
        .iter()
        .filter(|record| matches!(record.fact, Fact::Message(MessageFact::Accepted(_))));
    assert!(open.count() >= 70);
    let read = journal.readers()(1)
        .next(Portion::records(usize::MAX))
        .unwrap();
    assert_eq!(read, records);
}
