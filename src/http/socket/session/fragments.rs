//! Messages that come in several frames, and frames that are none of ours.

use std::io::ErrorKind;

use actix_http::ws::Item;
use actix_web_actors::ws::{CloseCode, ProtocolError};
use bytes::{Bytes, BytesMut};
use bytestring::ByteString;

use super::super::frames;
use super::{Context, LONGEST_FRAME, Session};

/// What came so far of a message in several frames.
#[derive(Default)]
pub struct Fragments {
    bytes: BytesMut,
    is_binary: bool,
}

/// A message came, whole.
enum Whole {
    Text(Bytes),
    Binary,
}

impl Fragments {
    /// # Errors
    /// If the message has become too long.
    fn add(&mut self, item: Item) -> Result<Option<Whole>, ()> {
        let (part, is_last) = match item {
            Item::FirstText(part) => {
                self.is_binary = false;
                (part, false)
            }
            Item::FirstBinary(part) => {
                self.is_binary = true;
                (part, false)
            }
            Item::Continue(part) => (part, false),
            Item::Last(part) => (part, true),
        };
        if self.bytes.len() + part.len() > LONGEST_FRAME {
            return Err(());
        }
        self.bytes.extend_from_slice(&part);
        if !is_last {
            return Ok(None);
        }
        let bytes = std::mem::take(&mut self.bytes).freeze();
        Ok(Some(match self.is_binary {
            true => Whole::Binary,
            false => Whole::Text(bytes),
        }))
    }
}

impl Session {
    pub(super) fn take_fragment(&mut self, item: Item, ctx: &mut Context) {
        match self.fragments.add(item) {
            Ok(None) => {}
            Ok(Some(Whole::Binary)) => self.refuse_binary(),
            Ok(Some(Whole::Text(bytes))) => match ByteString::try_from(bytes) {
                Ok(text) => self.take_text(text),
                Err(_) => self.close(CloseCode::Invalid, "a text is not UTF-8", ctx),
            },
            Err(()) => self.close_as_too_long(ctx),
        }
    }

    pub(super) fn refuse_binary(&mut self) {
        let frame = frames::wrong("body", "is binary; send text");
        if let Err(error) = frame.ask {
            self.complain(&error);
        }
    }

    /// Nothing that comes after can be understood, so the connection ends.
    pub(super) fn protocol_error(&mut self, error: &ProtocolError, ctx: &mut Context) {
        match error {
            ProtocolError::Overflow => self.close_as_too_long(ctx),
            _ if self.gate.is_too_long() => self.close_as_too_long(ctx),
            // The library says so of text that is not UTF-8, and of a connection that broke.
            ProtocolError::Io(error) if error.kind() == ErrorKind::Other => {
                self.close(CloseCode::Invalid, "a text is not UTF-8", ctx);
            }
            error => {
                let description = error.to_string();
                self.close(CloseCode::Protocol, &description, ctx);
            }
        }
    }

    fn close_as_too_long(&mut self, ctx: &mut Context) {
        self.close(CloseCode::Size, "at most 1 MiB at once", ctx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(length: usize) -> Bytes {
        Bytes::from(vec![b'a'; length])
    }

    #[test]
    fn parts_make_one_text() {
        let mut fragments = Fragments::default();
        for _ in 0..2 {
            assert!(fragments.add(Item::FirstText(part(1))).unwrap().is_none());
            assert!(fragments.add(Item::Continue(part(2))).unwrap().is_none());
            let Ok(Some(Whole::Text(text))) = fragments.add(Item::Last(part(3))) else {
                panic!("a whole text expected");
            };
            assert_eq!(text, part(6));
        }
        assert!(fragments.add(Item::FirstBinary(part(1))).unwrap().is_none());
        let whole = fragments.add(Item::Last(part(0)));
        assert!(matches!(whole, Ok(Some(Whole::Binary))));
    }

    #[test]
    fn a_message_is_bounded_whatever_its_parts() {
        let mut fragments = Fragments::default();
        assert!(fragments.add(Item::FirstText(part(LONGEST_FRAME))).is_ok());
        assert!(fragments.add(Item::Continue(part(0))).is_ok());
        assert!(fragments.add(Item::Last(part(1))).is_err());
    }
}
