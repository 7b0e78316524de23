//! Dead letters of events: a subscription is owed them again.

use uuid::Uuid;

use super::super::claims::ForJob;
use super::*;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{JobId, MessageId};
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::samples;
use crate::logic::redrive::ListedDeadLetter;
use crate::ports::archive::dead_letter;

/// With a dead letter of an event at position 2.
async fn office_with_dead_event() -> (Office, MessageId) {
    let office = office(0).await;
    let dead_event = samples::event_dead_lettered(1, 5);
    let Fact::Subscription(SubscriptionFact::EventDeadLettered(dead)) = &dead_event else {
        panic!("a sample of something else");
    };
    let id = dead.id;
    let facts = vec![samples::event_published(1, 5), dead_event];
    office.archive(facts).await;
    (office, id)
}

impl Office {
    fn reprocess_event(&self, id: MessageId) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(Reprocess {
            id,
            destination: None,
            payload: None,
            reply,
        });
        answer
    }
}

#[actix::test]
async fn a_job_means_what_had_died_at_its_start() {
    let (office, event) = office_with_dead_event().await;
    let message = office.message(1);
    let facts = vec![accepted(message.clone()), dead(&message)];
    office.archive(facts).await;
    let started_at = office.clock.now();
    for (id, died_by, events_before, is_meant) in [
        (event, started_at, None, false),
        (event, started_at, Some(1), false),
        (event, started_at, Some(2), false),
        (event, Timestamp::default(), Some(3), true),
        (id(1), started_at, None, true),
        (id(1), Timestamp::default(), Some(9), false),
    ] {
        let found = dead_letter(&*office.archive, id).await.unwrap().unwrap();
        let dead_letter = ListedDeadLetter { position: 2, id };
        let job = ForJob {
            job: JobId(Uuid::from_u128(7)),
            dead_letter,
            died_by,
            events_before,
        };
        assert_eq!(job.means(&found), is_meant, "{job:?}");
    }
}

#[actix::test]
async fn an_event_is_owed_again_if_its_subscription_takes_it() {
    let (mut office, id) = office_with_dead_event().await;
    let answer = office.reprocess_event(id);
    let redeliver = office.redelivered.recv().await;
    let dead_event = redeliver.dead_event;
    let seen = (dead_event.id, dead_event.job, dead_event.redriven);
    assert_eq!(seen, (id, None, 1));
    redeliver.reply.send(Ok(id)).unwrap();
    assert!(answer.await.unwrap().is_ok());
    assert!(office.recorded.drain().await.is_empty());
}

#[actix::test]
async fn an_event_whose_subscription_is_no_more_is_refused() {
    let (mut office, id) = office_with_dead_event().await;
    let answer = office.reprocess_event(id);
    let redeliver = office.redelivered.recv().await;
    let problem = Refusal::Conflict("the subscription is no more");
    redeliver.reply.send(Err(problem)).unwrap();
    let refused = answer.await.unwrap();
    assert!(matches!(
        refused,
        Err(ArchiveRefusal::Refused(Refusal::Conflict(_)))
    ));
}

#[actix::test]
async fn while_the_disk_is_almost_full_no_event_is_sent_again() {
    let (mut office, id) = office_with_dead_event().await;
    office.metrics.status.intake.set(Some(disk_low()));
    let refused = office.reprocess_event(id).await.unwrap();
    assert!(matches!(
        refused,
        Err(ArchiveRefusal::Refused(Refusal::StorageFull(_)))
    ));
    assert!(office.redelivered.drain().await.is_empty());
}
