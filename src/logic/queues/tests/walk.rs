//! Random operations on the queues and on the model: both must tell the same story.

use std::collections::VecDeque;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::model::{At, BASE_DELAY_MS, MAX_ATTEMPTS, MAX_DELAY_MS, Model, Sketch, What, sketch};
use super::*;

const SERVICES: [&str; 3] = ["a", "b", "c"];
const STEPS: usize = 5_000;

struct Walk {
    queues: Queues,
    model: Model,
    random: SmallRng,
    now: Timestamp,
    journal: Vec<Recorded>,
    /// Facts on their way to the journal.
    pending: VecDeque<Fact>,
    last_position: Position,
    minted: u128,
    /// Tokens given out, also stale ones.
    tokens: Vec<LeaseToken>,
    dead: Vec<(Arc<Message>, State)>,
}

impl Walk {
    fn new(seed: u64) -> Self {
        Self {
            queues: Queues::new(policy()),
            model: Model::default(),
            random: SmallRng::seed_from_u64(seed),
            now: Timestamp::from_millis(1_780_000_000_000),
            journal: Vec::new(),
            pending: VecDeque::new(),
            last_position: 0,
            minted: 0,
            tokens: Vec::new(),
            dead: Vec::new(),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn service(&mut self) -> ServiceName {
        let index = self.below(SERVICES.len());
        ServiceName::parse(SERVICES[index]).unwrap()
    }

    fn after(&mut self, most_millis: usize) -> Timestamp {
        let wait = self.below(most_millis) as u64;
        self.now.plus(Duration::from_millis(wait))
    }

    fn pick(&mut self, from: &[MessageId]) -> Option<MessageId> {
        (!from.is_empty()).then(|| from[self.below(from.len())])
    }

    fn step(&mut self) {
        match self.below(100) {
            0..16 => self.accept(),
            16..36 => self.commit(),
            36..44 => self.push_out(),
            44..50 => self.lease(),
            50..60 => self.push_ended(),
            60..64 => self.ack(),
            64..67 => self.nack(),
            67..70 => self.extend(),
            70..74 => self.expire_leases(),
            74..78 => self.give_back(),
            78..84 => self.due(),
            84..86 => self.cancel(),
            86..88 => self.retry_now(),
            88..90 => self.redrive(),
            90..94 => self.set_window(),
            94..99 => self.now = self.after(800),
            _ => self.maybe_restart(),
        }
        self.check();
    }

    /// Accepted messages are in the journal before the queues hear of them.
    fn accept(&mut self) {
        if self.model.open.len() > 80 {
            return;
        }
        self.minted += 1;
        let mut message = samples::message(self.minted, "null");
        message.destination = self.service();
        message.accepted_at = self.now;
        message.priority = Priority::ALL[self.below(5)];
        if self.one_in(4) {
            message.expires_at = Some(self.after(15_000));
        }
        let mut extras = Extras::default();
        if self.one_in(4) {
            extras.deliver_at = Some(self.after(5_000));
        }
        if self.one_in(4) {
            extras.deadline = Some(self.after(120_000));
        }
        if self.one_in(3) {
            let key = ["k1", "k2"][self.below(2)];
            extras.ordering_key = Some(Label::parse(key).unwrap());
        }
        message.extras = Some(Box::new(extras));
        self.pending.push_back(Fact::Accepted(Arc::new(message)));
    }

    /// The writer writes what follows and tells the queues.
    fn commit(&mut self) {
        for _ in 0..=self.below(6) {
            let Some(fact) = self.pending.pop_front() else {
                return;
            };
            let id = fact.message_id().unwrap();
            let is_open = self.model.open.contains_key(&id);
            if fact.opened().is_some() == is_open {
                continue;
            }
            if let Some((state @ (State::Dead | State::Expired), _)) = fact.settlement() {
                self.dead
                    .push((self.model.open[&id].message.clone(), state));
            }
            self.last_position += 1;
            let position = self.last_position;
            let record = Recorded { position, fact };
            let follows = self.queues.apply(position, &record.fact, self.now);
            let expected = self.model.apply(&record, self.now);
            assert_eq!(follows.as_ref().map(sketch), expected);
            self.pending.extend(follows);
            self.journal.push(record);
        }
    }

    fn push_out(&mut self) {
        let service = self.service();
        let out = self.queues.push_out(&service, self.now);
        let room = self.model.room(&service);
        let (items, expired) = self
            .model
            .hand_out(&service, room, self.now, || At::Pushing);
        let given: Vec<_> = out.items.iter().collect();
        self.check_hand_out(&given, &items);
        self.expect(out.expired, &expired);
    }

    fn lease(&mut self) {
        let (service, max) = (self.service(), self.below(4));
        let length = Duration::from_millis(self.below(3_000) as u64);
        let first = self.minted;
        let mut number = first;
        let mint = || {
            number += 1;
            LeaseToken(samples::id(number).0)
        };
        let out = self.queues.lease(&service, max, length, self.now, mint);
        let until = self.now.plus(length);
        let mut number = first;
        let (items, expired) = self.model.hand_out(&service, max, self.now, || {
            number += 1;
            At::Leased(LeaseToken(samples::id(number).0), until)
        });
        self.minted = number;
        self.tokens
            .extend(out.items.iter().map(|leased| leased.token));
        let given: Vec<_> = out.items.iter().map(|leased| &leased.delivery).collect();
        self.check_hand_out(&given, &items);
        self.expect(out.expired, &expired);
    }

    fn check_hand_out(&self, given: &[&Delivery], expected: &[(MessageId, u32)]) {
        let pairs: Vec<_> = given.iter().map(|d| (d.message.id, d.attempt)).collect();
        assert_eq!(pairs, expected);
        assert!(given.is_sorted_by_key(|d| self.model.open[&d.message.id].rank()));
        assert!(given.iter().all(|d| !d.message.is_expired(self.now)));
        let in_hand = |owed: &&model::Owed| matches!(owed.at, At::Pushing | At::Leased(..));
        let mut keys = std::collections::HashSet::new();
        for owed in self.model.open.values().filter(in_hand) {
            if let Some(key) = owed.message.ordering_key() {
                let is_alone = keys.insert((&owed.message.destination, key));
                assert!(is_alone, "two of key {key} at once");
            }
        }
    }

    /// Both told the same; the facts go to the journal.
    fn expect(&mut self, facts: Vec<Fact>, expected: &[Sketch]) {
        assert_eq!(facts.iter().map(sketch).collect::<Vec<_>>(), expected);
        self.pending.extend(facts);
    }

    /// A circuit breaker writes down how a push ended; the queues hear of it from the journal.
    fn push_ended(&mut self) {
        let pushing = self.model.all(|owed| owed.at == At::Pushing);
        let Some(id) = self.pick(&pushing) else {
            return;
        };
        let good = self.one_in(2);
        let outcome = if good {
            AttemptOutcome::Delivered
        } else {
            AttemptOutcome::Failed
        };
        let owed = &self.model.open[&id];
        let attempt = attempt(owed.failures + 1, self.now, outcome);
        let retries = policy().retries;
        let fact = verdict::verdict(&retries, &owed.message, attempt, self.now, 0.0, None);
        let expected = self.model.verdict(id, good, None, self.now);
        self.expect(vec![fact], &[expected]);
    }

    /// Some tokens, now and then a stale one or one twice.
    fn some_tokens(&mut self) -> Vec<LeaseToken> {
        let newest = self.tokens.len().saturating_sub(12);
        self.tokens.drain(..newest);
        let mut some = Vec::new();
        for _ in 0..self.below(3) {
            if self.tokens.is_empty() {
                break;
            }
            let token = self.tokens[self.random.random_range(0..self.tokens.len())];
            if self.model.holder_of(token).is_some() || self.one_in(10) {
                some.push(token);
            }
        }
        some
    }

    /// What the model says to ending these leases: the messages in order, or the stale tokens.
    fn holders(&self, tokens: &[LeaseToken]) -> Result<Vec<MessageId>, Refusal> {
        let mut stale = Vec::new();
        for token in tokens {
            if self.model.holder_of(*token).is_none() && !stale.contains(token) {
                stale.push(*token);
            }
        }
        if !stale.is_empty() {
            return Err(Refusal::StaleLeases { stale });
        }
        let mut ids = Vec::new();
        for token in tokens {
            let id = self.model.holder_of(*token).unwrap();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn end_leases(
        &mut self,
        tokens: &[LeaseToken],
        good: bool,
        delay: Option<i64>,
        facts: Result<Vec<Fact>, Refusal>,
    ) {
        match (self.holders(tokens), facts) {
            (Ok(ids), Ok(facts)) => {
                let now = self.now;
                let verdicts = ids
                    .iter()
                    .map(|id| self.model.verdict(*id, good, delay, now));
                let expected: Vec<_> = verdicts.collect();
                self.expect(facts, &expected);
            }
            (Err(expected), Err(refusal)) => assert_eq!(refusal, expected),
            (expected, told) => panic!("{told:?} instead of {expected:?}"),
        }
    }

    fn ack(&mut self) {
        let tokens = self.some_tokens();
        let facts = self.queues.ack(&tokens, self.now);
        self.end_leases(&tokens, true, None, facts);
    }

    fn nack(&mut self) {
        let tokens = self.some_tokens();
        let delay = self.one_in(2).then(|| self.below(6_000));
        let asked = delay.map(|delay| Duration::from_millis(delay as u64));
        let facts = self.queues.nack(&tokens, asked, None, self.now, || 0.0);
        self.end_leases(&tokens, false, delay.map(|delay| delay as i64), facts);
    }

    fn extend(&mut self) {
        let tokens = self.some_tokens();
        let length = Duration::from_millis(self.below(3_000) as u64);
        let until = self.queues.extend(&tokens, length, self.now);
        let holders = self.holders(&tokens);
        assert_eq!(until, holders.clone().map(|_| self.now.plus(length)));
        for id in holders.unwrap_or_default() {
            let owed = self.model.open.get_mut(&id).unwrap();
            if let At::Leased(_, until) = &mut owed.at {
                *until = self.now.plus(length);
            }
        }
    }

    fn expire_leases(&mut self) {
        let mut ends = Vec::new();
        for owed in self.model.open.values() {
            if let At::Leased(token, until) = owed.at {
                ends.push((until, token, owed.message.id));
            }
        }
        ends.sort_unstable();
        assert_eq!(
            self.queues.next_lease_end(),
            ends.first().map(|(until, ..)| *until)
        );
        ends.retain(|(until, ..)| *until <= self.now);
        let facts = self.queues.expire_leases(self.now, || 0.0);
        let now = self.now;
        let verdicts = ends
            .iter()
            .map(|(.., id)| self.model.verdict(*id, false, None, now));
        let expected: Vec<_> = verdicts.collect();
        self.expect(facts, &expected);
    }

    /// Of the dispatcher, or of a puller that went away; sometimes of nobody.
    fn give_back(&mut self) {
        let service = self.service();
        let mut ids = self.queues.pushing(&service);
        ids.sort_unstable();
        let is_pushed =
            |owed: &model::Owed| owed.at == At::Pushing && owed.message.destination == service;
        assert_eq!(ids, self.model.all(is_pushed));
        if !self.one_in(4) {
            let any = self.model.all(|_| true);
            ids = self.pick(&any).into_iter().collect();
        }
        let facts = self.queues.give_back(&ids, self.now);
        let now = self.now;
        let expected: Vec<_> = ids
            .iter()
            .filter_map(|id| self.model.give_back(*id, now))
            .collect();
        self.expect(facts, &expected);
    }

    /// The timer speaks of any message: it may be early, late or mistaken.
    fn due(&mut self) {
        let any = self
            .model
            .all(|owed| owed.at != At::Waiting || owed.message.expires_at.is_some());
        if let Some(id) = self.pick(&any) {
            let fact = self.queues.due(id, self.now);
            let expected = self.model.due(id, self.now);
            self.expect(fact.into_iter().collect(), expected.as_slice());
        }
    }

    fn cancel(&mut self) {
        let any = self.model.all(|_| true);
        if let Some(id) = self.pick(&any) {
            let fact = self.queues.cancel(id, self.now).ok();
            let expected = self.model.cancel(id);
            self.expect(fact.into_iter().collect(), expected.as_slice());
        }
    }

    fn retry_now(&mut self) {
        let any = self.model.all(|_| true);
        if let Some(id) = self.pick(&any) {
            assert_eq!(self.queues.retry_now(id).is_ok(), self.model.retry_now(id));
        }
    }

    fn redrive(&mut self) {
        if self.dead.is_empty() {
            return;
        }
        let index = self.below(self.dead.len());
        let (message, from) = self.dead.swap_remove(index);
        let message = message.redriven(self.now, None, None);
        let times = 1;
        let redrive = Redrive {
            message,
            times,
            from,
        };
        self.pending.push_back(Fact::Redriven(Arc::new(redrive)));
    }

    fn set_window(&mut self) {
        let (service, window) = (self.service(), self.below(6) as u32);
        let parks = self.one_in(3);
        let outlook = if parks {
            Outlook::NoInstance { since: self.now }
        } else {
            Outlook::Ready
        };
        self.queues.set_window(&service, window, outlook);
        self.model.windows.insert(service, (window, parks));
    }

    /// Of what was on its way to the journal nothing is left. Replays what a compaction keeps.
    fn maybe_restart(&mut self) {
        if !self.one_in(5) {
            return;
        }
        self.pending.clear();
        let open = &self.model.open;
        self.journal.retain(|record| {
            let owed = record.fact.message_id().and_then(|id| open.get(&id));
            owed.is_some_and(|owed| record.position >= owed.order)
        });
        self.queues = Queues::new(policy());
        self.model.restart(self.now);
        for record in &self.journal {
            let follows = self.queues.apply(record.position, &record.fact, self.now);
            let mut expected = None;
            if let Fact::AttemptFailed(failed) = &record.fact {
                let owed = self.model.open.get_mut(&failed.id).unwrap();
                owed.at = At::Retrying(failed.retry_at);
                if owed.message.is_expired(self.now) {
                    owed.at = At::Settling;
                    expected = Some((failed.id, What::Expired, 0));
                }
            }
            assert_eq!(follows.as_ref().map(sketch), expected);
            self.pending.extend(follows);
        }
    }

    /// The counts always sum to what is open, and agree with the model's.
    fn check(&self) {
        let mut open = 0;
        for name in SERVICES {
            let service = ServiceName::parse(name).unwrap();
            let mut depths = self.queues.depths_of(&service);
            open += depths.open();
            assert_eq!(depths.levels.iter().sum::<usize>(), depths.waiting());
            (depths.oldest, depths.statistics) = Default::default();
            if self.queues.depths().any(|(known, _)| *known == service) {
                assert_eq!(depths, self.model.depths(&service), "{name}");
            }
        }
        assert_eq!(open, self.model.open.len());
        assert_eq!(self.queues.len(), open);
    }
}

#[test]
fn random_walks_agree_with_the_model() {
    for seed in 0..20 {
        let mut walk = Walk::new(seed);
        for step in 0..STEPS {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| walk.step()));
            assert!(
                result.is_ok(),
                "seed {seed}, step {step}: see the panic above"
            );
        }
        assert!(walk.last_position > 500, "seed {seed}: too little happened");
    }
}

/// The policy the model has written out in constants.
fn policy() -> QueuePolicy {
    let millis = |millis: i64| Duration::from_millis(millis as u64);
    QueuePolicy {
        ranks: RankPolicy::default(),
        retries: RetryPolicy {
            base_delay: millis(BASE_DELAY_MS),
            max_delay: millis(MAX_DELAY_MS),
            max_attempts: MAX_ATTEMPTS,
        },
    }
}
