//! Query strings, read into structs whose fields read themselves (`src/api/field.rs`) and are
//! described (`IntoParams`).

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::web::Query as WebQuery;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde_json::value::RawValue;

use crate::api::body;
use crate::api::field::BodyField;
use crate::api::unknown::unknown;
use crate::domain::ids::ServiceName;
use crate::hub::access::must_not_be_the_hub;
use crate::hub::error::{HubError, Subject, shortened};

pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    /// The names in it are those that the route knows: others were refused before, by
    /// [`check`].
    ///
    /// # Errors
    /// 400 for a query that cannot be decoded or names something twice.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, HubError> {
        let pairs = WebQuery::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|error| HubError::invalid(Subject::Request, "query", error))?;
        let mut map = BTreeMap::new();
        for (name, value) in pairs.into_inner() {
            if map.contains_key(&name) {
                return Err(wrong(&shortened(&name), "is given twice"));
            }
            map.insert(name, value);
        }
        Ok(Self(map))
    }

    /// The parameter as it is, if it is given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Those of its parameters that `T` has, as a body whose fields are all texts. One without a
    /// value says the same as none.
    ///
    /// # Errors
    /// 400 with the parameter that is wrong.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, HubError> {
        let mut fields = BTreeMap::new();
        for (name, value) in &self.0 {
            fields.insert(name, Some(value).filter(|value| !value.is_empty()));
        }
        let text = serde_json::to_string(&fields).map_err(|_| HubError::Internal)?;
        body::command(Subject::Request, &text)
    }
}

/// What the query of a request says.
///
/// # Errors
/// As [`Query::of`] and [`Query::read`].
pub(crate) fn read<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, HubError> {
    Query::of(request)?.read()
}

/// A parameter that widens a request when it is left out, perhaps by mistake, with
/// `#[serde(default)]`: it may be left out, but not be given without a value.
pub(crate) struct NeverEmpty<T>(pub(crate) Option<T>);

impl<T> Default for NeverEmpty<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: BodyField> Deserialize<'de> for NeverEmpty<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        if json.get() == "null" {
            return Err(D::Error::custom("must not be empty"));
        }
        let value = T::read(json).map_err(D::Error::custom)?;
        Ok(Self(Some(value)))
    }
}

/// Whether a query may be asked of a route that takes the parameters `known`.
///
/// # Errors
/// 400 names what is not known, or cannot be decoded. A word that nobody reads would widen what is
/// asked for.
pub(crate) fn check(query: &str, known: &[String]) -> Result<(), HubError> {
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = decode(name).ok_or_else(|| wrong(&shortened(name), NOT_ENCODED))?;
        if !known.contains(&decoded) {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            return Err(wrong(&shortened(&decoded), unknown(&decoded, &known)));
        }
        if decode(value).is_none() {
            return Err(wrong(&decoded, NOT_ENCODED));
        }
    }
    Ok(())
}

/// # Errors
/// 400 for a path that cannot be decoded.
pub(crate) fn check_path(path: &str) -> Result<(), HubError> {
    let wrong_part = |part: &&str| part.contains('%') && decode(part).is_none();
    match path.split('/').find(wrong_part) {
        None => Ok(()),
        Some(part) => {
            let problem = format!("{} {NOT_ENCODED}", shortened(part));
            Err(wrong("path", problem))
        }
    }
}

const NOT_ENCODED: &str = "is not valid percent-encoding of UTF-8";

/// `None` if a `%` does not begin the two digits of a byte, or the bytes are not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?].map(char::from);
                let [high, low] = digits.map(|digit| digit.to_digit(16));
                u8::try_from(high? * 16 + low?).ok()?
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn wrong(name: &str, problem: impl ToString) -> HubError {
    HubError::invalid(Subject::Request, name, problem)
}

/// A path segment that must be a UUID.
pub(crate) fn uuid(name: &str, text: &str) -> Result<uuid::Uuid, HubError> {
    uuid::Uuid::try_parse(text).map_err(|_| wrong(name, "must be a UUID"))
}

/// A path segment that must be a service name.
pub(crate) fn service(text: &str) -> Result<ServiceName, HubError> {
    ServiceName::parse(text).map_err(|error| wrong("service", error))
}

/// A path segment that names a service which may be new by this.
pub(crate) fn new_service(text: &str) -> Result<ServiceName, HubError> {
    let service = ServiceName::given(text).map_err(|error| wrong("service", error))?;
    must_not_be_the_hub(&service, "service")?;
    Ok(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field_of(result: Result<(), HubError>) -> Option<String> {
        match result {
            Ok(()) => None,
            Err(HubError::Invalid { field, .. }) => Some(field),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_known_names_may_be_asked_with() {
        let known = ["limit", "service", "event_type"].map(str::to_owned);
        for (query, wrong) in [
            ("", None),
            ("limit=3&service=a", None),
            ("limit", None),
            ("&&limit=3&", None),
            ("%6Cimit=3", None),
            ("limti=3", Some("limti")),
            ("Limit=3", Some("Limit")),
            ("limit%5B%5D=3", Some("limit[]")),
            ("service=a&x=%zz", Some("x")),
            ("service=%zz", Some("service")),
            ("service=%f", Some("service")),
            ("service=%", Some("service")),
            ("service=%ff", Some("service")),
            ("service=%+1", Some("service")),
            ("%ff=1", Some("%ff")),
            ("=1", Some("")),
        ] {
            assert_eq!(field_of(check(query, &known)).as_deref(), wrong, "{query}");
        }
        let Err(HubError::Invalid { problem, .. }) = check("event-types=a", &known) else {
            panic!("it is let through");
        };
        assert!(problem.contains("did you mean event_type"), "{problem}");
    }

    #[test]
    fn a_path_is_whole_or_wrong() {
        for good in ["/", "/v1/streams/a%20b", "/v1/streams/%C3%A4", "/a+b"] {
            assert_eq!(field_of(check_path(good)), None, "{good}");
        }
        for bad in ["/v1/%zz", "/v1/a%", "/%C3", "/%2"] {
            assert_eq!(field_of(check_path(bad)).as_deref(), Some("path"), "{bad}");
        }
    }
}
