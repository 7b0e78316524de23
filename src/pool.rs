//! Room that all peers share, of which each has at most a share.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::domain::ids::ServiceName;

/// Whom something is held for, told apart by what cannot be had in any number for nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Peer {
    /// It has proved its name.
    Service(ServiceName),
    /// Anybody may take any name. Of IPv6 the network, of which everybody has one with many addresses.
    Network(IpAddr),
    Unknown,
}

/// Bytes, or things, that may be held at once. Clones are the same pool.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    all: Arc<Semaphore>,
    most: usize,
    /// Of one peer.
    share: usize,
    peers: Mutex<Peers>,
}

#[derive(Default)]
struct Peers {
    /// What each may have still.
    shares: HashMap<Peer, Arc<Semaphore>>,
    /// How many there were when those that hold nothing were last let go.
    swept: usize,
}

/// Some of a pool, from when it was taken until this is dropped.
pub struct Held {
    pool: Pool,
    share: Arc<Semaphore>,
    of_share: Option<OwnedSemaphorePermit>,
    of_all: Option<OwnedSemaphorePermit>,
}

/// Why there is no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// The peer has all it may have: this is how much.
    Share(usize),
    /// All peers together have all there is.
    Pool,
}

impl Peer {
    pub fn at(address: IpAddr) -> Self {
        Self::Network(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                Ipv6Addr::from_bits(network).into()
            }
            address => address,
        })
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(name) => name.fmt(f),
            Self::Network(address) => address.fmt(f),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl Pool {
    /// Of which a peer has at most half.
    pub fn of(most: usize) -> Self {
        Self::with_share(most, most / 2)
    }

    pub fn with_share(most: usize, share: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            all: Arc::new(Semaphore::new(most)),
            most,
            share: share.min(most),
            peers: Mutex::default(),
        }))
    }

    /// What one peer may have.
    pub fn share(&self) -> usize {
        self.0.share
    }

    /// Nothing yet, for this peer.
    pub fn held(&self, peer: &Peer) -> Held {
        Held {
            pool: self.clone(),
            share: self.share_of(peer),
            of_share: None,
            of_all: None,
        }
    }

    /// Waits for so much, or a whole share. Who waits for others of its own holds nothing that
    /// anybody else waits for.
    pub async fn take(&self, peer: &Peer, amount: usize) -> Held {
        let mut held = self.held(peer);
        let amount = permits(amount.min(self.0.share));
        let of_share = held.share.clone().acquire_many_owned(amount).await;
        let of_all = self.0.all.clone().acquire_many_owned(amount).await;
        held.of_share = Some(open(of_share));
        held.of_all = Some(open(of_all));
        held
    }

    /// What all peers have now.
    pub fn used(&self) -> usize {
        self.0.most.saturating_sub(self.0.all.available_permits())
    }

    /// What this peer has now.
    pub fn used_by(&self, peer: &Peer) -> usize {
        let peers = self.peers();
        let share = peers.shares.get(peer);
        share.map_or(0, |share| self.taken(share))
    }

    /// Those that have most now, and how much.
    pub fn largest(&self, count: usize) -> Vec<(Peer, usize)> {
        let peers = self.peers();
        let shares = peers.shares.iter();
        let mut all: Vec<_> = shares
            .map(|(peer, share)| (peer.clone(), self.taken(share)))
            .filter(|(_, taken)| *taken > 0)
            .collect();
        all.sort_unstable_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
        all.truncate(count);
        all
    }

    fn taken(&self, share: &Semaphore) -> usize {
        self.0.share.saturating_sub(share.available_permits())
    }

    fn share_of(&self, peer: &Peer) -> Arc<Semaphore> {
        let mut peers = self.peers();
        if let Some(share) = peers.shares.get(peer) {
            return share.clone();
        }
        peers.sweep();
        let share = Arc::new(Semaphore::new(self.0.share));
        peers.shares.insert(peer.clone(), share.clone());
        share
    }

    fn peers(&self) -> std::sync::MutexGuard<'_, Peers> {
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peers {
    /// Lets go of who holds and waits for nothing, seldom enough to cost each newcomer little.
    fn sweep(&mut self) {
        if self.shares.len() < 2 * self.swept.max(8) {
            return;
        }
        self.shares.retain(|_, share| Arc::strong_count(share) > 1);
        self.swept = self.shares.len();
    }
}

impl Held {
    /// Takes more, or nothing.
    ///
    /// # Errors
    /// Why there is none.
    pub fn grow(&mut self, more: usize) -> Result<(), Full> {
        let permits = permits(more);
        let of_share = self.share.clone().try_acquire_many_owned(permits);
        let of_share = of_share.map_err(|_| Full::Share(self.pool.0.share))?;
        let of_all = self.pool.0.all.clone().try_acquire_many_owned(permits);
        let of_all = of_all.map_err(|_| Full::Pool)?;
        add(&mut self.of_share, of_share);
        add(&mut self.of_all, of_all);
        self.check();
        Ok(())
    }

    /// Gives back what is more than `amount`.
    pub fn shrink_to(&mut self, amount: usize) {
        let spare = self.amount().saturating_sub(amount);
        for permit in [&mut self.of_share, &mut self.of_all] {
            drop(permit.as_mut().and_then(|permit| permit.split(spare)));
        }
        self.check();
    }

    /// Both are given back together, so that whatever is held of the pool is some peer's.
    fn check(&self) {
        let of_share = self.of_share.as_ref();
        let of_share = of_share.map_or(0, OwnedSemaphorePermit::num_permits);
        debug_assert_eq!(
            of_share,
            self.amount(),
            "what is held of a share and of all"
        );
    }

    pub fn amount(&self) -> usize {
        self.of_all
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

fn add(held: &mut Option<OwnedSemaphorePermit>, more: OwnedSemaphorePermit) {
    match held {
        Some(held) => held.merge(more),
        None => *held = Some(more),
    }
}

fn permits(amount: usize) -> u32 {
    u32::try_from(amount).unwrap_or(u32::MAX)
}

fn open(permit: Result<OwnedSemaphorePermit, AcquireError>) -> OwnedSemaphorePermit {
    permit.expect("nobody closes a pool")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const ALL: usize = 1000;
    const SHARE: usize = 500;

    fn peer(address: &str) -> Peer {
        Peer::at(address.parse().unwrap())
    }

    #[test]
    fn one_peer_has_at_most_half_and_others_the_rest() {
        let pool = Pool::of(ALL);
        let (one, other) = (peer("10.0.0.1"), peer("10.0.0.2"));
        let take = |peer: &Peer, amount| pool.take(peer, amount).now_or_never();
        let mut half = take(&one, SHARE).unwrap();
        assert!(take(&one, 1).is_none());
        let rest = take(&other, SHARE).unwrap();
        assert!(take(&peer("10.0.0.3"), 1).is_none());
        half.shrink_to(SHARE - 7);
        assert!(take(&one, 8).is_none());
        assert!(take(&one, 7).is_some());
        drop((half, rest));
        assert_eq!(pool.used(), 0);
        assert!(take(&one, usize::MAX).is_some());
    }

    #[test]
    fn what_is_held_grows_as_far_as_there_is_room_and_says_why_not_further() {
        let pool = Pool::of(ALL);
        let (one, other, third) = (peer("10.0.0.1"), peer("10.0.0.2"), peer("10.0.0.3"));
        let (mut held, mut again) = (pool.held(&one), pool.held(&one));
        assert_eq!(held.grow(SHARE - 1), Ok(()));
        assert_eq!(again.grow(2), Err(Full::Share(SHARE)));
        assert_eq!(again.grow(1), Ok(()));
        assert_eq!(again.grow(0), Ok(()));
        let mut others = pool.held(&other);
        assert_eq!(others.grow(SHARE), Ok(()));
        assert_eq!(pool.held(&third).grow(1), Err(Full::Pool));
        assert_eq!((held.amount(), again.amount()), (SHARE - 1, 1));
        assert_eq!((pool.used(), pool.used_by(&one)), (ALL, SHARE));
        drop(held);
        assert_eq!(pool.held(&third).grow(SHARE - 1), Ok(()));
        assert_eq!(pool.largest(1), [(other, SHARE)]);
        assert_eq!(pool.largest(9).len(), 2);
    }

    #[test]
    fn peers_that_hold_nothing_are_forgotten() {
        let pool = Pool::of(ALL);
        let mut kept = pool.held(&Peer::Unknown);
        kept.grow(3).unwrap();
        for n in 0..10_000u32 {
            let peer = Peer::at(IpAddr::from(n.to_be_bytes()));
            pool.held(&peer).grow(1).unwrap();
        }
        assert!(pool.peers().shares.len() < 100);
        assert_eq!(pool.used_by(&Peer::Unknown), 3);
    }

    #[test]
    fn addresses_that_one_has_for_nothing_are_one_peer() {
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1:2:3"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
    }
}
