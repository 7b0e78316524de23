//! Circuits: what keeps attempts away from a service that fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ids::{NameError, ServiceName};
use super::timestamp::Timestamp;

/// The state of a circuit, with its name on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CircuitState {
    /// Attempts go through.
    Closed,
    /// Nothing goes through.
    Open,
    /// One trial at a time goes through.
    HalfOpen,
}

impl CircuitState {
    /// All states there are, for lists and for reading names.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
        }
    }

    /// Reads a name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.name().eq_ignore_ascii_case(name))
    }
}

/// Whose circuit it is: a service's, or that of the place some callbacks lead to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CircuitName {
    /// That of a destination: it keeps messages back.
    Service(ServiceName),
    /// That of an origin, which all callbacks there share: it keeps events back.
    Callback(Origin),
}

/// Scheme, host and port of a callback: `http://host:port`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin(Arc<str>);

impl Origin {
    /// `text` is an origin already.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Of an address such as `http://host:port/path?query`; the scheme's port is spelled out.
    pub fn of(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let scheme = scheme.to_ascii_lowercase();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest[..end].to_ascii_lowercase();
        let host_ends = authority.rfind(']').unwrap_or(0);
        let port = match scheme.as_str() {
            _ if authority[host_ends..].contains(':') => "",
            "https" => ":443",
            _ => ":80",
        };
        Self(format!("{scheme}://{authority}{port}").into())
    }

    /// As it is compared and shown: in lower case, with the port spelled out.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const CALLBACK: &str = "callback:";

impl CircuitName {
    /// Reads `name` or `callback:http://host:port`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix(CALLBACK) {
            Some(origin) => Ok(Self::Callback(Origin::new(origin))),
            None => ServiceName::parse(text).map(Self::Service),
        }
    }

    /// The service whose circuit it is; `None` for that of callbacks.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::Service(service) => Some(service),
            Self::Callback(_) => None,
        }
    }

    /// The origin whose circuit it is; `None` for that of a service.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Callback(origin) => Some(origin),
            Self::Service(_) => None,
        }
    }
}

impl fmt::Display for CircuitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => service.fmt(f),
            Self::Callback(origin) => write!(f, "{CALLBACK}{}", origin.as_str()),
        }
    }
}

impl Serialize for CircuitName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Service(service) => service.serialize(serializer),
            Self::Callback(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for CircuitName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A circuit changed its state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CircuitChanged {
    /// Whose it is; `service` on disk, from when only services had circuits.
    #[serde(rename = "service")]
    pub circuit: CircuitName,
    /// When it changed, by the system's clock.
    pub at: Timestamp,
    /// The state it left.
    pub from: CircuitState,
    /// The state it is in from now on; the same as `from` if somebody forced the state it had.
    pub to: CircuitState,
    /// In words: what led to it, or what whoever forced it gave as the reason.
    pub reason: String,
    /// Present if somebody wanted it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
}

/// A state that somebody gave a circuit, until the circuit leaves it by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Forced {
    /// Who asked for it, where callers have names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ServiceName>,
    /// How long an open circuit stays open; `None`: as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_timeout_ms: Option<u64>,
}

impl Forced {
    /// A timeout too long to count in milliseconds becomes the longest that can be.
    pub fn new(by: Option<ServiceName>, reset_timeout: Option<Duration>) -> Self {
        let millis = |timeout: Duration| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Self {
            by,
            reset_timeout_ms: reset_timeout.map(millis),
        }
    }

    /// How long an open circuit stays open; `None`: as configured.
    pub fn reset_timeout(&self) -> Option<Duration> {
        self.reset_timeout_ms.map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_where_an_address_leads() {
        for (url, origin) in [
            ("http://Shop:8080/events?x=1", "http://shop:8080"),
            ("http://shop/events", "http://shop:80"),
            ("http://shop", "http://shop:80"),
            ("http://shop?a=b:c", "http://shop:80"),
            ("http://[::1]/a", "http://[::1]:80"),
            ("http://[::1]:9/a", "http://[::1]:9"),
            ("https://shop/events", "https://shop:443"),
            ("https://shop:80/events", "https://shop:80"),
            ("HTTPS://Shop", "https://shop:443"),
        ] {
            assert_eq!(Origin::of(url).as_str(), origin, "{url}");
        }
    }

    #[test]
    fn a_circuit_of_a_callback_reads_as_it_is_written() {
        let name = CircuitName::Callback(Origin::of("http://shop:8080/events"));
        assert_eq!(name.to_string(), "callback:http://shop:8080");
        assert_eq!(CircuitName::parse(&name.to_string()), Ok(name));
        assert!(CircuitName::parse("http://shop").is_err());
    }
}
