//! What was measured, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::arguments::BenchArguments;
use super::ledger::Tally;
use super::recorder::{Errors, LatencySummary};
use super::refusal;
use super::usage::Usage;
use crate::exit::Exit;

#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Report {
    pub load: BenchArguments,
    /// Seconds measured, without the warm-up.
    pub seconds: f64,
    pub acknowledged_per_second: f64,
    /// From the intended send to the hub's answer.
    pub acknowledged: LatencySummary,
    pub delivery: Option<Delivery>,
    /// What the hub said it does not take, by its code; warm-up included. None of it is lost.
    pub refused: BTreeMap<String, Errors>,
    /// What else went wrong, by status code or a word; warm-up included.
    pub errors: BTreeMap<String, Errors>,
    pub hub: HubReport,
    pub generator_cpu_seconds: Option<f64>,
}

/// What receivers saw.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Delivery {
    pub received_per_second: f64,
    /// From the intended send to the receiver.
    pub received: LatencySummary,
    /// Acknowledged and not yet delivered when sending stopped.
    pub backlog: u64,
    /// How long it then took until nothing was missing, or nothing came any more.
    pub drain_seconds: f64,
    /// Over the whole run.
    pub tally: Tally,
    /// Events that came to a subscriber after a later one; of messages nobody asks.
    pub out_of_order: Option<u64>,
}

/// What the hub spent on the measured messages.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub(super) struct HubReport {
    pub messages: u64,
    pub journal_records: Option<f64>,
    pub journal_syncs: Option<f64>,
    pub records_per_sync: Option<f64>,
    pub cpu_seconds: Option<f64>,
    pub cpu_micros_per_message: Option<f64>,
    pub cpu_seconds_per_100k: Option<f64>,
    /// The highest resident memory; of a hub at a URL, the present one.
    pub memory_bytes: Option<f64>,
    /// What it grew by since the start, over all messages sent since then; missing of a hub that
    /// shrank meanwhile, which it did for other reasons.
    pub memory_bytes_per_100k: Option<f64>,
}

/// Looks at a hub: idle, after the warm-up, and in the end.
pub(super) struct Looks {
    pub idle: Usage,
    pub before: Usage,
    pub after: Usage,
}

impl HubReport {
    /// `messages` were measured between `before` and `after`, `total` since `idle`.
    pub(super) fn new(looks: &Looks, messages: u64, total: u64) -> Self {
        let Looks {
            idle,
            before,
            after,
        } = looks;
        let journal_records = difference(after.journal_records, before.journal_records);
        let journal_syncs = difference(after.journal_syncs, before.journal_syncs);
        let cpu_seconds = difference(after.cpu_seconds, before.cpu_seconds);
        let memory_bytes = after.peak_memory_bytes.or(after.memory_bytes);
        let growth = difference(memory_bytes, idle.memory_bytes);
        let growth = growth.filter(|growth| *growth >= 0.0);
        Self {
            messages,
            journal_records,
            journal_syncs,
            records_per_sync: ratio(journal_records, journal_syncs),
            cpu_seconds,
            cpu_micros_per_message: per(cpu_seconds, messages, 1e6),
            cpu_seconds_per_100k: per(cpu_seconds, messages, 1e5),
            memory_bytes,
            memory_bytes_per_100k: per(growth, total, 1e5),
        }
    }
}

impl Report {
    /// Of a run that measured nothing the hub lost nothing either, which is another thing.
    pub(super) fn exit(&self) -> Exit {
        let is_verified = self.delivery.as_ref().is_none_or(Delivery::is_verified);
        if !is_verified {
            Exit::VerificationFailed
        } else if self.acknowledged.count > 0 {
            Exit::Clean
        } else if self.refused.keys().any(|code| refusal::is_denial(code)) {
            Exit::Denied
        } else {
            Exit::NothingTaken
        }
    }

    /// Why nothing was measured, if nothing was.
    pub(super) fn complaint(&self) -> Option<String> {
        let advice = match self.exit() {
            Exit::NothingTaken => "that is no loss",
            Exit::Denied => {
                "it wants a key that may do this: give the name of an operator with --name, and its \
                 key with --key-file or as MESSAGE_HUB_KEY"
            }
            _ => return None,
        };
        let refused = self.refused.iter().chain(&self.errors);
        let refused = refused.map(|(code, Errors { count, .. })| format!("{count} × {code}"));
        let refused = refused.collect::<Vec<_>>().join(", ");
        let refused = match &*refused {
            "" => "no answer came",
            refused => refused,
        };
        Some(format!(
            "the hub acknowledged nothing in the seconds that count ({refused}); {advice}"
        ))
    }
}

impl Delivery {
    /// Messages may be repeated; events have an order, and each comes once.
    fn is_verified(&self) -> bool {
        let is_whole = self.tally.missing == 0 && self.tally.corrupt == 0;
        match self.out_of_order {
            Some(out_of_order) => is_whole && out_of_order == 0 && self.tally.repeated == 0,
            None => is_whole,
        }
    }
}

fn difference(after: Option<f64>, before: Option<f64>) -> Option<f64> {
    Some(after? - before?)
}

fn ratio(dividend: Option<f64>, divisor: Option<f64>) -> Option<f64> {
    divisor
        .filter(|divisor| *divisor > 0.0)
        .and_then(|divisor| Some(dividend? / divisor))
}

fn per(value: Option<f64>, messages: u64, unit: f64) -> Option<f64> {
    ratio(value.map(|value| value * unit), Some(messages as f64))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.acknowledged_per_second;
        writeln!(f, "{}", self.load)?;
        writeln!(f, "acknowledged  {rate:.0}/s, {}", self.acknowledged)?;
        if let Some(delivery) = &self.delivery {
            write!(f, "{delivery}")?;
        }
        for (code, refused) in &self.refused {
            let Errors { count, first } = refused;
            writeln!(f, "refused       {count} × {code}: {first}")?;
        }
        for (kind, errors) in &self.errors {
            let Errors { count, first } = errors;
            writeln!(f, "failed        {count} × {kind}: {first}")?;
        }
        write!(f, "{}", self.hub)?;
        if let Some(seconds) = self.generator_cpu_seconds {
            writeln!(f, "generator     {seconds:.2} CPU s")?;
        }
        Ok(())
    }
}

impl fmt::Display for LatencySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms ({} messages)",
            self.p50_ms, self.p99_ms, self.p99_9_ms, self.max_ms, self.count
        )
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally {
            acknowledged,
            received,
            repeated,
            corrupt,
            missing,
        } = self.tally;
        let rate = self.received_per_second;
        let (backlog, drain) = (self.backlog, self.drain_seconds);
        writeln!(f, "received      {rate:.0}/s, {}", self.received)?;
        writeln!(
            f,
            "backlog       {backlog} when sending stopped, {drain:.2} s to drain"
        )?;
        write!(
            f,
            "verified      {acknowledged} acknowledged, {received} received, {repeated} repeated, \
             {missing} missing, {corrupt} corrupt"
        )?;
        match self.out_of_order {
            Some(out_of_order) => writeln!(f, ", {out_of_order} out of order"),
            None => writeln!(f),
        }
    }
}

impl fmt::Display for HubReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "hub journal   {} records per sync ({} records, {} syncs)",
            shown(self.records_per_sync, 1),
            shown(self.journal_records, 0),
            shown(self.journal_syncs, 0)
        )?;
        writeln!(
            f,
            "hub processor {} CPU s, {} µs per message, {} s per 100,000",
            shown(self.cpu_seconds, 2),
            shown(self.cpu_micros_per_message, 1),
            shown(self.cpu_seconds_per_100k, 2)
        )?;
        writeln!(
            f,
            "hub memory    {} MiB at most, {} MiB per 100,000 messages",
            shown(self.memory_bytes.map(mebibytes), 1),
            shown(self.memory_bytes_per_100k.map(mebibytes), 1)
        )
    }
}

fn mebibytes(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

fn shown(value: Option<f64>, digits: usize) -> String {
    match value {
        Some(value) => format!("{value:.digits$}"),
        None => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(records: f64, syncs: f64, cpu_seconds: f64, memory: f64) -> Usage {
        Usage {
            journal_records: Some(records),
            journal_syncs: Some(syncs),
            cpu_seconds: Some(cpu_seconds),
            memory_bytes: Some(memory),
            peak_memory_bytes: Some(memory),
        }
    }

    #[test]
    fn figures_are_per_message_measured() {
        let looks = Looks {
            idle: usage(0.0, 0.0, 0.1, 1e6),
            before: usage(100.0, 10.0, 1.0, 2e6),
            after: usage(2100.0, 110.0, 3.0, 5e6),
        };
        let report = HubReport::new(&looks, 50_000, 200_000);
        assert_eq!(report.records_per_sync, Some(20.0));
        assert_eq!(report.cpu_seconds, Some(2.0));
        assert_eq!(report.cpu_micros_per_message, Some(40.0));
        assert_eq!(report.cpu_seconds_per_100k, Some(4.0));
        assert_eq!(report.memory_bytes, Some(5e6));
        assert_eq!(report.memory_bytes_per_100k, Some(2e6));
    }

    #[test]
    fn a_hub_that_shrank_tells_nothing_of_its_memory_per_message() {
        let looks = Looks {
            idle: usage(0.0, 0.0, 0.1, 9e6),
            before: usage(0.0, 0.0, 0.1, 9e6),
            after: usage(2.0, 1.0, 0.2, 5e6),
        };
        let report = HubReport::new(&looks, 1, 1);
        assert_eq!(report.memory_bytes_per_100k, None);
    }

    #[test]
    fn what_the_hub_does_not_tell_is_a_question_mark() {
        let usage = Usage::default();
        let looks = Looks {
            idle: usage,
            before: usage,
            after: usage,
        };
        let report = HubReport::new(&looks, 0, 0);
        assert_eq!(report, HubReport::default());
        assert!(report.to_string().contains("? records per sync"));
    }
}
