//! Thousands of subscriptions.

use std::time::Instant;

use tokio::sync::oneshot;

use super::*;
use crate::actors::messages::Subscribe;
use crate::domain::subscription::{Callback, SigningSecret};

const MANY: usize = 3_000;
/// Far more than it takes, and far less than with work for each pair of them.
const A_FEW_SECONDS: Duration = Duration::from_secs(20);

#[actix::test]
async fn thousands_are_made_in_a_few_seconds() {
    let mut house = house([]);
    let begun = Instant::now();
    let mut answers = Vec::new();
    for number in 0..MANY {
        let (reply, answer) = oneshot::channel();
        house.bus.do_send(Subscribe {
            service: service("billing"),
            event_types: Arc::new([Pattern::parse(&format!("t{number}.*")).unwrap()]),
            callback: Callback {
                url: format!("http://host-{}/events", number % 1_000),
                secret: SigningSecret::new("whsec_c2VjcmV0".to_owned()),
                max_in_flight: 1,
                previous: None,
                durable: true,
            },
            from_sequence: None,
            reply,
        });
        answers.push(answer);
    }
    house.turn().await;
    for answer in answers {
        assert!(answer.await.unwrap().unwrap().1);
    }
    let took = begun.elapsed();
    assert!(took < A_FEW_SECONDS, "it took {took:?}");
}
