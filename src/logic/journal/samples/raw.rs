//! Messages whose payload is no JSON, for tests.

use std::sync::Arc;

use proptest::prelude::*;

use super::message;
use crate::domain::fact::Fact;
use crate::domain::fact::message::{MessageFact, Redrive};
use crate::domain::ids::ContentType;
use crate::domain::message::{Message, State};
use crate::domain::payload::Payload;

fn with_payload(number: u128, payload: Payload) -> Message {
    Message {
        payload,
        ..message(number, "null")
    }
}

pub fn accepted_raw(number: u128, payload: Payload) -> Fact {
    Fact::Message(MessageFact::Accepted(Arc::new(with_payload(
        number, payload,
    ))))
}

pub fn redriven_raw(number: u128, payload: Payload) -> Fact {
    Fact::Message(MessageFact::Redriven(Arc::new(Redrive {
        message: with_payload(number, payload),
        times: 1,
        from: State::Dead,
        position: None,
        job: None,
    })))
}

pub fn any_raw_payload() -> impl Strategy<Value = Payload> {
    let content_type = ContentType::parse("application/octet-stream").unwrap();
    let content_type = prop_oneof![Just(None), Just(Some(content_type))];
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    (bytes, content_type).prop_map(|(bytes, content_type)| Payload::raw(bytes, content_type))
}
