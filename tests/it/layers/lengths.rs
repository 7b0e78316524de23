//! Files and functions are short enough to be read at once.

use super::source::{File, block_length, files, is_word, plain};

const MOST_LINES: usize = 450;
/// Of a function: what a screen shows.
const SCREEN: usize = 60;

#[test]
fn no_file_is_longer_than_a_sitting() {
    let files = files(&["src", "tests", "benches"]).into_iter();
    let lines = files.map(|file| (file.text.lines().count(), file.name));
    let long: Vec<_> = lines.filter(|(lines, _)| *lines > MOST_LINES).collect();
    assert!(long.is_empty(), "more than {MOST_LINES} lines: {long:#?}");
}

#[test]
fn functions_fit_on_a_screen() {
    let mut long = Vec::new();
    for File { name: file, text } in files(&["src", "tests", "benches"]) {
        for (name, lines) in functions(&plain(&text)) {
            if lines > SCREEN {
                long.push(format!("{file} {name} {lines}"));
            }
        }
    }
    let instead = "take a part out that has a name";
    assert!(
        long.is_empty(),
        "more than {SCREEN} lines; {instead}: {long:#?}"
    );
}

/// The functions with a body, each with the number of its lines.
fn functions(code: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let rest = &code[start + "fn ".len()..];
        let name = rest.find(|c| !is_word(c)).map_or("", |end| &rest[..end]);
        if name.is_empty() || code[..start].ends_with(is_word) {
            continue;
        }
        if let Some(body) = body(rest) {
            let end = body + block_length(&rest[body..]);
            found.push((name, rest[..end].lines().count()));
        }
    }
    found
}

/// Where the block begins of the function whose name and arguments begin here.
fn body(signature: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in signature.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn lines_of_functions_are_counted() {
    let code = "trait T {\n    fn none(&self, at: [u8; 2]);\n    fn one(&self) {}\n}\n\
                fn three<T>(t: T) -> fn(u8)\nwhere\n    T: Fn() {\n}\nlet often = 1;";
    assert_eq!(functions(code), [("one", 1), ("three", 4)]);
}
