//! The records of the journal: one table says of each its number, its name and the fact it holds.

use serde::{Deserialize, Serialize};

use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::event::EventFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::fact::service::ServiceFact;
use crate::domain::fact::subscription::SubscriptionFact;

/// Makes everything that lists all records of their table, so that none can be forgotten anywhere.
/// A row is the number, the name, the kind, and the aggregate whose variant of that name is the
/// fact; or the fact itself, if it belongs to no aggregate.
macro_rules! records {
    ($($number:literal $name:literal $kind:ident: $fact:ident $($aggregate:ident)?,)+) => {
        /// What a record is about.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Kind {
            $(
                #[doc = concat!("Number ", $number, " on disk, `", $name, "` in exports.")]
                $kind = $number,
            )+
        }

        impl Kind {
            /// In the order of the table.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// The kind of the record that a fact is written as.
            #[expect(unused_parens, reason = "those of a fact that has no aggregate")]
            pub fn of(fact: &Fact) -> Self {
                match fact {
                    $(Fact::$fact($($aggregate::$kind)?(_)) => Self::$kind,)+
                }
            }

            /// As it stands in a frame; `None`: no kind has this number yet.
            pub fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$kind),)+
                    _ => None,
                }
            }

            /// Reads a name as `wal export` writes it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)+
                    _ => None,
                }
            }

            /// As `wal export` writes it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }

        /// Appends the JSON of what `fact` holds.
        #[expect(unused_parens, reason = "those of a fact that has no aggregate")]
        pub(super) fn write_body(buffer: &mut Vec<u8>, fact: &Fact) {
            match fact {
                $(Fact::$fact($($aggregate::$kind)?(content)) => write(buffer, content),)+
            }
        }

        /// The fact of a record of this kind.
        pub(super) fn read_body(kind: Kind, body: &[u8]) -> serde_json::Result<Fact> {
            Ok(match kind {
                $(Kind::$kind => Fact::$fact($($aggregate::$kind)?(read(body)?)),)+
            })
        }
    };
}

// The numbers and the names are on disk: add, never change or reuse.
records! {
    1 "accepted" Accepted: Message MessageFact,
    2 "attempt_failed" AttemptFailed: Message MessageFact,
    3 "delivered" Delivered: Message MessageFact,
    4 "dead_lettered" DeadLettered: Message MessageFact,
    5 "expired" Expired: Message MessageFact,
    6 "cancelled" Cancelled: Message MessageFact,
    7 "redriven" Redriven: Message MessageFact,
    8 "dead_letter_deleted" DeadLetterDeleted: Message MessageFact,
    9 "service_seen" ServiceSeen: Service ServiceFact,
    10 "service_registered" ServiceRegistered: Service ServiceFact,
    11 "instance_deregistered" InstanceDeregistered: Service ServiceFact,
    12 "service_deregistered" ServiceDeregistered: Service ServiceFact,
    13 "carried" CompactionSummary: CompactionSummary,
    14 "health_changed" HealthChanged: Service ServiceFact,
    15 "circuit_changed" CircuitChanged: Control ControlFact,
    16 "strategy_chosen" StrategyChosen: Control ControlFact,
    17 "quota_set" QuotaSet: Control ControlFact,
    18 "queue_switched" QueueSwitched: Control ControlFact,
    19 "redrive_advanced" RedriveAdvanced: Control ControlFact,
    20 "instance_withdrawn" InstanceWithdrawn: Service ServiceFact,
    21 "event_published" EventPublished: Event EventFact,
    22 "snapshot_taken" SnapshotTaken: Event EventFact,
    23 "events_removed" EventsRemoved: Event EventFact,
    24 "subscribed" Subscribed: Subscription SubscriptionFact,
    25 "unsubscribed" Unsubscribed: Subscription SubscriptionFact,
    26 "position_acked" PositionAcked: Subscription SubscriptionFact,
    27 "event_dead_lettered" EventDeadLettered: Subscription SubscriptionFact,
    28 "event_redriven" EventRedriven: Subscription SubscriptionFact,
    29 "event_delivered" EventDelivered: Subscription SubscriptionFact,
    30 "replay_advanced" ReplayAdvanced: Subscription SubscriptionFact,
    31 "message_deleted" MessageDeleted: Message MessageFact,
    32 "messages_removed" MessagesRemoved: Message MessageFact,
}

pub(super) fn write<T: Serialize>(buffer: &mut Vec<u8>, content: &T) {
    serde_json::to_writer(buffer, content)
        .expect("a fact has text keys and memory takes all writes");
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> serde_json::Result<T> {
    serde_json::from_slice(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::journal::samples;

    #[test]
    fn numbers_and_names_lead_back_to_their_kind() {
        for (index, kind) in Kind::ALL.iter().copied().enumerate() {
            assert_eq!(usize::from(kind as u8), index + 1);
            assert_eq!(Kind::from_number(kind as u8), Some(kind));
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_number(0), None);
        assert_eq!(Kind::from_number(u8::MAX), None);
        assert_eq!(Kind::from_name("unknown"), None);
    }

    #[test]
    fn there_is_a_sample_of_every_kind() {
        let kinds: Vec<_> = samples::one_of_each().iter().map(Kind::of).collect();
        assert_eq!(kinds, Kind::ALL);
    }
}
