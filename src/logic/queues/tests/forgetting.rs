//! When nothing is left of a destination.

use super::*;
use crate::domain::fact::control::{ControlFact, QueueSwitched, QuotaSet};
use crate::domain::fact::message::{DeadLetterDeleted, MessageFact};
use crate::domain::fact::service::{ServiceFact, ServiceGone, ServiceSeen};
use crate::domain::quota::Quota;

/// Queues that are open, and know a `billing` that left.
fn left() -> Queues {
    let mut queues = queues_with([]);
    queues.begin();
    let seen = ServiceFact::ServiceSeen(ServiceSeen {
        service: billing(),
        at: at(0),
    });
    apply(&mut queues, Fact::Service(seen));
    queues.set_window(&billing(), 0, Outlook::Left, &[], at(0));
    queues
}

fn apply(queues: &mut Queues, fact: Fact) {
    queues.apply(1, &fact, at(0));
}

/// Whether it goes now.
fn goes(queues: &mut Queues) -> bool {
    let forgotten = queues.take_unneeded(|_| false);
    assert_eq!(forgotten.is_empty(), queues.knows(&billing()));
    !forgotten.is_empty()
}

#[test]
fn what_left_goes_if_nothing_is_left_of_it() {
    let mut queues = left();
    assert!(goes(&mut queues));
    assert!(!queues.may_be_unneeded());
    queues.set_window(&billing(), 0, Outlook::Left, &[], at(0));
    assert_eq!(
        queues.take_unneeded(|_| false),
        [billing()],
        "it is said again"
    );
    assert!(!queues.knows(&billing()));
}

#[test]
fn what_is_there_stays_however_empty() {
    let mut queues = left();
    let since = at(0);
    for outlook in [Outlook::NoInstance { since }, Outlook::Ready] {
        queues.set_window(&billing(), 0, outlook, &[], at(0));
        assert!(!goes(&mut queues));
    }
    apply(&mut queues, accepted(message(1)));
    let fact = queues.cancel(id(1), at(0)).unwrap();
    apply(&mut queues, fact);
    assert!(!goes(&mut queues));
}

#[test]
fn a_message_keeps_it_wherever_it_is() {
    let ways: [fn(&mut Queues); 4] = [
        |_| {},
        |queues| drop(lease(queues, 1, 1, at(0))),
        |queues| {
            lease(queues, 1, 1, at(0));
            apply(queues, attempt_failed(1, at(500)));
        },
        |queues| {
            let _ = queues.cancel(id(1), at(0)).unwrap();
        },
    ];
    for way in ways {
        let mut queues = left();
        apply(&mut queues, accepted(message(1)));
        way(&mut queues);
        assert!(!goes(&mut queues));
        apply(&mut queues, settled(1, false));
        assert!(goes(&mut queues));
        let past = queues.past();
        assert_eq!((past.enqueued, past.dequeued), (1, 1));
    }
}

fn settled(number: u128, holds_key: bool) -> Fact {
    Fact::Message(MessageFact::DeadLettered(Settlement {
        id: id(number),
        at: at(1),
        lane: message(number).lane(),
        attempt: None,
        reason: None,
        holds_key,
    }))
}

#[test]
fn a_dead_letter_that_holds_its_key_keeps_it() {
    let mut queues = left();
    queues.policy.retries.hold_keys = true;
    apply(&mut queues, accepted(with_key(1)));
    apply(&mut queues, settled(1, true));
    assert!(!goes(&mut queues));
    apply(
        &mut queues,
        Fact::Message(MessageFact::DeadLetterDeleted(DeadLetterDeleted {
            id: id(1),
            at: at(2),
            job: None,
        })),
    );
    assert!(goes(&mut queues));
}

#[test]
fn a_pause_and_a_quota_keep_it_until_they_are_over() {
    let quota = |quota| {
        Fact::Control(ControlFact::QuotaSet(QuotaSet {
            service: billing(),
            at: at(0),
            quota,
        }))
    };
    let pause = |paused| {
        Fact::Control(ControlFact::QueueSwitched(QueueSwitched {
            service: Some(billing()),
            at: at(0),
            paused,
            by: None,
        }))
    };
    let sending = Quota {
        send_rate: Some(1.0),
        ..Quota::default()
    };
    for (begin, end) in [
        (quota(Some(sending)), quota(None)),
        (quota(Some(Quota::default())), quota(None)),
        (pause(true), pause(false)),
    ] {
        let mut queues = left();
        apply(&mut queues, begin);
        assert!(!goes(&mut queues));
        apply(&mut queues, end);
        assert!(goes(&mut queues));
    }
}

#[test]
fn a_configured_quota_keeps_it_until_another_configuration() {
    let mut queues = left();
    let sending = Quota {
        send_rate: Some(1.0),
        ..Quota::default()
    };
    queues.configure_quotas(Arc::new([(billing(), sending)].into()), at(0));
    assert!(!goes(&mut queues));
    queues.configure_quotas(Arc::default(), at(0));
    assert!(goes(&mut queues));
}

#[test]
fn of_what_came_and_went_before_the_start_nothing_is_made() {
    let mut queues = queues_with([]);
    for number in 0..100 {
        let service = ServiceName::parse(&format!("build-{number}")).unwrap();
        let seen = ServiceFact::ServiceSeen(ServiceSeen {
            service: service.clone(),
            at: at(0),
        });
        apply(&mut queues, Fact::Service(seen));
        let gone = ServiceFact::ServiceDeregistered(ServiceGone { service, at: at(0) });
        apply(&mut queues, Fact::Service(gone));
        assert!(queues.destinations.is_empty());
    }
    apply(&mut queues, accepted(message(1)));
    let gone = ServiceFact::ServiceDeregistered(ServiceGone {
        service: billing(),
        at: at(0),
    });
    apply(&mut queues, Fact::Service(gone));
    queues.begin();
    assert!(!goes(&mut queues), "something waits");
    apply(&mut queues, settled(1, false));
    assert!(goes(&mut queues));
}
