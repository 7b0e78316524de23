//! How much of payloads is shown where many are looked at: each whole, how it begins, or nothing.

use utoipa::ToSchema;

use super::shown_payload;
use crate::domain::ids::ContentType;
use crate::domain::json_text::JsonText;
use crate::domain::payload::Payload;

/// How many bytes a head has at most.
pub const HEAD_BYTES: usize = 512;

/// How much of payloads somebody wants to see.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum PayloadDetail {
    /// All of each.
    #[default]
    Full,
    /// How each begins, and how long it is.
    Head,
    /// Nothing of any.
    None,
}

/// What is shown in the place of a payload that may be long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayloadHead {
    /// How it begins: at most [`HEAD_BYTES`], and whole characters. `None`: it is no text.
    pub text: Option<String>,
    /// How long all of it is.
    pub bytes: usize,
    /// What the sender said that the bytes are; only of a payload that was sent as bytes.
    pub content_type: Option<ContentType>,
}

impl PayloadDetail {
    /// From all to nothing.
    pub const ALL: [Self; 3] = [Self::Full, Self::Head, Self::None];

    /// As whoever asks says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Head => "head",
            Self::None => "none",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|detail| detail.name() == name)
    }

    /// Roughly what is shown of a payload takes, in bytes.
    pub fn shown_bytes(self, payload: &Payload) -> usize {
        self.bytes_of(shown_payload::shown_bytes(payload))
    }

    /// As [`PayloadDetail::shown_bytes`], of a payload that is JSON in any case.
    pub fn shown_bytes_of_json(self, json: &JsonText) -> usize {
        self.bytes_of(json.as_json().len())
    }

    fn bytes_of(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Head => HEAD_BYTES,
            Self::None => 0,
        }
    }
}

impl PayloadHead {
    /// Of a payload that is there.
    pub fn of(payload: &Payload) -> Self {
        match payload {
            Payload::Json(text) => Self::of_json(text),
            Payload::Raw(raw) => Self {
                content_type: raw.content_type.clone(),
                ..Self::beginning(&raw.bytes, raw.bytes.len())
            },
        }
    }

    /// Of JSON, which is always text.
    pub fn of_json(json: &JsonText) -> Self {
        let text = json.as_json();
        Self::beginning(text.as_bytes(), text.len())
    }

    /// Of a payload of `bytes` in all that begins so: at least [`HEAD_BYTES`] of it, or all.
    pub fn beginning(beginning: &[u8], bytes: usize) -> Self {
        let head = &beginning[..beginning.len().min(HEAD_BYTES)];
        let text = match str::from_utf8(head) {
            Ok(text) => Some(text),
            // The last character goes on behind the head.
            Err(error) if error.error_len().is_none() && bytes > head.len() => {
                str::from_utf8(&head[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        Self {
            text: text.map(str::to_owned),
            bytes,
            content_type: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_short_is_its_own_head() {
        let json = r#"{"a": 1e400,"a":"ä"}"#;
        let head = PayloadHead::of(&Payload::parse(json).unwrap());
        assert_eq!(head.text.as_deref(), Some(json));
        assert_eq!((head.bytes, head.content_type), (json.len(), None));
        let empty = PayloadHead::of(&Payload::raw(Vec::new(), None));
        assert_eq!((empty.text.as_deref(), empty.bytes), (Some(""), 0));
    }

    #[test]
    fn bytes_that_are_no_text_have_a_length_and_a_type() {
        let png = ContentType::parse("image/png").unwrap();
        let payload = Payload::raw(vec![0x89, b'P', b'N', b'G'], Some(png.clone()));
        let head = PayloadHead::of(&payload);
        assert_eq!((head.text, head.bytes), (None, 4));
        assert_eq!(head.content_type, Some(png));
        // A character that nothing finishes is none.
        assert_eq!(PayloadHead::beginning(&[b'a', 0xc3], 2).text, None);
        let cut = PayloadHead::beginning(&[b'a', 0xc3], 3).text;
        assert_eq!(cut.as_deref(), Some("a"));
    }

    #[test]
    fn details_have_names() {
        for detail in PayloadDetail::ALL {
            assert_eq!(PayloadDetail::from_name(detail.name()), Some(detail));
        }
        assert_eq!(PayloadDetail::from_name("Full"), None);
    }

    proptest! {
        #[test]
        fn a_head_is_as_much_as_fits_of_whole_characters(
            text in "[a-zäß€𝄞]{0,700}",
            kept in HEAD_BYTES..4 * HEAD_BYTES,
        ) {
            let beginning = &text.as_bytes()[..text.len().min(kept)];
            let head = PayloadHead::beginning(beginning, text.len());
            prop_assert_eq!(head.bytes, text.len());
            let head = head.text.unwrap();
            prop_assert!(text.starts_with(&head));
            prop_assert!(head.len() <= HEAD_BYTES);
            let next = text[head.len()..].chars().next();
            let fits = next.is_some_and(|next| head.len() + next.len_utf8() <= HEAD_BYTES);
            prop_assert!(!fits, "{} of {}", head.len(), text.len());
        }
    }
}
