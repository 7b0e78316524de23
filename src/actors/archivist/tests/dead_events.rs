//! Dead letters of events, as clients and redrive jobs ask for them.

use uuid::Uuid;

use super::*;
use crate::actors::messages::archivist::ForJob;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{JobId, MessageId};
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::samples;

const JOB: JobId = JobId(Uuid::from_u128(7));

/// With a dead letter of an event at position 2.
fn cellar_with_dead_event() -> (Cellar, MessageId) {
    let mut cellar = cellar();
    let dead_event = samples::event_dead_lettered(1, 5);
    let Fact::Subscription(SubscriptionFact::EventDeadLettered(dead)) = &dead_event else {
        panic!("a sample of something else");
    };
    let id = dead.id;
    cellar.commit(vec![samples::event_published(1, 5), dead_event]);
    (cellar, id)
}

impl Cellar {
    /// As a job asks that means what died before the position.
    fn reprocess_for(
        &self,
        id: MessageId,
        events_before: Option<Position>,
    ) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(Reprocess {
            id,
            destination: None,
            payload: None,
            job: Some(ForJob {
                job: JOB,
                died_by: Timestamp::default(),
                events_before,
            }),
            reply,
        });
        answer
    }
}

#[actix::test]
async fn a_job_has_the_dead_letters_sent_again_that_it_means() {
    let (mut cellar, id) = cellar_with_dead_event();
    for events_before in [None, Some(1), Some(2)] {
        let refused = cellar.reprocess_for(id, events_before).await.unwrap();
        assert!(
            matches!(refused, Err(ArchiveRefusal::Refused(Refusal::NotFound))),
            "{events_before:?}: {refused:?}"
        );
    }
    let answer = cellar.reprocess_for(id, Some(3));
    let redeliver = cellar.redelivered.recv().await;
    let dead_event = redeliver.dead_event;
    assert_eq!(
        (dead_event.id, dead_event.job, dead_event.redriven),
        (id, Some(JOB), 1)
    );
    redeliver.reply.send(Ok(id)).unwrap();
    assert!(answer.await.unwrap().is_ok());
    assert!(cellar.recorded.drain().await.is_empty());
}

#[actix::test]
async fn a_dead_letter_whose_subscription_is_no_more_is_refused() {
    let (mut cellar, id) = cellar_with_dead_event();
    let answer = cellar.reprocess_for(id, Some(3));
    let redeliver = cellar.redelivered.recv().await;
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
    let (mut cellar, id) = cellar_with_dead_event();
    cellar.metrics.status.intake.set(Some(disk_low()));
    let refused = cellar.reprocess_for(id, Some(3)).await.unwrap();
    assert!(matches!(
        refused,
        Err(ArchiveRefusal::Refused(Refusal::StorageFull(_)))
    ));
    assert!(cellar.redelivered.drain().await.is_empty());
}
