//! Where the links of the pages lead: to something that is there, and never round in circles.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks::prose;
use super::pages::{Page, files_below, pages, read, root};

/// Where readers begin and choose; they link to everything, and everything may link back.
const INDEXES: [&str; 3] = ["README.md", "docs/README.md", "docs/decisions/README.md"];

/// What a link names: a file, relative to the root, and a heading of it.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Target {
    path: String,
    heading: Option<String>,
}

/// A heading as links name it: in lower case, with `-` for spaces and without other signs.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let lower = heading.to_lowercase();
    let anchor = lower.chars().filter(kept);
    anchor.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(page: &str) -> BTreeSet<String> {
    let text = prose(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

/// The text without what stands in backticks, where nothing is a link.
fn without_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let outside = parts.filter(|(index, _)| index % 2 == 0);
    outside.map(|(_, part)| part).collect()
}

/// `path` as seen from the directory of `from`, relative to the root.
fn resolved(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The links of a page that stay within the project.
fn targets(page: &Page) -> Vec<Target> {
    let text = prose(&page.text);
    let links = text.lines().flat_map(|line| {
        let line = without_code(line);
        let links: Vec<String> = line
            .split("](")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
            .collect();
        links
    });
    let inner = links.filter(|link| !link.contains("://"));
    inner
        .map(|link| {
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let path = match path {
                "" => page.path.clone(),
                path => resolved(&page.path, path),
            };
            let heading = (!heading.is_empty()).then(|| heading.to_owned());
            Target { path, heading }
        })
        .collect()
}

/// The links that lead to nothing, with their page.
fn broken(pages: &[Page], is_there: impl Fn(&str) -> bool) -> Vec<(&str, Target)> {
    let anchors: BTreeMap<&str, BTreeSet<String>> = pages
        .iter()
        .map(|page| (page.path.as_str(), anchors(&page.text)))
        .collect();
    let leads = |target: &Target| match (anchors.get(target.path.as_str()), &target.heading) {
        (Some(anchors), Some(heading)) => anchors.contains(heading),
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => is_there(&target.path),
    };
    let mut broken = Vec::new();
    for page in pages {
        let targets = targets(page).into_iter();
        let lost = targets.filter(|target| !leads(target));
        broken.extend(lost.map(|target| (page.path.as_str(), target)));
    }
    broken
}

/// Page by page, the other pages that it links to.
fn graph(pages: &[Page]) -> BTreeMap<&str, BTreeSet<&str>> {
    let known: BTreeSet<&str> = pages.iter().map(|page| page.path.as_str()).collect();
    let linked = |page: &Page| {
        let targets = targets(page);
        let others = targets.iter().filter(|target| target.path != page.path);
        others
            .filter_map(|target| known.get(target.path.as_str()).copied())
            .collect()
    };
    pages
        .iter()
        .map(|page| (page.path.as_str(), linked(page)))
        .collect()
}

/// Pages that lead back to themselves, so that a reader who follows them learns nothing.
fn circles(pages: &[Page]) -> Vec<&str> {
    let mut graph = graph(pages);
    graph.retain(|path, _| !INDEXES.contains(path));
    // Whoever links to nothing that is left is in no circle.
    loop {
        let left: BTreeSet<&str> = graph.keys().copied().collect();
        graph.retain(|_, linked| linked.iter().any(|path| left.contains(path)));
        if graph.len() == left.len() {
            return graph.into_keys().collect();
        }
    }
}

/// Pages that no index names.
fn unlisted(pages: &[Page]) -> Vec<&str> {
    let graph = graph(pages);
    let listed: BTreeSet<&str> = INDEXES
        .iter()
        .filter_map(|index| graph.get(index))
        .flatten()
        .copied()
        .collect();
    let all = graph.keys().copied();
    all.filter(|path| !listed.contains(path) && *path != INDEXES[0])
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let broken = broken(&pages, |path| root().join(path).exists());
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_reader_is_sent_round_in_circles() {
    let pages = pages();
    let circles = circles(&pages);
    assert!(circles.is_empty(), "among these: {circles:#?}");
}

#[test]
fn every_page_is_in_an_index() {
    let pages = pages();
    let unlisted = unlisted(&pages);
    assert!(unlisted.is_empty(), "{unlisted:#?}");
}

/// The names of files in `text` that begin with `directory`.
fn named_files<'a>(text: &'a str, directory: &str) -> Vec<&'a str> {
    let is_of_a_path = |c: char| c.is_ascii_alphanumeric() || "/-_.#".contains(c);
    let begin = |(at, _): (usize, &str)| {
        let before = text[..at].chars().next_back();
        let rest = &text[at..];
        let end = rest.find(|c| !is_of_a_path(c)).unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches('.');
        (!before.is_some_and(is_of_a_path)).then_some(name)
    };
    text.match_indices(directory).filter_map(begin).collect()
}

#[test]
fn pages_that_the_source_names_are_there() {
    let pages = pages();
    let mut files = files_below("src", "rs");
    files.extend(files_below("src", "md"));
    files.extend(files_below("config", "yaml"));
    for path in files {
        let text = read(&path);
        for name in named_files(&text, "docs/") {
            let (page, heading) = name.split_once('#').unwrap_or((name, ""));
            if !page.ends_with(".md") {
                continue;
            }
            let page = pages.iter().find(|there| there.path == page);
            let page = page.unwrap_or_else(|| panic!("{path} names {name}, which is not there"));
            let is_there = heading.is_empty() || anchors(&page.text).contains(heading);
            assert!(is_there, "{path} names {name}, where no such heading is");
        }
    }
}

#[test]
fn files_that_pages_name_are_there() {
    for page in pages() {
        for directory in ["src/", "tests/", "migrations/", "scripts/"] {
            for name in named_files(&page.text, directory) {
                let is_there = root().join(name).exists();
                assert!(is_there, "{} names {name}, which is not there", page.path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> Page {
        Page {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn links_to_what_is_not_there_are_found() {
        let pages = [
            page(
                "README.md",
                "[a](docs/a.md#the-end), [b](docs/b.md), [c](src/c.rs) `[d](e)`",
            ),
            page(
                "docs/a.md",
                "# A\n## The `end`\n[up](../README.md) [x](#the-ende) [y](../z)\n```\n[no](q)\n```\n",
            ),
        ];
        let lost = broken(&pages, |path| path == "src/c.rs");
        let lost: Vec<_> = lost
            .iter()
            .map(|(from, to)| (*from, to.path.as_str()))
            .collect();
        let expected = [
            ("README.md", "docs/b.md"),
            ("docs/a.md", "docs/a.md"),
            ("docs/a.md", "z"),
        ];
        assert_eq!(lost, expected);
    }

    #[test]
    fn circles_and_forgotten_pages_are_found() {
        let pages = [
            page("README.md", "[a](docs/a.md) [c](docs/c.md)"),
            page("docs/a.md", "[b](b.md)"),
            page("docs/b.md", "[a](a.md) [README](../README.md)"),
            page("docs/c.md", "[a](a.md)"),
            page("docs/d.md", "[README](../README.md)"),
        ];
        assert_eq!(circles(&pages), ["docs/a.md", "docs/b.md", "docs/c.md"]);
        assert_eq!(unlisted(&pages), ["docs/b.md", "docs/d.md"]);
        assert_eq!(circles(&pages[3..]), [""; 0]);
    }

    #[test]
    fn files_are_named_by_their_whole_path() {
        let text = "see `src/a.rs`, src/b/c.rs. Not x/src/d.rs";
        assert_eq!(named_files(text, "src/"), ["src/a.rs", "src/b/c.rs"]);
    }
}
