//! The queues as anybody would write them who has time: one list, searched from end to end.

use std::collections::BTreeMap;

use super::*;

pub const BASE_DELAY_MS: i64 = 1_000;
pub const MAX_DELAY_MS: i64 = 3_000;
pub const MAX_ATTEMPTS: u32 = 3;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum At {
    Waiting,
    Scheduled(Timestamp),
    Retrying(Timestamp),
    Pushing,
    Leased(LeaseToken, Timestamp),
    Settling,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum What {
    Delivered,
    Dead,
    Expired,
    Cancelled,
    RetryAt(Timestamp),
}

/// What matters of a fact: the message, what becomes of it, the attempt that ended (0: none).
pub type Sketch = (MessageId, What, u32);

pub fn sketch(fact: &Fact) -> Sketch {
    if let Fact::AttemptFailed(failed) = fact {
        return (
            failed.id,
            What::RetryAt(failed.retry_at),
            failed.attempt.number,
        );
    }
    let (state, settlement) = fact.settlement().expect("queues only settle or retry");
    let what = match state {
        State::Delivered => What::Delivered,
        State::Dead => What::Dead,
        State::Expired => What::Expired,
        _ => What::Cancelled,
    };
    let attempt = settlement.attempt.as_ref();
    (
        settlement.id,
        what,
        attempt.map_or(0, |attempt| attempt.number),
    )
}

#[derive(Debug)]
pub struct Owed {
    pub message: Arc<Message>,
    pub order: Position,
    pub failures: u32,
    pub at: At,
}

impl Owed {
    fn key(&self) -> Option<(ServiceName, Label)> {
        let key = self.message.ordering_key()?;
        Some((self.message.destination.clone(), key.clone()))
    }

    /// Contract, section 6.
    pub fn rank(&self) -> (i64, Position) {
        let message = &self.message;
        let accepted = message.accepted_at.as_millis();
        let patience = [0, 10, 60, 300, 1800][message.priority.index()] * 1000;
        let rank = match message.deadline() {
            None => accepted + patience,
            Some(deadline) => (deadline.as_millis() - 60_000).clamp(accepted, accepted + patience),
        };
        (rank, self.order)
    }
}

#[derive(Default, Debug)]
pub struct Model {
    pub open: BTreeMap<MessageId, Owed>,
    /// Whose turn it is for each ordering key.
    holders: BTreeMap<(ServiceName, Label), MessageId>,
    pub windows: BTreeMap<ServiceName, (u32, bool)>,
}

impl Model {
    pub fn all(&self, is: impl Fn(&Owed) -> bool) -> Vec<MessageId> {
        let matching = self.open.values().filter(|owed| is(owed));
        matching.map(|owed| owed.message.id).collect()
    }

    fn enter(&mut self, id: MessageId) {
        let owed = self.open.get_mut(&id).unwrap();
        owed.at = At::Waiting;
        if let Some(key) = owed.key() {
            self.holders.entry(key).or_insert(id);
        }
    }

    fn may_go(&self, owed: &Owed) -> bool {
        let its_turn = |key| self.holders.get(&key) == Some(&owed.message.id);
        owed.at == At::Waiting && owed.key().is_none_or(its_turn)
    }

    pub fn open(&mut self, message: Arc<Message>, order: Position, now: Timestamp) {
        let id = message.id;
        let later = message.deliver_at().filter(|at| *at > now);
        let at = later.map_or(At::Waiting, At::Scheduled);
        let failures = 0;
        self.open.insert(
            id,
            Owed {
                message,
                order,
                failures,
                at,
            },
        );
        if later.is_none() {
            self.enter(id);
        }
    }

    pub fn apply(&mut self, recorded: &Recorded, now: Timestamp) -> Option<Sketch> {
        match &recorded.fact {
            Fact::Accepted(message) => self.open(message.clone(), recorded.position, now),
            Fact::Redriven(redrive) => {
                self.open(Arc::new(redrive.message.clone()), recorded.position, now);
            }
            Fact::AttemptFailed(failed) => {
                let owed = self.open.get_mut(&failed.id)?;
                owed.failures += 1;
                owed.at = At::Retrying(failed.retry_at);
                return self.expire(failed.id, now);
            }
            fact => self.close(fact.message_id()?),
        }
        None
    }

    fn close(&mut self, id: MessageId) {
        let Some(closed) = self.open.remove(&id) else {
            return;
        };
        let Some(key) = closed.key() else { return };
        if self.holders.get(&key) != Some(&id) {
            return;
        }
        self.holders.remove(&key);
        let waits = |owed: &&Owed| owed.at == At::Waiting && owed.key().as_ref() == Some(&key);
        if let Some(next) = self
            .open
            .values()
            .filter(waits)
            .min_by_key(|owed| owed.order)
        {
            self.holders.insert(key, next.message.id);
        }
    }

    fn expire(&mut self, id: MessageId, now: Timestamp) -> Option<Sketch> {
        let owed = self.open.get_mut(&id)?;
        if !owed.message.is_expired(now) {
            return None;
        }
        owed.at = At::Settling;
        Some((id, What::Expired, 0))
    }

    pub fn due(&mut self, id: MessageId, now: Timestamp) -> Option<Sketch> {
        let at = self.open.get(&id)?.at;
        if matches!(at, At::Pushing | At::Settling) {
            return None;
        }
        if let Some(expired) = self.expire(id, now) {
            return Some(expired);
        }
        if let At::Scheduled(time) | At::Retrying(time) = at
            && time <= now
        {
            self.enter(id);
        }
        None
    }

    pub fn retry_now(&mut self, id: MessageId) -> bool {
        let retrying = |owed: &Owed| matches!(owed.at, At::Retrying(_));
        let retries = self.open.get(&id).is_some_and(retrying);
        if retries {
            self.enter(id);
        }
        retries
    }

    pub fn cancel(&mut self, id: MessageId) -> Option<Sketch> {
        let owed = self.open.get_mut(&id)?;
        if matches!(owed.at, At::Pushing | At::Settling) {
            return None;
        }
        owed.at = At::Settling;
        Some((id, What::Cancelled, 0))
    }

    pub fn room(&self, service: &ServiceName) -> usize {
        let window = self
            .windows
            .get(service)
            .map_or(0, |(window, _)| *window as usize);
        let pushing =
            self.all(|owed| owed.at == At::Pushing && owed.message.destination == *service);
        window.saturating_sub(pushing.len())
    }

    /// The next up to `max` by rank, and what was found expired before the last of them.
    pub fn hand_out(
        &mut self,
        service: &ServiceName,
        max: usize,
        now: Timestamp,
        mut to: impl FnMut() -> At,
    ) -> (Vec<(MessageId, u32)>, Vec<Sketch>) {
        let (mut items, mut expired) = (Vec::new(), Vec::new());
        while items.len() < max {
            let of_service =
                |owed: &&Owed| owed.message.destination == *service && self.may_go(owed);
            let next = self
                .open
                .values()
                .filter(of_service)
                .min_by_key(|owed| owed.rank());
            let Some(id) = next.map(|owed| owed.message.id) else {
                break;
            };
            if let Some(fact) = self.expire(id, now) {
                expired.push(fact);
                continue;
            }
            let owed = self.open.get_mut(&id).unwrap();
            owed.at = to();
            items.push((id, owed.failures + 1));
        }
        (items, expired)
    }

    pub fn give_back(&mut self, id: MessageId, now: Timestamp) -> Option<Sketch> {
        let owed = self.open.get_mut(&id)?;
        if !matches!(owed.at, At::Pushing | At::Leased(..)) {
            return None;
        }
        owed.at = At::Waiting;
        self.expire(id, now)
    }

    pub fn holder_of(&self, token: LeaseToken) -> Option<MessageId> {
        let leased = |owed: &Owed| matches!(owed.at, At::Leased(other, _) if other == token);
        self.all(leased).first().copied()
    }

    /// What must follow when the attempt under way ends so (contract, section 4).
    pub fn verdict(
        &mut self,
        id: MessageId,
        good: bool,
        delay: Option<i64>,
        now: Timestamp,
    ) -> Sketch {
        let owed = self.open.get_mut(&id).unwrap();
        if !matches!(owed.at, At::Pushing) {
            owed.at = At::Settling;
        }
        let number = owed.failures + 1;
        let backoff = (BASE_DELAY_MS << owed.failures).min(MAX_DELAY_MS);
        let wait = delay.unwrap_or(backoff).min(MAX_DELAY_MS);
        let what = if good {
            What::Delivered
        } else if owed.message.is_expired(now) {
            What::Expired
        } else if number >= MAX_ATTEMPTS {
            What::Dead
        } else {
            What::RetryAt(now.plus(Duration::from_millis(wait as u64)))
        };
        (id, what, number)
    }

    /// Everything volatile is gone; what was under way waits again.
    pub fn restart(&mut self, now: Timestamp) {
        self.holders.clear();
        self.windows.clear();
        let mut by_order: Vec<_> = self
            .open
            .values()
            .map(|owed| (owed.order, owed.message.id))
            .collect();
        by_order.sort_unstable();
        for (_, id) in by_order {
            let owed = &self.open[&id];
            let (message, order, failures) = (owed.message.clone(), owed.order, owed.failures);
            self.open(message, order, now);
            self.open.get_mut(&id).unwrap().failures = failures;
        }
    }

    pub fn depths(&self, service: &ServiceName) -> QueueDepths {
        let mut depths = QueueDepths::default();
        for owed in self
            .open
            .values()
            .filter(|owed| owed.message.destination == *service)
        {
            match owed.at {
                At::Waiting => {
                    depths.levels[owed.message.priority.index()] += 1;
                    depths.queued += 1;
                }
                At::Scheduled(_) => depths.scheduled += 1,
                At::Retrying(_) => depths.retrying += 1,
                At::Pushing | At::Leased(..) | At::Settling => depths.in_flight += 1,
            }
        }
        if self.windows.get(service).is_none_or(|(_, parks)| *parks) {
            depths.parked = std::mem::take(&mut depths.queued);
        }
        depths
    }
}
