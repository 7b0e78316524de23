//! Power loss at every step of a long trace: what was synced is there, and nothing but a prefix
//! of what was appended after it, which tears no unit.

use crate::adapters::journal_memory::{MemoryDisk, MemoryJournal};
use message_hub::domain::fact::{Fact, Recorded};
use message_hub::logic::journal::units::Units;
use message_hub::ports::journal::Journal;

use crate::journal::{accepted, delivered, numbered, replay};

const STEPS: usize = 500;

enum Step {
    /// So many facts in one append; all but the first are one unit.
    Append(usize),
    Sync,
}

/// One to three appends of one to five facts between syncs, and now and then a sync of nothing.
fn step(index: usize) -> Step {
    match index % 7 {
        2 | 4 | 5 => Step::Sync,
        _ => Step::Append(1 + index % 5),
    }
}

/// Three messages are accepted, then the second of them is delivered, and so on.
fn fact(index: usize) -> Fact {
    let number = index as u128;
    if index % 4 == 3 {
        delivered(number - 2)
    } else {
        accepted(number)
    }
}

fn facts(from: usize, count: usize) -> Vec<Fact> {
    (from..from + count).map(fact).collect()
}

/// A journal led through the trace.
struct Trace {
    disk: MemoryDisk,
    journal: Box<dyn Journal>,
    appended: usize,
    synced: usize,
    /// With so many facts the journal may end.
    whole: Vec<usize>,
    /// As it should be found, made once: it is compared some thousand times.
    records: Vec<Recorded>,
}

impl Trace {
    fn new() -> Self {
        let disk = MemoryDisk::default();
        Self {
            journal: Box::new(disk.journal()),
            disk,
            appended: 0,
            synced: 0,
            whole: vec![0],
            records: numbered(facts(0, 2 * STEPS)),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append(count) => {
                let mut units = Units::default();
                units.join(1..count);
                let facts = facts(self.appended, count);
                let first = self.journal.append_units(&facts, &units).unwrap();
                assert_eq!(first, self.appended as u64 + 1);
                self.whole.push(self.appended + 1);
                self.appended += count;
                self.whole.push(self.appended);
            }
            Step::Sync => {
                self.journal.sync().unwrap();
                self.synced = self.appended;
            }
        }
    }
}

/// The power goes; the journal that starts again and what it finds.
fn lose_power(disk: &MemoryDisk, kept_bytes: usize) -> (MemoryJournal, Vec<Recorded>) {
    disk.lose_power(kept_bytes);
    let mut journal = disk.journal();
    let (records, recovery) = replay(&mut journal).unwrap();
    assert_eq!(recovery.last_position, records.len() as u64);
    (journal, records)
}

fn assert_is_prefix(records: &[Recorded], trace: &Trace, when: &str) {
    let possible = trace.synced..=trace.appended;
    assert!(possible.contains(&records.len()), "{when}");
    assert!(
        trace.whole.contains(&records.len()),
        "{when}: a unit is torn"
    );
    assert!(records == &trace.records[..records.len()], "{when}");
}

/// Nothing, a torn header, anything between, all but the last byte, everything.
fn kept_lengths(unsynced: usize) -> Vec<usize> {
    let all_but_one = unsynced.saturating_sub(1);
    let mut lengths = vec![0, 1.min(unsynced), unsynced / 2, all_but_one, unsynced];
    lengths.dedup();
    lengths
}

#[test]
fn what_was_synced_survives_a_power_loss_at_every_step() {
    let mut trace = Trace::new();
    for index in 0..STEPS {
        trace.take(step(index));
        let unsynced = trace.disk.unsynced_bytes();
        for kept in kept_lengths(unsynced) {
            let (_, records) = lose_power(&trace.disk.copy(), kept);
            let when = format!("step {index}, {kept} of {unsynced} bytes kept");
            assert_is_prefix(&records, &trace, &when);
            if kept == unsynced {
                assert_eq!(records.len(), trace.appended, "{when}");
            }
        }
    }
}

#[test]
fn the_journal_goes_on_after_every_power_loss() {
    let mut trace = Trace::new();
    for index in 0..STEPS {
        trace.take(step(index));
        let unsynced = trace.disk.unsynced_bytes();
        let lengths = kept_lengths(unsynced);
        let kept = lengths[index % lengths.len()];
        let (journal, records) = lose_power(&trace.disk, kept);
        let when = format!("step {index}, {kept} of {unsynced} bytes kept");
        assert_is_prefix(&records, &trace, &when);
        // What came up again stays; the place of what did not is written anew.
        trace.journal = Box::new(journal);
        trace.appended = records.len();
        trace.synced = records.len();
        trace.whole.retain(|whole| *whole <= records.len());
    }
    assert!(trace.appended > STEPS / 10);
}
