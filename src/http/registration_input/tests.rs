use std::time::Duration;

use super::*;
use crate::domain::deny_list::DenyList;

fn read_text(text: &str) -> Result<Registration, HubError> {
    let rules = RegistrationRules {
        deny: DenyList::default(),
        min_check_interval: Duration::from_secs(1),
        most_metadata: 16 << 10,
    };
    read(text, None, &rules, Timestamp::default()).map(|(registration, _)| registration)
}

fn field_of(text: &str) -> String {
    match read_text(text) {
        Err(HubError::Invalid {
            field,
            subject: Subject::Request,
            ..
        }) => field,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn reads_the_form_of_the_interface_document() {
    let registration = read_text(
        r#"{"service":"billing","version":"1.0.0","url":"http://127.0.0.1:9/",
            "endpoints":[{"path":"/api","methods":["GET"]}],
            "health_check":{"endpoint":"/health","interval":30}}"#,
    )
    .unwrap();
    let address = registration.address.unwrap();
    assert_eq!(address.message_url(), "http://127.0.0.1:9/messages");
    assert_eq!(registration.health_check.unwrap().interval_ms, Some(30_000));
    assert_eq!(registration.max_in_flight, DEFAULT_MAX_IN_FLIGHT);
    assert_eq!(registration.instance_id.as_str(), "127.0.0.1:9");
}

#[test]
fn addresses_may_have_a_port_and_a_service_both_its_names() {
    for url in [
        "http://h",
        "http://h:1",
        "http://h:65535/x",
        "http://[::1]",
        "http://[::1]:80/x",
        "https://h",
        "https://127.0.0.1:8443/x",
    ] {
        let text = format!(r#"{{"service":"a","name":"a","url":"{url}"}}"#);
        assert_eq!(read_text(&text).unwrap().address.unwrap().url, url);
    }
}

#[test]
fn the_same_address_is_the_same_instance() {
    let id = |text: &str| read_text(text).unwrap().instance_id;
    let url = r#"{"name":"a","url":"http://h:1"}"#;
    assert_eq!(id(url), id(url));
    assert_eq!(id(r#"{"name":"a"}"#).as_str(), "default");
    assert_eq!(
        id(r#"{"name":"a","url":"http://h:1/x/"}"#).as_str(),
        "h:1_x"
    );
    let secure = id(r#"{"name":"a","url":"https://h:1/x"}"#);
    assert_eq!(secure.as_str(), "https:h:1_x");
    for spelling in ["HTTPS://h:1/x", "Https://H:1/x/"] {
        let text = format!(r#"{{"name":"a","url":"{spelling}"}}"#);
        assert_eq!(id(&text), secure, "{spelling}");
    }
    assert_ne!(id(r#"{"name":"a","url":"https://h:1/X"}"#), secure);
    let long = format!(r#"{{"name":"a","url":"http://h/{}"}}"#, "p".repeat(300));
    assert_eq!(id(&long).as_str().len(), 36);
}

/// Registrations, and the field of which it is said what is wrong.
const WRONG: [(&str, &str); 39] = [
    ("[]", "body"),
    ("{}", "service"),
    (r#"{"service":"a b"}"#, "service"),
    (r#"{"service":"a","url":"ftp://h"}"#, "url"),
    (r#"{"service":"a","url":"http://"}"#, "url"),
    (r#"{"service":"a","url":"h:1"}"#, "url"),
    (r#"{"service":"a","url":"https://[::1]"}"#, "url"),
    (r#"{"service":"a","url":"http://u:p@h"}"#, "url"),
    (r#"{"service":"a","url":"http://h/x#y"}"#, "url"),
    (r#"{"service":"a","url":"http://h#y"}"#, "url"),
    (r#"{"service":"a","url":"http://127.0.0.1:99999"}"#, "url"),
    (r#"{"service":"a","url":"http://127.0.0.1:0/x"}"#, "url"),
    (r#"{"service":"a","url":"http://127.0.0.1:"}"#, "url"),
    (r#"{"service":"a","url":"http://[::1]:65536"}"#, "url"),
    (r#"{"service":"a","url":5}"#, "url"),
    (r#"{"service":"a","name":5}"#, "name"),
    (r#"{"service":"a","name":"b"}"#, "name"),
    (
        r#"{"service":"a","message_endpoint":"x"}"#,
        "message_endpoint",
    ),
    (
        r#"{"service":"a","url":"http://h","health_check":{}}"#,
        "health_check.endpoint",
    ),
    (
        r#"{"service":"a","url":"http://h","health_check":{"endpoint":"/h","interval":0}}"#,
        "health_check.interval",
    ),
    (
        r#"{"service":"a","health_check":{"endpoint":"/h","interval":0.099}}"#,
        "health_check.interval",
    ),
    (
        r#"{"service":"a","health_check":{"endpoint":"/h","timeout":0.099}}"#,
        "health_check.timeout",
    ),
    (r#"{"service":"a","max_in_flight":0}"#, "max_in_flight"),
    (r#"{"service":"a","max_in_flight":1.5}"#, "max_in_flight"),
    (r#"{"service":"a","metadata":[]}"#, "metadata"),
    (r#"{"service":"a","health_check":5}"#, "health_check"),
    (r#"{"service":"a","health_check":"h"}"#, "health_check"),
    (
        r#"{"service":"a","health_check":{"endpoint":"/h","timeout":"1"}}"#,
        "health_check.timeout",
    ),
    (r#"{"service":"a","version":""}"#, "version"),
    (r#"{"service":"a","instance_id":7}"#, "instance_id"),
    (r#"{"service":"a","weight":-1}"#, "weight"),
    (r#"{"service":"a","weight":1001}"#, "weight"),
    (r#"{"service":"a","ttl":0.09}"#, "ttl"),
    (r#"{"service":"a","ttl":"10"}"#, "ttl"),
    (r#"{"service":"a","capabilities":"x"}"#, "capabilities"),
    (
        r#"{"service":"a","capabilities":["x",""]}"#,
        "capabilities[1]",
    ),
    (
        r#"{"service":"a","capabilities":["x",null]}"#,
        "capabilities[1]",
    ),
    (r#"{"service":"a","endpoints":{}}"#, "endpoints"),
    (r#"{"service":"a","service":"b"}"#, "service"),
];

#[test]
fn every_wrong_field_is_named() {
    for (text, field) in WRONG {
        assert_eq!(field_of(text), field, "{text}");
    }
}

#[test]
fn every_wrong_field_of_a_dependency_is_named() {
    for (dependencies, field) in [
        ("5", "dependencies"),
        (r#"["b"]"#, "dependencies[0]"),
        (
            r#"[{"service":"b","service":"c"}]"#,
            "dependencies[0].service",
        ),
        ("[{}]", "dependencies[0].service"),
        (
            r#"[{"service":"b"},{"service":"b c"}]"#,
            "dependencies[1].service",
        ),
        (
            r#"[{"service":"b","minimum_instances":0}]"#,
            "dependencies[0].minimum_instances",
        ),
        (
            r#"[{"service":"b","minimum_instances":10001}]"#,
            "dependencies[0].minimum_instances",
        ),
        (
            r#"[{"service":"b","critical":"yes"}]"#,
            "dependencies[0].critical",
        ),
        (
            r#"[{"service":"b","version":2}]"#,
            "dependencies[0].version",
        ),
    ] {
        let text = format!(r#"{{"service":"a","dependencies":{dependencies}}}"#);
        assert_eq!(field_of(&text), field, "{text}");
    }
}

#[test]
fn lists_have_a_length() {
    let list = |item: &str, count| vec![item; count].join(",");
    let capable = |count| {
        format!(
            r#"{{"service":"a","capabilities":[{}]}}"#,
            list("\"x\"", count)
        )
    };
    let item = r#"{"service":"b"}"#;
    let needing = |count| {
        format!(
            r#"{{"service":"a","dependencies":[{}]}}"#,
            list(item, count)
        )
    };
    assert_eq!(read_text(&capable(100)).unwrap().capabilities.len(), 100);
    assert_eq!(field_of(&capable(101)), "capabilities");
    assert_eq!(read_text(&needing(100)).unwrap().dependencies.len(), 100);
    assert_eq!(field_of(&needing(101)), "dependencies");
}

#[test]
fn everything_that_can_be_said_is_kept() {
    let registration = read_text(
        r#"{"name":"a","weight":0,"capabilities":["order.paid"],"ttl":0.1,"max_in_flight":7,
            "metadata":{"zone":"b"},"health_check":"/h",
            "dependencies":[{"service":"b"},
                {"service":"c","minimum_instances":2,"critical":false,"version":"2.0"}]}"#,
    )
    .unwrap();
    assert_eq!(registration.weight, 0);
    assert_eq!(registration.capabilities[0].as_str(), "order.paid");
    assert_eq!(registration.ttl_ms, Some(100));
    assert_eq!(registration.max_in_flight, 7);
    assert_eq!(registration.health_check.unwrap().endpoint, "/h");
    let [usual, said] = &registration.dependencies[..] else {
        panic!("{:?}", registration.dependencies)
    };
    assert_eq!((usual.minimum_instances, usual.critical), (1, true));
    assert_eq!((said.minimum_instances, said.critical), (2, false));
    assert_eq!(said.version.as_ref().unwrap().as_str(), "2.0");
}

#[test]
fn null_is_as_good_as_nothing() {
    let fields = [
        "version",
        "url",
        "instance_id",
        "message_endpoint",
        "endpoints",
        "health_check",
        "weight",
        "capabilities",
        "max_in_flight",
        "ttl",
        "metadata",
        "dependencies",
    ];
    let nulls: Vec<_> = fields
        .iter()
        .map(|field| format!("\"{field}\":null"))
        .collect();
    let text = format!(r#"{{"service":"a",{}}}"#, nulls.join(","));
    let plain = read_text(r#"{"service":"a"}"#).unwrap();
    assert_eq!(read_text(&text).unwrap(), plain);
    assert_eq!((plain.weight, plain.ttl_ms), (1, None));
}

#[test]
fn no_instance_is_where_the_hub_must_not_go() {
    for url in [
        "http://169.254.169.254",
        "http://169.254.169.254:80/latest",
        "http://[::ffff:169.254.169.254]",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://100.100.100.200",
        "http://Metadata.Google.Internal",
    ] {
        let text = format!(r#"{{"service":"a","url":"{url}"}}"#);
        assert_eq!(field_of(&text), "url", "{url}");
    }
}

#[test]
fn no_instance_is_checked_more_often_than_the_hub_wants() {
    let check = |interval: &str| {
        format!(r#"{{"service":"a","health_check":{{"endpoint":"/h","interval":{interval}}}}}"#)
    };
    for interval in ["0.1", "0.999"] {
        assert_eq!(field_of(&check(interval)), "health_check.interval");
    }
    assert!(read_text(&check("1")).is_ok());
}
