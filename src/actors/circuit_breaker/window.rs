//! How much may be under way, as the Scheduler and the Router are told.

use actix::Context;

use super::CircuitBreaker;
use super::told::Told;
use crate::actors::messages::scheduler::WindowChanged;
use crate::domain::circuit::CircuitState;
use crate::domain::moment::Moment;
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;

impl CircuitBreaker {
    /// Tells how much may be under way, if that changed.
    pub(super) fn tell_window(&mut self, ctx: &mut Context<Self>) {
        // There may be another of this service, who is the one to say.
        if self.is_leaving {
            return;
        }
        let now = self.settings.clock.now();
        let capacity = self.balancer.capacity_of_all(now);
        if capacity.full > 0 || self.has_puller {
            self.alone_since = None;
        } else {
            self.alone_since.get_or_insert(now);
        }
        let news = WindowChanged {
            service: self.service.clone(),
            window: self.window_with_lingering(capacity),
            outlook: self.outlook(),
            types: self.balancer.capacities(self.has_puller, now),
        };
        self.tell(news);
        self.arm_timer(now, ctx);
    }

    /// The Scheduler hears what is new, the Router only what changes its answers.
    fn tell(&mut self, news: WindowChanged) {
        let told = self.told.as_ref();
        if told.is_some_and(|told| told.says_all_of(&news)) {
            return;
        }
        if told.is_some_and(|told| told.has_the_outlook_of(&news)) {
            self.hops.window.do_send(news.clone());
        } else {
            self.hops.tell_window(&news);
        }
        self.told = Some(Told::of(news));
    }

    fn outlook(&self) -> Outlook {
        if let Some(since) = self.alone_since {
            return match self.is_left {
                true => Outlook::Left,
                false => Outlook::NoInstance { since },
            };
        }
        // Who pulls is not pushed to, so the circuit does not stand in the way.
        if self.has_puller {
            return Outlook::Ready;
        }
        match (
            self.shell.circuit.breaker.state(),
            self.shell.circuit.breaker.open_until(),
        ) {
            (CircuitState::Open, Some(until)) => Outlook::CircuitOpen { until },
            (CircuitState::HalfOpen, _) => Outlook::Trial,
            _ => Outlook::Ready,
        }
    }

    fn arm_timer(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        let next = self.shell.circuit.breaker.next_tick();
        self.timer.set(next, now, ctx, |breaker, ctx| {
            breaker.timer.fired();
            breaker.tick(breaker.settings.clock.moment(), ctx);
            breaker.tell_window(ctx);
        });
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Moment, ctx: &mut Context<Self>) {
        let transition = self.shell.circuit.breaker.tick(now.hub);
        self.changed_by_itself(transition, None, now, ctx);
    }
}
