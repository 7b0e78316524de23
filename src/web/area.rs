//! What a path belongs to, for the rules that differ between data and what browsers show.

use super::state::Served;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Area {
    /// What programs ask, and whatever is not there.
    Data,
    /// The page with the description.
    Docs,
    /// The hub's own page.
    Dashboard,
}

impl Area {
    pub(crate) fn of(path: &str, served: &Served) -> Self {
        if path == "/docs" || path.starts_with("/docs/") {
            Self::Docs
        } else if (served.is_dashboard)(path) {
            Self::Dashboard
        } else {
            Self::Data
        }
    }
}
