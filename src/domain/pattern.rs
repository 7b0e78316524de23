//! Patterns of event types: words between dots, `*` for one word, `#` for any number of words.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::characters::{is_label, is_visible};
use super::ids::Label;

const ONE: &str = "*";
const MANY: &str = "#";
/// So many `#` may be in one pattern that somebody gives.
const MOST_MANY: usize = 8;

/// Which event types are meant: `character.*` or `#`, or one type as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Label);

/// Whether events of a type that reads like this can be meant by a pattern, alone and in a list
/// with commas. What was published before this was asked stays readable.
///
/// # Errors
/// What is in the way.
pub fn check_type(text: &str) -> Result<(), TypeError> {
    if text.contains(',') {
        return Err(TypeError::Comma);
    }
    if text.contains(['*', '#']) {
        return Err(TypeError::Wildcard);
    }
    if text.split('.').any(str::is_empty) {
        return Err(TypeError::EmptyWord);
    }
    if text.trim() != text {
        return Err(TypeError::Space);
    }
    Ok(())
}

/// Why no pattern can mean events of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TypeError {
    /// It has a comma.
    #[error("must not have a comma, which separates types in a list")]
    Comma,
    /// It has `*` or `#`.
    #[error("must not have `*` or `#`, which stand for words in a pattern")]
    Wildcard,
    /// It begins or ends with a dot, or has two in a row.
    #[error("has an empty word; words stand between dots")]
    EmptyWord,
    /// It begins or ends with a space.
    #[error("must not begin or end with a space")]
    Space,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PatternError {
    /// It is empty, too long, or has characters that are not printable.
    #[error("must be 1 to 200 printable characters")]
    Text,
    /// It begins or ends with a dot, or has two in a row.
    #[error("has an empty word; words stand between dots")]
    EmptyWord,
    /// It has `*` or `#` beside other characters of a word.
    #[error("`*` and `#` stand for whole words; write `a.*`, not `a.b*`")]
    PartOfWord,
    /// It has more `#` than may be given, as each of them multiplies the ways to match.
    #[error("has more than {MOST_MANY} `#`")]
    ManyHashes,
}

impl Pattern {
    /// Reads any pattern that was ever taken.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if !is_label(text, Label::MAX) {
            return Err(PatternError::Text);
        }
        for word in text.split('.') {
            if word.is_empty() {
                return Err(PatternError::EmptyWord);
            }
            if word != ONE && word != MANY && word.contains(['*', '#']) {
                return Err(PatternError::PartOfWord);
            }
        }
        let label = Label::parse_interned(text).map_err(|_| PatternError::Text)?;
        Ok(Self(label))
    }

    /// As [`Pattern::parse`], with the bounds for what comes from outside. What was taken before
    /// there were any stays readable.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn given(text: &str) -> Result<Self, PatternError> {
        if !text.chars().all(is_visible) {
            return Err(PatternError::Text);
        }
        let pattern = Self::parse(text)?;
        let hashes = pattern.words().filter(|word| *word == Word::Many).count();
        match hashes > MOST_MANY {
            true => Err(PatternError::ManyHashes),
            false => Ok(pattern),
        }
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its words from the first, at least one.
    pub fn words(&self) -> impl Iterator<Item = Word<'_>> {
        self.as_str().split('.').map(|word| match word {
            ONE => Word::One,
            MANY => Word::Many,
            exact => Word::Exact(exact),
        })
    }

    /// Whether only the type that reads like it is meant.
    pub fn is_exact(&self) -> bool {
        self.words().all(|word| matches!(word, Word::Exact(_)))
    }

    /// Every type matches.
    pub fn is_everything(&self) -> bool {
        self.as_str() == MANY
    }

    /// Compares each word of the type with each of the pattern. Who has many patterns or many types
    /// to look at asks [`crate::logic::topics`] instead.
    pub fn matches(&self, event_type: &str) -> bool {
        let end = self.words().filter(|word| *word != Word::Many).count();
        // Bit `n`: the first `n` words but `#` have matched what was read so far. A pattern has at
        // most 100 words, since each takes two of its characters.
        let mut reached = 1u128;
        for word in event_type.split('.') {
            let (mut next, mut at) = (0, 0);
            for part in self.words() {
                let is_here = reached >> at & 1 == 1;
                match part {
                    Word::Many => next |= reached & 1 << at,
                    Word::One => (next, at) = (next | u128::from(is_here) << (at + 1), at + 1),
                    Word::Exact(exact) => {
                        next |= u128::from(is_here && exact == word) << (at + 1);
                        at += 1;
                    }
                }
            }
            reached = next;
        }
        reached >> end & 1 == 1
    }
}

/// One word of a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word<'a> {
    /// This word and no other.
    Exact(&'a str),
    /// `*`: any one word.
    One,
    /// `#`: any number of words, also none.
    Many,
}

impl<'a> Word<'a> {
    /// As it stands in the pattern.
    pub fn as_str(&self) -> &'a str {
        match self {
            Self::Exact(text) => text,
            Self::One => ONE,
            Self::Many => MANY,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_may_be_published_is_a_pattern_of_itself_also_in_a_list(
            text in "[ab.,*# é]{1,8}",
            other in "[a-c.]{1,5}",
        ) {
            if check_type(&text).is_ok() {
                let pattern = Pattern::given(&text).unwrap();
                prop_assert!(pattern.is_exact() && pattern.matches(&text));
                prop_assert_eq!(pattern.matches(&other), text == other);
                let list = format!("x,{text},y");
                prop_assert_eq!(list.split(',').nth(1), Some(text.as_str()));
            }
        }
    }

    #[test]
    fn a_type_that_no_pattern_can_mean_is_not_published() {
        for (text, error) in [
            ("a,b", TypeError::Comma),
            ("*", TypeError::Wildcard),
            ("a.#", TypeError::Wildcard),
            ("a*", TypeError::Wildcard),
            ("a..b", TypeError::EmptyWord),
            (".a", TypeError::EmptyWord),
            ("a.", TypeError::EmptyWord),
            (" a", TypeError::Space),
            ("a ", TypeError::Space),
        ] {
            assert_eq!(check_type(text), Err(error), "{text}");
        }
        for good in ["a", "order.created", "a b.c", "ORDER_CREATED", "ä+ö/ü"] {
            assert_eq!(check_type(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_star_is_one_word_and_a_hash_any_number() {
        for (pattern, event_type, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.c", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("*.b", "a.b", true),
            ("#", "a", true),
            ("#", "a.b.c", true),
            ("a.#", "a", true),
            ("a.#", "a.b.c", true),
            ("a.#", "b.a", false),
            ("#.c", "c", true),
            ("#.c", "a.b.c", true),
            ("#.c", "c.a", false),
            ("a.#.c", "a.c", true),
            ("a.#.c", "a.b.b.c", true),
            ("a.#.*", "a", false),
            ("a.#.*", "a.b", true),
            ("#.b.#.b.#", "a.b.c", false),
            ("#.b.#.b.#", "b.b", true),
        ] {
            let parsed = Pattern::parse(pattern).unwrap();
            let matched = parsed.matches(event_type);
            assert_eq!(matched, expected, "{pattern} against {event_type}");
        }
    }

    #[test]
    fn wildcards_are_whole_words_and_no_word_is_empty() {
        for (text, error) in [
            ("", PatternError::Text),
            ("a\n", PatternError::Text),
            ("a..b", PatternError::EmptyWord),
            (".a", PatternError::EmptyWord),
            ("a.", PatternError::EmptyWord),
            ("a.b*", PatternError::PartOfWord),
            ("##", PatternError::PartOfWord),
        ] {
            assert_eq!(Pattern::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Pattern::parse(&"a".repeat(201)), Err(PatternError::Text));
    }

    #[test]
    fn hashes_of_what_is_given_are_counted() {
        assert!(Pattern::given(&["#.a"; 8].join(".")).is_ok());
        let nine = ["#.a"; 9].join(".");
        assert_eq!(Pattern::given(&nine), Err(PatternError::ManyHashes));
        assert!(Pattern::parse(&nine).is_ok());
        assert_eq!(Pattern::given("a..b"), Err(PatternError::EmptyWord));
    }

    #[test]
    fn the_longest_patterns_and_types_fit() {
        let type_of = |words: usize| vec!["a"; words].join(".");
        for (pattern, words, expected) in [
            (["*"; 100].join("."), 100, true),
            (["*"; 100].join("."), 99, false),
            (["*"; 99].join(".") + ".#", 99, true),
            (["#"; 100].join("."), 1, true),
            (["*"; 99].join(".") + ".#", 98, false),
        ] {
            let matched = Pattern::parse(&pattern).unwrap().matches(&type_of(words));
            assert_eq!(matched, expected, "{pattern} {words}");
        }
        assert!(Pattern::parse("#").unwrap().matches(&".".repeat(200)));
    }

    #[test]
    fn many_hashes_cost_no_more_than_their_number() {
        let pattern = Pattern::parse(&["#.a"; 40].join(".")).unwrap();
        assert!(!pattern.matches(&["a"; 39].join(".")));
        assert!(pattern.matches(&["a"; 41].join(".")));
    }
}
