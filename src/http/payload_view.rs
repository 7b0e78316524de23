//! Payloads as users see them, who may ask for less than all of each.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::texts::PayloadWord;
use crate::domain::ids::ContentType;
use crate::domain::json_text::JsonText;
use crate::domain::payload::Payload;
use crate::logic::payload_head::{PayloadDetail, PayloadHead};
use crate::logic::shown_payload::ShownPayload;

/// How much of each payload is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PayloadQuery {
    /// How much of each payload: all, its `payload_head`, or nothing.
    #[param(default = "full")]
    payload: Option<PayloadWord>,
}

impl PayloadQuery {
    pub(crate) fn detail(&self) -> PayloadDetail {
        self.payload
            .as_ref()
            .map_or(PayloadDetail::Full, |word| word.0)
    }
}

/// A payload, or as much of it as was asked for.
#[derive(Serialize, ToSchema, Default)]
#[schema(as = PayloadFields)]
pub(crate) struct PayloadView<'a> {
    /// Byte for byte as it was given; null if it is shown as `payload_base64`. Not with
    /// `payload=head` or `none`.
    #[schema(value_type = JsonText, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Option<Cow<'a, JsonText>>>,
    /// The bytes of a payload that is no JSON, in standard base64.
    #[schema(value_type = String, required = false, content_encoding = "base64")]
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    /// What the sender said that the bytes are; only of a payload that was sent as bytes.
    #[schema(value_type = ContentType, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<ContentType>,
    /// With `payload=head`: how it begins, at most 512 bytes and whole characters. Null if it is no
    /// text.
    #[schema(value_type = Option<String>, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_head: Option<Option<String>>,
    /// With `payload=head`: how long all of it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_bytes: Option<usize>,
}

impl<'a> PayloadView<'a> {
    /// Of a payload that is JSON in any case.
    pub(crate) fn of_json(json: &'a JsonText, detail: PayloadDetail) -> Self {
        match detail {
            PayloadDetail::Full => Self {
                payload: Some(Some(Cow::Borrowed(json))),
                ..Self::default()
            },
            PayloadDetail::Head => PayloadHead::of_json(json).into(),
            PayloadDetail::None => Self::default(),
        }
    }

    /// Of a message's.
    pub(crate) fn of(payload: &Payload, detail: PayloadDetail) -> PayloadView<'static> {
        match detail {
            PayloadDetail::Full => PayloadView::whole(payload),
            PayloadDetail::Head => PayloadHead::of(payload).into(),
            PayloadDetail::None => PayloadView::default(),
        }
    }

    pub(crate) fn into_owned(self) -> PayloadView<'static> {
        let payload = self.payload;
        PayloadView {
            payload: payload.map(|json| json.map(|json| Cow::Owned(json.into_owned()))),
            payload_base64: self.payload_base64,
            content_type: self.content_type,
            payload_head: self.payload_head,
            payload_bytes: self.payload_bytes,
        }
    }

    fn whole(payload: &Payload) -> PayloadView<'static> {
        let shown = ShownPayload::of(payload);
        let json = shown.payload.map(|json| JsonText::new(json.to_owned()));
        PayloadView {
            payload: Some(json.map(Cow::Owned)),
            payload_base64: shown.payload_base64.map(|bytes| bytes.to_string()),
            content_type: shown.content_type.cloned(),
            ..PayloadView::default()
        }
    }
}

impl From<PayloadHead> for PayloadView<'_> {
    fn from(head: PayloadHead) -> Self {
        Self {
            payload_head: Some(head.text),
            payload_bytes: Some(head.bytes),
            content_type: head.content_type,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(payload: &Payload, detail: PayloadDetail) -> String {
        serde_json::to_string(&PayloadView::of(payload, detail)).unwrap()
    }

    #[test]
    fn a_payload_is_shown_whole_by_its_head_or_not_at_all() {
        let json = Payload::parse(r#"{"a": 1e400,"a":2}"#).unwrap();
        let text = ContentType::parse("text/plain").unwrap();
        let raw = Payload::raw(b"plain".to_vec(), Some(text));
        let binary = Payload::raw(vec![0xff; 3], None);
        for (payload, full, head) in [
            (
                &json,
                r#"{"payload":{"a": 1e400,"a":2}}"#,
                r#"{"payload_head":"{\"a\": 1e400,\"a\":2}","payload_bytes":18}"#,
            ),
            (
                &raw,
                r#"{"payload":null,"payload_base64":"cGxhaW4=","content_type":"text/plain"}"#,
                r#"{"content_type":"text/plain","payload_head":"plain","payload_bytes":5}"#,
            ),
            (
                &binary,
                r#"{"payload":null,"payload_base64":"////"}"#,
                r#"{"payload_head":null,"payload_bytes":3}"#,
            ),
        ] {
            assert_eq!(shown(payload, PayloadDetail::Full), full);
            assert_eq!(shown(payload, PayloadDetail::Head), head);
            assert_eq!(shown(payload, PayloadDetail::None), "{}");
        }
    }
}
