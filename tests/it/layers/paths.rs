//! Which modules of the crate a file names, in its imports and by paths in the code.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, is_word};

/// The modules that have files.
pub(super) struct Modules<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Modules<'a> {
    pub(super) fn of(sources: &'a [Source]) -> Self {
        let module = |source: &'a Source| (source.module.as_str(), source.file.as_str());
        Self(sources.iter().map(module).collect())
    }

    pub(super) fn file(&self, module: &str) -> &'a str {
        self.0[module]
    }

    /// The modules this one names, but for itself: of each path the innermost.
    pub(super) fn named_by(&self, source: &Source) -> BTreeSet<String> {
        let (imports, code) = imports(&source.code);
        let mut known = BTreeMap::new();
        let mut named = BTreeSet::new();
        for import in imports {
            if let Some(path) = self.absolute(&import.path, &source.module, &known) {
                named.extend(self.innermost(&path));
                if self.0.contains_key(path.as_str()) {
                    known.insert(import.name, path);
                }
            }
        }
        for path in paths(&code) {
            let path = self.absolute(&path, &source.module, &known);
            named.extend(path.and_then(|path| self.innermost(&path)));
        }
        named.remove(&source.module);
        named
    }

    /// The path from the root of the crate; `None` for what is of another crate, or local.
    fn absolute(
        &self,
        path: &str,
        module: &str,
        known: &BTreeMap<String, String>,
    ) -> Option<String> {
        let (first, rest) = path.split_once("::").unwrap_or((path, ""));
        let start = match first {
            "crate" => return Some(rest.to_owned()),
            "self" => module.to_owned(),
            "super" => {
                let above = module.rsplit_once("::").map_or("", |(above, _)| above);
                if rest == "super" || rest.starts_with("super::") {
                    return self.absolute(rest, above, known);
                }
                above.to_owned()
            }
            child => match known.get(child) {
                Some(path) => path.clone(),
                None => {
                    let path = joined(module, child);
                    self.0.contains_key(path.as_str()).then_some(path)?
                }
            },
        };
        Some(joined(&start, rest))
    }

    fn innermost(&self, path: &str) -> Option<String> {
        let mut path = path;
        loop {
            if self.0.contains_key(path) {
                return Some(path.to_owned());
            }
            (path, _) = path.rsplit_once("::")?;
        }
    }
}

fn joined(path: &str, rest: &str) -> String {
    match (path, rest) {
        ("", path) | (path, "") => path.to_owned(),
        (path, rest) => format!("{path}::{rest}"),
    }
}

struct Import {
    path: String,
    /// By which it is known here.
    name: String,
}

/// What is imported, and the code without that.
fn imports(code: &str) -> (Vec<Import>, String) {
    let (mut imports, mut rest) = (Vec::new(), String::new());
    let mut from = 0;
    for (at, _) in code.match_indices("use ") {
        let is_item = code[..at]
            .trim_end_matches(' ')
            .ends_with(['\n', ';', '{', '}', ')'])
            || code[..at].ends_with("pub ")
            || at == 0;
        if at < from || !is_item {
            continue;
        }
        let tree = &code[at + "use ".len()..];
        let length = tree.find(';').unwrap_or(tree.len());
        expand("", &tree[..length], &mut imports);
        rest.push_str(&code[from..at]);
        from = at + "use ".len() + length;
    }
    rest.push_str(&code[from..]);
    (imports, rest)
}

/// Every path of an import, out of its braces.
fn expand(prefix: &str, tree: &str, imports: &mut Vec<Import>) {
    let tree = tree.trim();
    if let Some((path, list)) = tree.split_once('{') {
        let prefix = joined(prefix, path.trim_end().trim_end_matches("::"));
        let list = list.trim_end().strip_suffix('}').unwrap_or(list);
        for part in parts(list) {
            expand(&prefix, part, imports);
        }
        return;
    }
    let (path, name) = match tree.split_once(" as ") {
        Some((path, name)) => (path.trim(), name.trim()),
        None => (tree, tree.rsplit("::").next().unwrap_or(tree)),
    };
    match path {
        "" => {}
        "self" => imports.push(Import {
            name: prefix.rsplit("::").next().unwrap_or(prefix).to_owned(),
            path: prefix.to_owned(),
        }),
        path => imports.push(Import {
            path: joined(prefix, path),
            name: name.to_owned(),
        }),
    }
}

/// The parts of a list, whose commas in inner braces separate nothing here.
fn parts(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[from..]);
    parts
}

/// Every path of several names in the code.
fn paths(code: &str) -> Vec<String> {
    let is_part = |c: char| is_word(c) || c == ':';
    let words = code.split(|c| !is_part(c));
    let paths = words.map(|word| word.trim_matches(':'));
    let of_several = paths.filter(|path| path.contains("::"));
    of_several.map(str::to_owned).collect()
}

#[test]
fn paths_are_found_in_imports_and_code() {
    let source = |module: &str, code: &str| Source {
        file: format!("src/{}.rs", module.replace("::", "/")),
        module: module.to_owned(),
        code: code.to_owned(),
    };
    let code = "use crate::domain::{self, fact::{Fact, Attempt}, ids::MessageId as Id};\n\
                use super::super::clock;\npub use child::Shown;\nuse std::fmt;\n\
                fn f(a: super::other::Thing, b: u8) -> fmt::Result { clock::inner::now() }\n";
    let sources = [
        source("domain", ""),
        source("domain::fact", ""),
        source("domain::ids", ""),
        source("clock", ""),
        source("clock::inner", ""),
        source("actors", ""),
        source("actors::other", ""),
        source("actors::one", code),
        source("actors::one::child", ""),
        source("actors::never", ""),
    ];
    let named = Modules::of(&sources).named_by(&sources[7]);
    let expected = [
        "actors::one::child",
        "actors::other",
        "clock",
        "clock::inner",
        "domain",
        "domain::fact",
        "domain::ids",
    ];
    assert_eq!(named.into_iter().collect::<Vec<_>>(), expected);
}
