//! What the hub stores is for its user alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::support::TestHub;
use crate::support::place::Place;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// Directories and files below `directory`, itself included.
fn all_below(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = vec![directory.to_owned()];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(all_below(&path)),
            false => found.push(path),
        }
    }
    found
}

fn assert_private(data: &Path) {
    let all = all_below(data);
    assert!(all.len() > 5, "{all:?}");
    for path in all {
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn nobody_else_may_read_what_is_written_nor_what_was() {
    let hub = TestHub::start();
    hub.register_puller("billing");
    hub.send_to("billing", 1);
    assert_private(hub.data());
    let place = hub.stop();
    // As earlier versions left it.
    for path in all_below(place.data()) {
        let open = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, Permissions::from_mode(open)).unwrap();
    }
    let hub = TestHub::at(place, &[]);
    assert_private(hub.data());
}

#[test]
fn a_data_dir_that_others_may_write_is_refused_with_what_mends_it() {
    let place = Place::new();
    fs::create_dir_all(place.data()).unwrap();
    fs::set_permissions(place.data(), Permissions::from_mode(0o775)).unwrap();
    let failed = place.fails_to_start(&[]);
    assert_eq!(failed.exit_code, Some(74), "{}", failed.stderr);
    let mends = format!("chmod go-w {}", place.data().display());
    assert!(failed.stderr.contains(&mends), "{}", failed.stderr);
    fs::set_permissions(place.data(), Permissions::from_mode(0o755)).unwrap();
    TestHub::at(place, &[]);
}
