//! Looking through messages for what they are and say.

use futures_util::FutureExt;

use super::*;
use crate::domain::message::State;
use crate::domain::payload::Payload;
use crate::hub::message_record::MessageRecord;
use crate::hub::messages::MessageFilter;
use crate::hub::searching::FoundPage;
use crate::logic::content_filter::{ContentFilter, PayloadFilter};
use crate::logic::json_pointer::JsonPointer;
use crate::logic::payload_head::PayloadDetail;
use crate::pool::Peer;

fn all(states: &[State]) -> MessageFilter {
    MessageFilter {
        source: None,
        destination: None,
        correlation_id: None,
        states: states.to_vec(),
        since: None,
        until: None,
        detail: PayloadDetail::Head,
        before: None,
    }
}

fn saying(words: &str) -> ContentFilter {
    ContentFilter {
        payload: PayloadFilter {
            contains: Some(words.to_owned()),
            ..PayloadFilter::default()
        },
        ..ContentFilter::default()
    }
}

async fn found(
    test: &TestHub,
    who: &Principal,
    search: &MessageFilter,
    content: ContentFilter,
    limit: usize,
) -> FoundPage<MessageRecord> {
    test.hub.flush().await.unwrap();
    let context = RequestContext::of(who, test.hub.clock.wall());
    let page = test
        .hub
        .look_through_messages(&context, search, content, limit);
    page.await.unwrap()
}

fn ids(page: &FoundPage<MessageRecord>) -> Vec<MessageId> {
    page.items.iter().map(MessageRecord::id).collect()
}

/// A hub that gives up at the first failure, with a dead, a delivered and two waiting messages.
async fn hub_with_messages() -> (TestHub, [MessageId; 4]) {
    let test = TestHub::with(|config| config.delivery.max_retry_attempts = 1).await;
    test.register_puller("billing").await;
    test.register_puller("mail").await;
    let mut sent = Vec::new();
    for (destination, payload, priority) in [
        ("billing", r#"{"order":{"id":1}}"#, Priority::Normal),
        ("billing", r#"{"order": {"id":2}}"#, Priority::High),
        ("billing", r#"{"order":{"id": 2}}"#, Priority::Low),
        ("mail", r#"{"order":[1e400,{"id":1}]}"#, Priority::Normal),
    ] {
        let mut one = message(&test.hub, destination, payload);
        one.priority = priority;
        sent.push(one);
    }
    let ids = [0, 1, 2, 3].map(|index| sent[index].id);
    let mut sent = sent.into_iter();
    test.send(vec![sent.next().unwrap()]).await;
    let leased = test.pull("billing", 1).await.pop().unwrap();
    let reason = Some("no paper left".to_owned());
    let nack = LeaseEnd::Nack {
        delay: None,
        reason,
    };
    test.end("billing", leased.token, nack).await;
    test.send(vec![sent.next().unwrap()]).await;
    let leased = test.pull("billing", 1).await.pop().unwrap();
    test.end("billing", leased.token, LeaseEnd::Ack).await;
    test.send(sent.collect()).await;
    (test, ids)
}

#[actix::test]
async fn what_waits_and_what_is_over_is_found_by_what_it_is_and_says() {
    let (test, [dead, delivered, waiting, mail]) = hub_with_messages().await;
    let boss = operator();
    let is = |at: &str, json: &str| ContentFilter {
        payload: PayloadFilter {
            at: Some(JsonPointer::parse(at).unwrap()),
            is: Payload::parse(json).unwrap().as_json().cloned(),
            ..PayloadFilter::default()
        },
        ..ContentFilter::default()
    };
    let of_type = |name| ContentFilter {
        message_type: MessageType::parse(name).ok(),
        ..ContentFilter::default()
    };
    let failed_with = |words: &str| ContentFilter {
        error_contains: Some(words.to_owned()),
        ..ContentFilter::default()
    };
    let of_priority = |priority| ContentFilter {
        priority: Some(priority),
        ..ContentFilter::default()
    };
    for (content, expected) in [
        (saying(r#""order": {"#), vec![delivered]),
        (is("/order/id", "2"), vec![waiting, delivered]),
        (is("/order", r#"[ 1e400, {"id" :1} ]"#), vec![mail]),
        (of_type("order"), vec![mail, waiting, delivered, dead]),
        (of_type("orders"), vec![]),
        (failed_with("paper"), vec![dead]),
        (failed_with("toner"), vec![]),
        (of_priority(Priority::Low), vec![waiting]),
    ] {
        let page = found(&test, &boss, &all(&State::ALL), content.clone(), 9).await;
        assert_eq!(ids(&page), expected, "{content:?}");
        assert!(page.searched.complete && page.next.is_none());
        assert_eq!(page.searched.rows, 4);
        for record in &page.items {
            if let MessageRecord::Archived(row) = record {
                assert_eq!(row.message.payload, Payload::apart());
                assert!(row.payload_head.is_some());
            }
        }
    }
    // What is owed is known without the archive.
    let owed = all(&[State::Queued]);
    let page = found(&test, &boss, &owed, is("/order/id", "2"), 9).await;
    assert_eq!(ids(&page), [waiting]);
    assert!(page.searched.complete);
    assert_eq!(page.searched.rows, 2);
}

#[actix::test]
async fn a_search_goes_on_where_its_page_ended_and_shows_nobody_what_is_others() {
    let (test, [dead, delivered, waiting, mail]) = hub_with_messages().await;
    let mut search = all(&State::ALL);
    let mut told = Vec::new();
    loop {
        let page = found(&test, &operator(), &search, saying("order"), 1).await;
        told.extend(ids(&page));
        assert_eq!(page.searched.complete, page.next.is_none());
        search.before = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(told, [mail, waiting, delivered, dead]);
    let receiver = principal("mail", false);
    let page = found(&test, &receiver, &all(&State::ALL), saying("order"), 9).await;
    assert_eq!(ids(&page), [mail]);
    let stranger = principal("bank", false);
    let page = found(&test, &stranger, &all(&State::ALL), saying("order"), 9).await;
    assert!(page.items.is_empty());
}

#[actix::test]
async fn one_peer_looks_through_one_list_at_a_time() {
    let test = TestHub::start().await;
    let mut one = test.hub.reading(Peer::Unknown);
    let mut other = test.hub.reading(Peer::Unknown);
    one.begin_search().await.unwrap();
    assert!(other.begin_search().now_or_never().is_none());
    // Whoever reads what it knows where to find waits for no search.
    other.begin().now_or_never().unwrap().unwrap();
    drop(one);
    other.begin_search().now_or_never().unwrap().unwrap();
}
