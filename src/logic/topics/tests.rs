use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

/// As the words are said: a `#` takes none, or one and stays.
fn naive(pattern: &[&str], words: &[&str]) -> bool {
    match (pattern.split_first(), words.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((&"#", after)), None) => naive(after, words),
        (Some((&"#", after)), Some((_, rest))) => naive(after, words) || naive(pattern, rest),
        (Some(_), None) => false,
        (Some((part, after)), Some((word, rest))) => {
            (*part == "*" || part == word) && naive(after, rest)
        }
    }
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
    assert!(topics.has_any("z"));
}

#[test]
fn what_is_removed_leaves_nothing_behind() {
    let mut topics = Topics::default();
    let texts = ["a.b.c", "a.#.c", "a.*", "#", "#.b.#", "#.*.c", "*.#.a"];
    for text in texts {
        topics.insert(&pattern(text), 1);
    }
    let size = topics.nodes.len();
    for text in texts {
        topics.remove(&pattern(text), 1);
        topics.remove(&pattern("x.y"), 1);
        topics.remove(&pattern("#.y"), 1);
    }
    assert!(topics.nodes[ROOT].is_empty());
    assert!(topics.by_word.is_empty());
    for text in texts {
        topics.insert(&pattern(text), 2);
    }
    assert_eq!(topics.nodes.len(), size);
}

#[test]
fn patterns_of_one_meaning_stand_at_one_place() {
    for (text, expected) in [
        ("#.#", "#"),
        ("#.*", "*.#"),
        ("#.*.#.*.a", "*.*.#.a"),
        ("a.#.#.*.#", "a.*.#"),
        ("a.*.b", "a.*.b"),
    ] {
        let parsed = pattern(text);
        let words: Vec<_> = simple(&parsed).iter().map(Word::as_str).collect();
        assert_eq!(words.join("."), expected, "{text}");
    }
}

/// A generator that is the same in every run.
fn random(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1);
    *state >> 33
}

/// Patterns of 100 words, most of them wildcards; at most 8 of these are `#`.
fn hostile(count: usize) -> Vec<Pattern> {
    let mut state = 7;
    let mut one = || {
        let mut hashes = 0;
        let words: Vec<_> = (0..100)
            .map(|_| match random(&mut state) % 8 {
                0 if hashes < 8 => {
                    hashes += 1;
                    "#"
                }
                1 => "a",
                _ => "*",
            })
            .collect();
        words.join(".")
    };
    (0..count).map(|_| pattern(&one())).collect()
}

#[test]
fn an_event_costs_no_more_than_the_patterns_and_its_words_are_long() {
    let mut topics = Topics::default();
    let patterns = hostile(500);
    for (value, pattern) in patterns.iter().enumerate() {
        topics.insert(pattern, value);
    }
    let event_type = ["a"; 100].join(".");
    let found = topics.matching(&event_type);
    let expected: Vec<_> = (0..500)
        .filter(|n| patterns[*n].matches(&event_type))
        .collect();
    assert_eq!(found, expected);
    let words: usize = patterns.iter().map(|one| one.words().count()).sum();
    assert!(
        topics.steps() <= words + 101 * patterns.len(),
        "{}",
        topics.steps()
    );
}

#[test]
fn many_subscriptions_with_many_patterns_cost_an_event_little() {
    let mut topics = Topics::default();
    for value in 0..1000usize {
        for n in 0..1000usize {
            let n = (value * 31 + n * 17) % 20_000;
            let text = match n % 4 {
                0 => format!("order.{n}.*"),
                1 => format!("order.{n}.#"),
                2 => format!("#.{n}.created"),
                _ => format!("order.*.{n}.#.x"),
            };
            topics.insert(&pattern(&text), value);
        }
    }
    for event_type in [
        "order.8.created",
        "order.17.a.b.c",
        "a.18.created",
        "order.1.19.x",
    ] {
        let before = topics.steps();
        assert!(!topics.matching(event_type).is_empty(), "{event_type}");
        let steps = topics.steps() - before;
        assert!(steps < 50, "{event_type}: {steps}");
    }
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
            (prop::collection::vec(word(), 1..6), 0u8..4, any::<bool>()), 0..60),
        asked in prop::collection::vec(
            prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("c")], 1..7), 1..10),
    ) {
        let mut topics = Topics::default();
        let mut plain: Vec<(Vec<&str>, u8)> = Vec::new();
        for (words, value, is_insert) in steps {
            let pattern = pattern(&words.join("."));
            plain.retain(|entry| *entry != (words.clone(), value));
            if is_insert {
                topics.insert(&pattern, value);
                plain.push((words, value));
            } else {
                // Another pattern of the same meaning may still hold it.
                let same = |(other, its): &(Vec<&str>, u8)| {
                    let other = Pattern::parse(&other.join(".")).unwrap();
                    *its == value && simple(&other) == simple(&pattern)
                };
                if !plain.iter().any(same) {
                    topics.remove(&pattern, value);
                }
            }
        }
        for words in asked {
            let event_type = words.join(".");
            for (pattern, _) in &plain {
                let parsed = Pattern::parse(&pattern.join(".")).unwrap();
                prop_assert_eq!(parsed.matches(&event_type), naive(pattern, &words));
            }
            let matching = plain.iter().filter(|(pattern, _)| naive(pattern, &words));
            let mut expected: Vec<u8> = matching.map(|(_, value)| *value).collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(topics.has_any(&event_type), !expected.is_empty());
            prop_assert_eq!(topics.matching(&event_type), expected);
        }
    }
}
