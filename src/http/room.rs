//! Room for what is read: bounded for all together, and nobody has more than half of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpRequest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Hub;
use super::auth::Caller;
use crate::domain::ids::ServiceName;

/// For all answers together, in KiB.
const ROOM: usize = 256 << 10;
/// For those of one peer, in KiB.
const SHARE: usize = ROOM / 2;

/// Whom an answer is for, told apart by what cannot be had in any number for nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Peer {
    /// It has proved its name.
    Service(ServiceName),
    /// Anybody may take any name. Of IPv6 the network, of which everybody has one with many addresses.
    Network(IpAddr),
    Unknown,
}

/// The room that all answers share.
pub struct Room {
    all: Arc<Semaphore>,
    /// Of the peers that have or wait for some.
    shares: Mutex<HashMap<Peer, Arc<Semaphore>>>,
}

/// Some room, from when it was taken until this is dropped.
pub struct Permit {
    of_share: OwnedSemaphorePermit,
    of_all: OwnedSemaphorePermit,
}

impl Peer {
    pub fn of(request: &HttpRequest, hub: &Hub) -> Self {
        if hub.keys.are_required()
            && let Some(name) = Caller::of(request).name
        {
            return Self::Service(name);
        }
        match request.peer_addr() {
            Some(address) => Self::at(address.ip()),
            None => Self::Unknown,
        }
    }

    fn at(address: IpAddr) -> Self {
        Self::Network(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                Ipv6Addr::from_bits(network).into()
            }
            address => address,
        })
    }
}

impl Default for Room {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(ROOM)),
            shares: Mutex::default(),
        }
    }
}

impl Room {
    /// Waits for `kib` of room. Who waits for others of its own holds nothing that anybody else
    /// waits for.
    pub async fn take(&self, peer: &Peer, kib: usize) -> Permit {
        let kib = u32::try_from(kib.min(SHARE)).unwrap_or(u32::MAX);
        let share = self.share(peer);
        let of_share = share.acquire_many_owned(kib).await;
        let of_all = self.all.clone().acquire_many_owned(kib).await;
        Permit {
            of_share: of_share.expect("nobody closes a share"),
            of_all: of_all.expect("nobody closes the room"),
        }
    }

    fn share(&self, peer: &Peer) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        // Permits, and those who wait for one, keep theirs.
        shares.retain(|_, share| Arc::strong_count(share) > 1);
        let share = shares.entry(peer.clone());
        let share = share.or_insert_with(|| Arc::new(Semaphore::new(SHARE)));
        share.clone()
    }
}

impl Permit {
    /// Gives back what is more than `kib`.
    pub fn shrink_to(&mut self, kib: usize) {
        let spare = self.of_all.num_permits().saturating_sub(kib);
        drop(self.of_share.split(spare));
        drop(self.of_all.split(spare));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::at(address.parse().unwrap())
    }

    #[test]
    fn one_peer_has_at_most_half_and_others_the_rest() {
        let room = Room::default();
        let (one, other) = (peer("10.0.0.1"), peer("10.0.0.2"));
        let take = |peer: &Peer, kib| room.take(peer, kib).now_or_never();
        let mut half = take(&one, SHARE).unwrap();
        assert!(take(&one, 1).is_none());
        let rest = take(&other, ROOM - SHARE).unwrap();
        assert!(take(&peer("10.0.0.3"), 1).is_none());
        half.shrink_to(SHARE - 7);
        assert!(take(&one, 8).is_none());
        assert!(take(&one, 7).is_some());
        drop((half, rest));
        assert_eq!(room.all.available_permits(), ROOM);
        assert!(take(&one, usize::MAX).is_some());
        assert_eq!(
            room.shares.lock().unwrap().len(),
            1,
            "those of others are gone"
        );
    }

    #[test]
    fn addresses_that_one_has_for_nothing_are_one_peer() {
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1:2:3"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
    }
}
