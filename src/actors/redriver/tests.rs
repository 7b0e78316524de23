use std::time::Duration;

use actix::Addr;
use uuid::Uuid;

use super::*;
use crate::actors::fixtures::{accepted, committed, dead, delivered, id, message, unwatched};
use crate::actors::probe::{Received, probe, settle};
use crate::adapters::archive_memory::MemoryArchive;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::{DeadLetterDeleted, MessageFact, Redrive};
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::message::{Message as HubMessage, State};
use crate::domain::redrive::{RedriveFilter, Switch};
use crate::logic::journal::samples;
use crate::logic::projection::Projection;
use crate::ports::archive::{ArchiveReader, ArchiveWriter};

const SECOND: Duration = Duration::from_secs(1);
const MOST: usize = 2;

/// A redriver between an archive with dead letters and a journal, and everything it says.
struct Office {
    address: Addr<Redriver>,
    clock: Clock,
    metrics: Arc<Metrics>,
    archive: Arc<MemoryArchive>,
    recorded: Received<Record>,
    flushed: Received<Flush>,
    asked: Received<Reprocess>,
    deletions: Received<DeleteDeadLetter>,
    position: Position,
}

/// With so many dead letters in the archive.
async fn office(dead_letters: u128) -> Office {
    tokio::time::pause();
    let (record, recorded) = probe();
    let (flush, flushed) = probe();
    let (reprocess, asked) = probe();
    let (delete, deletions) = probe();
    let (clock, metrics) = (Clock::start(), Arc::new(Metrics::new()));
    let archive = Arc::new(MemoryArchive::default());
    let hops = Hops {
        record,
        flush,
        reprocess,
        delete,
    };
    let redriver = Redriver::new(
        (clock, metrics.clone()),
        archive.clone(),
        MOST,
        hops,
        unwatched(),
    );
    let office = Office {
        address: redriver.start(),
        clock,
        metrics,
        archive,
        recorded,
        flushed,
        asked,
        deletions,
        position: 1000,
    };
    office.fill(dead_letters).await;
    office
}

fn job_id() -> JobId {
    JobId(Uuid::from_u128(1))
}

impl Office {
    async fn fill(&self, dead_letters: u128) {
        let messages = (1..=dead_letters).map(|number| message(number, self.clock.now()));
        let facts = messages.flat_map(|message| [accepted(message.clone()), dead(&message)]);
        self.archive(facts.collect()).await;
    }

    async fn archive(&self, facts: Vec<Fact>) {
        let after = self.archive.standing().await.unwrap().checkpoint;
        let mut projection = Projection::new(after);
        for record in committed(after + 1, facts).records.iter() {
            projection.apply(record);
        }
        if let Some(batch) = projection.take() {
            self.archive.apply(Arc::new(batch)).await.unwrap();
        }
    }

    fn job(&self, rate: f64) -> RedriveJob {
        RedriveJob {
            job: job_id(),
            started_at: self.clock.now(),
            events_before: None,
            by: None,
            filter: RedriveFilter::default(),
            rate,
            status: JobStatus::Running,
            cause: None,
            matched: 3,
            through: 0,
            kind: JobKind::Redrive,
            deleted: 0,
            redriven: 0,
            failed: 0,
            skipped: 0,
            failed_in_a_row: 0,
            counted: 0,
        }
    }

    fn commit(&mut self, facts: Vec<Fact>) {
        let first = self.position;
        self.position += facts.len() as Position;
        self.address.do_send(committed(first, facts));
    }

    /// Commits what is recorded next, and gives it.
    async fn commit_next(&mut self) -> Arc<RedriveJob> {
        let record = self.recorded.recv().await;
        let [Fact::Control(ControlFact::RedriveAdvanced(version))] = &record.facts[..] else {
            panic!("not a version of a job: {:?}", record.facts);
        };
        let version = version.clone();
        self.commit(record.facts);
        if let Some(reply) = record.reply {
            reply.send(()).unwrap();
        }
        version
    }

    /// A job that runs, its first page being read.
    async fn started(&mut self, rate: f64) {
        self.address.do_send(Open);
        let job = self.job(rate);
        self.commit(vec![Fact::Control(ControlFact::RedriveAdvanced(Arc::new(
            job,
        )))]);
        self.flush().await;
    }

    fn begin(&self, job: RedriveJob) -> oneshot::Receiver<Result<RedriveJob, Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(StartRedrive { job, reply });
        answer
    }

    async fn flush(&mut self) {
        let flush = self.flushed.recv().await;
        flush.reply.send(Ok(())).unwrap();
    }

    fn redriven(&self, number: u128) -> Fact {
        Fact::Message(MessageFact::Redriven(Arc::new(Redrive {
            message: self.message(number),
            times: 1,
            from: State::Dead,
            position: None,
            job: Some(job_id()),
        })))
    }

    fn message(&self, number: u128) -> HubMessage {
        message(number, self.clock.now())
    }

    fn switch(&self, switch: Switch) -> oneshot::Receiver<Result<RedriveJob, Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(SwitchRedrive {
            job: job_id(),
            switch,
            reply,
        });
        answer
    }

    async fn view(&self) -> RedriveJob {
        let asked = InspectRedrives {
            job: Some(job_id()),
        };
        self.address.send(asked).await.unwrap().pop().unwrap()
    }

    fn metric(&self, line: &str) -> bool {
        let texts = self.metrics.texts(&crate::metrics::Scrape {
            totals: crate::domain::compaction_summary::MessageTotals::default(),
            depths: &crate::logic::queues::view::QueueDepths::default(),
            picture: &crate::metrics::services::Picture::default(),
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
    assert!(office.flushed.drain().await.is_empty());
    assert_eq!(*office.commit_next().await, job);
    assert_eq!(answer.await.unwrap(), Ok(job));
    assert!(office.metric("message_hub_redrive_jobs{status=\"running\"} 1"));
    office.flush().await;
    let asked = office.asked.recv().await;
    let by = asked.job.map(|job| job.job);
    assert_eq!((asked.id, by), (id(1), Some(job_id())));
    assert!(asked.destination.is_none() && asked.payload.is_none());
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
        let (limit, most) = ("redrive_jobs", MOST as u64);
        let refusal = Refusal::LimitReached { limit, most };
        assert_eq!(refused.try_recv(), Ok(Err(refusal)));
    }
    let _cancelled = office.switch(Switch::Cancel);
    office.commit_next().await;
    let mut begun = office.begin(third);
    office.commit_next().await;
    settle().await;
    assert!(begun.try_recv().unwrap().is_ok());
}

#[actix::test]
async fn events_that_had_died_at_its_start_are_asked_for_as_well() {
    let mut office = office(1).await;
    let dead_letters = [1, 2].map(|number| samples::event_dead_lettered(1, number));
    let ids = dead_letters.clone().map(|fact| match fact {
        Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_letter)) => dead_letter.id,
        other => panic!("{other:?}"),
    });
    // They die at the positions 3 and 4.
    office.archive(dead_letters.to_vec()).await;
    office.address.do_send(Open);
    let job = RedriveJob {
        events_before: Some(4),
        ..office.job(200.0)
    };
    office.commit(vec![Fact::Control(ControlFact::RedriveAdvanced(Arc::new(
        job,
    )))]);
    office.flush().await;
    for expected in [id(1), ids[0]] {
        let asked = office.asked.recv().await;
        assert_eq!(asked.id, expected);
        assert_eq!(asked.job.unwrap().events_before, Some(4));
        asked.reply.send(Ok(())).unwrap();
    }
    while office.commit_next().await.status != JobStatus::Done {}
    assert!(office.asked.drain().await.is_empty());
}

#[actix::test]
async fn dead_letters_are_asked_for_at_the_rate_of_the_job() {
    let mut office = office(10).await;
    office.started(1.0).await;
    let started = office.clock.now();
    for number in 1..=5 {
        let asked = office.asked.recv().await;
        assert_eq!(asked.id, id(number));
        office.commit(vec![office.redriven(number)]);
        asked.reply.send(Ok(())).unwrap();
    }
    let took = office.clock.now().since(started);
    assert!(took >= 4 * SECOND && took < 5 * SECOND, "{took:?}");
    assert_eq!(office.view().await.redriven, 5);
    assert!(office.metric("message_hub_redrive_messages_total{outcome=\"redriven\"} 5"));
}

#[actix::test]
async fn a_job_ends_when_every_dead_letter_is_answered() {
    let mut office = office(3).await;
    office.started(1000.0).await;
    for number in 1..=3 {
        let asked = office.asked.recv().await;
        if number == 2 {
            let gone = ArchiveRefusal::Refused(Refusal::NotFound);
            asked.reply.send(Err(gone)).unwrap();
        } else {
            office.commit(vec![office.redriven(number)]);
            asked.reply.send(Ok(())).unwrap();
        }
    }
    while office.commit_next().await.status != JobStatus::Done {}
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
    office.started(1.0).await;
    let mut paused = office.switch(Switch::Pause);
    settle().await;
    assert!(paused.try_recv().is_err());
    office.commit_next().await;
    assert_eq!(paused.await.unwrap().unwrap().status, JobStatus::Paused);
    office.asked.drain().await;
    tokio::time::advance(100 * SECOND).await;
    assert!(office.asked.drain().await.is_empty());
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
async fn an_archive_that_fails_is_asked_again_after_a_second() {
    let mut office = office(1).await;
    office.archive.set_unavailable(true);
    office.started(200.0).await;
    settle().await;
    let view = office.view().await;
    assert_eq!(view.status, JobStatus::Running);
    assert!(view.cause.unwrap().contains("archive unavailable"));
    let failed_at = office.clock.now();
    office.archive.set_unavailable(false);
    office.flush().await;
    assert!(office.clock.now().since(failed_at) >= SECOND);
    let unavailable = ArchiveError::Unavailable("it fell over".to_owned());
    let asked = office.asked.recv().await;
    let _ = asked.reply.send(Err(unavailable.into()));
    let again = office.asked.recv().await;
    assert_eq!(again.id, id(1));
    // A request that is dropped unanswered is one to repeat, too.
    drop(again);
    assert_eq!(office.asked.recv().await.id, id(1));
}

#[actix::test]
async fn what_is_replayed_is_no_news_until_the_door_opens() {
    let mut office = office(3).await;
    let job = office.job(200.0);
    let facts = vec![
        Fact::Control(ControlFact::RedriveAdvanced(Arc::new(job))),
        office.redriven(1),
        dead(&office.message(1)),
    ];
    office.address.do_send(Committed {
        at: crate::domain::moment::Moment::default(),
        replay: true,
        set_since: 0,
        ..committed(500, facts)
    });
    assert!(office.flushed.drain().await.is_empty());
    assert!(office.metric("message_hub_redrive_messages_total{outcome=\"failed\"} 0"));
    let view = office.view().await;
    assert_eq!((view.redriven, view.failed), (1, 1));
    office.address.do_send(Open);
    office.flush().await;
    let by = office.asked.recv().await.job;
    assert_eq!(by.map(|job| job.job), Some(job_id()));
}

#[actix::test]
async fn a_drain_records_how_far_it_is_and_asks_for_nothing_more() {
    let mut office = office(100).await;
    office.started(20.0).await;
    let asked = office.asked.recv().await;
    office.commit(vec![office.redriven(1)]);
    asked.reply.send(Ok(())).unwrap();
    while office.commit_next().await.through < 1 {}
    let asked = office.asked.recv().await;
    office.commit(vec![office.redriven(2)]);
    asked.reply.send(Ok(())).unwrap();
    settle().await;
    office.recorded.drain().await;
    let (reply, drained) = oneshot::channel();
    office.address.do_send(Drain { reply });
    drained.await.unwrap();
    let last = office.recorded.drain().await.pop().unwrap();
    assert!(
        matches!(&last.facts[..], [Fact::Control(ControlFact::RedriveAdvanced(version))] if version.redriven == 2),
        "{:?}",
        last.facts
    );
    office.asked.drain().await;
    tokio::time::advance(10 * SECOND).await;
    assert!(office.asked.drain().await.is_empty());
}

#[actix::test]
async fn a_job_that_deletes_has_its_dead_letters_deleted() {
    let mut office = office(1).await;
    let job = RedriveJob {
        kind: JobKind::Delete,
        ..office.job(10.0)
    };
    let (reply, _answer) = oneshot::channel();
    office.address.do_send(StartRedrive {
        job: job.clone(),
        reply,
    });
    let record = office.recorded.recv().await;
    office.address.do_send(committed(900, record.facts));
    office.address.do_send(Open);
    let flush = office.flushed.recv().await;
    flush.reply.send(Ok(())).unwrap();
    let asked = office.deletions.recv().await;
    assert_eq!(asked.id, id(1));
    assert_eq!(asked.job.map(|job| job.job), Some(job.job));
    assert_eq!(office.asked.drain().await.len(), 0);
    let deleted = Fact::Message(MessageFact::DeadLetterDeleted(DeadLetterDeleted {
        id: id(1),
        at: office.clock.now(),
        job: Some(job.job),
    }));
    office.address.do_send(committed(901, vec![deleted]));
    asked.reply.send(Ok(())).unwrap();
    settle().await;
    assert_eq!(office.view().await.deleted, 1);
    assert_eq!(office.metrics.redrives.deleted.get(), 1);
}
