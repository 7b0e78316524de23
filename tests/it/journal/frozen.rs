//! Journals that were frozen on the day they were written, with every kind of record there was. The
//! numbers, the names and the meaning of what is on disk never change.
//!
//! ```text
//! tests/fixtures/journal-{date}/records.txt     what is in it, a line for each record
//!                              /wal/            the bytes, as the binary of that day wrote them
//! ```
//!
//! A line has the position, the number and the name of the kind, the version, `joined` if the next
//! record belongs to the same unit and else `alone`, and the body, which is JSON. In version 2 the
//! bytes of the payload stand before it, as base64, of which `-` is none.
//!
//! What is frozen is never written again. A new kind, or a new shape of an old one, is frozen in a
//! further folder: write its `records.txt` by hand, then let the test write the bytes:
//!
//! ```text
//! HUB_FREEZE_JOURNAL=2027-01-15 cargo test --test it journal::frozen
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use base64::engine::Engine;
use base64::engine::general_purpose::STANDARD;
use message_hub::adapters::journal_file::directory::SegmentListing;
use message_hub::cli::wal;
use message_hub::domain::fact::Fact;
use message_hub::logic::journal::codec;
use message_hub::logic::journal::frame;
use message_hub::logic::journal::raw_body::RawBody;
use message_hub::logic::journal::records::Kind;
use message_hub::logic::journal::segment::SegmentReader;
use message_hub::logic::journal::units::Units;
use message_hub::ports::journal::Journal;
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::{accepted, append_synced, reopen};

/// Small, so that a frozen journal has several segments.
const SEGMENT_BYTES: u64 = 8192;
/// JSON that is kept as its sender wrote it.
const VERBATIM: [&str; 3] = ["metadata", "payload", "state"];
const SWITCH: &str = "HUB_FREEZE_JOURNAL";

/// A record as a line of `records.txt` tells it.
#[derive(PartialEq, Eq, Debug)]
struct Line {
    position: u64,
    number: u8,
    name: String,
    version: u8,
    is_joined: bool,
    /// JSON.
    head: String,
    /// Of version 2.
    bytes: Option<Vec<u8>>,
}

impl Line {
    fn parse(text: &str) -> Self {
        let mut columns = text.splitn(6, ' ');
        let mut next = || columns.next().expect("a line has six columns");
        let mut line = Self {
            position: next().parse().unwrap(),
            number: next().parse().unwrap(),
            name: next().to_owned(),
            version: next().parse().unwrap(),
            is_joined: match next() {
                "joined" => true,
                "alone" => false,
                other => panic!("`{other}` is neither `joined` nor `alone`"),
            },
            head: next().to_owned(),
            bytes: None,
        };
        if line.version == codec::RAW_VERSION {
            let (bytes, head) = line.head.split_once(' ').unwrap();
            line.bytes = Some(STANDARD.decode(bytes.trim_matches('-')).unwrap());
            line.head = head.to_owned();
        }
        line
    }

    /// As it stands in the journal.
    fn body(&self) -> Vec<u8> {
        let head = self.head.as_bytes();
        match &self.bytes {
            None => head.to_vec(),
            Some(bytes) => RawBody::join(head, bytes),
        }
    }

    /// As `wal export` writes it.
    fn exported(&self) -> String {
        let Self {
            position,
            name,
            head,
            ..
        } = self;
        let bytes = self.bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
        let bytes = bytes.map(|bytes| format!(r#","body_base64":"{bytes}""#));
        let bytes = bytes.unwrap_or_default();
        format!(r#"{{"position":{position},"kind":"{name}","fact":{head}{bytes}}}"#)
    }

    fn fact(&self) -> Fact {
        codec::decode(self.number, self.version, &self.body()).unwrap()
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The folders of all frozen journals, but for one whose bytes are still to be written.
fn frozen() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixtures()).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let is_frozen = |folder: &PathBuf| {
        let name = folder.file_name().unwrap().to_str().unwrap();
        name.starts_with("journal-") && folder.join("wal").is_dir()
    };
    let found: Vec<PathBuf> = folders.filter(is_frozen).collect();
    assert!(!found.is_empty());
    found
}

fn lines(folder: &Path) -> Vec<Line> {
    let text = fs::read_to_string(folder.join("records.txt")).unwrap();
    text.lines().map(Line::parse).collect()
}

/// A copy that may be opened, which writes to it.
fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder.join("wal")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// What the frames say, whatever the codec makes of them.
fn frames(directory: &Path) -> Vec<Line> {
    let mut found = Vec::new();
    for segment in SegmentListing::read(directory).unwrap().segments {
        let file = File::open(&segment.path).unwrap();
        let mut reader = SegmentReader::new(file, segment.first, segment.order());
        while let Some(frame) = reader.next_frame().unwrap() {
            let name = Kind::from_number(frame.kind).map_or("unknown", Kind::name);
            let (head, bytes) = parts(frame.version, frame.body);
            found.push(Line {
                position: frame.position,
                number: frame.kind,
                name: name.to_owned(),
                version: frame.version,
                is_joined: frame.is_joined,
                head,
                bytes,
            });
        }
    }
    found
}

/// The JSON of a body, and the bytes beside it.
fn parts(version: u8, body: &[u8]) -> (String, Option<Vec<u8>>) {
    let text = |json: &[u8]| String::from_utf8(json.to_vec()).unwrap();
    if version != codec::RAW_VERSION {
        return (text(body), None);
    }
    let RawBody { head, bytes } = RawBody::split(body).unwrap();
    (text(&head), Some(bytes))
}

fn body(fact: &Fact) -> (String, Option<Vec<u8>>) {
    let mut body = Vec::new();
    codec::encode_body(&mut body, fact);
    parts(codec::version_of(fact), &body)
}

/// Whether `now` says all that `then` said; it may say more, in another order.
fn keeps(then: &str, now: &str) -> bool {
    type Fields<'a> = BTreeMap<String, &'a RawValue>;
    if let (Ok(then), Ok(now)) = (
        serde_json::from_str::<Fields>(then),
        serde_json::from_str::<Fields>(now),
    ) {
        return then.iter().all(|(name, then)| {
            let is_verbatim = VERBATIM.contains(&name.as_str());
            now.get(name).is_some_and(|now| match is_verbatim {
                true => then.get() == now.get(),
                false => keeps(then.get(), now.get()),
            })
        });
    }
    if let (Ok(then), Ok(now)) = (
        serde_json::from_str::<Vec<&RawValue>>(then),
        serde_json::from_str::<Vec<&RawValue>>(now),
    ) {
        let mut pairs = then.iter().zip(&now);
        return then.len() == now.len() && pairs.all(|(then, now)| keeps(then.get(), now.get()));
    }
    then == now
}

#[test]
fn frozen_records_have_the_numbers_and_names_they_had() {
    for folder in frozen() {
        let (expected, found) = (lines(&folder), frames(&folder.join("wal")));
        for (expected, found) in expected.iter().zip(&found) {
            assert_eq!(found, expected, "{}", folder.display());
        }
        assert_eq!(found.len(), expected.len(), "{}", folder.display());
    }
}

#[test]
fn frozen_records_mean_what_they_meant() {
    for folder in frozen() {
        let directory = copy(&folder);
        let expected = lines(&folder);
        let (mut journal, records, recovery) = reopen(directory.path(), SEGMENT_BYTES);
        assert_eq!((records.len(), recovery.cut), (expected.len(), None));
        for (line, record) in expected.iter().zip(records) {
            let kind = Kind::of(&record.fact);
            let found = (record.position, kind as u8, kind.name());
            assert_eq!(found, (line.position, line.number, line.name.as_str()));
            let (now, bytes) = body(&record.fact);
            assert_eq!(bytes, line.bytes);
            let (position, then) = (line.position, &line.head);
            assert!(keeps(then, &now), "{position}:\n{then}\nis now\n{now}");
        }
        let next = expected.len() as u64 + 1;
        assert_eq!(append_synced(&mut journal, &[accepted(1)]), next);
    }
}

#[test]
fn what_is_written_now_is_byte_for_byte_what_was_frozen_last() {
    let newest = frozen().into_iter().max().unwrap();
    let mut frames = 0;
    for segment in SegmentListing::read(&newest.join("wal")).unwrap().segments {
        let file = File::open(&segment.path).unwrap();
        let mut reader = SegmentReader::new(file, segment.first, segment.order());
        while let Some(found) = reader.next_frame().unwrap() {
            let write = match found.is_joined {
                true => frame::encode_joined,
                false => frame::encode,
            };
            let mut bytes = Vec::new();
            let fact = found.decode().unwrap();
            write(&mut bytes, found.position, found.batch_index, &fact);
            assert_eq!(bytes, found.bytes, "record {}", found.position);
            frames += 1;
        }
    }
    assert_eq!(frames, lines(&newest).len());
}

#[test]
fn a_frozen_journal_belongs_to_the_hub_that_wrote_it() {
    for folder in frozen() {
        let directory = copy(&folder);
        let identity = fs::read_to_string(directory.path().join("identity")).unwrap();
        let (hub, lives) = identity.split_once('\n').unwrap();
        let (journal, ..) = reopen(directory.path(), SEGMENT_BYTES);
        let author = journal.author();
        assert_eq!(author.hub.to_string(), hub);
        let earlier: Vec<String> = author.earlier.iter().map(i64::to_string).collect();
        assert_eq!(earlier, lives.lines().collect::<Vec<_>>());
        assert_eq!(earlier.len(), 1);
    }
}

#[test]
fn a_frozen_journal_is_good_and_exported_as_it_was() {
    for folder in frozen() {
        let directory = folder.join("wal");
        let report = wal::check(&directory).unwrap();
        assert!(report.is_good(), "{report}");
        let mut exported = Vec::new();
        let export = wal::export(&directory, &mut exported).unwrap();
        assert!(export.findings.faults.is_empty() && export.findings.cut.is_none());
        let exported = String::from_utf8(exported).unwrap();
        let expected: Vec<String> = lines(&folder).iter().map(Line::exported).collect();
        assert_eq!(exported.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn every_kind_is_frozen() {
    let lines: Vec<Line> = frozen().iter().flat_map(|folder| lines(folder)).collect();
    let found: BTreeSet<u8> = lines.iter().map(|line| line.number).collect();
    for kind in Kind::ALL.iter().copied() {
        let (number, name) = (kind as u8, kind.name());
        assert!(
            found.contains(&number),
            "no record of kind {number}, {name}, is frozen; see the top of {}",
            file!()
        );
    }
    assert!(lines.iter().any(|line| line.is_joined), "no unit is frozen");
    for kind in [Kind::Accepted, Kind::Redriven] {
        let mut of_bytes = lines.iter().filter(|line| line.bytes.is_some());
        let is_frozen = of_bytes.any(|line| line.number == kind as u8);
        assert!(is_frozen, "no {} record with bytes is frozen", kind.name());
    }
}

#[test]
fn what_is_kept_is_told_from_what_is_lost() {
    let then = r#"{"at":1,"payload":{"a": 1},"list":[{"b":2}]}"#;
    for now in [
        then,
        r#"{"payload":{"a": 1},"list":[{"b":2,"new":3}],"at":1}"#,
    ] {
        assert!(keeps(then, now), "{now}");
    }
    for now in [
        r#"{"at":1,"payload":{"a": 1},"list":[]}"#,
        r#"{"at":1,"payload":{"a":1},"list":[{"b":2}]}"#,
        r#"{"at":2,"payload":{"a": 1},"list":[{"b":2}]}"#,
        r#"{"payload":{"a": 1},"list":[{"b":2}]}"#,
    ] {
        assert!(!keeps(then, now), "{now}");
    }
}

/// Writes what `records.txt` in `folder` says to a journal in `directory`.
fn freeze(folder: &Path, directory: &Path) {
    let lines = lines(folder);
    for (index, line) in lines.iter().enumerate() {
        let (fact, position) = (line.fact(), line.position);
        let expected = (line.head.clone(), line.bytes.clone());
        assert_eq!(body(&fact), expected, "record {position}");
        assert_eq!(position, index as u64 + 1);
    }
    let (mut journal, ..) = reopen(directory, SEGMENT_BYTES);
    for (index, unit) in lines.split_inclusive(|line| !line.is_joined).enumerate() {
        let facts: Vec<Fact> = unit.iter().map(Line::fact).collect();
        let mut units = Units::default();
        units.join(0..facts.len());
        journal.append_units(&facts, &units).unwrap();
        // A batch has several records, so that some say how far behind the last sync they are.
        if index % 3 == 2 {
            journal.sync().unwrap();
        }
    }
    journal.close().unwrap();
    drop(journal);
    fs::remove_file(directory.join("lock")).unwrap();
}

#[test]
fn a_new_folder_is_frozen_when_asked_for() {
    let Ok(date) = env::var(SWITCH) else { return };
    let folder = fixtures().join(format!("journal-{date}"));
    let directory = folder.join("wal");
    let path = directory.display();
    assert!(!directory.exists(), "{path}: is frozen, and stays as it is");
    freeze(&folder, &directory);
    assert_eq!(frames(&directory), lines(&folder), "{path}");
}
