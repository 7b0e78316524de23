//! A part of a list of names, in the order of their bytes.

/// Which names, and which page of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NameQuery {
    /// What they begin with; empty: all names.
    pub prefix: String,
    /// Only those behind this one, which need not exist.
    pub after: Option<String>,
    /// How many, at most, are on a page.
    pub limit: usize,
}

/// Where a list of names begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameStart<'a> {
    /// With this name, if it exists.
    At(&'a str),
    /// Behind it.
    After(&'a str),
}

impl NameQuery {
    /// Where the page begins: no name before that is meant.
    pub fn start(&self) -> NameStart<'_> {
        match self.after.as_deref() {
            Some(after) if after >= self.prefix.as_str() => NameStart::After(after),
            _ => NameStart::At(&self.prefix),
        }
    }

    /// The first name that is no longer meant; `None`: all behind the start are.
    pub fn end(&self) -> Option<String> {
        successor(&self.prefix)
    }

    /// Whether this name is meant, whatever the limit.
    pub fn matches(&self, name: &str) -> bool {
        let behind = self.after.as_deref().is_none_or(|after| name > after);
        behind && name.starts_with(&self.prefix)
    }
}

/// The smallest text above everything that begins with `text`; `None` if nothing is.
pub fn successor(text: &str) -> Option<String> {
    let mut characters: Vec<char> = text.chars().collect();
    while let Some(last) = characters.pop() {
        let mut above = (last..=char::MAX).skip(1);
        if let Some(next) = above.next() {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_successor_is_above_all_that_begin_alike() {
        for (text, expected) in [
            ("a.b", Some("a.c")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(successor(text).as_deref(), expected, "{text:?}");
        }
    }

    proptest! {
        /// A database goes by the ends, memory by each name.
        #[test]
        fn between_its_ends_is_what_matches(
            prefix in "[ab]{0,2}",
            after in prop::option::of("[abc]{1,3}"),
            name in "[abc]{1,3}",
        ) {
            let query = NameQuery { prefix, after, limit: 1 };
            let has_begun = match query.start() {
                NameStart::At(start) => &*name >= start,
                NameStart::After(start) => &*name > start,
            };
            let has_ended = query.end().is_some_and(|end| name >= end);
            prop_assert_eq!(query.matches(&name), has_begun && !has_ended);
        }
    }
}
