//! The sockets that are open, and what each says of itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix::{Message, Recipient};
use serde::Serialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::event::Sequence;
use crate::domain::ids::{InstanceId, Label, ServiceName};
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;

/// Where the open sockets are reached, on whatever thread each is.
#[derive(Default)]
pub struct OpenSockets(Mutex<BTreeMap<Uuid, Recipient<Describe>>>);

impl OpenSockets {
    pub fn add(&self, id: Uuid, socket: Recipient<Describe>) {
        self.lock().insert(id, socket);
    }

    pub fn remove(&self, id: Uuid) {
        self.lock().remove(&id);
    }

    /// All that are open now, by id.
    pub fn all(&self) -> Vec<(Uuid, Recipient<Describe>)> {
        self.lock().clone().into_iter().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Recipient<Describe>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// http → Session: the socket as it is.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Describe {
    pub reply: oneshot::Sender<OpenSocket>,
}

/// An open socket.
#[derive(Serialize, ToSchema)]
#[schema(as = Socket)]
pub struct OpenSocket {
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Who opened it; null: nobody with a name.
    pub service: Option<ServiceName>,
    /// Where it comes from: an address and a port.
    pub peer: Option<String>,
    /// When it was opened.
    pub since: Timestamp,
    /// When its client last said something, or was sent an event or a message, to 15 seconds; pings do
    /// not count. Null: it never was.
    pub last_used_at: Option<Timestamp>,
    pub consumers: Vec<OpenConsumer>,
    pub subscriptions: Vec<OpenFeed>,
    /// Messages that it has, or that are on their way to it, and that are not settled.
    pub in_flight: usize,
}

/// A service it takes messages for.
#[derive(Serialize, ToSchema)]
#[schema(as = SocketConsumer)]
pub struct OpenConsumer {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub in_flight: usize,
    /// How many more it takes before some of them are settled.
    pub credit: usize,
}

/// The events it is subscribed to.
#[derive(Serialize, ToSchema)]
#[schema(as = SocketSubscription)]
pub struct OpenFeed {
    /// Of a named subscription; else null.
    pub name: Option<Label>,
    pub subscription_id: Option<SubscriptionId>,
    /// How many patterns of types.
    pub patterns: usize,
    /// The sequence of the last event that was sent; before that, where it began.
    pub sent: Sequence,
}
