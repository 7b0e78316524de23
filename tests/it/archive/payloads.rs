//! Payloads that are no JSON come back as they were.

use std::sync::Arc;

use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::MessageFact;
use message_hub::domain::ids::ContentType;
use message_hub::domain::payload::Payload;

use super::facts::{accepted, dead, message, redriven};
use super::{apply, on_each, row};

#[test]
fn bytes_come_back_as_they_were_accepted() {
    on_each(async |archive| {
        let png = ContentType::parse("image/png").ok();
        let mut bytes = message(1);
        bytes.payload = Payload::raw(b"\0\xff'\n".to_vec(), png);
        let mut nothing = message(2);
        nothing.payload = Payload::raw(Vec::new(), None);
        let facts = [&bytes, &nothing]
            .map(|message| Fact::Message(MessageFact::Accepted(Arc::new(message.clone()))));
        apply(archive, facts).await;
        assert_eq!(row(archive, 1).await.message, bytes);
        assert_eq!(row(archive, 2).await.message, nothing);
    });
}

#[test]
fn a_payload_that_is_mended_leaves_nothing_of_the_one_before() {
    on_each(async |archive| {
        let png = ContentType::parse("image/png").ok();
        let mut again = message(1);
        let payloads = [
            Payload::raw(vec![0xff], png),
            Payload::parse("[7]").unwrap(),
            Payload::raw(vec![0], None),
        ];
        apply(archive, [accepted(1)]).await;
        for (times, payload) in (1..).zip(payloads) {
            again.payload = payload;
            let rejected = dead(1, 1, DeadReason::Rejected);
            apply(archive, [rejected, redriven(again.clone(), times)]).await;
            assert_eq!(row(archive, 1).await.message, again);
        }
        let again = Fact::Message(MessageFact::Accepted(Arc::new(again)));
        apply(archive, [again, accepted(1)]).await;
        assert_eq!(row(archive, 1).await.message, message(1));
    });
}
