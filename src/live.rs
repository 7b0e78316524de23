//! A value that may be replaced while everybody reads it.

use std::sync::OnceLock;

/// Versions of a value. Readers take no lock: they follow the versions to the last one. The old
/// ones stay, so this is for what is replaced by hand, now and then.
pub struct Live<T> {
    first: Version<T>,
}

struct Version<T> {
    value: T,
    next: OnceLock<Box<Version<T>>>,
}

impl<T> Version<T> {
    fn new(value: T) -> Self {
        Self {
            value,
            next: OnceLock::new(),
        }
    }
}

impl<T> Live<T> {
    pub fn new(value: T) -> Self {
        Self {
            first: Version::new(value),
        }
    }

    /// The latest version.
    pub fn now(&self) -> &T {
        &self.last().value
    }

    /// From now on this.
    pub fn replace(&self, value: T) {
        let mut next = Box::new(Version::new(value));
        // Whoever came first has the place; then it goes behind that.
        while let Err(refused) = self.last().next.set(next) {
            next = refused;
        }
    }

    fn last(&self) -> &Version<T> {
        let mut version = &self.first;
        while let Some(next) = version.next.get() {
            version = next;
        }
        version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_version_holds() {
        let live = Live::new(1);
        let before = live.now();
        live.replace(2);
        live.replace(3);
        assert_eq!((*before, *live.now()), (1, 3));
    }
}
