//! What failures that differ in nothing but numbers and ids have in common.

use std::fmt;

use serde::Serialize;

/// How long a pattern is at most, in bytes. What is longer differs in its beginning, or not at all.
pub const LONGEST_PATTERN: usize = 1000;
/// That of what failed without words, or was never tried.
const NO_WORDS: &str = "none";
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// The words of a failure with `#` for every number and id, hexadecimal ones too, so that it is the
/// same for failures of one kind. That of a pattern is the pattern.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct ErrorPattern(String);

impl ErrorPattern {
    /// Of what the last attempt failed with; `None`: it said nothing, or there was none.
    pub fn of(error: Option<&str>) -> Self {
        let mut pattern = String::new();
        let mut rest = error.unwrap_or(NO_WORDS);
        while let Some(first) = rest.chars().next()
            && pattern.len() < LONGEST_PATTERN
        {
            let length = match first.is_ascii_alphanumeric() {
                true => uuid_length(rest).unwrap_or_else(|| word_length(rest)),
                false => first.len_utf8(),
            };
            let (word, behind) = rest.split_at(length);
            push_word(&mut pattern, word);
            rest = behind;
        }
        let mut ends = (0..=LONGEST_PATTERN.min(pattern.len())).rev();
        if let Some(end) = ends.find(|end| pattern.is_char_boundary(*end)) {
            pattern.truncate(end);
        }
        Self(pattern)
    }

    /// Whether it is the pattern of this failure.
    pub fn is_of(&self, error: Option<&str>) -> bool {
        *self == Self::of(error)
    }
}

impl fmt::Display for ErrorPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn push_word(pattern: &mut String, word: &str) {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if word.contains(|char: char| char.is_ascii_digit()) && digits.split('-').all(is_number) {
        return pattern.push('#');
    }
    let mut is_in_number = false;
    for char in word.chars() {
        let is_digit = char.is_ascii_digit();
        if !is_digit {
            pattern.push(char);
        } else if !is_in_number {
            pattern.push('#');
        }
        is_in_number = is_digit;
    }
}

fn word_length(text: &str) -> usize {
    let is_end = |char: char| !char.is_ascii_alphanumeric();
    text.find(is_end).unwrap_or(text.len())
}

/// How long the UUID is that the text begins with, if it does.
fn uuid_length(text: &str) -> Option<usize> {
    let mut end = 0;
    for (index, expected) in UUID.into_iter().enumerate() {
        if index > 0 {
            (text.as_bytes().get(end) == Some(&b'-')).then(|| end += 1)?;
        }
        let part = &text[end..];
        let length = word_length(part);
        let is_hex = part[..length].bytes().all(|byte| byte.is_ascii_hexdigit());
        (length == expected && is_hex).then(|| end += length)?;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn failures_that_differ_in_numbers_and_ids_are_one() {
        for (text, expected) in [
            ("", ""),
            ("HTTP 503", "HTTP #"),
            ("after 1500ms", "after #ms"),
            ("127.0.0.1:8080 refused", "#.#.#.#:# refused"),
            ("order 0a2f5c not found", "order # not found"),
            ("at 0xDEAD, 0xBEEF1", "at #, #"),
            ("a face, a cafe", "a face, a cafe"),
            ("é5é", "é#é"),
            ("v2alpha10", "v#alpha#"),
            ("no abcdefab-cdef-abcd-efab-cdefabcdef12 here", "no # here"),
            ("abcdefab-cdef", "abcdefab-cdef"),
        ] {
            assert_eq!(ErrorPattern::of(Some(text)).to_string(), expected, "{text}");
        }
        assert!(ErrorPattern::of(Some("HTTP 503")).is_of(Some("HTTP 504")));
        assert!(!ErrorPattern::of(Some("HTTP 503")).is_of(Some("HTTP 503: busy")));
    }

    #[test]
    fn what_failed_without_words_can_be_asked_for_too() {
        let pattern = ErrorPattern::of(None);
        assert_eq!(pattern, ErrorPattern::of(Some(&pattern.to_string())));
        assert!(pattern.is_of(None) && !pattern.is_of(Some("")));
    }

    proptest! {
        #[test]
        fn a_pattern_is_its_own_and_no_longer_than_it_may_be(
            text in "([a-f0-9x]{1,9}-?|[ é:]|abcdefab-cdef-abcd-efab-cdefabcdef[a-f1]{2}){0,300}",
        ) {
            let pattern = ErrorPattern::of(Some(&text));
            prop_assert!(pattern.is_of(Some(&pattern.to_string())));
            prop_assert!(pattern.0.len() <= LONGEST_PATTERN);
            prop_assert!(!pattern.0.contains(|char: char| char.is_ascii_digit()));
        }
    }
}
