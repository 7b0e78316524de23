//! Who sees names in what everybody may ask for. While there are keys, that is who shows one, or
//! asks on the hub's own machine; all others see how the hub is, but not who uses it. What
//! receivers answered is for operators and that machine alone.

use std::net::IpAddr;

use super::Hub;
use super::access::Principal;
use super::keys::AuthFailure;

/// What of the hub somebody sees who asks how it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sight {
    /// An operator's: names, and what receivers answered.
    All,
    /// A service's.
    Names,
    /// A stranger's.
    NumbersOnly,
}

impl Sight {
    /// Whether services are told by name.
    pub fn shows_names(self) -> bool {
        self != Self::NumbersOnly
    }
}

impl Hub {
    /// What somebody sees who says to be `principal` and asks from `peer`, perhaps from here.
    pub fn sight(
        &self,
        peer: Option<IpAddr>,
        principal: impl FnOnce() -> Result<Principal, AuthFailure>,
        is_here: impl FnOnce() -> bool,
    ) -> Sight {
        if !self.keys.now().are_required() {
            return Sight::All;
        }
        match principal() {
            Ok(principal) if principal.sees_all() => return Sight::All,
            Ok(_) => return Sight::Names,
            // Answered nevertheless, but nobody tries keys here unseen.
            Err(denial) => drop(self.refuse(peer, denial)),
        }
        match is_here() {
            true => Sight::All,
            false => Sight::NumbersOnly,
        }
    }
}
