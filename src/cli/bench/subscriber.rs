//! A subscriber: must get each event that was acknowledged once, unchanged and in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytestring::ByteString;
use serde_json::json;

use super::heard::{self, Event};
use super::ledger::Tally;
use super::listeners::Listener;
use super::marks::Marks;
use super::recorder::Recorder;

/// The type of all events that the bench publishes.
pub(super) const EVENT_TYPE: &str = "bench.event.published";

pub(super) struct Subscriber {
    recorder: Arc<Recorder>,
    payload_size: usize,
    /// Deliveries to all subscribers, without repeats.
    delivered: Arc<AtomicU64>,
    seen: Marks,
    /// The hub's sequence of the event that came last.
    newest: u64,
    counts: Counts,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Counts {
    received: u64,
    repeated: u64,
    corrupt: u64,
    out_of_order: u64,
}

impl Subscriber {
    pub(super) fn new(
        recorder: Arc<Recorder>,
        payload_size: usize,
        delivered: Arc<AtomicU64>,
    ) -> Self {
        Self {
            recorder,
            payload_size,
            delivered,
            seen: Marks::default(),
            newest: 0,
            counts: Counts::default(),
        }
    }

    fn note(&mut self, event: &Event<'_>) {
        if event.sequence < self.newest {
            self.counts.out_of_order += 1;
        }
        self.newest = event.sequence;
        let Some(stamp) = event.stamp(self.payload_size) else {
            self.counts.corrupt += 1;
            return;
        };
        if !self.seen.set(stamp.sequence) {
            self.counts.repeated += 1;
            return;
        }
        self.counts.received += 1;
        self.delivered.fetch_add(1, Ordering::Relaxed);
        self.recorder.arrived(stamp);
    }
}

impl Listener for Subscriber {
    const KIND: &str = "a subscriber";

    fn greeting(&self) -> String {
        json!({"type": "subscribe", "service": "bench", "event_types": [EVENT_TYPE], "ref": "0"})
            .to_string()
    }

    fn take(&mut self, text: &[u8]) -> serde_json::Result<Option<ByteString>> {
        for heard in heard::read(text)? {
            match heard.event {
                Some(event) => self.note(&event),
                None => self.failed(heard.error.map_or(heard.kind, |error| error.get())),
            }
        }
        Ok(None)
    }

    fn failed(&self, reason: &str) {
        self.recorder.failed("subscriber", 1, reason.as_bytes());
    }
}

/// What all subscribers saw of what was `acknowledged`, and how many events came after a later
/// one.
pub(super) fn settle(subscribers: &[Subscriber], acknowledged: &Marks) -> (Tally, u64) {
    let mut tally = Tally {
        acknowledged: acknowledged.missing_in(&Marks::default()),
        ..Tally::default()
    };
    let mut out_of_order = 0;
    for subscriber in subscribers {
        let counts = subscriber.counts;
        tally.received += counts.received;
        tally.repeated += counts.repeated;
        tally.corrupt += counts.corrupt;
        tally.missing += acknowledged.missing_in(&subscriber.seen);
        out_of_order += counts.out_of_order;
    }
    (tally, out_of_order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::message::{Request, Stamp};

    fn subscriber() -> Subscriber {
        Subscriber::new(Arc::new(Recorder::new()), 300, Arc::default())
    }

    /// The frame of an event that was published as number `stamp`.
    fn event(stamp: u64, sequence: u64) -> String {
        let stamp = Stamp {
            sequence: stamp,
            sent_at: 0,
        };
        let mut request = Request::publish_frames(EVENT_TYPE, 300, None);
        let text = String::from_utf8(request.stamped(stamp, 1).to_vec()).unwrap();
        let (_, payload) = text.split_once(r#""payload":"#).unwrap();
        let data = &payload[..300];
        format!(r#"{{"type":"event","event":{{"data":{data},"sequence":{sequence}}}}}"#)
    }

    fn seen_by(texts: &[String]) -> Subscriber {
        let mut subscriber = subscriber();
        for text in texts {
            assert_eq!(subscriber.take(text.as_bytes()).unwrap(), None);
        }
        subscriber
    }

    fn acknowledged(count: u64) -> Marks {
        let mut marks = Marks::default();
        for sequence in 0..count {
            marks.set(sequence);
        }
        marks
    }

    #[test]
    fn each_event_once_and_in_order_is_what_should_be() {
        let seen = seen_by(&[event(1, 7), format!("[{},{}]", event(0, 8), event(2, 11))]);
        assert_eq!(seen.delivered.load(Ordering::Relaxed), 3);
        let (tally, out_of_order) = settle(&[seen], &acknowledged(3));
        let good = Tally {
            acknowledged: 3,
            received: 3,
            ..Tally::default()
        };
        assert_eq!((tally, out_of_order), (good, 0));
    }

    #[test]
    fn everything_else_is_noticed() {
        let changed = event(3, 9).replacen("filler\":\"", "filler\":\"Z", 1);
        let seen = seen_by(&[event(1, 8), event(0, 7), event(1, 8), changed]);
        let (tally, out_of_order) = settle(&[seen, subscriber()], &acknowledged(4));
        assert_eq!(out_of_order, 1);
        assert_eq!((tally.received, tally.repeated, tally.corrupt), (2, 1, 1));
        assert_eq!(tally.missing, 2 + 4);
    }
}
