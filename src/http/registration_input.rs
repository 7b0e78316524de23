//! A registration as a service sends it.

pub(crate) mod address;
pub(crate) mod dependencies;
mod endpoints;
mod health_check;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api;
use crate::api::field::{BodyField, field};
use crate::api::lists::List;
use crate::api::numbers::WholeNumber;
use crate::api::objects::Noted;
use crate::api::problem::Problem;
use crate::api::texts::{NewInstance, NewLabel, NewMessageType, NewService};
use crate::api::unknown::Ignored;
use crate::domain::ids::{MessageType, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::service::Registration;
use crate::domain::timestamp::Timestamp;
use crate::hub::access::must_not_be_the_hub;
use crate::hub::error::{HubError, Subject};
use crate::hub::settings::RegistrationRules;
use crate::logic::limits::Limit;
use address::{InstanceUrl, LocalPath, default_instance_id};
use dependencies::DependencyBody;
use endpoints::{EndpointBody, Endpoints};
use health_check::{HealthCheckField, Period};

const SUBJECT: Subject = Subject::Request;
/// What a registration may ask for in a later version.
const PROMISED: [&str; 2] = ["mailbox", "topics"];
/// How many messages an instance takes at once unless it says otherwise.
const DEFAULT_MAX_IN_FLIGHT: u32 = 128;
const DEFAULT_WEIGHT: u32 = 1;

/// An instance of a service. Unknown fields are left out and named in the answer; null means that a
/// field is not given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RegistrationInput, example = json!({
    "service": "billing",
    "version": "1.0.0",
    "url": "http://10.0.0.5:8080",
    "health_check": {"endpoint": "/health", "interval": 30}
}))]
pub(crate) struct RegistrationBody {
    /// Required here or in the path; if in both, they must agree.
    service: Option<NewService>,
    /// Another name for `service`; if both are given, they must agree.
    name: Option<NewService>,
    version: Option<NewLabel>,
    /// Where messages are pushed to: `http` or `https`, without query, fragment or credentials.
    /// Without it the service pulls.
    #[schema(inline)]
    url: Option<InstanceUrl>,
    /// What is registered again under the same id replaces what was there. Made of the `url` if not
    /// given, or `default` if there is none.
    instance_id: Option<NewInstance>,
    /// Where below `url` messages are posted.
    #[schema(default = "/messages")]
    message_endpoint: Option<LocalPath>,
    /// Routes the instance serves; shown, never called.
    #[schema(value_type = Option<Vec<EndpointBody>>, max_items = 1000)]
    endpoints: Option<Endpoints>,
    /// Asked where there is a `url`. Without it the hub judges by heartbeats and deliveries.
    health_check: Option<HealthCheckField>,
    /// Its share of the messages, compared with the other instances; 0: only if no other is left.
    #[schema(inline, default = 1)]
    weight: Option<WholeNumber<0, 1000>>,
    /// The types of message it takes; all if empty or not given.
    #[schema(value_type = Option<Vec<MessageType>>, max_items = 100)]
    capabilities: Option<List<NewMessageType, 100>>,
    /// How many messages the instance takes at once.
    #[schema(inline, default = 128)]
    max_in_flight: Option<WholeNumber<1, 10_000>>,
    /// It promises a heartbeat at least every so many seconds, and is unhealthy without.
    #[schema(inline)]
    ttl: Option<Period>,
    /// Services it needs.
    #[schema(value_type = Option<Vec<DependencyBody>>, max_items = 100)]
    dependencies: Option<List<Noted<DependencyBody>, 100>>,
    /// Anything, shown to those who look the service up.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
}

struct Metadata(JsonText);

impl BodyField for Metadata {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        match json.get().starts_with('{') {
            true => Ok(Self(JsonText::new(json.to_owned()))),
            false => Err(Problem::new("must be an object")),
        }
    }
}

field!(Metadata);

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
    let (body, mut ignored) = api::body::data::<RegistrationBody>(SUBJECT, text)?;
    ignored.check_promises(SUBJECT, &PROMISED)?;
    let registration = body.registration(route, rules, now, &mut ignored)?;
    Ok((registration, ignored))
}

impl RegistrationBody {
    fn registration(
        self,
        route: Option<ServiceName>,
        rules: &RegistrationRules,
        now: Timestamp,
        ignored: &mut Ignored,
    ) -> Result<Registration, HubError> {
        let service = service(route, self.service, self.name)?;
        let address = match self.url {
            Some(url) => Some(url.address(self.message_endpoint, &rules.deny)?),
            None => None,
        };
        let health_check = match self.health_check {
            Some(check) => Some(check.health_check(rules.min_check_interval, ignored)?),
            None => None,
        };
        let metadata = self.metadata.map(|metadata| metadata.0);
        check_length(metadata.as_ref(), rules.most_metadata)?;
        Ok(Registration {
            service,
            instance_id: match self.instance_id {
                Some(id) => id.0,
                None => default_instance_id(address.as_ref()),
            },
            registered_at: now,
            version: self.version.map(|version| version.0),
            address: address.map(Arc::new),
            health_check,
            max_in_flight: self
                .max_in_flight
                .map_or(DEFAULT_MAX_IN_FLIGHT, |most| most.0 as u32),
            endpoints: self
                .endpoints
                .map_or_else(Vec::new, |list| list.endpoints(ignored)),
            metadata,
            weight: self.weight.map_or(DEFAULT_WEIGHT, |weight| weight.0 as u32),
            capabilities: self.capabilities.map_or_else(Vec::new, |types| {
                types.0.into_iter().map(|word| word.0).collect()
            }),
            ttl_ms: self.ttl.map(|ttl| ttl.0),
            dependencies: self
                .dependencies
                .map_or_else(Vec::new, |list| dependencies::dependencies(list, ignored)),
        })
    }
}

fn service(
    route: Option<ServiceName>,
    service: Option<NewService>,
    name: Option<NewService>,
) -> Result<ServiceName, HubError> {
    let mut known = route.map(|service| (service, "the service in the path"));
    for (field, given) in [("service", service), ("name", name)] {
        let Some(NewService(service)) = given else {
            continue;
        };
        match &known {
            None => known = Some((service, field)),
            Some((same, _)) if *same == service => {}
            Some((_, where_it_is)) => {
                let problem = format!("differs from {where_it_is}");
                return Err(HubError::invalid(SUBJECT, field, problem));
            }
        }
    }
    let (service, _) = known.ok_or_else(|| HubError::invalid(SUBJECT, "service", "is required"))?;
    must_not_be_the_hub(&service, "service")?;
    Ok(service)
}

fn check_length(metadata: Option<&JsonText>, most: usize) -> Result<(), HubError> {
    if metadata.is_some_and(|metadata| metadata.as_json().len() > most) {
        let limit = Limit::MetadataBytes.name();
        let problem = format!("must be at most {most} bytes long, which is {limit}");
        return Err(HubError::invalid(SUBJECT, "metadata", problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
