//! How a hub says no, and how that differs from a hub that breaks.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

const DENIAL: &str = "AUTH_FAILED";
const FAULT: &str = "INTERNAL_ERROR";

/// What the hub answered instead of taking something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct No<'a> {
    /// The code of the error; the status of an answer that has none.
    pub code: Cow<'a, str>,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// It wants a key, or another one.
    Denied,
    /// It decided not to take it, such as for want of room.
    Refused,
    /// It could not do its work.
    Broken,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    error: ErrorObject<'a>,
}

#[derive(Deserialize)]
struct ErrorObject<'a> {
    code: &'a str,
}

impl<'a> No<'a> {
    /// An answer with another status than 2xx.
    pub(super) fn answered(status: u16, body: &'a [u8]) -> Self {
        let kind = match status {
            401 | 403 => Kind::Denied,
            503 | 507 => Kind::Refused,
            500.. => Kind::Broken,
            _ => Kind::Refused,
        };
        let code = match serde_json::from_slice::<Answer<'a>>(body) {
            Ok(answer) => Cow::Borrowed(answer.error.code),
            Err(_) => Cow::Owned(status.to_string()),
        };
        Self { code, kind }
    }

    /// The error of one item of a batch, or of a frame.
    pub(super) fn said(error: &'a RawValue) -> Self {
        let object = serde_json::from_str::<ErrorObject<'a>>(error.get());
        let code = object.map_or("error", |object| object.code);
        let kind = match code {
            DENIAL => Kind::Denied,
            FAULT => Kind::Broken,
            _ => Kind::Refused,
        };
        Self {
            code: Cow::Borrowed(code),
            kind,
        }
    }
}

/// Whether this code, of what was refused, asks for a key.
pub(super) fn is_denial(code: &str) -> bool {
    matches!(code, DENIAL | "401" | "403")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_by_its_code_or_else_by_its_status() {
        let full = br#"{"error":{"code":"QUEUE_FULL","message":"bench-0: full","details":{}}}"#;
        for (status, body, code, kind) in [
            (429, &full[..], "QUEUE_FULL", Kind::Refused),
            (429, b"slow down", "429", Kind::Refused),
            (401, br#"{"error":"key?"}"#, "401", Kind::Denied),
            (
                403,
                br#"{"error":{"code":"AUTH_FAILED"}}"#,
                "AUTH_FAILED",
                Kind::Denied,
            ),
            (413, b"", "413", Kind::Refused),
            (500, b"", "500", Kind::Broken),
            (502, b"", "502", Kind::Broken),
            (503, b"", "503", Kind::Refused),
            (507, b"", "507", Kind::Refused),
        ] {
            let no = No::answered(status, body);
            assert_eq!((&*no.code, no.kind), (code, kind), "{status}");
        }
        assert!(is_denial("AUTH_FAILED") && is_denial("401") && !is_denial("429"));
    }

    #[test]
    fn an_item_is_known_by_its_code() {
        for (error, code, kind) in [
            (r#"{"code":"QUEUE_FULL"}"#, "QUEUE_FULL", Kind::Refused),
            (
                r#"{"code":"AUTH_FAILED","message":"key"}"#,
                "AUTH_FAILED",
                Kind::Denied,
            ),
            (
                r#"{"code":"INTERNAL_ERROR"}"#,
                "INTERNAL_ERROR",
                Kind::Broken,
            ),
            (r#""what?""#, "error", Kind::Refused),
        ] {
            let error = RawValue::from_string(error.to_owned()).unwrap();
            let no = No::said(&error);
            assert_eq!((&*no.code, no.kind), (code, kind));
        }
    }
}
