//! A message as users see it: what the archive remembers and what the queues know now.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::attempt_view::{AttemptView, views};
use super::payload_view::PayloadView;
use crate::domain::attempt::Attempt;
use crate::domain::dead_letter::DeadReason;
use crate::domain::ids::{Label, MessageId, MessageType, ServiceName};
use crate::domain::message::{Extras, Message, Priority, State, Status};
use crate::domain::timestamp::Timestamp;
use crate::hub::message_record::MessageRecord;
use crate::logic::payload_head::PayloadDetail;
use crate::logic::queues::wait_reason::{WaitCode, WaitReason};

/// A message and what became of it so far.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageView {
    id: MessageId,
    status: Status,
    state: State,
    #[serde(rename = "type")]
    message_type: MessageType,
    source: ServiceName,
    destination: ServiceName,
    /// The message's id, if none was given.
    correlation_id: String,
    reply_to: Option<ServiceName>,
    priority: Priority,
    #[serde(flatten)]
    payload: PayloadView<'static>,
    headers: Option<BTreeMap<String, String>>,
    ordering_key: Option<Label>,
    deadline: Option<Timestamp>,
    deliver_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    /// Finished attempts, since the last redrive if there was one.
    delivery_attempts: u32,
    last_attempt: Option<Timestamp>,
    next_attempt: Option<Timestamp>,
    /// Of an open message: how often it was handed out to consumers since its last attempt.
    hand_outs: u32,
    last_error: Option<String>,
    pub accepted_at: Timestamp,
    settled_at: Option<Timestamp>,
    /// Why the hub gave up.
    reason: Option<DeadReason>,
    /// How often it was sent again after the hub had given up.
    redriven: u32,
    attempts: Vec<AttemptView>,
    /// Why it has not been delivered yet, in words.
    waiting_for: Option<String>,
    /// The same for programs.
    waiting: Option<WaitingView>,
}

/// Why a message has not been delivered yet.
#[derive(Serialize, ToSchema)]
#[schema(as = Waiting)]
pub(crate) struct WaitingView {
    code: WaitCode,
    /// Since when.
    since: Option<Timestamp>,
    /// Until when at least.
    until: Option<Timestamp>,
    /// How many messages go before it, 1,000 if there are more; null if it does not stand in line.
    ahead: Option<usize>,
    /// What stands in its way: the message or dead letter with its ordering key, the limit of the
    /// quota, its type, or the service whose queue, instances or circuit are the reason.
    subject: Option<String>,
}

impl From<WaitReason> for WaitingView {
    fn from(reason: WaitReason) -> Self {
        Self {
            code: reason.code,
            since: reason.since,
            until: reason.until,
            ahead: reason.ahead,
            subject: reason.subject,
        }
    }
}

impl MessageView {
    /// With so much of its payload.
    pub(crate) fn new(record: MessageRecord, detail: PayloadDetail) -> Self {
        let state = record.state();
        let delivery_attempts = record.delivery_attempts();
        let mut view = match record {
            MessageRecord::Archived(row) => {
                let mut view = Self::of(&row.message, row.attempts, detail);
                view.settled_at = row.settled_at;
                view.reason = row.reason;
                view.redriven = row.redriven;
                if let Some(head) = row.payload_head {
                    view.payload = head.into();
                }
                view
            }
            MessageRecord::Open(open) => {
                let mut view = Self::of(&open.message, open.attempts, detail);
                view.next_attempt = open.next_attempt;
                (view.deliver_at, view.expires_at) = (open.deliver_at, open.expires_at);
                view.hand_outs = open.hand_outs;
                view.redriven = open.redriven;
                view.waiting_for = Some(open.waiting_for.text.clone());
                view.waiting = Some(open.waiting_for.into());
                view
            }
        };
        (view.status, view.state) = (state.status(), state);
        view.delivery_attempts = delivery_attempts;
        view
    }

    fn of(message: &Message, attempts: Vec<Attempt>, detail: PayloadDetail) -> Self {
        let extras: Option<&Extras> = message.extras.as_deref();
        let last = attempts.last();
        Self {
            id: message.id,
            status: Status::Pending,
            state: State::Queued,
            message_type: message.message_type.clone(),
            source: message.source.clone(),
            destination: message.destination.clone(),
            correlation_id: message.correlation_id(),
            reply_to: extras.and_then(|extras| extras.reply_to.clone()),
            priority: message.priority,
            payload: PayloadView::of(&message.payload, detail),
            headers: extras
                .map(|extras| extras.headers.clone())
                .filter(|map| !map.is_empty()),
            ordering_key: message.ordering_key().cloned(),
            deadline: message.deadline(),
            deliver_at: message.deliver_at(),
            expires_at: message.expires_at,
            delivery_attempts: 0,
            last_attempt: last.map(|attempt| attempt.at),
            next_attempt: None,
            hand_outs: 0,
            last_error: last.and_then(|attempt| attempt.error.clone()),
            accepted_at: message.accepted_at,
            settled_at: None,
            reason: None,
            redriven: 0,
            attempts: views(attempts),
            waiting_for: None,
            waiting: None,
        }
    }
}
