//! What becomes of messages that the hub gave up on.

use futures_util::future::join_all;

use super::*;
use crate::domain::dead_letter::DeadReason;
use crate::domain::message::State;
use crate::domain::redrive::{JobKind, RedriveFilter};
use crate::hub::dead_letters::DeadLetterFilter;
use crate::hub::error::ErrorCode;
use crate::hub::groups_kept::GroupsQuery;
use crate::hub::redrives::{RedriveRequest, RedriveStart, RedriveTarget, RedriveWish};
use crate::logic::content_filter::ContentFilter;
use crate::logic::dead_letter_groups::GroupBy;
use crate::logic::error_pattern::ErrorPattern;
use crate::pool::Peer;

/// A hub that gives up at the first failure, with one dead letter.
async fn hub_with_dead_letter() -> (TestHub, MessageId) {
    let test = TestHub::with(|config| config.delivery.max_retry_attempts = 1).await;
    test.register_puller("billing").await;
    let id = rejected(&test).await;
    (test, id)
}

async fn rejected(test: &TestHub) -> MessageId {
    let sent = message(&test.hub, "billing", r#"{"amount":5}"#);
    let id = sent.id;
    test.send(vec![sent]).await;
    let leased = test.pull("billing", 1).await.pop().unwrap();
    let nack = LeaseEnd::Nack {
        delay: None,
        reason: None,
    };
    test.end("billing", leased.token, nack).await;
    id
}

#[actix::test]
async fn a_dead_letter_may_go_elsewhere_with_another_payload() {
    let (test, id) = hub_with_dead_letter().await;
    test.register_puller("repairs").await;
    let shop = principal("shop", false);
    let context = RequestContext::of(&shop, test.hub.clock.wall());
    let nobody = Some(service("nobody"));
    let refused = test.hub.reprocess_dead_letter(&context, id, nobody, None);
    let error = refused.await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ServiceNotFound);
    let payload = Payload::parse(r#"{"amount":6}"#).unwrap();
    let repairs = Some(service("repairs"));
    let sent = test
        .hub
        .reprocess_dead_letter(&context, id, repairs, Some(payload));
    sent.await.unwrap();
    let leased = test.pull("repairs", 1).await.pop().unwrap();
    let delivered = &leased.delivery.message;
    assert_eq!((delivered.id, leased.delivery.attempt), (id, 1));
    let expected = Payload::parse(r#"{"amount":6}"#).unwrap();
    assert_eq!(delivered.payload, expected);
    test.end("repairs", leased.token, LeaseEnd::Ack).await;
    let record = test.hub.message(&context, id).await.unwrap();
    assert_eq!(record.state(), State::Delivered);
    assert_eq!(record.message().destination, service("repairs"));
}

#[actix::test]
async fn who_receives_a_dead_letter_sends_it_again_but_changes_nothing_in_it() {
    let (test, id) = hub_with_dead_letter().await;
    let billing = principal("billing", false);
    let context = RequestContext::of(&billing, test.hub.clock.wall());
    let payload = Some(Payload::parse("6").unwrap());
    let changed = test.hub.reprocess_dead_letter(&context, id, None, payload);
    assert_eq!(changed.await.unwrap_err().code(), ErrorCode::AuthFailed);
    let deleted = test.hub.delete_dead_letter(&context, id).await;
    assert_eq!(deleted.unwrap_err().code(), ErrorCode::AuthFailed);
    let again = test.hub.reprocess_dead_letter(&context, id, None, None);
    again.await.unwrap();
    assert_eq!(test.pull("billing", 1).await.len(), 1);
}

#[actix::test]
async fn of_many_reprocesses_at_once_one_wins() {
    let (test, mut id) = hub_with_dead_letter().await;
    let boss = operator();
    for round in 0..10 {
        let context = RequestContext::of(&boss, test.hub.clock.wall());
        let asked = (0..4).map(|_| test.hub.reprocess_dead_letter(&context, id, None, None));
        let answers = join_all(asked).await;
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(won, 1, "round {round}");
        for error in answers.into_iter().filter_map(Result::err) {
            let code = error.code();
            assert!(
                [ErrorCode::NotFound, ErrorCode::Conflict].contains(&code),
                "{code:?}"
            );
        }
        let leased = test.pull("billing", 9).await;
        assert_eq!(leased.len(), 1, "round {round}");
        test.end("billing", leased[0].token, LeaseEnd::Ack).await;
        id = rejected(&test).await;
    }
}

#[actix::test]
async fn a_deleted_dead_letter_stays_dead_in_every_count() {
    let (test, id) = hub_with_dead_letter().await;
    let shop = principal("shop", false);
    let context = RequestContext::of(&shop, test.hub.clock.wall());
    let hub = &test.hub;
    hub.delete_dead_letter(&context, id).await.unwrap();
    let again = hub.delete_dead_letter(&context, id).await;
    assert_eq!(again.unwrap_err().code(), ErrorCode::NotFound);
    let dead_letter = hub.dead_letter(&context, id).await;
    assert_eq!(dead_letter.err().unwrap().code(), ErrorCode::NotFound);
    let search = DeadLetterFilter::default();
    let page = hub.search_dead_letters(&context, &search, 10).await;
    assert!(page.unwrap().items.is_empty());
    let gone = hub.message(&context, id).await;
    assert_eq!(gone.err().unwrap().code(), ErrorCode::NotFound);
    assert_eq!(
        hub.queue_overview(None).await.unwrap().queues.totals.dead,
        1
    );
}

#[actix::test]
async fn a_dry_run_counts_and_sends_nothing() {
    let (test, id) = hub_with_dead_letter().await;
    let boss = operator();
    let context = RequestContext::of(&boss, test.hub.clock.wall());
    let request = |dry_run| RedriveRequest {
        kind: JobKind::Redrive,
        target: RedriveTarget::Matching(RedriveFilter::default()),
        destination: None,
        rate: 1000.0,
        dry_run,
    };
    let jobs = test.hub.redrives(&context, RedriveWish::Run).unwrap();
    let counted = jobs.start(request(true)).await;
    assert!(matches!(counted.unwrap(), RedriveStart::Counted(1)));
    assert!(test.pull_now("billing", 1).await.is_empty());
    let started = jobs.start(request(false)).await;
    let RedriveStart::Started(job) = started.unwrap() else {
        panic!("it runs");
    };
    assert_eq!(job.by, Some(service("boss")));
    let leased = test.pull("billing", 1).await;
    assert_eq!(leased[0].delivery.message.id, id);
    assert_eq!(jobs.all().await.unwrap().len(), 1);
}

#[actix::test]
async fn dead_letters_that_died_alike_are_counted_together_and_no_service_sees_it() {
    let (test, first) = hub_with_dead_letter().await;
    let last = rejected(&test).await;
    let (boss, shop) = (operator(), principal("shop", false));
    let groups = async |who: &Principal, content: ContentFilter, error: bool| {
        let context = RequestContext::of(who, test.hub.clock.wall());
        let mut reading = test.hub.reading(Peer::Unknown);
        let query = GroupsQuery {
            filter: RedriveFilter::default(),
            content,
            by: GroupBy {
                destination: true,
                reason: true,
                error,
            },
        };
        let found = test
            .hub
            .dead_letter_groups(&context, &mut reading, &query)
            .await;
        found.map_err(|error| error.code())
    };
    let all = ContentFilter::default;
    let found = groups(&boss, all(), true).await.unwrap();
    assert!(found.complete);
    let [(key, group)] = &found.groups[..] else {
        panic!("{:?}", found.groups);
    };
    assert_eq!(key.destination, Some(service("billing")));
    assert_eq!(key.reason, Some(Some(DeadReason::AttemptsExhausted)));
    assert_eq!(key.error, Some(ErrorPattern::of(Some("nack"))));
    assert_eq!(group.count, 2);
    assert!([first, last].contains(&group.sample) && group.oldest <= group.newest);
    // What was found is good for a while, for just this question.
    rejected(&test).await;
    let again = groups(&boss, all(), true).await.unwrap();
    assert_eq!(again.groups[0].1.count, 2);
    let other = groups(&boss, all(), false).await.unwrap();
    assert_eq!(
        (other.groups[0].1.count, &other.groups[0].0.error),
        (3, &None)
    );
    let failed_as = |words| ContentFilter {
        error: Some(ErrorPattern::of(words)),
        ..all()
    };
    let alike = groups(&boss, failed_as(Some("nack")), true).await.unwrap();
    assert_eq!(alike.groups[0].1.count, 3);
    let none = groups(&boss, failed_as(Some("HTTP 503")), true).await;
    assert_eq!(none.unwrap().groups, []);
    let refused = groups(&shop, all(), true).await;
    assert_eq!(refused.err(), Some(ErrorCode::AuthFailed));
}
