//! Redrive jobs, and how they claim what they mean.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::actors::messages::dead_letters::{InspectRedrives, StartRedrive, SwitchRedrive};
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::DeadLetterDeleted;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::JobId;
use crate::domain::redrive::{JobKind, JobStatus, RedriveJob, Switch};
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::samples;

const SECOND: Duration = Duration::from_secs(1);
const JOB: JobId = JobId(Uuid::from_u128(1));

fn advanced(job: &RedriveJob) -> Fact {
    Fact::Control(ControlFact::RedriveAdvanced(Arc::new(job.clone())))
}

impl Office {
    fn job(&self, rate: f64) -> RedriveJob {
        RedriveJob {
            matched: 3,
            ..RedriveJob::begun(JOB, self.clock.now(), rate)
        }
    }

    /// Takes what is recorded next, as the journal does.
    async fn take_next(&mut self) -> Fact {
        let record = self.recorded.recv().await;
        let [fact] = &record.facts[..] else {
            panic!("one at a time: {:?}", record.facts);
        };
        let fact = fact.clone();
        self.commit(record.facts);
        if let Some(reply) = record.reply {
            reply.send(()).unwrap();
        }
        fact
    }

    /// Goes on until the next version of a job is recorded, and gives it.
    async fn commit_next(&mut self) -> Arc<RedriveJob> {
        loop {
            if let Fact::Control(ControlFact::RedriveAdvanced(version)) = self.take_next().await {
                return version;
            }
        }
    }

    /// A job that runs.
    fn started(&mut self, rate: f64) {
        self.address.do_send(Open);
        let job = self.job(rate);
        self.commit(vec![advanced(&job)]);
    }

    fn begin(&self, job: RedriveJob) -> oneshot::Receiver<Result<RedriveJob, Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(StartRedrive { job, reply });
        answer
    }

    /// Goes on until the next message is sent again by the job; gives its id.
    async fn redrive_next(&mut self) -> MessageId {
        loop {
            if let Fact::Message(MessageFact::Redriven(redrive)) = self.take_next().await {
                assert_eq!(redrive.job, Some(JOB));
                return redrive.message.id;
            }
        }
    }

    fn redriven(&self, number: u128) -> Fact {
        Fact::Message(MessageFact::Redriven(Arc::new(Redrive {
            message: self.message(number),
            times: 1,
            from: State::Dead,
            position: None,
            job: Some(JOB),
        })))
    }

    fn switch(&self, switch: Switch) -> oneshot::Receiver<Result<RedriveJob, Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(SwitchRedrive {
            job: JOB,
            switch,
            reply,
        });
        answer
    }

    async fn view(&self) -> RedriveJob {
        let asked = InspectRedrives { job: Some(JOB) };
        self.address.send(asked).await.unwrap().pop().unwrap()
    }

    fn metric(&self, line: &str) -> bool {
        let texts = self.metrics.texts(&crate::metrics::Scrape {
            totals: crate::domain::compaction_summary::MessageTotals::default(),
            depths: &crate::logic::queues::view::QueueDepths::default(),
            picture: &crate::metrics::services::ServicesPicture::default(),
            now: Timestamp::default(),
        });
        let text = String::from_utf8(texts.with_names.into()).unwrap();
        text.lines().any(|has| has == line)
    }
}

#[actix::test]
async fn a_job_begins_once_it_is_in_the_journal() {
    let mut office = office(1).await;
    office.address.do_send(Open);
    let job = office.job(200.0);
    let mut answer = office.begin(job.clone());
    settle().await;
    assert!(answer.try_recv().is_err());
    assert_eq!(*office.commit_next().await, job);
    assert_eq!(answer.await.unwrap(), Ok(job));
    assert!(office.metric("message_hub_redrive_jobs{status=\"running\"} 1"));
    let (redrive, _) = office.next_redrive().await;
    assert_eq!((redrive.message.id, redrive.job), (id(1), Some(JOB)));
    assert_eq!(redrive.message.destination, office.message(1).destination);
}

#[actix::test]
async fn so_many_jobs_are_unfinished_and_no_more() {
    let mut office = office(0).await;
    office.address.do_send(Open);
    let [first, second, third] = [1, 2, 3].map(|number| RedriveJob {
        job: JobId(Uuid::from_u128(number)),
        ..office.job(1.0)
    });
    let begun = [first, second].map(|job| office.begin(job));
    let refused = office.begin(third.clone());
    for answer in begun {
        office.commit_next().await;
        assert!(answer.await.unwrap().is_ok());
    }
    let refused_still = office.begin(third.clone());
    settle().await;
    for mut refused in [refused, refused_still] {
        let (limit, most) = ("redrive_jobs", MOST_JOBS as u64);
        let refusal = Refusal::LimitReached { limit, most };
        assert_eq!(refused.try_recv(), Ok(Err(refusal)));
    }
    // Both are done, as there is nothing for them.
    while office.commit_next().await.status != JobStatus::Done {}
    settle().await;
    let mut begun = office.begin(third.clone());
    while office.commit_next().await.job != third.job {}
    settle().await;
    assert!(begun.try_recv().unwrap().is_ok());
}

#[actix::test]
async fn events_that_had_died_at_its_start_are_claimed_as_well() {
    let mut office = office(1).await;
    let dead_events = [1, 2].map(|number| samples::event_dead_lettered(1, number));
    let ids = dead_events.clone().map(|fact| match fact {
        Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_event)) => dead_event.id,
        other => panic!("{other:?}"),
    });
    // They die at the positions 3 and 4.
    office.archive(dead_events.to_vec()).await;
    office.address.do_send(Open);
    let job = RedriveJob {
        events_before: Some(4),
        ..office.job(200.0)
    };
    office.commit(vec![advanced(&job)]);
    assert_eq!(office.redrive_next().await, id(1));
    let redeliver = office.redelivered.recv().await;
    let claimed = (redeliver.dead_event.id, redeliver.dead_event.job);
    assert_eq!(claimed, (ids[0], Some(JOB)));
    redeliver.reply.send(Ok(ids[0])).unwrap();
    while office.commit_next().await.status != JobStatus::Done {}
    assert!(office.redelivered.drain().await.is_empty());
}

#[actix::test]
async fn dead_letters_are_claimed_at_the_rate_of_the_job() {
    let mut office = office(10).await;
    office.started(1.0);
    let started = office.clock.now();
    for number in 1..=5 {
        assert_eq!(office.redrive_next().await, id(number));
    }
    let took = office.clock.now().since(started);
    assert!(took >= 4 * SECOND && took < 5 * SECOND, "{took:?}");
    settle().await;
    assert_eq!(office.view().await.redriven, 5);
    assert!(office.metric("message_hub_redrive_messages_total{outcome=\"redriven\"} 5"));
}

#[actix::test]
async fn a_job_ends_when_every_claim_has_ended() {
    let mut office = office(3).await;
    // Somebody else is at work on the second.
    let _other = office.delete(2);
    let others = office.recorded.recv().await;
    office.started(1000.0);
    for number in [1, 3] {
        assert_eq!(office.redrive_next().await, id(number));
    }
    while office.commit_next().await.status != JobStatus::Done {}
    drop(others);
    settle().await;
    let view = office.view().await;
    assert_eq!((view.redriven, view.skipped, view.through), (2, 1, 5));
    assert!(office.metric("message_hub_redrive_messages_total{outcome=\"skipped\"} 1"));
    assert!(office.metric("message_hub_redrive_jobs{status=\"running\"} 0"));
    let failed = dead(&office.message(1));
    office.commit(vec![failed, delivered(&office.message(3))]);
    settle().await;
    assert_eq!(office.view().await.failed, 1);
    assert!(office.metric("message_hub_redrive_messages_total{outcome=\"failed\"} 1"));
}

#[actix::test]
async fn a_switch_is_answered_once_it_is_in_the_journal() {
    let mut office = office(100).await;
    office.started(1.0);
    office.redrive_next().await;
    let mut paused = office.switch(Switch::Pause);
    settle().await;
    assert!(paused.try_recv().is_err());
    while office.commit_next().await.status != JobStatus::Paused {}
    assert_eq!(paused.await.unwrap().unwrap().status, JobStatus::Paused);
    // What it counted meanwhile is recorded, and that is all.
    settle().await;
    tokio::time::advance(100 * SECOND).await;
    let recorded = office.recorded.drain().await;
    let is_version = |fact: &Fact| matches!(fact, Fact::Control(ControlFact::RedriveAdvanced(_)));
    let mut facts = recorded.iter().flat_map(|record| &record.facts);
    assert!(facts.all(is_version));
    let cancelled = office.switch(Switch::Cancel);
    office.commit_next().await;
    assert_eq!(
        cancelled.await.unwrap().unwrap().status,
        JobStatus::Cancelled
    );
    let refused = office.switch(Switch::Resume).await.unwrap();
    assert!(matches!(refused, Err(Refusal::WrongStatus { .. })));
}

#[actix::test]
async fn what_fails_is_tried_again_after_a_second() {
    let mut office = office(1).await;
    office.archive.set_unavailable(true);
    office.started(200.0);
    settle().await;
    let view = office.view().await;
    assert_eq!(view.status, JobStatus::Running);
    assert!(view.cause.unwrap().contains("archive unavailable"));
    let failed_at = office.clock.now();
    office.archive.set_unavailable(false);
    let (redrive, record) = office.next_redrive().await;
    assert_eq!(redrive.message.id, id(1));
    assert!(office.clock.now().since(failed_at) >= SECOND);
    // A journal that ends before says nothing.
    drop(record);
    let failed_at = office.clock.now();
    assert_eq!(office.redrive_next().await, id(1));
    assert!(office.clock.now().since(failed_at) >= SECOND);
}

#[actix::test]
async fn what_is_replayed_is_no_news_until_the_door_opens() {
    let mut office = office(3).await;
    let job = office.job(200.0);
    let facts = vec![advanced(&job), office.redriven(1), dead(&office.message(1))];
    office.address.do_send(Committed {
        at: crate::domain::moment::Moment::default(),
        replay: true,
        set_since: 0,
        ..committed(500, facts)
    });
    assert!(office.recorded.drain().await.is_empty());
    assert!(office.metric("message_hub_redrive_messages_total{outcome=\"failed\"} 0"));
    let view = office.view().await;
    assert_eq!((view.redriven, view.failed), (1, 1));
    office.address.do_send(Open);
    office.redrive_next().await;
}

#[actix::test]
async fn a_drain_records_how_far_it_is_and_claims_nothing_more() {
    let mut office = office(100).await;
    office.started(20.0);
    let mut redriven = 0;
    // Some of them are not in a version yet.
    while redriven < 30 {
        let fact = office.take_next().await;
        redriven += u64::from(matches!(fact, Fact::Message(MessageFact::Redriven(_))));
    }
    settle().await;
    let (reply, drained) = oneshot::channel();
    office.address.do_send(Drain { reply });
    drained.await.unwrap();
    let last = office.recorded.drain().await.pop().unwrap();
    assert!(
        matches!(&last.facts[..], [Fact::Control(ControlFact::RedriveAdvanced(version))] if version.redriven == redriven),
        "{:?}",
        last.facts
    );
    tokio::time::advance(10 * SECOND).await;
    assert!(office.recorded.drain().await.is_empty());
    // Clients are answered on.
    let _answer = office.reprocess(50);
    office.next_redrive().await;
    let refused = office.begin(office.job(1.0)).await.unwrap();
    assert_eq!(refused, Err(Refusal::Stopping));
    let refused = office.switch(Switch::Pause).await.unwrap();
    assert_eq!(refused, Err(Refusal::Stopping));
}

#[actix::test]
async fn a_job_that_deletes_has_its_dead_letters_deleted() {
    let mut office = office(1).await;
    let job = RedriveJob {
        kind: JobKind::Delete,
        ..office.job(10.0)
    };
    office.address.do_send(Open);
    office.commit(vec![advanced(&job)]);
    let record = office.recorded.recv().await;
    let [Fact::Message(MessageFact::DeadLetterDeleted(deleted))] = &record.facts[..] else {
        panic!("{:?}", record.facts);
    };
    let DeadLetterDeleted {
        id: deleted, job, ..
    } = *deleted;
    assert_eq!((deleted, job), (id(1), Some(JOB)));
    office.commit(record.facts);
    record.reply.unwrap().send(()).unwrap();
    settle().await;
    assert_eq!(office.view().await.deleted, 1);
    assert_eq!(office.metrics.redrives.deleted.get(), 1);
}
