//! Readers of single values. Their errors say what is allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_norway::Value;

use super::secret::Secret;
use crate::domain::deny_list::DenyList;
use crate::domain::ids::ServiceName;
use crate::domain::message::Priority;
use crate::domain::ordering::OrderingOnFailure;
use crate::domain::strategy::Strategy;
use crate::domain::timestamp;
use crate::domain::web_origin::{AllowedOrigins, HostPattern, WebOrigin};

/// Where the archive is.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    Sqlite(PathBuf),
    /// The whole URL, password and all.
    Postgres(String),
}

/// What an acknowledged message has reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WalSync {
    Disk,
    /// The page cache only: survives a crash of the hub, not of the machine.
    Os,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    Text,
    Json,
}

/// The URL with user, password and whatever else may be secret hidden.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgresql", url));
                let (place, query) = match rest.split_once('?') {
                    Some((place, query)) => (place, Some(query)),
                    None => (rest, None),
                };
                // Where one of them ends cannot be told, as after a raw ? in the password.
                if query.is_some_and(|query| query.contains('@')) {
                    return write!(f, "{scheme}://***");
                }
                match place.rsplit_once('@') {
                    Some((_, address)) => write!(f, "{scheme}://***@{address}")?,
                    None => write!(f, "{scheme}://{place}")?,
                }
                let pairs = query.into_iter().flat_map(|query| query.split('&'));
                for (index, pair) in pairs.enumerate() {
                    let mark = if index == 0 { '?' } else { '&' };
                    // Passwords may be given here too; only what is known to be none is shown.
                    match pair.split_once('=') {
                        Some(("sslmode" | "application_name" | "connect_timeout", _)) => {
                            write!(f, "{mark}{pair}")?;
                        }
                        Some((name, _)) => write!(f, "{mark}{name}=***")?,
                        None => write!(f, "{mark}***")?,
                    }
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

impl WalSync {
    /// As in the `durability` field of an answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Os => "os",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        one_of(text, &[Self::Disk, Self::Os], Self::name)
    }
}

impl LogFormat {
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        one_of(text, &[Self::Text, Self::Json], Self::name)
    }
}

fn one_of<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    for choice in all {
        if name(*choice) == text {
            return Ok(*choice);
        }
    }
    let names: Vec<_> = all.iter().map(|choice| name(*choice)).collect();
    Err(format!("must be one of {}", names.join(", ")))
}

pub(super) fn strategy(text: &str) -> Result<Strategy, String> {
    one_of(text, &Strategy::ALL, Strategy::name)
}

pub(super) fn ordering_on_failure(text: &str) -> Result<OrderingOnFailure, String> {
    one_of(text, &OrderingOnFailure::ALL, OrderingOnFailure::name)
}

pub(super) fn boolean(value: &Value) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| "must be true or false".to_owned())
}

/// A reader of whole numbers in `range`, which must fit `N`.
pub(super) fn whole<N: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&Value) -> Result<N, String> {
    move |value| {
        let number = value.as_u64().filter(|number| range.contains(number));
        number
            .and_then(|number| N::try_from(number).ok())
            .ok_or_else(|| format!("must be a whole number {}", in_words(&range)))
    }
}

fn in_words(range: &RangeInclusive<u64>) -> String {
    if *range.end() == u64::MAX {
        return format!("of at least {}", range.start());
    }
    format!("from {} to {}", range.start(), range.end())
}

/// Seconds, with fractions, to the millisecond.
pub(super) fn duration(value: &Value) -> Result<Duration, String> {
    let number = value.as_f64().unwrap_or(f64::NAN);
    timestamp::seconds(number).map_err(|error| error.to_string())
}

/// As [`duration`], of at least a millisecond.
pub(super) fn period(value: &Value) -> Result<Duration, String> {
    match duration(value)? {
        Duration::ZERO => Err("must be at least 0.001 seconds".to_owned()),
        period => Ok(period),
    }
}

/// Days, with fractions, to the millisecond.
pub(super) fn days(value: &Value) -> Result<Duration, String> {
    let days = value.as_f64().unwrap_or(f64::NAN);
    timestamp::seconds(days * 86_400.0)
        .map_err(|_| "must be a number of days from 0 to 36500".to_owned())
}

pub(super) fn non_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    non_empty(text).map(PathBuf::from)
}

pub(super) fn host(text: &str) -> Result<String, String> {
    if text.parse::<IpAddr>().is_ok() || is_host_name(text) {
        return Ok(text.to_owned());
    }
    Err("must be an IP address or a host name".to_owned())
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

/// `{data_dir}` in a SQLite URL stands for the data directory.
pub(super) fn database(url: &str, data_dir: &Path) -> Result<Database, String> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        let path = path.replace("{data_dir}", &data_dir.to_string_lossy());
        if !path.is_empty() && !path.starts_with(":memory:") {
            return Ok(Database::Sqlite(PathBuf::from(path)));
        }
    }
    if url.starts_with("postgresql://") || url.starts_with("postgres://") {
        return Ok(Database::Postgres(url.to_owned()));
    }
    Err("must be sqlite://PATH or postgresql://…".to_owned())
}

pub(super) fn redis_url(url: &str) -> Result<Option<Secret>, String> {
    if url.starts_with("redis://") || url.starts_with("rediss://") {
        return Ok(Some(Secret::new(url)));
    }
    Err("must be redis://… or rediss://…".to_owned())
}

pub(super) fn service_names(value: &Value) -> Result<BTreeSet<ServiceName>, String> {
    let allowed = || "must be a list of service names".to_owned();
    let mut names = BTreeSet::new();
    for name in value.as_sequence().ok_or_else(allowed)? {
        names.insert(service_name(name)?);
    }
    Ok(names)
}

pub(super) fn deny_list(value: &Value) -> Result<DenyList, String> {
    let allowed = || "must be a list of networks, addresses and host names".to_owned();
    let texts = value.as_sequence().ok_or_else(allowed)?.iter();
    let texts: Option<Vec<&str>> = texts.map(Value::as_str).collect();
    let texts = texts.ok_or_else(allowed)?;
    DenyList::parse(texts).map_err(|text| {
        format!(
            "{text:?} is no network, address or host name; write 10.0.0.0/8, 127.0.0.1, \
             host.example.org, or .example.org for all below it"
        )
    })
}

/// A list of names of hosts, each perhaps with a dot before it.
pub(super) fn host_patterns(value: &Value) -> Result<Vec<HostPattern>, String> {
    let allowed = || "must be a list of names of hosts".to_owned();
    let wrong = |text: &str| {
        format!(
            "{text:?} is no name of a host; write hub.example.org, or .example.org for all below it"
        )
    };
    let mut patterns = Vec::new();
    for name in value.as_sequence().ok_or_else(allowed)? {
        let text = name.as_str().ok_or_else(allowed)?;
        patterns.push(HostPattern::parse(text).ok_or_else(|| wrong(text))?);
    }
    Ok(patterns)
}

/// A list of origins, or `*` among them for all there are.
pub(super) fn origins(value: &Value) -> Result<AllowedOrigins, String> {
    let allowed = || "must be a list of origins such as https://hub.example.org".to_owned();
    let wrong =
        |text: &str| format!("{text:?} is no origin; write scheme://host or scheme://host:port");
    let mut origins = AllowedOrigins::default();
    for origin in value.as_sequence().ok_or_else(allowed)? {
        match origin.as_str().ok_or_else(allowed)? {
            "*" => origins.any = true,
            text => origins
                .listed
                .push(WebOrigin::parse(text).ok_or_else(|| wrong(text))?),
        }
    }
    Ok(origins)
}

pub(super) fn service_name(value: &Value) -> Result<ServiceName, String> {
    let Some(text) = value.as_str() else {
        return Err("a service name must be a text, in quotes if it is a number".to_owned());
    };
    ServiceName::parse(text).map_err(|error| format!("service name {text:?} {error}"))
}

/// A map of service names to one key or a list of keys.
pub(super) fn service_keys(value: &Value) -> Result<BTreeMap<ServiceName, Vec<Secret>>, String> {
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

/// A map of priorities to seconds; a level not named keeps its `default`.
pub(super) fn patience<const LEVELS: usize>(
    value: &Value,
    default: [Duration; LEVELS],
) -> Result<[Duration; LEVELS], String> {
    let allowed = || "must be a map of critical, high, normal, low, deferred to seconds".to_owned();
    let mut patience = default;
    for (level, seconds) in value.as_mapping().ok_or_else(allowed)? {
        let priority = level.as_str().and_then(Priority::from_name);
        let priority = priority.ok_or_else(allowed)?;
        patience[priority.index()] =
            duration(seconds).map_err(|error| format!("{}: {error}", priority.name()))?;
    }
    Ok(patience)
}
