//! Random lives of a journal: after every end, what was synced is there and nothing else came up.

use crate::adapters::journal_memory::MemoryDisk;
use message_hub::domain::fact::{Fact, Recorded};
use message_hub::ports::journal::{Journal, JournalError, Portion};
use proptest::prelude::*;

use super::compaction::owed;
use super::{accepted, delivered, numbered, reopen, replay};

#[derive(Clone, Debug)]
enum Step {
    /// So many facts in one append.
    Append(u8),
    Sync,
    /// The process ends without a word and starts again.
    Kill,
    CloseAndOpen,
    Compact,
    /// Only in memory: of what was not synced, only so many bytes stay.
    LosePower(u8),
    DiskFull(bool),
    FailSync,
}

fn file_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..12_u8).prop_map(Step::Append),
        4 => Just(Step::Sync),
        1 => Just(Step::Kill),
        1 => Just(Step::CloseAndOpen),
        2 => Just(Step::Compact),
    ]
}

fn memory_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..12_u8).prop_map(Step::Append),
        4 => Just(Step::Sync),
        1 => Just(Step::Kill),
        1 => Just(Step::CloseAndOpen),
        3 => any::<u8>().prop_map(Step::LosePower),
        1 => any::<bool>().prop_map(Step::DiskFull),
        1 => Just(Step::FailSync),
    ]
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

fn facts(from: usize, count: u8) -> Vec<Fact> {
    (from..from + usize::from(count)).map(fact).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn files_hold_what_was_appended(steps in prop::collection::vec(file_step(), 1..60)) {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, ..) = reopen(directory.path(), 1500);
        let mut appended = 0;
        for step in steps.into_iter().chain([Step::Kill]) {
            match step {
                Step::Append(count) => {
                    let first = journal.append(&facts(appended, count)).unwrap();
                    prop_assert_eq!(first, appended as u64 + 1);
                    appended += usize::from(count);
                }
                Step::Sync => journal.sync().unwrap(),
                Step::Compact => {
                    if let Some(compaction) = journal.plan_compaction(u64::MAX) {
                        compaction.run().unwrap();
                    }
                }
                Step::CloseAndOpen | Step::Kill => {
                    if matches!(step, Step::CloseAndOpen) {
                        journal.close().unwrap();
                    }
                    drop(journal);
                    let (reopened, records, recovery) = reopen(directory.path(), 1500);
                    journal = reopened;
                    let all = numbered((0..appended).map(fact));
                    prop_assert_eq!(recovery.last_position, appended as u64);
                    prop_assert_eq!(owed(&records), owed(&all));
                    let read = journal.readers()(1).next(Portion::records(usize::MAX)).unwrap();
                    prop_assert_eq!(read, records);
                }
                Step::LosePower(_) | Step::DiskFull(_) | Step::FailSync => {}
            }
        }
    }

    #[test]
    fn a_power_loss_takes_only_what_was_not_synced(
        steps in prop::collection::vec(memory_step(), 1..200),
    ) {
        let disk = MemoryDisk::default();
        let mut journal = disk.journal();
        let (mut appended, mut synced, mut is_full) = (0, 0, false);
        for step in steps.into_iter().chain([Step::LosePower(0)]) {
            let mut ends = false;
            match step {
                Step::Append(count) => match journal.append(&facts(appended, count)) {
                    Ok(_) => appended += usize::from(count),
                    Err(error) => {
                        let refused = matches!(error, JournalError::Full { .. });
                        prop_assert!(refused && is_full);
                    }
                },
                Step::Sync => {
                    journal.sync().unwrap();
                    synced = appended;
                }
                Step::FailSync => {
                    disk.fail_next_sync();
                    prop_assert!(journal.sync().is_err());
                    prop_assert!(journal.sync().is_err());
                    ends = true;
                }
                Step::DiskFull(full) => {
                    is_full = full;
                    disk.set_full(full);
                }
                Step::CloseAndOpen => {
                    journal.close().unwrap();
                    synced = appended;
                    ends = true;
                }
                Step::LosePower(kept) => {
                    disk.lose_power(usize::from(kept));
                    ends = true;
                }
                Step::Kill => ends = true,
                Step::Compact => {}
            }
            if ends {
                journal = disk.journal();
                let (records, _) = replay(&mut journal).unwrap();
                prop_assert!((synced..=appended).contains(&records.len()));
                prop_assert_eq!(&records, &numbered((0..records.len()).map(fact)));
                appended = records.len();
                synced = appended;
                prop_assert_eq!(read_all(&journal), records);
            }
        }
    }
}

fn read_all(journal: &dyn Journal) -> Vec<Recorded> {
    journal.readers()(1)
        .next(Portion::records(usize::MAX))
        .unwrap()
}
