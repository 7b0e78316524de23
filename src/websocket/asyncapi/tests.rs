use super::*;
use crate::websocket::samples;

/// What is wrong with `value` by `schema`: a field that is not described is, too.
fn wrong(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        let schema = document.pointer(pointer).expect(reference);
        return wrong(document, schema, value, at);
    }
    let mut found = Vec::new();
    if let Some(problem) = wrong_by_itself(schema, value) {
        found.push(format!("{at}: {problem}: {value}"));
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let fits = |schema| wrong(document, schema, value, at).is_empty();
        if !either.iter().any(fits) {
            found.push(format!("{at}: oneOf: {value}"));
        }
    }
    if let (Some(fields), Some(described)) = (value.as_object(), schema["properties"].as_object()) {
        let required = schema["required"].as_array().into_iter().flatten();
        let missing = required.filter(|name| !fields.contains_key(name.as_str().unwrap()));
        found.extend(missing.map(|name| format!("{at}: {name} is missing")));
        for (name, field) in fields {
            match described.get(name) {
                None => found.push(format!("{at}: {name} is not described")),
                Some(schema) => {
                    let at = format!("{at}.{name}");
                    found.extend(wrong(document, schema, field, &at));
                }
            }
        }
    }
    if let (Some(items), Some(schema)) = (value.as_array(), schema.get("items")) {
        found.extend(
            items
                .iter()
                .flat_map(|item| wrong(document, schema, item, at)),
        );
    }
    found
}

/// Whatever else it is part of.
fn wrong_by_itself(schema: &Value, value: &Value) -> Option<&'static str> {
    let is_of = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        other => panic!("{other:?}"),
    };
    let is_typed = match &schema["type"] {
        Value::Null => true,
        Value::Array(types) => types.iter().any(is_of),
        one => is_of(one),
    };
    let words = |text: &str| Some(text.strip_prefix("^(")?.strip_suffix(")$")?.to_owned());
    let words = schema["pattern"].as_str().and_then(words);
    let listed = schema["enum"].as_array();
    let least = schema["minimum"].as_f64();
    [
        ("type", is_typed),
        ("enum", listed.is_none_or(|listed| listed.contains(value))),
        (
            "const",
            schema.get("const").is_none_or(|only| only == value),
        ),
        (
            "pattern",
            words.is_none_or(|words| words.split('|').any(|word| value == word)),
        ),
        (
            "minimum",
            least.is_none_or(|least| value.as_f64().is_none_or(|value| value >= least)),
        ),
    ]
    .into_iter()
    .find_map(|(name, holds)| (!holds).then_some(name))
}

#[test]
fn what_the_hub_says_is_as_described() {
    let document = document();
    let mut heard = Vec::new();
    for text in samples() {
        let said: Value = serde_json::from_str(&text).unwrap();
        let frame_type = said["type"].as_str().unwrap();
        let payload = &document["components"]["messages"][frame_type]["payload"];
        assert!(payload["properties"].is_object(), "{text}");
        let none: [String; 0] = [];
        assert_eq!(wrong(&document, payload, &said, frame_type), none, "{text}");
        heard.push(frame_type.to_owned());
    }
    heard.sort();
    heard.dedup();
    let mut described: Vec<_> = said_by_the_hub()
        .into_iter()
        .map(|frame| frame.frame_type)
        .collect();
    described.sort();
    assert_eq!(heard, described);
}

/// It is no description that lets everything through.
#[test]
fn what_is_not_described_is_found() {
    let document = document();
    let payload = &document["components"]["messages"]["subscribed"]["payload"];
    for (frame, problem) in [
        (
            json!({"type": "subscribed", "event_types": []}),
            "\"sequence\" is missing",
        ),
        (
            json!({"type": "subscribed", "event_types": [1], "sequence": 1}),
            "type: 1",
        ),
        (
            json!({"type": "subscribed", "event_types": [], "sequence": "1"}),
            "type: \"1\"",
        ),
        (
            json!({"type": "ok", "event_types": [], "sequence": 1}),
            "const: \"ok\"",
        ),
        (
            json!({"type": "subscribed", "event_types": [], "sequence": 1, "x": 1}),
            "x is not described",
        ),
    ] {
        let found = wrong(&document, payload, &frame, "subscribed");
        assert!(found.len() == 1 && found[0].contains(problem), "{found:?}");
    }
}

#[test]
fn what_a_client_may_say_is_described_with_its_type() {
    let said = said_by_clients();
    let types: Vec<_> = said.iter().map(|frame| frame.frame_type.as_str()).collect();
    assert_eq!(types, crate::api::unknown::names_of::<ClientFrame<'_>>());
    for frame in &said {
        let message = message(frame);
        assert_ne!(message["summary"], "", "{}", frame.frame_type);
        let payload = &message["payload"];
        assert_eq!(
            payload["properties"]["type"]["const"],
            frame.frame_type.as_str()
        );
        assert_eq!(payload["required"][0], "type");
        assert!(payload["properties"]["ref"]["type"].is_array());
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (name, inner) in map {
                    if name == "$ref" {
                        found.push(inner.as_str().unwrap_or_default().to_owned());
                    }
                    references(inner, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 30);
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}
