//! By what a request is found again: in its answer, and in the log.

use actix_web::http::header::{HeaderMap, HeaderValue};
use rand::RngExt;

use super::headers::{REQUEST_ID, only};
use crate::domain::characters::is_label;

/// The id of a request, given by the client or made here.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if let Ok(Some(given)) = only(headers, &REQUEST_ID)
            && given.to_str().is_ok_and(|text| is_label(text, 128))
        {
            return Self(given.clone());
        }
        Self::made()
    }

    pub(crate) fn made() -> Self {
        let id = uuid::Builder::from_random_bytes(rand::rng().random()).into_uuid();
        let text = id.hyphenated().to_string();
        Self(HeaderValue::from_str(&text).expect("a UUID is a header value"))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// As the header of an answer.
    pub(crate) fn into_value(self) -> HeaderValue {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(value).unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_good_request_id_is_kept_and_a_bad_one_replaced() {
        assert_eq!(id_of("abc-1"), "abc-1");
        for bad in ["", &"x".repeat(129), "tab\there"] {
            let made = id_of(bad);
            assert_ne!(made, bad);
            assert!(uuid::Uuid::parse_str(&made).is_ok());
        }
    }
}
