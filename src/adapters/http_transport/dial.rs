//! New connections, to allowed addresses only.

use std::cell::OnceCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{FutureExt, LocalBoxFuture};
use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};
use rustix::io::Errno;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use super::failure::{DENIED, Failure, is_own_want};
use super::stream::{Socket, Stream};
use crate::adapters::tls::Trust;
use crate::domain::deny_list::DenyList;

const CONNECT: &str = "cannot connect";
const NO_CERTIFICATE: &str = "cannot connect: its host is nothing that a certificate can be for: \
    write its name, or its address as four numbers";

/// Where a request goes: connections to the same place are as good as each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Place {
    is_secure: bool,
    authority: Authority,
}

impl Place {
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        Some(Self {
            is_secure: uri.scheme() == Some(&Scheme::HTTPS),
            authority: uri.authority()?.clone(),
        })
    }

    /// An IPv6 address without its brackets.
    fn host(&self) -> &str {
        let host = self.authority.host();
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        bare.unwrap_or(host)
    }

    fn usual_port(&self) -> u16 {
        if self.is_secure { 443 } else { 80 }
    }

    fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(self.usual_port())
    }

    /// As the header `Host` has it.
    pub(super) fn host_and_port(&self) -> &str {
        if self.port() == self.usual_port() {
            return self.authority.host();
        }
        self.authority.as_str()
    }
}

pub(super) type Found = io::Result<Vec<SocketAddr>>;
/// Finds the addresses of a name and a port.
pub(super) type Resolve = dyn Fn(String, u16) -> LocalBoxFuture<'static, Found>;

/// As the operating system finds them.
pub(super) fn system() -> Rc<Resolve> {
    Rc::new(|host, port| {
        async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed_local()
    })
}

pub(super) struct Dialer {
    deny: DenyList,
    trust: Trust,
    /// Made when the first address with `https` comes.
    tls: OnceCell<TlsConnector>,
    resolve: Rc<Resolve>,
}

impl Dialer {
    pub(super) fn new(deny: DenyList, trust: Trust, resolve: Rc<Resolve>) -> Self {
        Self {
            deny,
            trust,
            tls: OnceCell::new(),
            resolve,
        }
    }

    /// Whether nothing may be sent there, as far as that is known without a resolver.
    pub(super) fn denies(&self, place: &Place) -> bool {
        self.deny.denies_host(place.host())
    }

    /// A connection that nothing was sent over yet.
    pub(super) async fn connect(&self, place: &Place) -> Result<Connection, Failure> {
        let socket = Socket::new(self.reach(place).await?);
        if !place.is_secure {
            return Connection::over(Stream::plain(socket)).await;
        }
        let Ok(name) = ServerName::try_from(place.host().to_owned()) else {
            return Err(Failure::of_the_receiver(NO_CERTIFICATE));
        };
        let shaken = self.tls().connect(name, socket).await;
        let stream = shaken.map_err(|cause| Failure::of_io(CONNECT, &cause))?;
        Connection::over(Stream::secure(stream)).await
    }

    fn tls(&self) -> &TlsConnector {
        self.tls
            .get_or_init(|| TlsConnector::from(Arc::new(self.trust.https())))
    }

    /// The first of its addresses that takes the connection. What is connected to is what was looked
    /// at: a name is asked for once only.
    async fn reach(&self, place: &Place) -> Result<TcpStream, Failure> {
        let mut problem = Failure::of_the_receiver("cannot connect: its name has no address");
        let mut denied = 0;
        let addresses = self.addresses(place).await?;
        for address in &addresses {
            if self.deny.denies(address.ip()) {
                denied += 1;
                continue;
            }
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Only makes small requests faster; a connection works without it.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(cause) => problem = refused(&cause, *address),
            }
            if problem.is_own {
                break;
            }
        }
        if denied > 0 && denied == addresses.len() {
            return Err(Failure::of_the_receiver(DENIED));
        }
        Err(problem)
    }

    async fn addresses(&self, place: &Place) -> Result<Vec<SocketAddr>, Failure> {
        let port = place.port();
        if let Ok(address) = place.host().parse::<IpAddr>() {
            return Ok(vec![(address, port).into()]);
        }
        let found = (self.resolve)(place.host().to_owned(), port).await;
        found.map_err(|cause| {
            let mut failure = Failure::of_io(CONNECT, &cause);
            failure.is_own |= are_files_short();
            failure
        })
    }
}

fn refused(cause: &io::Error, address: SocketAddr) -> Failure {
    let mut failure = Failure::of_io(CONNECT, cause);
    if Errno::from_io_error(cause) == Some(Errno::ADDRNOTAVAIL) {
        failure.is_own |= is_reachable(address);
    }
    failure
}

/// `EADDRNOTAVAIL` says that no port is left to connect from, or that this machine has no address
/// from which that one could be reached. Datagrams know the second case and hardly ever the first.
fn is_reachable(address: SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).is_ok_and(|socket| socket.connect(address).is_ok())
}

/// A resolver that cannot open its files says that there is no such name.
fn are_files_short() -> bool {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).is_err_and(|cause| is_own_want(&cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Place {
        Place::of(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_usual_port_is_not_said() {
        for (url, host) in [
            ("http://shop/a", "shop"),
            ("http://shop:80", "shop"),
            ("https://shop:443/", "shop"),
            ("https://shop:80", "shop:80"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(place(url).host_and_port(), host, "{url}");
        }
        assert_eq!(place("http://[::1]:9").host(), "::1");
    }

    #[test]
    fn an_address_that_nobody_here_can_reach_is_no_want_of_ports() {
        let cause = Errno::ADDRNOTAVAIL.into();
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        assert!(refused(&cause, here).is_own);
        // Broadcasts are refused to who does not ask for them.
        let nowhere = SocketAddr::from((Ipv4Addr::BROADCAST, 9));
        assert!(!refused(&cause, nowhere).is_own);
    }
}
