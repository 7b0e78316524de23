//! Sending: messages on their way from a client into the journal.

use std::collections::{BTreeMap, HashMap};

use super::Hub;
use super::clients::Response;
use super::error::{HubError, Subject};
use super::handed_in::{Forbidden, InOrder};
use super::known_ids::{self, Given, IdMatch};
use super::request::RequestContext;
use super::steps::MessageSteps;
use crate::actors::messages::router::{Accept, Slot};
use crate::actors::messages::scheduler::{AwaitSettled, Inspect};
use crate::domain::attempt::AttemptOutcome;
use crate::domain::dead_letter::DeadReason;
use crate::domain::fact::Fact;
use crate::domain::ids::MessageId;
use crate::domain::message::{Message, State, Status};
use crate::domain::offer::Offer;
use crate::domain::refusal::Refusal;
use crate::logic::canonical::same_content;
use crate::ports::archive::{ArchivedMessage, MOST_IDS};

/// A message has no more headers.
const MOST_HEADERS: usize = 32;

/// # Errors
/// INVALID_MESSAGE if a message may not have so many.
pub fn check_headers(headers: &BTreeMap<String, String>) -> Result<(), HubError> {
    if headers.len() > MOST_HEADERS {
        let problem = format!("may have at most {MOST_HEADERS} entries");
        return Err(HubError::invalid(Subject::Message, "headers", problem));
    }
    Ok(())
}

/// Messages that have their place in line.
pub struct Submission {
    forbidden: Forbidden,
    steps: MessageSteps,
    slots: Response<Vec<Slot>>,
}

/// What became of a message that is the hub's now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendOutcome {
    /// It is in the journal.
    Accepted,
    /// The id was known, with the same content, and the message is in this state; `None`: it has
    /// ended, and only the archive may know how.
    Known(Option<State>),
}

impl SendOutcome {
    /// The state of a known message, as far as that is told without the archive.
    pub fn known(self) -> Option<State> {
        match self {
            Self::Accepted => None,
            Self::Known(state) => Some(state.unwrap_or(State::Queued)),
        }
    }

    fn of(slot: Slot) -> Result<Self, HubError> {
        match slot {
            Slot::Accepted => Ok(Self::Accepted),
            Slot::Duplicate(state) => Ok(Self::Known(state)),
            Slot::Refused(refusal) => Err(refusal.into()),
            Slot::Offered(_) | Slot::Doubtful(..) => Err(HubError::Internal),
        }
    }
}

/// What became of each message of a submission, in their order.
pub struct SendOutcomes(InOrder<Slot>);

impl Iterator for SendOutcomes {
    type Item = Result<SendOutcome, HubError>;

    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.0.next()?;
        Some(slot.and_then(SendOutcome::of))
    }
}

impl Submission {
    /// What became of each message, in their order: what was accepted is on disk.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE if that is not known.
    pub async fn outcomes(self, context: &RequestContext<'_>) -> Result<SendOutcomes, HubError> {
        let slots = self.slots.await?;
        self.steps.tell(context.request_id, &slots);
        Ok(SendOutcomes(self.forbidden.among(slots)))
    }
}

impl Hub {
    /// Takes messages: what became of each, in their order; AUTH_FAILED of one whose source is
    /// somebody else.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE if that is not known.
    pub async fn send(
        &self,
        context: &RequestContext<'_>,
        offers: Vec<Offer>,
    ) -> Result<SendOutcomes, HubError> {
        let submission = self.submit(context, offers).await?;
        submission.outcomes(context).await
    }

    /// As [`Hub::send`], but returns as soon as the messages have their place in line: who submits
    /// one after the other is served in that order.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE if an id cannot be looked up.
    pub async fn submit(
        &self,
        context: &RequestContext<'_>,
        mut offers: Vec<Offer>,
    ) -> Result<Submission, HubError> {
        let forbidden = Forbidden::take_out(&mut offers, |offer| {
            let source = &offer.message.source;
            context.principal.may_act_for("source", source)
        });
        let steps = MessageSteps::of(&offers);
        let mut slots: Vec<Slot> = offers.into_iter().map(Slot::Offered).collect();
        self.find_known_messages(&mut slots).await?;
        let slots = self.clients.router.request(|reply| Accept { slots, reply });
        Ok(Submission {
            forbidden,
            steps,
            slots,
        })
    }

    /// Finds ids that the dedup window may not tell. Other ids cost nothing here, and the rest one
    /// look-up for many.
    async fn find_known_messages(&self, slots: &mut [Slot]) -> Result<(), HubError> {
        let forgetful = self.status.forgot_messages.get();
        let is_unsure = |slot: &&mut Slot| {
            let message = slot.offered();
            message.is_some_and(|message| given(message).is_unsure(forgetful))
        };
        let mut unsure: Vec<_> = slots.iter_mut().filter(is_unsure).collect();
        for some in unsure.chunks_mut(MOST_IDS) {
            self.look_up(some).await?;
        }
        Ok(())
    }

    async fn look_up(&self, slots: &mut [&mut Slot]) -> Result<(), HubError> {
        let offered = slots.iter().filter_map(|slot| slot.offered());
        let ids: Vec<_> = offered.map(|message| message.id).collect();
        let inspect = Inspect { ids: ids.clone() };
        let open = self.clients.scheduler.query(inspect).await?;
        let open = open
            .into_iter()
            .flatten()
            .map(|open| (open.message.id, ((*open.message).clone(), open.state)));
        let mut known: HashMap<MessageId, (Message, State)> = open.collect();
        let (stored, archive_answers) = known_ids::stored(self.stored_messages(ids)).await?;
        for row in stored {
            let (id, state) = (row.message.id, row.state);
            known.entry(id).or_insert((row.message, state));
        }
        for slot in slots {
            let Some(message) = slot.offered() else {
                continue;
            };
            let first = known.get(&message.id);
            let same = first.map(|(known, _)| same_content(known, message));
            let state = first.map(|(_, state)| *state);
            let finding = IdMatch::of(given(message), same, archive_answers);
            let offered = std::mem::replace(*slot, Slot::Duplicate(state));
            **slot = match (finding, offered) {
                (IdMatch::Repeat, _) => Slot::Duplicate(state),
                (IdMatch::Taken, _) => Slot::Refused(Refusal::OtherContent),
                (IdMatch::Doubtful, Slot::Offered(offer)) => {
                    Slot::Doubtful(offer, Refusal::HistoryUnknown)
                }
                (_, offered) => offered,
            };
        }
        Ok(())
    }

    async fn stored_messages(&self, ids: Vec<MessageId>) -> Result<Vec<ArchivedMessage>, HubError> {
        self.flush().await?;
        Ok(self.archive.messages_by_id(ids).await?)
    }

    /// Comes when the message is settled. To be asked for before it is sent; dropped, nobody waits
    /// any more.
    pub fn await_settlement(&self, id: MessageId) -> Response<Fact> {
        let scheduler = &self.clients.scheduler;
        scheduler.request(|reply| AwaitSettled { id, reply })
    }

    /// How a message is that was sent, once it is settled or the wait over: `settlement` comes to
    /// nothing then.
    ///
    /// # Errors
    /// DELIVERY_FAILED if it failed for good.
    pub async fn status_when_settled(
        &self,
        id: MessageId,
        known: Option<State>,
        settlement: impl Future<Output = Option<Fact>>,
    ) -> Result<Status, HubError> {
        match known.map(|state| (state, state.status())) {
            Some((_, Status::Delivered)) => return Ok(Status::Delivered),
            Some((state, Status::Failed)) => return Err(self.failure(id, state).await),
            Some((_, Status::Pending)) | None => {}
        }
        let Some(fact) = settlement.await else {
            return Ok(Status::Pending);
        };
        match fact.settlement() {
            Some((State::Delivered, _)) => Ok(Status::Delivered),
            Some((_, settlement)) => {
                let attempt = settlement.attempt.as_ref();
                let failed = attempt.filter(|attempt| attempt.outcome != AttemptOutcome::Delivered);
                let last_error = failed.and_then(|attempt| attempt.error.clone());
                Err(HubError::DeliveryFailed {
                    reason: settlement.reason,
                    last_error,
                })
            }
            None => Err(HubError::Internal),
        }
    }

    /// Why a message failed, as far as that can be told now.
    async fn failure(&self, id: MessageId, state: State) -> HubError {
        let record = self.load_message(id).await.ok().flatten();
        let expired = (state == State::Expired).then_some(DeadReason::Expired);
        let (reason, last_error) = record.map_or((expired, None), |record| {
            let last_error = record.last_error().map(str::to_owned);
            (record.reason(), last_error)
        });
        HubError::DeliveryFailed { reason, last_error }
    }

    /// The state of a known message. An end that nobody remembers is left to the archive; while
    /// that is away, all that can be said is that the message was accepted.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the hub is going down.
    pub async fn present_state(
        &self,
        id: MessageId,
        known: Option<State>,
    ) -> Result<State, HubError> {
        if let Some(state) = known {
            return Ok(state);
        }
        match self.load_message(id).await {
            Ok(record) => Ok(record.map_or(State::Queued, |record| record.state())),
            Err(HubError::NoArchive(_)) => Ok(State::Queued),
            Err(error) => Err(error),
        }
    }
}

fn given(message: &Message) -> Given {
    Given {
        fingerprint: message.fingerprint(),
        is_generated: message.id.is_generated(),
    }
}
