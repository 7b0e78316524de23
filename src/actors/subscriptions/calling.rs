//! One call to a callback because somebody asked for it: past its circuit, and beside what the
//! subscription is owed, neither of which hears of it.

use actix::{AsyncContext, Context, Handler, Message};
use rand::RngExt;

use super::Subscriptions;
use crate::actors::messages::subscriptions::TestCallback;
use crate::domain::ids::ServiceName;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;
use crate::logic::callback_tests::{CallbackTest, test_event};
use crate::logic::webhook::{Handing, push_request};
use crate::ports::transport::{PushRequest, PushResponse};

/// A callback that is tested answered, or did not.
#[derive(Message)]
#[rtype(result = "()")]
struct TestEnded {
    id: SubscriptionId,
    answer: PushResponse,
}

impl Subscriptions {
    fn begin_test(
        &mut self,
        id: SubscriptionId,
        owner: Option<&ServiceName>,
    ) -> Result<PushRequest, Refusal> {
        if self.is_draining {
            return Err(Refusal::Stopping);
        }
        let subscription = self.subscriptions.callback_of(id, owner)?;
        let callback = subscription.callback().ok_or(Refusal::NotFound)?;
        let moment = self.settings.clock.moment();
        self.testing.tests.begin(id, moment.hub)?;
        let event = test_event(id, moment.wall, rand::rng().random());
        let handing = Handing {
            event: &event,
            callback,
            attempt: 1,
            max_attempts: 1,
            is_replay: false,
        };
        let patience = self.settings.subscriptions.message_timeout;
        Ok(push_request(&handing, patience, moment.wall))
    }
}

impl Handler<TestCallback> for Subscriptions {
    type Result = ();

    fn handle(&mut self, test: TestCallback, ctx: &mut Context<Self>) {
        let TestCallback { id, owner, reply } = test;
        let request = match self.begin_test(id, owner.as_ref()) {
            Ok(request) => request,
            Err(refusal) => return drop(reply.send(Err(refusal))),
        };
        self.testing.waiting.insert(id, reply);
        let (answer, home) = (
            self.settings.circuits.transport.push(request),
            ctx.address(),
        );
        actix::spawn(async move {
            let answer = answer.await;
            home.do_send(TestEnded { id, answer });
        });
    }
}

impl Handler<TestEnded> for Subscriptions {
    type Result = ();

    fn handle(&mut self, ended: TestEnded, _: &mut Context<Self>) {
        let TestEnded { id, answer } = ended;
        let began = self.testing.tests.end(id);
        if let Some(reply) = self.testing.waiting.remove(&id)
            && let Some(began) = began
        {
            let took = self.settings.clock.now().since(began);
            let _ = reply.send(Ok(CallbackTest::ended(&answer, took)));
        }
    }
}
