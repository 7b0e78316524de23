//! Payloads that are no JSON come back as they were.

use std::sync::Arc;

use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::MessageFact;
use message_hub::domain::ids::ContentType;
use message_hub::domain::payload::Payload;
use message_hub::logic::payload_head::{PayloadDetail, PayloadHead};
use message_hub::ports::archive::MessageQuery;

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
fn who_asks_for_heads_gets_how_payloads_begin_and_no_more_bytes() {
    on_each(async |archive| {
        let png = ContentType::parse("image/png").ok();
        let long = format!("\"{}\"", "ä€𝄞".repeat(1000));
        let payloads = [
            Payload::parse(r#"{"a": 1e400}"#).unwrap(),
            Payload::parse(&long).unwrap(),
            Payload::raw(vec![0xff; 3000], png.clone()),
            Payload::raw(long.clone().into_bytes(), png),
            Payload::raw(Vec::new(), None),
        ];
        let mut facts = Vec::new();
        for (number, payload) in (1..).zip(&payloads) {
            let mut message = message(number);
            message.payload = payload.clone();
            facts.push(Fact::Message(MessageFact::Accepted(Arc::new(message))));
        }
        apply(archive, facts).await;
        let listed = async |detail| {
            let query = MessageQuery {
                detail,
                limit: 9,
                ..MessageQuery::default()
            };
            archive.messages(query).await.unwrap().items
        };
        let heads = listed(PayloadDetail::Head).await;
        assert_eq!(heads.len(), payloads.len());
        for (row, payload) in heads.iter().rev().zip(&payloads) {
            assert_eq!(row.payload_head, Some(PayloadHead::of(payload)));
            assert_eq!(row.message.payload, Payload::apart());
        }
        for row in listed(PayloadDetail::None).await {
            assert_eq!(row.payload_head, None);
            assert_eq!(row.message.payload, Payload::apart());
        }
        for (row, payload) in listed(PayloadDetail::Full)
            .await
            .iter()
            .rev()
            .zip(&payloads)
        {
            assert_eq!((&row.message.payload, &row.payload_head), (payload, &None));
        }
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
