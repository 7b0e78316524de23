//! A registration as a service sends it, checked field by field (contract, section 7).

use actix_web::http::Uri;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{self, Field};
use crate::domain::ids::{Label, ServiceName};
use crate::domain::service::{Address, Endpoint, HealthCheck, Registration};
use crate::domain::timestamp::Timestamp;
use crate::error::{HubError, Subject};

const SUBJECT: Subject = Subject::Request;
/// How many messages an instance takes at once unless it says otherwise.
const DEFAULT_MAX_IN_FLIGHT: u32 = 128;
const MOST_IN_FLIGHT: u64 = 10_000;

#[derive(Deserialize)]
pub struct Body<'a> {
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
    max_in_flight: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub struct CheckBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    endpoint: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    interval: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    timeout: Option<&'a RawValue>,
}

/// Reads a registration. `path` is the service named by the route, if it names one.
///
/// # Errors
/// 400 with the field.
pub fn read(
    text: &str,
    path: Option<ServiceName>,
    now: Timestamp,
) -> Result<Registration, HubError> {
    let body: Body<'_> = fields::object(SUBJECT, text)?;
    let given = |name, json| Field::given(SUBJECT, name, json);
    let address = address(&body)?;
    let health_check = given("health_check", body.health_check)
        .map(health_check)
        .transpose()?;
    if health_check.is_some() && address.is_none() {
        return Err(HubError::invalid(
            SUBJECT,
            "url",
            "is required for a health_check",
        ));
    }
    let instance_id = match given("instance_id", body.instance_id) {
        Some(field) => field.label()?,
        None => default_instance_id(address.as_ref()),
    };
    let endpoints = given("endpoints", body.endpoints);
    let max_in_flight = given("max_in_flight", body.max_in_flight);
    let max_in_flight = max_in_flight
        .map(|field| field.whole(1, MOST_IN_FLIGHT))
        .transpose()?;
    Ok(Registration {
        service: service(&body, path)?,
        instance_id,
        registered_at: now,
        version: given("version", body.version)
            .map(|field| field.label())
            .transpose()?,
        address,
        health_check,
        max_in_flight: max_in_flight.map_or(DEFAULT_MAX_IN_FLIGHT, |number| number as u32),
        endpoints: endpoints
            .map(|field| field.parse::<Vec<Endpoint>>("an array of {\"path\", \"methods\"}"))
            .transpose()?
            .unwrap_or_default(),
        metadata: given("metadata", body.metadata).map(metadata).transpose()?,
        weight: 1,
        capabilities: Vec::new(),
        ttl_ms: None,
        dependencies: Vec::new(),
        draining_since: None,
    })
}

fn service(body: &Body<'_>, path: Option<ServiceName>) -> Result<ServiceName, HubError> {
    let field = Field::given(SUBJECT, "service", body.service)
        .or_else(|| Field::given(SUBJECT, "name", body.name));
    match (field, path) {
        (None, Some(path)) => Ok(path),
        (None, None) => Err(HubError::invalid(SUBJECT, "service", "is required")),
        (Some(field), None) => field.service(),
        (Some(field), Some(path)) => match field.service()? {
            service if service == path => Ok(path),
            _ => Err(field.wrong("differs from the service in the path")),
        },
    }
}

/// The same address is the same instance, so that a restarted service replaces itself; and so is
/// every registration without one. Without slashes, so that it fits into a path.
fn default_instance_id(address: Option<&Address>) -> Label {
    let Some(address) = address else {
        return Label::parse("default").expect("a label");
    };
    let url = address.message_url();
    let short = url
        .trim_start_matches("http://")
        .trim_end_matches("/messages");
    Label::parse(&short.replace('/', "_")).unwrap_or_else(|_| {
        let digest = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, url.as_bytes());
        Label::parse(&digest.to_string()).expect("a UUID is a label")
    })
}

fn address(body: &Body<'_>) -> Result<Option<Address>, HubError> {
    let endpoint = Field::given(SUBJECT, "message_endpoint", body.message_endpoint);
    let endpoint = endpoint.map(path).transpose()?;
    let Some(field) = Field::given(SUBJECT, "url", body.url) else {
        return Ok(None);
    };
    let text = field.text()?;
    let problem = "must be an address such as http://10.0.0.5:8080, with a path at most";
    let uri: Uri = text.parse().map_err(|_| field.wrong(problem))?;
    if uri.scheme_str() == Some("https") {
        return Err(field.wrong("https is not supported; put the hub and its services on one network, or a proxy between"));
    }
    let plain = uri.scheme_str() == Some("http")
        && uri.host().is_some_and(|host| !host.is_empty())
        && uri.query().is_none()
        && !uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'));
    if !plain || text.len() > 2000 {
        return Err(field.wrong(problem));
    }
    Ok(Some(Address {
        url: text.trim_end_matches('/').to_owned(),
        message_endpoint: endpoint.unwrap_or_else(|| "/messages".to_owned()),
    }))
}

/// A path below an address.
fn path(field: Field<'_>) -> Result<String, HubError> {
    let text = field.text()?;
    let fits = text.starts_with('/') && text.len() <= 1000 && text.parse::<Uri>().is_ok();
    if !fits {
        return Err(field.wrong("must be a path that begins with /"));
    }
    Ok(text.into_owned())
}

/// A path, or an object with a path.
fn health_check(field: Field<'_>) -> Result<HealthCheck, HubError> {
    if field.json.get().starts_with('"') {
        let endpoint = path(field)?;
        return Ok(HealthCheck {
            endpoint,
            interval_ms: None,
            timeout_ms: None,
        });
    }
    let body: CheckBody<'_> = serde_json::from_str(field.json.get()).map_err(|_| {
        field.wrong("must be a path, or an object with endpoint, interval and timeout")
    })?;
    let endpoint = Field::required(SUBJECT, "health_check.endpoint", body.endpoint)?;
    let millis = |name, json| {
        let field = Field::given(SUBJECT, name, json);
        field
            .map(|field| field.positive_duration().map(|d| d.as_millis() as u64))
            .transpose()
    };
    Ok(HealthCheck {
        endpoint: path(endpoint)?,
        interval_ms: millis("health_check.interval", body.interval)?,
        timeout_ms: millis("health_check.timeout", body.timeout)?,
    })
}

fn metadata(field: Field<'_>) -> Result<crate::domain::message::Payload, HubError> {
    if !field.json.get().starts_with('{') {
        return Err(field.wrong("must be an object"));
    }
    Ok(field.json())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Registration, HubError> {
        read(text, None, Timestamp::default())
    }

    fn field_of(text: &str) -> String {
        match read_text(text) {
            Err(HubError::Invalid {
                field,
                subject: Subject::Request,
                ..
            }) => field,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn reads_the_form_of_the_interface_document() {
        let registration = read_text(
            r#"{"service":"billing","version":"1.0.0","url":"http://127.0.0.1:9/",
                "endpoints":[{"path":"/api","methods":["GET"]}],
                "health_check":{"endpoint":"/health","interval":30}}"#,
        )
        .unwrap();
        let address = registration.address.unwrap();
        assert_eq!(address.message_url(), "http://127.0.0.1:9/messages");
        assert_eq!(registration.health_check.unwrap().interval_ms, Some(30_000));
        assert_eq!(registration.max_in_flight, DEFAULT_MAX_IN_FLIGHT);
        assert_eq!(registration.instance_id.as_str(), "127.0.0.1:9");
    }

    #[test]
    fn the_same_address_is_the_same_instance() {
        let id = |text| read_text(text).unwrap().instance_id;
        let url = r#"{"name":"a","url":"http://h:1"}"#;
        assert_eq!(id(url), id(url));
        assert_eq!(id(r#"{"name":"a"}"#).as_str(), "default");
        assert_eq!(
            id(r#"{"name":"a","url":"http://h:1/x/"}"#).as_str(),
            "h:1_x"
        );
        let long = format!(r#"{{"name":"a","url":"http://h/{}"}}"#, "p".repeat(300));
        assert_eq!(id(&long).as_str().len(), 36);
    }

    #[test]
    fn every_wrong_field_is_named() {
        for (text, field) in [
            ("[]", "body"),
            ("{}", "service"),
            (r#"{"service":"a b"}"#, "service"),
            (r#"{"service":"a","url":"ftp://h"}"#, "url"),
            (r#"{"service":"a","url":"http://"}"#, "url"),
            (r#"{"service":"a","url":"h:1"}"#, "url"),
            (r#"{"service":"a","url":"https://h"}"#, "url"),
            (r#"{"service":"a","url":"http://u:p@h"}"#, "url"),
            (r#"{"service":"a","url":5}"#, "url"),
            (
                r#"{"service":"a","message_endpoint":"x"}"#,
                "message_endpoint",
            ),
            (r#"{"service":"a","health_check":"/h"}"#, "url"),
            (
                r#"{"service":"a","url":"http://h","health_check":{}}"#,
                "health_check.endpoint",
            ),
            (
                r#"{"service":"a","url":"http://h","health_check":{"endpoint":"/h","interval":0}}"#,
                "health_check.interval",
            ),
            (r#"{"service":"a","max_in_flight":0}"#, "max_in_flight"),
            (r#"{"service":"a","max_in_flight":1.5}"#, "max_in_flight"),
            (r#"{"service":"a","metadata":[]}"#, "metadata"),
            (r#"{"service":"a","endpoints":{}}"#, "endpoints"),
            (r#"{"service":"a","service":"b"}"#, "service"),
        ] {
            assert_eq!(field_of(text), field, "{text}");
        }
    }
}
