//! Named subscriptions of sockets.

use tokio::sync::oneshot;

use super::*;
use crate::actors::messages::{AckPosition, AttachSocket, Attached, SocketOpened};
use crate::domain::ids::Label;
use crate::domain::refusal::Refusal;

const OTHER: FeedId = FeedId(Uuid::from_u128(2));

async fn attach(house: &mut House, socket: FeedId, from: Option<Sequence>) -> Attached {
    let (reply, answer) = oneshot::channel();
    house.bus.do_send(AttachSocket {
        socket,
        service: service("billing"),
        name: Label::parse("tail").unwrap(),
        event_types: Arc::new([Pattern::parse("#").unwrap()]),
        from_sequence: from,
        reply,
    });
    house.turn().await;
    answer.await.unwrap().unwrap()
}

async fn ack(
    house: &mut House,
    socket: FeedId,
    attached: Attached,
    through: Sequence,
) -> Result<(), Refusal> {
    let (reply, answer) = oneshot::channel();
    house.bus.do_send(AckPosition {
        socket,
        id: attached.id,
        through,
        reply: Some(reply),
    });
    house.turn().await;
    answer.await.unwrap()
}

#[actix::test]
async fn a_position_is_kept_and_wins() {
    let mut house = house([]);
    for sequence in 1..=5 {
        publish(&house.bus, sequence).await;
    }
    let first = attach(&mut house, FEED, Some(2)).await;
    assert_eq!(first.from, 2);
    assert_eq!(ack(&mut house, FEED, first, 4).await, Ok(()));
    assert_eq!(ack(&mut house, FEED, first, 3).await, Ok(()));
    let beyond = ack(&mut house, FEED, first, 6).await;
    assert!(matches!(beyond, Err(Refusal::Conflict(_))), "{beyond:?}");
    let again = attach(&mut house, FEED, Some(1)).await;
    assert_eq!((again.id, again.from), (first.id, 5));
}

#[actix::test]
async fn a_newer_socket_takes_over() {
    let mut house = house([]);
    publish(&house.bus, 1).await;
    let (socket, mut told) = probe();
    house.bus.do_send(SocketOpened {
        socket: FEED,
        to: socket,
    });
    let first = attach(&mut house, FEED, Some(1)).await;
    attach(&mut house, OTHER, None).await;
    assert_eq!(told.drain().await, [SocketNews::Displaced]);
    let refused = ack(&mut house, FEED, first, 1).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    assert_eq!(ack(&mut house, OTHER, first, 1).await, Ok(()));
}
