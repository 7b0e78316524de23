//! What is wrong with a body is said of its field.

use super::*;

/// Bodies, and the field of which it is said what is wrong.
const WRONG: [(&str, &str); 24] = [
    (r#"{}"#, "mode"),
    (r#"{"mode": "backwards"}"#, "mode"),
    (r#"{"mode": 5}"#, "mode"),
    (r#"{"mode": "from_timestamp"}"#, "from_timestamp"),
    (
        r#"{"mode": "from_timestamp", "from_timestamp": "now"}"#,
        "from_timestamp",
    ),
    (r#"{"mode": "from_sequence"}"#, "from_sequence"),
    (
        r#"{"mode": "from_sequence", "from_sequence": -1}"#,
        "from_sequence",
    ),
    (r#"{"mode": "last_n_events"}"#, "last_n"),
    (r#"{"mode": "last_n_events", "last_n": 0}"#, "last_n"),
    (r#"{"mode": "last_n_events", "last_n": 1001}"#, "last_n"),
    (
        r#"{"mode": "last_n_events", "last_n": 1, "cursor": "1"}"#,
        "cursor",
    ),
    (
        r#"{"mode": "from_beginning", "to_sequence": "9"}"#,
        "to_sequence",
    ),
    (
        r#"{"mode": "from_beginning", "event_types": "a"}"#,
        "event_types",
    ),
    (
        r#"{"mode": "from_beginning", "event_types": ["a..b"]}"#,
        "event_types",
    ),
    (r#"{"mode": "from_beginning", "source": "a b"}"#, "source"),
    (
        r#"{"mode": "from_beginning", "stream_id": ""}"#,
        "stream_id",
    ),
    (
        r#"{"mode": "from_beginning", "correlation_id": 7}"#,
        "correlation_id",
    ),
    (r#"{"mode": "from_beginning", "limit": 1001}"#, "limit"),
    (r#"{"mode": "from_beginning", "limit": 0}"#, "limit"),
    (r#"{"mode": "from_beginning", "cursor": "x"}"#, "cursor"),
    (r#"{"mode": "from_beginning", "rate": 1}"#, "rate"),
    (
        r#"{"mode": "from_beginning", "deliver_to": "x"}"#,
        "deliver_to",
    ),
    (
        r#"{"mode": "from_beginning", "deliver_to": "<id>", "rate": 0}"#,
        "rate",
    ),
    (
        r#"{"mode": "from_beginning", "deliver_to": "<id>", "cursor": "1"}"#,
        "cursor",
    ),
];

#[test]
fn every_wrong_field_is_named() {
    let subscription = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (text, field) in WRONG {
        let read = ReplayRequest::from_body(&text.replace("<id>", subscription));
        let error = read.err().unwrap().to_string();
        assert!(error.starts_with(&format!("{field}: ")), "{text}: {error}");
    }
}
