//! Named subscriptions of sockets.

use actix::{Context, Handler};

use super::EventBus;
use crate::actors::messages::{AckPosition, AttachSocket};
use crate::domain::refusal::Refusal;

const NOT_YET: &str = "subscription: named subscriptions are not available";

impl Handler<AttachSocket> for EventBus {
    type Result = ();

    fn handle(&mut self, attach: AttachSocket, _: &mut Context<Self>) {
        let _ = attach.reply.send(Err(Refusal::Conflict(NOT_YET)));
    }
}

impl Handler<AckPosition> for EventBus {
    type Result = ();

    fn handle(&mut self, ack: AckPosition, _: &mut Context<Self>) {
        if let Some(reply) = ack.reply {
            let _ = reply.send(Err(Refusal::Conflict(NOT_YET)));
        }
    }
}
