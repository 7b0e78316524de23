//! Tests of callbacks: one call that changes nothing, for whoever wants to know what a callback
//! answers now.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::to_raw_value;

use super::outcome::{describe, status_code};
use super::own_events::{OwnType, of_hub};
use crate::domain::event::Event;
use crate::domain::json_text::JsonText;
use crate::domain::refusal::Refusal;
use crate::domain::subscription::SubscriptionId;
use crate::domain::timestamp::Timestamp;
use crate::ports::transport::PushResponse;

/// From the beginning of one test of a subscription to the next: soon enough for somebody who mends
/// a receiver, too seldom for anybody to load one with it.
pub const DISTANCE: Duration = Duration::from_secs(2);

/// What a callback said to a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallbackTest {
    /// False: the hub lacked something of its own (files, ports, memory), and did not call.
    pub is_sent: bool,
    /// The HTTP status; `None`: no answer came.
    pub status_code: Option<u16>,
    /// In words, what went wrong; `None` for a success.
    pub error: Option<String>,
    /// From its beginning to its end.
    pub took: Duration,
}

impl CallbackTest {
    /// One that was answered so, after so long.
    pub fn ended(answer: &PushResponse, took: Duration) -> Self {
        Self {
            is_sent: !matches!(answer, PushResponse::NotTried { .. }),
            status_code: status_code(answer),
            error: describe(answer),
            took,
        }
    }
}

#[derive(Serialize)]
struct TestPayload {
    subscription_id: SubscriptionId,
}

/// What a test hands to the callback: an event of the hub that nobody published and that has no
/// place in the order of events. `random` fills its id.
pub fn test_event(id: SubscriptionId, now: Timestamp, random: [u8; 10]) -> Event {
    let payload = to_raw_value(&TestPayload {
        subscription_id: id,
    });
    let payload = JsonText::new(payload.expect("an id is JSON"));
    of_hub(OwnType::CallbackTested, payload, now, random)
}

/// Which subscriptions are tested now, or were a moment ago. Times are by the hub's own clock.
#[derive(Debug, Default)]
pub struct CallbackTests(BTreeMap<SubscriptionId, Begun>);

#[derive(Debug)]
struct Begun {
    at: Timestamp,
    is_running: bool,
}

impl Begun {
    /// When the next may begin.
    fn next(&self) -> Timestamp {
        self.at.plus(DISTANCE)
    }
}

impl CallbackTests {
    /// A test of this subscription begins.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] while another is under way, [`Refusal::TestedJustNow`] soon after it.
    pub fn begin(&mut self, id: SubscriptionId, now: Timestamp) -> Result<(), Refusal> {
        self.0.retain(|_, one| one.is_running || one.next() > now);
        if let Some(before) = self.0.get(&id) {
            if before.is_running {
                let problem = "a test of this subscription is under way; wait for its answer";
                return Err(Refusal::Conflict(problem));
            }
            let retry_after = before.next().since(now);
            return Err(Refusal::TestedJustNow { retry_after });
        }
        let begun = Begun {
            at: now,
            is_running: true,
        };
        self.0.insert(id, begun);
        Ok(())
    }

    /// The test of this subscription is over; returns when it began.
    pub fn end(&mut self, id: SubscriptionId) -> Option<Timestamp> {
        let begun = self.0.get_mut(&id)?;
        begun.is_running = false;
        Some(begun.at)
    }

    /// How many are under way.
    pub fn running(&self) -> usize {
        self.0.values().filter(|one| one.is_running).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::own_events::is_own_type;

    fn id(seed: u8) -> SubscriptionId {
        SubscriptionId::generate(Timestamp::default(), [seed; 10])
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_subscription_is_tested_once_at_a_time_and_not_again_at_once() {
        let mut tests = CallbackTests::default();
        assert_eq!(tests.begin(id(1), at(0)), Ok(()));
        assert_eq!(tests.begin(id(2), at(0)), Ok(()), "another waits for none");
        let refused = tests.begin(id(1), at(60_000));
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
        assert_eq!(tests.end(id(1)), Some(at(0)));
        assert_eq!(tests.running(), 1);
        let retry_after = Duration::from_millis(1500);
        let refused = tests.begin(id(1), at(500));
        assert_eq!(refused, Err(Refusal::TestedJustNow { retry_after }));
        assert_eq!(tests.begin(id(1), at(2000)), Ok(()));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut tests = CallbackTests::default();
        for seed in 1..=9 {
            tests.begin(id(seed), at(0)).unwrap();
            tests.end(id(seed));
        }
        tests.begin(id(10), at(2000)).unwrap();
        assert_eq!(tests.0.len(), 1);
        assert_eq!(tests.end(id(1)), None);
    }

    #[test]
    fn an_answer_is_told_as_of_any_attempt() {
        let took = Duration::from_millis(7);
        let no_answer = PushResponse::NoAnswer {
            error: "refused".to_owned(),
        };
        let not_tried = PushResponse::NotTried {
            error: "no files".to_owned(),
        };
        let status = |code| PushResponse::Status {
            code,
            retry_after: None,
            excerpt: String::new(),
        };
        for (answer, is_sent, status_code, error) in [
            (status(204), true, Some(204), None),
            (status(503), true, Some(503), Some("HTTP 503")),
            (no_answer, true, None, Some("refused")),
            (not_tried, false, None, Some("no files")),
        ] {
            let expected = CallbackTest {
                is_sent,
                status_code,
                error: error.map(str::to_owned),
                took,
            };
            assert_eq!(CallbackTest::ended(&answer, took), expected);
        }
    }

    #[test]
    fn the_event_of_a_test_is_one_that_nobody_else_can_publish() {
        let event = test_event(id(1), at(5), [7; 10]);
        assert!(is_own_type(event.event_type.as_str()), "{event:?}");
        assert!(event.source.is_the_hubs());
        assert_eq!(event.sequence, 0);
        let payload = format!(r#"{{"subscription_id":"{}"}}"#, id(1));
        assert_eq!(event.payload.as_json(), payload);
    }
}
