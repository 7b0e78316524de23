//! What each service may send and be sent.

use std::collections::BTreeMap;

use super::*;
use crate::domain::quota::Quota;

#[test]
fn quotas_are_read_by_service_and_field() {
    let yaml = "quotas: {shop: {send_rate: 50, send_burst: 200}, b: {deliver_rate: 0.5, max_in_flight: 4}}";
    let quotas = load_yaml(yaml, &[]).unwrap().config.shares.quotas;
    let shop = Quota {
        send_rate: Some(50.0),
        send_burst: Some(200),
        ..Quota::default()
    };
    let billing = Quota {
        deliver_rate: Some(0.5),
        max_in_flight: Some(4),
        ..Quota::default()
    };
    assert_eq!(
        quotas,
        BTreeMap::from([(name("shop"), shop), (name("b"), billing)])
    );
    let environment = [(
        "MESSAGE_HUB_QUOTAS",
        "{shop: {send_rate: 50, send_burst: 200}}",
    )];
    assert_eq!(
        load(&environment).unwrap().config.shares.quotas[&name("shop")],
        shop
    );
}

#[test]
fn a_wrong_quota_is_refused_with_service_and_field() {
    for (quotas, named) in [
        ("5", "quotas: must be a map"),
        ("{'a b': {send_rate: 1}}", "quotas: service name \"a b\""),
        ("{a: 5}", "quotas: a: must be"),
        ("{a: {}}", "quotas: a: must be"),
        ("{a: {send_rate: }}", "quotas: a: must be"),
        ("{a: {send_rate: 0}}", "quotas: a: send_rate: "),
        ("{a: {send_rate: -1}}", "quotas: a: send_rate: "),
        ("{a: {send_rate: .nan}}", "quotas: a: send_rate: "),
        ("{a: {send_rate: 1000001}}", "quotas: a: send_rate: "),
        ("{a: {deliver_rate: fast}}", "quotas: a: deliver_rate: "),
        (
            "{a: {send_rate: 1, send_burst: 0}}",
            "quotas: a: send_burst: ",
        ),
        (
            "{a: {send_rate: 1, send_burst: 1.5}}",
            "quotas: a: send_burst: ",
        ),
        ("{a: {send_burst: 5}}", "quotas: a: send_burst: "),
        (
            "{b: {send_rate: 1}, a: {max_in_flight: 0}}",
            "quotas: a: max_in_flight: ",
        ),
        ("{a: {rate: 1}}", "quotas: a: rate: no such field"),
    ] {
        let refusal = refusal(&format!("quotas: {quotas}"));
        assert!(
            refusal.starts_with(&format!("hub.yaml:1: {named}")),
            "{refusal}"
        );
    }
}
