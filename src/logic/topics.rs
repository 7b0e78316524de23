//! Who wants events of a type, found without asking each subscriber.
//!
//! A tree of words, walked with all positions that the words so far lead to, as a
//! nondeterministic automaton is: the cost is that of the words times the places reached, however
//! many `#` the patterns have.

use ahash::AHashMap;

use crate::domain::pattern::{Pattern, Word};

const ROOT: usize = 0;

/// Values by pattern. A value may stand at several patterns, and is found once.
#[derive(Debug)]
pub struct Topics<T> {
    nodes: Vec<Node<T>>,
    /// Places of `nodes` that are used no more.
    free: Vec<usize>,
}

#[derive(Debug)]
struct Node<T> {
    exact: AHashMap<Box<str>, usize>,
    one: Option<usize>,
    many: Option<usize>,
    /// Reached by `#`: takes any further word.
    is_many: bool,
    values: Vec<T>,
}

impl<T> Node<T> {
    fn new(is_many: bool) -> Self {
        Self {
            exact: AHashMap::new(),
            one: None,
            many: None,
            is_many,
            values: Vec::new(),
        }
    }

    fn child(&self, word: Word<'_>) -> Option<usize> {
        match word {
            Word::Exact(text) => self.exact.get(text).copied(),
            Word::One => self.one,
            Word::Many => self.many,
        }
    }

    fn set_child(&mut self, word: Word<'_>, child: Option<usize>) {
        match (word, child) {
            (Word::Exact(text), Some(child)) => drop(self.exact.insert(text.into(), child)),
            (Word::Exact(text), None) => drop(self.exact.remove(text)),
            (Word::One, child) => self.one = child,
            (Word::Many, child) => self.many = child,
        }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.one.is_none() && self.many.is_none() && self.values.is_empty()
    }
}

impl<T> Default for Topics<T> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new(false)],
            free: Vec::new(),
        }
    }
}

impl<T: Copy + Ord> Topics<T> {
    /// Adds a value at a pattern, once.
    pub fn insert(&mut self, pattern: &Pattern, value: T) {
        let mut at = ROOT;
        for word in pattern.words() {
            at = match self.nodes[at].child(word) {
                Some(child) => child,
                None => self.grow(at, word),
            };
        }
        if !self.nodes[at].values.contains(&value) {
            self.nodes[at].values.push(value);
        }
    }

    /// Takes a value away from a pattern.
    pub fn remove(&mut self, pattern: &Pattern, value: T) {
        let mut path = Vec::new();
        let mut at = ROOT;
        for word in pattern.words() {
            path.push((at, word));
            match self.nodes[at].child(word) {
                Some(child) => at = child,
                None => return,
            }
        }
        self.nodes[at].values.retain(|other| *other != value);
        while self.nodes[at].is_empty()
            && let Some((parent, word)) = path.pop()
        {
            self.nodes[parent].set_child(word, None);
            self.free.push(at);
            at = parent;
        }
    }

    /// The values whose patterns match, each once, in their order.
    pub fn matching(&self, event_type: &str) -> Vec<T> {
        let mut reached = Vec::new();
        self.reach(ROOT, &mut reached);
        for word in event_type.split('.') {
            let mut next = Vec::new();
            for at in reached {
                let node = &self.nodes[at];
                if node.is_many {
                    self.reach(at, &mut next);
                }
                let children = [node.exact.get(word).copied(), node.one];
                for child in children.into_iter().flatten() {
                    self.reach(child, &mut next);
                }
            }
            reached = next;
        }
        let mut values = Vec::new();
        for at in reached {
            values.extend_from_slice(&self.nodes[at].values);
        }
        values.sort_unstable();
        values.dedup();
        values
    }

    /// A place is reached, and what `#` reaches from it by no word at all.
    fn reach(&self, at: usize, reached: &mut Vec<usize>) {
        if reached.contains(&at) {
            return;
        }
        reached.push(at);
        if let Some(many) = self.nodes[at].many {
            self.reach(many, reached);
        }
    }

    fn grow(&mut self, parent: usize, word: Word<'_>) -> usize {
        let node = Node::new(word == Word::Many);
        let child = match self.free.pop() {
            Some(place) => {
                self.nodes[place] = node;
                place
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        self.nodes[parent].set_child(word, Some(child));
        child
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn a_value_is_found_once_however_many_of_its_patterns_match() {
        let mut topics = Topics::default();
        for text in ["a.b", "a.*", "#", "#.b"] {
            topics.insert(&pattern(text), 7);
        }
        topics.insert(&pattern("a.c"), 8);
        assert_eq!(topics.matching("a.b"), [7]);
        assert_eq!(topics.matching("a.c"), [7, 8]);
        assert_eq!(topics.matching(""), [7]);
    }

    #[test]
    fn what_is_removed_leaves_nothing_behind() {
        let mut topics = Topics::default();
        let texts = ["a.b.c", "a.#.c", "a.*", "#"];
        for text in texts {
            topics.insert(&pattern(text), 1);
        }
        let size = topics.nodes.len();
        for text in texts {
            topics.remove(&pattern(text), 1);
            topics.remove(&pattern("x.y"), 1);
        }
        assert!(topics.nodes[ROOT].is_empty());
        for text in texts {
            topics.insert(&pattern(text), 2);
        }
        assert_eq!(topics.nodes.len(), size);
    }

    #[test]
    fn many_hashes_are_walked_in_bounded_time() {
        let mut topics = Topics::default();
        topics.insert(&pattern(&["#.a"; 50].join(".")), 1);
        assert!(topics.matching(&["a"; 49].join(".")).is_empty());
        assert_eq!(topics.matching(&["a"; 90].join(".")), [1]);
    }

    fn word() -> impl Strategy<Value = &'static str> {
        prop_oneof![Just("a"), Just("b"), Just("*"), Just("#")]
    }

    proptest! {
        #[test]
        fn finds_what_asking_each_pattern_finds(
            steps in prop::collection::vec(
                (prop::collection::vec(word(), 1..5), 0u8..4, any::<bool>()), 0..60),
            asked in prop::collection::vec(
                prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("c")], 1..6), 1..10),
        ) {
            let mut topics = Topics::default();
            let mut plain: Vec<(Pattern, u8)> = Vec::new();
            for (words, value, is_insert) in steps {
                let pattern = pattern(&words.join("."));
                plain.retain(|entry| *entry != (pattern.clone(), value));
                if is_insert {
                    topics.insert(&pattern, value);
                    plain.push((pattern, value));
                } else {
                    topics.remove(&pattern, value);
                }
            }
            for words in asked {
                let event_type = words.join(".");
                let matching = plain.iter().filter(|(pattern, _)| pattern.matches(&event_type));
                let mut expected: Vec<u8> = matching.map(|(_, value)| *value).collect();
                expected.sort_unstable();
                expected.dedup();
                prop_assert_eq!(topics.matching(&event_type), expected);
            }
        }
    }
}
