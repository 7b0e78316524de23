//! Which part of a list of names is asked for.

use serde::Deserialize;

use crate::api::texts::NamePrefix;
use crate::logic::name_query::NameQuery;
use crate::logic::page::Page;
use crate::web::page::PageQuery;

/// Which names.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NameSearch {
    /// What they begin with.
    prefix: Option<NamePrefix>,
}

impl NameSearch {
    /// The names of `part` that are meant.
    pub(crate) fn query<C: ToString>(self, part: &PageQuery<C>) -> NameQuery {
        let prefix = self.prefix.map(|prefix| prefix.0.to_string());
        NameQuery {
            prefix: prefix.unwrap_or_default(),
            after: part.cursor.as_ref().map(C::to_string),
            limit: part.limit(),
        }
    }
}

/// The last name of the page, if there is more.
pub(super) fn next_cursor<T>(page: &Page<T>, name: impl Fn(&T) -> String) -> Option<String> {
    let last = page.items.last().filter(|_| !page.is_last());
    last.map(name)
}
