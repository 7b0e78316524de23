//! A subscription as a client gives it.

use std::sync::Arc;

use rand::RngExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::web_address::{self, WebAddress};
use crate::api;
use crate::api::field::{BodyField, Narrowing, field, text};
use crate::api::numbers::{Flag, LAST_SEQUENCE, WholeNumber};
use crate::api::patterns::patterns;
use crate::api::problem::Problem;
use crate::api::texts::NewService;
use crate::domain::deny_list::DenyList;
use crate::domain::pattern::Pattern;
use crate::domain::subscription::{Callback, SigningSecret};
use crate::hub::access::Principal;
use crate::hub::error::{HubError, Subject};
use crate::hub::subscriptions::{CallbackTerms, WantedSubscription};
use crate::logic::subscription_registry::changes::SubscriptionChange;
use crate::logic::webhook::{make_secret, parse_secret};

pub(crate) const SUBJECT: Subject = Subject::Subscription;
const MOST_TYPES: usize = 1000;

/// Which events to send where.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubscriptionInput, example = json!({"service": "billing", "event_types": ["order.*"], "callback_url": "http://10.0.0.5:8080/events"}))]
pub(crate) struct SubscriptionBody {
    /// The caller, by its `X-Service-Name`, if not given.
    service: Option<NewService>,
    #[schema(value_type = Vec<Pattern>, min_items = 1, max_items = 1000)]
    event_types: EventTypes,
    /// With http or https.
    #[schema(inline)]
    callback_url: CallbackUrl,
    /// Whether it outlives a restart of the hub.
    #[schema(inline, default = true)]
    durable: Option<Flag>,
    /// The first event that is meant, at most the next one to come; 0 and 1: the very first. What
    /// is published from now on if not given.
    #[schema(inline)]
    from_sequence: Option<FirstSequence>,
    /// What callbacks are signed with: `whsec_` and 24 to 64 bytes in base64. The hub makes one if
    /// not given.
    #[schema(inline)]
    secret: Option<Secret>,
    /// How many events may be under way at once. With 1 they are strictly in sequence.
    #[schema(inline, default = 1)]
    max_in_flight: Option<InFlight>,
}

/// What should be different; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubscriptionChanges, example = json!({"event_types": ["order.#"], "max_in_flight": 10}))]
pub(crate) struct ChangesBody {
    #[serde(default)]
    #[schema(value_type = Vec<Pattern>, min_items = 1, max_items = 1000)]
    event_types: Narrowing<EventTypes>,
    #[schema(inline)]
    callback_url: Option<CallbackUrl>,
    #[schema(inline)]
    secret: Option<Secret>,
    #[schema(inline)]
    max_in_flight: Option<InFlight>,
}

type FirstSequence = WholeNumber<0, LAST_SEQUENCE>;
type InFlight = WholeNumber<1, 1000>;

struct EventTypes(Arc<[Pattern]>);

impl BodyField for EventTypes {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem = format!("must have 1 to {MOST_TYPES} patterns");
        let patterns = patterns(json, MOST_TYPES, "a list of patterns", &problem)?;
        match patterns.is_empty() {
            true => Err(Problem::new(problem)),
            false => Ok(Self(patterns.into())),
        }
    }
}

field!(EventTypes);

struct CallbackUrl(WebAddress);

impl BodyField for CallbackUrl {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem =
            "must be an address such as http://10.0.0.5:8080/events or https://shop.example/events";
        WebAddress::read(&text(json)?, problem).map(Self)
    }
}

field!(
    CallbackUrl,
    web_address::schema("http://10.0.0.5:8080/events")
);

struct Secret(SigningSecret);

impl BodyField for Secret {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        parse_secret(&text(json)?).map(Self).map_err(Problem::new)
    }
}

field!(
    Secret,
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .pattern(Some("^whsec_"))
);

/// # Errors
/// 400 with the field.
pub(crate) fn wanted(
    text: &str,
    caller: &Principal,
    deny: &DenyList,
) -> Result<WantedSubscription, HubError> {
    let body: SubscriptionBody = api::body::command(SUBJECT, text)?;
    let service = body.service.map(|service| service.0);
    let terms = CallbackTerms {
        durable: body.durable.map(|flag| flag.0),
        secret: body.secret.map(|secret| secret.0),
        max_in_flight: body.max_in_flight.map(|most| most.0 as u32),
    };
    Ok(WantedSubscription {
        service: caller.acting_for(SUBJECT, "service", service)?,
        event_types: body.event_types.0,
        callback: Callback {
            url: body.callback_url.0.allowed(SUBJECT, "callback_url", deny)?,
            secret: terms
                .secret
                .clone()
                .unwrap_or_else(|| make_secret(rand::rng().random())),
            max_in_flight: terms.max_in_flight.unwrap_or(1),
            previous: None,
            durable: terms.durable.unwrap_or(true),
        },
        // The first event has the number 1.
        from_sequence: body.from_sequence.map(|from| from.0.max(1)),
        terms,
    })
}

/// # Errors
/// 400 with the field.
pub(crate) fn changed(text: &str, deny: &DenyList) -> Result<SubscriptionChange, HubError> {
    let body: ChangesBody = api::body::command(SUBJECT, text)?;
    let url = body.callback_url;
    let url = url.map(|url| url.0.allowed(SUBJECT, "callback_url", deny));
    Ok(SubscriptionChange {
        event_types: body.event_types.0.map(|types| types.0),
        callback_url: url.transpose()?,
        secret: body.secret.map(|secret| secret.0),
        max_in_flight: body.max_in_flight.map(|most| most.0 as u32),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::ids::ServiceName;
    use crate::hub::access::Role;

    fn operator() -> Principal {
        Principal {
            name: ServiceName::parse("shop").ok(),
            role: Role::Operator,
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
        wanted(&body.to_string(), &operator(), &DenyList::default())
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
