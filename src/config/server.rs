//! Where the hub listens, how it ends, and what it shows of itself.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::period;
use super::seconds::secs;
use super::value::{number, read_text, whole};

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct ServerConfig {
    /// An IP address or a host name to listen on.
    #[serde(deserialize_with = "host", default = "this_machine")]
    pub host: String,
    /// 0: any free port.
    #[serde(
        deserialize_with = "whole::<0, 65_535, _, _>",
        default = "number::<8200, _>"
    )]
    pub port: u16,
    #[serde(with = "period", default = "secs::<30>")]
    pub shutdown_timeout: Duration,
    /// Services that have series of their own, at most.
    #[serde(
        deserialize_with = "whole::<1, 100_000, _, _>",
        default = "number::<500, _>"
    )]
    pub metrics_max_services: usize,
}

impl ServerConfig {
    /// Whether only this machine can reach the hub.
    pub(super) fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }
}

fn this_machine() -> String {
    "127.0.0.1".to_owned()
}

fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read_text(deserializer, |text| {
        if text.parse::<IpAddr>().is_ok() || is_host_name(text) {
            return Ok(text.to_owned());
        }
        Err("must be an IP address or a host name".to_owned())
    })
}

/// RFC 1123: labels of letters, digits and inner hyphens. A last label of digits alone
/// would be a mistyped IP address.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|b| b.is_ascii_digit())
}
