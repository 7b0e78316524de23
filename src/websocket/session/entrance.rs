//! Who has to go: whoever does not say in time who it is, and whose session has ended. See
//! [`super::door`].

use std::rc::Rc;
use std::time::Duration;

use actix::AsyncContext;
use actix::fut::{ActorFutureExt, wrap_future};
use actix_web_actors::ws::CloseCode;
use tokio::sync::Mutex;

use super::super::answers::{Answers, Slip};
use super::super::frames::{self, SocketRequest};
use super::client::SocketClient;
use super::door::{Door, not_auth};
use super::requests::confirm;
use super::stage::Farewell;
use super::{Context, Session};
use crate::api::unknown::Ignored;
use crate::hub::bodies::Purpose;
use crate::hub::error::HubError;
use crate::hub::keys::Credentials;

/// So long a client may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);

impl Session {
    /// Whoever does not say in time who it is, and whose session ends, has to go.
    pub(super) fn watch_door(&mut self, ctx: &mut Context) {
        match &mut self.door {
            Door::Open => {}
            Door::Waiting { .. } => {
                ctx.run_later(PATIENCE, |session, _| {
                    if session.door.is_waiting() {
                        session.turn_away("no auth came within 5 seconds");
                    }
                });
            }
            Door::Session(_, end) => {
                if let Some(end) = end.take() {
                    let over = wrap_future::<_, Self>(end.reached());
                    let over =
                        over.map(|(), session, _| session.turn_away("the session has ended"));
                    ctx.spawn(over);
                }
            }
        }
    }

    /// An open socket is a use of its session.
    pub(super) fn use_session(&self) {
        if let Door::Session(id, _) = &self.door {
            self.hub.holder_of_session(*id);
        }
    }

    /// Reads the first frame, which is to say who the client is.
    pub(super) fn open_door(&mut self, text: &str) {
        let context = self.client.context(self.hub.clock.wall());
        let (mut frames, is_array) = frames::read(text, &context);
        let permit = self.hub.bodies.permit(Purpose::Other);
        let batch = self.answers.open(1, false, text.len(), permit);
        let first = frames.pop().filter(|_| !is_array);
        let (reference, ask) = match first {
            Some(first) => (first.reference, first.ask),
            None => (None, Err(not_auth())),
        };
        let slip = Slip {
            place: Answers::place(batch, 0),
            reference,
            ignored: Ignored::default(),
        };
        let outcome = match ask {
            Ok(SocketRequest::Auth(credentials)) => self.let_in(&credentials),
            Ok(_) => Err(not_auth()),
            Err(error) => Err(error),
        };
        let is_in = outcome.is_ok();
        self.answers.give(confirm(&self.hub, &slip, outcome));
        if !is_in {
            self.turn_away("the first frame is no auth that holds");
        }
    }

    fn let_in(&mut self, credentials: &Credentials) -> Result<(), HubError> {
        let (hub, address) = (&self.hub, self.client.address);
        let ip = address.map(|address| address.ip());
        let principal = hub.prove(ip, credentials)?;
        hub.count_request(&principal)?;
        let peer = hub.counted_for(&principal, ip);
        let place = hub.place_for_socket(&peer)?;
        self.client = Rc::new(SocketClient {
            principal,
            address,
            socket: self.client.socket,
            turn: Mutex::default(),
        });
        (self.peer, self._place, self.door) = (peer, place, Door::Open);
        Ok(())
    }

    /// Ends a socket that may not, or no longer, be used: what it was told before still reaches it.
    fn turn_away(&mut self, why: &'static str) {
        self.texts.clear();
        self.steps.clear();
        self.leave(Farewell::because((CloseCode::Policy, why)));
    }
}
