//! Room for request bodies, from the first byte that is read until the request is answered.
//!
//! What is small, and what settles messages, has room of its own that costs one addition. All else
//! comes from a pool in which nobody has more than a share; so does what finds its own room full.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::HubError;
use crate::logic::limits::{Limit, Limits};
use crate::pool::{Full, Held, Peer, Pool};

/// Limit for one message, in bytes.
pub const ONE: usize = 1 << 20;
/// Bodies up to so many bytes are small: a connection costs as much.
const SMALL: usize = 64 << 10;

/// The room that all bodies share. Clones are the same room.
#[derive(Clone)]
pub struct Bodies {
    pool: Pool,
    small: Arc<Reserve>,
    settling: Arc<Reserve>,
}

/// What a body is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// It settles messages, which gives room back, or asks for them.
    Settling,
    /// Anything else.
    Other,
}

/// Bytes of one body; they are given back when this is dropped.
pub struct Permit {
    pool: Pool,
    reserve: Arc<Reserve>,
    in_reserve: usize,
    held: Option<Held>,
}

struct Reserve {
    most: usize,
    /// A body of more bytes is none for it.
    longest: usize,
    taken: AtomicUsize,
}

impl Reserve {
    fn new(most: usize, longest: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            longest,
            taken: AtomicUsize::new(0),
        })
    }

    fn take(&self, more: usize) -> bool {
        let before = self.taken.fetch_add(more, Ordering::AcqRel);
        let fits = before + more <= self.most;
        if !fits {
            self.give_back(more);
        }
        fits
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::AcqRel);
    }
}

impl Bodies {
    /// A quarter is for what is small, and a sixteenth for what settles.
    pub fn new(limits: &Limits) -> Self {
        let all = limits.size(Limit::BodyBytes);
        let (small, settling) = (all / 4, all / 16);
        Self {
            pool: Pool::of(all - small - settling),
            small: Reserve::new(small, SMALL),
            settling: Reserve::new(settling, ONE),
        }
    }

    /// Where what is large has its room.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// For nothing yet.
    pub fn permit(&self, purpose: Purpose) -> Permit {
        let reserve = match purpose {
            Purpose::Settling => &self.settling,
            Purpose::Other => &self.small,
        };
        Permit {
            pool: self.pool.clone(),
            reserve: reserve.clone(),
            in_reserve: 0,
            held: None,
        }
    }
}

impl Permit {
    /// Lets `more` bytes of this peer come in, or takes nothing.
    ///
    /// # Errors
    /// 429 if there is no room, or none for this peer.
    pub fn grow(&mut self, more: usize, peer: impl FnOnce() -> Peer) -> Result<(), HubError> {
        if let Some(held) = &mut self.held {
            return held.grow(more).map_err(refusal);
        }
        let bytes = self.in_reserve + more;
        if bytes <= self.reserve.longest && self.reserve.take(more) {
            self.in_reserve = bytes;
            return Ok(());
        }
        let mut held = self.pool.held(&peer());
        held.grow(bytes).map_err(refusal)?;
        self.held = Some(held);
        self.reserve.give_back(std::mem::take(&mut self.in_reserve));
        Ok(())
    }
}

fn refusal(full: Full) -> HubError {
    match full {
        Full::Share(most) => HubError::ShareFull {
            limit: Limit::BodyBytes,
            most,
        },
        Full::Pool => HubError::Busy,
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.reserve.give_back(self.in_reserve);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ServiceName;

    const MIB: usize = 1 << 20;

    fn peer(name: &str) -> Peer {
        Peer::Service(ServiceName::parse(name).unwrap())
    }

    fn bodies() -> Bodies {
        let mut limits = Limits::default();
        limits.set(Limit::BodyBytes, 64 << 20);
        Bodies::new(&limits)
    }

    /// Bodies of this size, until one is refused.
    fn fill(bodies: &Bodies, purpose: Purpose, name: &str, size: usize) -> (Vec<Permit>, HubError) {
        let mut permits = Vec::new();
        loop {
            let mut permit = bodies.permit(purpose);
            match permit.grow(size, || peer(name)) {
                Ok(()) => permits.push(permit),
                Err(error) => return (permits, error),
            }
        }
    }

    #[test]
    fn who_sends_large_bodies_keeps_nobody_out() {
        let bodies = bodies();
        let (permits, error) = fill(&bodies, Purpose::Other, "beta", 2 * MIB);
        assert_eq!(permits.len(), 11);
        assert_eq!(error.code().name(), "LIMIT_REACHED");
        for size in [10, 2 * MIB] {
            let mut other = bodies.permit(Purpose::Other);
            assert!(other.grow(size, || peer("alpha")).is_ok(), "{size}");
        }
        let mut ack = bodies.permit(Purpose::Settling);
        assert!(ack.grow(MIB, || peer("beta")).is_ok());
    }

    #[test]
    fn who_fills_every_reserve_keeps_nobody_out() {
        let bodies = bodies();
        let small = fill(&bodies, Purpose::Other, "beta", SMALL);
        let settling = fill(&bodies, Purpose::Settling, "beta", MIB);
        assert_eq!(settling.1.code().name(), "LIMIT_REACHED");
        for purpose in [Purpose::Other, Purpose::Settling] {
            let mut other = bodies.permit(purpose);
            assert!(other.grow(100, || peer("alpha")).is_ok(), "{purpose:?}");
        }
        drop((small, settling));
        assert_eq!(bodies.pool.used(), 0);
        assert_eq!(bodies.small.taken.load(Ordering::Acquire), 0);
        assert_eq!(bodies.settling.taken.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_body_that_outgrows_the_reserve_leaves_it() {
        let bodies = bodies();
        let mut permit = bodies.permit(Purpose::Other);
        for _ in 0..3 {
            permit.grow(SMALL, || peer("beta")).unwrap();
        }
        assert_eq!(bodies.pool.used(), 3 * SMALL);
        assert_eq!(bodies.small.taken.load(Ordering::Acquire), 0);
        assert_eq!(permit.grow(MIB, || peer("beta")).ok(), Some(()));
    }
}
