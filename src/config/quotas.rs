//! Reads `quotas`: a map of service names to what each may send and be sent.

use std::collections::BTreeMap;

use serde::Deserializer;
use serde_norway::Value;

use super::value::{read, service_name, whole_in};
use crate::domain::ids::ServiceName;
use crate::domain::quota::Quota;

const FIELDS: &str = "send_rate, send_burst, deliver_rate, max_in_flight, max_waiting_bytes, \
                      request_rate, request_burst";

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<ServiceName, Quota>, D::Error> {
    read(deserializer, parse)
}

fn parse(value: &Value) -> Result<BTreeMap<ServiceName, Quota>, String> {
    let Some(mapping) = value.as_mapping() else {
        return Err(format!("must be a map of service names to {FIELDS}"));
    };
    let mut quotas = BTreeMap::new();
    for (name, given) in mapping {
        let name = service_name(name)?;
        let quota = quota(given).map_err(|problem| format!("{name}: {problem}"))?;
        quotas.insert(name, quota);
    }
    Ok(quotas)
}

fn quota(value: &Value) -> Result<Quota, String> {
    let allowed = || format!("must be a map of at least one of {FIELDS}");
    let mut quota = Quota::default();
    for (field, given) in value.as_mapping().ok_or_else(allowed)? {
        let field = field.as_str().ok_or_else(allowed)?;
        read_field(&mut quota, field, given).map_err(|problem| format!("{field}: {problem}"))?;
    }
    if quota.send_burst.is_some() && quota.send_rate.is_none() {
        return Err("send_burst: has no effect without send_rate".to_owned());
    }
    if quota.request_burst.is_some() && quota.request_rate.is_none() {
        return Err("request_burst: has no effect without request_rate".to_owned());
    }
    if quota.is_empty() {
        return Err(allowed());
    }
    Ok(quota)
}

fn read_field(quota: &mut Quota, field: &str, value: &Value) -> Result<(), String> {
    match field {
        "send_rate" => quota.send_rate = rate(value)?,
        "send_burst" => quota.send_burst = count(value)?,
        "deliver_rate" => quota.deliver_rate = rate(value)?,
        "max_in_flight" => quota.max_in_flight = count(value)?,
        "max_waiting_bytes" => quota.max_waiting_bytes = bytes(value)?,
        "request_rate" => quota.request_rate = rate(value)?,
        "request_burst" => quota.request_burst = count(value)?,
        _ => return Err(format!("no such field; there are {FIELDS}")),
    }
    Ok(())
}

/// A field without a value is not given.
fn rate(value: &Value) -> Result<Option<f64>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let rate = value.as_f64().filter(|rate| Quota::is_rate(*rate));
    rate.map(Some).ok_or_else(|| Quota::RATES.to_owned())
}

fn count(value: &Value) -> Result<Option<u32>, String> {
    if value.is_null() {
        return Ok(None);
    }
    whole_in(1..=Quota::MOST.into(), value).map(Some)
}

fn bytes(value: &Value) -> Result<Option<u64>, String> {
    if value.is_null() {
        return Ok(None);
    }
    whole_in(1..=Quota::MOST_BYTES, value).map(Some)
}
