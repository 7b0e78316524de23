//! Services as rows of a list: what the registry, the circuits and the queues know of each, joined,
//! and chosen from.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::circuit_survey::CircuitSummary;
use super::queues::view::QueueDepths;
use super::service_view::ServiceSummary;
use crate::domain::circuit::CircuitState;
use crate::domain::ids::ServiceName;
use crate::domain::service::Health;
use crate::domain::timestamp::Timestamp;

/// What is known of a service.
#[derive(Clone, PartialEq, Debug)]
pub struct ServiceRow {
    /// Its name.
    pub service: ServiceName,
    /// `Unknown`: nobody is registered, but something is left for it.
    pub health: Health,
    /// Those that are registered.
    pub instances: usize,
    /// Those that can take messages; one more if somebody else polls.
    pub available: u32,
    /// Whether it is sent anything.
    pub circuit: CircuitState,
    /// When an open circuit is tried again by itself.
    pub open_until: Option<Timestamp>,
    /// What waits for it.
    pub depths: QueueDepths,
    /// `None` while nobody can tell.
    pub dead_letters: Option<u64>,
    /// How often a second, averaged over about a minute.
    pub rates: RowRates,
}

/// How often a second something happens.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct RowRates {
    /// A message is accepted for it.
    pub incoming: f64,
    /// One of them is settled.
    pub outgoing: f64,
    /// An attempt fails.
    pub failing: f64,
}

/// What the owners of everything say, of which rows are made.
pub struct RowSources<'a> {
    /// Who is registered.
    pub services: &'a [ServiceSummary],
    /// Those that are not closed, of services, and of callbacks, which make no rows.
    pub circuits: &'a [CircuitSummary],
    /// What waits for each.
    pub queues: &'a [(ServiceName, QueueDepths)],
    /// By destination; `None` while nobody can tell.
    pub dead_letters: Option<&'a BTreeMap<ServiceName, u64>>,
}

/// One row for each that is registered or for which something is left, by name.
pub fn join(sources: &RowSources<'_>, now: Timestamp) -> Vec<ServiceRow> {
    let mut rows: BTreeMap<&ServiceName, ServiceRow> = BTreeMap::new();
    for summary in sources.services {
        let row = ServiceRow {
            health: summary.status,
            instances: summary.instances.iter().sum(),
            available: summary.available,
            ..ServiceRow::of(&summary.service)
        };
        rows.insert(&summary.service, row);
    }
    for (service, depths) in sources.queues {
        if depths.open() == 0 && !rows.contains_key(service) {
            continue;
        }
        let row = rows.entry(service);
        let row = row.or_insert_with(|| ServiceRow::of(service));
        row.rates = RowRates {
            incoming: depths.rates.incoming.per_second(now),
            outgoing: depths.rates.outgoing.per_second(now),
            failing: depths.rates.failing.per_second(now),
        };
        row.depths = depths.clone();
    }
    for service in sources.dead_letters.into_iter().flat_map(BTreeMap::keys) {
        let row = rows.entry(service);
        row.or_insert_with(|| ServiceRow::of(service));
    }
    let circuits = sources.circuits.iter();
    let circuits: HashMap<_, _> = circuits.map(|one| (one.circuit.as_str(), one)).collect();
    let joined = rows.into_iter().map(|(service, mut row)| {
        if let Some(circuit) = circuits.get(service.as_str()) {
            row.circuit = circuit.state;
            row.open_until = circuit.open_until;
        }
        let of_service = |counts: &BTreeMap<_, _>| counts.get(service).copied().unwrap_or(0);
        row.dead_letters = sources.dead_letters.map(of_service);
        row
    });
    joined.collect()
}

impl ServiceRow {
    fn of(service: &ServiceName) -> Self {
        Self {
            service: service.clone(),
            health: Health::Unknown,
            instances: 0,
            available: 0,
            circuit: CircuitState::Closed,
            open_until: None,
            depths: QueueDepths::default(),
            dead_letters: None,
            rates: RowRates::default(),
        }
    }
}

/// Which rows are wanted: those that match everything given.
#[derive(Clone, Debug, Default)]
pub struct RowFilter {
    /// This one alone.
    pub service: Option<ServiceName>,
    /// A part of the name, in small or capital letters.
    pub part: Option<String>,
    /// How the service is.
    pub health: Option<Health>,
    /// How its circuit is.
    pub circuit: Option<CircuitState>,
    /// Whether its queue is paused.
    pub is_paused: Option<bool>,
}

impl RowFilter {
    fn takes(&self, row: &ServiceRow) -> bool {
        let part = self.part.as_ref();
        self.service
            .as_ref()
            .is_none_or(|service| *service == row.service)
            && part.is_none_or(|part| contains(row.service.as_str(), part))
            && self.health.is_none_or(|health| health == row.health)
            && self.circuit.is_none_or(|circuit| circuit == row.circuit)
            && self
                .is_paused
                .is_none_or(|is_paused| is_paused == row.depths.paused.is_some())
    }
}

fn contains(name: &str, part: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains(&part.to_ascii_lowercase())
}

/// What rows are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowSort {
    /// From `a` to `z`.
    Name,
    /// Most first, as all that follow.
    Queued,
    /// By how long the oldest waits.
    OldestAge,
    /// By how fast messages come.
    InRate,
    /// By how fast they are settled.
    OutRate,
    /// By how often attempts fail.
    FailRate,
    /// By how many are in the list.
    DeadLetters,
}

/// Rows in order, and how many match without the bound.
pub struct ChosenRows<'a> {
    /// As many as there may be.
    pub rows: Vec<&'a ServiceRow>,
    /// All that match.
    pub total: usize,
}

/// The first `limit` rows that match. By name those `after` one; figures sort the largest first,
/// and equal ones by name. `reversed` turns the order round.
pub fn choose<'a>(
    rows: &'a [ServiceRow],
    filter: &RowFilter,
    (sort, reversed): (RowSort, bool),
    (after, limit): (Option<&ServiceName>, usize),
) -> ChosenRows<'a> {
    let mut chosen: Vec<_> = rows.iter().filter(|row| filter.takes(row)).collect();
    let total = chosen.len();
    let compare = |one: &&ServiceRow, other: &&ServiceRow| {
        let order = sort.compare(one, other);
        if reversed { order.reverse() } else { order }
    };
    chosen.sort_by(|one, other| compare(one, other).then_with(|| one.service.cmp(&other.service)));
    if let Some(after) = after {
        let is_behind = |row: &&ServiceRow| match reversed {
            true => row.service < *after,
            false => row.service > *after,
        };
        chosen.retain(is_behind);
    }
    chosen.truncate(limit);
    ChosenRows {
        rows: chosen,
        total,
    }
}

impl RowSort {
    fn compare(self, one: &ServiceRow, other: &ServiceRow) -> Ordering {
        match self {
            Self::Name => one.service.cmp(&other.service),
            Self::Queued => other.depths.waiting().cmp(&one.depths.waiting()),
            // Whoever waits at all waits longer than nobody.
            Self::OldestAge => {
                let since = |row: &ServiceRow| {
                    let oldest = row.depths.oldest();
                    (oldest.is_none(), oldest)
                };
                since(one).cmp(&since(other))
            }
            Self::InRate => other.rates.incoming.total_cmp(&one.rates.incoming),
            Self::OutRate => other.rates.outgoing.total_cmp(&one.rates.outgoing),
            Self::FailRate => other.rates.failing.total_cmp(&one.rates.failing),
            Self::DeadLetters => other.dead_letters.cmp(&one.dead_letters),
        }
    }
}

#[cfg(test)]
mod tests;
