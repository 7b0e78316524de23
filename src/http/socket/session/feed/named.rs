//! The durable subscription of a socket: what its client acknowledged, and who may have it.

use std::sync::Arc;

use actix::AsyncContext;
use tokio::sync::oneshot;

use super::super::super::answers::Slip;
use super::super::super::frames::Subscribe;
use super::super::requests::{confirm, flatten};
use super::super::{Answered, Context, Session};
use crate::actors::messages::AckPosition;
use crate::domain::event::Sequence;
use crate::domain::ids::{Label, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;
use crate::error::{HubError, Subject};
use crate::http::ask::answered;

/// A durable subscription.
pub struct Named {
    pub service: ServiceName,
    pub name: Label,
    pub id: SubscriptionId,
}

impl Named {
    /// Whether a subscribe adds to it; everything else needs another socket.
    pub fn admit(&self, subscribe: &Subscribe) -> Result<(), HubError> {
        let field = "subscription";
        if subscribe
            .name
            .as_ref()
            .is_some_and(|name| *name != self.name)
        {
            let problem = "this socket has another one; take another socket";
            return Err(HubError::Conflict { field, problem });
        }
        if subscribe.service != self.service {
            let problem = "that of this socket belongs to another service; take another socket";
            return Err(HubError::Conflict { field, problem });
        }
        Ok(())
    }
}

impl Session {
    pub(in crate::http::socket::session) fn displaced(&mut self) {
        self.stop_following();
        self.feed.event_types = Arc::new([]);
        self.feed.keep(&[]);
        self.feed.named = None;
        let why = "subscription: another socket has taken it over";
        self.complain(&Refusal::Conflict(why).into());
    }

    pub(in crate::http::socket::session) fn ack_sequence(
        &mut self,
        slip: Slip,
        sequence: Sequence,
        ctx: &Context,
    ) {
        let wrong = |problem| HubError::invalid(Subject::Request, "sequence", problem);
        let Some(named) = &self.feed.named else {
            let error = wrong("this socket has no named subscription");
            return self.refuse(&slip, &error);
        };
        if sequence > self.feed.done_with() {
            return self.refuse(&slip, &wrong("was not sent yet"));
        }
        let (reply, acked) = oneshot::channel();
        self.hub.handles.ack_position.do_send(AckPosition {
            socket: self.socket,
            id: named.id,
            through: sequence,
            reply: Some(reply),
        });
        let (hub, home) = (self.hub.clone(), ctx.address());
        actix::spawn(async move {
            let outcome = flatten(answered(acked).await);
            home.do_send(Answered(vec![confirm(&hub, &slip, outcome)]));
        });
    }
}
