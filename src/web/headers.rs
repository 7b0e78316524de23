//! Headers that the edge reads by itself.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A header is there more than once, and means nothing.
pub(crate) struct GivenTwice;

/// The only header of this name, if there is one. A name that is text would be read each time.
pub(crate) fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, GivenTwice> {
    let mut all = headers.get_all(name);
    let first = all.next();
    match all.next() {
        None => Ok(first),
        Some(_) => Err(GivenTwice),
    }
}
