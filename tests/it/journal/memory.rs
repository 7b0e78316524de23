//! The journal in memory fails as one on a disk does, so that tests on it prove something.

use message_hub::ports::journal::{Journal, JournalError, Recovery};

use super::{accepted, replay};
use crate::adapters::journal_memory::MemoryDisk;

fn replayed(disk: &MemoryDisk) -> Recovery {
    replay(&mut disk.journal()).unwrap().1
}

#[test]
fn a_power_loss_keeps_any_part_of_what_was_not_synced() {
    let disk = MemoryDisk::default();
    let mut journal = disk.journal();
    journal.append(&[accepted(1)]).unwrap();
    journal.sync().unwrap();
    journal.append(&[accepted(2)]).unwrap();
    assert_eq!(disk.syncs(), 1);
    disk.lose_power(disk.unsynced_bytes() - 1);
    let recovery = replayed(&disk);
    assert_eq!(recovery.records, 1);
    assert!(recovery.cut.is_some());
    assert_eq!(disk.unsynced_bytes(), 0);
}

#[test]
fn a_full_disk_takes_nothing_until_it_has_space() {
    let disk = MemoryDisk::default();
    let mut journal = disk.journal();
    disk.set_full(true);
    let refused = journal.append(&[accepted(1)]);
    assert!(matches!(refused, Err(JournalError::Full { .. })));
    disk.set_full(false);
    assert_eq!(journal.append(&[accepted(1)]).unwrap(), 1);
}

#[test]
fn a_failed_sync_ends_the_journal_but_not_its_disk() {
    let disk = MemoryDisk::default();
    let mut journal = disk.journal();
    journal.append(&[accepted(1)]).unwrap();
    disk.fail_next_sync();
    assert!(journal.sync().is_err());
    assert!(journal.sync().is_err());
    assert!(journal.append(&[accepted(2)]).is_err());
    assert_eq!(replayed(&disk).records, 1);
}
