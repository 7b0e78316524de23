//! Sockets that take messages of a service: instances of it as long as they are open.

use std::sync::Arc;

use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::{Health, Registration};
use crate::domain::timestamp::Timestamp;
use crate::logic::service_view::{InstanceTransport, InstanceView};

/// What a socket that listens is to its service.
pub(super) struct Listener {
    pub instance_id: InstanceId,
    pub since: Timestamp,
    pub prefetch: u32,
}

impl Listener {
    /// Whoever keeps a socket open is well.
    pub(super) fn view(&self, service: &ServiceName, max_in_flight: u32) -> InstanceView {
        let registration = Registration {
            service: service.clone(),
            instance_id: self.instance_id.clone(),
            registered_at: self.since,
            version: None,
            address: None,
            health_check: None,
            max_in_flight,
            endpoints: Vec::new(),
            metadata: None,
            weight: 1,
            capabilities: Vec::new(),
            ttl_ms: None,
            dependencies: Vec::new(),
        };
        InstanceView {
            registration: Arc::new(registration),
            transport: InstanceTransport::WebSocket,
            health: Health::Healthy,
            since: self.since,
            cause: Some("its socket is open".to_owned()),
            last_seen: self.since,
            expires_at: None,
            draining_since: None,
            out_of_rotation: None,
        }
    }
}
