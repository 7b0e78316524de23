//! What clients ask of the Router.

use actix::Message as ActixMessage;

use crate::domain::ids::ServiceName;

/// http → Router: how full the doors are.
#[derive(ActixMessage)]
#[rtype(result = "AdmissionReport")]
pub struct InspectAdmission;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AdmissionReport {
    /// Every name that was ever a destination.
    pub known: Vec<ServiceName>,
    pub overflows: u64,
    pub throttles: u64,
    pub throttled: Vec<ServiceName>,
    pub overloaded: Vec<ServiceName>,
}
