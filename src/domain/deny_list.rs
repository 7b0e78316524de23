//! Addresses that nothing the hub sends by itself may lead to.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};

use super::web_origin::HostPattern;

/// Networks and names of hosts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DenyList(Vec<Denied>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Denied {
    /// All addresses whose first so many bits are these.
    Network(IpAddr, u8),
    Host(HostPattern),
}

/// Where the metadata of machines in a cloud is found, and what else has no service.
const USUAL: [&str; 7] = [
    "169.254.0.0/16",
    "100.100.100.200/32",
    "fe80::/10",
    "fd00:ec2::254/128",
    "metadata",
    "metadata.google.internal",
    "instance-data",
];

impl Default for DenyList {
    fn default() -> Self {
        let denied = USUAL.into_iter().filter_map(Denied::parse);
        Self(denied.collect())
    }
}

impl DenyList {
    /// Reads networks such as `10.0.0.0/8`, addresses, and names of hosts; gives back the first
    /// text that is none of these.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut denied = Vec::new();
        for text in texts {
            denied.push(Denied::parse(text).ok_or(text)?);
        }
        Ok(Self(denied))
    }

    /// Whether this name, or address written as one, is on the list. IPv6 may stand in brackets.
    pub fn denies_host(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse() {
            return self.denies(address);
        }
        let name = bare.trim_end_matches('.');
        self.0
            .iter()
            .any(|denied| matches!(denied, Denied::Host(pattern) if pattern.matches(name)))
    }

    /// Whether this address is on the list. Where it leads counts as well: the unspecified address
    /// reaches the machine itself, as the loopback address does, and an IPv4 address within an IPv6
    /// address is where a translator or a tunnel takes it.
    pub fn denies(&self, address: IpAddr) -> bool {
        let address = plain(address);
        let is_listed = |address| {
            self.0.iter().any(|denied| match denied {
                Denied::Network(network, bits) => is_within(address, *network, *bits),
                Denied::Host(_) => false,
            })
        };
        if is_listed(address) || is_listed(reached_by(address)) {
            return true;
        }
        let IpAddr::V6(six) = address else {
            return false;
        };
        let within = embedded(six).into_iter().flatten();
        within
            .map(IpAddr::V4)
            .any(|four| is_listed(four) || is_listed(reached_by(four)))
    }
}

/// As the texts it is read from.
impl Serialize for DenyList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|denied| match denied {
            Denied::Network(network, bits) => format!("{network}/{bits}"),
            Denied::Host(name) => name.to_string(),
        }))
    }
}

impl Denied {
    fn parse(text: &str) -> Option<Self> {
        if let Some((network, bits)) = text.split_once('/') {
            let network: IpAddr = network.parse().ok()?;
            let bits = bits.parse().ok().filter(|bits| *bits <= width(network))?;
            return Some(Self::Network(network, bits));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Network(address, width(address)));
        }
        if text.len() > 253 || is_short_address(text) {
            return None;
        }
        HostPattern::parse(text).map(Self::Host)
    }
}

/// Whether a name ends like no name does: resolvers read `127.1`, `0x7f000001` and `2130706433` as
/// addresses, which are not the one that a list of names would have.
fn is_short_address(name: &str) -> bool {
    let last = name.trim_end_matches('.').rsplit('.').next();
    let last = last.unwrap_or_default().to_ascii_lowercase();
    let digits = last.strip_prefix("0x").unwrap_or(&last);
    let is_hex = digits.len() < last.len();
    last.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (is_hex && byte.is_ascii_hexdigit()))
}

/// An IPv4 address dressed up as IPv6 is the IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => six.to_canonical(),
        four @ IpAddr::V4(_) => four,
    }
}

/// The IPv4 addresses that translators and tunnels find in an IPv6 address.
fn embedded(address: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    let bytes = address.octets();
    let at = |places: [usize; 4]| Some(Ipv4Addr::from(places.map(|place| bytes[place])));
    const LAST: [usize; 4] = [12, 13, 14, 15];
    match address.segments() {
        // NAT64 (RFC 6052), IPv4 translated (RFC 2765), and IPv4 merely written as IPv6, which the
        // loopback address is not.
        [0x64, 0xff9b, 0, 0, 0, 0, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0, 0, 0, 0, 0, 0, 1..=0xffff, _] => [at(LAST), None, None, None],
        // NAT64 in a network of its own (RFC 8215), whose prefix has any of four lengths.
        [0x64, 0xff9b, 1, ..] => [
            at(LAST),
            at([6, 7, 9, 10]),
            at([7, 9, 10, 11]),
            at([9, 10, 11, 12]),
        ],
        // 6to4 (RFC 3056).
        [0x2002, ..] => [at([2, 3, 4, 5]), None, None, None],
        // Teredo (RFC 4380): the server, and the client with its bits turned round.
        [0x2001, 0, ..] => {
            let client = LAST.map(|place| !bytes[place]);
            [at([4, 5, 6, 7]), Some(Ipv4Addr::from(client)), None, None]
        }
        // ISATAP (RFC 5214).
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => [at(LAST), None, None, None],
        _ => [None; 4],
    }
}

/// Connecting to the unspecified address connects to the machine itself.
fn reached_by(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    if address.is_ipv4() != network.is_ipv4() {
        return false;
    }
    let shift = u32::from(width(address) - bits);
    let prefix = |address| number(address).checked_shr(shift).unwrap_or(0);
    prefix(address) == prefix(network)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u32::from(four).into(),
        IpAddr::V6(six) => Ipv6Addr::to_bits(six),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_denied_unless_somebody_says_otherwise() {
        let usual = DenyList::default();
        for host in [
            "169.254.169.254",
            "[fe80::1]",
            "fe80::1",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "100.100.100.200",
            "[64:ff9b::169.254.169.254]",
            "[64:ff9b::100.100.100.200]",
            "Metadata.Google.Internal",
            "metadata.google.internal.",
        ] {
            assert!(usual.denies_host(host), "{host}");
        }
        for host in ["127.0.0.1", "10.0.0.5", "[::1]", "shop", "169.253.0.1"] {
            assert!(!usual.denies_host(host), "{host}");
        }
    }

    #[test]
    fn an_ipv4_address_is_found_in_whatever_ipv6_address_leads_to_it() {
        let list = DenyList::parse(["10.1.2.3"]).unwrap();
        for host in [
            "::ffff:10.1.2.3",
            "::10.1.2.3",
            "::ffff:0:10.1.2.3",
            "64:ff9b::10.1.2.3",
            "64:ff9b:1::10.1.2.3",
            "64:ff9b:1:a01:2:300::",
            "64:ff9b:1:ff0a:1:203::",
            "64:ff9b:1:0:a:102:300:0",
            "2002:a01:203::1",
            "2001:0:a01:203::1",
            "2001::f5fe:fdfc",
            "2001:db8::5efe:10.1.2.3",
            "2001:db8::200:5efe:10.1.2.3",
        ] {
            assert!(list.denies_host(host), "{host}");
        }
        for host in [
            "::ffff:10.1.2.4",
            "64:ff9b::10.1.2.4",
            "2002:a01:204::1",
            "2001:db8::10.1.2.3",
            "2001::10.1.2.3",
            "2003:a01:203::1",
            "::1",
        ] {
            assert!(!list.denies_host(host), "{host}");
        }
        let itself = DenyList::parse(["127.0.0.0/8"]).unwrap();
        assert!(itself.denies_host("64:ff9b::"), "the unspecified address");
        let nothing = DenyList::parse(["0.0.0.0/8"]).unwrap();
        assert!(!nothing.denies_host("::1"));
    }

    #[test]
    fn the_unspecified_address_is_the_machine_itself() {
        let four = DenyList::parse(["127.0.0.0/8"]).unwrap();
        let six = DenyList::parse(["::1"]).unwrap();
        for (host, by_four, by_six) in [
            ("0.0.0.0", true, false),
            ("[::ffff:0.0.0.0]", true, false),
            ("[::]", false, true),
            ("0.0.0.1", false, false),
            ("[::2]", false, false),
        ] {
            assert_eq!(four.denies_host(host), by_four, "{host}");
            assert_eq!(six.denies_host(host), by_six, "{host}");
        }
        let itself = DenyList::parse(["0.0.0.0", "::"]).unwrap();
        assert!(itself.denies_host("0.0.0.0") && itself.denies_host("[::]"));
        assert!(!itself.denies_host("127.0.0.1"));
    }

    #[test]
    fn a_dot_before_a_name_stands_for_all_below_it() {
        let list = DenyList::parse([".Example.test", "3com.test"]).unwrap();
        for (host, is_denied) in [
            ("a.example.test", true),
            ("a.b.EXAMPLE.test.", true),
            ("example.test", false),
            ("badexample.test", false),
            ("3com.test", true),
        ] {
            assert_eq!(list.denies_host(host), is_denied, "{host}");
        }
        let again = serde_json::to_string(&list).unwrap();
        assert_eq!(again, r#"[".example.test","3com.test"]"#);
    }

    #[test]
    fn networks_addresses_and_names_can_be_denied() {
        let list = DenyList::parse(["10.0.0.0/8", "192.168.1.7", "::/0", "Intern"]).unwrap();
        for (host, is_denied) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.168.1.7", true),
            ("192.168.1.8", false),
            ("[2001:db8::1]", true),
            ("intern", true),
            ("intern.example", false),
        ] {
            assert_eq!(list.denies_host(host), is_denied, "{host}");
        }
        assert_eq!(
            DenyList::parse([]).map(|list| list.denies_host("10.0.0.1")),
            Ok(false)
        );
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "a b",
            "::/129",
            "127.1",
            "127.1.",
            "2130706433",
            "0x7f000001",
            "127.0x1",
            "10.0.0.256",
            ".",
            "a..b",
            "..example",
            "*.example",
        ] {
            assert_eq!(DenyList::parse([text]), Err(text));
        }
    }
}
