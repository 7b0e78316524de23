//! How an instance is asked whether it is well, and how often.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::address::LocalPath;
use crate::api::field::{BodyField, field};
use crate::api::numbers::{LONGEST, Seconds, number};
use crate::api::objects::Noted;
use crate::api::problem::Problem;
use crate::api::unknown::Ignored;
use crate::domain::service::HealthCheck;
use crate::hub::error::{HubError, Subject};

/// Of what an instance is asked for or promises again and again.
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);

/// How to ask the instance whether it is well: a path below its `url`, or more.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = HealthCheckInput)]
pub(crate) enum HealthCheckField {
    Path(LocalPath),
    Object(CheckBody),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HealthCheck)]
pub(crate) struct CheckBody {
    endpoint: LocalPath,
    /// Seconds between two checks; `service_check_interval` if not given. At least
    /// `min_check_interval`.
    #[schema(inline)]
    interval: Option<Period>,
    /// Seconds to wait for an answer; `service_timeout` if not given.
    #[schema(inline)]
    timeout: Option<Period>,
    /// Names of fields that are not known.
    #[serde(skip)]
    #[schema(ignore)]
    ignored: Ignored,
}

impl BodyField for HealthCheckField {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        match json.get().as_bytes().first() {
            Some(b'"') => LocalPath::read(json).map(Self::Path),
            Some(b'{') => {
                let Noted { value, ignored } = Noted::<CheckBody>::read(json)?;
                Ok(Self::Object(CheckBody { ignored, ..value }))
            }
            _ => {
                let problem = "must be a path, or an object with endpoint, interval and timeout";
                Err(Problem::new(problem))
            }
        }
    }
}

field!(HealthCheckField);

impl HealthCheckField {
    /// # Errors
    /// 400 for checks that come sooner than `least` one after the other.
    pub(super) fn health_check(
        self,
        least: Duration,
        ignored: &mut Ignored,
    ) -> Result<HealthCheck, HubError> {
        let body = match self {
            Self::Path(LocalPath(endpoint)) => {
                return Ok(HealthCheck {
                    endpoint,
                    interval_ms: None,
                    timeout_ms: None,
                });
            }
            Self::Object(body) => body,
        };
        ignored.add_of("health_check", &body.ignored);
        let interval = body.interval.map(|period| period.0);
        if interval.is_some_and(|interval| Duration::from_millis(interval) < least) {
            let least = least.as_secs_f64();
            let problem = format!("must be at least {least} s (min_check_interval)");
            let field = "health_check.interval";
            return Err(HubError::invalid(Subject::Request, field, problem));
        }
        Ok(HealthCheck {
            endpoint: body.endpoint.0,
            interval_ms: interval,
            timeout_ms: body.timeout.map(|period| period.0),
        })
    }
}

/// In milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Period(pub(super) u64);

impl BodyField for Period {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let Seconds(period) = Seconds::read(json)?;
        match period < SHORTEST_PERIOD {
            true => Err(Problem::new("must be at least 0.1 seconds")),
            false => Ok(Self(period.as_millis() as u64)),
        }
    }
}

field!(Period, number().minimum(Some(0.1)).maximum(Some(LONGEST)));
