//! Pulling: messages handed out under leases, and how leases end.

use std::time::Duration;

use ahash::AHashSet;

use crate::domain::attempt::{Attempt, AttemptOutcome};
use crate::domain::fact::Fact;
use crate::domain::ids::{LeaseToken, MessageId, ServiceName};
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::domain::timestamp::Timestamp;
use crate::logic::backoff::RequestedDelay;
use crate::logic::page;
use crate::logic::verdict;

use super::lease::Lease;
use super::type_lanes::TypeLanes;
use super::{Delivery, HandOut, Place, Queues};

/// A message handed to a puller.
#[derive(Clone, PartialEq, Debug)]
pub struct Leased {
    /// What the puller gets to see.
    pub delivery: Delivery,
    /// With this it acks, nacks or extends it.
    pub token: LeaseToken,
}

/// How a lease ended, the same for every message of a request.
struct LeaseEnd {
    outcome: AttemptOutcome,
    error: Option<String>,
    asked: Option<RequestedDelay>,
}

impl Queues {
    /// Hands up to `max` messages to a puller, and no more bytes than a page has, each under a
    /// lease of its own, which lasts `lease`, or until it is settled or given back.
    pub fn lease(
        &mut self,
        service: &ServiceName,
        max: usize,
        lease: Option<Duration>,
        now: impl Into<Moment>,
        mut generate: impl FnMut() -> LeaseToken,
    ) -> HandOut<Leased> {
        let now = now.into();
        let until = lease.map(|lease| now.hub.plus(lease));
        let room = (max, page::MOST_BYTES);
        let out = self.hand_out(service, room, now, TypeLanes::pop, |entry| {
            let token = generate();
            entry.place = Place::Leased { token };
            Leased {
                delivery: entry.delivery(),
                token,
            }
        });
        for leased in &out.items {
            let id = leased.delivery.message.id;
            self.leases.insert(
                leased.token,
                Lease {
                    id,
                    since: now.hub,
                    until,
                },
            );
            if let Some(until) = until {
                self.lease_ends.set(leased.token, until);
            }
        }
        out
    }

    /// Whether all of `tokens` are leases of `owner`; to it, those of others are as unknown as any.
    pub fn check_owner(&self, owner: &ServiceName, tokens: &[LeaseToken]) -> Result<(), Refusal> {
        let is_own = |token: &&LeaseToken| {
            let entry = self
                .leases
                .get(token)
                .and_then(|lease| self.entries.get(&lease.id));
            entry.is_some_and(|entry| entry.message.destination == *owner)
        };
        let stale: Vec<_> = tokens
            .iter()
            .filter(|token| !is_own(token))
            .copied()
            .collect();
        if stale.is_empty() {
            Ok(())
        } else {
            Err(Refusal::StaleLeases { stale })
        }
    }

    /// The messages behind `tokens`, or the tokens that are not valid any more.
    pub fn lease_holders(&self, tokens: &[LeaseToken]) -> Result<Vec<MessageId>, Refusal> {
        let mut ids = Vec::with_capacity(tokens.len());
        let mut stale = Vec::new();
        let mut seen = AHashSet::with_capacity(tokens.len());
        for token in tokens.iter().filter(|token| seen.insert(**token)) {
            match self.leases.get(token) {
                Some(lease) => ids.push(lease.id),
                None => stale.push(*token),
            }
        }
        if stale.is_empty() {
            Ok(ids)
        } else {
            Err(Refusal::StaleLeases { stale })
        }
    }

    /// The messages behind those of `tokens` that are valid.
    pub fn running(&self, tokens: &[LeaseToken]) -> Vec<MessageId> {
        let leases = tokens.iter().filter_map(|token| self.leases.get(token));
        leases.map(|lease| lease.id).collect()
    }

    /// The messages behind `tokens` were handled. All or nothing.
    pub fn ack(
        &mut self,
        tokens: &[LeaseToken],
        now: impl Into<Moment>,
    ) -> Result<Vec<Fact>, Refusal> {
        let now = now.into();
        let ids = self.lease_holders(tokens)?;
        let end = LeaseEnd {
            outcome: AttemptOutcome::Delivered,
            error: None,
            asked: None,
        };
        Ok(ids
            .iter()
            .filter_map(|id| self.end_lease(*id, &end, now, 0.0))
            .collect())
    }

    /// The messages behind `tokens` could not be handled: failed attempts. All or nothing.
    pub fn nack(
        &mut self,
        tokens: &[LeaseToken],
        delay: Option<Duration>,
        reason: Option<String>,
        now: impl Into<Moment>,
        mut random: impl FnMut() -> f64,
    ) -> Result<Vec<Fact>, Refusal> {
        let now = now.into();
        let ids = self.lease_holders(tokens)?;
        let end = LeaseEnd {
            outcome: AttemptOutcome::Failed,
            error: Some(reason.unwrap_or_else(|| "nack".to_owned())),
            asked: delay.map(RequestedDelay::Exactly),
        };
        Ok(ids
            .iter()
            .filter_map(|id| self.end_lease(*id, &end, now, random()))
            .collect())
    }

    /// The leases end `lease` from now instead; says when. All or nothing.
    pub fn extend(
        &mut self,
        tokens: &[LeaseToken],
        lease: Duration,
        now: impl Into<Moment>,
    ) -> Result<Timestamp, Refusal> {
        let now = now.into();
        let new_end = now.hub.plus(lease);
        for id in self.lease_holders(tokens)? {
            if let Place::Leased { token } = self.entries[&id].place
                && let Some(lease) = self.leases.get_mut(&token)
            {
                lease.until = Some(new_end);
                self.lease_ends.set(token, new_end);
            }
        }
        Ok(now.wall_time(new_end))
    }

    /// Leases that ran out are failed attempts.
    pub fn expire_leases(
        &mut self,
        now: impl Into<Moment>,
        mut random: impl FnMut() -> f64,
    ) -> Vec<Fact> {
        let now = now.into();
        let end = LeaseEnd {
            outcome: AttemptOutcome::LeaseExpired,
            error: Some("the lease ran out".to_owned()),
            asked: None,
        };
        let mut facts = Vec::new();
        for token in self.lease_ends.pop_due(now.hub, usize::MAX) {
            if let Some(Lease { id, .. }) = self.leases.get(&token).copied() {
                facts.extend(self.end_lease(id, &end, now, random()));
            }
        }
        facts
    }

    /// When [`Queues::expire_leases`] has something to do; `None`: no lease has an end.
    pub fn next_lease_end(&self) -> Option<Timestamp> {
        self.lease_ends.next()
    }

    fn end_lease(
        &mut self,
        id: MessageId,
        end: &LeaseEnd,
        now: Moment,
        random: f64,
    ) -> Option<Fact> {
        let entry = self.entries.get(&id)?;
        let Place::Leased { token } = entry.place else {
            return None;
        };
        let since = self.leases.get(&token)?.since;
        let attempt = Attempt {
            error: end.error.clone(),
            ..Attempt::ended(entry.failures() + 1, end.outcome, since, now)
        };
        let fact = verdict::verdict(
            &self.policy.retries,
            &entry.message,
            attempt,
            (now.wall, entry.is_expired(now)),
            random,
            end.asked,
        );
        Some(self.settle(id, fact))
    }
}
