//! What clients bring, before anything became of it.

use std::sync::Arc;

use super::event::{Event, ExpectedVersion};
use super::message::Message;

/// A message that somebody sends.
#[derive(Clone, PartialEq, Debug)]
pub struct Offer {
    /// As it is accepted, if it is.
    pub message: Arc<Message>,
    /// Refuse rather than queue while nobody can take it.
    pub or_reject: bool,
}

/// An event that somebody publishes.
#[derive(Clone, PartialEq, Debug)]
pub struct EventOffer {
    /// Without sequence, version and time, which the writer gives it.
    pub event: Event,
    /// What the stream has to be at; `None`: whatever it is.
    pub expected_version: Option<ExpectedVersion>,
}
