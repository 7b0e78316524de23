//! A message: a command from one service to one destination, delivered at least once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::ids::{Label, MessageId, ServiceName};
use super::moment::{Moment, When};
use super::timestamp::Timestamp;

/// How urgent a message is; decides its patience (contract, section 6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Priority {
    Critical,
    High,
    Normal,
    Low,
    Deferred,
}

impl Priority {
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Normal,
        Self::Low,
        Self::Deferred,
    ];

    /// 0 for CRITICAL to 4 for DEFERRED.
    pub fn index(self) -> usize {
        self as usize
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "CRITICAL",
            Self::High => "HIGH",
            Self::Normal => "NORMAL",
            Self::Low => "LOW",
            Self::Deferred => "DEFERRED",
        }
    }

    /// Reads a name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.name().eq_ignore_ascii_case(name))
    }

    /// Reads 1 (CRITICAL) to 5 (DEFERRED).
    pub fn from_number(number: u64) -> Option<Self> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        Self::ALL.get(index).copied()
    }
}

/// JSON text kept byte for byte as the sender wrote it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(Box<RawValue>);

impl Payload {
    pub fn new(json: Box<RawValue>) -> Self {
        Self(json)
    }

    /// Checks that `json` is one JSON value.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json).map(Self)
    }

    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    pub fn as_raw(&self) -> &RawValue {
        &self.0
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

/// A digest of what makes two requests with one id "the same content".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub Uuid);

/// What the hub was given and promised to deliver. Never changed after acceptance.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    pub id: MessageId,
    pub destination: ServiceName,
    pub source: ServiceName,
    #[serde(rename = "type")]
    pub message_type: Label,
    pub priority: Priority,
    /// When the hub took it; rank and ttl count from here.
    pub accepted_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// `None` means: the message's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Label>,
    pub payload: Payload,
    /// What most messages do without, boxed to keep the rest small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extras: Option<Box<Extras>>,
}

/// The fields of a message that are rarely given.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extras {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ServiceName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver_at: Option<Timestamp>,
    /// `deliver_at` is so long after `accepted_at`, whatever the clocks show by then.
    #[serde(skip_serializing_if = "is_false")]
    pub is_delayed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordering_key: Option<Label>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The sender's own time; never used for timing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Label>,
    /// Present when the client chose the id: such ids enter the dedup window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Message {
    /// The lane this message occupies until it is settled.
    pub fn lane(&self) -> Lane {
        Lane {
            destination: self.destination.clone(),
            priority: self.priority,
            bytes: self.bytes(),
        }
    }

    /// Roughly what the message takes in memory, in bytes.
    pub fn bytes(&self) -> u32 {
        let extras = self.extras.as_deref().map_or(0, |extras| {
            let headers = extras.headers.iter().map(|(k, v)| k.len() + v.len() + 64);
            200 + headers.sum::<usize>()
        });
        u32::try_from(200 + self.payload.as_json().len() + extras).unwrap_or(u32::MAX)
    }

    pub fn correlation_id(&self) -> String {
        match &self.correlation_id {
            Some(given) => given.to_string(),
            None => self.id.to_string(),
        }
    }

    pub fn deadline(&self) -> Option<Timestamp> {
        self.extras.as_deref()?.deadline
    }

    pub fn deliver_at(&self) -> Option<Timestamp> {
        self.extras.as_deref()?.deliver_at
    }

    /// When it may be delivered, if not at once; `accepted` is when that was.
    pub fn due(&self, accepted: Moment) -> Option<When> {
        let extras = self.extras.as_deref()?;
        let at = extras.deliver_at?;
        Some(match extras.is_delayed {
            true => When::Hub(accepted.hub_time(at)),
            false => When::Wall(at),
        })
    }

    /// When its ttl is over by the hub's own clock; `accepted` is when it began.
    pub fn outlived(&self, accepted: Moment) -> Option<Timestamp> {
        self.expires_at.map(|at| accepted.hub_time(at))
    }

    pub fn ordering_key(&self) -> Option<&Label> {
        self.extras.as_deref()?.ordering_key.as_ref()
    }

    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.extras.as_deref()?.fingerprint
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// The same message sent out again at `now`: its ttl starts anew, it is due at once.
    pub fn redriven(
        &self,
        now: Timestamp,
        destination: Option<ServiceName>,
        payload: Option<Payload>,
    ) -> Self {
        let mut again = self.clone();
        again.accepted_at = now;
        if let Some(extras) = again.extras.as_deref_mut() {
            (extras.deliver_at, extras.is_delayed) = (None, false);
            again.expires_at = extras
                .ttl_ms
                .map(|ttl| now.plus(Duration::from_millis(ttl)));
        }
        again.destination = destination.unwrap_or(again.destination);
        again.payload = payload.unwrap_or(again.payload);
        again
    }
}

/// Where a message counts against capacity: one destination, one level, so many bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lane {
    pub destination: ServiceName,
    pub priority: Priority,
    pub bytes: u32,
}

/// Where a message is in its life, as users see it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Queued,
    Scheduled,
    Parked,
    Delivering,
    Retrying,
    Delivered,
    Dead,
    Expired,
    Cancelled,
}

impl State {
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Scheduled,
        Self::Parked,
        Self::Delivering,
        Self::Retrying,
        Self::Delivered,
        Self::Dead,
        Self::Expired,
        Self::Cancelled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Parked => "parked",
            Self::Delivering => "delivering",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub fn status(self) -> Status {
        match self {
            Self::Delivered => Status::Delivered,
            Self::Dead | Self::Expired | Self::Cancelled => Status::Failed,
            _ => Status::Pending,
        }
    }

    /// Settled: the hub owes nothing more.
    pub fn is_settled(self) -> bool {
        self.status() != Status::Pending
    }
}

/// The coarse state of the interface control document.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pending,
    Delivered,
    Failed,
}

impl Status {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "pending" => Some(Self::Pending),
            "delivered" => Some(Self::Delivered),
            "failed" => Some(Self::Failed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_read_names_and_numbers() {
        assert_eq!(Priority::from_name("critical"), Some(Priority::Critical));
        assert_eq!(Priority::from_name("urgent"), None);
        assert_eq!(Priority::from_number(1), Some(Priority::Critical));
        assert_eq!(Priority::from_number(5), Some(Priority::Deferred));
        assert_eq!(Priority::from_number(0), None);
        assert_eq!(Priority::from_number(6), None);
    }

    #[test]
    fn payload_keeps_every_byte() {
        let text = r#"{"a": 1e400,"a":"\u00e4" }"#;
        assert_eq!(Payload::parse(text).unwrap().as_json(), text);
        assert!(Payload::parse("{} {}").is_err());
    }

    #[test]
    fn every_state_has_its_name_back() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.name()), Some(state));
        }
    }
}
