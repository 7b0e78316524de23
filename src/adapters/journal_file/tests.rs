//! A shortage of file descriptors or memory, at every place where a file is opened.

use rustix::io::Errno;

use super::opening::fail_opens;
use super::*;
use crate::domain::lack::Lack;
use crate::logic::journal::samples;
use crate::ports::journal::Portion;

const SHORTAGES: [(Errno, Lack); 4] = [
    (Errno::MFILE, Lack::Files),
    (Errno::NFILE, Lack::Files),
    (Errno::NOMEM, Lack::Memory),
    (Errno::AGAIN, Lack::Memory),
];

fn open(directory: &Path) -> (FileJournal, u64) {
    let options = JournalOptions {
        segment_bytes: 1500,
        ..JournalOptions::default()
    };
    let mut journal = FileJournal::open(directory, options).unwrap();
    let mut records = 0;
    journal.replay(&mut |_| records += 1).unwrap();
    (journal, records)
}

#[test]
fn a_shortage_at_any_open_refuses_and_passes() {
    for (errno, expected) in SHORTAGES {
        for good in 0..6 {
            let directory = tempfile::tempdir().unwrap();
            let (mut journal, _) = open(directory.path());
            let mut appended = 0;
            fail_opens(Some((good, errno)));
            let mut refused = 0;
            while refused < 3 {
                match journal.append(&[samples::accepted(appended)]) {
                    Ok(_) => {
                        journal.sync().unwrap();
                        appended += 1;
                    }
                    Err(JournalError::Full { lack, .. }) if lack == expected => refused += 1,
                    Err(error) => panic!("{good} good opens, {errno}: {error}"),
                }
                assert!(appended < 100, "every open fails, and none is needed");
            }
            fail_opens(None);
            for _ in 0..10 {
                journal.append(&[samples::accepted(appended)]).unwrap();
                journal.sync().unwrap();
                appended += 1;
            }
            drop(journal);
            let (_, records) = open(directory.path());
            assert_eq!(u128::from(records), appended);
        }
    }
}

#[test]
fn the_next_segment_needs_no_file_descriptor() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path());
    journal.append(&[samples::accepted(0)]).unwrap();
    let first = journal.active.as_ref().unwrap().first();
    fail_opens(Some((0, Errno::MFILE)));
    let mut number = 1;
    while journal.active.as_ref().unwrap().first() == first {
        journal.append(&[samples::accepted(number)]).unwrap();
        journal.sync().unwrap();
        number += 1;
    }
    fail_opens(None);
}

#[test]
fn nothing_is_left_of_the_file_for_the_next_segment() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path());
    journal.append(&[samples::accepted(0)]).unwrap();
    let spare = directory.path().join(directory::SPARE);
    assert!(spare.exists());
    drop(journal);
    assert!(!spare.exists());
    fs::write(&spare, "left by a kill").unwrap();
    let (_, records) = open(directory.path());
    assert_eq!(records, 1);
    assert!(!spare.exists());
}

#[test]
fn a_compaction_or_a_reader_that_gets_no_file_is_done_later() {
    for (errno, _) in SHORTAGES {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, _) = open(directory.path());
        for number in 0..60 {
            journal.append(&[samples::accepted(number)]).unwrap();
            journal.append(&[samples::delivered(number)]).unwrap();
            journal.sync().unwrap();
        }
        let mut good = 0;
        loop {
            // The last thing that may fail is that the old files are gone for sure.
            let Some(compaction) = journal.plan_compaction(Position::MAX) else {
                break;
            };
            fail_opens(Some((good, errno)));
            let done = compaction.run();
            fail_opens(None);
            let mut reader = journal.readers()(1);
            fail_opens(Some((0, errno)));
            assert!(reader.next(Portion::records(1)).is_err());
            fail_opens(None);
            assert!(!reader.next(Portion::records(1)).unwrap().is_empty());
            if done.is_ok() {
                break;
            }
            good += 1;
            assert!(good < 1000);
        }
        assert!(good > 10, "only {good} files were opened");
        journal.append(&[samples::accepted(60)]).unwrap();
        journal.sync().unwrap();
        drop(journal);
        let (_, records) = open(directory.path());
        assert!((1..120).contains(&records), "{records}");
    }
}

#[test]
fn the_journal_knows_how_the_clock_was_set() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path());
    let at = Timestamp::from_millis;
    let append = |journal: &mut FileJournal, number| {
        journal.append(&[samples::accepted(number)]).unwrap();
        journal.sync().unwrap();
    };
    append(&mut journal, 1);
    journal.note_clock_step(at(1_000), at(61_000)).unwrap();
    append(&mut journal, 2);
    drop(journal);
    let (mut journal, _) = open(directory.path());
    let set_since =
        |journal: &FileJournal, position| journal.clock_steps().set_since(position, None);
    assert_eq!(
        (set_since(&journal, 1), set_since(&journal, 2)),
        (60_000, 0)
    );

    // A step that cannot be written is, with what is written next.
    let blocked = directory.path().join("clock.tmp");
    fs::create_dir(&blocked).unwrap();
    journal.note_clock_step(at(70_000), at(60_000)).unwrap_err();
    append(&mut journal, 3);
    fs::remove_dir(&blocked).unwrap();
    append(&mut journal, 4);
    drop(journal);
    let (journal, _) = open(directory.path());
    let found = [1, 2, 3].map(|position| set_since(&journal, position));
    assert_eq!(found, [50_000, -10_000, 0]);
    drop(journal);

    // Of a journal that begins anew it says nothing.
    for segment in SegmentListing::read(directory.path()).unwrap().segments {
        fs::remove_file(segment.path).unwrap();
    }
    let (mut journal, _) = open(directory.path());
    append(&mut journal, 5);
    drop(journal);
    let (journal, _) = open(directory.path());
    assert_eq!(set_since(&journal, 1), 0);
}
