//! What the hub may be short of for a while.

use std::fmt;

/// While it lasts nothing new is taken in; what is there goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lack {
    /// The disk, or what the hub may have of it, is full.
    Space,
    /// All file descriptors that the process or the system may have are in use.
    Files,
    /// Of the system, also for threads.
    Memory,
    /// A file may not grow any more, whatever the disk has.
    FileSize,
}

impl Lack {
    /// What there is none left of, in words that fit into a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Space => "space on the journal's disk",
            Self::Files => "open files",
            Self::Memory => "memory",
            Self::FileSize => "room in its files (ulimit -f)",
        }
    }

    /// As a gauge shows it; 0 is none.
    pub fn number(self) -> i64 {
        match self {
            Self::Space => 1,
            Self::Files => 2,
            Self::Memory => 3,
            Self::FileSize => 4,
        }
    }

    /// The opposite of [`Lack::number`].
    pub fn from_number(number: i64) -> Option<Self> {
        let mut all = [Self::Space, Self::Files, Self::Memory, Self::FileSize].into_iter();
        all.find(|lack| lack.number() == number)
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
