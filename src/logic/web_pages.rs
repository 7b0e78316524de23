//! Which requests may come from web pages. A browser runs the pages of strangers on the machines
//! of those who use the hub, so that it is no wall that only this machine reaches the hub: a
//! browser says which page asks, and what it takes the hub for.

use core::net::IpAddr;

use crate::domain::web_origin::{
    AllowedOrigins, Authority, HostPattern, WebOrigin, ends_with, without_dot,
};

/// Ends of names that public name servers do not give out, so that no stranger can point such a
/// name at this machine.
const PRIVATE: [&str; 8] = [
    ".localhost",
    ".local",
    ".internal",
    ".lan",
    ".home.arpa",
    ".test",
    ".svc",
    ".cluster.local",
];

/// What is configured about browsers.
#[derive(Clone, Debug)]
pub struct WebPages {
    /// The hub's own name or address, then `allowed_hosts`.
    names: Vec<HostPattern>,
    /// Whether the name that a request asks for is looked at.
    checks_names: bool,
    origins: Vec<WebOrigin>,
    /// `allowed_origins` has a `*`.
    any_origin: bool,
}

/// The head of a request, as far as it tells where the request comes from.
#[derive(Clone, Copy, Default, Debug)]
pub struct RequestHead<'a> {
    /// Only such a request may be a link that somebody followed.
    pub is_get: bool,
    /// GET or HEAD.
    pub only_reads: bool,
    /// Without its query.
    pub path: &'a str,
    /// Whether a page of the hub is at that path, or a part of one.
    pub is_page: bool,
    /// From the target or from `Host`; `None`: there is none, or more than one.
    pub host: Option<&'a str>,
    /// `Origin`; `None`: there is none, as of a program; empty: it cannot be read.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub site: Option<&'a str>,
    /// `Sec-Fetch-Mode`.
    pub mode: Option<&'a str>,
}

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A program, or a page of the hub itself.
    Pass,
    /// A page of another origin that is let in, and whose browser is told so.
    Allowed,
    /// No host, or none that can be read.
    NoHost,
    /// It was sent to a name that is not the hub's: somebody may have pointed that name at it.
    ForeignHost,
    /// A page asks that comes from elsewhere and is not let in.
    ForeignOrigin,
}

impl WebPages {
    /// `host` is where the hub listens. Whoever shows a key cannot be a page that was tricked into
    /// it, so with keys names are only looked at if some are listed.
    pub fn new(
        host: &str,
        allowed_hosts: &[HostPattern],
        allowed_origins: &AllowedOrigins,
        keys_are_on: bool,
    ) -> Self {
        let own = HostPattern::parse(host);
        Self {
            names: own
                .into_iter()
                .chain(allowed_hosts.iter().cloned())
                .collect(),
            checks_names: !keys_are_on || !allowed_hosts.is_empty(),
            origins: allowed_origins.listed.clone(),
            any_origin: allowed_origins.any,
        }
    }

    /// Whether a request is served, by its head alone.
    pub fn judge(&self, head: &RequestHead<'_>) -> Verdict {
        if head.only_reads && is_for_monitors(head.path) {
            return Verdict::Pass;
        }
        let Some(host) = head.host.and_then(Authority::parse) else {
            return Verdict::NoHost;
        };
        if self.checks_names && !self.is_own(host.host) {
            return Verdict::ForeignHost;
        }
        if head.origin.is_some_and(|origin| self.allows(origin)) {
            return Verdict::Allowed;
        }
        let is_own_page = match (head.site, head.origin) {
            (Some(site), _) => matches!(site, "same-origin" | "none"),
            (None, Some(origin)) => {
                WebOrigin::parse(origin).is_some_and(|origin| origin.is_at(&host))
            }
            // No browser sends neither with anything that acts.
            (None, None) => true,
        };
        if is_own_page || self.any_origin || is_link_to_page(head) {
            return Verdict::Pass;
        }
        Verdict::ForeignOrigin
    }

    /// Whether browsers are told more than to stay away, so that their answers differ by origin.
    pub fn lets_pages_in(&self) -> bool {
        self.any_origin || !self.origins.is_empty()
    }

    /// Whether browsers are told that every page is let in, rather than which.
    pub fn lets_any_page_in(&self) -> bool {
        self.any_origin
    }

    fn allows(&self, origin: &str) -> bool {
        self.any_origin
            || (!self.origins.is_empty()
                && WebOrigin::parse(origin).is_some_and(|origin| self.origins.contains(&origin)))
    }

    fn is_own(&self, host: &str) -> bool {
        is_address(host)
            || is_private(without_dot(host))
            || self.names.iter().any(|name| name.matches(host))
    }
}

/// What monitors ask, under whatever name they find the hub; it tells nothing that acts.
fn is_for_monitors(path: &str) -> bool {
    path == "/metrics" || path == "/health" || path.starts_with("/health/")
}

/// A link on another page may lead to a page of the hub, which then acts for itself.
fn is_link_to_page(head: &RequestHead<'_>) -> bool {
    head.is_get && head.mode == Some("navigate") && head.is_page
}

/// An address needs no name server, so nobody could have pointed it here.
fn is_address(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(host).parse::<IpAddr>().is_ok()
}

fn is_private(name: &str) -> bool {
    !name.contains('.') || PRIVATE.iter().any(|end| ends_with(name, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Allowed, ForeignHost, ForeignOrigin, NoHost, Pass};

    fn pages(hosts: &[&str], origins: &[&str], keys_are_on: bool) -> WebPages {
        let hosts: Vec<_> = hosts
            .iter()
            .map(|host| HostPattern::parse(host).unwrap())
            .collect();
        let listed = origins.iter().filter(|origin| **origin != "*");
        let origins = AllowedOrigins {
            listed: listed
                .map(|origin| WebOrigin::parse(origin).unwrap())
                .collect(),
            any: origins.contains(&"*"),
        };
        WebPages::new("hub.example.com", &hosts, &origins, keys_are_on)
    }

    fn post<'a>(host: &'a str, origin: Option<&'a str>, site: Option<&'a str>) -> RequestHead<'a> {
        RequestHead {
            path: "/v1/messages",
            host: Some(host),
            origin,
            site,
            ..RequestHead::default()
        }
    }

    #[test]
    fn without_keys_the_hub_answers_to_its_own_names_only() {
        for (host, verdict) in [
            ("127.0.0.1:8200", Pass),
            ("[::1]:8200", Pass),
            ("192.168.1.9", Pass),
            ("localhost:8200", Pass),
            ("LOCALHOST.", Pass),
            ("hub", Pass),
            ("message_hub:8200", Pass),
            ("hub.localhost", Pass),
            ("hub.default.svc", Pass),
            ("hub.default.svc.cluster.local:8200", Pass),
            ("nas.home.arpa", Pass),
            ("HUB.example.com", Pass),
            ("hub.example.org", Pass),
            ("a.sub.example.org", Pass),
            ("evil.example:8200", ForeignHost),
            ("sub.example.org.evil.example", ForeignHost),
            ("evillocal.example", ForeignHost),
            ("127.0.0.1.evil.example", ForeignHost),
            ("0x7f.1", ForeignHost),
            ("a b", NoHost),
            ("", NoHost),
        ] {
            let pages = pages(&["hub.example.org", ".sub.example.org"], &[], false);
            assert_eq!(pages.judge(&post(host, None, None)), verdict, "{host}");
        }
        let without = RequestHead {
            host: None,
            ..post("", None, None)
        };
        assert_eq!(pages(&[], &[], true).judge(&without), NoHost);
    }

    #[test]
    fn with_keys_names_count_only_if_some_are_listed() {
        let foreign = post("evil.example", None, None);
        assert_eq!(pages(&[], &[], true).judge(&foreign), Pass);
        assert_eq!(
            pages(&["a.example"], &[], true).judge(&foreign),
            ForeignHost
        );
        assert_eq!(pages(&[], &["*"], false).judge(&foreign), ForeignHost);
    }

    #[test]
    fn a_page_of_another_origin_is_kept_out_with_keys_and_without() {
        let own = "127.0.0.1:8200";
        for (host, origin, site, verdict) in [
            (own, None, None, Pass),
            (own, Some("http://127.0.0.1:8200"), None, Pass),
            (
                own,
                Some("http://127.0.0.1:8200"),
                Some("same-origin"),
                Pass,
            ),
            (own, None, Some("none"), Pass),
            (own, Some("https://evil.example"), None, ForeignOrigin),
            (own, Some("http://127.0.0.1:9000"), None, ForeignOrigin),
            (own, Some("http://localhost:8200"), None, ForeignOrigin),
            (own, Some("null"), None, ForeignOrigin),
            (own, Some(""), None, ForeignOrigin),
            (own, None, Some("cross-site"), ForeignOrigin),
            (own, None, Some("same-site"), ForeignOrigin),
            (
                own,
                Some("http://127.0.0.1:8200"),
                Some("cross-site"),
                ForeignOrigin,
            ),
            ("hub", Some("https://hub"), None, Pass),
            ("hub", Some("http://hub:81"), None, ForeignOrigin),
        ] {
            for keys_are_on in [false, true] {
                let judged = pages(&[], &[], keys_are_on).judge(&post(host, origin, site));
                assert_eq!(judged, verdict, "{host} {origin:?} {site:?}");
            }
        }
    }

    #[test]
    fn a_listed_origin_is_let_in_whatever_the_browser_calls_it() {
        let pages_of = |origins: &[&str]| pages(&[], origins, false);
        let listed = pages_of(&["https://app.example", "http://localhost:3000"]);
        for (origin, verdict) in [
            ("https://app.example", Allowed),
            ("https://APP.example:443", Allowed),
            ("http://localhost:3000", Allowed),
            ("http://app.example", ForeignOrigin),
            ("https://app.example:444", ForeignOrigin),
            ("https://a.app.example", ForeignOrigin),
            ("null", ForeignOrigin),
        ] {
            let head = post("127.0.0.1", Some(origin), Some("cross-site"));
            assert_eq!(listed.judge(&head), verdict, "{origin}");
        }
        for origin in ["null", "https://evil.example"] {
            let head = post("127.0.0.1", Some(origin), None);
            assert_eq!(pages_of(&["*"]).judge(&head), Allowed);
        }
        let image = post("127.0.0.1", None, Some("cross-site"));
        assert_eq!(pages_of(&["*"]).judge(&image), Pass);
    }

    #[test]
    fn monitors_and_links_to_pages_are_let_through() {
        let at = |path, only_reads, mode| RequestHead {
            is_get: only_reads,
            only_reads,
            path,
            is_page: ["/", "/docs/", "/app.js"].contains(&path),
            mode,
            ..post(
                "127.0.0.1",
                Some("https://evil.example"),
                Some("cross-site"),
            )
        };
        for (head, verdict) in [
            (at("/health", true, None), Pass),
            (at("/health/ready", true, None), Pass),
            (at("/metrics", true, None), Pass),
            (at("/metrics", false, None), ForeignOrigin),
            (at("/healthy", true, None), ForeignOrigin),
            (at("/app.js", true, Some("navigate")), Pass),
            (at("/docs/", true, Some("navigate")), Pass),
            (at("/", true, Some("navigate")), Pass),
            (at("/docs/", true, Some("no-cors")), ForeignOrigin),
            (at("/docs/", false, Some("navigate")), ForeignOrigin),
            (at("/v1/messages", true, Some("navigate")), ForeignOrigin),
        ] {
            assert_eq!(pages(&[], &[], true).judge(&head), verdict, "{head:?}");
        }
        let unnamed = RequestHead {
            host: None,
            ..at("/health", true, None)
        };
        assert_eq!(pages(&[], &[], false).judge(&unnamed), Pass);
    }
}
