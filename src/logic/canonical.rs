//! JSON text: its depth, its canonical form, and a digest of it to tell repeats from reuse. Works
//! on the text, never on values, so that nothing a payload holds (1e400, equal keys) is lost or
//! rounded.

use std::ops::Range;

use memchr::memchr2;
use uuid::Uuid;

use crate::domain::event::Event;
use crate::domain::ids::{ContentType, Label};
use crate::domain::json_text::JsonText;
use crate::domain::message::{Extras, Fingerprint, Message};
use crate::domain::payload::Payload;

/// How deeply the JSON of a payload may be nested.
pub const DEEPEST: usize = 64;
/// The deepest nesting [`canonical`] takes on.
const MAX_DEPTH: usize = 2 * DEEPEST;

/// The name space of [`fingerprint`]; changing it would make every repeat look like a reuse.
const NAMESPACE: Uuid = Uuid::from_u128(0x5a1d_93c4_7f0e_4b5c_9d02_6c1e_8ab7_43f1);

/// Why a text has no canonical form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CanonicalError {
    /// Only in text that is not JSON.
    #[error("not JSON at byte {0}")]
    NotJson(usize),
    /// More arrays and objects within each other than any accepted message has.
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
}

/// Appends the canonical form of `json` to `out`: no white space outside strings, members of
/// objects sorted by the text of their keys (equal keys keep their order), numbers and strings as
/// they are written. Two texts have the same form exactly if they differ in nothing else.
///
/// # Errors
/// [`CanonicalError`] if `json` is not JSON in its structure (scalars are not checked) or too
/// deep; `out` is then as before.
pub fn canonical(json: &str, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    let before = out.len();
    let mut reader = Reader::new(json.as_bytes());
    let result = reader.document(out);
    if result.is_err() {
        out.truncate(before);
    }
    result
}

/// How deeply arrays and objects are nested in `json`: 0 for a scalar, 1 for `[]`. One pass over
/// the bytes; of text that is not JSON it measures what a parser would meet before giving up.
pub fn depth(json: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut deepest = 0;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => at = string_end(json, at),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// A digest of `parts`, in which each counts for itself: `["ab", "c"]` is not `["a", "bc"]`.
/// A version 5 UUID (SHA-1, RFC 9562 section 5.5) of the parts, each after its length.
pub fn fingerprint(parts: &[&[u8]]) -> Fingerprint {
    let mut text = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    Fingerprint(Uuid::new_v5(&NAMESPACE, &text))
}

/// A digest of what an event says: everything but its id, its times, its trace and the place the
/// hub gave it. What was expected of its stream is a condition and no part of it.
pub fn event_fingerprint(event: &Event) -> Fingerprint {
    let stream = event.stream.as_ref().map(|place| place.id.as_str());
    let causation_id = event.causation_id.as_ref().map(Label::as_str);
    let metadata = event.extras.as_deref();
    let metadata = metadata.and_then(|extras| extras.metadata.as_ref());
    fingerprint(&[
        event.event_type.as_str().as_bytes(),
        event.source.as_str().as_bytes(),
        stream.unwrap_or_default().as_bytes(),
        event.correlation_id().as_bytes(),
        causation_id.unwrap_or_default().as_bytes(),
        &canonical_or_plain(&event.payload),
        &metadata.map_or_else(Vec::new, canonical_or_plain),
    ])
}

/// The canonical form, or the text as it is if it has none.
pub fn canonical_or_plain(json: &JsonText) -> Vec<u8> {
    let mut text = Vec::with_capacity(json.as_json().len());
    if canonical(json.as_json(), &mut text).is_err() {
        text.extend_from_slice(json.as_json().as_bytes());
    }
    text
}

/// What is compared of a payload: of JSON its canonical form, of bytes all there is. Bytes begin
/// with a zero, as no JSON does, and have another behind their content type, as no label does:
/// neither is taken for the other.
pub fn comparable(payload: &Payload) -> Vec<u8> {
    match payload {
        Payload::Json(text) => canonical_or_plain(text),
        Payload::Raw(raw) => {
            let content_type = raw.content_type.as_ref().map_or("", ContentType::as_str);
            [b"\0", content_type.as_bytes(), b"\0", &raw.bytes].concat()
        }
    }
}

/// Whether two messages with one id say the same: everything but when they were sent, when they
/// are due, and their headers.
pub fn same_content(a: &Message, b: &Message) -> bool {
    let plain = Extras::default();
    let (x, y) = (
        a.extras.as_deref().unwrap_or(&plain),
        b.extras.as_deref().unwrap_or(&plain),
    );
    a.destination == b.destination
        && a.source == b.source
        && a.message_type == b.message_type
        && a.priority == b.priority
        && a.correlation_id() == b.correlation_id()
        && (&x.reply_to, x.ttl_ms, x.deadline) == (&y.reply_to, y.ttl_ms, y.deadline)
        && x.ordering_key == y.ordering_key
        && comparable(&a.payload) == comparable(&b.payload)
}

/// The place of the quote that ends the string begun at `start`; the end of text if none does.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at;
        }
        // Whatever follows a backslash ends nothing.
        at += 2;
    }
    json.len()
}

/// Where a member of an object stands in the output.
struct Member {
    key: Range<usize>,
    whole: Range<usize>,
}

struct Reader<'a> {
    json: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(json: &'a [u8]) -> Self {
        Self {
            json,
            at: 0,
            depth: 0,
        }
    }

    fn document(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        self.value(out)?;
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.not_json()),
        }
    }

    fn value(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        match self.peek() {
            Some(b'{') => self.nested(out, Self::object),
            Some(b'[') => self.nested(out, Self::array),
            Some(b'"') => self.string(out),
            _ => self.scalar(out),
        }
    }

    fn nested(
        &mut self,
        out: &mut Vec<u8>,
        read: fn(&mut Self, &mut Vec<u8>) -> Result<(), CanonicalError>,
    ) -> Result<(), CanonicalError> {
        if self.depth == MAX_DEPTH {
            return Err(CanonicalError::TooDeep);
        }
        self.depth += 1;
        read(self, out)?;
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        self.take(b'[')?;
        out.push(b'[');
        let mut first = true;
        while self.has_next(b']', first)? {
            if !first {
                out.push(b',');
            }
            self.value(out)?;
            first = false;
        }
        out.push(b']');
        Ok(())
    }

    fn object(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        self.take(b'{')?;
        out.push(b'{');
        let mut members = Vec::new();
        while self.has_next(b'}', members.is_empty())? {
            if !members.is_empty() {
                out.push(b',');
            }
            members.push(self.member(out)?);
        }
        sort_members(out, &mut members);
        out.push(b'}');
        Ok(())
    }

    fn member(&mut self, out: &mut Vec<u8>) -> Result<Member, CanonicalError> {
        let start = out.len();
        self.string(out)?;
        // Without the quotes, so that "a" sorts before "a!".
        let key = start + 1..out.len() - 1;
        self.take(b':')?;
        out.push(b':');
        self.value(out)?;
        let whole = start..out.len();
        Ok(Member { key, whole })
    }

    /// Steps over the comma before the next element, or over the `end` of them all.
    fn has_next(&mut self, end: u8, first: bool) -> Result<bool, CanonicalError> {
        match self.peek() {
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => Err(self.not_json()),
        }
    }

    fn string(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        if self.peek() != Some(b'"') {
            return Err(self.not_json());
        }
        let end = string_end(self.json, self.at);
        let Some(text) = self.json.get(self.at..=end) else {
            return Err(self.not_json());
        };
        out.extend_from_slice(text);
        self.at = end + 1;
        Ok(())
    }

    /// A number, `true`, `false` or `null`: everything up to what cannot be part of one.
    fn scalar(&mut self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        if length == 0 {
            return Err(self.not_json());
        }
        out.extend_from_slice(&rest[..length]);
        self.at += length;
        Ok(())
    }

    fn take(&mut self, expected: u8) -> Result<(), CanonicalError> {
        if self.peek() != Some(expected) {
            return Err(self.not_json());
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.json.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn not_json(&self) -> CanonicalError {
        CanonicalError::NotJson(self.at)
    }
}

/// Puts the members at the end of `out` in order of their keys. Most senders write the same
/// order every time, and many a sorted one: then nothing moves.
fn sort_members(out: &mut Vec<u8>, members: &mut [Member]) {
    let Some(start) = members.first().map(|member| member.whole.start) else {
        return;
    };
    if members.is_sorted_by_key(|member| &out[member.key.clone()]) {
        return;
    }
    members.sort_by(|one, other| out[one.key.clone()].cmp(&out[other.key.clone()]));
    let unsorted = out.split_off(start);
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&unsorted[member.whole.start - start..member.whole.end - start]);
    }
}

#[cfg(test)]
mod tests;
