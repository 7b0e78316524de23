//! Which event types are meant by many patterns, for whoever looks at many events: the patterns are
//! read once, and each type is looked at once.

use ahash::AHashMap;

use super::topics::Topics;
use crate::domain::ids::EventType;
use crate::domain::pattern::Pattern;

/// So many different types are remembered.
const MOST_KNOWN: usize = 4096;

/// The patterns, and what is known of types so far.
#[derive(Debug)]
pub struct TypeFilter {
    /// `None`: all types are meant.
    topics: Option<Topics<()>>,
    known: AHashMap<EventType, bool>,
    steps: usize,
}

impl TypeFilter {
    /// Any of `patterns`; none stands for all types.
    pub fn new(patterns: &[Pattern]) -> Self {
        let is_all = patterns.is_empty() || patterns.iter().any(Pattern::is_everything);
        let topics = (!is_all).then(|| {
            let mut topics = Topics::default();
            for pattern in patterns {
                topics.insert(pattern, ());
            }
            topics
        });
        Self {
            topics,
            known: AHashMap::new(),
            steps: 0,
        }
    }

    /// Whether events of this type are meant; the answer is remembered.
    pub fn wants(&mut self, event_type: &EventType) -> bool {
        self.steps += 1;
        let Some(topics) = &self.topics else {
            return true;
        };
        if let Some(known) = self.known.get(event_type) {
            return *known;
        }
        let wants = topics.has_any(event_type.as_str());
        if self.known.len() < MOST_KNOWN {
            self.known.insert(event_type.clone(), wants);
        }
        wants
    }

    /// As [`TypeFilter::wants`], of a type that is asked about once.
    pub fn wants_name(&self, event_type: &str) -> bool {
        let topics = self.topics.as_ref();
        topics.is_none_or(|topics| topics.has_any(event_type))
    }

    /// What the answers so far have cost: types asked about, places looked at and words read.
    pub fn steps(&self) -> usize {
        self.steps + self.topics.as_ref().map_or(0, Topics::steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(patterns: &[&str]) -> TypeFilter {
        let patterns = patterns.iter().map(|text| Pattern::parse(text).unwrap());
        TypeFilter::new(&patterns.collect::<Vec<_>>())
    }

    fn label(text: &str) -> EventType {
        EventType::parse(text).unwrap()
    }

    #[test]
    fn any_pattern_will_do_and_none_stands_for_all() {
        let mut some = filter(&["a.*", "#.c"]);
        for (text, wanted) in [("a.b", true), ("x.c", true), ("x.b", false), ("a", false)] {
            assert_eq!(some.wants(&label(text)), wanted, "{text}");
            assert_eq!(some.wants_name(text), wanted, "{text}");
        }
        for mut all in [filter(&[]), filter(&["a", "#"])] {
            assert!(all.wants(&label("x")) && all.wants_name("y"));
        }
    }

    #[test]
    fn a_type_is_looked_at_once() {
        let many: Vec<_> = (0..1000).map(|n| format!("a.#.{n}")).collect();
        let mut filter = filter(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(!filter.wants(&label("a.b.c")));
        let first = filter.steps();
        for _ in 0..1000 {
            assert!(!filter.wants(&label("a.b.c")));
        }
        assert_eq!(filter.steps(), first + 1000);
    }
}
