//! The queues as plainly as can be: one list, searched from end to end, after the contract.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::fact::Fact;
use crate::domain::fact::message::MessageFact;
use crate::domain::ids::{LeaseToken, MessageId, Position, ServiceName};
use crate::domain::message::{Message, State};
use crate::domain::service::Outlook;
use crate::domain::timestamp::Timestamp;

/// `min(base · 2^(failures-1), max)` seconds; the driver's random number is always 0.
pub(super) const BASE_DELAY: u64 = 1;
pub(super) const MAX_DELAY: u64 = 3;
pub(super) const MAX_ATTEMPTS: u32 = 4;
pub(super) const DELIVERY_LIMIT: u32 = 3;
const PATIENCE: [i64; 5] = [0, 10, 60, 300, 1800];

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Place {
    Scheduled,
    Waiting,
    Retrying(Timestamp),
    Pushing,
    Leased(LeaseToken, Timestamp),
    Settling,
}

/// What a fact says, as far as the queues choose it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Said {
    RetryAt(Timestamp),
    Settled(State),
}

#[derive(Debug)]
pub(super) struct Open {
    pub message: Arc<Message>,
    pub order: Position,
    pub redriven: u32,
    pub failures: u32,
    /// Consumers lost with it since its last attempt.
    pub lost: u32,
    pub place: Place,
    /// It was due once, and so stands in line for its key.
    pub in_line: bool,
    pub has_key: bool,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub open: Vec<Open>,
    pub windows: Vec<(ServiceName, u32, Outlook)>,
    /// Whom the dispatcher had no room for, until something changes.
    pub blocked: Vec<ServiceName>,
}

pub(super) type Facts = Vec<(MessageId, Said)>;

impl Open {
    /// In milliseconds.
    fn rank(&self) -> i64 {
        let accepted = self.message.accepted_at.as_millis();
        let latest = accepted + PATIENCE[self.message.priority.index()] * 1000;
        let deadline = self.message.deadline().map(|at| at.as_millis() - 60_000);
        deadline.unwrap_or(latest).max(accepted).min(latest)
    }

    fn shares_key_with(&self, other: &Self) -> bool {
        let (one, two) = (&self.message, &other.message);
        one.ordering_key().is_some()
            && one.ordering_key() == two.ordering_key()
            && one.destination == two.destination
    }

    pub(super) fn is_in_lane(&self) -> bool {
        self.place == Place::Waiting && (self.has_key || self.message.ordering_key().is_none())
    }

    pub(super) fn is_handed_out(&self) -> bool {
        matches!(self.place, Place::Pushing | Place::Leased(..))
    }
}

impl Model {
    pub(super) fn find(&self, id: MessageId) -> Option<usize> {
        self.open.iter().position(|open| open.message.id == id)
    }

    fn outlook(&self, service: &ServiceName) -> Option<(u32, Outlook)> {
        let mut windows = self.windows.iter();
        let found = windows.find(|(name, ..)| name == service);
        found.map(|(_, window, outlook)| (*window, *outlook))
    }

    pub(super) fn state(&self, open: &Open) -> State {
        let outlook = self.outlook(&open.message.destination);
        match open.place {
            Place::Scheduled => State::Scheduled,
            Place::Retrying(_) => State::Retrying,
            Place::Pushing | Place::Leased(..) | Place::Settling => State::Delivering,
            Place::Waiting if outlook.is_none_or(|(_, outlook)| outlook.parks()) => State::Parked,
            Place::Waiting => State::Queued,
        }
    }

    pub(super) fn set_window(&mut self, service: &ServiceName, window: u32, outlook: Outlook) {
        self.windows.retain(|(name, ..)| name != service);
        self.windows.push((service.clone(), window, outlook));
        self.unblock(service);
    }

    pub(super) fn apply(&mut self, position: Position, fact: &Fact, now: Timestamp) {
        match fact {
            Fact::Message(MessageFact::Accepted(message)) => {
                self.enter(message.clone(), position, 0, now);
            }
            Fact::Message(MessageFact::Redriven(again)) => {
                self.enter(again.message.clone().into(), position, again.times, now);
            }
            Fact::Message(MessageFact::AttemptFailed(failed)) => {
                let index = self.find(failed.id).unwrap();
                self.open[index].failures += 1;
                self.open[index].lost = 0;
                self.open[index].place = Place::Retrying(failed.retry_at);
                self.unblock(&self.open[index].message.destination.clone());
            }
            _ => self.leave(fact.message_id().unwrap()),
        }
    }

    fn enter(&mut self, message: Arc<Message>, order: Position, redriven: u32, now: Timestamp) {
        let scheduled = message.deliver_at().is_some_and(|at| at > now);
        self.open.push(Open {
            message,
            order,
            redriven,
            failures: 0,
            lost: 0,
            place: Place::Scheduled,
            in_line: false,
            has_key: false,
        });
        if !scheduled {
            self.wait(self.open.len() - 1);
        }
    }

    fn wait(&mut self, index: usize) {
        let open = &self.open[index];
        let mut others = self.open.iter().filter(|other| other.shares_key_with(open));
        let is_free = !others.any(|other| other.has_key);
        self.open[index].place = Place::Waiting;
        self.open[index].in_line = true;
        self.open[index].has_key |= is_free;
    }

    /// Its key goes to the earliest accepted of those that are or were due.
    fn leave(&mut self, id: MessageId) {
        let gone = self.open.remove(self.find(id).unwrap());
        self.unblock(&gone.message.destination);
        let heirs = self.open.iter_mut();
        let heirs = heirs.filter(|heir| heir.shares_key_with(&gone));
        let heirs = heirs.filter(|heir| heir.in_line);
        if gone.has_key
            && let Some(heir) = heirs.min_by_key(|heir| heir.order)
        {
            heir.has_key = true;
        }
    }

    /// What is in the lanes of `service`, next first.
    pub(super) fn line(&self, service: &ServiceName) -> Vec<usize> {
        let is_next = |index: &usize| {
            let open = &self.open[*index];
            open.is_in_lane() && open.message.destination == *service
        };
        let mut line: Vec<usize> = (0..self.open.len()).filter(is_next).collect();
        line.sort_by_key(|index| (self.open[*index].rank(), self.open[*index].order));
        line
    }

    pub(super) fn room(&self, service: &ServiceName) -> usize {
        let window = self.outlook(service).map_or(0, |(window, _)| window) as usize;
        window.saturating_sub(self.pushing(service))
    }

    /// How many may go now.
    pub(super) fn credit(&self, service: &ServiceName) -> usize {
        let blocked = self.blocked.contains(service);
        if blocked { 0 } else { self.room(service) }
    }

    fn pushing(&self, service: &ServiceName) -> usize {
        let of_service = |open: &&Open| open.message.destination == *service;
        let open = self.open.iter().filter(of_service);
        open.filter(|open| open.place == Place::Pushing).count()
    }

    fn unblock(&mut self, service: &ServiceName) {
        self.blocked.retain(|blocked| blocked != service);
    }

    /// Who goes, with the number of the attempt, and who was found expired.
    pub(super) fn hand_out(
        &mut self,
        service: &ServiceName,
        max: usize,
        now: Timestamp,
        mut place: impl FnMut(usize) -> Place,
    ) -> (Vec<(MessageId, u32)>, Facts) {
        let (mut out, mut expired) = (Vec::new(), Vec::new());
        for index in self.line(service) {
            if out.len() == max {
                break;
            }
            let open = &mut self.open[index];
            if open.message.is_expired(now) {
                open.place = Place::Settling;
                expired.push((open.message.id, Said::Settled(State::Expired)));
            } else {
                open.place = place(out.len());
                out.push((open.message.id, open.failures + 1));
            }
        }
        (out, expired)
    }

    pub(super) fn due(&mut self, id: MessageId, now: Timestamp) -> Option<Said> {
        let index = self.find(id)?;
        let open = &mut self.open[index];
        let deliver_at = open.message.deliver_at().unwrap_or(now);
        match open.place {
            Place::Pushing | Place::Settling => return None,
            _ if open.message.is_expired(now) => {
                open.place = Place::Settling;
                return Some(Said::Settled(State::Expired));
            }
            Place::Scheduled if deliver_at <= now => self.wait(index),
            Place::Retrying(at) if at <= now => self.wait(index),
            _ => {}
        }
        None
    }

    pub(super) fn give_back(&mut self, id: MessageId, now: Timestamp) -> Option<Said> {
        let index = self.find(id)?;
        let open = &mut self.open[index];
        if !open.is_handed_out() {
            return None;
        }
        if open.message.is_expired(now) {
            open.place = Place::Settling;
            return Some(Said::Settled(State::Expired));
        }
        let was_pushed = open.place == Place::Pushing;
        open.place = Place::Waiting;
        let service = open.message.destination.clone();
        if was_pushed {
            self.unblock(&service);
        }
        if was_pushed && self.pushing(&service) > 0 {
            self.blocked.push(service);
        }
        None
    }

    /// Its consumer is gone: at once to the next the first time, then later and later.
    pub(super) fn lose_consumer(
        &mut self,
        token: LeaseToken,
        now: Timestamp,
    ) -> Option<(MessageId, Said)> {
        let index = self.leased(token)?;
        let open = &mut self.open[index];
        open.lost += 1;
        let said = if open.message.is_expired(now) {
            State::Expired
        } else if open.lost >= DELIVERY_LIMIT {
            State::Dead
        } else if open.lost == 1 {
            open.place = Place::Waiting;
            return None;
        } else {
            let delay = (BASE_DELAY << (open.lost - 2)).min(MAX_DELAY);
            open.place = Place::Retrying(now.plus(Duration::from_secs(delay)));
            return None;
        };
        open.place = Place::Settling;
        Some((open.message.id, Said::Settled(said)))
    }

    pub(super) fn cancel(&mut self, id: MessageId) -> bool {
        let Some(index) = self.find(id) else {
            return false;
        };
        let open = &mut self.open[index];
        let may = !matches!(open.place, Place::Pushing | Place::Settling);
        if may {
            open.place = Place::Settling;
        }
        may
    }

    pub(super) fn retry_now(&mut self, id: MessageId) -> bool {
        let index = self.find(id);
        let index = index.filter(|index| matches!(self.open[*index].place, Place::Retrying(_)));
        index.map(|index| self.wait(index)).is_some()
    }

    pub(super) fn leased(&self, token: LeaseToken) -> Option<usize> {
        let has = |open: &Open| matches!(open.place, Place::Leased(known, _) if known == token);
        self.open.iter().position(has)
    }

    /// Ends the lease with a failure; `delay` in seconds if the receiver asked for one.
    pub(super) fn fail(
        &mut self,
        index: usize,
        delay: Option<u64>,
        now: Timestamp,
    ) -> (MessageId, Said) {
        let open = &mut self.open[index];
        open.place = Place::Settling;
        let backoff = (BASE_DELAY << open.failures).min(MAX_DELAY);
        let delay = delay.unwrap_or(backoff).min(MAX_DELAY);
        let said = if open.message.is_expired(now) {
            Said::Settled(State::Expired)
        } else if open.failures + 1 >= MAX_ATTEMPTS {
            Said::Settled(State::Dead)
        } else {
            Said::RetryAt(now.plus(Duration::from_secs(delay)))
        };
        (open.message.id, said)
    }
}
