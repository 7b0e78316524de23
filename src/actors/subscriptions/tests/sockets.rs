//! Named subscriptions of sockets.

use tokio::sync::oneshot;

use super::*;
use crate::actors::messages::subscriptions::{AttachSocket, SettleEvents, Unsubscribe};
use crate::domain::fact::event::EventFact;
use crate::domain::fact::subscription::SubscriptionFact;
use crate::domain::ids::Label;
use crate::domain::refusal::Refusal;
use crate::logic::feed_news::Attached;
use crate::logic::losses::Losses;
use crate::logic::retention::{Retention, RetentionPolicy};
use crate::logic::subscription_registry::named::{Attachment, Holding};

const OTHER: FeedId = FeedId(Uuid::from_u128(2));

fn attachment(
    socket: FeedId,
    from_sequence: Option<Sequence>,
    reply: Reply<Result<Attached, Refusal>>,
) -> AttachSocket {
    let wanted = Attachment {
        socket,
        service: service("billing"),
        name: Label::parse("tail").unwrap(),
        event_types: Arc::new([Pattern::parse("#").unwrap()]),
        from_sequence,
    };
    AttachSocket { wanted, reply }
}

async fn attach(house: &mut House, socket: FeedId, from: Option<Sequence>) -> Attached {
    let (reply, answer) = oneshot::channel();
    house.address.do_send(attachment(socket, from, reply));
    house.turn().await;
    answer.await.unwrap().unwrap()
}

async fn ack(
    house: &mut House,
    socket: FeedId,
    attached: &Attached,
    through: Sequence,
) -> Result<(), Refusal> {
    let (reply, answer) = oneshot::channel();
    let id = attached.id;
    house.address.do_send(SettleEvents::Ack {
        held: Holding { socket, id },
        through,
        reply,
    });
    house.turn().await;
    answer.await.unwrap()
}

#[actix::test]
async fn a_position_is_kept_and_wins() {
    let mut house = house([]);
    for sequence in 1..=5 {
        house.publish([sequence]).await;
    }
    let first = attach(&mut house, FEED, Some(2)).await;
    assert_eq!(first.from, 2);
    assert_eq!(ack(&mut house, FEED, &first, 4).await, Ok(()));
    assert_eq!(ack(&mut house, FEED, &first, 3).await, Ok(()));
    let beyond = ack(&mut house, FEED, &first, 6).await;
    assert!(matches!(beyond, Err(Refusal::Conflict(_))), "{beyond:?}");
    let again = attach(&mut house, FEED, Some(1)).await;
    assert_eq!((again.id, again.from), (first.id, 5));
}

#[actix::test]
async fn an_event_is_acknowledged_only_once_the_subscriptions_know_of_it_so_they_hear_first() {
    let mut house = house([]);
    let (follower, mut fed) = probe();
    let attached = attach(&mut house, FEED, None).await;
    house.log.do_send(Follow {
        feed: FEED,
        round: 1,
        event_types: Arc::new([Pattern::parse("#").unwrap()]),
        from: attached.from,
        credit: 1 << 20,
        to: follower,
    });
    fed.drain().await;
    let event = samples::event_published(1, 1);
    // The other way round than the ring: the client has the event, and its word is not believed.
    house.log.send(committed(event.clone())).await.unwrap();
    assert_eq!(fed.drain().await.len(), 1);
    let refused = ack(&mut house, FEED, &attached, 1).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    house.address.send(committed(event)).await.unwrap();
    assert_eq!(ack(&mut house, FEED, &attached, 1).await, Ok(()));
}

/// What retention has to leave after these facts.
fn held_from(house: &House, facts: &[Fact]) -> Option<Sequence> {
    let mut retention = Retention::new(RetentionPolicy {
        keep: Duration::from_secs(1),
        subscription_expiry: Duration::from_secs(86_400),
    });
    for fact in facts {
        retention.learn(fact);
    }
    retention.held_from(house.clock.now())
}

#[actix::test]
async fn what_only_passed_is_written_down_within_a_minute_and_held_no_longer() {
    let mut house = house([]);
    for sequence in 1..=5 {
        house.publish([sequence]).await;
    }
    let pass = |socket, id, through| SettleEvents::Pass {
        held: Holding { socket, id },
        through,
    };
    let (reply, answer) = oneshot::channel();
    house.address.do_send(attachment(FEED, Some(2), reply));
    let mut facts = house.turn().await;
    let id = answer.await.unwrap().unwrap().id;
    assert_eq!(held_from(&house, &facts), Some(2));
    house.address.do_send(pass(FEED, id, 4));
    house.address.do_send(pass(OTHER, id, 5));
    assert!(house.turn().await.is_empty());
    assert!(house.after(Duration::from_secs(59)).await.is_empty());
    facts.extend(house.after(Duration::from_secs(2)).await);
    assert_eq!(held_from(&house, &facts), Some(5));
    house.address.do_send(pass(FEED, id, 3));
    assert!(house.turn().await.is_empty());
    assert!(house.after(Duration::from_secs(61)).await.is_empty());
}

#[actix::test]
async fn the_socket_of_a_deleted_subscription_is_told() {
    let mut house = house([]);
    let (socket, mut told) = probe();
    house.address.do_send(SocketOpened {
        socket: FEED,
        to: socket,
    });
    let attached = attach(&mut house, FEED, None).await;
    let (reply, answer) = oneshot::channel();
    house.address.do_send(Unsubscribe {
        id: attached.id,
        owner: None,
        reply,
    });
    house.turn().await;
    assert_eq!(answer.await.unwrap(), Ok(()));
    assert_eq!(told.drain().await, [SocketNews::Ended(attached.id)]);
    let refused = ack(&mut house, FEED, &attached, 1).await;
    assert_eq!(refused, Err(Refusal::NotFound));
}

#[actix::test]
async fn a_newer_socket_takes_over() {
    let mut house = house([]);
    house.publish([1]).await;
    let (socket, mut told) = probe();
    house.address.do_send(SocketOpened {
        socket: FEED,
        to: socket,
    });
    let first = attach(&mut house, FEED, Some(1)).await;
    attach(&mut house, OTHER, None).await;
    assert_eq!(told.drain().await, [SocketNews::Displaced]);
    let refused = ack(&mut house, FEED, &first, 1).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    assert_eq!(ack(&mut house, OTHER, &first, 1).await, Ok(()));
}

#[actix::test]
async fn an_event_that_is_given_up_is_stamped_by_the_systems_clock() {
    let mut house = house([]);
    let Fact::Event(EventFact::EventPublished(event)) = samples::event_published(1, 1) else {
        panic!("it is one");
    };
    house.publish([1]).await;
    let attached = attach(&mut house, FEED, Some(1)).await;
    house.clock.set_wall_by(3_600_000);
    house.address.do_send(SettleEvents::GiveUp {
        held: Holding {
            socket: FEED,
            id: attached.id,
        },
        event,
        losses: Losses::default(),
    });
    let facts = house.turn().await;
    let wall = house.clock.wall();
    let [
        Fact::Subscription(SubscriptionFact::EventDeadLettered(dead_event)),
        Fact::Subscription(SubscriptionFact::PositionAcked(acked)),
    ] = &facts[..]
    else {
        panic!("{facts:?}");
    };
    for at in [dead_event.at, dead_event.attempts[0].at, acked.at] {
        assert!(wall.since(at) < Duration::from_secs(60), "{at} at {wall}");
    }
    let again = house.after(Duration::from_secs(61)).await;
    assert!(again.is_empty(), "written down twice: {again:?}");
}

#[actix::test]
async fn how_far_a_socket_came_before_it_closed_is_written_down_at_the_stop() {
    let mut house = house([]);
    house.publish([1]).await;
    let (socket, _told) = probe();
    house.address.do_send(SocketOpened {
        socket: FEED,
        to: socket,
    });
    let attached = attach(&mut house, FEED, Some(1)).await;
    let (reply, drained) = oneshot::channel();
    house.drain(reply).await;
    assert!(house.turn().await.is_empty());
    let id = attached.id;
    house.address.do_send(SettleEvents::Pass {
        held: Holding { socket: FEED, id },
        through: 1,
    });
    house.address.do_send(SocketClosed { socket: FEED });
    let written = house.turn().await;
    let [Fact::Subscription(SubscriptionFact::PositionAcked(acked))] = &written[..] else {
        panic!("{written:?}");
    };
    assert_eq!((acked.id, acked.through), (id, 1));
    assert_eq!(drained.await, Ok(()));
}
