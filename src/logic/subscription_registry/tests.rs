use super::*;
use crate::domain::subscription::Unsubscribed;
use crate::domain::timestamp::Timestamp;
use crate::logic::journal::samples;

fn subscription(number: u128) -> Arc<Subscription> {
    match samples::subscribed(number) {
        Fact::Subscription(SubscriptionFact::Subscribed(subscription)) => subscription,
        other => panic!("{other:?}"),
    }
}

fn later(subscription: &Subscription, types: &str) -> Arc<Subscription> {
    Arc::new(Subscription {
        event_types: [Pattern::parse(types).unwrap()].into(),
        changed_at: subscription
            .changed_at
            .plus(std::time::Duration::from_secs(1)),
        ..subscription.clone()
    })
}

#[test]
fn a_change_shows_once_it_is_written_and_counts_at_once() {
    let mut subscriptions = SubscriptionRegistry::default();
    let first = subscription(1);
    assert_eq!(
        subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
            first.clone()
        ))),
        Some(RegistryChange::Put {
            id: first.id,
            left: None
        })
    );
    let second = later(&first, "a.*");
    subscriptions.intend(second.clone());
    assert_eq!(subscriptions.present(first.id), Some(&first));
    assert_eq!(subscriptions.wanted(first.id), Some(&second));
    subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
        second.clone(),
    )));
    assert_eq!(subscriptions.present(first.id), Some(&second));
}

#[test]
fn what_a_service_has_is_counted_until_it_is_given_up() {
    let mut subscriptions = SubscriptionRegistry::default();
    let first = subscription(1);
    let second = Arc::new(Subscription {
        service: first.service.clone(),
        ..Subscription::clone(&subscription(3))
    });
    let usage = |subscriptions: &SubscriptionRegistry| {
        let usage = subscriptions.usage(&first.service);
        (usage.subscriptions, usage.patterns)
    };
    subscriptions.intend(first.clone());
    subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
        first.clone(),
    )));
    subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
        second.clone(),
    )));
    assert_eq!(usage(&subscriptions), (2, 2));
    let more: Vec<_> = ["a", "b", "c"]
        .map(|text| Pattern::parse(text).unwrap())
        .into();
    subscriptions.intend(Arc::new(Subscription {
        event_types: more.into(),
        ..Subscription::clone(&first)
    }));
    assert_eq!(usage(&subscriptions), (2, 4));
    subscriptions.intend_end(first.id, Timestamp::default());
    assert_eq!(usage(&subscriptions), (1, 1));
    for one in [&first, &second] {
        let (id, at) = (one.id, one.changed_at);
        subscriptions.learn(&Fact::Subscription(SubscriptionFact::Unsubscribed(
            Unsubscribed { id, at },
        )));
    }
    assert_eq!(usage(&subscriptions), (0, 0));
    assert_eq!(subscriptions.usages().count(), 0);
}

fn with_types(subscription: &Subscription, types: &str) -> Arc<Subscription> {
    Arc::new(Subscription {
        event_types: [Pattern::parse(types).unwrap()].into(),
        ..subscription.clone()
    })
}

#[test]
fn of_versions_of_one_millisecond_the_later_in_the_journal_counts() {
    let mut subscriptions = SubscriptionRegistry::default();
    let first = subscription(1);
    let second = with_types(&first, "a.*");
    for version in [&first, &second] {
        subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
            version.clone(),
        )));
    }
    assert_eq!(subscriptions.present(first.id), Some(&second));
    assert_eq!(subscriptions.wanted(first.id), Some(&second));
}

#[test]
fn a_version_counts_until_the_last_one_on_its_way_is_written() {
    let mut subscriptions = SubscriptionRegistry::default();
    let first = subscription(1);
    subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
        first.clone(),
    )));
    let (second, third) = (with_types(&first, "a.*"), with_types(&first, "b.*"));
    subscriptions.intend(second.clone());
    subscriptions.intend(third.clone());
    subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
        second.clone(),
    )));
    assert_eq!(subscriptions.present(first.id), Some(&second));
    assert_eq!(subscriptions.wanted(first.id), Some(&third));
    subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(third)));
    subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
        second.clone(),
    )));
    assert_eq!(subscriptions.wanted(first.id), Some(&second));
}

#[test]
fn an_origin_is_left_with_the_last_callback_there() {
    let mut subscriptions = SubscriptionRegistry::default();
    let (first, second) = (subscription(1), subscription(3));
    let origin = Origin::of(&first.callback().unwrap().url);
    for one in [&first, &second, &second] {
        let change = subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
            one.clone(),
        )));
        assert!(matches!(
            change,
            Some(RegistryChange::Put { left: None, .. })
        ));
    }
    assert_eq!(subscriptions.count(), 2);
    for (one, left) in [(&first, None), (&second, Some(origin))] {
        let id = one.id;
        let at = one.changed_at;
        let change = subscriptions.learn(&Fact::Subscription(SubscriptionFact::Unsubscribed(
            Unsubscribed { id, at },
        )));
        let expected = RegistryChange::Removed {
            id,
            left,
            holder: None,
        };
        assert_eq!(change, Some(expected));
    }
    assert_eq!(subscriptions.count(), 0);
}

#[test]
fn one_that_is_not_written_yet_is_found_again() {
    let mut subscriptions = SubscriptionRegistry::default();
    let new = subscription(1);
    let url = &new.callback().unwrap().url;
    assert!(
        subscriptions
            .same_callback(None, &new.service, &new.event_types, url)
            .is_none()
    );
    subscriptions.intend(new.clone());
    let twice: Vec<_> = new
        .event_types
        .iter()
        .chain(new.event_types.iter())
        .cloned()
        .collect();
    assert_eq!(
        subscriptions.same_callback(None, &new.service, &twice, url),
        Some(&new)
    );
    assert_eq!(subscriptions.all().count(), 0);
    let but = Some(new.id);
    let other = subscriptions.same_callback(but, &new.service, &twice, url);
    assert!(other.is_none());
    subscriptions.intend_end(new.id, Timestamp::default());
    assert!(subscriptions.wanted(new.id).is_none());
    assert!(
        subscriptions
            .same_callback(None, &new.service, &twice, url)
            .is_none()
    );
}

#[test]
fn a_position_may_come_before_its_subscription() {
    let mut subscriptions = SubscriptionRegistry::default();
    let late = subscription(1);
    subscriptions.positions.learn(late.id, 70);
    subscriptions.learn(&Fact::Subscription(SubscriptionFact::Subscribed(
        late.clone(),
    )));
    assert_eq!(subscriptions.positions.of(late.id), 70);
}
