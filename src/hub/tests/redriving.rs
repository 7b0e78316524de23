//! What becomes of dead letters that a job sends again.

use std::collections::BTreeMap;

use super::*;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::JobId;
use crate::domain::redrive::{JobKind, JobStatus, RedriveFilter, RedriveJob};
use crate::hub::redrives::{RedriveRequest, RedriveStart, RedriveWish};

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

    async fn redrive(&self, filter: RedriveFilter, rate: f64) -> RedriveJob {
        let boss = operator();
        let context = RequestContext::of(&boss, self.hub.clock.wall());
        let request = RedriveRequest {
            kind: JobKind::Redrive,
            filter,
            rate,
            dry_run: false,
        };
        let jobs = self.hub.redrives(&context, RedriveWish::Run).unwrap();
        match jobs.start(request).await.unwrap() {
            RedriveStart::Started(job) => *job,
            RedriveStart::Counted(_) => panic!("it was to run"),
        }
    }

    async fn matching(&self, filter: RedriveFilter) -> u64 {
        let boss = operator();
        let context = RequestContext::of(&boss, self.hub.clock.wall());
        let request = RedriveRequest {
            kind: JobKind::Redrive,
            filter,
            rate: 1.0,
            dry_run: true,
        };
        let jobs = self.hub.redrives(&context, RedriveWish::Run).unwrap();
        match jobs.start(request).await.unwrap() {
            RedriveStart::Counted(count) => count,
            RedriveStart::Started(_) => panic!("it was not to run"),
        }
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
