//! What an archive opens: files and sockets, of which there may be none left.

use std::io;

/// Asked before each. `of` is the file or the server.
#[cfg(not(test))]
pub(super) fn may_open(_of: &str) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) use injected::may_open;

#[cfg(test)]
mod injected {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};

    use rustix::io::Errno;

    use super::io;

    /// By what is opened: how many opens succeed yet, and how those after them fail. Archives open
    /// on threads that others use as well.
    static FAILURES: Mutex<BTreeMap<String, (usize, Errno)>> = Mutex::new(BTreeMap::new());

    /// From the open after the next `good` ones on every open of this fails so; `None`: no more.
    pub(super) fn fail_opens(of: &str, failure: Option<(usize, Errno)>) {
        let mut failures = FAILURES.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Some(failure) => failures.insert(of.to_owned(), failure),
            None => failures.remove(of),
        };
    }

    pub(crate) fn may_open(of: &str) -> io::Result<()> {
        let mut failures = FAILURES.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.get_mut(of) {
            Some((0, errno)) => Err((*errno).into()),
            Some((good, _)) => {
                *good -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use diesel::Connection;
    use diesel::connection::SimpleConnection;
    use diesel::sqlite::SqliteConnection;
    use rustix::io::Errno;

    use super::injected::fail_opens;
    use crate::adapters::archive::{PostgresArchive, SqliteArchive};
    use crate::adapters::tls::Trust;
    use crate::logic::projection::Batch;
    use crate::ports::archive::{ArchiveError, ArchiveReader, ArchiveWriter};

    const SHORTAGES: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO];
    /// The writer, who looks whether it answers, and two readers.
    const OPENS: usize = 4;

    fn in_words(errno: Errno) -> String {
        std::io::Error::from(errno).to_string()
    }

    fn batch(after: u64) -> Arc<Batch> {
        Arc::new(Batch {
            after,
            through: after + 1,
            ..Batch::default()
        })
    }

    #[track_caller]
    fn is_away<T: std::fmt::Debug>(answer: Result<T, ArchiveError>, errno: Errno) {
        match answer {
            Err(ArchiveError::Unavailable(cause)) => {
                assert!(cause.contains(&in_words(errno)), "{cause}");
            }
            other => panic!("{other:?} with {errno}"),
        }
    }

    fn path_for(directory: &Path, errno: Errno, good: usize) -> PathBuf {
        directory.join(format!("{}-{good}.db", errno.raw_os_error()))
    }

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(work)
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named_with_what_is_short() {
        let directory = tempfile::tempdir().unwrap();
        for errno in SHORTAGES {
            for good in 0..OPENS {
                let path = path_for(directory.path(), errno, good);
                let name = path.to_str().unwrap();
                fail_opens(name, Some((good, errno)));
                let Err(ArchiveError::CannotOpen(cause)) = block_on(SqliteArchive::open(&path))
                else {
                    panic!("open {good} succeeded with {errno}");
                };
                assert!(cause.contains(name), "{cause}");
                assert!(cause.contains(&in_words(errno)), "{cause}");
                fail_opens(name, None);
                block_on(SqliteArchive::open(&path)).unwrap();
            }
        }
    }

    /// A file is opened again when a call failed.
    #[test]
    fn a_file_that_cannot_be_opened_again_is_away_until_it_can() {
        let directory = tempfile::tempdir().unwrap();
        for errno in SHORTAGES {
            for good in 0..OPENS {
                let path = path_for(directory.path(), errno, good);
                block_on(is_opened_again(&path, errno, good));
            }
        }
    }

    async fn is_opened_again(path: &Path, errno: Errno, good: usize) {
        let name = path.to_str().unwrap();
        let archive = SqliteArchive::open(path).await.unwrap();
        archive.apply(batch(0)).await.unwrap();
        let mut other = SqliteConnection::establish(name).unwrap();
        let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON checkpoint
            BEGIN SELECT RAISE(ABORT, 'refused'); END";
        other.batch_execute(refuse).unwrap();
        archive.apply(batch(1)).await.unwrap_err();
        other.batch_execute("DROP TRIGGER refuse").unwrap();

        fail_opens(name, Some((good, errno)));
        is_away(archive.standing().await, errno);
        fail_opens(name, Some((0, errno)));
        is_away(archive.apply(batch(1)).await, errno);
        is_away(archive.look().await, errno);
        fail_opens(name, None);
        assert_eq!(archive.standing().await.unwrap().checkpoint, 1);
        archive.apply(batch(1)).await.unwrap();
        assert_eq!(archive.standing().await.unwrap().checkpoint, 2);
    }

    #[test]
    fn a_server_that_cannot_be_connected_to_is_asked_again() {
        // Nobody listens there.
        let url = "postgresql://hub@127.0.0.1:1/no_socket_left";
        let archive = PostgresArchive::open(url, &Trust::default()).unwrap();
        block_on(async {
            for errno in SHORTAGES {
                fail_opens("no_socket_left", Some((0, errno)));
                is_away(archive.standing().await, errno);
                is_away(archive.apply(batch(0)).await, errno);
                is_away(archive.look().await, errno);
                fail_opens("no_socket_left", None);
                let refused = archive.standing().await;
                is_away(refused, Errno::CONNREFUSED);
            }
        });
    }
}
