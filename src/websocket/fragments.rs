//! Messages that come in several frames.

use actix_http::ws::Item;
use bytes::{Bytes, BytesMut};

/// A message of a client may be so long, in bytes.
pub(crate) const LONGEST: usize = 1 << 20;
/// Most messages are not longer, in bytes.
const FEW: usize = 64 << 10;

/// What came so far of a message in several frames. How long it may be is seen to before.
#[derive(Default)]
pub(crate) struct Fragments {
    bytes: BytesMut,
    is_begun: bool,
    is_binary: bool,
}

/// A message came, whole.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Whole {
    Text(Bytes),
    Binary(Bytes),
}

impl Fragments {
    pub(crate) fn add(&mut self, item: Item) -> Option<Whole> {
        let (part, is_last) = match item {
            Item::FirstText(part) => {
                self.is_binary = false;
                (part, false)
            }
            Item::FirstBinary(part) => {
                self.is_binary = true;
                (part, false)
            }
            Item::Continue(part) => (part, false),
            Item::Last(part) => (part, true),
        };
        self.is_begun = !is_last;
        if self.bytes.len() + part.len() > FEW {
            // At once, since what is not touched costs nothing, and what grows is copied.
            self.bytes.reserve(LONGEST.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(&part);
        if !is_last {
            return None;
        }
        let bytes = std::mem::take(&mut self.bytes).freeze();
        Some(match self.is_binary {
            true => Whole::Binary(bytes),
            false => Whole::Text(bytes),
        })
    }

    /// Of a message whose end has not come.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// A message has begun, if only with nothing.
    pub(crate) fn is_begun(&self) -> bool {
        self.is_begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(length: usize) -> Bytes {
        Bytes::from(vec![b'a'; length])
    }

    #[test]
    fn parts_make_one_message() {
        let mut fragments = Fragments::default();
        for _ in 0..2 {
            assert_eq!(fragments.add(Item::FirstText(part(0))), None);
            assert!(fragments.is_begun());
            assert_eq!(fragments.add(Item::Continue(part(2))), None);
            assert_eq!(fragments.bytes(), 2);
            let whole = fragments.add(Item::Last(part(3)));
            assert_eq!(whole, Some(Whole::Text(part(5))));
            assert!(!fragments.is_begun());
        }
        assert_eq!(fragments.add(Item::FirstBinary(part(1))), None);
        let whole = fragments.add(Item::Last(part(0)));
        assert_eq!(whole, Some(Whole::Binary(part(1))));
        assert_eq!(fragments.bytes(), 0);
    }
}
