//! What the Registry waits for.

use crate::domain::ids::{InstanceId, ServiceName};

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Due {
    /// Who polled for this service may have left.
    Puller(ServiceName),
    /// A heartbeat may be overdue.
    Heartbeat(ServiceName, InstanceId),
    /// An unhealthy instance may be gone for good.
    Life(ServiceName, InstanceId),
    /// Nobody was left of this service, and nobody may have come.
    Somebody(ServiceName),
}
