//! Finds the class that a type of message belongs to.

use ahash::AHashMap;

use crate::domain::ids::MessageType;

/// Where each type is in a list of classes; the class without names has every type that no other
/// names.
#[derive(Clone, Debug, Default)]
pub struct TypeIndex {
    named: AHashMap<MessageType, usize>,
    others: usize,
}

impl TypeIndex {
    /// Of these classes, each given by the types it names.
    pub fn of<'a>(classes: impl Iterator<Item = &'a [MessageType]>) -> Self {
        let mut index = Self::default();
        for (position, types) in classes.enumerate() {
            if types.is_empty() {
                index.others = position;
            }
            for message_type in types {
                index.named.insert(message_type.clone(), position);
            }
        }
        index
    }

    /// The position of the type's class in the list.
    pub fn find(&self, message_type: &MessageType) -> usize {
        self.named.get(message_type).copied().unwrap_or(self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> MessageType {
        MessageType::parse(text).unwrap()
    }

    #[test]
    fn a_type_is_where_it_is_named_and_otherwise_in_the_class_without_names() {
        let classes = [vec![label("a"), label("b")], vec![], vec![label("c")]];
        let index = TypeIndex::of(classes.iter().map(Vec::as_slice));
        for (message_type, position) in [("a", 0), ("b", 0), ("c", 2), ("x", 1)] {
            assert_eq!(index.find(&label(message_type)), position, "{message_type}");
        }
        assert_eq!(TypeIndex::default().find(&label("a")), 0);
    }
}
