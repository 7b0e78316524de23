//! Which instance gets what, and what the Scheduler is told of the room there is.

use super::*;
use crate::domain::fact::message::MessageFact;
use crate::domain::ids::MessageType;

/// A circuit whose network answers everything with 200.
fn well(count: usize) -> Circuit {
    circuit(ScriptedTransport::new((0..count).map(|_| status(200))))
}

fn taking(types: &[&str], name: &str) -> Target {
    Target {
        capabilities: types
            .iter()
            .map(|message_type| label(message_type))
            .collect(),
        ..target(name)
    }
}

fn label(text: &str) -> MessageType {
    MessageType::parse(text).unwrap()
}

fn of(targets: impl IntoIterator<Item = Target>) -> ServiceChanged {
    ServiceChanged {
        targets: targets.into_iter().collect(),
        ..instances(&[])
    }
}

impl Circuit {
    fn deliver_type(&self, message_type: &str, numbers: impl IntoIterator<Item = u128>) {
        let now = self.clock.now();
        let make = |number| {
            let mut message = message(number, now);
            message.message_type = label(message_type);
            delivery(message)
        };
        let deliveries = numbers.into_iter().map(make).collect();
        self.address.do_send(Deliver { deliveries });
    }

    async fn next(&self, message_type: Option<&str>) -> Option<String> {
        let (reply, answer) = oneshot::channel();
        self.address.do_send(PickInstance {
            service: service("billing"),
            message_type: message_type.map(label),
            reply,
        });
        match answer.await.unwrap() {
            Ok(picked) => {
                assert_eq!(picked.url, format!("http://{}", picked.instance_id));
                Some(picked.instance_id.to_string())
            }
            Err(Refusal::NoInstance { .. }) => None,
            Err(refusal) => panic!("{refusal}"),
        }
    }
}

fn capacities(changed: &WindowChanged) -> Vec<(Option<MessageType>, u32, bool)> {
    let capacities = changed.types.iter().cloned();
    capacities
        .map(
            |TypeCapacity {
                 types,
                 capacity,
                 parks,
             }| (types.first().cloned(), capacity, parks),
        )
        .collect()
}

#[actix::test]
async fn messages_go_to_who_takes_their_type() {
    let mut circuit = well(3);
    circuit
        .address
        .do_send(of([taking(&["invoice"], "a"), taking(&["mail"], "b")]));
    circuit.deliver_type("mail", [1]);
    circuit.deliver_type("invoice", [2]);
    circuit.deliver_type("mail", [3]);
    circuit.facts().await;
    let urls = [
        "http://b/messages",
        "http://a/messages",
        "http://b/messages",
    ];
    assert_eq!(circuit.transport.pushed_to(), urls);
}

#[actix::test]
async fn a_failed_message_goes_to_another_that_takes_its_type() {
    let mut circuit = circuit(ScriptedTransport::new([status(500), status(200)]));
    let types = ["mail"];
    let targets = [
        taking(&types, "a"),
        taking(&["other"], "b"),
        taking(&types, "c"),
    ];
    circuit.address.do_send(of(targets));
    circuit.deliver_type("mail", [1]);
    circuit.facts().await;
    let urls = ["http://a/messages", "http://c/messages"];
    assert_eq!(circuit.transport.pushed_to(), urls);
}

#[actix::test]
async fn the_scheduler_is_told_the_room_by_type() {
    let mut circuit = well(0);
    let mail = || Some(label("mail"));
    let puller = ServiceChanged {
        has_puller: true,
        ..of([taking(&["mail"], "a")])
    };
    let cases = [
        (of([target("a")]), vec![]),
        (
            of([taking(&["mail"], "a")]),
            vec![(mail(), 10, false), (None, 0, true)],
        ),
        (puller, vec![(mail(), 10, false), (None, 0, false)]),
        (
            of([taking(&["mail"], "a"), target("b")]),
            vec![(mail(), 20, false), (None, 10, false)],
        ),
    ];
    for (changed, expected) in cases {
        circuit.address.do_send(changed);
        let told = circuit.windows.drain().await;
        assert_eq!(capacities(told.last().unwrap()), expected);
    }
}

/// Ten instances with a hundred types of their own each.
fn many_types() -> ServiceChanged {
    let mut targets = Vec::new();
    for instance in 0..10 {
        let types: Vec<_> = (0..100)
            .map(|message_type| format!("{instance}-{message_type}"))
            .collect();
        let types: Vec<_> = types.iter().map(String::as_str).collect();
        targets.push(taking(&types, &instance.to_string()));
    }
    of(targets)
}

#[actix::test]
async fn many_types_cost_a_delivery_no_more_than_few() {
    let mut circuit = well(100);
    circuit.address.do_send(many_types());
    let told = circuit.windows.drain().await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].types.len(),
        11,
        "a class per instance, and all others"
    );
    assert_eq!(circuit.outlooks.drain().await.len(), 1);
    for number in 0..100 {
        circuit.deliver_type(&format!("{}-{number}", number % 10), [number]);
    }
    assert_eq!(circuit.facts().await.len(), 100);
    let news = circuit.windows.drain().await;
    assert!(news.len() <= 2 * 100, "{}", news.len());
    for capacity in news.iter().flat_map(|news| news.types.iter()) {
        let mut known = told[0].types.iter();
        assert!(known.any(|known| Arc::ptr_eq(&known.types, &capacity.types)));
    }
    assert_eq!(
        circuit.outlooks.drain().await.len(),
        0,
        "no outlook changed"
    );
}

#[actix::test]
async fn the_router_is_told_what_parks() {
    let mut circuit = well(0);
    circuit.address.do_send(of([taking(&["mail"], "a")]));
    assert_eq!(circuit.outlooks.drain().await.len(), 1);
    let unhealthy = Target {
        health: Health::Unhealthy,
        ..taking(&["mail"], "a")
    };
    circuit.address.do_send(of([unhealthy, target("b")]));
    let told = circuit.outlooks.drain().await;
    let capacity = [(Some(label("mail")), 10, false), (None, 10, false)];
    assert_eq!((told.len(), capacities(&told[0])), (1, capacity.to_vec()));
    circuit.address.do_send(of([]));
    assert_eq!(circuit.outlooks.drain().await.len(), 1);
}

#[actix::test]
async fn what_nobody_has_room_for_goes_back_once_the_room_is_told() {
    let mut circuit = circuit(ScriptedTransport::new((0..15).map(|_| Push::Hang)));
    circuit
        .address
        .do_send(of([taking(&["mail"], "a"), target("b")]));
    // In turn, so that five of them take room from all that only `b` takes.
    circuit.deliver_type("mail", 1..=10);
    let told = circuit.windows.drain().await;
    let capacity = [(Some(label("mail")), 20, false), (None, 5, false)];
    assert_eq!(capacities(told.last().unwrap()), capacity);
    circuit.deliver_type("parcel", 11..=17);
    assert_eq!(circuit.given_back.recv().await.ids, [id(16), id(17)]);
    let told = circuit.windows.drain().await;
    let capacity = [(Some(label("mail")), 15, false), (None, 5, false)];
    assert_eq!(capacities(told.last().unwrap()), capacity);
}

#[actix::test]
async fn a_service_can_have_a_strategy_of_its_own() {
    let mut circuit = well(4);
    let two = || {
        [
            target("a"),
            Target {
                weight: 3,
                ..target("b")
            },
        ]
    };
    circuit.address.do_send(ServiceChanged {
        strategy: Some(Strategy::Weighted),
        ..of(two())
    });
    for number in 1..=4 {
        circuit.deliver([number]);
        circuit.facts().await;
    }
    let to_a = |url: &&String| url.starts_with("http://a");
    assert_eq!(circuit.transport.pushed_to().iter().filter(to_a).count(), 1);
    // Back to what is configured: in turn.
    circuit.address.do_send(of(two()));
    let picks = [circuit.next(None).await, circuit.next(None).await];
    assert_ne!(picks[0], picks[1]);
}

#[actix::test]
async fn how_deliveries_go_decides_who_gets_the_next() {
    // Whoever comes second gets what the first failed to take.
    let answers = (0..8).flat_map(|_| [status(500), status(200)]);
    let mut circuit = circuit(ScriptedTransport::new(answers));
    circuit.address.do_send(ServiceChanged {
        strategy: Some(Strategy::HealthAware),
        ..instances(&["a", "b"])
    });
    for number in 1..=4 {
        circuit.deliver([number]);
        circuit.facts().await;
    }
    let urls = ["http://a/messages", "http://b/messages"];
    assert_eq!(circuit.transport.pushed_to(), urls.repeat(4));
    for _ in 0..2 {
        assert_eq!(circuit.next(None).await.as_deref(), Some("b"), "a fails");
    }
}

#[actix::test]
async fn an_instance_that_comes_back_begins_with_one_message() {
    let mut circuit = well(1);
    let ill = Target {
        health: Health::Unhealthy,
        ..target("a")
    };
    circuit.address.do_send(of([ill]));
    circuit.address.do_send(of([target("a")]));
    assert_eq!(circuit.latest_window().await, (1, Outlook::Ready));
    circuit.deliver([1]);
    assert_eq!(circuit.latest_window().await, (2, Outlook::Ready));
}

#[actix::test]
async fn whose_turn_it_is_can_be_asked() {
    let circuit = well(0);
    assert_eq!(circuit.next(None).await, None);
    let ill = Target {
        health: Health::Unhealthy,
        ..target("c")
    };
    circuit
        .address
        .do_send(of([target("a"), taking(&["mail"], "b"), ill]));
    for expected in ["a", "b", "a"] {
        assert_eq!(circuit.next(None).await.as_deref(), Some(expected));
    }
    assert_eq!(circuit.next(Some("mail")).await.as_deref(), Some("b"));
    for _ in 0..2 {
        assert_eq!(circuit.next(Some("parcel")).await.as_deref(), Some("a"));
    }
}

#[actix::test]
async fn a_failure_while_others_are_merely_full_says_nothing_about_the_service() {
    let mut circuit = circuit(ScriptedTransport::new([status(500), Push::Hang]));
    let small = |name| Target {
        max_in_flight: 1,
        ..target(name)
    };
    circuit.address.do_send(ServiceChanged {
        strategy: Some(Strategy::HealthAware),
        ..of([small("a"), small("b")])
    });
    circuit.deliver([1, 2]);
    let Fact::Message(MessageFact::AttemptFailed(failed)) = circuit.only_fact().await else {
        panic!("not a failed attempt");
    };
    assert_eq!(failed.id, id(1));
    let view = circuit.view().await;
    assert_eq!((view.failure_count, view.recent_attempts), (0, 0));
}

#[actix::test]
async fn a_message_that_moves_on_from_who_left_counts_once() {
    let hangs = (0..5).map(|_| Push::Hang);
    let answers = hangs.chain([status(410), Push::Hang]);
    let mut circuit = circuit(ScriptedTransport::new(answers));
    let three = [taking(&["mail"], "a"), target("b"), taking(&["mail"], "c")];
    circuit.address.do_send(of(three));
    // Five with `b`, which alone takes them; then it is the turn of `c`, which leaves.
    circuit.deliver_type("parcel", 1..=5);
    circuit.deliver_type("mail", [6]);
    let told = circuit.windows.drain().await;
    // Fifteen free with both but for the one that moved on to `a`.
    let capacity = [(Some(label("mail")), 15, false), (None, 10, false)];
    assert_eq!(capacities(told.last().unwrap()), capacity);
    let urls = circuit.transport.pushed_to();
    assert_eq!(urls[5..], ["http://c/messages", "http://a/messages"]);
}
