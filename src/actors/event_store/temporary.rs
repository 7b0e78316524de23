//! Until events are published.
use actix::{Context, Handler};

use super::EventStore;
use crate::actors::messages::Publish;

impl Handler<Publish> for EventStore {
    type Result = ();

    fn handle(&mut self, _: Publish, _: &mut Context<Self>) {}
}
