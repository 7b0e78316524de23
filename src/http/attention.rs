//! The worst that is wrong now, in words, for whoever looks at `/health` first. From memory alone.

use std::fmt::Display;

use actix::Recipient;

use super::Hub;
use super::ask::{ask, look};
use crate::actors::messages::{
    AdmissionReport, CircuitView, InspectAdmission, InspectCircuits, QueueReport,
};
use crate::domain::circuit::CircuitState;
use crate::error::HubError;
use crate::logic::queues::control::Pause;

/// So many things are told.
const MOST: usize = 3;

/// What the owners say.
struct Findings<'a> {
    disk_low: bool,
    archive_away: bool,
    queues: &'a QueueReport,
    door: AdmissionReport,
    open_circuits: Vec<String>,
    /// Whose messages died within the last seconds.
    dying: Vec<String>,
}

pub async fn attention(hub: &Hub, queues: &QueueReport) -> Result<Vec<String>, HubError> {
    let mut open_circuits = Vec::new();
    for handle in [&hub.handles.circuits, &hub.handles.callback_circuits] {
        let open = circuits(handle).await?.into_iter();
        let open = open.filter(|view| view.state == CircuitState::Open);
        open_circuits.extend(open.map(|view| view.circuit.to_string()));
    }
    let findings = Findings {
        disk_low: hub.metrics.disk_guard.get() > 0,
        archive_away: hub.metrics.archive_up.get() == 0,
        queues,
        door: look(&hub.handles.admission, InspectAdmission).await?,
        open_circuits,
        dying: hub.metrics.notices.dying(),
    };
    Ok(in_words(&findings))
}

async fn circuits(handle: &Recipient<InspectCircuits>) -> Result<Vec<CircuitView>, HubError> {
    let inspect = |reply| InspectCircuits {
        circuit: None,
        reply,
    };
    ask(handle, inspect).await
}

/// The worst first: what is refused, then what stands still, then what is lost.
fn in_words(findings: &Findings<'_>) -> Vec<String> {
    let (door, queues) = (&findings.door, findings.queues);
    let mut words = Vec::new();
    if findings.disk_low {
        words.push("the disk is almost full: new messages are refused".to_owned());
    }
    if door.memory_full {
        words.push("max_queue_bytes is reached: messages are refused".to_owned());
    }
    let full = door.destinations.iter().filter(|(_, door)| door.is_full);
    words.extend(of_many(
        "the queue of",
        full.map(|(name, _)| name),
        "is full and refuses messages",
    ));
    if findings.archive_away {
        words.push("the archive does not answer: history is not complete".to_owned());
    }
    words.extend(of_many(
        "the circuit of",
        &findings.open_circuits,
        "is open",
    ));
    if let Some(pause) = &queues.total.paused {
        words.push(format!("all queues are paused {}", by_whom(pause)));
    } else {
        let paused = queues.services.iter();
        let paused = paused.filter_map(|(name, depths)| Some((name, depths.paused.as_ref()?)));
        let paused = paused.map(|(name, pause)| format!("{name} ({})", by_whom(pause)));
        words.extend(of_many("the queue of", paused, "is paused"));
    }
    words.extend(of_many("messages to", &findings.dying, "die"));
    words.truncate(MOST);
    words
}

fn by_whom(pause: &Pause) -> String {
    match &pause.by {
        Some(by) => format!("since {} by {by}", pause.since),
        None => format!("since {}", pause.since),
    }
}

/// The first by name, and how many more.
fn of_many(
    before: &str,
    names: impl IntoIterator<Item = impl Display>,
    after: &str,
) -> Option<String> {
    let mut names = names.into_iter();
    let first = names.next()?;
    match names.count() {
        0 => Some(format!("{before} {first} {after}")),
        more => Some(format!("{before} {first} {after}, and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::messages::DestinationDoor;
    use crate::domain::ids::ServiceName;
    use crate::domain::timestamp::Timestamp;
    use crate::logic::queues::view::QueueDepths;

    fn name(text: &str) -> ServiceName {
        ServiceName::parse(text).unwrap()
    }

    fn well(queues: &QueueReport) -> Findings<'_> {
        Findings {
            disk_low: false,
            archive_away: false,
            queues,
            door: AdmissionReport {
                destinations: [].into(),
                memory_full: false,
            },
            open_circuits: Vec::new(),
            dying: Vec::new(),
        }
    }

    #[test]
    fn nothing_is_told_while_all_is_well_and_the_worst_first() {
        let pause = Pause {
            since: Timestamp::default(),
            by: Some("ops".into()),
        };
        let paused = QueueDepths {
            paused: Some(pause),
            ..QueueDepths::default()
        };
        let queues = QueueReport {
            services: vec![(name("mail"), paused)],
            ..QueueReport::default()
        };
        let quiet = QueueReport::default();
        assert!(in_words(&well(&quiet)).is_empty());
        let full = DestinationDoor {
            is_full: true,
            ..DestinationDoor::default()
        };
        let mut findings = well(&queues);
        findings.dying = vec!["printer".to_owned()];
        assert_eq!(
            in_words(&findings),
            [
                "the queue of mail (since 1970-01-01T00:00:00.000Z by ops) is paused",
                "messages to printer die"
            ]
        );
        findings.archive_away = true;
        findings.open_circuits = vec!["a".to_owned(), "b".to_owned()];
        for full_one in ["x", "y", "z"] {
            findings.door.destinations.insert(name(full_one), full);
        }
        let words = in_words(&findings);
        assert_eq!(words.len(), 3);
        assert!(
            words[0].contains("is full and refuses messages, and 2 more"),
            "{words:?}"
        );
        assert_eq!(
            words[1],
            "the archive does not answer: history is not complete"
        );
        assert_eq!(words[2], "the circuit of a is open, and 1 more");
    }
}
