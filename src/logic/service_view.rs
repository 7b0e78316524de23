//! Services and their instances as those are told who ask.

use std::sync::Arc;

use serde::Serialize;

use super::page::MOST_BYTES;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::service::{Health, Registration};
use crate::domain::strategy::Strategy;
use crate::domain::timestamp::Timestamp;

/// What became of a registration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistrationOutcome {
    /// The instance was there; else it is new.
    pub replaced: bool,
    /// The fields that are not as they were; none if it is new.
    pub changed: Vec<&'static str>,
    /// It was draining, and takes messages again.
    pub undid_drain: bool,
    /// How the instance is now.
    pub health: Health,
    /// Another instance of the service at the same host and port, with another path.
    pub beside: Option<InstanceId>,
}

/// How an instance is after its heartbeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alive {
    /// Its health.
    pub health: Health,
    /// When the next heartbeat is overdue, if one was promised.
    pub expires_at: Option<Timestamp>,
}

/// A service as [`ServiceView`] shows it, without its instances.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceSummary {
    /// Its name.
    pub service: ServiceName,
    /// As in [`ServiceView`].
    pub status: Health,
    /// Its instances, in the order of [`Health::ALL`].
    pub instances: [usize; Health::ALL.len()],
    /// Instances that can take messages; one more if somebody else polls.
    pub available: u32,
    /// Who takes its messages by itself: sockets, and those who poll.
    pub consumers: usize,
    /// It is pushed to, and no instance is well.
    pub is_failing: bool,
}

/// How all registered services are together, however many there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServicesSurvey {
    /// How many there are.
    pub registered: usize,
    /// How many of them are degraded.
    pub degraded: usize,
    /// How many of them are unhealthy.
    pub unhealthy: usize,
    /// Who takes messages by itself: sockets, and those who poll.
    pub consumers: usize,
    /// One of them is pushed to, and no instance of it is well.
    pub is_one_failing: bool,
}

impl ServicesSurvey {
    /// An instance nobody checked counts as healthy.
    pub fn healthy(&self) -> usize {
        self.registered - self.degraded - self.unhealthy
    }
}

/// A service with its instances.
#[derive(Clone, PartialEq, Debug)]
pub struct ServiceView {
    /// Its name.
    pub service: ServiceName,
    /// `Unknown` never shows: an instance nobody checked counts as healthy here.
    pub status: Health,
    /// When an instance last gave a sign of life.
    pub last_seen: Option<Timestamp>,
    /// By their ids.
    pub instances: Vec<InstanceView>,
    /// Instances that can take messages; one more if somebody else polls.
    pub available: u32,
    /// The strategy in force.
    pub strategy: Strategy,
    /// It was chosen for this service, not configured for all.
    pub has_own_strategy: bool,
    /// What it needs and is missing.
    pub issues: Vec<String>,
}

impl ServiceView {
    /// How many instances, by their ids, one answer shows.
    pub fn shown_instances(&self) -> usize {
        let (mut count, mut bytes) = (0, 0);
        for instance in &self.instances {
            if bytes >= MOST_BYTES {
                break;
            }
            bytes += instance.bytes();
            count += 1;
        }
        count
    }

    /// Roughly how large that is as text, in bytes.
    pub fn shown_bytes(&self) -> usize {
        let shown = &self.instances[..self.shown_instances()];
        let issues: usize = self.issues.iter().map(String::len).sum();
        500 + issues + shown.iter().map(InstanceView::bytes).sum::<usize>()
    }
}

/// An instance of a service.
#[derive(Clone, PartialEq, Debug)]
pub struct InstanceView {
    /// What it says of itself.
    pub registration: Arc<Registration>,
    /// How messages come to it.
    pub transport: InstanceTransport,
    /// `Unknown` as long as nobody checked it.
    pub health: Health,
    /// Of its health, or of the hub's start.
    pub since: Timestamp,
    /// What led to its health; `None` as long as nobody knows it.
    pub cause: Option<String>,
    /// When it last gave a sign of life.
    pub last_seen: Timestamp,
    /// When its next heartbeat is overdue, if it promised any.
    pub expires_at: Option<Timestamp>,
    /// Since when it takes nothing new.
    pub draining_since: Option<Timestamp>,
    /// Why it is sent nothing; `None`: it is sent messages, or asks for them.
    pub out_of_rotation: Option<OutOfRotation>,
}

impl InstanceView {
    fn bytes(&self) -> usize {
        700 + self.registration.bytes()
    }
}

/// How messages come to an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceTransport {
    /// The hub pushes them to its address.
    Http,
    /// Over a socket that is open now.
    WebSocket,
    /// It asks for them.
    Pull,
}

impl InstanceTransport {
    /// All there are, for the description of the interfaces.
    pub const ALL: [Self; 3] = [Self::Http, Self::WebSocket, Self::Pull];
}

/// Why an instance is sent nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfRotation {
    /// It answered 410 and has not registered since.
    Gone,
    /// Somebody asked for that.
    Draining,
    /// It did not answer its health check, or its heartbeat is overdue.
    Unhealthy,
}

impl OutOfRotation {
    /// All there are, for the description of the interfaces.
    pub const ALL: [Self; 3] = [Self::Gone, Self::Draining, Self::Unhealthy];
}

/// The instance whose turn it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PickedInstance {
    /// Which one.
    pub instance_id: InstanceId,
    /// Where it is.
    pub url: String,
}
