//! The worst that is wrong now, in words, for whoever looks at `/health` first. From memory alone.

use std::fmt::Display;

use super::Hub;
use super::picture::Picture;
use super::sight::Sight;
use crate::domain::circuit::CircuitState;
use crate::domain::refusal::Refusal;
use crate::logic::queues::pause::Pause;

/// So many things are told.
const MOST: usize = 3;

/// What the owners say.
struct Findings<'a> {
    /// Why nothing new is taken in.
    refusal: Option<Refusal>,
    archive_away: bool,
    picture: &'a Picture,
    /// Whose messages died within the last seconds.
    dying: Vec<String>,
}

impl Hub {
    /// The worst that is wrong now, the picture being this.
    pub fn attention(&self, picture: &Picture, sight: Sight) -> Vec<String> {
        let findings = Findings {
            refusal: self.status.intake.refusal(),
            archive_away: !self.status.archive_answers.get(),
            picture,
            dying: self.metrics.notices.dying(),
        };
        in_words(&findings, sight)
    }
}

/// The worst first: what is refused, then what stands still, then what is lost.
fn in_words(findings: &Findings<'_>, sight: Sight) -> Vec<String> {
    let Picture {
        admission,
        queues,
        circuits,
        ..
    } = findings.picture;
    let mut words = Vec::new();
    if let Some(refusal) = &findings.refusal {
        words.push(match sight {
            Sight::All | Sight::Names => refusal.to_string(),
            Sight::NumbersOnly => "nothing new is taken in: something has run short".to_owned(),
        });
    }
    if admission.memory_full {
        words.push("max_queue_bytes is reached: messages are refused".to_owned());
    }
    let full = "is full and refuses messages";
    words.extend(sight.of_many("the queue of", &admission.full, full));
    if findings.archive_away {
        words.push("the archive does not answer: history is not complete".to_owned());
    }
    let open = circuits.iter();
    let open = open.filter(|one| one.state == CircuitState::Open);
    let open = open.map(|one| &one.circuit);
    words.extend(sight.of_many("the circuit of", open, "is open"));
    if let Some(pause) = &queues.total.paused {
        words.push(format!("all queues are paused {}", sight.by_whom(pause)));
    } else {
        let paused = queues.paused.iter();
        let paused = paused.map(|(name, pause)| format!("{name} ({})", sight.by_whom(pause)));
        words.extend(sight.of_many("the queue of", paused, "is paused"));
    }
    words.extend(sight.of_many("messages to", &findings.dying, "die"));
    words.truncate(MOST);
    words
}

impl Sight {
    fn by_whom(self, pause: &Pause) -> String {
        match pause.by.as_ref().filter(|_| self.shows_names()) {
            Some(by) => format!("since {} by {by}", pause.since),
            None => format!("since {}", pause.since),
        }
    }

    /// The first by name, and how many more.
    fn of_many(
        self,
        before: &str,
        names: impl IntoIterator<Item = impl Display>,
        after: &str,
    ) -> Option<String> {
        let mut names = names.into_iter();
        let first = names.next()?;
        let first = match self {
            Self::All | Self::Names => first.to_string(),
            Self::NumbersOnly => "a service".to_owned(),
        };
        match names.count() {
            0 => Some(format!("{before} {first} {after}")),
            more => Some(format!("{before} {first} {after}, and {more} more")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ServiceName;
    use crate::domain::timestamp::Timestamp;
    use crate::logic::circuit_survey::CircuitSummary;
    use crate::logic::queues::survey::QueueSurvey;

    fn open(circuits: &[&str]) -> Vec<CircuitSummary> {
        let open = circuits.iter();
        open.map(|name| CircuitSummary::of(name, CircuitState::Open))
            .collect()
    }

    fn name(text: &str) -> ServiceName {
        ServiceName::parse(text).unwrap()
    }

    /// A queue that somebody paused.
    fn paused() -> Pause {
        Pause {
            since: Timestamp::default(),
            by: Some("ops".into()),
        }
    }

    fn well(picture: &Picture) -> Findings<'_> {
        Findings {
            refusal: None,
            archive_away: false,
            picture,
            dying: Vec::new(),
        }
    }

    fn words(findings: &Findings<'_>) -> Vec<String> {
        in_words(findings, Sight::Names)
    }

    #[test]
    fn nothing_is_told_while_all_is_well_and_the_worst_first() {
        let queues = QueueSurvey {
            paused: vec![(name("mail"), paused())],
            ..QueueSurvey::default()
        };
        let mut picture = Picture {
            queues,
            ..Picture::default()
        };
        assert!(words(&well(&Picture::default())).is_empty());
        let findings = Findings {
            dying: vec!["printer".to_owned()],
            ..well(&picture)
        };
        assert_eq!(
            words(&findings),
            [
                "the queue of mail (since 1970-01-01T00:00:00.000Z by ops) is paused",
                "messages to printer die"
            ]
        );
        picture.circuits = open(&["a", "b"]);
        for full_one in ["x", "y", "z"] {
            picture.admission.full.push(name(full_one));
        }
        let findings = Findings {
            archive_away: true,
            ..well(&picture)
        };
        let told = [
            "the queue of x is full and refuses messages, and 2 more",
            "the archive does not answer: history is not complete",
            "the circuit of a is open, and 1 more",
        ];
        assert_eq!(words(&findings), told);
    }

    #[test]
    fn who_sees_no_names_is_told_the_same_without_them() {
        let queues = QueueSurvey {
            paused: vec![(name("mail"), paused()), (name("post"), paused())],
            ..QueueSurvey::default()
        };
        let picture = Picture {
            queues,
            circuits: open(&["callback:http://a.example"]),
            ..Picture::default()
        };
        let findings = Findings {
            dying: vec!["printer".to_owned()],
            ..well(&picture)
        };
        let told = [
            "the circuit of a service is open",
            "the queue of a service is paused, and 1 more",
            "messages to a service die",
        ];
        assert_eq!(in_words(&findings, Sight::NumbersOnly), told);
    }
}
