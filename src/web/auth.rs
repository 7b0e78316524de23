//! Name and key of who calls, where a request has them.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::caller::{Identified, nobody};
use super::cookie;
use super::headers::{GivenTwice, only};
use super::query::Query;
use crate::hub::Hub;
use crate::hub::access::Principal;
use crate::hub::error::{HubError, Subject};
use crate::hub::keys::{AuthFailure, Keys};
use crate::hub::sessions::SessionId;

const SERVICE_NAME: HeaderName = HeaderName::from_static("x-service-name");
const SERVICE_KEY: HeaderName = HeaderName::from_static("x-service-key");

const GIVEN_BOTH_WAYS: &str = "X-Service-Name: is given in the query and as a header";

/// Who a request comes from, as its headers say.
///
/// # Errors
/// What is missing or wrong, when keys are required; and in any case a header given twice, of
/// which each who reads it on the way may mean another.
pub(crate) fn principal(keys: &Keys, headers: &HeaderMap) -> Result<Principal, AuthFailure> {
    let name = only(headers, &SERVICE_NAME)
        .map_err(|GivenTwice| AuthFailure::Malformed("X-Service-Name: is given twice"))?;
    let key = only(headers, &SERVICE_KEY)
        .map_err(|GivenTwice| AuthFailure::Malformed("X-Service-Key: is given twice"))?;
    keys.principal(
        name.map(HeaderValue::as_bytes),
        key.map(HeaderValue::as_bytes),
    )
}

/// Who a request comes from: as its headers say, else as its session says.
///
/// # Errors
/// As [`principal`], and that the session has ended.
pub(crate) fn identity(hub: &Hub, headers: &HeaderMap) -> Result<Identified, AuthFailure> {
    match cookie::session(headers) {
        Some(id) if !shows_a_key(headers) => of_session(hub, id),
        _ => principal(hub.keys.now(), headers).map(Identified::from),
    }
}

fn shows_a_key(headers: &HeaderMap) -> bool {
    headers.contains_key(&SERVICE_NAME) || headers.contains_key(&SERVICE_KEY)
}

fn of_session(hub: &Hub, id: SessionId) -> Result<Identified, AuthFailure> {
    let keys = hub.keys.now();
    if !keys.are_required() {
        return keys.principal(None, None).map(Identified::from);
    }
    let holder = hub.holder_of_session(id);
    let holder = holder.ok_or(AuthFailure::Missing("the session has ended; sign in again"))?;
    Ok(Identified {
        principal: holder,
        session: Some(id),
    })
}

/// As [`identity`]; browsers, which cannot send headers with a handshake, give name and key as
/// `name` and `key` of the query, or in a frame after it.
///
/// # Errors
/// As [`identity`], also for both ways at once, and 400 for a query that cannot be read.
pub(crate) fn identity_of_socket(
    hub: &Hub,
    request: &HttpRequest,
) -> Result<Result<Identified, AuthFailure>, HubError> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Ok(identity(hub, headers));
    }
    let query = Query::of(request)?;
    let (name, key) = (query.text("name"), query.text("key"));
    let asks_later = match query.text("auth") {
        None => false,
        Some("frame") => true,
        Some(_) => {
            return Err(HubError::invalid(
                Subject::Request,
                "auth",
                "must be `frame`",
            ));
        }
    };
    if asks_later && (shows_a_key(headers) || name.or(key).is_some()) {
        let problem = "a frame says who it is only if the handshake does not";
        return Err(HubError::invalid(Subject::Request, "auth", problem));
    }
    if asks_later {
        return Ok(Ok(nobody().into()));
    }
    Ok(match name.or(key) {
        None => identity(hub, headers),
        Some(_) if shows_a_key(headers) => Err(AuthFailure::Malformed(GIVEN_BOTH_WAYS)),
        Some(_) => {
            let keys = hub.keys.now();
            let principal = keys.principal(name.map(str::as_bytes), key.map(str::as_bytes));
            principal.map(Identified::from)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::domain::ids::ServiceName;

    fn keys() -> Keys {
        let shop = ServiceName::parse("shop").unwrap();
        let keys = BTreeMap::from([(shop, vec!["old", "new"])]);
        Keys::new(keys, BTreeSet::new())
    }

    fn headers(name: &'static str, key: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(SERVICE_NAME, HeaderValue::from_static(name));
        headers.insert(SERVICE_KEY, HeaderValue::from_static(key));
        headers
    }

    #[test]
    fn name_and_key_are_read_from_their_headers() {
        assert!(principal(&keys(), &headers("shop", "new")).is_ok());
        let denial = principal(&keys(), &headers("shop", "newer")).unwrap_err();
        assert!(matches!(denial, AuthFailure::Wrong(_)), "{denial:?}");
    }

    #[test]
    fn a_header_given_twice_is_nobodys_whether_there_are_keys_or_not() {
        let none = Keys::new(BTreeMap::<_, Vec<String>>::new(), BTreeSet::new());
        for twice in ["x-service-name", "x-service-key"] {
            let mut headers = headers("shop", "old");
            let name = HeaderName::from_static(twice);
            headers.append(name, HeaderValue::from_static("old"));
            for keys in [&keys(), &none] {
                let denial = principal(keys, &headers).unwrap_err();
                assert!(matches!(denial, AuthFailure::Malformed(_)), "{denial:?}");
            }
        }
    }
}
