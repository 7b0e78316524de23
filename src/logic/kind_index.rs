//! Finds the class that a type of message belongs to.

use ahash::AHashMap;

use crate::domain::ids::Label;

/// Where each type is in a list of classes; the class without names has every type that no other
/// names.
#[derive(Clone, Debug, Default)]
pub struct KindIndex {
    named: AHashMap<Label, usize>,
    others: usize,
}

impl KindIndex {
    /// Of these classes, each given by the types it names.
    pub fn of<'a>(classes: impl Iterator<Item = &'a [Label]>) -> Self {
        let mut index = Self::default();
        for (position, kinds) in classes.enumerate() {
            if kinds.is_empty() {
                index.others = position;
            }
            for kind in kinds {
                index.named.insert(kind.clone(), position);
            }
        }
        index
    }

    /// The position of the type's class in the list.
    pub fn find(&self, kind: &Label) -> usize {
        self.named.get(kind).copied().unwrap_or(self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Label {
        Label::parse(text).unwrap()
    }

    #[test]
    fn a_type_is_where_it_is_named_and_otherwise_in_the_class_without_names() {
        let classes = [vec![label("a"), label("b")], vec![], vec![label("c")]];
        let index = KindIndex::of(classes.iter().map(Vec::as_slice));
        for (kind, position) in [("a", 0), ("b", 0), ("c", 2), ("x", 1)] {
            assert_eq!(index.find(&label(kind)), position, "{kind}");
        }
        assert_eq!(KindIndex::default().find(&label("a")), 0);
    }
}
