//! Pages of lists of which not everything is wanted.

use super::error::HubError;
use crate::logic::page::{Filling, MOST_BYTES, Page};

/// So many are looked at together once a page turned out to be sparse.
pub(super) const SCAN: usize = 1000;

/// What is looked at together, in the order of the list.
pub(super) struct Stretch<T> {
    pub items: Vec<T>,
    /// The list ends with it.
    pub is_last: bool,
}

/// What makes a page of a list.
pub(super) struct PageOf<Keep, Bytes> {
    /// How many, at most.
    pub limit: usize,
    /// Whether an item is on it.
    pub keep: Keep,
    /// Roughly what an item takes.
    pub bytes: Bytes,
}

/// A page of what is wanted of the stretches that `next` gives one after the other.
pub(super) async fn fill<T>(
    wanted: PageOf<impl Fn(&T) -> bool, impl Fn(&T) -> usize>,
    mut next: impl AsyncFnMut() -> Result<Stretch<T>, HubError>,
) -> Result<Page<T>, HubError> {
    let mut filling = Filling::new(wanted.limit, MOST_BYTES);
    loop {
        let stretch = next().await?;
        for item in stretch.items {
            if !(wanted.keep)(&item) {
                continue;
            }
            let bytes = (wanted.bytes)(&item);
            if !filling.add(item, bytes) {
                return Ok(filling.finish());
            }
        }
        if stretch.is_last {
            return Ok(filling.finish());
        }
    }
}
