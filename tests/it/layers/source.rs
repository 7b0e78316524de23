//! The files of the crate as the fences read them: without comments, literals and tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A file of the crate that is not a test.
pub(super) struct Source {
    /// As in `src/actors/scheduler/pollers.rs`.
    pub file: String,
    /// As in `actors::scheduler::pollers`.
    pub module: String,
    /// Without comments, what is in literals, and tests; every line is where it was.
    pub code: String,
}

impl Source {
    pub(super) fn is_in(&self, layer: &str) -> bool {
        is_within(&self.module, layer)
    }
}

/// A file as it was written, test or not.
pub(super) struct File {
    pub name: String,
    pub text: String,
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below these folders of the repository.
pub(super) fn files(folders: &[&str]) -> Vec<File> {
    let mut paths = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut paths);
    }
    paths.sort();
    let read = |path: &PathBuf| File {
        name: path
            .strip_prefix(root())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned(),
        text: fs::read_to_string(path).unwrap(),
    };
    paths.iter().map(read).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|name| name == "rs") {
            paths.push(path);
        }
    }
}

/// What is compiled into the hub, read once.
pub(super) fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let mut tests = BTreeSet::new();
        let mut sources = Vec::new();
        for File { name: file, text } in files(&["src"]) {
            let module = module_of(&file);
            let plain = plain(&text);
            let (code, modules) = without_tests(&plain);
            tests.extend(modules.iter().map(|name| format!("{module}::{name}")));
            sources.push(Source { file, module, code });
        }
        sources.retain(|source| !tests.iter().any(|test| is_within(&source.module, test)));
        sources
    })
}

fn module_of(file: &str) -> String {
    let path = file.strip_prefix("src/").unwrap();
    path.strip_suffix(".rs").unwrap().replace('/', "::")
}

/// Whether a path is this module or lies in it.
pub(super) fn is_within(path: &str, module: &str) -> bool {
    path == module
        || path
            .strip_prefix(module)
            .is_some_and(|rest| rest.starts_with("::"))
}

/// The text with spaces in place of comments and of what is in literals.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => quoted(rest),
            'r' | 'b' if !is_word(before) => literal(rest).unwrap_or(0),
            '\'' => character(rest).unwrap_or(0),
            _ => 0,
        };
        let length = if length == 0 {
            plain.push(first);
            first.len_utf8()
        } else {
            let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
            plain.extend(rest[..length].chars().map(blank));
            length
        };
        before = first;
        rest = &rest[length..];
    }
    plain
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the comment between `/*` and its `*/`.
fn comment(text: &str) -> usize {
    let mut depth = 0;
    for (at, _) in text.char_indices() {
        if text[at..].starts_with("/*") {
            depth += 1;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    text.len()
}

/// The length of a text in quotes, in which a backslash takes the next character's meaning.
fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a literal that begins with `r`, `b` or both, if one does.
fn literal(text: &str) -> Option<usize> {
    let body = text.strip_prefix('b').unwrap_or(text);
    let prefix = text.len() - body.len();
    if prefix > 0 && body.starts_with('"') {
        return Some(prefix + quoted(body));
    }
    if prefix > 0 && body.starts_with('\'') {
        return Some(prefix + character(body)?);
    }
    let raw = body.strip_prefix('r')?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let inner = raw[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
    Some(text.len() - inner.len() + length)
}

/// The length of a character in quotes; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let mut inner = text[1..].chars();
    match (inner.next()?, inner.next()?) {
        ('\\', escaped) => {
            let from = 2 + escaped.len_utf8();
            text[from..].find('\'').map(|at| from + at + 1)
        }
        (one, '\'') => Some(1 + one.len_utf8() + 1),
        _ => None,
    }
}

/// The plain text with spaces in place of what is compiled for tests alone, and the modules in
/// files of their own that are.
fn without_tests(plain: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut code, mut modules) = (plain.to_owned(), Vec::new());
    let mut from = 0;
    while let Some(found) = code[from..].find(MARK) {
        let start = from + found;
        let item = start + MARK.len();
        let end = item + item_end(&code[item..]);
        let words: Vec<&str> = code[item..end].split_whitespace().collect();
        if let [.., "mod", name] = words[..]
            && let Some(name) = name.strip_suffix(';')
        {
            modules.push(name.to_owned());
        }
        let blank = |c: char| if c == '\n' { "\n" } else { " " };
        // A plain text may have names beyond ASCII; what follows keeps its place by lines only.
        let blanked: String = code[start..end].chars().map(blank).collect();
        from = start + blanked.len();
        code.replace_range(start..end, &blanked);
    }
    (code, modules)
}

/// Where the item, field or statement ends that the plain text begins with.
pub(super) fn item_end(plain: &str) -> usize {
    let (mut depth, mut before) = (0, ' ');
    for (at, c) in plain.char_indices() {
        match c {
            '(' | '[' | '<' => depth += 1,
            ')' | ']' => depth -= 1,
            '>' if before != '-' && before != '=' => depth -= 1,
            '{' if depth == 0 => return at + block_length(&plain[at..]),
            ';' | ',' if depth == 0 => return at + 1,
            '}' if depth == 0 => return at,
            _ => {}
        }
        before = c;
    }
    plain.len()
}

/// The length of the block in braces that the plain text begins with.
pub(super) fn block_length(plain: &str) -> usize {
    let mut depth = 0;
    for (at, c) in plain.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    plain.len()
}

#[test]
fn comments_and_literals_are_taken_for_nothing() {
    for (text, expected) in [
        ("a // b\nc", "a\nc"),
        ("a /* /* */ \n */ b", "a\nb"),
        (r#"f("a\"{", x)"#, "f(,x)"),
        (
            "r#\"{ \"\n\"# b'{' br\"{\" '{' '\\'' r#type 'a: &'b",
            "\nr#type'a:&'b",
        ),
    ] {
        let found = plain(text);
        let squeezed = found.replace(' ', "");
        assert_eq!(squeezed, expected, "{text}");
        assert_eq!(found.chars().count(), text.chars().count(), "{text}");
    }
}

#[test]
fn what_is_compiled_for_tests_is_left_out() {
    let text = "#[cfg(test)]\npub mod samples;\nmod kept;\nstruct S {\n    #[cfg(test)]\n    \
                tried: Map<u8, u8>,\n    kept: u8,\n}\n#[cfg(test)]\n#[allow(dead_code)]\nmod tests {\n    \
                fn f() { }\n}\nfn kept() {}\n";
    let (code, modules) = without_tests(text);
    assert_eq!(modules, ["samples"]);
    let words: Vec<&str> = code.split_whitespace().collect();
    let expected = "mod kept; struct S { kept: u8, } fn kept() {}";
    assert_eq!(words.join(" "), expected);
    assert_eq!(code.lines().count(), text.lines().count());
}
