//! Asks one instance, again and again, whether it is well.
//!
//! Owns the thresholds of its instance. Receives from the Registry, its parent, what else tells how
//! the instance is: [`Seen`], [`Beat`] and [`Entered`]. Sends it [`ProbedHealth`] and
//! [`SignOfLife`]. One instance each, so that one that hangs delays nobody else's probe. Has one
//! question under way at most.

use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, Recipient};
use rand::RngExt;

use super::death_watch::DeathWatch;
use super::invariants::{self, Invariants};
use super::messages::registry::{ProbedHealth, SignOfLife};
use super::messages::reply::Reply;
use crate::clock::Clock;
use crate::domain::ids::{InstanceId, ServiceName};
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::health::{HealthTracker, Sign, probe_delay};
use crate::logic::service_view::{Alive, RegistrationOutcome};
use crate::ports::transport::{ProbeResponse, Transport};

pub struct HealthProbe {
    identity: Identity,
    tracker: HealthTracker,
    clock: Clock,
    schedule: Option<Schedule>,
    transport: Rc<dyn Transport>,
    hops: Hops,
    _watch: DeathWatch,
}

/// Whose probe it is, and which of all that were ever begun.
#[derive(Clone, Debug)]
pub struct Identity {
    pub service: ServiceName,
    pub instance_id: InstanceId,
    pub generation: u64,
}

/// Both lead to the Registry.
pub struct Hops {
    pub changed: Recipient<ProbedHealth>,
    pub alive: Recipient<SignOfLife>,
}

/// The hold of a parent on its probe, which ends when this is dropped. A sleep keeps an actor
/// alive without any address, so it would ask on for nobody.
pub struct Watch(Addr<HealthProbe>);

impl Watch {
    pub fn begin(probe: HealthProbe) -> Self {
        Self(probe.start())
    }

    pub fn tell(&self, sign: Sign) {
        self.0.do_send(Seen(sign));
    }

    /// The probe answers the instance, since it knows what the heartbeat changed.
    pub fn beat(&self, beat: Beat) {
        self.0.do_send(beat);
    }

    /// As [`Watch::beat`]: the probe knows what registering again changed.
    pub fn entered(&self, entered: Entered) {
        self.0.do_send(entered);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.do_send(End);
    }
}

/// What to ask, and how often. Without one the instance is judged by other signs alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    pub url: String,
    /// The pause before the first question.
    pub first_after: Duration,
    pub interval: Duration,
    pub timeout: Duration,
}

/// Registry → HealthProbe: something else tells how the instance is.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Seen(Sign);

/// Registry → HealthProbe: the instance sent a heartbeat and wants an answer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Beat {
    pub expires_at: Option<Timestamp>,
    pub reply: Reply<Result<Alive, Refusal>>,
}

/// Registry → HealthProbe: the instance registered and wants an answer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Entered {
    pub replaced: bool,
    pub changed: Vec<&'static str>,
    pub undid_drain: bool,
    pub beside: Option<InstanceId>,
    pub reply: Reply<Result<RegistrationOutcome, Refusal>>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Probed(ProbeResponse);

/// Nobody is interested in the instance any more.
#[derive(Message)]
#[rtype(result = "()")]
struct End;

impl HealthProbe {
    pub fn new(
        identity: Identity,
        (tracker, clock): (HealthTracker, Clock),
        schedule: Option<Schedule>,
        transport: Rc<dyn Transport>,
        hops: Hops,
        watch: DeathWatch,
    ) -> Self {
        Self {
            identity,
            tracker,
            clock,
            schedule,
            transport,
            hops,
            _watch: watch,
        }
    }

    fn ask(&self, ctx: &Context<Self>) {
        let Some(schedule) = &self.schedule else {
            return;
        };
        let answer = self.transport.probe(schedule.url.clone(), schedule.timeout);
        let home = ctx.address();
        actix::spawn(async move { home.do_send(Probed(answer.await)) });
    }

    fn saw(&mut self, sign: &Sign) {
        let Some(change) = self.tracker.on(sign, self.clock.now()) else {
            return;
        };
        let Identity {
            service,
            instance_id,
            generation,
        } = self.identity.clone();
        self.hops.changed.do_send(ProbedHealth {
            service,
            instance_id,
            generation,
            to: change.to,
            cause: sign.to_string(),
        });
    }

    /// Nothing, if the question did not get there for want of something of the hub's own.
    fn sign_of(&self, answer: ProbeResponse) -> Option<Sign> {
        let Identity {
            service,
            instance_id,
            ..
        } = self.identity.clone();
        match answer {
            ProbeResponse::Well => {
                self.hops.alive.do_send(SignOfLife {
                    service,
                    instance_id,
                });
                Some(Sign::ProbeGood)
            }
            ProbeResponse::NotWell(error) => {
                tracing::debug!(%service, instance = %instance_id, error, "probe failed");
                Some(Sign::ProbeBad(error))
            }
            ProbeResponse::NotTried(error) => {
                tracing::warn!(%service, instance = %instance_id, error, "no probe went out");
                None
            }
        }
    }
}

impl Invariants for HealthProbe {
    fn check(&self) -> usize {
        self.tracker.check();
        1
    }
}

impl Actor for HealthProbe {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        invariants::keep(ctx);
        match self.schedule.as_ref().map(|schedule| schedule.first_after) {
            Some(pause) if !pause.is_zero() => {
                ctx.run_later(pause, |probe, ctx| probe.ask(ctx));
            }
            _ => self.ask(ctx),
        }
    }
}

impl Handler<Probed> for HealthProbe {
    type Result = ();

    fn handle(&mut self, Probed(answer): Probed, ctx: &mut Context<Self>) {
        if let Some(sign) = self.sign_of(answer) {
            self.saw(&sign);
        }
        if let Some(schedule) = &self.schedule {
            let pause = probe_delay(schedule.interval, rand::rng().random());
            ctx.run_later(pause, |probe, ctx| probe.ask(ctx));
        }
    }
}

impl Handler<Seen> for HealthProbe {
    type Result = ();

    fn handle(&mut self, Seen(sign): Seen, _: &mut Context<Self>) {
        self.saw(&sign);
    }
}

impl Handler<Beat> for HealthProbe {
    type Result = ();

    fn handle(&mut self, beat: Beat, _: &mut Context<Self>) {
        self.saw(&Sign::Heartbeat);
        let _ = beat.reply.send(Ok(Alive {
            health: self.tracker.health(),
            expires_at: beat.expires_at,
        }));
    }
}

impl Handler<Entered> for HealthProbe {
    type Result = ();

    fn handle(&mut self, entered: Entered, _: &mut Context<Self>) {
        let _ = entered.reply.send(Ok(RegistrationOutcome {
            replaced: entered.replaced,
            changed: entered.changed,
            undid_drain: entered.undid_drain,
            health: self.tracker.health(),
            beside: entered.beside,
        }));
    }
}

impl Handler<End> for HealthProbe {
    type Result = ();

    fn handle(&mut self, _: End, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
