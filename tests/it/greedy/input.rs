//! What is said to a hub, made up at random: mostly what it takes, of every size it takes.

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::{Map, Value, json};

/// Of one message.
const MOST: usize = (1 << 20) - 2000;

/// Makes the value of a field.
type Make = fn(&mut SmallRng) -> Value;

pub(super) fn chance(random: &mut SmallRng, percent: u32) -> bool {
    random.random_range(0..100) < percent
}

pub(super) fn one_of<'a, T: ?Sized>(random: &mut SmallRng, all: &[&'a T]) -> &'a T {
    all[random.random_range(0..all.len())]
}

/// Of any order of magnitude up to `most`.
pub(super) fn size(random: &mut SmallRng, most: usize) -> usize {
    let magnitude = random.random_range(0.0..(most as f64).log2());
    (magnitude.exp2() as usize).clamp(1, most)
}

/// JSON of about so many bytes.
pub(super) fn payload(random: &mut SmallRng, bytes: usize) -> String {
    match random.random_range(0..6) {
        0 => format!("[{}1]", "1,".repeat(bytes / 2)),
        1 => format!(r#""{}""#, "\\u00e9".repeat(bytes / 6)),
        2 => format!("[{}[]]", "{},".repeat(bytes / 3)),
        3 => format!("{}{}", "[".repeat(60), "]".repeat(60)),
        _ => format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes)),
    }
}

/// Mostly up to `usual`, seldom up to `most`.
fn mostly(random: &mut SmallRng, usual: usize, most: usize) -> usize {
    let most = if chance(random, 15) { most } else { usual };
    size(random, most)
}

/// Words between dots; `wild` lets some be wildcards.
pub(super) fn topic(random: &mut SmallRng, wild: bool) -> String {
    let (count, mut many_left) = match random.random_range(0..10) {
        0..7 => (random.random_range(1..5), 8),
        7 | 8 => (random.random_range(1..=100), 8),
        // More than a pattern may have.
        _ => (100, 100),
    };
    let word = |_| match random.random_range(0..10) {
        0..2 if wild => "*",
        2..5 if wild && many_left > 0 => {
            many_left -= 1;
            "#"
        }
        5..8 => "a",
        8 => "b",
        _ => "c",
    };
    let words: Vec<_> = (0..count).map(word).collect();
    words.join(".")
}

pub(super) fn patterns(random: &mut SmallRng) -> Vec<String> {
    let count = size(random, 1000);
    (0..count).map(|_| topic(random, true)).collect()
}

fn label(random: &mut SmallRng) -> String {
    match random.random_range(0..4) {
        0 => "x".repeat(random.random_range(1..=200)),
        1 => "ü😀".repeat(random.random_range(1..20)),
        _ => format!("label-{}", random.random_range(0..1000)),
    }
}

pub(super) fn destination(random: &mut SmallRng) -> String {
    let known = [
        "greedy", "takes", "rejects", "fails", "hangs", "waits-0", "waits-1", "waits-2", "nobody",
    ];
    one_of(random, &known).to_owned()
}

pub(super) fn id(random: &mut SmallRng) -> String {
    // Few enough that some come again.
    let number = random.random_range(0..5000_u32);
    format!("01890a5d-ac96-774b-bcce-b3020000{number:04}")
}

/// A message of up to `most` bytes, as JSON text.
pub(super) fn message(random: &mut SmallRng, most: usize) -> String {
    let mut fields = Map::new();
    fields.insert("destination".to_owned(), json!(destination(random)));
    let optional: [(&str, Make); 11] = [
        ("type", |random| json!(label(random))),
        ("id", |random| json!(id(random))),
        ("priority", |random| {
            json!(one_of(
                random,
                &["critical", "high", "normal", "low", "deferred"]
            ))
        }),
        ("ttl", |random| json!(random.random_range(0.001..100.0))),
        ("delay", |random| json!(random.random_range(0.0..5.0))),
        ("correlation_id", |random| json!(label(random))),
        ("ordering_key", |random| json!(label(random))),
        ("reply_to", |_| json!("greedy")),
        ("deadline", |_| json!("2030-01-01T00:00:00Z")),
        ("unknown", |_| json!([1, 2, 3])),
        ("headers", |random| {
            let count = random.random_range(0..32);
            let one = |n| (format!("x-{n}"), json!("y".repeat(100)));
            Value::Object((0..count).map(one).collect())
        }),
    ];
    for (name, make) in optional {
        if chance(random, 15) {
            fields.insert(name.to_owned(), make(random));
        }
    }
    let bytes = mostly(random, most.min(10_000), most.min(MOST));
    with_payload(&fields, &payload(random, bytes))
}

pub(super) fn event(random: &mut SmallRng, most: usize) -> String {
    let mut fields = Map::new();
    fields.insert("event_type".to_owned(), json!(topic(random, false)));
    let optional: [(&str, Make); 5] = [
        ("stream_id", |random| json!(label(random))),
        ("correlation_id", |random| json!(label(random))),
        ("event_id", |random| json!(id(random))),
        ("expected_version", |random| {
            json!(random.random_range(0..5))
        }),
        ("unknown", |_| json!({"a": 1})),
    ];
    for (name, make) in optional {
        if chance(random, 20) {
            fields.insert(name.to_owned(), make(random));
        }
    }
    let bytes = mostly(random, most.min(10_000), most.min(MOST));
    with_payload(&fields, &payload(random, bytes))
}

/// As text, since a large payload need not be understood here.
fn with_payload(fields: &Map<String, Value>, payload: &str) -> String {
    let fields = json!(fields).to_string();
    format!(r#"{},"payload":{payload}}}"#, &fields[..fields.len() - 1])
}

/// Up to 10,000 items, and up to 16 MiB, of one kind.
pub(super) fn items(
    random: &mut SmallRng,
    item: fn(&mut SmallRng, usize) -> String,
) -> Vec<String> {
    let (count, mut left) = (size(random, 10_000), mostly(random, 128 << 10, 16 << 20));
    let mut items = Vec::new();
    while items.len() < count && left > 2000 {
        let most = match chance(random, 10) {
            true => left - 1500,
            false => (left / count).max(10),
        };
        let item = item(random, most);
        left = left.saturating_sub(item.len() + 1);
        items.push(item);
    }
    items
}

pub(super) fn registration(random: &mut SmallRng) -> String {
    let metadata = "m".repeat(mostly(random, 17 << 10, 1 << 20));
    let endpoint = |n| json!({"path": format!("/{n}"), "methods": ["GET", "POST"]});
    let endpoints: Vec<_> = (0..size(random, 1000)).map(endpoint).collect();
    let capabilities: Vec<_> = (0..random.random_range(0..100))
        .map(|n| n.to_string())
        .collect();
    let mut registration = json!({
        "service": "greedy",
        "instance_id": format!("i-{}", random.random_range(0..2000)),
        "metadata": {"m": metadata},
        "endpoints": endpoints,
        "capabilities": capabilities,
        "weight": random.random_range(1..=1000),
    });
    if chance(random, 30) {
        registration["url"] = json!("http://127.0.0.1:9");
        registration["health_check"] = json!({"path": "/health", "interval": 1});
    }
    if chance(random, 30) {
        registration["ttl"] = json!(random.random_range(1..60));
    }
    registration.to_string()
}

/// What no request should be.
pub(super) fn nonsense(random: &mut SmallRng) -> Vec<u8> {
    let most = mostly(random, 128 << 10, 16 << 20);
    match random.random_range(0..9) {
        0 => "1,".repeat(most / 2).into_bytes(),
        1 => format!("[{}1]", "1,".repeat(most / 2)).into_bytes(),
        2 => "[".repeat(most).into_bytes(),
        3 => r#"{"a":"#.repeat(most / 5).into_bytes(),
        4 => (0..most.min(100_000)).map(|_| random.random()).collect(),
        5 => "1\n".repeat(most / 2).into_bytes(),
        6 => format!("\"{}\"", "\\ud800".repeat(most / 6)).into_bytes(),
        7 => format!("{{{}\"b\":1}}", "\"a\":1,".repeat(most / 6)).into_bytes(),
        _ => vec![0; most],
    }
}
