//! Actors: thin shells that receive messages, ask the logic and act on its answer.
//! [`messages`] is the map of everything that passes between them.

pub mod archivist;
pub mod callback_circuit;
mod children;
mod circuit;
pub mod circuit_breaker;
pub mod dead_letters;
pub mod death_watch;
pub mod dispatcher;
pub mod event_log;
pub mod event_reader;
pub mod event_store;
#[cfg(test)]
mod fixtures;
pub mod health_probe;
pub mod historian;
pub mod invariants;
pub mod messages;
mod off_thread;
pub mod pending_mailbox;
#[cfg(test)]
mod probe;
pub mod registry;
pub mod retry_timer;
pub mod router;
pub mod scheduler;
pub mod subscription;
pub mod subscriptions;
pub mod timer;
pub mod warden;
