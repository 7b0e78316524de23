//! Patterns of event types: words between dots, `*` for one word, `#` for any number of words.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ids::{Label, is_label};

const ONE: &str = "*";
const MANY: &str = "#";

/// Which event types are meant: `character.*` or `#`, or one type as it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Label);

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PatternError {
    #[error("must be 1 to 200 printable characters")]
    Text,
    #[error("has an empty word; words stand between dots")]
    EmptyWord,
    #[error("`*` and `#` stand for whole words; write `a.*`, not `a.b*`")]
    PartOfWord,
}

impl Pattern {
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

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

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

    /// In time at most proportional to the product of the two numbers of words.
    pub fn matches(&self, event_type: &str) -> bool {
        let words: Vec<&str> = event_type.split('.').collect();
        // Whether the pattern so far matches the first so many words.
        let mut reached = vec![false; words.len() + 1];
        reached[0] = true;
        for part in self.words() {
            let mut next = vec![false; words.len() + 1];
            match part {
                Word::Many => {
                    let mut any = false;
                    for (index, before) in reached.iter().enumerate() {
                        any |= before;
                        next[index] = any;
                    }
                }
                Word::One => next[1..].copy_from_slice(&reached[..words.len()]),
                Word::Exact(exact) => {
                    for (index, word) in words.iter().enumerate() {
                        next[index + 1] = reached[index] && *word == exact;
                    }
                }
            }
            reached = next;
        }
        reached[words.len()]
    }
}

/// One word of a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word<'a> {
    Exact(&'a str),
    /// `*`: any one word.
    One,
    /// `#`: any number of words, also none.
    Many,
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
    fn many_hashes_cost_no_more_than_their_number() {
        let pattern = Pattern::parse(&["#.a"; 40].join(".")).unwrap();
        assert!(!pattern.matches(&["a"; 39].join(".")));
        assert!(pattern.matches(&["a"; 41].join(".")));
    }
}
