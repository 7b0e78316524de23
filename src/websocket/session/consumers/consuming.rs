//! How a socket comes to consume, and asks for messages.

use std::time::Duration;

use actix::{Addr, AsyncContext, Handler, Message};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::super::super::answers::Slip;
use super::super::super::frames::Consume;
use super::super::requests::{answer, confirm};
use super::super::stage::Stage;
use super::super::{Context, Session};
use super::{Consumer, Parcel, Terms};
use crate::domain::ids::{InstanceId, ServiceName};
use crate::hub::clients::Response;
use crate::hub::consumers::SocketInstance;
use crate::hub::error::{HubError, Subject};
use crate::hub::receive::ReceiveTerms;
use crate::logic::queues::leases::Leased;

/// Services one socket may consume for.
const MOST_CONSUMERS: usize = 100;
/// How long one question for messages may wait; another follows.
const LONG_POLL: Duration = Duration::from_secs(60);
/// How often leases that ran out are looked for.
const LEASE_CHECK: Duration = Duration::from_secs(1);

/// The Scheduler's answer.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Handed {
    service: ServiceName,
    parcel: Parcel,
}

/// The Registry's answer.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Listening {
    slip: Slip,
    consume: Consume,
    instance_id: InstanceId,
    outcome: Result<(), HubError>,
}

impl Session {
    pub(in crate::websocket::session) fn consume(
        &mut self,
        slip: Slip,
        consume: Consume,
        ctx: &mut Context,
    ) {
        // Before anything is begun for the service, which would be felt there.
        let principal = &self.client.principal;
        if let Err(error) = principal.may_act_for("service", &consume.service) {
            return self.refuse(&slip, &error);
        }
        let known = self.consumers.by_service.get(&consume.service);
        if known.is_none() && self.consumers.by_service.len() >= MOST_CONSUMERS {
            let problem = format!("a socket consumes for at most {MOST_CONSUMERS} services");
            let error = HubError::invalid(Subject::Request, "service", problem);
            return self.refuse(&slip, &error);
        }
        let present = known.map(|consumer| consumer.instance_id.clone());
        let instance_id = consume.instance_id.clone().or(present);
        let instance_id = instance_id.unwrap_or_else(generated_id);
        let consumer = Consumer::new(instance_id.clone());
        let place = self.consumers.by_service.entry(consume.service.clone());
        place.or_insert(consumer);
        if consume.lease.is_some() && !self.consumers.has_timed {
            self.consumers.has_timed = true;
            ctx.run_interval(LEASE_CHECK, |session, _| {
                session.consumers.forget_expired(session.hub.clock.now());
            });
        }
        let consumer = SocketInstance {
            socket: self.socket,
            service: consume.service.clone(),
            instance_id: instance_id.clone(),
            prefetch: consume.prefetch as u32,
        };
        let context = self.client.context(self.hub.clock.wall());
        let agreed = self.hub.consume(&context, consumer);
        let home = ctx.address();
        actix::spawn(async move {
            let outcome = agreed.await;
            home.do_send(Listening {
                slip,
                consume,
                instance_id,
                outcome,
            });
        });
    }

    /// Asks for as many messages as each consumer may have.
    pub(in crate::websocket::session) fn ask_for_messages(&mut self, ctx: &Context) {
        if !self.is_open() || !matches!(self.stage, Stage::Open) {
            for consumer in self.consumers.by_service.values_mut() {
                consumer.asking = None;
            }
            return;
        }
        for (service, consumer) in &mut self.consumers.by_service {
            let Some(terms) = consumer.terms else {
                continue;
            };
            let free = terms.prefetch.saturating_sub(consumer.unsettled);
            if free == 0 || consumer.asking.is_some() {
                continue;
            }
            let asked = ReceiveTerms {
                max: free,
                wait: LONG_POLL,
                lease: terms.lease,
            };
            let context = self.client.context(self.hub.clock.wall());
            let answer = self
                .hub
                .receive_for_socket(&context, service.clone(), asked);
            // Who may not was refused before it became a consumer, and stays who it is.
            let Ok(answer) = answer else {
                continue;
            };
            let (asking, taken_back) = oneshot::channel();
            consumer.asking = Some(asking);
            let parcel = Parcel {
                leased: Vec::new(),
                lease: terms.lease,
                returns: self.consumers.returns.clone(),
            };
            let (service, home) = (service.clone(), ctx.address());
            actix::spawn(bring(answer, taken_back, service, parcel, home));
        }
    }
}

/// Waits for messages and brings them home, or back if nobody is at home any more.
async fn bring(
    mut answer: Response<Vec<Leased>>,
    taken_back: oneshot::Receiver<()>,
    service: ServiceName,
    mut parcel: Parcel,
    home: Addr<Session>,
) {
    let leased = tokio::select! {
        biased;
        leased = &mut answer => leased.ok(),
        _ = taken_back => {
            // What was handed out in this very moment is not lost.
            answer.take_now()
        }
    };
    parcel.leased = leased.unwrap_or_default();
    home.do_send(Handed { service, parcel });
}

fn generated_id() -> InstanceId {
    let id = Uuid::from_u128(rand::random());
    InstanceId::parse(&format!("socket-{}", id.simple())).expect("letters and digits")
}

impl Handler<Handed> for Session {
    type Result = ();

    fn handle(&mut self, handed: Handed, _: &mut Context) {
        if matches!(self.stage, Stage::Open) {
            let now = self.hub.clock.now();
            self.consumers.take(&handed.service, handed.parcel, now);
        }
    }
}

impl Handler<Listening> for Session {
    type Result = ();

    fn handle(&mut self, listening: Listening, _: &mut Context) {
        let service = &listening.consume.service;
        if let Some(consumer) = self.consumers.by_service.get_mut(service) {
            if listening.outcome.is_ok() {
                consumer.instance_id = listening.instance_id;
                consumer.terms = Some(Terms {
                    prefetch: listening.consume.prefetch,
                    lease: listening.consume.lease,
                });
            } else if consumer.terms.is_none() {
                self.consumers.by_service.remove(service);
            }
        }
        let given = match listening.outcome {
            Ok(()) => confirm(&self.hub, &listening.slip, Ok(())),
            Err(error) => answer(&self.hub, &listening.slip, Err(error)),
        };
        self.answers.give(given);
    }
}
