//! Fields that are numbers, and yes and no.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::field::{BodyField, field, parse, required, text};
use super::problem::Problem;
use crate::domain::timestamp::seconds;

/// The archive counts in 63 bits.
pub(crate) const LAST_SEQUENCE: u64 = i64::MAX as u64;
/// In seconds, what anything may last or wait.
pub(crate) const LONGEST: f64 = 3_153_600_000.0;

pub(crate) fn number() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
}

/// A whole number within bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeNumber<const LEAST: u64, const MOST: u64>(pub(crate) u64);

impl<const LEAST: u64, const MOST: u64> BodyField for WholeNumber<LEAST, MOST> {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        match serde_json::from_str(json.get()) {
            Ok(number) if (LEAST..=MOST).contains(&number) => Ok(Self(number)),
            _ => Err(out_of_range(LEAST, MOST)),
        }
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for WholeNumber<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        required(deserializer)
    }
}

impl<const LEAST: u64, const MOST: u64> PartialSchema for WholeNumber<LEAST, MOST> {
    fn schema() -> RefOr<Schema> {
        let is_short = i32::try_from(MOST).is_ok();
        let format = if is_short {
            KnownFormat::Int32
        } else {
            KnownFormat::Int64
        };
        let number = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(format)))
            .minimum(Some(LEAST as f64))
            // Nobody writes a number that only just fits into 63 bits.
            .maximum((MOST < LAST_SEQUENCE).then_some(MOST as f64));
        number.into()
    }
}

impl<const LEAST: u64, const MOST: u64> ToSchema for WholeNumber<LEAST, MOST> {}

/// A whole number within bounds, in a query, where all there is are texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits<const LEAST: u64, const MOST: u64>(pub(crate) u64);

impl<const LEAST: u64, const MOST: u64> BodyField for Digits<LEAST, MOST> {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        match text(json)?.parse() {
            Ok(number) if (LEAST..=MOST).contains(&number) => Ok(Self(number)),
            _ => Err(out_of_range(LEAST, MOST)),
        }
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Digits<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        required(deserializer)
    }
}

impl<const LEAST: u64, const MOST: u64> PartialSchema for Digits<LEAST, MOST> {
    fn schema() -> RefOr<Schema> {
        WholeNumber::<LEAST, MOST>::schema()
    }
}

impl<const LEAST: u64, const MOST: u64> ToSchema for Digits<LEAST, MOST> {}

/// Of an event, or of a version, where who has seen none yet may say 0.
pub(crate) type SequenceDigits = Digits<0, LAST_SEQUENCE>;

fn out_of_range(least: u64, most: u64) -> Problem {
    Problem::new(format!("must be a whole number from {least} to {most}"))
}

/// Seconds with fractions, to the millisecond. Zero is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Duration);

impl BodyField for Seconds {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        // A number beyond what a computer counts with is out of range like any other.
        let value = parse::<f64>(json, "a number of seconds from 0 to 3153600000")?;
        seconds(value).map(Self).map_err(Problem::new)
    }
}

field!(Seconds, number().minimum(Some(0)).maximum(Some(LONGEST)));

/// As [`Seconds`], and not zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositiveSeconds(pub(crate) Duration);

impl BodyField for PositiveSeconds {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let Seconds(duration) = Seconds::read(json)?;
        match duration.is_zero() {
            true => Err(Problem::new("must be at least 0.001 seconds")),
            false => Ok(Self(duration)),
        }
    }
}

field!(
    PositiveSeconds,
    number().minimum(Some(0.001)).maximum(Some(LONGEST))
);

/// Yes or no.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag(pub(crate) bool);

impl BodyField for Flag {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        parse(json, "true or false").map(Self)
    }
}

field!(Flag, ObjectBuilder::new().schema_type(Type::Boolean));
