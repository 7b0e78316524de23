//! Lists, replays and streams, read or not.

use rand::RngExt;
use serde_json::json;

use super::Greedy;
use crate::greedy::input::{self, chance, one_of};

impl Greedy {
    pub(crate) fn any_list(&mut self) -> String {
        let random = &mut self.random;
        let lists = [
            "/v1/messages?",
            "/v1/messages?state=queued&",
            "/v1/messages?destination=greedy&",
            "/v1/messages?destination=takes&source=greedy&",
            "/v1/messages?correlation_id=label-7&",
            "/v1/messages?since=2020-01-01T00:00:00Z&",
            "/v1/dlq?",
            "/v1/dlq?reason=rejected&",
            "/v1/events?",
            "/v1/events?order=desc&",
            "/v1/events?source=greedy&",
            "/v1/events?stream_id=label-7&",
            "/v1/events/replay?mode=from_beginning&",
            "/v1/events/replay?mode=last_n_events&last_n=1000&",
            "/v1/correlations/label-7?",
            "/v1/streams/label-7/events?",
            "/v1/services?",
            "/v1/circuits?",
            "/v1/subscriptions?",
            "/v1/dlq/redrive?",
        ];
        let list = one_of(random, &lists);
        if list.starts_with("/v1/events?") && chance(random, 50) {
            let patterns = input::patterns(random).join(",").replace('#', "%23");
            let patterns = &patterns[..patterns.len().min(50_000)];
            return format!("{list}event_type={patterns}&limit=1000");
        }
        format!("{list}limit={}", input::size(random, 1000))
    }

    pub(crate) fn list(&mut self) {
        let plain = [
            "/health",
            "/health/details",
            "/metrics",
            "/v1/limits",
            "/v1/quotas",
            "/v1/queue/status",
            "/v1/services/greedy",
            "/v1/services/greedy/next",
            "/openapi.json",
            "/",
        ];
        let path = match chance(&mut self.random, 30) {
            true => one_of(&mut self.random, &plain).to_owned(),
            false => self.any_list(),
        };
        let answer = self.ask("list", ("GET", &path), b"");
        if let Some(dead_letters) = answer
            .filter(|answer| answer.status == 200 && path.starts_with("/v1/dlq?"))
            .and_then(|answer| answer.json()["dead_letters"].as_array().cloned())
        {
            let ids = dead_letters
                .iter()
                .filter_map(|dead_letter| dead_letter["id"].as_str());
            self.dead_letters = ids.map(str::to_owned).collect();
        }
    }

    /// Many answers that are large, and nobody takes them.
    pub(crate) fn unread(&mut self) {
        let path = self.any_list();
        let Ok(mut connection) = self.connect() else {
            return self.note("unread", 0);
        };
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: hub\r\n");
        for header in self.headers() {
            request.push_str(&format!("{header}\r\n"));
        }
        request.push_str("\r\n");
        let times = self.random.random_range(1..50);
        let said = connection.say(request.repeat(times).as_bytes());
        self.note("unread", said.map_or(0, |()| 1));
        self.keep(connection);
    }

    pub(crate) fn replay(&mut self) {
        let mut asked = json!({"mode": "from_sequence", "from_sequence": 1, "limit": 1000});
        if chance(&mut self.random, 80) {
            asked["event_types"] = json!(input::patterns(&mut self.random));
        }
        self.ask(
            "replay",
            ("POST", "/v1/events/replay"),
            asked.to_string().as_bytes(),
        );
    }

    pub(crate) fn replay_to_callback(&mut self) {
        let mut asked = json!({"mode": "from_beginning", "deliver_to": self.some_subscription()});
        if chance(&mut self.random, 50) {
            asked["event_types"] = json!(input::patterns(&mut self.random));
        }
        let asked = asked.to_string();
        self.ask(
            "replay to callback",
            ("POST", "/v1/events/replay"),
            asked.as_bytes(),
        );
    }

    pub(crate) fn stream(&mut self) {
        let stream = format!("/v1/streams/label-{}", self.random.random_range(0..10));
        match self.random.random_range(0..3) {
            0 => drop(self.ask("stream", ("GET", &format!("{stream}/state")), b"")),
            1 => drop(self.ask("stream", ("POST", &format!("{stream}/snapshot")), b"")),
            _ => drop(self.ask("stream", ("GET", &stream), b"")),
        }
    }
}
