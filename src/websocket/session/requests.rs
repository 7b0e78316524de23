//! What the client asks: each text is read when it is its turn, and what is in it is begun.

use actix::{AsyncContext, Handler, Message};

use super::super::answers::{Answer, Answers, Slip};
use super::super::frames::{self, SocketRequest};
use super::super::texts;
use super::client::SocketClient;
use super::door;
use super::step::Step;
use super::{Answered, Context, MOST_ANSWER_BYTES, Session};
use crate::domain::ids::LeaseToken;
use crate::domain::offer::{EventOffer, Offer};
use crate::domain::refusal::Refusal;
use crate::hub::Hub;
use crate::hub::bodies::Purpose;
use crate::hub::error::HubError;
use crate::hub::publish::PublishOutcome;
use crate::logic::queues::lease::LeaseEnd;

/// Of one text, what is done together.
#[derive(Default)]
struct Together {
    events: Vec<(Slip, EventOffer)>,
    messages: Vec<(Slip, Offer)>,
    acks: Vec<(Slip, Vec<LeaseToken>)>,
}

impl Session {
    /// Begins what the client asked, in its order; says whether only room for answers is missing.
    pub(super) fn work(&mut self, ctx: &mut Context) -> bool {
        loop {
            // What comes after relies on the change.
            if self.feed.is_changing() {
                return false;
            }
            if let Some(step) = self.steps.pop_front() {
                self.begin(step, ctx);
                continue;
            }
            if self.texts.is_empty() {
                return false;
            }
            if !self.may_begin() {
                return self.answers.ready_bytes() >= MOST_ANSWER_BYTES;
            }
            if let Some(text) = self.texts.pop_front() {
                self.read(&text, ctx);
            }
        }
    }

    fn read(&mut self, text: &str, ctx: &mut Context) {
        if self.door.is_waiting() {
            return self.open_door(text);
        }
        let client = self.client.clone();
        let context = client.context(self.hub.clock.wall());
        let (frames, is_array) = frames::read(text, &context);
        self.takes_arrays |= is_array;
        let mut permit = self.hub.bodies.permit(Purpose::Other);
        let permitted = permit.grow(text.len(), || self.peer.clone());
        let batch = self
            .answers
            .open(frames.len(), is_array, text.len(), permit);
        let mut together = Together::default();
        for (index, frame) in frames.into_iter().enumerate() {
            let slip = Slip {
                place: Answers::place(batch, index),
                reference: frame.reference,
                ignored: frame.ignored,
            };
            let ask = frame.ask.and_then(|ask| self.admit(ask, &permitted));
            match ask {
                Err(error) => self.refuse(&slip, &error),
                Ok(SocketRequest::Publish(offer)) => together.events.push((slip, *offer)),
                Ok(SocketRequest::Send(offer)) => together.messages.push((slip, offer)),
                Ok(SocketRequest::End(leases, LeaseEnd::Ack)) => together.acks.push((slip, leases)),
                Ok(ask) => self.steps.push_back(Step { slip, ask }),
            }
        }
        self.publish(together.events, ctx);
        self.send(together.messages, ctx);
        self.ack(together.acks, ctx);
    }

    /// What is already with the client may be settled until the end; nothing new is taken.
    fn admit(
        &self,
        ask: SocketRequest,
        permitted: &Result<(), HubError>,
    ) -> Result<SocketRequest, HubError> {
        let is_settling = matches!(
            ask,
            SocketRequest::End(..)
                | SocketRequest::AckSequence(_)
                | SocketRequest::NackSequence(_)
                | SocketRequest::Ping
        );
        if !self.is_open() && !is_settling {
            return Err(Refusal::Stopping.into());
        }
        if let Err(full) = permitted
            && matches!(ask, SocketRequest::Publish(_) | SocketRequest::Send(_))
        {
            self.hub.counters.refused_busy.inc();
            return Err(full.clone());
        }
        Ok(ask)
    }

    fn begin(&mut self, step: Step, ctx: &mut Context) {
        let slip = step.slip;
        match step.ask {
            SocketRequest::Subscribe(subscribe) => self.subscribe(slip, subscribe, ctx),
            SocketRequest::Unsubscribe(event_types) => {
                self.unsubscribe(slip, event_types.as_deref(), ctx);
            }
            SocketRequest::Consume(consume) => self.consume(slip, consume, ctx),
            SocketRequest::End(leases, end) => self.end(slip, leases, end, ctx),
            SocketRequest::AckSequence(sequence) => self.ack_sequence(slip, sequence, ctx),
            SocketRequest::NackSequence(refused) => self.nack_sequence(slip, refused, ctx),
            SocketRequest::Ping => {
                let pong = texts::pong(slip.reference.as_ref());
                self.answers.give((slip.place, Some(pong)));
            }
            SocketRequest::Watch(what) => self.watch(slip, what, ctx),
            SocketRequest::Unwatch => self.unwatch(&slip, ctx),
            SocketRequest::Auth(_) => self.refuse(&slip, &door::not_now()),
            SocketRequest::Publish(offer) => self.publish(vec![(slip, *offer)], ctx),
            SocketRequest::Send(offer) => self.send(vec![(slip, offer)], ctx),
        }
    }

    fn publish(&mut self, events: Vec<(Slip, EventOffer)>, ctx: &Context) {
        if events.is_empty() {
            return;
        }
        let (hub, client, home) = (self.hub.clone(), self.client.clone(), ctx.address());
        actix::spawn(async move {
            home.do_send(Answered(publish_all(&hub, &client, events).await));
        });
    }

    fn send(&mut self, sends: Vec<(Slip, Offer)>, ctx: &Context) {
        if sends.is_empty() {
            return;
        }
        let (hub, client, home) = (self.hub.clone(), self.client.clone(), ctx.address());
        actix::spawn(async move {
            home.do_send(Answered(send_all(&hub, &client, sends).await));
        });
    }

    fn ack(&mut self, acks: Vec<(Slip, Vec<LeaseToken>)>, ctx: &Context) {
        if acks.is_empty() {
            return;
        }
        let (hub, client, home) = (self.hub.clone(), self.client.clone(), ctx.address());
        actix::spawn(async move {
            home.do_send(ack_all(&hub, &client, acks).await);
        });
    }

    fn end(&mut self, slip: Slip, leases: Vec<LeaseToken>, end: LeaseEnd, ctx: &Context) {
        let context = self.client.context(self.hub.clock.wall());
        let ended = self.hub.end_leases(&context, leases.clone(), end);
        let (hub, home) = (self.hub.clone(), ctx.address());
        actix::spawn(async move {
            let outcome = ended.await;
            let over = over(&outcome, leases);
            let answers = vec![confirm(&hub, &slip, outcome)];
            home.do_send(LeasesEnded { answers, over });
        });
    }
}

async fn send_all(hub: &Hub, client: &SocketClient, sends: Vec<(Slip, Offer)>) -> Vec<Answer> {
    let (slips, offers): (Vec<Slip>, Vec<Offer>) = sends.into_iter().unzip();
    let ids: Vec<_> = offers.iter().map(|offer| offer.message.id).collect();
    let context = client.context(hub.clock.wall());
    let in_line = {
        let _turn = client.turn.lock().await;
        hub.submit(&context, offers).await
    };
    let mut outcomes = match in_line {
        Ok(submission) => submission.outcomes(&context).await,
        Err(error) => Err(error),
    };
    let mut answers = Vec::with_capacity(slips.len());
    for (slip, id) in slips.iter().zip(ids) {
        let outcome = match &mut outcomes {
            Ok(outcomes) => outcomes.next().unwrap_or(Err(HubError::Internal)),
            Err(error) => Err(error.clone()),
        };
        let durability = hub.settings.durability;
        let said = outcome.map(|sent| texts::sent(slip, id, sent.known(), durability));
        answers.push(answer(hub, slip, said.map(Some)));
    }
    answers
}

async fn publish_all(
    hub: &Hub,
    client: &SocketClient,
    events: Vec<(Slip, EventOffer)>,
) -> Vec<Answer> {
    let (slips, offers): (Vec<Slip>, Vec<EventOffer>) = events.into_iter().unzip();
    let ids: Vec<_> = offers.iter().map(|offer| offer.event.id).collect();
    let context = client.context(hub.clock.wall());
    let in_line = {
        let _turn = client.turn.lock().await;
        hub.submit_events(&context, offers, false).await
    };
    let mut published = match in_line {
        Ok(submission) => submission.outcomes(&context).await,
        Err(error) => Err(error),
    };
    let outcome = |_: &Slip| match &mut published {
        Ok(outcomes) => outcomes.next().unwrap_or(Err(HubError::Internal)),
        Err(error) => Err(error.clone()),
    };
    let outcomes: Vec<_> = slips.iter().map(outcome).collect();
    let repeats = ids.iter().zip(&outcomes);
    let repeats = repeats.filter(|(_, outcome)| matches!(outcome, Ok(PublishOutcome::Known)));
    let originals = hub
        .original_events(repeats.map(|(id, _)| *id).collect())
        .await;
    let mut answers = Vec::with_capacity(slips.len());
    for ((slip, id), outcome) in slips.iter().zip(ids).zip(outcomes) {
        let durability = hub.settings.durability;
        let said = outcome.and_then(|published| {
            let (event, is_repeat) = match &published {
                PublishOutcome::Published(event) => (Some(&**event), false),
                PublishOutcome::Known => {
                    let originals = originals.as_ref().map_err(HubError::clone)?;
                    (originals.get(&id), true)
                }
            };
            let text = texts::published(slip, id, event, is_repeat, durability);
            Ok(Some(text))
        });
        answers.push(answer(hub, slip, said));
    }
    answers
}

/// An answer, or what went wrong instead.
pub(super) fn answer(
    hub: &Hub,
    slip: &Slip,
    said: Result<Option<bytestring::ByteString>, HubError>,
) -> Answer {
    let text = match said {
        Ok(text) => text,
        Err(error) => Some(texts::error(
            slip.reference.as_ref(),
            &error,
            hub.clock.wall(),
        )),
    };
    (slip.place, text)
}

/// `ok`, if the client gave something to know it by.
pub(super) fn confirm(hub: &Hub, slip: &Slip, outcome: Result<(), HubError>) -> Answer {
    let said = outcome.map(|()| slip.reference.as_ref().map(texts::ok));
    answer(hub, slip, said)
}

/// Leases are over, or were before.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct LeasesEnded {
    answers: Vec<Answer>,
    over: Vec<LeaseToken>,
}

impl Handler<LeasesEnded> for Session {
    type Result = ();

    fn handle(&mut self, ended: LeasesEnded, _: &mut Context) {
        self.consumers.settled(&ended.over);
        for answer in ended.answers {
            self.answers.give(answer);
        }
    }
}

/// Of `leases`, those that are over after this.
fn over(outcome: &Result<(), HubError>, leases: Vec<LeaseToken>) -> Vec<LeaseToken> {
    match outcome {
        Ok(()) => leases,
        Err(error) => stale(error).to_vec(),
    }
}

fn stale(error: &HubError) -> &[LeaseToken] {
    match error {
        HubError::Refused(Refusal::StaleLeases { stale }) => stale,
        _ => &[],
    }
}

/// Ends the leases of all acks at once. Each ack is all or nothing, so those that name a stale
/// lease are refused, and the others tried again without them.
async fn ack_all(
    hub: &Hub,
    client: &SocketClient,
    mut acks: Vec<(Slip, Vec<LeaseToken>)>,
) -> LeasesEnded {
    let mut ended = LeasesEnded {
        answers: Vec::with_capacity(acks.len()),
        over: Vec::new(),
    };
    while !acks.is_empty() {
        let leases: Vec<LeaseToken> = acks
            .iter()
            .flat_map(|(_, leases)| leases)
            .copied()
            .collect();
        let context = client.context(hub.clock.wall());
        let outcome = hub.end_leases(&context, leases.clone(), LeaseEnd::Ack);
        let outcome = outcome.await;
        let refused = outcome.as_ref().err().map_or(&[][..], stale).to_vec();
        ended.over.extend(over(&outcome, leases));
        let mut again = Vec::new();
        for (slip, leases) in acks {
            let own: Vec<_> = leases
                .iter()
                .filter(|lease| refused.contains(lease))
                .copied()
                .collect();
            if own.is_empty() && !refused.is_empty() {
                again.push((slip, leases));
                continue;
            }
            let outcome = match own.is_empty() {
                true => outcome.clone(),
                false => Err(Refusal::StaleLeases { stale: own }.into()),
            };
            ended.answers.push(confirm(hub, &slip, outcome));
        }
        acks = again;
    }
    ended
}
