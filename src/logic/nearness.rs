//! Whether a request comes from the hub's own machine, as far as that can be told.

use core::net::IpAddr;

use crate::domain::web_origin::{Authority, ends_with, without_dot};

/// What programs that pass on requests of others add to them; and all that begin with
/// [`FORWARDED`].
const PASSED_ON: [&str; 6] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];
const FORWARDED: &str = "x-forwarded-";

/// Whether it came over the loopback and was not passed on. Who passes on what others ask is on
/// this machine often enough, so a request that shows it is as far away as anybody: by a header, or
/// by having asked for another host than this machine. `headers` are their names, in lower case.
pub fn is_from_here<'a>(
    peer: Option<IpAddr>,
    host: Option<&str>,
    headers: impl IntoIterator<Item = &'a str>,
) -> bool {
    peer.is_some_and(|peer| peer.to_canonical().is_loopback())
        && host.and_then(Authority::parse).is_some_and(is_this_machine)
        && !headers.into_iter().any(is_passed_on)
}

fn is_passed_on(header: &str) -> bool {
    header.starts_with(FORWARDED) || PASSED_ON.contains(&header)
}

fn is_this_machine(authority: Authority<'_>) -> bool {
    let host = authority.host;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(host).parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let name = without_dot(host);
    name.eq_ignore_ascii_case("localhost") || ends_with(name, ".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(peer: &str, host: &str, headers: &[&str]) -> bool {
        let peer = peer.parse().unwrap();
        is_from_here(Some(peer), Some(host), headers.iter().copied())
    }

    #[test]
    fn what_comes_over_the_loopback_is_from_here() {
        for peer in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            for host in [
                "127.0.0.1:8200",
                "[::1]:8200",
                "localhost",
                "LOCALHOST.:8200",
                "hub.localhost",
            ] {
                assert!(
                    is_near(peer, host, &["accept", "user-agent"]),
                    "{peer} {host}"
                );
            }
        }
        for peer in ["10.0.0.1", "172.17.0.1", "fe80::1", "::ffff:10.0.0.1"] {
            assert!(!is_near(peer, "localhost", &[]), "{peer}");
        }
        assert!(!is_from_here(None, Some("localhost"), []));
        assert!(!is_from_here(Some([127, 0, 0, 1].into()), None, []));
    }

    #[test]
    fn what_was_passed_on_is_not() {
        for header in [
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-real-ip",
        ] {
            assert!(
                !is_near("127.0.0.1", "localhost", &["accept", header]),
                "{header}"
            );
        }
        for host in ["hub.example.org", "10.0.0.1", "localhost.example.org", "?"] {
            assert!(!is_near("127.0.0.1", host, &[]), "{host}");
        }
    }
}
