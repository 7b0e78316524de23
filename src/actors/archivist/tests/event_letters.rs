//! Dead letters of events, as clients and redrive jobs ask for them.

use uuid::Uuid;

use super::*;
use crate::actors::messages::archivist::ForJob;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::{JobId, MessageId};
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::samples;

const JOB: JobId = JobId(Uuid::from_u128(7));

/// With a letter of an event at position 2.
fn cellar_with_letter() -> (Cellar, MessageId) {
    let mut cellar = cellar();
    let letter = samples::event_dead_lettered(1, 5);
    let Fact::Subscription(SubscriptionFact::EventDeadLettered(dead)) = &letter else {
        panic!("a sample of something else");
    };
    let id = dead.id;
    cellar.commit(vec![samples::event_published(1, 5), letter]);
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
async fn a_job_has_the_letters_sent_again_that_it_means() {
    let (mut cellar, id) = cellar_with_letter();
    for events_before in [None, Some(1), Some(2)] {
        let refused = cellar.reprocess_for(id, events_before).await.unwrap();
        assert!(
            matches!(refused, Err(ArchiveRefusal::Refused(Refusal::NotFound))),
            "{events_before:?}: {refused:?}"
        );
    }
    let answer = cellar.reprocess_for(id, Some(3));
    let redeliver = cellar.redelivered.recv().await;
    let letter = redeliver.letter;
    assert_eq!((letter.id, letter.job, letter.redriven), (id, Some(JOB), 1));
    redeliver.reply.send(Ok(id)).unwrap();
    assert!(answer.await.unwrap().is_ok());
    assert!(cellar.recorded.drain().await.is_empty());
}

#[actix::test]
async fn a_letter_whose_subscription_is_no_more_is_refused() {
    let (mut cellar, id) = cellar_with_letter();
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
    let (mut cellar, id) = cellar_with_letter();
    cellar.metrics.status.intake.set(Some(disk_low()));
    let refused = cellar.reprocess_for(id, Some(3)).await.unwrap();
    assert!(matches!(
        refused,
        Err(ArchiveRefusal::Refused(Refusal::StorageFull(_)))
    ));
    assert!(cellar.redelivered.drain().await.is_empty());
}
