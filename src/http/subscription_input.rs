//! A subscription as a client gives it, checked field by field.

use std::sync::Arc;

use rand::RngExt;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{self, Field};
use super::web_address::WebAddress;
use crate::domain::deny_list::DenyList;
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{Callback, SigningSecret};
use crate::hub::access::Principal;
use crate::hub::error::{HubError, Subject};
use crate::hub::subscriptions::{CallbackTerms, SubscriptionChange, WantedSubscription};
use crate::logic::webhook::{make_secret, parse_secret};

pub(crate) const SUBJECT: Subject = Subject::Subscription;
const MOST_TYPES: usize = 1000;
const MOST_IN_FLIGHT: u64 = 1000;
/// The archive counts in 63 bits.
const LAST_SEQUENCE: u64 = i64::MAX as u64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    service: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    event_types: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    callback_url: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    durable: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    from_sequence: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    secret: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    max_in_flight: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changes<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    event_types: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    callback_url: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    secret: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    max_in_flight: Option<&'a RawValue>,
}

fn given<'a>(name: &'a str, json: Option<&'a RawValue>) -> Option<Field<'a>> {
    Field::given(SUBJECT, name, json)
}

/// # Errors
/// 400 with the field; 403 for who subscribes in the name of another.
pub(crate) fn wanted(
    text: &str,
    caller: &Principal,
    deny: &DenyList,
) -> Result<WantedSubscription, HubError> {
    let body: Body<'_> = fields::object(SUBJECT, text)?;
    let service = given("service", body.service).map(|field| field.new_service());
    let service = caller.acting_for(SUBJECT, "service", service.transpose()?)?;
    let types = Field::required(SUBJECT, "event_types", body.event_types)?;
    let url = Field::required(SUBJECT, "callback_url", body.callback_url)?;
    let durable = given("durable", body.durable).map(|field| field.parse("true or false"));
    let durable = durable.transpose()?;
    let from = given("from_sequence", body.from_sequence);
    let from = from.map(|field| field.whole(0, LAST_SEQUENCE));
    let secret = given("secret", body.secret).map(secret).transpose()?;
    let in_flight = given("max_in_flight", body.max_in_flight).map(max_in_flight);
    let in_flight = in_flight.transpose()?;
    Ok(WantedSubscription {
        service,
        event_types: event_types(types)?,
        callback: Callback {
            url: callback_url(url, deny)?,
            secret: secret
                .clone()
                .unwrap_or_else(|| make_secret(rand::rng().random())),
            max_in_flight: in_flight.unwrap_or(1),
            previous: None,
            durable: durable.unwrap_or(true),
        },
        // The first event has the number 1.
        from_sequence: from.transpose()?.map(|from| from.max(1)),
        terms: CallbackTerms {
            durable,
            secret,
            max_in_flight: in_flight,
        },
    })
}

/// # Errors
/// 400 with the field.
pub(crate) fn changed(text: &str, deny: &DenyList) -> Result<SubscriptionChange, HubError> {
    let body: Changes<'_> = fields::object(SUBJECT, text)?;
    let types = Field::narrowing(SUBJECT, "event_types", body.event_types)?.map(event_types);
    let url = given("callback_url", body.callback_url);
    let secret = given("secret", body.secret).map(secret);
    let in_flight = given("max_in_flight", body.max_in_flight).map(max_in_flight);
    Ok(SubscriptionChange {
        event_types: types.transpose()?,
        callback_url: url.map(|field| callback_url(field, deny)).transpose()?,
        secret: secret.transpose()?,
        max_in_flight: in_flight.transpose()?,
    })
}

fn event_types(field: Field<'_>) -> Result<Arc<[Pattern]>, HubError> {
    let problem = format!("must have 1 to {MOST_TYPES} patterns");
    let patterns = field.patterns(MOST_TYPES, "a list of patterns", &problem)?;
    match patterns.is_empty() {
        true => Err(field.wrong(problem)),
        false => Ok(patterns.into()),
    }
}

fn callback_url(field: Field<'_>, deny: &DenyList) -> Result<String, HubError> {
    let problem =
        "must be an address such as http://10.0.0.5:8080/events or https://shop.example/events";
    let WebAddress { text, uri } = WebAddress::read(field, problem)?;
    if uri.host().is_some_and(|host| deny.denies_host(host)) {
        return Err(field.wrong("leads to an address on the list outgoing_deny"));
    }
    Ok(text)
}

fn secret(field: Field<'_>) -> Result<SigningSecret, HubError> {
    parse_secret(&field.text()?).map_err(|error| field.wrong(error))
}

fn max_in_flight(field: Field<'_>) -> Result<u32, HubError> {
    let number = field.whole(1, MOST_IN_FLIGHT)?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::ids::ServiceName;

    fn caller(is_operator: bool) -> Principal {
        Principal {
            name: ServiceName::parse("shop").ok(),
            is_operator,
        }
    }

    fn read(changes: &Value) -> Result<WantedSubscription, HubError> {
        let mut body = json!({
            "service": "billing",
            "event_types": ["order.*"],
            "callback_url": "http://127.0.0.1:9/events?x=1",
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        wanted(&body.to_string(), &caller(true), &DenyList::default())
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let wanted = read(&json!({})).unwrap();
        assert_eq!(wanted.callback.max_in_flight, 1);
        assert!(wanted.callback.durable);
        assert_eq!(wanted.from_sequence, None);
        assert!(wanted.callback.secret.expose().starts_with("whsec_"));
        let first = read(&json!({"from_sequence": 0})).unwrap();
        assert_eq!(first.from_sequence, Some(1));
        let own = read(&json!({"service": null})).unwrap();
        assert_eq!(own.service.as_str(), "shop");
    }

    #[test]
    fn the_same_callback_has_one_spelling() {
        let url = |url: &str| read(&json!({"callback_url": url})).unwrap().callback.url;
        let one = url("https://localhost:1/Events?A=B");
        assert_eq!(url("HTTPS://LOCALHOST:1/Events?A=B"), one);
        assert_ne!(url("https://localhost:1/events?a=b"), one);
        let body = json!({"callback_url": "HTTP://H/X"}).to_string();
        let changed = changed(&body, &DenyList::default()).unwrap();
        assert_eq!(changed.callback_url.as_deref(), Some("http://h/X"));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let long = "http://a/".to_owned() + &"x".repeat(2000);
        for (field, value) in [
            ("service", json!("a b")),
            ("service", json!(7)),
            ("event_types", json!(null)),
            ("event_types", json!([])),
            ("event_types", json!("order")),
            ("event_types", json!([1])),
            ("event_types", json!(["a..b"])),
            ("event_types", json!(["a.b*"])),
            ("event_types", json!(["a\u{202e}b"])),
            ("callback_url", json!("http://a/b\u{202e}c")),
            ("event_types", json!(vec!["a"; 1001])),
            ("callback_url", json!(null)),
            ("callback_url", json!("/events")),
            ("callback_url", json!("ftp://a/")),
            ("callback_url", json!("https://[::1]/")),
            ("callback_url", json!("http://user@a/")),
            ("callback_url", json!("http://a:99999/")),
            ("callback_url", json!("http://a/#b")),
            ("callback_url", json!("http://169.254.169.254/latest")),
            ("callback_url", json!("http://[fe80::1]/")),
            ("callback_url", json!("https://169.254.169.254/latest")),
            ("callback_url", json!("https://metadata/latest")),
            ("callback_url", json!("http://metadata.google.internal/")),
            ("callback_url", json!(long)),
            ("durable", json!("yes")),
            ("from_sequence", json!(-1)),
            ("from_sequence", json!(1.5)),
            ("from_sequence", json!("1")),
            ("secret", json!("whsec_")),
            ("secret", json!("c2VjcmV0")),
            ("max_in_flight", json!(0)),
            ("max_in_flight", json!(1001)),
        ] {
            let error = read(&json!({field: value})).unwrap_err();
            assert_eq!(
                error.code().name(),
                "INVALID_SUBSCRIPTION",
                "{field} {value}"
            );
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }

    #[test]
    fn nobody_subscribes_in_the_name_of_another() {
        let body = json!({
            "service": "billing", "event_types": ["#"], "callback_url": "http://127.0.0.1:9",
        });
        let asked = wanted(&body.to_string(), &caller(false), &DenyList::default());
        assert_eq!(asked.unwrap_err().status_code().as_u16(), 403);
    }

    #[test]
    fn nobody_subscribes_as_the_hub_itself() {
        for name in ["message-hub", "Message-Hub"] {
            let error = read(&json!({"service": name})).unwrap_err();
            assert_eq!(error.status_code().as_u16(), 403);
            let caller = Principal {
                name: ServiceName::parse(name).ok(),
                is_operator: true,
            };
            let body = json!({"event_types": ["#"], "callback_url": "http://127.0.0.1:9"});
            let asked = wanted(&body.to_string(), &caller, &DenyList::default());
            assert_eq!(asked.unwrap_err().status_code().as_u16(), 403);
        }
    }

    #[test]
    fn a_long_pattern_is_not_repeated_whole() {
        let error = read(&json!({"event_types": ["q".repeat(900_000)]})).unwrap_err();
        assert!(error.to_string().len() < 250, "{}", error.to_string().len());
    }

    #[test]
    fn changes_are_checked_as_well() {
        let read = |body: Value| changed(&body.to_string(), &DenyList::default());
        let none = read(json!({})).unwrap();
        assert!(none.event_types.is_none() && none.callback_url.is_none());
        assert_eq!(
            read(json!({"max_in_flight": 7})).unwrap().max_in_flight,
            Some(7)
        );
        for (field, value) in [
            ("event_types", json!([])),
            ("event_types", json!(null)),
            ("callback_url", json!("https://a:0")),
            ("secret", json!("x")),
            ("max_in_flight", json!(-1)),
        ] {
            let error = read(json!({field: value})).unwrap_err();
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }
}
