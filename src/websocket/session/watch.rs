//! What a client watches, and what it was told of it: each second it is told what changed since.

use std::collections::{BTreeMap, HashMap};

use actix::SpawnHandle;
use bytestring::ByteString;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::api::server::ServerFrame;
use super::super::frames::Watched;
use super::super::texts;
use super::client::SocketClient;
use crate::api::job::JobView;
use crate::api::overview::OverviewDetails;
use crate::api::service_row::ServiceRowDetails;
use crate::domain::ids::{JobId, ServiceName};
use crate::domain::redrive::{JobStatus, RedriveJob};
use crate::hub::Hub;
use crate::hub::access::Operation;
use crate::hub::error::HubError;
use crate::hub::redrives::RedriveWish;
use crate::hub::service_rows::row_of;

/// What grows by itself while time passes, so that it would change with every look; a time says it.
const AGES: [&str; 1] = ["oldest_age"];
/// What is told as `stats`.
const SAMPLE: &str = "sample";

/// What is watched over a socket.
#[derive(Default)]
pub(super) struct Watching {
    /// `None` while it is looked at, or if nothing is watched.
    pub watch: Option<Watch>,
    /// Tells a watch from the one it replaced, which may still be looked at.
    pub number: u64,
    pub ticking: Option<SpawnHandle>,
}

/// What is watched, with what was told last.
pub(super) struct Watch {
    what: Watched,
    overview: Map<String, Value>,
    rows: BTreeMap<ServiceName, Map<String, Value>>,
    jobs: Option<HashMap<JobId, RedriveJob>>,
}

impl Watch {
    /// As much of it as the client may see.
    pub(super) fn new(mut what: Watched, client: &SocketClient) -> Self {
        let principal = &client.principal;
        if principal.may(Operation::SeeOverview).is_err() {
            (what.stats, what.overview) = (false, false);
        }
        what.jobs &= principal.may(Operation::SeeRedrives).is_ok();
        if let Some(own) = principal.sees_only() {
            what.services.retain(|service| *service == own);
        }
        Self {
            what,
            overview: Map::new(),
            rows: BTreeMap::new(),
            jobs: None,
        }
    }

    /// What changed since the last look, each as a frame.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub(super) async fn look(
        &mut self,
        hub: &Hub,
        client: &SocketClient,
    ) -> Result<Vec<ByteString>, HubError> {
        let mut texts = Vec::new();
        let now = hub.clock.wall();
        if self.what.stats {
            let sample = hub.live_sample().await?;
            let (at, sample) = (sample.what.0, &sample.what.1);
            texts.push(texts::render(&ServerFrame::Stats { at, sample }));
        }
        if self.what.overview {
            let found = hub.overview(&client.context(now)).await?;
            let is_overloaded = found.what.picture.what.admission.is_overloaded();
            let status = hub.health(hub.phase.get(), is_overloaded);
            let is = members(&OverviewDetails::of(hub, status, &found.what));
            texts.extend(self.overview_changed(is));
        }
        if !self.what.services.is_empty() {
            let watched = hub.rows_of(&self.what.services).await?;
            for service in self.what.services.clone() {
                let row = row_of(&watched.rows, &service);
                let window = watched.windows.get(&service).copied();
                let row = row.map(|row| members(&ServiceRowDetails::of(row, window, now)));
                texts.extend(self.service_changed(&service, row));
            }
        }
        if self.what.jobs {
            let jobs = hub.redrives(&client.context(now), RedriveWish::See)?;
            texts.extend(self.jobs_changed(jobs.all().await?));
        }
        Ok(texts)
    }

    fn overview_changed(&mut self, mut is: Map<String, Value>) -> Option<ByteString> {
        is.remove(SAMPLE);
        let at = is.remove("at");
        let mut changed = changes(&self.overview, &is);
        self.overview = is;
        if changed.is_empty() {
            return None;
        }
        changed.extend(at.map(|at| ("at".to_owned(), at)));
        Some(texts::lifted(&ServerFrame::OverviewChanged { changed }))
    }

    /// `is`: the row as it is now; `None`: there is none.
    fn service_changed(
        &mut self,
        service: &ServiceName,
        is: Option<Map<String, Value>>,
    ) -> Option<ByteString> {
        let Some(is) = is else {
            self.rows.remove(service)?;
            let (changed, removed) = (Map::new(), true);
            let frame = ServerFrame::ServiceChanged {
                service,
                removed,
                changed,
            };
            return Some(texts::lifted(&frame));
        };
        let was = self.rows.entry(service.clone()).or_default();
        let mut changed = changes(was, &is);
        *was = is;
        changed.remove("service");
        if changed.is_empty() {
            return None;
        }
        let frame = ServerFrame::ServiceChanged {
            service,
            removed: false,
            changed,
        };
        Some(texts::lifted(&frame))
    }

    /// At first those that are under way.
    fn jobs_changed(&mut self, all: Vec<RedriveJob>) -> Vec<ByteString> {
        let is_news = |job: &RedriveJob| match &self.jobs {
            Some(told) => told.get(&job.job) != Some(job),
            None => matches!(job.status, JobStatus::Running | JobStatus::Paused),
        };
        let changed = all.iter().filter(|job| is_news(job)).cloned();
        let texts = changed.map(|job| {
            let job = JobView::from(job);
            texts::render(&ServerFrame::JobChanged { job })
        });
        let texts = texts.collect();
        self.jobs = Some(all.into_iter().map(|job| (job.job, job)).collect());
        texts
    }
}

/// As it is written, without what changes by itself.
fn members(value: &impl Serialize) -> Map<String, Value> {
    let Ok(Value::Object(mut members)) = serde_json::to_value(value) else {
        return Map::new();
    };
    for age in AGES {
        members.remove(age);
    }
    members
}

/// The members that are not what they were.
fn changes(was: &Map<String, Value>, is: &Map<String, Value>) -> Map<String, Value> {
    let changed = is
        .iter()
        .filter(|(name, value)| was.get(*name) != Some(value));
    changed
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// When the frames are the answer of one second, they are one text.
pub(super) fn at_once(texts: &[ByteString]) -> Option<ByteString> {
    (!texts.is_empty()).then(|| super::super::answers::array(texts))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::timestamp::Timestamp;

    fn watch() -> Watch {
        Watch {
            what: Watched::default(),
            overview: Map::new(),
            rows: BTreeMap::new(),
            jobs: None,
        }
    }

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn said(text: Option<ByteString>) -> Option<Value> {
        text.map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn of_a_service_the_whole_row_is_told_first_and_then_what_changed() {
        let (mut watch, shop) = (watch(), ServiceName::parse("shop").unwrap());
        let mut look = |row: Option<Value>| said(watch.service_changed(&shop, row.map(map)));
        assert_eq!(look(None), None);
        let row = json!({"service": "shop", "queued": 1, "health": "healthy"});
        assert_eq!(
            look(Some(row.clone())),
            Some(
                json!({"type": "service_changed", "service": "shop", "queued": 1, "health": "healthy"})
            )
        );
        assert_eq!(look(Some(row)), None);
        let more = json!({"service": "shop", "queued": 2, "health": "healthy"});
        assert_eq!(
            look(Some(more)),
            Some(json!({"type": "service_changed", "service": "shop", "queued": 2}))
        );
        assert_eq!(
            look(None),
            Some(json!({"type": "service_changed", "service": "shop", "removed": true}))
        );
        assert_eq!(look(None), None);
    }

    #[test]
    fn of_the_overview_only_what_changed_is_told_with_its_time_and_no_sample() {
        let mut watch = watch();
        let mut look = |at: u32, paused: u32| {
            let is =
                json!({"at": at, "status": "healthy", "counts": {"paused": paused}, "sample": at});
            said(watch.overview_changed(map(is)))
        };
        let first = look(1, 0).unwrap();
        assert_eq!(
            first,
            json!({"type": "overview_changed", "at": 1, "status": "healthy", "counts": {"paused": 0}})
        );
        assert_eq!(look(2, 0), None);
        assert_eq!(
            look(3, 1),
            Some(json!({"type": "overview_changed", "at": 3, "counts": {"paused": 1}}))
        );
    }

    #[test]
    fn of_jobs_those_under_way_are_told_first_and_then_each_that_changed() {
        let job = |n: u128, status| {
            let mut job =
                RedriveJob::begun(JobId(uuid::Uuid::from_u128(n)), Timestamp::default(), 1.0);
            job.status = status;
            job
        };
        let mut watch = watch();
        let (done, runs) = (job(1, JobStatus::Done), job(2, JobStatus::Running));
        assert_eq!(
            watch.jobs_changed(vec![done.clone(), runs.clone()]).len(),
            1
        );
        assert!(
            watch
                .jobs_changed(vec![done.clone(), runs.clone()])
                .is_empty()
        );
        let mut further = runs;
        further.redriven = 5;
        let told = watch.jobs_changed(vec![done, further]);
        let told: Value = serde_json::from_str(&told[0]).unwrap();
        assert_eq!(
            (&told["type"], &told["job"]["redriven"]),
            (&json!("job_changed"), &json!(5))
        );
    }
}
