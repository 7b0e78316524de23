//! Who is calling, and what they may do.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use subtle::ConstantTimeEq;

use super::query::Query;
use crate::domain::ids::ServiceName;
use crate::error::HubError;

/// The keys of the services. Without any everybody may do everything.
pub struct Keys {
    keys: BTreeMap<ServiceName, Vec<String>>,
    operators: BTreeSet<ServiceName>,
}

/// The caller of a request, known from its headers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// What it says (no keys) or has proved (keys) to be.
    pub name: Option<ServiceName>,
    /// May act for others.
    pub is_operator: bool,
}

impl Keys {
    pub fn new(keys: BTreeMap<ServiceName, Vec<String>>, operators: BTreeSet<ServiceName>) -> Self {
        Self { keys, operators }
    }

    /// Whether names are proved; else everybody may take any.
    pub fn are_required(&self) -> bool {
        !self.keys.is_empty()
    }

    /// # Errors
    /// 401 when keys are required and name or key is missing or wrong.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, HubError> {
        let name = headers
            .get("x-service-name")
            .and_then(|value| value.to_str().ok());
        let key = headers.get("x-service-key");
        self.who(name, key.map_or(&[][..], |value| value.as_bytes()))
    }

    /// As [`Keys::caller`]; browsers, which cannot send headers with a handshake, give name and key
    /// as `name` and `key` of the query.
    pub fn caller_of_socket(&self, request: &HttpRequest) -> Result<Caller, HubError> {
        if request.headers().contains_key("x-service-name") || request.method() != Method::GET {
            return self.caller(request.headers());
        }
        let query = Query::of(request)?;
        let name = query.text("name");
        self.who(name, query.text("key").unwrap_or_default().as_bytes())
    }

    fn who(&self, name: Option<&str>, key: &[u8]) -> Result<Caller, HubError> {
        let name = name.and_then(|name| ServiceName::parse(name).ok());
        if self.keys.is_empty() {
            return Ok(Caller {
                name,
                is_operator: true,
            });
        }
        let Some(name) = name else {
            return Err(HubError::Unauthenticated(
                "X-Service-Name: missing or not a service name",
            ));
        };
        if !self.is_valid(&name, key) {
            return Err(HubError::Unauthenticated(
                "X-Service-Key: missing, or wrong for this service",
            ));
        }
        let is_operator = self.operators.contains(&name);
        Ok(Caller {
            name: Some(name),
            is_operator,
        })
    }

    /// Compares with every key of the service, each in constant time; for an unknown service with
    /// a stand-in, so that the time does not tell which names exist.
    fn is_valid(&self, name: &ServiceName, key: &[u8]) -> bool {
        let stand_in = [String::from("no such service")];
        let known = self.keys.get(name);
        let keys = known.map_or(&stand_in[..], Vec::as_slice);
        let mut valid = false;
        for candidate in keys {
            valid |= bool::from(candidate.as_bytes().ct_eq(key));
        }
        valid && known.is_some()
    }
}

impl Caller {
    /// The caller of this request, put there by [`super::edge`].
    pub fn of(request: &HttpRequest) -> Self {
        let caller = request.extensions().get::<Self>().cloned();
        caller.unwrap_or(Self {
            name: None,
            is_operator: false,
        })
    }

    /// # Errors
    /// 403 unless the caller is `service` itself or an operator.
    pub fn must_be(&self, service: &ServiceName) -> Result<(), HubError> {
        if self.is_operator || self.name.as_ref() == Some(service) {
            return Ok(());
        }
        Err(HubError::Forbidden(format!(
            "only {service} itself or an operator may do this"
        )))
    }

    /// The one service this caller may act for; `None`: any.
    pub fn acts_only_for(&self) -> Option<ServiceName> {
        self.name.clone().filter(|_| !self.is_operator)
    }

    /// # Errors
    /// 403 unless the caller is an operator.
    pub fn must_be_operator(&self) -> Result<(), HubError> {
        if self.is_operator {
            return Ok(());
        }
        Err(HubError::Forbidden(
            "only an operator may do this".to_owned(),
        ))
    }

    /// Whether the caller may see a message between these two.
    pub fn may_see(&self, source: &ServiceName, destination: &ServiceName) -> bool {
        self.is_operator
            || self
                .name
                .as_ref()
                .is_some_and(|name| name == source || name == destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn keys() -> Keys {
        let shop = ServiceName::parse("shop").unwrap();
        let boss = ServiceName::parse("boss").unwrap();
        let keys = BTreeMap::from([
            (shop, vec!["old".to_owned(), "new".to_owned()]),
            (boss.clone(), vec!["b".to_owned()]),
        ]);
        Keys::new(keys, BTreeSet::from([boss]))
    }

    fn headers(name: &'static str, key: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static("x-service-name"),
            HeaderValue::from_static(name),
        );
        headers.insert(
            HeaderName::from_static("x-service-key"),
            HeaderValue::from_static(key),
        );
        headers
    }

    #[test]
    fn two_keys_are_valid_at_once() {
        for key in ["old", "new"] {
            let caller = keys().caller(&headers("shop", key)).unwrap();
            assert_eq!(caller.name.unwrap().as_str(), "shop");
            assert!(!caller.is_operator);
        }
        assert!(keys().caller(&headers("boss", "b")).unwrap().is_operator);
    }

    #[test]
    fn wrong_keys_and_unknown_names_are_refused() {
        for (name, key) in [
            ("shop", "b"),
            ("shop", ""),
            ("nobody", "old"),
            ("nobody", "no such service"),
            ("a b", "old"),
        ] {
            let error = keys().caller(&headers(name, key)).unwrap_err();
            assert_eq!(error.status().as_u16(), 401, "{name} {key}");
        }
    }

    #[test]
    fn a_service_acts_only_for_itself() {
        let caller = keys().caller(&headers("shop", "new")).unwrap();
        assert!(caller.must_be(&ServiceName::parse("shop").unwrap()).is_ok());
        assert!(
            caller
                .must_be(&ServiceName::parse("boss").unwrap())
                .is_err()
        );
        assert!(caller.must_be_operator().is_err());
    }
}
