//! Every route that the hub describes, with everything that does not belong there. What is
//! described is found in `/openapi.json`, so that no route is left out.

use serde_json::{Value, json};

use super::assert_refused;
use crate::support::TestHub;
use crate::support::wire::{Answer, Connection};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A route with one of its methods.
struct Operation {
    method: String,
    /// With `{…}` for what varies.
    path: String,
    queries: Vec<String>,
    body: Option<Body>,
}

struct Body {
    /// One that could be meant.
    example: Value,
    fields: Vec<String>,
}

fn operations(hub: &TestHub) -> Vec<Operation> {
    let document = hub.get("/openapi.json").is(200);
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in METHODS
            .iter()
            .filter(|method| methods.get(**method).is_some())
        {
            let operation = &methods[*method];
            let parameters = operation["parameters"].as_array();
            let queries = parameters.into_iter().flatten();
            let queries = queries.filter(|one| one["in"] == "query");
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                queries: queries
                    .map(|one| one["name"].as_str().unwrap().to_owned())
                    .collect(),
                body: body(&document, &operation["requestBody"]),
            });
        }
    }
    assert!(operations.len() > 60, "{}", operations.len());
    operations
}

fn body(document: &Value, described: &Value) -> Option<Body> {
    let schema = described["content"]["application/json"].get("schema")?;
    let name = schema["$ref"]
        .as_str()
        .and_then(|text| text.rsplit('/').next());
    let schema = &document["components"]["schemas"][name?];
    let example = schema.get("example").cloned().unwrap_or(json!({}));
    // Nobody is to be called there.
    let example = example.to_string().replace("10.0.0.5:8080", "127.0.0.1:9");
    let fields = schema["properties"].as_object();
    Some(Body {
        example: serde_json::from_str(&example).unwrap(),
        fields: fields
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect(),
    })
}

impl Operation {
    /// A path that could be meant.
    fn plain_path(&self) -> String {
        let id = self.path.replace("{service}", "billing");
        let segments = id.split('/').map(|segment| match segment.starts_with('{') {
            true => ID,
            false => segment,
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// Paths with something else in place of each thing that varies.
    fn odd_paths(&self, odd: &str) -> Option<String> {
        let segments = self
            .path
            .split('/')
            .map(|segment| match segment.starts_with('{') {
                true => odd,
                false => segment,
            });
        let path = segments.collect::<Vec<_>>().join("/");
        (path != self.path).then_some(path)
    }
}

/// Asks over a connection that is kept while the hub keeps it.
struct Asker<'a> {
    hub: &'a TestHub,
    kept: Option<Connection>,
}

impl<'a> Asker<'a> {
    fn new(hub: &'a TestHub) -> Self {
        Self { hub, kept: None }
    }

    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        let mut connection = self
            .kept
            .take()
            .unwrap_or_else(|| self.hub.connect().unwrap());
        let headers = ["x-service-name: shop".to_owned()];
        let answer = connection.ask(method, path, &headers, body).unwrap();
        if answer.header("connection") != Some("close") {
            self.kept = Some(connection);
        }
        answer
    }

    #[track_caller]
    fn survives(&mut self, method: &str, path: &str, body: &[u8]) {
        let answer = self.ask(method, path, body);
        let body = String::from_utf8_lossy(&body[..body.len().min(200)]);
        let path = &path[..path.len().min(200)];
        // Who asks for an instance is told that there is none.
        let is_true = path.contains("/next") && answer.status == 503;
        let answered = format!("{} {}", answer.status, answer.body);
        assert!(
            answer.status < 500 || is_true,
            "{method} {path} {body}: {answered}"
        );
    }
}

#[test]
fn bodies_that_are_no_json_are_refused_everywhere() {
    let hub = TestHub::with_puller("billing");
    let mut asker = Asker::new(&hub);
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 16] = [
        b"{",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"\xff\xfe\"}",
        b"\xff",
        b"\0",
        b"nul",
        b"{\"leases\":}",
        b"{'leases':1}",
        b"{\"a\":1}trailing",
        b"5",
        b"\"text\"",
        b"{\"a\":\"\x01\"}",
        b"{\"a\":01}",
        b"{\"a\":1e}",
        b"{\"a\":\"\\x\"}",
        deep.as_bytes(),
    ];
    for operation in operations(&hub).iter().filter(|one| one.body.is_some()) {
        let (method, path) = (&operation.method, operation.plain_path());
        for body in bodies {
            let text = String::from_utf8_lossy(&body[..body.len().min(40)]);
            let answer = asker.ask(method, &path, body);
            assert_refused(&answer, &format!("{method} {path} {text}"));
        }
    }
}

#[test]
fn no_field_of_a_body_makes_it_fail() {
    let hub = TestHub::with_puller("billing");
    let mut asker = Asker::new(&hub);
    let long = format!("\"{}\"", "x".repeat(10_000));
    let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
    let values = [
        "null",
        "true",
        "-1",
        "0.5",
        "1e400",
        "-1e400",
        "1e-400",
        "18446744073709551616",
        "\"\"",
        "\" \"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"#\"",
        "\"+999999-01-01T00:00:00Z\"",
        "[]",
        "{}",
        "[null]",
        "[[]]",
        "[{}]",
        "{\"\":null}",
        &long,
        &deep,
    ];
    for operation in operations(&hub) {
        let path = operation.plain_path();
        let Some(body) = &operation.body else {
            continue;
        };
        for field in &body.fields {
            for value in values {
                let mut fields = body.example.as_object().unwrap().clone();
                fields.remove(field);
                let others = json!(fields).to_string();
                let separator = if fields.is_empty() { "" } else { "," };
                let text = format!("{{\"{field}\":{value}{separator}{}", &others[1..]);
                asker.survives(&operation.method, &path, text.as_bytes());
            }
        }
    }
    hub.get("/health").is(200);
}

#[test]
fn no_part_of_an_address_makes_it_fail() {
    let hub = TestHub::with_puller("billing");
    let mut asker = Asker::new(&hub);
    let long = "x".repeat(5000);
    let values = [
        "",
        "%00",
        "%ff",
        "%20",
        "%zz",
        "..",
        "a%2fb",
        "-1",
        "0",
        "1e400",
        "18446744073709551616",
        "2026-13-01T00:00:00Z",
        "%2b999999-01-01T00:00:00Z",
        "%27%20OR%201=1",
        "%F0%9F%98%80",
        "#",
        "*.%23.*",
        &long,
    ];
    for operation in operations(&hub) {
        let (method, path) = (&operation.method, operation.plain_path());
        let example = operation.body.as_ref().map(|body| body.example.to_string());
        let body = example.unwrap_or_default();
        for value in values {
            if let Some(path) = operation.odd_paths(value) {
                asker.survives(method, &path, body.as_bytes());
            }
            for query in &operation.queries {
                let path = format!("{path}?{query}={value}");
                asker.survives(method, &path, body.as_bytes());
            }
        }
    }
    hub.get("/health").is(200);
}
