//! Parts of lists: so many items, and no more bytes than anybody may have at once.

/// No page holds more, in bytes of its items; the item that reaches it is the last.
pub const MOST_BYTES: usize = 4 << 20;

/// A part of a list, in the list's order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// At most as many as were asked for, and fewer if they are large.
    pub items: Vec<T>,
    /// The item after them, if there is one: the page ended before the list.
    pub next: Option<T>,
}

/// A page that is being filled.
#[derive(Debug)]
pub struct Filling<T> {
    page: Page<T>,
    limit: usize,
    bytes_left: usize,
}

impl<T> Page<T> {
    /// Of a list without anything in it.
    pub fn empty() -> Self {
        Self {
            items: Vec::new(),
            next: None,
        }
    }

    /// The first `limit` of these items, which are small and go on no further than the page's end
    /// needs to be known.
    pub fn begin(items: impl IntoIterator<Item = T>, limit: usize) -> Self {
        let mut filling = Filling::new(limit, MOST_BYTES);
        for item in items {
            if !filling.add(item, 0) {
                break;
            }
        }
        filling.finish()
    }

    /// Whether the list ends with this page.
    pub fn is_last(&self) -> bool {
        self.next.is_none()
    }

    /// What is known of the list: the items, and the one after them.
    pub fn into_known(self) -> impl Iterator<Item = T> {
        self.items.into_iter().chain(self.next)
    }

    /// The page with each item as `read` makes it.
    ///
    /// # Errors
    /// The first of `read`.
    pub fn try_map<U, E>(self, read: impl Fn(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(&read);
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            next: self.next.map(read).transpose()?,
        })
    }

    /// The page with each item as `change` makes it.
    pub fn map<U>(self, change: impl Fn(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(&change).collect(),
            next: self.next.map(change),
        }
    }

    /// A page of both lists together: up to `limit` items, of which `is_before` says which of two
    /// comes first, and `bytes` how large each is. Both pages must begin where it begins.
    pub fn merge(
        self,
        other: Self,
        limit: usize,
        is_before: impl Fn(&T, &T) -> bool,
        bytes: impl Fn(&T) -> usize,
    ) -> Self {
        let ends = [self.items.len(), other.items.len()];
        let mut heads = [
            self.into_known().enumerate().peekable(),
            other.into_known().enumerate().peekable(),
        ];
        let mut filling = Filling::new(limit, MOST_BYTES);
        loop {
            let [one, two] = &mut heads;
            let turn = match (one.peek(), two.peek()) {
                (Some((_, one)), Some((_, two))) => usize::from(is_before(two, one)),
                (Some(_), None) => 0,
                (None, Some(_)) => 1,
                (None, None) => return filling.finish(),
            };
            let Some((index, item)) = heads[turn].next() else {
                return filling.finish();
            };
            // What comes after the last item that is known of a list may be before the other's.
            if index == ends[turn] {
                filling.end_before(item);
                return filling.finish();
            }
            let size = bytes(&item);
            if !filling.add(item, size) {
                return filling.finish();
            }
        }
    }
}

impl<T> Filling<T> {
    /// A page that ends after `limit` items, or with the one that makes it `most_bytes` large.
    pub fn new(limit: usize, most_bytes: usize) -> Self {
        Self {
            page: Page::empty(),
            limit,
            // However little is wanted, there is no list that goes on with an empty page.
            bytes_left: most_bytes.max(1),
        }
    }

    /// Adds the next item of the list. Returns whether it is on the page; if not, the page ends
    /// before it.
    pub fn add(&mut self, item: T, bytes: usize) -> bool {
        if self.page.items.len() >= self.limit || self.bytes_left == 0 {
            self.end_before(item);
            return false;
        }
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.page.items.push(item);
        true
    }

    /// The page, after the last item of the list or the first that is not on the page.
    pub fn finish(self) -> Page<T> {
        self.page
    }

    fn end_before(&mut self, item: T) {
        self.page.next = Some(item);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fill(items: &[usize], limit: usize, most_bytes: usize) -> Page<usize> {
        let mut filling = Filling::new(limit, most_bytes);
        for item in items {
            if !filling.add(*item, *item) {
                break;
            }
        }
        filling.finish()
    }

    #[test]
    fn a_page_ends_by_number_or_by_bytes_and_says_what_is_next() {
        for (limit, most_bytes, taken, next) in [
            (9, 100, 4, None),
            (4, 100, 4, None),
            (3, 100, 3, Some(40)),
            (9, 61, 4, None),
            (9, 60, 3, Some(40)),
            (9, 30, 2, Some(30)),
            (9, 1, 1, Some(20)),
            (9, 0, 1, Some(20)),
        ] {
            let items = [10, 20, 30, 40];
            let page = fill(&items, limit, most_bytes);
            assert_eq!(page.items, items[..taken], "{limit} {most_bytes}");
            assert_eq!(page.next, next, "{limit} {most_bytes}");
            assert_eq!(page.is_last(), next.is_none());
        }
        assert_eq!(fill(&[], 1, 1), Page::empty());
    }

    proptest! {
        /// Pages of two lists, cut wherever it may be, are together a page of the merged list.
        #[test]
        fn a_merged_page_begins_like_the_merged_list(
            one in prop::collection::btree_set(0..40_u32, 0..12),
            other in prop::collection::btree_set(40..80_u32, 0..12),
            cuts in (1..12_usize, 1..12_usize),
            limit in 1..20_usize,
        ) {
            // Even and odd, so that they lie between each other.
            let one: Vec<u32> = one.into_iter().map(|n| 2 * n).collect();
            let other: Vec<u32> = other.into_iter().map(|n| 2 * (n - 40) + 1).collect();
            let mut expected = [one.clone(), other.clone()].concat();
            expected.sort_unstable();
            let cut = |list: &[u32], at: usize| Page {
                items: list.iter().take(at).copied().collect(),
                next: list.get(at).copied(),
            };
            let (one, other) = (cut(&one, cuts.0), cut(&other, cuts.1));
            let most = limit.min(expected.len());
            let least = most.min(cuts.0).min(cuts.1);
            let page = one.merge(other, limit, |a, b| a < b, |_| 1);
            let taken = page.items.len();
            prop_assert!((least..=most).contains(&taken), "{taken}");
            prop_assert_eq!(&page.items, &expected[..taken]);
            prop_assert_eq!(page.next, expected.get(taken).copied());
        }
    }
}
