//! Names of hosts and origins of web pages, as browsers write them and the configuration lists
//! them.

use std::fmt;

use serde::{Serialize, Serializer};

/// Names of hosts: one as it is, or with a dot before it all that end in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HostPattern(String);

impl HostPattern {
    /// `hub.example.org` or `.example.org`, without a port.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let labels = name.strip_prefix('.').unwrap_or(name);
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let is_empty = labels.split('.').any(str::is_empty);
        (!is_empty && labels.bytes().all(is_good)).then(|| Self(name.to_ascii_lowercase()))
    }

    /// `host` is compared without case and one trailing dot.
    pub fn matches(&self, host: &str) -> bool {
        let host = without_dot(host);
        if !self.0.starts_with('.') {
            return host.eq_ignore_ascii_case(&self.0);
        }
        // The name before the dot must be there.
        host.len() > self.0.len() && ends_with(host, &self.0)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a page comes from: `scheme://host[:port]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebOrigin {
    scheme: String,
    host: String,
    /// Also if it is the scheme's own and was not written.
    port: Option<u16>,
}

impl WebOrigin {
    /// `None` for what is no origin, such as `null`.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, address) = text.split_once("://")?;
        let is_scheme =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-');
        if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
            return None;
        }
        let Authority { host, port } = Authority::parse(address)?;
        let scheme = scheme.to_ascii_lowercase();
        let port = port.or_else(|| default_port(&scheme));
        Some(Self {
            host: without_dot(host).to_ascii_lowercase(),
            scheme,
            port,
        })
    }

    /// Whether a page from here that asks `host` asks where it came from. A port that is not
    /// written is the one of the page's scheme.
    pub fn is_at(&self, host: &Authority<'_>) -> bool {
        without_dot(host.host).eq_ignore_ascii_case(&self.host)
            && host.port.or_else(|| default_port(&self.scheme)) == self.port
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match self.port {
            Some(port) if self.port != default_port(&self.scheme) => write!(f, ":{port}"),
            _ => Ok(()),
        }
    }
}

/// The origins whose pages may use the hub.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AllowedOrigins {
    /// Origins whose pages may, one by one.
    pub listed: Vec<WebOrigin>,
    /// Any may.
    pub any: bool,
}

/// As the texts it is read from.
impl Serialize for AllowedOrigins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let any = self.any.then(|| "*".to_owned());
        serializer.collect_seq(self.listed.iter().map(ToString::to_string).chain(any))
    }
}

/// A host and perhaps a port, as in the header `Host`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Authority<'a> {
    /// With the brackets of an IPv6 address.
    pub host: &'a str,
    /// `None`: it was not written, and is the scheme's own.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// `None` for what is no host, such as an address with a path.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.rfind(':') {
            // A colon within brackets belongs to the address.
            Some(colon) if !text.ends_with(']') => (&text[..colon], Some(&text[colon + 1..])),
            _ => (text, None),
        };
        let port = port.filter(|port| !port.is_empty());
        let port = port.map(str::parse::<u16>).transpose().ok()?;
        let is_address = host.starts_with('[') && host.ends_with(']');
        let is_name = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || !byte.is_ascii()
        };
        let is_good = is_address || host.bytes().all(is_name);
        (!host.is_empty() && is_good).then_some(Self { host, port })
    }
}

/// The name without one dot at its end, which changes nothing of what it means.
pub fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Compared without case.
pub fn ends_with(host: &str, suffix: &str) -> bool {
    let start = host.len().checked_sub(suffix.len());
    start.is_some_and(|start| host.as_bytes()[start..].eq_ignore_ascii_case(suffix.as_bytes()))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_hosts_are_whole_names_or_all_below_one() {
        let exact = HostPattern::parse("Hub.example.org.").unwrap();
        assert!(exact.matches("hub.EXAMPLE.org") && exact.matches("hub.example.org."));
        assert!(!exact.matches("a.hub.example.org") && !exact.matches("hub.example.org.evil"));
        let below = HostPattern::parse(".example.org").unwrap();
        assert!(below.matches("a.example.org") && below.matches("A.b.Example.org."));
        assert!(!below.matches("example.org") && !below.matches("badexample.org"));
        for bad in ["", ".", "a..b", "https://a", "a:80", "*.a", "a b", "a/b"] {
            assert_eq!(HostPattern::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_origin_has_a_scheme_a_host_and_a_port() {
        let at = |origin: &str, host: &str| {
            let host = Authority::parse(host).unwrap();
            WebOrigin::parse(origin).unwrap().is_at(&host)
        };
        for (origin, host) in [
            ("http://localhost:8200", "localhost:8200"),
            ("http://LOCALHOST:8200", "localhost.:8200"),
            ("http://hub", "hub:80"),
            ("https://hub", "hub"),
            ("https://hub:443", "hub"),
            ("http://[::1]:8200", "[::1]:8200"),
            ("chrome-extension://abc", "abc"),
        ] {
            assert!(at(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://localhost:8201", "localhost:8200"),
            ("http://localhost", "localhost:8200"),
            ("https://hub", "hub:80"),
            ("http://evil", "hub"),
        ] {
            assert!(!at(origin, host), "{origin} {host}");
        }
        for bad in [
            "null",
            "",
            "hub",
            "://a",
            "http://",
            "http://a/b",
            "http://a:b",
            "ä://a",
        ] {
            assert_eq!(WebOrigin::parse(bad), None, "{bad}");
        }
        assert_eq!(
            WebOrigin::parse("HTTPS://A:443").unwrap().to_string(),
            "https://a"
        );
        assert_eq!(
            WebOrigin::parse("http://a:443").unwrap().to_string(),
            "http://a:443"
        );
    }

    #[test]
    fn what_is_no_host_is_none() {
        for bad in ["", ":80", "a:99999", "a b", "a@b", "a/b", "a:x", "[::1]:x"] {
            assert_eq!(Authority::parse(bad), None, "{bad}");
        }
    }
}
