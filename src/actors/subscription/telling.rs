//! What others learn of a subscription.

use actix::Context;
use rand::RngExt;
use tokio::sync::oneshot;

use super::Subscription;
use crate::actors::messages::router::{EventSlot, Publish};
use crate::actors::messages::subscriptions::SubscriptionNews;
use crate::domain::offer::EventOffer;
use crate::domain::timestamp::Timestamp;
use crate::logic::delivery_window::DeliveryWindow;
use crate::logic::failing::{Failing, failing_event};

/// So many failures in a row are worth telling.
const WORTH_TELLING: u32 = 5;

impl Subscription {
    /// Tells the Subscriptions how far it is, if that changed.
    pub(super) fn tell(&mut self) {
        self.progress.position = self.live.position();
        self.progress.in_flight = u32::try_from(self.pushes.len()).unwrap_or(u32::MAX);
        let is_retrying = self.windows().any(DeliveryWindow::is_retrying);
        let retry_at = self.windows().filter_map(DeliveryWindow::next_retry).min();
        self.progress.is_retrying = is_retrying;
        self.progress.retry_at = retry_at;
        if self.told.as_ref() == Some(&self.progress) {
            return;
        }
        self.told = Some(self.progress.clone());
        self.hops.parent.do_send(SubscriptionNews::Progressed {
            id: self.subscription.id,
            progress: self.progress.clone(),
        });
    }

    /// `until`: when it is tried again, if it is known.
    pub(super) const fn circuit_open(&mut self, is_open: bool, until: Option<Timestamp>) {
        self.progress.is_circuit_open = is_open;
        self.progress.circuit_open_until = until;
    }

    /// `is_bad`: worth telling at once. Told once until something is delivered again.
    pub(super) fn count_failure(&mut self, is_bad: bool) {
        self.progress.failures = self.progress.failures.saturating_add(1);
        if self.failing_told || !(is_bad || self.progress.failures >= WORTH_TELLING) {
            return;
        }
        self.failing_told = true;
        let failing = Failing {
            subscription: &self.subscription,
            origin: &self.circuit.origin,
            last_error: self.progress.last_error.as_deref(),
            failures: self.progress.failures,
        };
        let wall = self.settings.clock.wall();
        let event = failing_event(&failing, wall, rand::rng().random());
        let offer = EventOffer {
            event,
            expected_version: None,
        };
        // Nobody waits for the answer.
        let (reply, _) = oneshot::channel();
        self.hops.publish.do_send(Publish {
            slots: vec![EventSlot::Offered(Box::new(offer))],
            atomic: false,
            reply,
        });
    }

    /// Sleeps until something is due.
    pub(super) fn arm(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        let may_begin = self.flow.may_begin_by_itself();
        let begins = may_begin.then(|| self.next_due(now)).flatten();
        let next = [begins, self.next_replay_record()].into_iter().flatten();
        let next = next.min();
        self.timer.set(next, now, ctx, |subscription, ctx| {
            subscription.timer.fired();
            subscription.go_on(ctx);
        });
    }
}
