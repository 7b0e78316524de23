//! What happened over the last day, as series that can be drawn: a sample every ten seconds, kept in
//! memory.

use std::collections::VecDeque;

use crate::domain::timestamp::Timestamp;

/// Between two samples, in seconds.
pub const STEP: i64 = 10;
/// So many are kept: those of 24 hours.
pub const MOST_SAMPLES: usize = 8640;

/// How several samples become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// So much a second: their average.
    Rate,
    /// As it is at a moment: the last.
    Gauge,
}

macro_rules! series {
    ($($(#[$doc:meta])* $kind:ident $field:ident,)+) => {
        /// All series at one moment; what nobody knows is `None`.
        #[derive(Clone, Copy, PartialEq, Debug, Default, serde::Serialize, utoipa::ToSchema)]
        #[schema(as = StatsSample)]
        pub struct Sample {
            $($(#[$doc])* pub $field: Option<f64>,)+
        }

        /// All series over a time, each with one value for each step; null where the hub was down.
        #[derive(Clone, PartialEq, Debug, Default, serde::Serialize, utoipa::ToSchema)]
        #[schema(as = StatsSeries)]
        pub struct Series {
            $($(#[$doc])* pub $field: Vec<Option<f32>>,)+
        }

        const KINDS: [Kind; [$(stringify!($field)),+].len()] = [$(Kind::$kind),+];

        impl Sample {
            fn to_row(self) -> Row {
                [$(self.$field),+].map(|value| value.map_or(f32::NAN, |value| value as f32))
            }
        }

        impl Series {
            fn push(&mut self, row: &Row) {
                let [$($field),+] = *row;
                $(self.$field.push(known($field));)+
            }
        }
    };
}

series! {
    /// Messages accepted, a second
    Rate accepted,
    /// Messages delivered, a second
    Rate delivered,
    /// Attempts that failed and are followed by another, a second
    Rate failed,
    /// Messages given up, a second
    Rate dead,
    /// Messages that expired, a second
    Rate expired,
    /// Messages that were cancelled, a second
    Rate cancelled,
    /// Messages refused for want of room or beyond a quota, a second
    Rate refused,
    /// Events published, a second
    Rate events,
    /// Deliveries of events to callbacks, a second
    Rate event_deliveries,
    /// Queued and parked
    Gauge depth_critical,
    /// Queued and parked
    Gauge depth_high,
    /// Queued and parked
    Gauge depth_normal,
    /// Queued and parked
    Gauge depth_low,
    /// Queued and parked
    Gauge depth_deferred,
    /// Messages that wait as nobody takes them, or as the circuit is open
    Gauge parked,
    /// Messages between two attempts
    Gauge retrying,
    /// Messages that may not be delivered yet
    Gauge scheduled,
    /// Messages under way
    Gauge in_flight,
    /// Dead letters in the list
    Gauge dead_letters,
    /// Seconds that the longest waiting message has waited; 0: none waits
    Gauge oldest_age,
    /// Services that are sent nothing as their circuit is open
    Gauge open_circuits,
    /// WebSockets that are open
    Gauge sockets,
    /// Records that are not in the archive yet
    Gauge archive_lag,
    /// What the journal occupies
    Gauge journal_bytes,
    /// Memory of the process, in bytes
    Gauge rss,
    /// Processor time of the process; 1 is one core
    Rate cpu,
    /// Seconds that an attempt takes, of half of them at most
    Gauge push_p50,
    /// Seconds that an attempt takes, of 99 % of them at most
    Gauge push_p99,
    /// Seconds from acceptance to the end of a message, of half of them at most
    Gauge settle_p50,
    /// Seconds from acceptance to the end of a message, of 99 % of them at most
    Gauge settle_p99,
    /// Seconds that a sync of the journal takes, of 99 % of them at most
    Gauge sync_p99,
}

/// A sample as it is kept; NaN: nobody knows.
type Row = [f32; KINDS.len()];

const NOTHING: Row = [f32::NAN; KINDS.len()];

fn known(value: f32) -> Option<f32> {
    (!value.is_nan()).then_some(value)
}

/// The samples of the last day.
#[derive(Debug, Default)]
pub struct StatsRing {
    /// In which ten seconds of the hub's clock the last one was taken.
    last: i64,
    rows: VecDeque<Row>,
}

/// A part of the ring.
#[derive(PartialEq, Debug)]
pub struct StatsPart {
    /// When the first step begins, by the hub's clock.
    pub from: Timestamp,
    /// The steps.
    pub series: Series,
}

impl StatsRing {
    /// Keeps a sample. Those that were not taken since the one before are unknown.
    pub fn push(&mut self, sample: &Sample, now: Timestamp) {
        let slot = slot_of(now);
        if self.rows.is_empty() {
            self.last = slot - 1;
        }
        let missed = (slot - self.last - 1).clamp(0, MOST_SAMPLES as i64);
        for _ in 0..missed {
            self.rows.push_back(NOTHING);
        }
        if slot > self.last {
            self.rows.push_back(sample.to_row());
            self.last = slot;
        }
        let surplus = self.rows.len().saturating_sub(MOST_SAMPLES);
        self.rows.drain(..surplus);
    }

    /// The samples since then, `step` of them made one. Steps begin at multiples of their length.
    pub fn since(&self, since: Timestamp, step: usize) -> StatsPart {
        let length = step as i64;
        let first = self.last + 1 - self.rows.len() as i64;
        let wanted = slot_of(since).clamp(first, self.last + 1);
        let begin = wanted.div_euclid(length) * length;
        let skipped = usize::try_from(begin - first).unwrap_or(0);
        // The ring may begin within a step.
        let mut left = (begin + length - first.max(begin)) as usize;
        let mut series = Series::default();
        let mut rows: Vec<Row> = Vec::with_capacity(step);
        for row in self.rows.iter().skip(skipped) {
            rows.push(*row);
            if rows.len() == left {
                series.push(&merged(&rows));
                rows.clear();
                left = step;
            }
        }
        if !rows.is_empty() {
            series.push(&merged(&rows));
        }
        StatsPart {
            from: Timestamp::from_millis(begin * STEP * 1000),
            series,
        }
    }
}

fn slot_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(STEP * 1000)
}

fn merged(rows: &[Row]) -> Row {
    let mut merged = NOTHING;
    for (index, kind) in KINDS.iter().enumerate() {
        let known = rows.iter().map(|row| row[index]);
        let mut known = known.filter(|value| !value.is_nan());
        merged[index] = match kind {
            Kind::Gauge => known.next_back().unwrap_or(f32::NAN),
            Kind::Rate => {
                let (sum, count) =
                    known.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
                // Of none it is not a number.
                sum / count as f32
            }
        };
    }
    merged
}

#[cfg(test)]
mod tests;
