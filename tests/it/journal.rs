//! The journal in files: what was synced is there after any end, and damage never goes unseen.

mod compaction;
mod faults;
mod frozen;
mod memory;
mod random;
mod rescue;
mod units;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use message_hub::adapters::journal_file::{FileJournal, JournalOptions, SyncMode};
use message_hub::domain::attempt::{Attempt, AttemptOutcome};
use message_hub::domain::fact::message::{MessageFact, Settlement};
use message_hub::domain::fact::{Fact, Recorded};
use message_hub::domain::ids::{MessageId, MessageType, Position, ServiceName};
use message_hub::domain::message::{Extras, Fingerprint, Message, Priority};
use message_hub::domain::payload::Payload;
use message_hub::domain::timestamp::Timestamp;
use message_hub::ports::journal::{Journal, JournalError, Portion, Recovery};
use uuid::Uuid;

fn options(segment_bytes: u64) -> JournalOptions {
    JournalOptions {
        segment_bytes,
        ..JournalOptions::default()
    }
}

fn open(directory: &Path, segment_bytes: u64) -> Result<FileJournal, JournalError> {
    FileJournal::open(directory, options(segment_bytes))
}

pub(crate) fn replay(journal: &mut dyn Journal) -> Result<(Vec<Recorded>, Recovery), JournalError> {
    let mut records = Vec::new();
    let recovery = journal.replay(&mut |record| records.push(record))?;
    Ok((records, recovery))
}

/// Opens the journal and gives what is in it, with the journal to go on with.
fn reopen(directory: &Path, segment_bytes: u64) -> (FileJournal, Vec<Recorded>, Recovery) {
    let mut journal = open(directory, segment_bytes).unwrap();
    let (records, recovery) = replay(&mut journal).unwrap();
    (journal, records, recovery)
}

fn append_synced(journal: &mut dyn Journal, facts: &[Fact]) -> Position {
    let first = journal.append(facts).unwrap();
    journal.sync().unwrap();
    first
}

fn message(number: u128) -> Message {
    let extras = Extras {
        fingerprint: Some(Fingerprint(Uuid::from_u128(number))),
        ..Extras::default()
    };
    Message {
        id: MessageId(Uuid::from_u128(number)),
        destination: ServiceName::parse("billing").unwrap(),
        source: ServiceName::parse("orders").unwrap(),
        message_type: MessageType::parse("invoice").unwrap(),
        priority: Priority::Normal,
        accepted_at: Timestamp::from_millis(1_780_000_000_000),
        expires_at: None,
        correlation_id: None,
        payload: Payload::parse(&format!("{{\"number\":\n{number}}}")).unwrap(),
        extras: Some(Box::new(extras)),
    }
}

pub(crate) fn accepted(number: u128) -> Fact {
    Fact::Message(MessageFact::Accepted(Arc::new(message(number))))
}

pub(crate) fn delivered(number: u128) -> Fact {
    Fact::Message(MessageFact::Delivered(Settlement {
        id: MessageId(Uuid::from_u128(number)),
        at: Timestamp::from_millis(1_780_000_000_001),
        lane: message(number).lane(),
        attempt: Some(Attempt {
            number: 1,
            at: Timestamp::from_millis(1_780_000_000_001),
            instance: None,
            outcome: AttemptOutcome::Delivered,
            status_code: Some(200),
            duration_ms: 3,
            error: None,
        }),
        reason: None,
        holds_key: false,
    }))
}

pub(crate) fn numbered(facts: impl IntoIterator<Item = Fact>) -> Vec<Recorded> {
    let numbered = facts.into_iter().zip(1..);
    numbered
        .map(|(fact, position)| Recorded { position, fact })
        .collect()
}

/// The segments of the journal by name, without its lock, its identity and the file to come.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end != "tmp"));
    paths.sort();
    paths
}

#[test]
fn what_was_synced_is_there_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (1..=10).map(accepted).collect();
    let (mut journal, records, recovery) = reopen(directory.path(), 1 << 20);
    assert_eq!((records.len(), recovery.last_position), (0, 0));
    assert_eq!(append_synced(&mut journal, &facts[..4]), 1);
    assert_eq!(append_synced(&mut journal, &facts[4..]), 5);
    drop(journal);

    let (_, records, recovery) = reopen(directory.path(), 1 << 20);
    assert_eq!(records, numbered(facts));
    assert_eq!(recovery.last_position, 10);
    assert!(recovery.cut.unwrap().zeroes);
}

#[test]
fn a_closed_journal_has_no_reserved_space() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), 1 << 20);
    append_synced(&mut journal, &[accepted(1)]);
    assert!(journal.size_bytes() >= 1 << 20);
    journal.close().unwrap();
    assert!(journal.size_bytes() < 1000);
    drop(journal);
    let (_, records, recovery) = reopen(directory.path(), 1 << 20);
    assert_eq!((records.len(), recovery.cut), (1, None));
}

#[test]
fn a_second_owner_is_kept_out() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path(), 1000).unwrap();
    let second = open(directory.path(), 1000);
    assert!(matches!(second, Err(JournalError::Locked { .. })));
    drop(first);
    assert!(open(directory.path(), 1000).is_ok());
}

#[test]
fn segments_follow_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (1..=50).map(accepted).collect();
    let (mut journal, ..) = reopen(directory.path(), 2000);
    for fact in &facts {
        append_synced(&mut journal, std::slice::from_ref(fact));
    }
    drop(journal);
    assert!(files(directory.path()).len() > 5);
    let (mut journal, records, recovery) = reopen(directory.path(), 2000);
    assert_eq!(records, numbered(facts));
    assert_eq!(recovery.segments, files(directory.path()).len());
    assert_eq!(append_synced(&mut journal, &[delivered(1)]), 51);
}

#[test]
fn a_batch_larger_than_a_segment_stays_together() {
    let directory = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (1..=50).map(accepted).collect();
    let (mut journal, ..) = reopen(directory.path(), 1000);
    append_synced(&mut journal, &facts);
    append_synced(&mut journal, &[accepted(51)]);
    drop(journal);
    assert_eq!(files(directory.path()).len(), 2);
    assert_eq!(reopen(directory.path(), 1000).1.len(), 51);
}

#[test]
fn without_disk_syncs_everything_survives_a_kill_too() {
    let directory = tempfile::tempdir().unwrap();
    let options = JournalOptions {
        sync: SyncMode::Os,
        ..options(2000)
    };
    let mut journal = FileJournal::open(directory.path(), options).unwrap();
    replay(&mut journal).unwrap();
    for number in 1..=30 {
        append_synced(&mut journal, &[accepted(number)]);
    }
    drop(journal);
    assert_eq!(reopen(directory.path(), 2000).1.len(), 30);
}

#[test]
fn a_reader_sees_what_is_synced_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), 3000);
    let mut reader = journal.readers()(1);
    assert_eq!(reader.next(Portion::records(10)).unwrap(), []);
    let facts: Vec<Fact> = (1..=40).map(accepted).collect();
    let mut seen = Vec::new();
    for pair in facts.chunks(2) {
        journal.append(pair).unwrap();
        assert_eq!(reader.next(Portion::records(10)).unwrap(), []);
        journal.sync().unwrap();
        seen.extend(reader.next(Portion::records(1)).unwrap());
        seen.extend(reader.next(Portion::records(10)).unwrap());
    }
    assert_eq!(seen, numbered(facts));
}

#[test]
fn a_reader_begins_where_it_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), 3000);
    let facts: Vec<Fact> = (1..=40).map(accepted).collect();
    for fact in &facts {
        append_synced(&mut journal, std::slice::from_ref(fact));
    }
    let all = numbered(facts);
    for from in [0, 1, 2, 17, 40, 41, 100] {
        let read = journal.readers()(from)
            .next(Portion::records(1000))
            .unwrap();
        let begin = (from.max(1) as usize - 1).min(all.len());
        assert_eq!(read, all[begin..], "from {from}");
    }
}

#[test]
fn a_reader_takes_no_more_bytes_at_once_than_it_may() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), 3000);
    let facts: Vec<Fact> = (1..=40).map(accepted).collect();
    let lengths = facts.iter().map(|fact| {
        let mut frame = Vec::new();
        message_hub::logic::journal::frame::encode(&mut frame, 1, 0, fact);
        frame.len()
    });
    let lengths: Vec<_> = lengths.collect();
    append_synced(&mut journal, &facts);
    let mut reader = journal.readers()(1);
    let mut next = |bytes| {
        let records = usize::MAX;
        reader.next(Portion { records, bytes }).unwrap().len()
    };
    // However large it is, one is read.
    assert_eq!(next(1), 1);
    assert_eq!(next(lengths[1..3].iter().sum()), 2);
    assert_eq!(next(lengths[3..7].iter().sum::<usize>() + 1), 5);
    assert_eq!(next(usize::MAX), 32);
    assert_eq!(next(usize::MAX), 0);
}

/// Run with `HUB_TEST_SMALL_DISK=/mnt/small`, a file system of about 1 MiB.
#[test]
#[ignore = "needs a small file system"]
fn a_full_disk_refuses_and_takes_nothing_back() {
    let disk = std::env::var("HUB_TEST_SMALL_DISK").expect("names a directory on a small disk");
    let directory = tempfile::tempdir_in(disk).unwrap();
    let (mut journal, ..) = reopen(directory.path(), 300_000);
    let batch: Vec<Fact> = (1..=100).map(accepted).collect();
    let mut appended = 0;
    while journal.append(&batch).is_ok() {
        journal.sync().unwrap();
        appended += batch.len();
    }
    for _ in 0..3 {
        let refused = journal.append(&batch);
        assert!(matches!(refused, Err(JournalError::Full { .. })));
    }
    while journal.append(&batch[..1]).is_ok() {
        journal.sync().unwrap();
        appended += 1;
    }
    drop(journal);
    let (mut journal, records, _) = reopen(directory.path(), 300_000);
    assert_eq!(records.len(), appended);

    let mut compaction = journal.plan_compaction(Position::MAX);
    if let Some(compaction) = compaction.take() {
        assert!(compaction.run().is_err());
    }
    drop(journal);
    assert_eq!(reopen(directory.path(), 300_000).1.len(), appended);
}
