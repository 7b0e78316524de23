//! Torn and zero-filled tails are cut off exactly; any other damage is refused and rescued.

use std::fs;
use std::path::Path;
use std::time::Duration;

use message_hub::cli::wal;
use message_hub::domain::fact::Fact;
use message_hub::logic::journal::frame;
use message_hub::logic::journal::known_ids::DedupLimits;
use message_hub::ports::journal::{Journal, JournalError};

use super::{accepted, append_synced, files, numbered, open, reopen, replay};

const LARGE: u64 = 1 << 20;

/// Writes each fact as a synced batch of its own into one segment and gives its bytes, and where
/// each record begins.
fn one_segment(directory: &Path, facts: &[Fact]) -> (Vec<u8>, Vec<usize>) {
    let (mut journal, ..) = reopen(directory, LARGE);
    let mut starts = Vec::new();
    let mut offset = 24;
    for fact in facts {
        append_synced(&mut journal, std::slice::from_ref(fact));
        starts.push(offset);
        let mut encoded = Vec::new();
        frame::encode(&mut encoded, 1, 0, fact);
        offset += encoded.len();
    }
    journal.close().unwrap();
    let bytes = fs::read(&files(directory)[0]).unwrap();
    assert_eq!(bytes.len(), offset);
    (bytes, starts)
}

#[test]
fn cut_at_any_byte_of_the_last_records_the_whole_ones_stay() {
    let directory = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (1..=5).map(accepted).collect();
    let (bytes, starts) = one_segment(directory.path(), &facts);
    let segment = &files(directory.path())[0];
    for length in starts[2]..bytes.len() {
        fs::write(segment, &bytes[..length]).unwrap();
        let (_, records, recovery) = reopen(directory.path(), LARGE);
        let whole = starts.iter().filter(|start| **start <= length).count() - 1;
        assert_eq!(records, numbered(facts[..whole].to_vec()));
        let good = starts[whole];
        if length == good {
            assert_eq!(recovery.cut, None);
            continue;
        }
        let cut = recovery.cut.unwrap();
        assert_eq!(
            (cut.offset, cut.bytes),
            (good as u64, (length - good) as u64)
        );
        assert_eq!((&cut.segment, cut.zeroes), (segment, false));
        assert_eq!(fs::read(segment).unwrap(), bytes[..good]);
    }
}

#[test]
fn a_tail_of_zeroes_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (1..=3).map(accepted).collect();
    let (bytes, _) = one_segment(directory.path(), &facts);
    let segment = &files(directory.path())[0];
    for kibibytes in [4, 64, 1024, 8 * 1024] {
        let mut longer = bytes.clone();
        longer.resize(bytes.len() + kibibytes * 1024, 0);
        fs::write(segment, &longer).unwrap();
        let (_, records, recovery) = reopen(directory.path(), LARGE);
        assert_eq!(records, numbered(facts.clone()));
        let cut = recovery.cut.unwrap();
        assert_eq!(cut.offset, bytes.len() as u64);
        assert_eq!(cut.bytes, kibibytes as u64 * 1024);
        assert!(cut.zeroes);
    }
}

#[test]
fn after_a_cut_the_journal_goes_on_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (1..=3).map(accepted).collect();
    let (bytes, _) = one_segment(directory.path(), &facts);
    fs::write(&files(directory.path())[0], &bytes[..bytes.len() - 5]).unwrap();
    let (mut journal, ..) = reopen(directory.path(), LARGE);
    assert_eq!(append_synced(&mut journal, &[accepted(4)]), 3);
    drop(journal);
    let (_, records, _) = reopen(directory.path(), LARGE);
    assert_eq!(records, numbered([accepted(1), accepted(2), accepted(4)]));
}

#[test]
fn every_flipped_bit_before_a_later_batch_is_refused_and_the_rest_rescued() {
    let directory = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (1..=4).map(accepted).collect();
    let (bytes, starts) = one_segment(directory.path(), &facts);
    let segment = &files(directory.path())[0];
    for bit in 8 * starts[1]..8 * starts[2] {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(segment, &flipped).unwrap();

        let mut journal = open(directory.path(), LARGE).unwrap();
        let error = replay(&mut journal).unwrap_err();
        let named = format!("at {}", starts[1]);
        assert!(error.to_string().contains(&named), "bit {bit}: {error}");
        assert!(error.to_string().contains(".wal"), "{error}");
        assert!(matches!(error, JournalError::Damaged { .. }));
        drop(journal);

        let mut lines = Vec::new();
        let export = wal::export(directory.path(), &mut lines).unwrap();
        assert_eq!(export.records, 3);
        let skipped = skipped(&export);
        assert_eq!(skipped.len(), 1);
        assert_eq!(skipped[0].0, starts[1] as u64);
        let lines = String::from_utf8(lines).unwrap();
        let positions = lines.lines().map(|line| line[..13].to_owned());
        let rescued = ["{\"position\":1", "{\"position\":3", "{\"position\":4"];
        assert_eq!(positions.collect::<Vec<_>>(), rescued);
        assert!(!wal::check(directory.path()).unwrap().is_good());
    }
    assert_eq!(fs::read(segment).unwrap().len(), bytes.len());
}

/// Offset and length of what an export could not read.
fn skipped(export: &wal::Export) -> Vec<(u64, u64)> {
    let faults = export.findings.faults.iter();
    let gaps = faults.map(|fault| match fault.what {
        wal::What::Skipped { offset, bytes, .. } => (offset, bytes),
        _ => panic!("{fault}"),
    });
    gaps.collect()
}

/// What exports of everything and of what is owed say of a journal. Both say the same.
fn told(directory: &Path) -> Vec<String> {
    let tell = |export: wal::Export| -> Vec<String> {
        let faults = export.findings.faults.iter();
        faults.map(ToString::to_string).collect()
    };
    let all = tell(wal::export(directory, &mut Vec::new()).unwrap());
    let limits = DedupLimits {
        capacity: 100,
        age: Duration::from_secs(60),
    };
    let owed = tell(wal::export_owed(directory, limits, &mut Vec::new()).unwrap());
    assert_eq!(all, owed);
    all
}

/// Three finished segments and a newest one.
fn several_segments(directory: &Path) {
    let (mut journal, ..) = reopen(directory, 1000);
    for number in 1.. {
        append_synced(&mut journal, &[accepted(number)]);
        if files(directory).len() == 4 {
            return;
        }
    }
}

fn refusal(directory: &Path) -> String {
    let mut journal = open(directory, 1000).unwrap();
    let error = replay(&mut journal).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    assert!(!wal::check(directory).unwrap().is_good());
    error.to_string()
}

#[test]
fn the_last_record_of_a_finished_segment_cannot_be_missing() {
    let directory = tempfile::tempdir().unwrap();
    several_segments(directory.path());
    let segment = &files(directory.path())[1];
    let bytes = fs::read(segment).unwrap();
    let name = segment.file_name().unwrap().to_str().unwrap();
    for damaged in [&bytes[..bytes.len() - 1], &bytes[..24], &[]] {
        fs::write(segment, damaged).unwrap();
        let message = refusal(directory.path());
        let next = files(directory.path())[2].display().to_string();
        assert!(
            message.contains(name) || message.contains(&next),
            "{message}"
        );
    }
    fs::write(segment, [&bytes[..], &[0; 100]].concat()).unwrap();
    assert!(refusal(directory.path()).contains(name));
}

#[test]
fn a_missing_segment_is_noticed() {
    for missing in 0..3 {
        let directory = tempfile::tempdir().unwrap();
        several_segments(directory.path());
        let next = files(directory.path())[missing + 1].clone();
        fs::remove_file(&files(directory.path())[missing]).unwrap();
        let message = refusal(directory.path());
        assert!(message.contains(next.to_str().unwrap()), "{message}");
        let told = told(directory.path());
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(next.to_str().unwrap()), "{told:?}");
        assert!(told[0].ends_with("before it are missing"), "{told:?}");
    }
}

#[test]
fn an_export_says_what_a_finished_segment_has_lost() {
    let directory = tempfile::tempdir().unwrap();
    several_segments(directory.path());
    for index in 0..3 {
        let segment = &files(directory.path())[index];
        let bytes = fs::read(segment).unwrap();
        for left in [0, 24, bytes.len() - 1, bytes.len() / 2] {
            fs::write(segment, &bytes[..left]).unwrap();
            refusal(directory.path());
            let told = told(directory.path());
            let last = told.last().unwrap();
            assert!(last.ends_with("before it are missing"), "{left}: {told:?}");
        }
        fs::write(segment, [&bytes[..], &[0; 100]].concat()).unwrap();
        refusal(directory.path());
        assert_eq!(told(directory.path()).len(), 1);
        fs::write(segment, &bytes).unwrap();
        assert!(told(directory.path()).is_empty());
    }
}

#[test]
fn a_segment_that_cannot_be_read_is_told_and_the_others_are_rescued() {
    let directory = tempfile::tempdir().unwrap();
    several_segments(directory.path());
    let segment = files(directory.path())[1].clone();
    fs::remove_file(&segment).unwrap();
    fs::create_dir(&segment).unwrap();
    let report = wal::check(directory.path()).unwrap();
    assert!(!report.is_good());
    let named = format!("damaged: {}: Is a directory", segment.display());
    assert!(report.to_string().contains(&named), "{report}");
    let told = told(directory.path());
    assert!(told[0].contains("cannot be read"), "{told:?}");
    assert!(told[1].contains("are missing"), "{told:?}");
    let export = wal::export(directory.path(), &mut Vec::new()).unwrap();
    assert!(export.records >= 3, "{}", export.records);
}

#[test]
fn what_a_start_cuts_off_is_no_damage_and_not_exported() {
    let directory = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (1..=3).map(accepted).collect();
    let (bytes, starts) = one_segment(directory.path(), &facts);
    let segment = &files(directory.path())[0];
    for length in starts[2] + 1..bytes.len() {
        fs::write(segment, &bytes[..length]).unwrap();
        assert!(wal::check(directory.path()).unwrap().is_good());
        assert!(told(directory.path()).is_empty(), "{length}");
        let export = wal::export(directory.path(), &mut Vec::new()).unwrap();
        let cut = export.findings.cut.unwrap();
        assert_eq!((export.records, cut.offset), (2, starts[2] as u64));
    }
}

#[test]
fn the_newest_segment_of_another_hub_is_damage() {
    for others in [1, 30] {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        several_segments(ours.path());
        let newest = files(ours.path())[3].clone();
        let (mut journal, ..) = reopen(theirs.path(), LARGE);
        for number in 1..=others {
            append_synced(&mut journal, &[accepted(number)]);
        }
        let foreign = fs::read(&files(theirs.path())[0]).unwrap();
        for foreign in [&foreign[..], &foreign[..24]] {
            fs::write(&newest, foreign).unwrap();
            assert!(refusal(ours.path()).contains("header"));
            assert!(!told(ours.path()).is_empty());
            assert_eq!(fs::read(&newest).unwrap(), foreign);
        }
    }
}

#[test]
fn a_segment_that_was_just_being_created_is_an_unfinished_tail() {
    for beginning in [&b""[..], b"MHUB", &[0; 24], &[0; 5000]] {
        let directory = tempfile::tempdir().unwrap();
        several_segments(directory.path());
        let newest = files(directory.path())[3].clone();
        fs::write(&newest, beginning).unwrap();
        let (mut journal, records, recovery) = reopen(directory.path(), 1000);
        assert_eq!(recovery.cut.unwrap().offset, 0);
        assert!(!newest.exists());
        let next = append_synced(&mut journal, &[accepted(99)]);
        assert_eq!(next, records.len() as u64 + 1);
        drop(journal);
        assert_eq!(reopen(directory.path(), 1000).1.len(), records.len() + 1);
    }
}

#[test]
fn a_torn_header_before_records_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    several_segments(directory.path());
    let newest = files(directory.path())[3].clone();
    let mut bytes = fs::read(&newest).unwrap();
    bytes[3] ^= 4;
    fs::write(&newest, &bytes).unwrap();
    assert!(refusal(directory.path()).contains("header"));
    let export = wal::export(directory.path(), &mut Vec::new()).unwrap();
    assert_eq!(skipped(&export), [(0, 24)]);
}

#[test]
fn a_running_journal_can_be_checked_and_exported() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, ..) = reopen(directory.path(), 1000);
    for number in 1..=20 {
        append_synced(&mut journal, &[accepted(number)]);
    }
    let report = wal::check(directory.path()).unwrap();
    assert!(report.is_good(), "{report}");
    let last = report.segments.last().unwrap();
    assert_eq!(last.last, 20);
    assert!(report.to_string().contains("unused bytes"), "{report}");

    let mut lines = Vec::new();
    let export = wal::export(directory.path(), &mut lines).unwrap();
    assert_eq!((export.records, export.findings.faults), (20, vec![]));
    let lines = String::from_utf8(lines).unwrap();
    for (line, number) in lines.lines().zip(1..) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["position"], number);
        assert_eq!(line["kind"], "accepted");
        assert_eq!(line["fact"]["payload"]["number"], number);
    }
    assert_eq!(lines.lines().count(), 20);
}
