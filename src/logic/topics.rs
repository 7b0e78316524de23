//! Who wants events of a type, found without asking each subscriber.
//!
//! A pattern stands in a tree of its words up to the first `#`; in it each place is reached by one
//! way only. What comes after that `#` is an `Automaton`, which is asked where the beginning
//! matches; one that begins with `#` is found by a word that must be there. So an event costs at
//! most each place of the tree once, and each automaton its own words once.

mod automaton;

use std::cell::Cell;

use ahash::AHashMap;

use crate::domain::pattern::{Pattern, Word};
use automaton::{Automaton, simple};

const ROOT: usize = 0;
/// It is looked for at so many words, to take it away.
const MOST_ANCHORS: usize = 4;

/// Values by pattern. A value may stand at several patterns, and is found once.
#[derive(Debug)]
pub struct Topics<T> {
    nodes: Vec<Node<T>>,
    /// Places of `nodes` that are used no more.
    free: Vec<usize>,
    /// Those that begin with `#` and go on, by a word that must be there.
    by_word: AHashMap<Box<str>, Tails<T>>,
    /// Places looked at and words read since this began.
    steps: Cell<usize>,
}

/// After the first `#`, by what comes there.
type Tails<T> = AHashMap<Box<[Box<str>]>, Tail<T>>;

#[derive(Debug)]
struct Tail<T> {
    automaton: Automaton,
    values: Vec<T>,
}

#[derive(Debug)]
struct Node<T> {
    exact: AHashMap<Box<str>, usize>,
    one: Option<usize>,
    /// Of the patterns that end here.
    values: Vec<T>,
    /// Of those that end here with `#`.
    open: Vec<T>,
    /// Of those that go on behind `#`.
    tails: Option<Box<Tails<T>>>,
}

/// The words of a pattern, in the one form that all with the same meaning have.
struct Parts<'a> {
    /// Before the first `#`.
    beginning: &'a [Word<'a>],
    /// Behind it; `None`: there is no `#`.
    rest: Option<&'a [Word<'a>]>,
}

impl<'a> Parts<'a> {
    fn of(words: &'a [Word<'a>]) -> Self {
        let many = words.iter().position(|word| *word == Word::Many);
        Self {
            beginning: &words[..many.unwrap_or(words.len())],
            rest: many.map(|at| &words[at + 1..]),
        }
    }

    /// For one that begins with `#` and goes on: the words that must be there, the last few of them;
    /// it stands at one.
    fn anchors(&self) -> Vec<&'a str> {
        let rest = self.rest.filter(|_| self.beginning.is_empty());
        let words = rest.unwrap_or_default().iter().rev();
        let exact = words.filter_map(|word| match word {
            Word::Exact(text) => Some(*text),
            Word::One | Word::Many => None,
        });
        exact.take(MOST_ANCHORS).collect()
    }
}

impl<T> Node<T> {
    fn new() -> Self {
        Self {
            exact: AHashMap::new(),
            one: None,
            values: Vec::new(),
            open: Vec::new(),
            tails: None,
        }
    }

    fn child(&self, word: Word<'_>) -> Option<usize> {
        match word {
            Word::Exact(text) => self.exact.get(text).copied(),
            Word::One | Word::Many => self.one,
        }
    }

    fn set_child(&mut self, word: Word<'_>, child: Option<usize>) {
        match (word, child) {
            (Word::Exact(text), Some(child)) => drop(self.exact.insert(text.into(), child)),
            (Word::Exact(text), None) => drop(self.exact.remove(text)),
            (Word::One | Word::Many, child) => self.one = child,
        }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty()
            && self.one.is_none()
            && self.values.is_empty()
            && self.open.is_empty()
            && self.tails.is_none()
    }
}

impl<T> Default for Topics<T> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new()],
            free: Vec::new(),
            by_word: AHashMap::new(),
            steps: Cell::new(0),
        }
    }
}

impl<T: Copy + Ord> Topics<T> {
    /// Adds a value at a pattern, once.
    pub fn insert(&mut self, pattern: &Pattern, value: T) {
        let words = simple(pattern);
        let parts = Parts::of(&words);
        let anchors = parts.anchors();
        if !anchors.is_empty() {
            let rest = parts.rest.unwrap_or_default();
            let place = self.place(&anchors, rest);
            let tails = self.by_word.entry(place.into());
            return add_tail(tails.or_default(), rest, value);
        }
        let mut at = ROOT;
        for word in parts.beginning {
            at = match self.nodes[at].child(*word) {
                Some(child) => child,
                None => self.grow(at, *word),
            };
        }
        let node = &mut self.nodes[at];
        match parts.rest {
            None => add(&mut node.values, value),
            Some([]) => add(&mut node.open, value),
            Some(rest) => add_tail(node.tails.get_or_insert_default(), rest, value),
        }
    }

    /// Takes a value away from a pattern.
    pub fn remove(&mut self, pattern: &Pattern, value: T) {
        let words = simple(pattern);
        let parts = Parts::of(&words);
        let anchors = parts.anchors();
        if !anchors.is_empty() {
            let rest = parts.rest.unwrap_or_default();
            let anchor = self.place(&anchors, rest);
            if let Some(tails) = self.by_word.get_mut(anchor) {
                remove_tail(tails, rest, value);
                if tails.is_empty() {
                    self.by_word.remove(anchor);
                }
            }
            return;
        }
        let mut path = Vec::new();
        let mut at = ROOT;
        for word in parts.beginning {
            path.push((at, *word));
            match self.nodes[at].child(*word) {
                Some(child) => at = child,
                None => return,
            }
        }
        let node = &mut self.nodes[at];
        match parts.rest {
            None => remove(&mut node.values, value),
            Some([]) => remove(&mut node.open, value),
            Some(rest) => {
                if let Some(tails) = &mut node.tails {
                    remove_tail(tails, rest, value);
                    node.tails.take_if(|tails| tails.is_empty());
                }
            }
        }
        while self.nodes[at].is_empty()
            && let Some((parent, word)) = path.pop()
        {
            self.nodes[parent].set_child(word, None);
            self.nodes[at] = Node::new();
            self.free.push(at);
            at = parent;
        }
    }

    /// The values whose patterns match, each once, in their order.
    pub fn matching(&self, event_type: &str) -> Vec<T> {
        let mut values = Vec::new();
        self.find(event_type, |found| {
            values.extend_from_slice(found);
            false
        });
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Whether any pattern matches.
    pub fn has_any(&self, event_type: &str) -> bool {
        self.find(event_type, |_| true)
    }

    /// How many places were looked at and words read, ever: what the answers so far have cost.
    pub fn steps(&self) -> usize {
        self.steps.get()
    }

    /// Gives each list of values whose pattern matches to `found`, until that is enough for it.
    fn find(&self, event_type: &str, mut found: impl FnMut(&[T]) -> bool) -> bool {
        let words: Vec<&str> = event_type.split('.').collect();
        let mut found = |values: &[T]| !values.is_empty() && found(values);
        self.walk(&words, &mut found) || self.look_up(&words, &mut found)
    }

    /// From the root, word by word.
    fn walk(&self, words: &[&str], found: &mut impl FnMut(&[T]) -> bool) -> bool {
        let mut reached = vec![ROOT];
        let mut next = Vec::new();
        for depth in 0..=words.len() {
            self.count(reached.len());
            for at in &reached {
                let node = &self.nodes[*at];
                let rest = &words[depth..];
                if found(&node.open) || self.ask(node.tails.as_deref(), rest, found) {
                    return true;
                }
                match rest.first() {
                    None if found(&node.values) => return true,
                    None => {}
                    Some(word) => {
                        next.extend(node.exact.get(*word));
                        next.extend(node.one);
                    }
                }
            }
            std::mem::swap(&mut reached, &mut next);
            next.clear();
            if reached.is_empty() {
                break;
            }
        }
        false
    }

    /// Those that begin with `#`.
    fn look_up(&self, words: &[&str], found: &mut impl FnMut(&[T]) -> bool) -> bool {
        if self.by_word.is_empty() {
            return false;
        }
        let mut distinct = words.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        for word in distinct {
            self.count(1);
            if self.ask(self.by_word.get(word), words, found) {
                return true;
            }
        }
        false
    }

    fn ask(
        &self,
        tails: Option<&Tails<T>>,
        words: &[&str],
        found: &mut impl FnMut(&[T]) -> bool,
    ) -> bool {
        for tail in tails.into_iter().flat_map(|tails| tails.values()) {
            self.count(1 + words.len());
            if tail.automaton.takes(words) && found(&tail.values) {
                return true;
            }
        }
        false
    }

    fn count(&self, steps: usize) {
        self.steps.set(self.steps.get() + steps);
    }

    /// The word at which this stands, or else that at which fewest do.
    fn place<'a>(&self, anchors: &[&'a str], rest: &[Word<'_>]) -> &'a str {
        let key = key(rest);
        let (mut place, mut fewest) = ("", usize::MAX);
        for anchor in anchors {
            let tails = self.by_word.get(*anchor);
            if tails.is_some_and(|tails| tails.contains_key(&key)) {
                return anchor;
            }
            let count = tails.map_or(0, |tails| tails.len());
            if count < fewest {
                (place, fewest) = (anchor, count);
            }
        }
        place
    }

    fn grow(&mut self, parent: usize, word: Word<'_>) -> usize {
        let child = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::new());
            self.nodes.len() - 1
        });
        self.nodes[parent].set_child(word, Some(child));
        child
    }
}

fn add<T: Ord>(values: &mut Vec<T>, value: T) {
    if let Err(place) = values.binary_search(&value) {
        values.insert(place, value);
    }
}

fn remove<T: Ord>(values: &mut Vec<T>, value: T) {
    if let Ok(place) = values.binary_search(&value) {
        values.remove(place);
    }
}

fn key(rest: &[Word<'_>]) -> Box<[Box<str>]> {
    rest.iter().map(|word| word.as_str().into()).collect()
}

fn add_tail<T: Ord>(tails: &mut Tails<T>, rest: &[Word<'_>], value: T) {
    let tail = tails.entry(key(rest)).or_insert_with(|| Tail {
        automaton: Automaton::behind_many(rest),
        values: Vec::new(),
    });
    add(&mut tail.values, value);
}

fn remove_tail<T: Ord>(tails: &mut Tails<T>, rest: &[Word<'_>], value: T) {
    let key = key(rest);
    if let Some(tail) = tails.get_mut(&key) {
        remove(&mut tail.values, value);
        if tail.values.is_empty() {
            tails.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
