//! That a disk has too little room, in numbers for whoever is to mend it.

use std::fmt;
use std::sync::Arc;

/// Which disk it is, how much there is, and how much there must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shortage {
    /// What lies on the disk.
    pub path: Arc<str>,
    /// In bytes; `None`: nothing more can be written, whatever is free.
    pub free: Option<u64>,
    /// In bytes.
    pub reserve: u64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            free,
            reserve,
        } = self;
        match free {
            Some(free) => write!(
                f,
                "{path}: {} are free on its disk, less than the disk_reserve of {}; nothing new is \
                 taken in until there are more: free some space there, or lower disk_reserve",
                Bytes(*free),
                Bytes(*reserve)
            ),
            None => write!(
                f,
                "{path}: nothing more can be written, as its disk or the hub's share of it is full; \
                 nothing new is taken in until there is room: free some space there"
            ),
        }
    }
}

/// So many, in the largest unit of which there is one.
struct Bytes(u64);

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(step) = self
            .0
            .checked_ilog2()
            .map(|log| log / 10)
            .filter(|step| *step > 0)
        else {
            return write!(f, "{} bytes", self.0);
        };
        let unit = UNITS[step as usize - 1];
        write!(f, "{:.1} {unit}", self.0 as f64 / 1024f64.powi(step as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_unit() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (268_435_456, "256.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn it_says_where_how_much_and_what_to_do() {
        let low = Shortage {
            path: "/data/wal".into(),
            free: Some(1 << 20),
            reserve: 256 << 20,
        };
        let words = low.to_string();
        for part in [
            "/data/wal",
            "1.0 MiB",
            "256.0 MiB",
            "disk_reserve",
            "free some space",
        ] {
            assert!(words.contains(part), "{words}");
        }
        let full = Shortage { free: None, ..low };
        assert!(
            full.to_string().contains("/data/wal: nothing more"),
            "{full}"
        );
    }
}
