//! A registration as a service sends it, checked field by field.

pub(crate) mod address;
pub(crate) mod dependencies;
mod endpoints;
mod items;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{self, Field};
use crate::api::unknown::Ignored;
use crate::domain::ids::{InstanceId, Label, MessageType, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::service::{HealthCheck, Registration};
use crate::domain::timestamp::Timestamp;
use crate::hub::access::must_not_be_the_hub;
use crate::hub::error::{HubError, Subject};
use crate::hub::settings::RegistrationRules;
use crate::logic::limits::Limit;
use address::{address, default_instance_id, path};
use items::items;

const SUBJECT: Subject = Subject::Request;
/// What a registration may ask for in a later version.
const PROMISED: [&str; 2] = ["mailbox", "topics"];
/// How many messages an instance takes at once unless it says otherwise.
const DEFAULT_MAX_IN_FLIGHT: u32 = 128;
const MOST_IN_FLIGHT: u64 = 10_000;
const DEFAULT_WEIGHT: u32 = 1;
const MOST_WEIGHT: u64 = 1000;
const MOST_CAPABILITIES: usize = 100;
/// Of what an instance is asked for or promises again and again.
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    service: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    name: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    version: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    url: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    instance_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    message_endpoint: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    endpoints: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    health_check: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    weight: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    capabilities: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    max_in_flight: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    ttl: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    dependencies: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    endpoint: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    interval: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    timeout: Option<&'a RawValue>,
}

/// Reads a registration. `route` is the service named by the path, if it names one.
///
/// # Errors
/// 400 with the field.
pub(crate) fn read(
    text: &str,
    route: Option<ServiceName>,
    rules: &RegistrationRules,
    now: Timestamp,
) -> Result<(Registration, Ignored), HubError> {
    let (body, mut ignored): (Body<'_>, _) = fields::noting(SUBJECT, text)?;
    ignored.check_promises(SUBJECT, &PROMISED)?;
    let address = address(body.url, body.message_endpoint, &rules.deny)?;
    let instance_id = match given("instance_id", body.instance_id) {
        Some(field) => field.name(InstanceId::given_segment)?,
        None => default_instance_id(address.as_ref()),
    };
    let registration = Registration {
        service: service(&body, route)?,
        instance_id,
        registered_at: now,
        version: optional("version", body.version, |field| field.name(Label::given))?,
        address: address.map(Arc::new),
        health_check: optional("health_check", body.health_check, |field| {
            health_check(field, rules.min_check_interval, &mut ignored)
        })?,
        max_in_flight: number(
            ("max_in_flight", body.max_in_flight),
            (1, MOST_IN_FLIGHT),
            DEFAULT_MAX_IN_FLIGHT,
        )?,
        endpoints: optional("endpoints", body.endpoints, |field| {
            endpoints::endpoints(field, &mut ignored)
        })?
        .unwrap_or_default(),
        metadata: optional("metadata", body.metadata, |field| {
            metadata(field, rules.most_metadata)
        })?,
        weight: number(("weight", body.weight), (0, MOST_WEIGHT), DEFAULT_WEIGHT)?,
        capabilities: optional("capabilities", body.capabilities, capabilities)?
            .unwrap_or_default(),
        ttl_ms: optional("ttl", body.ttl, period)?,
        dependencies: optional("dependencies", body.dependencies, |field| {
            dependencies::dependencies(field, &mut ignored)
        })?
        .unwrap_or_default(),
    };
    Ok((registration, ignored))
}

fn given<'a>(name: &'a str, json: Option<&'a RawValue>) -> Option<Field<'a>> {
    Field::given(SUBJECT, name, json)
}

/// What `read` makes of the field, if it is there.
fn optional<'a, T>(
    name: &'a str,
    json: Option<&'a RawValue>,
    read: impl FnOnce(Field<'a>) -> Result<T, HubError>,
) -> Result<Option<T>, HubError> {
    given(name, json).map(read).transpose()
}

fn number(
    (name, json): (&str, Option<&RawValue>),
    (least, most): (u64, u64),
    usual: u32,
) -> Result<u32, HubError> {
    let number = optional(name, json, |field| field.whole(least, most))?;
    Ok(number.map_or(usual, |number| number as u32))
}

fn service(body: &Body<'_>, route: Option<ServiceName>) -> Result<ServiceName, HubError> {
    let mut known = route.map(|service| (service, "the service in the path"));
    for (name, json) in [("service", body.service), ("name", body.name)] {
        let Some(field) = given(name, json) else {
            continue;
        };
        let service = field.new_service()?;
        match &known {
            None => known = Some((service, name)),
            Some((same, _)) if *same == service => {}
            Some((_, where_it_is)) => {
                return Err(field.wrong(format!("differs from {where_it_is}")));
            }
        }
    }
    let (service, _) = known.ok_or_else(|| HubError::invalid(SUBJECT, "service", "is required"))?;
    must_not_be_the_hub(&service, "service")?;
    Ok(service)
}

/// Types of messages.
fn capabilities(field: Field<'_>) -> Result<Vec<MessageType>, HubError> {
    let mut types = Vec::new();
    for (index, json) in items(field, MOST_CAPABILITIES)?.into_iter().enumerate() {
        let name = format!("{}[{index}]", field.name);
        let item = Field {
            subject: SUBJECT,
            name: &name,
            json,
        };
        types.push(item.name(MessageType::given_interned)?);
    }
    Ok(types)
}

/// In milliseconds.
fn period(field: Field<'_>) -> Result<u64, HubError> {
    let period = field.duration()?;
    if period < SHORTEST_PERIOD {
        return Err(field.wrong("must be at least 0.1 seconds"));
    }
    Ok(period.as_millis() as u64)
}

/// Between two checks, in milliseconds.
fn interval(field: Field<'_>, least: Duration) -> Result<u64, HubError> {
    let interval = period(field)?;
    if Duration::from_millis(interval) < least {
        let least = least.as_secs_f64();
        return Err(field.wrong(format!("must be at least {least} s (min_check_interval)")));
    }
    Ok(interval)
}

/// A path, or an object with a path.
fn health_check(
    field: Field<'_>,
    least: Duration,
    ignored: &mut Ignored,
) -> Result<HealthCheck, HubError> {
    if field.json.get().starts_with('"') {
        return Ok(HealthCheck {
            endpoint: path(field)?,
            interval_ms: None,
            timeout_ms: None,
        });
    }
    if !field.json.get().starts_with('{') {
        let problem = "must be a path, or an object with endpoint, interval and timeout";
        return Err(field.wrong(problem));
    }
    let (body, unknown) = field.noting::<CheckBody<'_>>()?;
    ignored.add_of(field.name, &unknown);
    let endpoint = Field::required(SUBJECT, "health_check.endpoint", body.endpoint)?;
    Ok(HealthCheck {
        endpoint: path(endpoint)?,
        interval_ms: optional("health_check.interval", body.interval, |field| {
            interval(field, least)
        })?,
        timeout_ms: optional("health_check.timeout", body.timeout, period)?,
    })
}

fn metadata(field: Field<'_>, most: usize) -> Result<JsonText, HubError> {
    if !field.json.get().starts_with('{') {
        return Err(field.wrong("must be an object"));
    }
    if field.json.get().len() > most {
        let limit = Limit::MetadataBytes.name();
        return Err(field.wrong(format!(
            "must be at most {most} bytes long, which is {limit}"
        )));
    }
    Ok(field.json())
}

#[cfg(test)]
mod tests;
