//! What is said of each wrong field of each body, word for word. The snapshot holds what clients
//! may go by: which field is named, and the text beside it.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::TestHub;
use crate::support::socket::Frame;

/// What each field is given in turn; most of it is wrong for most fields.
const VALUES: [&str; 21] = [
    "null",
    "true",
    "7",
    "-1",
    "0",
    "0.5",
    "1e400",
    "99999999999999999999",
    r#""""#,
    r#""x""#,
    r#""a b""#,
    r#""..""#,
    r#""a..b""#,
    r#""a\u202eb""#,
    r#""\ud800""#,
    "[]",
    "[1]",
    "[null]",
    "{}",
    r#"{"x":1}"#,
    r#"{"x":1,"x":2}"#,
];
/// Stands in a body where the value goes.
const PLACE: &str = "<here>";
const ID: &str = "00000000-0000-7000-8000-000000000001";

/// A body that is right, and where it may be wrong.
#[derive(Deserialize)]
struct Body {
    to: String,
    right: Value,
    /// JSON Pointers, of what is there and of what is not.
    fields: Vec<String>,
}

/// The text of `right` with `value` at `pointer`; without anything there if there is none.
fn with(right: &Value, pointer: &str, value: Option<&str>) -> String {
    let mut body = right.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), None) => drop(members.remove(name)),
        (Value::Array(items), _) => items[name.parse::<usize>().unwrap()] = json!(PLACE),
        (parent, _) => parent[name] = json!(PLACE),
    }
    body.to_string()
        .replace(&json!(PLACE).to_string(), value.unwrap_or_default())
}

/// What the hub says to each value of each field, those together that are answered alike.
fn said_of(body: &Body, say: &mut dyn FnMut(&str) -> String) -> String {
    let mut told = format!("{}\n", body.to.replace(ID, "ID"));
    for field in &body.fields {
        let mut answers: Vec<(String, Vec<&str>)> = Vec::new();
        let values = VALUES.into_iter().map(Some).chain([None]);
        for value in values {
            let answer = say(&with(&body.right, field, value));
            let shown = value.unwrap_or("nothing");
            match answers.iter_mut().find(|(same, _)| *same == answer) {
                Some((_, values)) => values.push(shown),
                None => answers.push((answer, vec![shown])),
            }
        }
        writeln!(told, "  {field}").unwrap();
        for (answer, values) in answers {
            writeln!(told, "    {answer}\n      {}", values.join("  ")).unwrap();
        }
    }
    for wrong in whole(&body.right) {
        let shown: String = wrong.chars().take(60).collect();
        writeln!(told, "  {shown}\n    {}", say(&wrong)).unwrap();
    }
    told
}

/// What is no such body at all, or has a name too many.
fn whole(right: &Value) -> Vec<String> {
    let text = right.to_string();
    let first = right.as_object().unwrap().keys().next().unwrap();
    let mut misspelt = first.clone();
    misspelt.insert(1, 'q');
    let mut wrong: Vec<String> = ["", "[]", "5", "null", "{", r#"{"x":}"#]
        .map(str::to_owned)
        .into();
    wrong.push(format!("{text} x"));
    wrong.push(format!(r#"{{"nobody_knows":1,{}"#, &text[1..]));
    wrong.push(format!(r#"{{"{misspelt}":1,{}"#, &text[1..]));
    wrong.push(format!(r#"{{"{first}":{},{}"#, right[first], &text[1..]));
    wrong
}

/// What a refusal says; of anything else whether it is one.
fn in_words(status: u16, error: &Value) -> String {
    let code = error["code"].as_str().unwrap_or_default();
    match status {
        200..300 => "taken".to_owned(),
        400 => {
            let text = error["message"].as_str().unwrap_or_default();
            let field = error["details"]["field"].as_str().unwrap_or_default();
            // A batch says of each item what is wrong.
            if let Some(item) = error["details"]["results"].get(0) {
                return in_words(status, &item["error"]) + ", of an item";
            }
            assert!(text.starts_with(&format!("{field}: ")), "{error}");
            format!("{code} {}", text.replace(ID, "ID"))
        }
        _ => format!("{status} {code}"),
    }
}

#[test]
fn of_each_wrong_field_of_a_request_the_same_is_said() {
    let mut told = String::new();
    let hub = TestHub::start();
    hub.register_puller("billing");
    for body in serde_json::from_str::<Vec<Body>>(include_str!("bodies.json")).unwrap() {
        let (method, path) = body.to.split_once(' ').unwrap();
        told.push_str(&said_of(&body, &mut |text| {
            let answer = hub.ask(method, path, text.as_bytes());
            let answered: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            in_words(answer.status, &answered["error"])
        }));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn of_each_wrong_field_of_a_frame_the_same_is_said() {
    let mut told = String::new();
    let hub = TestHub::start();
    hub.register_puller("billing");
    for body in serde_json::from_str::<Vec<Body>>(include_str!("frames.json")).unwrap() {
        told.push_str(&said_of(&body, &mut |text| said_to_frame(&hub, text)));
    }
    insta::assert_snapshot!(told);
}

/// What each parameter is given in turn, after it is left empty.
const PARAMETERS: [&str; 18] = [
    "x",
    "7",
    "0",
    "%2B7",
    "07",
    "-1",
    "1.5",
    "1001",
    "9223372036854775807",
    "9223372036854775808",
    "7-9",
    "a%20b",
    "a.*,%23",
    "%22",
    "true",
    "..",
    "2026-01-01T00:00:00Z",
    ID,
];

/// A route, and what its query may have.
#[derive(Deserialize)]
struct Asked {
    to: String,
    parameters: Vec<String>,
}

#[test]
fn of_each_wrong_parameter_the_same_is_said() {
    let mut told = String::new();
    let hub = TestHub::start();
    hub.register_puller("billing");
    for asked in serde_json::from_str::<Vec<Asked>>(include_str!("queries.json")).unwrap() {
        let (method, path) = asked.to.split_once(' ').unwrap();
        let more = if path.contains('?') { '&' } else { '?' };
        writeln!(told, "{}", asked.to).unwrap();
        for name in &asked.parameters {
            writeln!(told, "  {name}").unwrap();
            let empty = [format!("{name}="), format!("{name}=a&{name}=b")];
            let values = PARAMETERS.map(|value| format!("{name}={value}"));
            let mut answers: Vec<(String, Vec<String>)> = Vec::new();
            for query in empty.into_iter().chain(values) {
                let answer = hub.ask(method, &format!("{path}{more}{query}"), b"");
                let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
                let words = in_words(answer.status, &said["error"]);
                match answers.iter_mut().find(|(same, _)| *same == words) {
                    Some((_, queries)) => queries.push(query),
                    None => answers.push((words, vec![query])),
                }
            }
            for (words, queries) in answers {
                let queries = queries.join("  ").replace(ID, "ID");
                writeln!(told, "    {words}\n      {queries}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(told);
}

fn said_to_frame(hub: &TestHub, text: &str) -> String {
    // Of its own, since a frame that is taken may have consequences.
    let mut socket = hub.socket();
    socket.say_text(text);
    let Frame::Text(heard) = socket.hear_frame() else {
        panic!("{text} is not answered");
    };
    // A reference comes back as it was, even if no computer counts with it.
    let heard = heard.replace("1e400", "0").replace("\\ud800", "");
    let answer: Value = serde_json::from_str(&heard).unwrap();
    let error = &answer["error"];
    match error["code"].as_str() {
        None => "taken".to_owned(),
        Some(code) if code.starts_with("INVALID") => {
            format!("{}, ref {}", in_words(400, error), answer["ref"])
        }
        Some(code) => code.to_owned(),
    }
}
