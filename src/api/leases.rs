//! What is said of leases, in a request or in a frame.

use std::time::Duration;

use serde_json::value::RawValue;
use utoipa::openapi::{ArrayBuilder, Ref};
use uuid::Uuid;

use super::field::{BodyField, field};
use super::lists;
use super::numbers::{PositiveSeconds, number};
use super::problem::Problem;
use crate::domain::ids::LeaseToken;
use crate::hub::receive::{LONGEST_LEASE, MOST_LEASES};

/// Which leases.
#[derive(Debug)]
pub(crate) struct LeaseTokens(pub(crate) Vec<LeaseToken>);

impl BodyField for LeaseTokens {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let problem = format!("must have 1 to {MOST_LEASES} items");
        let tokens: Vec<Uuid> =
            lists::list(json, MOST_LEASES, "an array of lease tokens", &problem)?;
        match tokens.is_empty() {
            true => Err(Problem::new(problem)),
            false => Ok(Self(tokens.into_iter().map(LeaseToken).collect())),
        }
    }
}

field!(
    LeaseTokens,
    ArrayBuilder::new()
        .items(Ref::from_schema_name("LeaseToken"))
        .min_items(Some(1))
        .max_items(Some(MOST_LEASES))
);

/// How long one lasts, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaseLength(pub(crate) Duration);

impl BodyField for LeaseLength {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let PositiveSeconds(lease) = PositiveSeconds::read(json)?;
        if lease > LONGEST_LEASE {
            let problem = "must be at most 43200 seconds; extend the lease on the way";
            return Err(Problem::new(problem));
        }
        Ok(Self(lease))
    }
}

field!(
    LeaseLength,
    number()
        .minimum(Some(0.001))
        .maximum(Some(LONGEST_LEASE.as_secs_f64()))
);
