//! Who may do what, from where, and where the hub itself may go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};
use serde_norway::Value;

use super::secret::{Hidden, Secret};
use super::value::{boolean, number, path, read, service_name, whole};
use crate::domain::deny_list::DenyList;
use crate::domain::ids::ServiceName;
use crate::domain::web_origin::{AllowedOrigins, HostPattern, WebOrigin};

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct SecurityConfig {
    #[serde(deserialize_with = "boolean", default)]
    pub allow_anonymous: bool,
    /// Empty: nobody has to show a key.
    #[serde(deserialize_with = "service_keys", default)]
    pub service_keys: BTreeMap<ServiceName, Vec<Secret>>,
    /// Services that may do everything.
    #[serde(deserialize_with = "service_names", default)]
    pub operators: BTreeSet<ServiceName>,
    /// Services that may see everything.
    #[serde(deserialize_with = "service_names", default)]
    pub viewers: BTreeSet<ServiceName>,
    /// So many wrong keys of an address in 10 s, then more of them are put off; 0: never.
    #[serde(
        deserialize_with = "whole::<0, 1000, _, _>",
        default = "number::<20, _>"
    )]
    pub auth_failures: usize,
    /// Names that the hub is asked under, besides its own.
    #[serde(deserialize_with = "host_patterns", default)]
    pub allowed_hosts: Vec<HostPattern>,
    /// Whose pages may use the hub from a browser, besides its own.
    #[serde(deserialize_with = "origins", default)]
    pub allowed_origins: AllowedOrigins,
    /// Where nothing the hub sends by itself may lead: messages, events, health checks.
    #[serde(alias = "callback_deny", deserialize_with = "deny_list", default)]
    pub outgoing_deny: DenyList,
    /// Issuers of certificates that are trusted besides those of the operating system.
    #[serde(deserialize_with = "path", default)]
    pub tls_ca_file: Option<PathBuf>,
}

fn service_names<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeSet<ServiceName>, D::Error> {
    read(deserializer, |value| {
        let list = value.as_sequence();
        let list = list.ok_or_else(|| "must be a list of service names".to_owned())?;
        list.iter().map(service_name).collect()
    })
}

/// A list of texts.
fn texts<'a>(value: &'a Value, allowed: &str) -> Result<Vec<&'a str>, String> {
    let list = value.as_sequence().ok_or_else(|| allowed.to_owned())?;
    let texts = list
        .iter()
        .map(|item| item.as_str().ok_or_else(|| allowed.to_owned()));
    texts.collect()
}

fn deny_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DenyList, D::Error> {
    read(deserializer, |value| {
        let texts = texts(
            value,
            "must be a list of networks, addresses and host names",
        )?;
        DenyList::parse(texts).map_err(|text| {
            format!(
                "{text:?} is no network, address or host name; write 10.0.0.0/8, 127.0.0.1, \
                 host.example.org, or .example.org for all below it"
            )
        })
    })
}

/// A list of names of hosts, each perhaps with a dot before it.
fn host_patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HostPattern>, D::Error> {
    read(deserializer, |value| {
        let texts = texts(value, "must be a list of names of hosts")?.into_iter();
        let patterns = texts.map(|text| {
            HostPattern::parse(text).ok_or_else(|| {
                format!(
                    "{text:?} is no name of a host; write hub.example.org, or .example.org for all \
                     below it"
                )
            })
        });
        patterns.collect()
    })
}

/// A list of origins, or `*` among them for all there are.
fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AllowedOrigins, D::Error> {
    read(deserializer, |value| {
        let mut origins = AllowedOrigins::default();
        for text in texts(
            value,
            "must be a list of origins such as https://hub.example.org",
        )? {
            match WebOrigin::parse(text) {
                _ if text == "*" => origins.any = true,
                Some(origin) => origins.listed.push(origin),
                None => {
                    return Err(format!(
                        "{text:?} is no origin; write scheme://host or scheme://host:port"
                    ));
                }
            }
        }
        Ok(origins)
    })
}

/// A map of service names to one key or a list of keys.
fn service_keys<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<ServiceName, Vec<Secret>>, D::Error> {
    let Hidden(value) = Hidden::deserialize(deserializer)?;
    parse_keys(&value).map_err(serde::de::Error::custom)
}

fn parse_keys(value: &Value) -> Result<BTreeMap<ServiceName, Vec<Secret>>, String> {
    let Some(mapping) = value.as_mapping() else {
        return Err("must be a map of service names to lists of keys".to_owned());
    };
    let mut keys = BTreeMap::new();
    for (name, given) in mapping {
        let name = service_name(name)?;
        let of_service = keys_of(given)
            .ok_or_else(|| format!("the keys of {name} must be texts without spaces"))?;
        keys.insert(name, of_service);
    }
    Ok(keys)
}

fn keys_of(value: &Value) -> Option<Vec<Secret>> {
    let list = match value {
        Value::Sequence(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut keys = Vec::new();
    for key in list {
        let text = key.as_str()?;
        // What a header can carry.
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        keys.push(Secret::new(text));
    }
    (!keys.is_empty()).then_some(keys)
}
