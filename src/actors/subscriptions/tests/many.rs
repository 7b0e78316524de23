//! Thousands of subscriptions.

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::oneshot;

use super::*;
use crate::actors::messages::subscriptions::Subscribe;
use crate::domain::subscription::{Callback, SigningSecret};
use crate::logic::subscription_registry::changes::WantedCallback;

const MANY: usize = 1_000;
/// Far more than it takes, and far less than with work for each pair of them. Of this thread's own
/// time: what else the machine does proves nothing.
const A_FEW_SECONDS: Duration = Duration::from_secs(10);

#[actix::test]
async fn thousands_are_made_in_a_few_seconds() {
    let mut house = house([]);
    let begun = own_time();
    let mut answers = Vec::new();
    for number in 0..MANY {
        let (reply, answer) = oneshot::channel();
        let wanted = WantedCallback {
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
        };
        house.address.do_send(Subscribe { wanted, reply });
        answers.push(answer);
    }
    house.turn().await;
    for answer in answers {
        assert!(answer.await.unwrap().unwrap().1);
    }
    let took = own_time() - begun;
    assert!(took < A_FEW_SECONDS, "it took {took:?}");
}

fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().expect("no negative time")
}
