//! What becomes of dead letters that a job sends again.

use std::collections::BTreeMap;

use super::*;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::JobId;
use crate::domain::redrive::{JobKind, JobStatus, RedriveFilter, RedriveJob};
use crate::domain::subscription::SubscriptionId;
use crate::hub::dead_letters::{DeadLetterFilter, DeadLetterRecord};
use crate::hub::error::{ErrorCode, HubError};
use crate::hub::redrives::{RedriveRequest, RedriveStart, RedriveTarget, RedriveWish};

/// More than a page of them, which is 256.
const MANY: usize = 300;

/// A hub that gives up at the first failure, with so many dead letters for `billing`.
async fn hub_with_dead_letters(count: usize) -> TestHub {
    let test = TestHub::with(|config| config.delivery.max_retry_attempts = 1).await;
    test.register_puller("billing").await;
    test.send_until_dead("billing", count).await;
    test
}

fn nack() -> LeaseEnd {
    LeaseEnd::Nack {
        delay: None,
        reason: None,
    }
}

fn of_those(target: RedriveTarget, rate: f64) -> RedriveRequest {
    RedriveRequest {
        kind: JobKind::Redrive,
        target,
        destination: None,
        rate,
        dry_run: false,
    }
}

impl TestHub {
    async fn send_until_dead(&self, destination: &str, count: usize) {
        let messages = (0..count).map(|n| message(&self.hub, destination, &n.to_string()));
        self.send(messages.collect()).await;
        for leased in self.pull_all(destination, count).await {
            self.end(destination, leased.token, nack()).await;
        }
    }

    /// So many messages, as they come.
    async fn pull_all(&self, name: &str, count: usize) -> Vec<Leased> {
        let mut all = Vec::new();
        while all.len() < count {
            let leased = self.pull(name, count - all.len()).await;
            assert!(!leased.is_empty(), "{} of {count} came", all.len());
            all.extend(leased);
        }
        all
    }

    async fn start_job(&self, request: RedriveRequest) -> Result<RedriveStart, HubError> {
        let boss = operator();
        let context = RequestContext::of(&boss, self.hub.clock.wall());
        let jobs = self.hub.redrives(&context, RedriveWish::Run).unwrap();
        jobs.start(request).await
    }

    async fn started(&self, request: RedriveRequest) -> RedriveJob {
        match self.start_job(request).await.unwrap() {
            RedriveStart::Started(job) => *job,
            RedriveStart::Counted(_) => panic!("it was to run"),
        }
    }

    async fn redrive(&self, filter: RedriveFilter, rate: f64) -> RedriveJob {
        self.started(of_those(RedriveTarget::Matching(filter), rate))
            .await
    }

    async fn matching(&self, filter: RedriveFilter) -> u64 {
        let request = RedriveRequest {
            dry_run: true,
            ..of_those(RedriveTarget::Matching(filter), 1.0)
        };
        match self.start_job(request).await.unwrap() {
            RedriveStart::Counted(count) => count,
            RedriveStart::Started(_) => panic!("it was not to run"),
        }
    }

    /// The ids in the list, oldest first.
    async fn listed(&self) -> Vec<MessageId> {
        let boss = operator();
        let context = RequestContext::of(&boss, self.hub.clock.wall());
        self.hub.flush().await.unwrap();
        let all = DeadLetterFilter::default();
        let found = self.hub.search_dead_letters(&context, &all, 1000);
        let ids = found.await.unwrap().items.into_iter().map(|one| match one {
            DeadLetterRecord::Message(record) => record.message().id,
            DeadLetterRecord::Event(row) => row.dead_event.id,
        });
        let mut ids: Vec<_> = ids.collect();
        ids.reverse();
        ids
    }

    /// The job, once it is as `is_so` says.
    async fn job_when(&self, id: JobId, is_so: impl Fn(&RedriveJob) -> bool) -> RedriveJob {
        let boss = operator();
        let context = RequestContext::of(&boss, self.hub.clock.wall());
        let jobs = self.hub.redrives(&context, RedriveWish::Run).unwrap();
        let waiting = async {
            loop {
                let job = jobs.one(id).await.unwrap();
                if is_so(&job) {
                    return job;
                }
                tokio::task::yield_now().await;
            }
        };
        let job = tokio::time::timeout(PATIENCE, waiting).await;
        job.expect("the job is as it should be")
    }
}

#[actix::test]
async fn a_job_waits_for_the_archive_and_misses_no_dead_letter() {
    let test = hub_with_dead_letters(MANY).await;
    let job = test.redrive(RedriveFilter::default(), 10_000.0).await;
    test.archive.set_unavailable(true);
    test.job_when(job.job, |job| {
        let cause = job.cause.as_deref();
        job.status == JobStatus::Running && cause.is_some_and(|cause| cause.contains("archive"))
    })
    .await;
    test.archive.set_unavailable(false);
    let done = test
        .job_when(job.job, |job| job.status == JobStatus::Done)
        .await;
    assert_eq!((done.redriven, done.skipped), (MANY as u64, 0));
    let mut arrivals = BTreeMap::new();
    for leased in test.pull_all("billing", MANY).await {
        *arrivals.entry(leased.delivery.message.id).or_insert(0) += 1;
        test.end("billing", leased.token, LeaseEnd::Ack).await;
    }
    assert_eq!(arrivals.len(), MANY);
    assert!(test.pull_now("billing", 1).await.is_empty());
}

#[actix::test]
async fn what_dies_again_is_not_sent_a_second_time() {
    let test = hub_with_dead_letters(30).await;
    let job = test.redrive(RedriveFilter::default(), 10_000.0).await.job;
    for (number, leased) in test.pull_all("billing", 30).await.into_iter().enumerate() {
        // Every other is refused again.
        let end = match number % 2 {
            0 => nack(),
            _ => LeaseEnd::Ack,
        };
        test.end("billing", leased.token, end).await;
    }
    let done = test
        .job_when(job, |job| job.status == JobStatus::Done && job.failed == 15)
        .await;
    assert_eq!((done.matched, done.redriven), (30, 30));
    assert!(test.pull_now("billing", 1).await.is_empty());
    assert_eq!(test.matching(RedriveFilter::default()).await, 15);
}

#[actix::test]
async fn a_job_stops_when_ten_in_a_row_die_again() {
    let test = hub_with_dead_letters(30).await;
    // Slow enough that at most one more leaves while the tenth comes back.
    let job = test.redrive(RedriveFilter::default(), 10.0).await.job;
    for _ in 0..10 {
        let leased = test.pull_all("billing", 1).await.remove(0);
        test.end("billing", leased.token, nack()).await;
    }
    let stopped = test
        .job_when(job, |job| job.status == JobStatus::Stopped)
        .await;
    let cause = stopped.cause.unwrap();
    assert!(cause.contains("10 letters in a row"), "{cause}");
    assert_eq!(stopped.failed, 10);
    // That one is under way.
    let left = test.matching(RedriveFilter::default()).await;
    assert!([29, 30].contains(&left), "{left}");
}

#[actix::test]
async fn a_job_takes_just_those_that_its_filter_means() {
    let test = hub_with_dead_letters(3).await;
    test.register_puller("mail").await;
    test.send_until_dead("mail", 2).await;
    let to = |name: &str| RedriveFilter {
        destination: Some(service(name)),
        ..RedriveFilter::default()
    };
    let given_up = |reason| RedriveFilter {
        reason: Some(reason),
        ..RedriveFilter::default()
    };
    let by = |name: &str| RedriveFilter {
        source: Some(service(name)),
        ..RedriveFilter::default()
    };
    for (filter, expected) in [
        (RedriveFilter::default(), 5),
        (to("billing"), 3),
        (to("nobody"), 0),
        (by("shop"), 5),
        (by("billing"), 0),
        (given_up(DeadReason::AttemptsExhausted), 5),
        (given_up(DeadReason::Expired), 0),
    ] {
        let told = format!("{filter:?}");
        assert_eq!(test.matching(filter).await, expected, "{told}");
    }
    let job = test.redrive(to("mail"), 10_000.0).await;
    assert_eq!(job.matched, 2);
    for leased in test.pull_all("mail", 2).await {
        test.end("mail", leased.token, LeaseEnd::Ack).await;
    }
    let done = test
        .job_when(job.job, |job| job.status == JobStatus::Done)
        .await;
    assert_eq!(done.redriven, 2);
    assert_eq!(test.matching(RedriveFilter::default()).await, 3);
    assert!(test.pull_now("billing", 1).await.is_empty());
}

#[actix::test]
async fn chosen_dead_letters_go_to_whom_they_were_for_or_to_another() {
    let test = hub_with_dead_letters(6).await;
    test.register_puller("mail").await;
    let ids = test.listed().await;
    // One of them twice, and one that is in no list.
    let chosen = vec![ids[4], ids[1], ids[4], MessageId(Uuid::from_u128(7))];
    let job = test
        .started(of_those(RedriveTarget::Chosen(chosen), 10_000.0))
        .await;
    assert_eq!(job.matched, 2);
    assert_eq!(job.chosen.as_ref().unwrap().count, 3);
    let again = test.pull_all("billing", 2).await;
    let again: Vec<_> = again.iter().map(|one| one.delivery.message.id).collect();
    assert_eq!(again, [ids[1], ids[4]]);
    let elsewhere = test
        .started(RedriveRequest {
            destination: Some(service("mail")),
            ..of_those(RedriveTarget::Chosen(vec![ids[5], ids[0]]), 10_000.0)
        })
        .await;
    let again = test.pull_all("mail", 2).await;
    let again: Vec<_> = again.iter().map(|one| one.delivery.message.id).collect();
    assert_eq!(again, [ids[0], ids[5]]);
    for job in [job, elsewhere] {
        let done = test
            .job_when(job.job, |job| job.status == JobStatus::Done)
            .await;
        assert_eq!((done.matched, done.redriven, done.skipped), (2, 2, 0));
        // Nobody needs them any more.
        assert!(done.chosen.unwrap().ids.is_empty());
    }
    assert_eq!(test.listed().await, [ids[2], ids[3]]);
    assert!(test.pull_now("billing", 1).await.is_empty());
}

#[actix::test]
async fn chosen_dead_letters_are_deleted_and_no_others() {
    let test = hub_with_dead_letters(3).await;
    let ids = test.listed().await;
    let job = test
        .started(RedriveRequest {
            kind: JobKind::Delete,
            ..of_those(RedriveTarget::Chosen(vec![ids[0], ids[2]]), 10_000.0)
        })
        .await;
    let done = test
        .job_when(job.job, |job| job.status == JobStatus::Done)
        .await;
    assert_eq!((done.matched, done.deleted, done.redriven), (2, 2, 0));
    assert_eq!(test.listed().await, [ids[1]]);
}

#[actix::test]
async fn a_job_takes_just_those_that_failed_in_one_way() {
    let test = hub_with_dead_letters(0).await;
    let messages = (0..MANY).map(|n| message(&test.hub, "billing", &n.to_string()));
    test.send(messages.collect()).await;
    let mut jammed = Vec::new();
    for (number, leased) in test.pull_all("billing", MANY).await.into_iter().enumerate() {
        // Far apart, so that there are pages of the list without any.
        let is_jammed = number == 0 || number == MANY - 1;
        let reason = if is_jammed { "jam in" } else { "no" };
        let reason = Some(format!("{reason} tray {number}"));
        if is_jammed {
            jammed.push(leased.delivery.message.id);
        }
        let end = LeaseEnd::Nack {
            delay: None,
            reason,
        };
        test.end("billing", leased.token, end).await;
    }
    jammed.sort_unstable();
    let failed = |error: &str| RedriveFilter {
        error: Some(error.to_owned()),
        ..RedriveFilter::default()
    };
    assert_eq!(test.matching(failed("no tray #")).await, MANY as u64 - 2);
    assert_eq!(test.matching(failed("tray #")).await, 0);
    let with_words = RedriveFilter {
        error_contains: Some("tray".to_owned()),
        ..RedriveFilter::default()
    };
    assert_eq!(test.matching(with_words).await, MANY as u64);
    let job = test.redrive(failed("jam in tray #"), 10_000.0).await;
    assert_eq!(job.matched, 2);
    let mut again = Vec::new();
    for leased in test.pull_all("billing", 2).await {
        again.push(leased.delivery.message.id);
        test.end("billing", leased.token, LeaseEnd::Ack).await;
    }
    again.sort_unstable();
    assert_eq!(again, jammed);
    let done = test
        .job_when(job.job, |job| job.status == JobStatus::Done)
        .await;
    assert_eq!((done.redriven, done.skipped), (2, 0));
    assert!(test.pull_now("billing", 1).await.is_empty());
}

#[actix::test]
async fn nothing_is_sent_to_nobody_nor_an_event_elsewhere() {
    let test = hub_with_dead_letters(1).await;
    let to = |name: &str, filter| RedriveRequest {
        destination: Some(service(name)),
        dry_run: true,
        ..of_those(RedriveTarget::Matching(filter), 1.0)
    };
    let refused = test.start_job(to("nobody", RedriveFilter::default())).await;
    let refused = refused.err().unwrap();
    assert_eq!(refused.code(), ErrorCode::ServiceNotFound);
    let of_subscription = RedriveFilter {
        subscription_id: Some(SubscriptionId(Uuid::from_u128(7))),
        ..RedriveFilter::default()
    };
    let refused = test.start_job(to("billing", of_subscription)).await;
    let refused = refused.err().unwrap();
    assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    assert!(
        refused.to_string().starts_with("destination: "),
        "{refused}"
    );
}
