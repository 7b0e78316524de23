//! How the words of the domain look on the wire. Written here by hand, so that the domain knows
//! nothing of API descriptions.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::json;
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType,
};
use utoipa::openapi::{Ref, RefOr, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::attempt::AttemptOutcome;
use crate::domain::circuit::{CircuitName, CircuitState};
use crate::domain::dead_letter::DeadReason;
use crate::domain::event::EventId;
use crate::domain::ids::{
    ContentType, CorrelationId, EventType, InstanceId, JobId, Label, LeaseToken, MessageId,
    MessageType, ServiceName, StreamId,
};
use crate::domain::json_text::JsonText;
use crate::domain::message::{Priority, State, Status};
use crate::domain::pattern::Pattern;
use crate::domain::redrive::JobStatus;
use crate::domain::service::Health;
use crate::domain::strategy::Strategy;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;
use crate::logic::queues::wait_reason::WaitCode;
use crate::logic::service_view::{InstanceTransport, OutOfRotation};

fn string(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}

fn uuid(description: &str) -> ObjectBuilder {
    string(description).format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

fn label(description: &str) -> ObjectBuilder {
    string(description)
        .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]+$"))
        .max_length(Some(Label::MAX))
}

/// One of a few words, as they are written in JSON.
fn words<T: Serialize, const N: usize>(description: &str, words: [T; N]) -> ObjectBuilder {
    string(description).enum_values(Some(words.map(|word| json!(word))))
}

/// A batch as a client may send it.
pub enum BatchInput {}

/// A batch of events as a client may send it.
pub enum EventBatchInput {}

/// The schemas of a list in which each item is like `item`, and of an object that holds it.
fn batch(items: &str, item: &str) -> OneOfBuilder {
    let list = || {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(item))
            .min_items(Some(1))
            .max_items(Some(10_000))
    };
    let mut object = ObjectBuilder::new().property(items, list()).required(items);
    if items == "events" {
        let atomic = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .description(Some("Publish all of them or none."));
        object = object.property("atomic", atomic);
    }
    let description =
        format!("1 to 10,000 {items}, each of at most 1 MiB: an array, alone or in an object.");
    OneOfBuilder::new()
        .description(Some(description))
        .item(list())
        .item(object)
}

/// Gives types of the domain the schemas that users see.
macro_rules! schemas {
    ($($type:ty: $schema:expr),+ $(,)?) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }
        impl ToSchema for $type {}
    )+};
}

impl PartialSchema for JsonText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::AnyValue)
            .description(Some("Any JSON, kept byte for byte."))
            .into()
    }
}

impl ToSchema for JsonText {
    /// As it has always been called in the description.
    fn name() -> Cow<'static, str> {
        "Payload".into()
    }
}

schemas! {
    MessageId: uuid("Identifies a message for its whole life."),
    EventId: uuid("Identifies an event."),
    JobId: uuid("Identifies a redrive job."),
    LeaseToken: uuid("Proof of a lease; each hand-out makes a new one."),
    ServiceName: string("The name of a service, compared exactly.")
        .pattern(Some("^[A-Za-z0-9._-]{1,100}$"))
        .examples(["billing"]),
    CircuitName: string("A service, or `callback:` and where callbacks lead: scheme, host and port.")
        .max_length(Some(2000))
        .examples(["billing", "callback:http://10.0.0.5:8080", "callback:https://shop.example:443"]),
    SubscriptionId: uuid("Identifies a subscription."),
    Pattern: string("Which event types are meant: words between dots, `*` for one word, `#` for any number of words.")
        .max_length(Some(Label::MAX))
        .examples(["character.*"]),
    Label: label("A short text without control characters."),
    MessageType: label("What kind of message it is."),
    EventType: label("What kind of event it is, words between dots."),
    CorrelationId: label("What belongs together."),
    InstanceId: label("Tells one instance of a service from the others."),
    ContentType: label("What bytes are: a media type.").examples(["image/png"]),
    StreamId: label("The name of a stream."),
    Timestamp: string("RFC 3339; answers are in UTC with milliseconds.")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-01-31T12:00:00.000Z"]),
    Priority: words("How urgent a message is.", Priority::ALL),
    BatchInput: batch("messages", "MessageInput"),
    EventBatchInput: batch("events", "EventInput"),
    State: words(
        "Where a message is in its life. The last four are settled.",
        State::ALL,
    ),
    Status: words(
        "The state in short: queued, scheduled, parked, delivering and retrying are `pending`; \
         dead, expired and cancelled are `failed`.",
        [Status::Pending, Status::Delivered, Status::Failed],
    ),
    DeadReason: words("Why the hub gave up on a message.", DeadReason::ALL),
    WaitCode: words(
        "What keeps a message from being delivered. `attempt`: one is under way, or its outcome is \
         being written; `leased`: a consumer has it; `room`: nothing but that there is much to do, or \
         that no consumer asks.",
        WaitCode::ALL,
    ),
    JobStatus: words(
        "How far a redrive job is: `done` sent every dead letter again, `stopped` gave up as too many \
         died again. Nothing more comes of the last three.",
        JobStatus::ALL,
    ),
    AttemptOutcome: words(
        "How an attempt ended: `failed` may work later, `rejected` never will, `lease_expired` \
         is a consumer that did not answer in time.",
        [
            AttemptOutcome::Delivered,
            AttemptOutcome::Failed,
            AttemptOutcome::Rejected,
            AttemptOutcome::LeaseExpired,
        ],
    ),
    Health: words(
        "How well a service, an instance or a part of the hub is.",
        Health::ALL,
    ),
    InstanceTransport: words(
        "`http`: messages are pushed to its url; `websocket`: they go to its socket, which is open \
         now; `pull`: it asks for them.",
        InstanceTransport::ALL,
    ),
    OutOfRotation: words(
        "`gone`: it answered 410 and has not registered since; `draining`: it was asked to take \
         nothing new and has not registered since; `unhealthy`.",
        OutOfRotation::ALL,
    ),
    Strategy: words(
        "`round_robin`: one after the other; `least_connections`: the one with the fewest in \
         flight; `weighted`: in turn, each as often as its weight says; `random`: any; \
         `health_aware`: of those that do well the one with the fewest in flight for its weight.",
        Strategy::ALL,
    ),
    CircuitState: words(
        "`CLOSED`: attempts go through; `OPEN`: messages wait; `HALF_OPEN`: one at a time is tried.",
        [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen],
    ),
}
