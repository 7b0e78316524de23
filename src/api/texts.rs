//! Fields that are names, ids and times. What is new has stricter rules than what only refers to
//! something: whatever was once taken can still be named.

use base64::engine::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::field::{BodyField, field, parse, required, text, texts, word};
use super::problem::Problem;
use crate::domain::characters::is_visible_label;
use crate::domain::ids::{
    ContentType, CorrelationId, InstanceId, Label, MessageType, ServiceName, StreamId,
};
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;
use crate::logic::payload_head::PayloadDetail;

texts! {
    /// A service that may be new by this.
    NewService(ServiceName) = ServiceName::given;
    /// A service that is only referred to.
    OldService(ServiceName) = ServiceName::parse;
    NewLabel(Label) = Label::given;
    /// A label that may stand in a path.
    NewSegment(Label) = Label::given_segment;
    /// What bytes are said to be, of which each may say something else.
    NewContentType(ContentType) = ContentType::given;
    NewMessageType(MessageType) = MessageType::given_interned;
    NewCorrelation(CorrelationId) = CorrelationId::given_segment;
    OldCorrelation(CorrelationId) = CorrelationId::parse;
    NewStream(StreamId) = StreamId::given_segment;
    OldStream(StreamId) = StreamId::parse;
    NewInstance(InstanceId) = InstanceId::given_segment;
    OldInstance(InstanceId) = InstanceId::parse;
    /// How names begin.
    NamePrefix(Label) = Label::parse;
    OldMessageType(MessageType) = MessageType::parse;
    /// A point in time.
    PointInTime(Timestamp) = Timestamp::parse;
    /// How much of payloads is wanted.
    PayloadWord(PayloadDetail) = |text| {
        word(text, PayloadDetail::from_name, &PayloadDetail::ALL.map(PayloadDetail::name))
    };
}

/// Bytes in standard base64, with its padding.
#[derive(Debug)]
pub(crate) struct Base64Bytes(pub(crate) Vec<u8>);

impl BodyField for Base64Bytes {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem = |error| Problem::new(format!("must be standard base64: {error}"));
        STANDARD.decode(&*text(json)?).map(Self).map_err(problem)
    }
}

field!(
    Base64Bytes,
    ObjectBuilder::new()
        .schema_type(Type::String)
        .content_encoding("base64")
        .examples(["iVBORw0KGgo="])
);

/// An id of any kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(pub(crate) Uuid);

impl BodyField for Id {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        parse(json, "a UUID").map(Self)
    }
}

field!(Id);

/// The id of a subscription, as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SubscriptionText(pub(crate) SubscriptionId);

impl SubscriptionText {
    /// # Errors
    /// It is no UUID.
    pub(crate) fn parse(text: &str) -> Result<SubscriptionId, &'static str> {
        let id = Uuid::try_parse(text).map_err(|_| "must be a UUID")?;
        Ok(SubscriptionId(id))
    }
}

impl BodyField for SubscriptionText {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        Self::parse(&text(json)?).map(Self).map_err(Problem::new)
    }
}

field!(SubscriptionText, as SubscriptionId);

/// A string of which only that it is one is asked.
#[derive(Debug)]
pub(crate) struct AnyText;

impl BodyField for AnyText {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        text(json).map(|_| Self)
    }
}

field!(AnyText, ObjectBuilder::new().schema_type(Type::String));

/// 1 to `MOST` characters that can all be seen.
#[derive(Debug)]
pub(crate) struct Printable<const MOST: usize>(pub(crate) String);

/// A key as somebody shows it, in a body or a frame.
pub(crate) type ShownKey = Printable<1000>;

impl<const MOST: usize> BodyField for Printable<MOST> {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let text = text(json)?;
        match is_visible_label(&text, MOST) {
            true => Ok(Self(text.into_owned())),
            false => Err(Problem::new(format!(
                "must be 1 to {MOST} printable characters"
            ))),
        }
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Printable<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        required(deserializer)
    }
}

impl<const MOST: usize> PartialSchema for Printable<MOST> {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.min_length(Some(1)).max_length(Some(MOST)).into()
    }
}

impl<const MOST: usize> ToSchema for Printable<MOST> {}
