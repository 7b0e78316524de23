//! What leaves the archive for good.

use message_hub::domain::dead_letter::DeadReason;
use message_hub::domain::fact::Fact;
use message_hub::domain::fact::message::{MessageDeleted, MessageFact, MessagesRemoved};
use message_hub::domain::ids::Position;
use message_hub::domain::timestamp::Timestamp;
use message_hub::ports::archive::MessageQuery;

use super::facts::{accepted, cancelled, dead, deleted, delivered, expired, failed, id, message};
use super::{apply, ids, list, on_each, row};

fn message_deleted(number: u8) -> Fact {
    Fact::Message(MessageFact::MessageDeleted(MessageDeleted {
        id: id(number),
        at: Timestamp::from_millis(50_000),
    }))
}

/// What was settled before so many seconds and accepted within these positions.
fn removed(after: Position, through: Position, seconds: i64) -> Fact {
    Fact::Message(MessageFact::MessagesRemoved(MessagesRemoved {
        at: Timestamp::from_millis(60_000),
        after,
        through,
        settled_before: Timestamp::from_millis(seconds * 1000),
    }))
}

#[test]
fn a_deleted_message_is_gone_whenever_it_is_written() {
    on_each(async |archive| {
        apply(archive, [accepted(1), delivered(1, 1)]).await;
        apply(archive, [message_deleted(1)]).await;
        assert_eq!(archive.message(id(1)).await.unwrap(), None);
        let whole = [accepted(2), cancelled(2), message_deleted(2)];
        apply(archive, whole.into_iter().chain([accepted(3)])).await;
        assert_eq!(list(archive, MessageQuery::default()).await, ids([3]));
        // Its id is free again.
        apply(archive, [accepted(1), failed(1, 1)]).await;
        assert_eq!(row(archive, 1).await.attempts.len(), 1);
    });
}

#[test]
fn old_messages_go_by_when_they_were_settled_and_where_they_stand() {
    on_each(async |archive| {
        apply(archive, (1..=6).map(accepted)).await;
        let rejected = DeadReason::Rejected;
        apply(
            archive,
            [
                delivered(1, 1),
                dead(2, 1, rejected),
                delivered(3, 9),
                delivered(5, 1),
                delivered(6, 1),
                expired(4),
            ],
        )
        .await;
        apply(archive, [removed(0, 5, 5)]).await;
        let left = list(archive, MessageQuery::default()).await;
        assert_eq!(left, ids([6, 4, 3, 2]));
        let ages = archive.ages_after(2, 2).await.unwrap();
        let positions: Vec<_> = ages.iter().map(|age| age.position).collect();
        assert_eq!(positions, [3, 4]);
        assert_eq!(ages[0].accepted_at, message(3).accepted_at);
        assert_eq!(ages[0].settled_at, Some(Timestamp::from_millis(9_000)));
        assert_eq!((ages[0].dead_letter, ages[1].dead_letter), (false, true));
        // What was settled before is written and goes in one batch; what is a dead letter no more
        // does.
        apply(
            archive,
            [
                accepted(7),
                delivered(7, 1),
                deleted(2),
                removed(0, 100, 10),
            ],
        )
        .await;
        assert_eq!(list(archive, MessageQuery::default()).await, ids([4]));
    });
}
