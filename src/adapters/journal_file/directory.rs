//! The files of a journal directory and what their names say.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::opening;
use crate::domain::ids::Position;
use crate::logic::journal::segment::Density;

/// What a compaction writes to until it is complete.
pub const UNFINISHED: &str = "compaction.tmp";
/// The file of a segment to come.
pub const SPARE: &str = "next.tmp";
const ATTEMPTS: usize = 10;

/// A segment by its name: `{first}.wal`, or `{first}-{last}.base` when compacted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentFile {
    pub path: PathBuf,
    pub first: Position,
    /// The last position, which only a compacted segment knows by name.
    pub compacted_through: Option<Position>,
}

impl SegmentFile {
    pub fn plain(directory: &Path, first: Position) -> Self {
        Self {
            path: directory.join(format!("{first:020}.wal")),
            first,
            compacted_through: None,
        }
    }

    pub fn compacted(directory: &Path, first: Position, last: Position) -> Self {
        Self {
            path: directory.join(format!("{first:020}-{last:020}.base")),
            first,
            compacted_through: Some(last),
        }
    }

    pub fn order(&self) -> Density {
        match self.compacted_through {
            Some(_) => Density::Sparse,
            None => Density::Dense,
        }
    }

    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let directory = path.parent()?;
        let found = match name.split_once('.')? {
            (first, "wal") => Self::plain(directory, first.parse().ok()?),
            (range, "base") => {
                let (first, last) = range.split_once('-')?;
                Self::compacted(directory, first.parse().ok()?, last.parse().ok()?)
            }
            _ => return None,
        };
        (found.path == path).then_some(found)
    }
}

/// The segments that make up a journal, and the files it can do without.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SegmentListing {
    /// Oldest first; only the first may be a compacted one.
    pub segments: Vec<SegmentFile>,
    /// Left by a compaction that a crash interrupted: unfinished, or replaced by a finished one. And
    /// the file of a segment to come.
    pub leftovers: Vec<PathBuf>,
}

impl SegmentListing {
    pub fn read(directory: &Path) -> io::Result<Self> {
        let mut listing = Self::default();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path
                .file_name()
                .is_some_and(|name| name == UNFINISHED || name == SPARE)
            {
                listing.leftovers.push(path);
            } else if let Some(segment) = SegmentFile::of(&path) {
                listing.segments.push(segment);
            }
        }
        listing.separate_replaced();
        Ok(listing)
    }

    /// As [`SegmentListing::read`], of a directory in which a compaction may be at work: what it renames and
    /// removes while the names are read could be seen in part. Two readings that say the same did not
    /// meet one.
    pub fn read_settled(directory: &Path) -> io::Result<Self> {
        let mut listing = Self::read(directory)?;
        for _ in 1..ATTEMPTS {
            let again = Self::read(directory)?;
            if again.segments == listing.segments {
                break;
            }
            listing = again;
        }
        Ok(listing)
    }

    /// The newest compacted segment stands for everything up to its last position.
    fn separate_replaced(&mut self) {
        let through = self.segments.iter().filter_map(|s| s.compacted_through);
        let through = through.max().unwrap_or(0);
        let (kept, replaced): (Vec<_>, Vec<_>) = std::mem::take(&mut self.segments)
            .into_iter()
            .partition(|s| s.first > through || s.compacted_through == Some(through));
        self.segments = kept;
        self.segments.sort_by_key(|segment| segment.first);
        self.leftovers.extend(replaced.into_iter().map(|s| s.path));
    }

    /// The segment that holds `position`, if it is not beyond the end.
    pub fn segment_of(&self, position: Position) -> Option<&SegmentFile> {
        let mut older = self.segments.iter().rev();
        older.find(|segment| segment.first <= position)
    }
}

/// Lists and opens files beside a compaction that may take them away in between: `look` is
/// repeated while a file is not found, once for each compaction that may end in that moment.
pub fn look_again<T>(mut look: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..ATTEMPTS {
        match look() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            outcome => return outcome,
        }
    }
    look()
}

/// A directory held open, to make names durable without a further file descriptor.
#[derive(Debug)]
pub struct SyncedDirectory(File);

impl SyncedDirectory {
    pub fn open(directory: &Path) -> io::Result<Self> {
        let here = directory.as_os_str().is_empty();
        let file = opening::open(if here { Path::new(".") } else { directory })?;
        Ok(Self(file))
    }

    /// Makes created, renamed and removed names durable.
    pub fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// Creates `directory` and what is missing above it, so that a power loss does not undo it.
pub fn create(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let above = directory.parent().unwrap_or(Path::new(""));
    create(above)?;
    fs::create_dir(directory)?;
    sync(above)
}

/// Makes created, renamed and removed names durable.
pub fn sync(directory: &Path) -> io::Result<()> {
    SyncedDirectory::open(directory)?.sync()
}

/// Gives the file `name` another content, durably: whoever reads it finds the one or the other.
pub fn replace(directory: &Path, name: &str, content: &str) -> io::Result<()> {
    let unfinished = directory.join(format!("{name}.tmp"));
    let mut file = File::create(&unfinished)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, directory.join(name))?;
    sync(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&str]) -> (Vec<String>, usize) {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            File::create(directory.path().join(name)).unwrap();
        }
        let listing = SegmentListing::read(directory.path()).unwrap();
        let name = |segment: &SegmentFile| {
            let name = segment.path.file_name().unwrap();
            name.to_str().unwrap().to_owned()
        };
        (
            listing.segments.iter().map(name).collect(),
            listing.leftovers.len(),
        )
    }

    #[test]
    fn segments_are_listed_oldest_first() {
        let names = [
            "00000000000000000100.wal",
            "00000000000000000001.wal",
            "00000000000000000020.wal",
            "lock",
            "1.wal",
            "notes.txt",
        ];
        let (segments, leftovers) = listing(&names);
        assert_eq!(segments, [names[1], names[2], names[0]]);
        assert_eq!(leftovers, 0);
    }

    #[test]
    fn what_a_compacted_segment_stands_for_is_left_over() {
        let names = [
            "00000000000000000001-00000000000000000050.base",
            "00000000000000000001-00000000000000000099.base",
            "00000000000000000051.wal",
            "00000000000000000100.wal",
            UNFINISHED,
        ];
        let (segments, leftovers) = listing(&names);
        assert_eq!(segments, [names[1], names[3]]);
        assert_eq!(leftovers, 3);
    }

    #[test]
    fn directories_are_created_with_all_above_them() {
        let directory = tempfile::tempdir().unwrap();
        let nested = directory.path().join("data/wal");
        create(&nested).unwrap();
        create(&nested).unwrap();
        assert!(nested.is_dir());
    }
}
