//! The pages of the documentation, and what each of them may be like.

use std::fs;
use std::path::{Path, PathBuf};

/// Of a guide whose commands are run.
const RUN: &str = "<!-- docs: run -->";
const MOST_LINES: usize = 300;
const MOST_LINES_OF_THE_README: usize = 150;

#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Relative to the root of the project.
    pub path: String,
    pub text: String,
}

impl Page {
    /// Whether it is one of those whose commands are pasted into a shell.
    pub(super) fn is_run(&self) -> bool {
        let always = self.path == "README.md" || self.path.starts_with("docs/tutorials/");
        always || self.text.starts_with(RUN)
    }
}

pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the project.
pub(super) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every page there is: those at the top, and those in `docs`.
pub(super) fn pages() -> Vec<Page> {
    let at_the_top = fs::read_dir(root()).unwrap();
    let names = at_the_top.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut paths: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    paths.extend(files_below("docs", "md"));
    paths.sort();
    let page = |path: String| Page {
        text: read(&path),
        path,
    };
    paths.into_iter().map(page).collect()
}

/// The files with this ending below a directory, relative to the root.
pub(super) fn files_below(directory: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(directory), ending, &mut found);
    found
}

fn collect(directory: &Path, ending: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, ending, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            let relative = path.strip_prefix(root()).unwrap();
            found.push(relative.to_str().unwrap().to_owned());
        }
    }
}

fn too_long(pages: &[Page]) -> Vec<(&str, usize)> {
    let lines = pages
        .iter()
        .map(|page| (page.path.as_str(), page.text.lines().count()));
    let most = |path: &str| match path {
        "README.md" => MOST_LINES_OF_THE_README,
        _ => MOST_LINES,
    };
    lines.filter(|(path, lines)| *lines > most(path)).collect()
}

#[test]
fn no_page_is_longer_than_a_reader_has_patience() {
    assert_eq!(too_long(&pages()), []);
    let page = |path: &str, lines: usize| Page {
        path: path.to_owned(),
        text: "a line\n".repeat(lines),
    };
    let long = [
        page("README.md", 151),
        page("docs/a.md", 300),
        page("docs/b.md", 301),
    ];
    assert_eq!(too_long(&long), [("README.md", 151), ("docs/b.md", 301)]);
}
