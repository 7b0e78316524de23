//! What clients ask of the Registry.

use std::sync::Arc;

use actix::Message as ActixMessage;

use super::Reply;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::service::{Health, Registration};
use crate::domain::timestamp::Timestamp;

/// http → Registry: add or replace an instance; answers whether it is new, after the sync.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Register {
    pub registration: Registration,
    pub reply: Reply<Registered>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registered {
    pub replaced: bool,
    pub health: Health,
}

/// http → Registry: remove a service, or one instance of it.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Deregister {
    pub service: ServiceName,
    pub instance_id: Option<InstanceId>,
    pub reply: Reply<Result<(), Refusal>>,
}

/// http → Registry: the services as they are.
#[derive(ActixMessage)]
#[rtype(result = "Vec<ServiceView>")]
pub struct InspectServices {
    pub service: Option<ServiceName>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct ServiceView {
    pub service: ServiceName,
    /// `Unknown` never shows: an instance nobody checked counts as healthy here.
    pub status: Health,
    pub last_seen: Option<Timestamp>,
    pub instances: Vec<InstanceView>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct InstanceView {
    pub registration: Arc<Registration>,
    pub health: Health,
    pub last_seen: Option<Timestamp>,
}
