//! A random life of the queues, led alongside the model.

mod check;
mod forgetting;
mod leases;

use std::collections::VecDeque;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::model::{self, Facts, Model, Said};
use super::*;
use crate::domain::fact::message::{MessageFact, Redrive};
use crate::domain::message::{Extras, Priority};

/// The last one is rarely sent anything.
const NAMES: [&str; 4] = ["billing", "mail", "stock", "seldom"];
const LEASE: Duration = Duration::from_secs(5);

fn service(index: usize) -> ServiceName {
    ServiceName::parse(NAMES[index]).unwrap()
}

fn policy() -> QueuePolicy {
    QueuePolicy {
        ranks: RankPolicy::default(),
        retries: RetryPolicy {
            base_delay: Duration::from_secs(model::BASE_DELAY),
            max_delay: Duration::from_secs(model::MAX_DELAY),
            max_attempts: model::MAX_ATTEMPTS,
            delivery_limit: model::DELIVERY_LIMIT,
            hold_keys: false,
        },
        quotas: Arc::default(),
    }
}

fn say(facts: &[Fact]) -> Facts {
    let say = |fact: &Fact| match fact {
        Fact::Message(MessageFact::AttemptFailed(failed)) => Said::RetryAt(failed.retry_at),
        _ => Said::Settled(fact.settlement().unwrap().0),
    };
    let facts = facts.iter();
    facts
        .map(|fact| (fact.message_id().unwrap(), say(fact)))
        .collect()
}

/// The queues and the model, led through the same life.
pub(super) struct Life {
    random: SmallRng,
    now: Timestamp,
    queues: Queues,
    model: Model,
    journal: Vec<Fact>,
    /// On their way to the journal.
    pending: VecDeque<Fact>,
    /// Dead or expired.
    dead: Vec<(Arc<Message>, State, u32)>,
    steps: u64,
    messages: u128,
    tokens: u128,
    /// How many destinations were.
    pub forgotten: usize,
}

impl Life {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: SmallRng::seed_from_u64(seed),
            now: at(0),
            queues: Queues::new(policy()),
            model: Model::default(),
            journal: Vec::new(),
            pending: VecDeque::new(),
            dead: Vec::new(),
            steps: 0,
            messages: 0,
            tokens: 0,
            forgotten: 0,
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn maybe_later(&mut self, percent: u32, seconds: u64) -> Option<Timestamp> {
        let millis = self.random.random_range(1..seconds * 1000);
        let later = self.now.plus(Duration::from_millis(millis));
        self.chance(percent).then_some(later)
    }

    /// An open one, mostly.
    fn some_id(&mut self) -> MessageId {
        if self.model.open.is_empty() || self.chance(5) {
            return id(self.random.random_range(0..=self.messages));
        }
        let index = self.random.random_range(0..self.model.open.len());
        self.model.open[index].message.id
    }

    fn some_service(&mut self) -> ServiceName {
        service(self.random.random_range(0..NAMES.len()))
    }

    /// In an order that is the same each time, or else no two lives of a seed were the same.
    fn all_tokens(&self) -> Vec<LeaseToken> {
        let mut tokens: Vec<_> = self.queues.leases.keys().copied().collect();
        tokens.sort();
        tokens
    }

    /// Valid ones, mostly.
    fn some_tokens(&mut self) -> Vec<LeaseToken> {
        let wanted = self.random.random_range(1..4);
        let mut tokens = self.all_tokens();
        tokens.truncate(wanted);
        if self.chance(20) {
            let number = self.random.random_range(0..=self.tokens);
            tokens.push(token(number));
        }
        tokens
    }

    /// One random operation on both, after which they must agree.
    pub(super) fn step(&mut self) {
        let passed = self.random.random_range(0..400);
        self.now = self.now.plus(Duration::from_millis(passed));
        match self.random.random_range(0..1000) {
            0..150 => self.accept(),
            150..400 => self.commit_some(),
            400..430 => self.set_window(),
            430..480 => self.push_out(),
            480..600 => self.lease(),
            600..710 => self.finish_push(),
            710..730 => self.ack(),
            730..780 => self.nack(),
            780..800 => self.lose_consumer(),
            800..815 => self.extend(),
            815..850 => self.expire_leases(),
            850..860 => self.give_back(),
            860..895 => self.lose_consumer(),
            895..955 => self.timer(),
            955..965 => self.cancel(),
            965..975 => self.retry_now(),
            975..985 => self.redrive(),
            985..996 => self.forget(),
            _ => self.restart(),
        }
        self.check();
        // What a step breaks stays so for a while.
        self.steps += 1;
        if self.steps.is_multiple_of(5) {
            self.queues.check();
        }
    }

    fn accept(&mut self) {
        if self.queues.len() >= 25 {
            return;
        }
        self.messages += 1;
        let mut message = message(self.messages);
        let known = if self.chance(5) { NAMES.len() } else { 3 };
        message.destination = service(self.random.random_range(0..known));
        message.priority = Priority::ALL[self.random.random_range(0..5)];
        message.accepted_at = self.now;
        message.expires_at = self.maybe_later(40, 60);
        let ttl = message.expires_at.map(|at| at.since(self.now));
        let key = self.random.random_range(0..5);
        let key = (key < 3).then(|| Label::parse(&format!("key-{key}")).unwrap());
        message.extras = Some(Box::new(Extras {
            ttl_ms: ttl.map(|ttl| ttl.as_millis() as u64),
            deadline: self.maybe_later(30, 120),
            deliver_at: self.maybe_later(30, 30),
            ordering_key: key,
            ..Extras::default()
        }));
        self.pending
            .push_back(Fact::Message(MessageFact::Accepted(message.into())));
    }

    fn commit_some(&mut self) {
        for _ in 0..self.random.random_range(1..6) {
            if let Some(fact) = self.pending.pop_front() {
                self.commit(fact);
            }
        }
    }

    /// As the write model would: a message is opened when it is not open, everything else when it
    /// is.
    fn commit(&mut self, fact: Fact) {
        let open = self.model.find(fact.message_id().unwrap());
        if open.is_some() == fact.opened().is_some() {
            return;
        }
        if let (Some(index), Some((state, _))) = (open, fact.settlement())
            && matches!(state, State::Dead | State::Expired)
        {
            let open = &self.model.open[index];
            self.dead.push((open.message.clone(), state, open.redriven));
        }
        self.journal.push(fact.clone());
        self.apply(self.journal.len() as Position, &fact);
        if let Fact::Message(MessageFact::AttemptFailed(failed)) = fact {
            self.due(failed.id);
        }
    }

    fn apply(&mut self, position: Position, fact: &Fact) {
        self.queues.apply(position, fact, self.now);
        self.model.apply(position, fact, self.now);
    }

    fn expect(&mut self, facts: Vec<Fact>, expected: Facts) {
        assert_eq!(say(&facts), expected);
        self.pending.extend(facts);
    }

    fn set_window(&mut self) {
        let service = self.some_service();
        let (mut window, now) = (self.random.random_range(0..6), self.now);
        let outlook = match self.random.random_range(0..7) {
            5..7 => {
                window = 0;
                Outlook::Left
            }
            0 => Outlook::NoInstance { since: now },
            1 => Outlook::CircuitOpen { until: now },
            2 => Outlook::Trial,
            _ => Outlook::Ready,
        };
        self.queues
            .set_window(&service, window, outlook, &[], self.now);
        self.model.set_window(&service, window, outlook);
    }

    fn push_out(&mut self) {
        let service = self.some_service();
        let room = self.model.credit(&service);
        let out = self.queues.push_out(&service, self.now);
        let place = |_| model::Place::Pushing;
        let (expected, expired) = self.model.hand_out(&service, room, self.now, place);
        self.check_hand_out(&out.items, &expected);
        self.expect(out.expired, expired);
    }

    fn check_hand_out(&self, items: &[Delivery], expected: &[(MessageId, u32)]) {
        let handed_out = |item: &Delivery| (item.message.id, item.attempt);
        let items_said: Vec<_> = items.iter().map(handed_out).collect();
        assert_eq!(items_said, expected);
        assert!(items.iter().all(|item| !item.message.is_expired(self.now)));
    }

    fn finish_push(&mut self) {
        let pushing = |open: &&model::Open| open.place == model::Place::Pushing;
        let Some(open) = self.model.open.iter().find(pushing) else {
            return;
        };
        let delivery = self.queues.entries[&open.message.id].delivery();
        let outcome = match self.random.random_range(0..8) {
            0 => AttemptOutcome::Rejected,
            1..3 => AttemptOutcome::Delivered,
            _ => AttemptOutcome::Failed,
        };
        let attempt = attempt(delivery.attempt, outcome, self.now);
        let (retries, message) = (policy().retries, &delivery.message);
        let by = (self.now, message.is_expired(self.now));
        let fact = verdict::verdict(&retries, message, attempt, by, 0.0, None);
        self.commit(fact);
    }

    fn give_back(&mut self) {
        let ids = [self.some_id(), self.some_id(), self.some_id()];
        let mut expected = Facts::new();
        for id in ids {
            expected.extend(self.model.give_back(id, self.now).map(|said| (id, said)));
        }
        let mut facts = Vec::new();
        for id in ids {
            facts.extend(self.queues.give_back(&[id], self.now));
            facts.extend(self.queues.give_back_leased(&[id], self.now));
        }
        self.expect(facts, expected);
    }

    /// What waited for its return is due by itself.
    fn return_due(&mut self) {
        let due = |open: &&model::Open| {
            open.lost > 0 && matches!(open.place, model::Place::Retrying(at) if at <= self.now)
        };
        let mut due: Vec<_> = self.model.open.iter().filter(due).collect();
        due.sort_by_key(|open| match open.place {
            model::Place::Retrying(at) => (at, open.message.id),
            _ => unreachable!("filtered"),
        });
        let due: Vec<_> = due.into_iter().map(|open| open.message.id).collect();
        let mut expected = Facts::new();
        for id in due {
            expected.extend(self.model.due(id, self.now).map(|said| (id, said)));
        }
        let next = self.queues.next_return();
        assert!(expected.is_empty() || next.is_some_and(|at| at <= self.now));
        let facts = self.queues.return_due(self.now);
        self.expect(facts, expected);
    }

    fn timer(&mut self) {
        for _ in 0..3 {
            let id = self.some_id();
            self.due(id);
        }
    }

    fn due(&mut self, id: MessageId) {
        let expected = self.model.due(id, self.now).map(|said| (id, said));
        let fact = self.queues.due(id, self.now);
        self.expect(Vec::from_iter(fact), Vec::from_iter(expected));
    }

    fn cancel(&mut self) {
        let id = self.some_id();
        let cancelled = self.model.cancel(id);
        let expected = cancelled.then_some((id, Said::Settled(State::Cancelled)));
        let fact = self.queues.cancel(id, self.now).ok();
        self.expect(Vec::from_iter(fact), Vec::from_iter(expected));
    }

    fn retry_now(&mut self) {
        let id = self.some_id();
        assert_eq!(self.queues.retry_now(id).is_ok(), self.model.retry_now(id));
    }

    fn redrive(&mut self) {
        let Some((message, from, times)) = self.dead.pop() else {
            return;
        };
        let destination = self.chance(20).then(|| self.some_service());
        let position = self.accepted_at(message.id);
        let redrive = Redrive {
            message: message.redriven(self.now, destination, None),
            times: times + 1,
            position,
            job: None,
            from,
        };
        self.pending
            .push_back(Fact::Message(MessageFact::Redriven(redrive.into())));
    }

    /// What was on its way is lost; the rest is learnt anew from the journal.
    fn restart(&mut self) {
        self.pending.clear();
        self.queues = Queues::new(policy());
        self.model = Model::default();
        for (position, fact) in (1..).zip(self.journal.clone()) {
            self.apply(position, &fact);
        }
        self.queues.begin();
    }
}
