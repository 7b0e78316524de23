//! What a hub has used so far: processor, memory, journal.

use std::fs;

/// Of `/proc/PID/stat`: the kernel counts in 1/100 s for user space on every common platform.
const TICKS_PER_SECOND: f64 = 100.0;

/// One look at a hub. What it does not tell is `None`.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Usage {
    pub journal_records: Option<f64>,
    pub journal_syncs: Option<f64>,
    pub cpu_seconds: Option<f64>,
    /// The present resident memory.
    pub memory_bytes: Option<f64>,
    /// The highest ever.
    pub peak_memory_bytes: Option<f64>,
}

impl Usage {
    /// Reads the hub's own `/metrics`.
    pub(super) fn from_metrics(text: &str) -> Self {
        Self {
            journal_records: metric(text, "message_hub_journal_records_total"),
            journal_syncs: metric(text, "message_hub_journal_syncs_total"),
            cpu_seconds: metric(text, "process_cpu_seconds_total"),
            memory_bytes: metric(text, "process_resident_memory_bytes"),
            peak_memory_bytes: None,
        }
    }

    /// Adds what the operating system knows of process `pid` on this machine.
    pub(super) fn with_process(mut self, pid: u32) -> Self {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        self.cpu_seconds = cpu_seconds(&stat).or(self.cpu_seconds);
        self.memory_bytes = status_bytes(&status, "VmRSS:").or(self.memory_bytes);
        self.peak_memory_bytes = status_bytes(&status, "VmHWM:");
        self
    }
}

/// The processor time this process itself has used, in seconds.
pub(super) fn own_cpu_seconds() -> Option<f64> {
    cpu_seconds(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// The sum over all series of `name`.
fn metric(text: &str, name: &str) -> Option<f64> {
    let mut sum = None;
    for line in text.lines() {
        let Some(rest) = line.strip_prefix(name) else {
            continue;
        };
        let value = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once('}').map(|(_, value)| value),
            None => rest.strip_prefix(' '),
        };
        let value = value.and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
        if let Some(value) = value {
            sum = Some(sum.unwrap_or(0.0) + value);
        }
    }
    sum
}

/// utime + stime: the 14th and 15th field, where the 2nd, in brackets, may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// A line such as `VmHWM:   1234 kB`.
fn status_bytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_the_sum_of_its_series() {
        let text = "# HELP message_hub_journal_records_total records\n\
                    message_hub_journal_records_total{kind=\"a } b\"} 5\n\
                    message_hub_journal_records_total{kind=\"b\"} 2e1 1700000000\n\
                    message_hub_journal_records_total_other 9\n\
                    message_hub_journal_syncs_total 4\n";
        let usage = Usage::from_metrics(text);
        assert_eq!(usage.journal_records, Some(25.0));
        assert_eq!(usage.journal_syncs, Some(4.0));
        assert_eq!(usage.cpu_seconds, None);
    }

    #[test]
    fn processor_time_is_user_and_system_time() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 5 0";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds(""), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\thub\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(status_bytes(status, "VmHWM:"), Some(2_097_152.0));
        assert_eq!(status_bytes(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let usage = Usage::default().with_process(std::process::id());
        assert!(usage.peak_memory_bytes >= usage.memory_bytes);
        assert!(usage.memory_bytes > Some(0.0));
        assert!(usage.cpu_seconds.is_some() && own_cpu_seconds().is_some());
    }
}
