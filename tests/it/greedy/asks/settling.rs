//! Leases, registrations, subscriptions and dead letters.

use rand::RngExt;
use serde_json::json;

use super::Greedy;
use crate::greedy::input::{self, chance, one_of};

impl Greedy {
    pub(crate) fn receive(&mut self) {
        let asked = json!({
            "max": self.random.random_range(1..=1000),
            "wait_ms": self.random.random_range(0..500),
            "lease": self.random.random_range(1..100),
        });
        let path = "/v1/services/greedy/receive";
        let answer = self.ask("receive", ("POST", path), asked.to_string().as_bytes());
        let Some(answer) = answer.filter(|answer| answer.status == 200) else {
            return;
        };
        let answer = answer.json();
        let messages = answer["messages"].as_array().into_iter().flatten();
        let leases = messages.filter_map(|message| message["lease"].as_str());
        self.leases.extend(leases.map(str::to_owned));
    }

    pub(crate) fn settle(&mut self) {
        let count = self.leases.len() / 2;
        let mut leases = self.leases.split_off(count);
        if leases.is_empty() || chance(&mut self.random, 20) {
            let made_up =
                (0..input::size(&mut self.random, 11_000)).map(|_| input::id(&mut self.random));
            leases.extend(made_up.collect::<Vec<_>>());
        }
        let how = one_of(&mut self.random, &["ack", "nack", "extend"]);
        let asked = json!({"leases": leases}).to_string();
        self.ask(
            "settle",
            ("POST", &format!("/v1/leases/{how}")),
            asked.as_bytes(),
        );
    }

    pub(crate) fn register(&mut self) {
        let registration = input::registration(&mut self.random);
        self.ask(
            "register",
            ("POST", "/v1/services/register"),
            registration.as_bytes(),
        );
    }

    pub(crate) fn subscribe(&mut self) {
        let number = self.random.random_range(0..2000);
        let mut asked = json!({
            "service": "greedy",
            "event_types": input::patterns(&mut self.random),
            "callback_url": format!("http://127.0.0.1:9/{number}"),
        });
        if chance(&mut self.random, 50) {
            asked["from_sequence"] = json!(1);
        }
        let asked = asked.to_string();
        let answer = self.ask("subscribe", ("POST", "/v1/subscriptions"), asked.as_bytes());
        let answer = answer.filter(|answer| answer.status == 201);
        if let Some(id) =
            answer.and_then(|answer| answer.json()["subscription_id"].as_str().map(str::to_owned))
        {
            self.subscriptions.push(id);
        }
    }

    pub(crate) fn some_subscription(&mut self) -> String {
        match self.subscriptions.is_empty() {
            true => input::id(&mut self.random),
            false => {
                let nth = self.random.random_range(0..self.subscriptions.len());
                self.subscriptions[nth].clone()
            }
        }
    }

    pub(crate) fn change_subscription(&mut self) {
        let path = format!("/v1/subscriptions/{}", self.some_subscription());
        let what = "change subscription";
        match self.random.random_range(0..4) {
            0 => {
                let changes = json!({"event_types": input::patterns(&mut self.random)}).to_string();
                self.ask(what, ("PATCH", &path), changes.as_bytes());
            }
            1 => drop(self.ask(what, ("POST", &format!("{path}/pause")), b"")),
            2 => drop(self.ask(what, ("POST", &format!("{path}/resume")), b"")),
            _ => drop(self.ask(what, ("DELETE", &path), b"")),
        }
    }

    pub(crate) fn dead_letters(&mut self) {
        let dead_letter = self
            .dead_letters
            .pop()
            .unwrap_or_else(|| input::id(&mut self.random));
        match self.random.random_range(0..4) {
            0 => drop(self.ask(
                "letters",
                ("DELETE", &format!("/v1/dlq/{dead_letter}")),
                b"",
            )),
            1 => {
                let rate =
                    json!({"rate": 10_000, "filter": {"destination": "rejects"}}).to_string();
                self.ask("letters", ("POST", "/v1/dlq/redrive"), rate.as_bytes());
            }
            _ => {
                let path = format!("/v1/dlq/{dead_letter}/reprocess");
                self.ask("letters", ("POST", &path), b"{}");
            }
        }
    }

    pub(crate) fn command(&mut self) {
        let own = json!({"service": "greedy"}).to_string();
        match self.random.random_range(0..5) {
            0 => drop(self.ask("command", ("POST", "/v1/queue/pause"), own.as_bytes())),
            1 => drop(self.ask("command", ("POST", "/v1/queue/resume"), own.as_bytes())),
            2 => drop(self.ask("command", ("DELETE", "/v1/queue?service=greedy"), b"")),
            3 => {
                let state = json!({"state": "OPEN", "reason": "r".repeat(500)}).to_string();
                self.ask("command", ("PUT", "/v1/circuits/greedy"), state.as_bytes());
            }
            _ => {
                let path = format!(
                    "/v1/services/greedy/instances/i-{}",
                    self.random.random_range(0..2000)
                );
                self.ask("command", ("DELETE", &path), b"");
            }
        }
    }
}
