//! What comes behind a `#`, in bits: a pattern has at most 100 words, which fit into one number.

use ahash::AHashMap;

use crate::domain::pattern::{Pattern, Word};

/// Reads the words of a type one by one. Bit `n` of its state stands for: the first `n` words but
/// `#` have matched what was read so far.
#[derive(Debug)]
pub(super) struct Automaton {
    /// In front of which words stands a `#`.
    many: u128,
    /// Which are `*`.
    one: u128,
    exact: Exact,
    /// All have matched.
    end: u128,
}

/// Which words are which text.
#[derive(Debug)]
enum Exact {
    /// Compared one by one.
    Few(Box<[(Box<str>, u128)]>),
    Many(AHashMap<Box<str>, u128>),
}

/// More different words than these are looked up.
const FEW: usize = 4;

impl Automaton {
    /// Of `words`, in front of which stands a `#`.
    pub(super) fn behind_many(words: &[Word<'_>]) -> Self {
        let (mut many, mut one, mut at) = (1, 0, 0);
        let mut exact: AHashMap<Box<str>, u128> = AHashMap::new();
        for word in words {
            match word {
                Word::Many => many |= 1 << at,
                Word::One => one |= 1 << at,
                Word::Exact(text) => *exact.entry((*text).into()).or_default() |= 1 << at,
            }
            at += u32::from(*word != Word::Many);
        }
        Self {
            many,
            one,
            exact: match exact.len() <= FEW {
                true => Exact::Few(exact.into_iter().collect()),
                false => Exact::Many(exact),
            },
            end: 1 << at,
        }
    }

    pub(super) fn takes(&self, words: &[&str]) -> bool {
        let mut state = 1;
        for word in words {
            let same = self.one | self.exact.of(word);
            state = state & self.many | (state & same) << 1;
        }
        state & self.end != 0
    }
}

impl Exact {
    fn of(&self, word: &str) -> u128 {
        match self {
            Self::Few(few) => {
                let same = few.iter().find(|(text, _)| **text == *word);
                same.map_or(0, |(_, places)| *places)
            }
            Self::Many(many) => many.get(word).copied().unwrap_or(0),
        }
    }
}

/// The words of a pattern, in the one form that all with the same meaning have: `#.#` is `#`, and
/// `#.*` is `*.#`.
pub(super) fn simple(pattern: &Pattern) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut is_many = false;
    for word in pattern.words() {
        if word == Word::Many {
            is_many = true;
            continue;
        }
        if is_many && matches!(word, Word::Exact(_)) {
            words.push(Word::Many);
            is_many = false;
        }
        words.push(word);
    }
    if is_many {
        words.push(Word::Many);
    }
    words
}
