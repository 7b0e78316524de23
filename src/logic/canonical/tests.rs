use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn form(json: &str) -> String {
    let mut out = Vec::new();
    canonical(json, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn drops_white_space_and_sorts_keys() {
    let cases = [
        (" null ", "null"),
        ("[ ]", "[]"),
        ("{\n}", "{}"),
        (r#"[ 1 , "a b" , [ true ] ]"#, r#"[1,"a b",[true]]"#),
        (
            r#"{"b": 1, "a": {"d": 2, "c": 3}}"#,
            r#"{"a":{"c":3,"d":2},"b":1}"#,
        ),
        (r#"{"a!": 1, "a": 2}"#, r#"{"a":2,"a!":1}"#),
        (r#"{"ab": 1, "": 2, "a": 3}"#, r#"{"":2,"a":3,"ab":1}"#),
    ];
    for (json, expected) in cases {
        assert_eq!(form(json), expected);
    }
}

#[test]
fn keeps_equal_keys_in_their_order() {
    assert_eq!(form(r#"{"b":0,"a":2,"a":1}"#), r#"{"a":2,"a":1,"b":0}"#);
    assert_ne!(form(r#"{"a":1,"a":2}"#), form(r#"{"a":2,"a":1}"#));
}

#[test]
fn keeps_numbers_and_strings_as_written() {
    for text in [
        "1e400",
        "1.0",
        "-0",
        "1E+2",
        r#""\u00e4""#,
        r#""ä""#,
        r#""\"}{,\\""#,
    ] {
        assert_eq!(form(text), text);
    }
    assert_ne!(form("1.0"), form("1"));
}

#[test]
fn refuses_what_is_not_json_and_leaves_the_output_alone() {
    for json in [
        "",
        " ",
        "[",
        "]",
        "{",
        "}",
        "[1",
        "[1,",
        "[1 2]",
        "[,]",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{1:2}",
        "{\"a\" 1}",
        "\"",
        "\"\\",
        "\"\\\"",
        "1 2",
        "[]]",
        "ä",
    ] {
        let mut out = b"before".to_vec();
        let error = canonical(json, &mut out).unwrap_err();
        assert!(
            matches!(error, CanonicalError::NotJson(at) if at <= json.len()),
            "{json}"
        );
        assert_eq!(out, b"before");
    }
}

#[test]
fn takes_no_bombs() {
    let nested = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let mut out = Vec::new();
    assert_eq!(canonical(&nested(MAX_DEPTH), &mut out), Ok(()));
    assert_eq!(
        canonical(&nested(MAX_DEPTH + 1), &mut out),
        Err(CanonicalError::TooDeep)
    );
    assert_eq!(
        canonical(&"{\"a\":".repeat(100_000), &mut out),
        Err(CanonicalError::TooDeep)
    );
    assert_eq!(depth(nested(100_000).as_bytes()), 100_000);
}

#[test]
fn depth_sees_brackets_but_not_in_strings() {
    let cases: [(&str, usize); 10] = [
        ("", 0),
        ("1", 0),
        ("[]", 1),
        ("[[],[[]]]", 3),
        (r#"{"a":{"b":[1]}}"#, 3),
        (r#""[[[""#, 0),
        (r#"["\"[[[", "\\", ["x"]]"#, 2),
        ("]]]][", 1),
        (r#"["unfinished [["#, 1),
        (r#"["\"#, 1),
    ];
    for (json, expected) in cases {
        assert_eq!(depth(json.as_bytes()), expected, "{json}");
    }
}

#[test]
fn fingerprints_tell_parts_apart() {
    let one = fingerprint(&[b"ab", b"c"]);
    assert_eq!(one, fingerprint(&[b"ab", b"c"]));
    for other in [
        &[b"a".as_slice(), b"bc"][..],
        &[b"abc"],
        &[b"ab", b"c", b""],
        &[],
    ] {
        assert_ne!(one, fingerprint(other), "{other:?}");
    }
}

#[test]
fn fingerprints_are_the_same_for_ever() {
    let digest = fingerprint(&[b"billing", b"{}"]).0;
    assert_eq!(digest.to_string(), "c3d908d0-e01c-5d28-ad58-545f6e9d8760");
}

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c\"\\\\{}\\[\\], é\n]{0,5}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-c!\"]{0,2}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Writes `value` as some client might: `choices` decide about white space and order.
fn write(value: &Value, choices: &mut impl Iterator<Item = u8>, out: &mut String) {
    let mut space = |out: &mut String| {
        let blanks = ["", " ", "\n", "\t \r"];
        out.push_str(blanks[usize::from(choices.next().unwrap_or(0)) % blanks.len()]);
    };
    space(out);
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write(item, choices, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let turn = usize::from(choices.next().unwrap_or(0));
            if !members.is_empty() {
                let middle = turn % members.len();
                members.rotate_left(middle);
            }
            out.push('{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { " " });
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(" :");
                write(value, choices, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
    out.push(' ');
}

fn true_depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(true_depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(true_depth).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn the_form_does_not_depend_on_how_it_was_written(value in any_json(), choices: Vec<u8>) {
        let mut text = String::new();
        write(&value, &mut choices.into_iter(), &mut text);
        let written = form(&text);
        prop_assert_eq!(&written, &form(&value.to_string()));
        prop_assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), &value);
        prop_assert_eq!(depth(text.as_bytes()), true_depth(&value));
    }

    #[test]
    fn different_values_have_different_forms(one in any_json(), other in any_json()) {
        let same = form(&one.to_string()) == form(&other.to_string());
        prop_assert_eq!(same, one == other);
    }

    #[test]
    fn is_its_own_form(value in any_json()) {
        let once = form(&value.to_string());
        prop_assert_eq!(form(&once), once);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}\",:\\\\ 1aé]{0,40}") {
        let mut out = Vec::new();
        if canonical(&text, &mut out).is_ok() {
            let again = String::from_utf8(out.clone()).unwrap();
            let mut twice = Vec::new();
            prop_assert_eq!(canonical(&again, &mut twice), Ok(()));
            prop_assert_eq!(twice, out);
        }
        depth(text.as_bytes());
    }

    #[test]
    fn takes_whatever_the_parser_takes(text in "[\\[\\]{}\",:\\\\ 1]{0,12}") {
        if serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok() {
            prop_assert_eq!(canonical(&text, &mut Vec::new()), Ok(()));
        }
    }
}
