//! What the hub stores is for nobody else: payloads, and secrets that sign callbacks.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::{geteuid, umask as set_umask};

/// For everybody but the owner.
const OF_OTHERS: u32 = 0o077;
/// Writing, for everybody but the owner.
const WRITTEN_BY_OTHERS: u32 = 0o022;

/// How a SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Why a data directory is not used. Says what mends it.
#[derive(Debug, thiserror::Error)]
pub enum NotPrivate {
    #[error(
        "{path} belongs to the user {owner}, and the hub runs as {user}: whoever owns it can change \
         what is in it. Run the hub as its owner, or: chown -R {user} {path}"
    )]
    OfOther { path: String, owner: u32, user: u32 },
    #[error(
        "{path} may be written by others (mode {mode:o}), who could change what is in it: chmod go-w {path}"
    )]
    Writable { path: String, mode: u32 },
    #[error("{path}: {cause}")]
    Io { path: String, cause: io::Error },
}

/// From now on what this process creates is its user's alone.
pub fn umask() {
    set_umask(Mode::from_raw_mode(OF_OTHERS));
}

/// Refuses a `data_dir` that others own or may write, and takes from others what was created there
/// by versions that let everybody read it. `archive` is the file of the archive, if it is one: it
/// is nobody else's wherever it lies.
///
/// # Errors
/// [`NotPrivate`] says what mends it.
pub fn keep(data_dir: &Path, archive: Option<&Path>) -> Result<(), NotPrivate> {
    let user = geteuid().as_raw();
    let wal = data_dir.join("wal");
    for directory in [data_dir, &wal] {
        // Where a link leads is what counts.
        if let Some(found) = check_owner(directory, user)? {
            check_writers(directory, &found)?;
            close(directory, &found);
        }
    }
    for file in children(&wal) {
        // A link in there may have been put by others, before the directory was the hub's alone.
        let found = fs::symlink_metadata(&file).ok();
        let found = found.filter(|found| found.uid() == user && !found.file_type().is_symlink());
        if let Some(found) = found {
            close(&file, &found);
        }
    }
    archive.map_or(Ok(()), |archive| keep_archive(archive, user))
}

/// The file, and those that SQLite puts beside it, or beside where a link to it leads.
fn keep_archive(archive: &Path, user: u32) -> Result<(), NotPrivate> {
    let Some(found) = check_owner(archive, user)? else {
        return Ok(());
    };
    // Whatever else it is, it will not be opened, and is none of the hub's business.
    if !is_archive(archive) {
        return Ok(());
    }
    close(archive, &found);
    let path = fs::canonicalize(archive).unwrap_or_else(|_| archive.to_owned());
    for end in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let beside = PathBuf::from(name);
        if let Some(found) = check_owner(&beside, user)? {
            close(&beside, &found);
        }
    }
    Ok(())
}

/// What is there, which must be the user's; `None`: nothing is.
fn check_owner(path: &Path, user: u32) -> Result<Option<Metadata>, NotPrivate> {
    let name = || path.display().to_string();
    match fs::metadata(path) {
        Ok(found) if found.uid() == user => Ok(Some(found)),
        Ok(found) => Err(NotPrivate::OfOther {
            path: name(),
            owner: found.uid(),
            user,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(NotPrivate::Io {
            path: name(),
            cause,
        }),
    }
}

fn check_writers(directory: &Path, found: &Metadata) -> Result<(), NotPrivate> {
    if found.mode() & WRITTEN_BY_OTHERS == 0 {
        return Ok(());
    }
    Err(NotPrivate::Writable {
        path: directory.display().to_string(),
        mode: found.mode() & 0o7777,
    })
}

/// Whether it is a SQLite file, or will be one.
fn is_archive(path: &Path) -> bool {
    let mut start = Vec::new();
    let file = File::open(path).map(|file| file.take(SQLITE.len() as u64));
    let read = file.and_then(|mut file| file.read_to_end(&mut start));
    read.is_ok() && (start.is_empty() || start == SQLITE)
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Takes from others what they may do with it.
fn close(path: &Path, found: &Metadata) {
    if found.mode() & OF_OTHERS == 0 {
        return;
    }
    let mode = found.mode() & 0o7777 & !OF_OTHERS;
    if let Err(error) = fs::set_permissions(path, Permissions::from_mode(mode)) {
        tracing::warn!(path = %path.display(), %error, "others may still read this");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_everybody_could_read_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        assert!(keep(&data, None).is_ok(), "there is nothing yet");
        fs::create_dir_all(data.join("wal")).unwrap();
        set(&data.join("wal"), 0o755);
        set(&data, 0o755);
        let files = ["wal/1.wal", "wal/identity", "hub.db", "hub.db-wal", "other"];
        for file in files {
            fs::write(data.join(file), SQLITE).unwrap();
            set(&data.join(file), 0o644);
        }
        keep(&data, Some(&data.join("hub.db"))).unwrap();
        assert_eq!((mode(&data), mode(&data.join("wal"))), (0o700, 0o700));
        let modes = files.map(|file| mode(&data.join(file)));
        assert_eq!(modes, [0o600, 0o600, 0o600, 0o600, 0o644]);
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for others in [0o770, 0o777, 0o702, 0o720] {
            set(directory.path(), others);
            let error = keep(directory.path(), None).unwrap_err().to_string();
            let mends = format!("chmod go-w {}", directory.path().display());
            assert!(error.ends_with(&mends), "{error}");
        }
    }

    #[test]
    fn a_directory_of_another_user_is_refused() {
        // The root directory is root's, and root may make one another's.
        let directory = tempfile::tempdir().unwrap();
        let path = if geteuid().is_root() {
            std::os::unix::fs::chown(directory.path(), Some(12_345), None).unwrap();
            directory.path()
        } else {
            Path::new("/usr")
        };
        let error = keep(path, None).unwrap_err().to_string();
        assert!(error.contains("chown -R"), "{error}");
    }

    #[test]
    fn the_archive_is_closed_wherever_it_lies() {
        let directory = tempfile::tempdir().unwrap();
        let (data, archive) = (directory.path().join("data"), directory.path().join("a.db"));
        for content in [&b""[..], SQLITE] {
            for file in ["a.db", "a.db-wal", "a.db-shm"] {
                fs::write(directory.path().join(file), content).unwrap();
                set(&directory.path().join(file), 0o666);
            }
            keep(&data, Some(&archive)).unwrap();
            for file in ["a.db", "a.db-wal", "a.db-shm"] {
                assert_eq!(mode(&directory.path().join(file)), 0o600, "{file}");
            }
        }
        let link = directory.path().join("link.db");
        std::os::unix::fs::symlink(&archive, &link).unwrap();
        set(&archive, 0o644);
        set(&directory.path().join("a.db-wal"), 0o644);
        keep(&data, Some(&link)).unwrap();
        assert_eq!(mode(&archive), 0o600);
        assert_eq!(mode(&directory.path().join("a.db-wal")), 0o600);
        // What is no archive stays as it is.
        fs::write(&archive, "passwords").unwrap();
        set(&archive, 0o644);
        keep(&data, Some(&archive)).unwrap();
        assert_eq!(mode(&archive), 0o644);
    }

    #[test]
    fn an_archive_of_another_user_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let archive = directory.path().join("a.db");
        fs::write(&archive, "").unwrap();
        let path = if geteuid().is_root() {
            std::os::unix::fs::chown(&archive, Some(1234), None).unwrap();
            &archive
        } else {
            Path::new("/etc/passwd")
        };
        let error = keep(&directory.path().join("data"), Some(path)).unwrap_err();
        assert!(error.to_string().contains("chown -R"), "{error}");
    }

    #[test]
    fn a_journal_that_a_link_leads_to_is_looked_at_where_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let (data, wal) = (directory.path().join("data"), directory.path().join("wal"));
        fs::create_dir(&data).unwrap();
        fs::create_dir(&wal).unwrap();
        set(&data, 0o700);
        std::os::unix::fs::symlink(&wal, data.join("wal")).unwrap();
        set(&wal, 0o777);
        let error = keep(&data, None).unwrap_err().to_string();
        assert!(error.contains("chmod go-w"), "{error}");
        set(&wal, 0o755);
        keep(&data, None).unwrap();
        assert_eq!(mode(&wal), 0o700);
    }
}
