//! Messages and events, and what should be some.

use rand::RngExt;

use super::Greedy;
use crate::greedy::input::{self, chance, one_of};

impl Greedy {
    pub(crate) fn send(&mut self) {
        let message = input::message(&mut self.random, 1 << 20);
        let path = one_of(&mut self.random, &["/message", "/v1/messages/send"]);
        self.ask("send", ("POST", path), message.as_bytes());
    }

    pub(crate) fn send_and_wait(&mut self) {
        let message = input::message(&mut self.random, 1000);
        let wait = self.random.random_range(0..1000);
        let path = format!("/v1/messages/send?wait_ms={wait}");
        self.ask("send and wait", ("POST", &path), message.as_bytes());
    }

    pub(crate) fn batch(&mut self) {
        let items = input::items(&mut self.random, input::message);
        self.many("batch", ("/v1/messages/batch", "messages"), &items);
    }

    pub(crate) fn publish(&mut self) {
        let event = input::event(&mut self.random, 1 << 20);
        self.ask("publish", ("POST", "/v1/events"), event.as_bytes());
    }

    pub(crate) fn publish_many(&mut self) {
        let items = input::items(&mut self.random, input::event);
        self.many("publish many", ("/v1/events/batch", "events"), &items);
    }

    pub(crate) fn many(
        &mut self,
        what: &'static str,
        (path, name): (&str, &str),
        items: &[String],
    ) {
        let mut headers = self.headers();
        let body = match self.random.random_range(0..3) {
            0 => {
                headers.push("content-type: application/x-ndjson".to_owned());
                items.join("\n")
            }
            1 => format!(r#"{{"{name}":[{}]}}"#, items.join(",")),
            _ => format!("[{}]", items.join(",")),
        };
        self.ask_with(what, ("POST", path), &headers, body.as_bytes());
    }

    pub(crate) fn nonsense(&mut self) {
        let body = input::nonsense(&mut self.random);
        let path = one_of(
            &mut self.random,
            &[
                "/v1/messages/batch",
                "/v1/events/batch",
                "/v1/messages/send",
                "/v1/events",
                "/v1/leases/ack",
                "/v1/subscriptions",
                "/v1/events/replay",
                "/v1/services/register",
                "/v1/dlq/redrive",
            ],
        );
        let mut headers = self.headers();
        if chance(&mut self.random, 20) {
            headers.push("content-type: application/x-ndjson".to_owned());
        }
        if chance(&mut self.random, 10) {
            headers.push("content-encoding: gzip".to_owned());
        }
        self.ask_with("nonsense", ("POST", path), &headers, &body);
    }

    pub(crate) fn wrong_request(&mut self) {
        let method = one_of(
            &mut self.random,
            &[
                "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "X",
            ],
        );
        let long = "x".repeat(input::size(&mut self.random, 60_000));
        let path = one_of(
            &mut self.random,
            &[
                "/v1/messages",
                "/v1/events?event_type=%zz",
                "/v1/services/%ff",
                "/v1/services/a%2fb/receive",
                "/v1/queue?service=greedy",
                "/v1/quotas/greedy",
                "/v1/circuits/greedy",
                "/v1/messages?limit=1000000",
                "//",
                &format!("/v1/messages/{long}"),
                &format!("/v1/events?event_type={long}"),
            ],
        )
        .to_owned();
        let mut headers = self.headers();
        if chance(&mut self.random, 30) {
            headers.push(format!("x-correlation-id: {long}"));
        }
        self.ask_with("wrong request", (method, &path), &headers, b"");
    }

    /// A request of which the end never comes.
    pub(crate) fn unfinished(&mut self) {
        let Ok(mut connection) = self.connect() else {
            return self.note("unfinished", 0);
        };
        let length = input::size(&mut self.random, 16 << 20);
        let path = one_of(
            &mut self.random,
            &["/v1/messages/batch", "/v1/leases/ack", "/v1/events"],
        );
        let mut request = format!("POST {path} HTTP/1.1\r\nhost: hub\r\n");
        for header in self.headers() {
            request.push_str(&format!("{header}\r\n"));
        }
        match self.random.random_range(0..4) {
            0 => {}
            1 => request.push_str(&format!("x-long: {}", "y".repeat(length.min(100_000)))),
            2 => request.push_str("transfer-encoding: chunked\r\n\r\nfffffff\r\n"),
            _ => request.push_str(&format!("content-length: {length}\r\n\r\n")),
        }
        let sent = connection.say(request.as_bytes());
        let sent = sent.and_then(|()| connection.say(&vec![b' '; length - 1]));
        self.note("unfinished", sent.map_or(0, |()| 1));
        self.keep(connection);
    }

    pub(crate) fn wrong_key(&mut self) {
        let headers = [
            "x-service-name: greedy".to_owned(),
            "x-service-key: w".to_owned(),
        ];
        for _ in 0..self.random.random_range(1..30) {
            self.ask_with("wrong key", ("GET", "/v1/services"), &headers, b"");
        }
    }
}
