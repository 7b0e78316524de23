//! `message-hub licences`: whose works are in the binary, and under what terms.

use std::io::{self, Write};

use crate::exit::Exit;

/// Written by `scripts/licences`.
const NOTICES: &str = include_str!("licences.txt");

/// Prints the notices to `out`.
pub fn run(out: &mut dyn Write) -> io::Result<Exit> {
    out.write_all(NOTICES.as_bytes())?;
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and versions in `Cargo.lock`, in its order.
    fn locked() -> Vec<(String, String)> {
        let lock = include_str!("../../Cargo.lock");
        let value = |line: &str, key: &str| {
            let text = line.strip_prefix(key)?.strip_prefix(" = \"")?;
            Some(text.strip_suffix('"')?.to_owned())
        };
        let mut lines = lock.lines();
        let mut packages = Vec::new();
        while let Some(line) = lines.next() {
            if let Some(name) = value(line, "name") {
                let version = lines.next().and_then(|line| value(line, "version"));
                packages.push((name, version.unwrap()));
            }
        }
        packages
    }

    #[test]
    fn every_work_that_is_named_is_the_one_that_is_locked() {
        let locked = locked();
        let works = NOTICES.lines().skip(2).take_while(|line| !line.is_empty());
        let mut count = 0;
        // What of others the page contains is held against its own list by scripts/vendor.
        for work in works.filter(|work| !work.contains(", in the hub's own page ")) {
            let (named, _) = work.split_once(": ").unwrap();
            let (name, version) = named.split_once(' ').unwrap();
            let known = (name.to_owned(), version.to_owned());
            assert!(locked.contains(&known), "{named}: run scripts/licences");
            count += 1;
        }
        assert!(count > 150, "{count}");
    }

    #[test]
    fn what_the_hub_is_made_of_directly_is_named() {
        let manifest = include_str!("../../Cargo.toml");
        let (_, rest) = manifest.split_once("[dependencies]\n").unwrap();
        let (dependencies, _) = rest.split_once("\n[").unwrap();
        for line in dependencies.lines().filter(|line| !line.is_empty()) {
            let (name, _) = line.split_once(" = ").unwrap();
            assert!(
                NOTICES.contains(&format!("\n{name} ")),
                "{name}: run scripts/licences"
            );
        }
    }

    #[test]
    fn they_are_printed_whole() {
        let mut out = Vec::new();
        assert_eq!(run(&mut out).unwrap(), Exit::Clean);
        assert_eq!(out, NOTICES.as_bytes());
    }
}
