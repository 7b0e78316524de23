//! What the hub stores is for nobody else: payloads, and secrets that sign callbacks.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::{geteuid, umask as set_umask};

/// For everybody but the owner.
const OF_OTHERS: u32 = 0o077;
/// Writing, for everybody but the owner.
const WRITTEN_BY_OTHERS: u32 = 0o022;

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
/// by versions that let everybody read it. `archive` is the file of the archive, if it is one.
///
/// # Errors
/// [`NotPrivate`] says what mends it.
pub fn keep(data_dir: &Path, archive: Option<&Path>) -> Result<(), NotPrivate> {
    let found = match fs::metadata(data_dir) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => {
            let path = data_dir.display().to_string();
            return Err(NotPrivate::Io { path, cause });
        }
    };
    let path = || data_dir.display().to_string();
    let (owner, user) = (found.uid(), geteuid().as_raw());
    if owner != user {
        let path = path();
        return Err(NotPrivate::OfOther { path, owner, user });
    }
    if found.mode() & WRITTEN_BY_OTHERS != 0 {
        let (path, mode) = (path(), found.mode() & 0o7777);
        return Err(NotPrivate::Writable { path, mode });
    }
    let wal = data_dir.join("wal");
    let mut files = vec![data_dir.to_owned(), wal.clone()];
    files.extend(children(&wal));
    if let Some(archive) = archive {
        files.extend(["", "-wal", "-shm"].map(|end| {
            let mut name = archive.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        }));
    }
    for file in files {
        close(&file, user);
    }
    Ok(())
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Leaves alone what is not there or not ours.
fn close(path: &Path, user: u32) {
    let is_open = |found: &Metadata| found.uid() == user && found.mode() & OF_OTHERS != 0;
    let Some(found) = fs::symlink_metadata(path).ok().filter(is_open) else {
        return;
    };
    if found.file_type().is_symlink() {
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
            fs::write(data.join(file), "secret").unwrap();
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
}
