//! A journal that is damaged or has to move: what is still owed, import and repair.

use std::fs;
use std::path::{Path, PathBuf};

use message_hub::adapters::journal_file::FileJournal;
use message_hub::cli::wal;
use message_hub::domain::fact::message::MessageFact;
use message_hub::domain::fact::{Fact, Recorded};
use message_hub::logic::journal::frame;
use message_hub::logic::journal::known_ids::DedupLimits;
use message_hub::logic::journal::segment::header;
use message_hub::ports::journal::Journal;

use super::{accepted, append_synced, delivered, files, options, reopen};

const SMALL: u64 = 1500;

fn limits() -> DedupLimits {
    DedupLimits {
        capacity: 100,
        age: std::time::Duration::from_secs(1 << 40),
    }
}

/// A data directory whose journal has messages 1 to 30, of which the even ones are settled.
fn data() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(&data.path().join("wal"), SMALL);
    for number in 1..=30 {
        append_synced(&mut journal, &[accepted(number)]);
        if number % 2 == 0 {
            append_synced(&mut journal, &[delivered(number)]);
        }
    }
    data
}

fn records(data: &Path) -> Vec<Recorded> {
    reopen(&data.join("wal"), SMALL).1
}

fn open_messages(records: &[Recorded]) -> Vec<u128> {
    let mut open = Vec::new();
    for record in records {
        match &record.fact {
            Fact::Message(MessageFact::Accepted(message)) => open.push(message.id.0.as_u128()),
            Fact::Message(MessageFact::Delivered(settled)) => {
                open.retain(|id| *id != settled.id.0.as_u128());
            }
            _ => {}
        }
    }
    open
}

fn odd() -> Vec<u128> {
    (1..=30).step_by(2).collect()
}

fn import(data: &Path, lines: &[u8]) -> Result<u64, String> {
    wal::import(data, &mut &lines[..]).map_err(|error| error.to_string())
}

#[test]
fn what_is_owed_is_exported_and_imported() {
    let data = data();
    let directory = data.path().join("wal");
    let mut lines = Vec::new();
    let export = wal::export_owed(&directory, limits(), &mut lines).unwrap();
    let text = String::from_utf8(lines.clone()).unwrap();
    assert_eq!(text.lines().count() as u64, export.records);
    assert!(!text.contains("delivered\","), "{text}");
    let new = tempfile::tempdir().unwrap();
    let target = new.path().join("data");
    assert_eq!(import(&target, &lines), Ok(export.records));
    let found = records(&target);
    assert_eq!(open_messages(&found), odd());
    // It goes on behind the last record there was.
    let (mut journal, ..) = reopen(&target.join("wal"), SMALL);
    assert_eq!(append_synced(&mut journal, &[accepted(99)]), 46);
}

#[test]
fn a_whole_export_is_the_same_journal_again() {
    let data = data();
    let mut lines = Vec::new();
    wal::export(&data.path().join("wal"), &mut lines).unwrap();
    let new = tempfile::tempdir().unwrap();
    assert_eq!(import(new.path(), &lines), Ok(45));
    let (found, before) = (records(new.path()), records(data.path()));
    assert_eq!(found.len(), before.len());
    for (found, before) in found.iter().zip(&before) {
        assert_eq!(found.position, before.position);
    }
    assert_eq!(open_messages(&found), odd());
}

#[test]
fn an_import_into_what_is_there_or_of_what_is_no_export_changes_nothing() {
    let data = data();
    let mut lines = Vec::new();
    wal::export(&data.path().join("wal"), &mut lines).unwrap();
    let error = import(data.path(), &lines).unwrap_err();
    assert!(error.contains("not empty"), "{error}");
    let good = String::from_utf8(lines).unwrap();
    let first = good.lines().next().unwrap();
    let twice = format!("{first}\n{first}\n");
    let unknown = first.replace("\"accepted\"", "\"guessed\"");
    let torn = &first[..first.len() / 2];
    for (lines, problem) in [
        (twice.as_str(), "line 2: position 1 comes after 1"),
        (unknown.as_str(), "\"guessed\" is no kind"),
        (torn, "line 1: "),
        ("\n\n", "no record"),
        (
            &first.replace("\"position\":1,", "\"position\":9223372036854775808,"),
            "position 9223372036854775808 is more",
        ),
        (
            "{\"position\":1,\"kind\":\"delivered\",\"fact\":{}}",
            "line 1: ",
        ),
    ] {
        let new = tempfile::tempdir().unwrap();
        let error = import(new.path(), lines.as_bytes()).unwrap_err();
        assert!(error.contains(problem), "{error}");
        let deep = new.path().join("not/there/yet");
        import(&deep, lines.as_bytes()).unwrap_err();
        assert!(!new.path().join("not").exists(), "after {problem}");
        assert_eq!(
            import(new.path(), good.as_bytes()),
            Ok(45),
            "after {problem}"
        );
    }
}

/// Flips a bit of the body of the first record whose JSON has `part`, behind it.
fn damage(data: &Path, part: &str, behind: usize) -> PathBuf {
    for file in files(&data.join("wal")) {
        let mut bytes = fs::read(&file).unwrap();
        let mut windows = bytes.windows(part.len());
        let Some(at) = windows.position(|window| window == part.as_bytes()) else {
            continue;
        };
        bytes[at + part.len() + behind] ^= 0x01;
        fs::write(&file, bytes).unwrap();
        return file;
    }
    panic!("{part}: nowhere");
}

fn starts(data: &Path) -> bool {
    let mut journal = FileJournal::open(data.join("wal"), options(SMALL)).unwrap();
    journal.replay(&mut |_| {}).is_ok()
}

fn id(number: u128) -> String {
    format!("\"id\":\"{}\"", uuid::Uuid::from_u128(number))
}

#[test]
fn a_damaged_record_of_a_settled_message_is_set_aside() {
    let data = data();
    let segment = damage(data.path(), &id(4), 10);
    assert!(!starts(data.path()));
    let before = fs::read(&segment).unwrap();
    let repair = wal::repair(data.path(), false).unwrap();
    assert_eq!(repair.damages.len(), 1);
    let told = repair.damages[0].to_string();
    for part in [
        "record 5, accepted of message",
        "-000000000004",
        "was settled later",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let aside = fs::read(&repair.aside[0]).unwrap();
    assert!(before.windows(aside.len()).any(|part| part == aside));
    assert!(starts(data.path()));
    assert_eq!(open_messages(&records(data.path())), odd());
    assert_eq!(wal::repair(data.path(), false).unwrap().damages.len(), 0);
}

#[test]
fn what_may_still_be_owed_is_not_given_up_unless_the_loss_is_accepted() {
    for (number, behind) in [(5, 10), (4, 0)] {
        let data = data();
        // An open message, and a settled one whose id is damaged: both may be anything.
        let part = match behind {
            0 => id(4).trim_end_matches('"').trim_end_matches('4').to_owned(),
            _ => id(number),
        };
        let segment = damage(data.path(), &part, behind);
        let before = fs::read(&segment).unwrap();
        let repair = wal::repair(data.path(), false).unwrap();
        assert!(repair.aside.is_empty());
        let told = repair.damages[0].to_string();
        assert!(told.contains("may still be owed"), "{told}");
        assert_eq!(fs::read(&segment).unwrap(), before);
        assert!(!starts(data.path()));
        let repair = wal::repair(data.path(), true).unwrap();
        assert_eq!(repair.aside.len(), 1);
        assert!(starts(data.path()));
    }
}

#[test]
fn damage_at_any_byte_of_a_finished_segment_is_repaired_with_the_loss_accepted() {
    let whole = data();
    let names = files(&whole.path().join("wal"));
    let finished = names[1].file_name().unwrap().to_owned();
    let bytes = fs::read(&names[1]).unwrap();
    let all = records(whole.path());
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        let path = whole.path().join("wal").join(&finished);
        fs::write(&path, &damaged).unwrap();
        let repair = wal::repair(whole.path(), true).unwrap();
        assert_eq!(repair.damages.len(), 1, "byte {at}");
        let found = records(whole.path());
        assert_eq!(found.len(), all.len(), "byte {at}");
        let changed = found.iter().zip(&all).filter(|(found, all)| found != all);
        let lost = usize::from(at >= 24);
        assert_eq!(changed.count(), lost, "byte {at}");
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn nobody_repairs_a_journal_that_a_hub_has_open() {
    let data = data();
    let _hub = FileJournal::open(data.path().join("wal"), options(SMALL)).unwrap();
    let error = wal::repair(data.path(), false).unwrap_err().to_string();
    assert!(error.contains("in use"), "{error}");
}

#[test]
fn a_missing_segment_is_beyond_repair() {
    let data = data();
    let gone = files(&data.path().join("wal")).remove(1);
    fs::remove_file(gone).unwrap();
    let error = wal::repair(data.path(), true).unwrap_err().to_string();
    assert!(error.contains("wal export"), "{error}");
}

#[test]
fn what_is_beyond_repair_is_not_said_to_be_repaired_with_the_loss_accepted() {
    let data = data();
    let segment = files(&data.path().join("wal")).remove(1);
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() / 3]).unwrap();
    for accept_loss in [false, true] {
        let error = wal::repair(data.path(), accept_loss).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("repair cannot help here"), "{error}");
        assert!(!data.path().join("wal-damaged").exists());
    }
}

#[test]
fn a_position_no_journal_can_have_is_refused_wherever_it_stands() {
    let data = tempfile::tempdir().unwrap();
    let wal = data.path().join("wal");
    reopen(&wal, SMALL);
    let position = 1 << 63;
    let mut bytes = header(1).to_vec();
    frame::encode(&mut bytes, position, 0, &accepted(1));
    fs::write(wal.join(format!("{:020}-{position:020}.base", 1)), bytes).unwrap();
    assert!(!starts(data.path()));
    assert!(!wal::check(&wal).unwrap().is_good());
    let export = wal::export(&wal, &mut Vec::new()).unwrap();
    assert!(!export.findings.faults.is_empty());
}
