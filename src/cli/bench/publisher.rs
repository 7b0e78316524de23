//! A socket that sends numbered messages, or publishes numbered events, and notes what the hub
//! answers.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;

use super::heard::{self, Heard};
use super::load::{Load, Sent};
use super::message::read_hex;
use super::recorder::Recorder;
use super::socket::{Opener, Socket};

/// One socket's share of the load, until the pace stops or the hub cannot be reached.
pub async fn run_socket(load: Rc<Load>) {
    let opener = Opener::new(&load.target);
    let mut publisher = Publisher {
        load,
        outstanding: VecDeque::new(),
    };
    loop {
        let Err(error) = publisher.run(&opener).await else {
            return;
        };
        let is_refused = publisher.outstanding.is_empty();
        publisher.give_up(&error);
        if is_refused {
            return;
        }
    }
}

struct Publisher {
    load: Rc<Load>,
    outstanding: VecDeque<Sent>,
}

impl Publisher {
    /// Sends and hears on one socket. An error without anything outstanding means that none
    /// could be opened.
    async fn run(&mut self, opener: &Opener) -> io::Result<()> {
        let mut socket = opener.open().await?;
        while self.fill(&mut socket).await? {
            let text = socket.hear().await?;
            self.note(&text)?;
        }
        Ok(())
    }

    /// Says more until enough is in flight; `false` if nothing is and nothing will be.
    async fn fill(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while self.outstanding.len() < self.load.in_flight {
            let Some(intended) = self.load.pace.next().await else {
                break;
            };
            let mut text = Vec::new();
            let sent = self.load.make_request(intended, &mut text);
            self.outstanding.push_back(sent);
            let text = ByteString::try_from(Bytes::from(text));
            socket.say(text.map_err(io::Error::other)?)?;
        }
        Ok(!self.outstanding.is_empty())
    }

    fn note(&mut self, text: &[u8]) -> io::Result<()> {
        let answers = heard::read(text)?;
        let now = Instant::now();
        let Some(sent) = self.answered(&answers) else {
            return Ok(());
        };
        self.load.settle(sent.messages);
        sent.note_frames(&answers, now, &self.load.recorder);
        Ok(())
    }

    /// The text these are answers to. Without a `ref` it is the oldest, refused as a whole.
    fn answered(&mut self, answers: &[Heard<'_>]) -> Option<Sent> {
        let sequence = answers.first().and_then(sequence_of);
        let position = match sequence {
            Some(sequence) => self
                .outstanding
                .iter()
                .position(|sent| sent.holds(sequence)),
            None => Some(0),
        };
        self.outstanding.remove(position?)
    }

    /// Nobody knows what became of these.
    fn give_up(&mut self, error: &io::Error) {
        let unanswered: u64 = self.outstanding.drain(..).map(|sent| sent.messages).sum();
        let text = error.to_string();
        self.load.settle(unanswered);
        self.load
            .recorder
            .failed("connection", unanswered, text.as_bytes());
    }
}

fn sequence_of(answer: &Heard<'_>) -> Option<u64> {
    read_hex(answer.reference?.as_bytes())
}

impl Sent {
    fn holds(&self, sequence: u64) -> bool {
        sequence >= self.first
            && (sequence - self.first).is_multiple_of(self.step)
            && (sequence - self.first) / self.step < self.messages
    }

    fn note_frames(&self, answers: &[Heard<'_>], now: Instant, recorder: &Recorder) {
        let mut unanswered = self.messages;
        for answer in answers {
            let sequence = sequence_of(answer).filter(|sequence| self.holds(*sequence));
            match (answer.kind, sequence) {
                ("accepted", Some(sequence)) => {
                    recorder.acknowledged(sequence, self.intended, now);
                }
                (kind, sequence) => {
                    let error = answer.error.map_or(kind, |error| error.get());
                    // Without a number it is about all of them.
                    let count = sequence.map_or(unanswered, |_| 1);
                    recorder.failed("rejected item", count, error.as_bytes());
                    if sequence.is_none() {
                        return;
                    }
                }
            }
            unanswered -= 1;
        }
        if unanswered > 0 {
            recorder.failed("unanswered item", unanswered, b"no answer came");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Recorder {
        let sent = Sent {
            first: 1,
            step: 2,
            messages: 3,
            intended: Instant::now(),
        };
        let recorder = Recorder::new();
        let answers = heard::read(text.as_bytes()).unwrap();
        sent.note_frames(&answers, Instant::now(), &recorder);
        recorder
    }

    #[test]
    fn an_array_is_noted_frame_by_frame() {
        let recorder = note(
            r#"[{"type":"accepted","ref":"0000000000000001"},
            {"type":"error","ref":"0000000000000003","error":{"code":"QUEUE_FULL"}},
            {"type":"accepted","ref":"0000000000000005"}]"#,
        );
        assert_eq!(recorder.tally().acknowledged, 2);
        let errors = recorder.errors();
        assert_eq!(errors["rejected item"].first, r#"{"code":"QUEUE_FULL"}"#);
        assert_eq!(errors["rejected item"].count, 1);
    }

    #[test]
    fn a_text_that_is_refused_as_a_whole_fails_all_of_it() {
        let recorder = note(r#"{"type":"error","error":{"code":"INVALID_MESSAGE"}}"#);
        assert_eq!(recorder.tally().acknowledged, 0);
        assert_eq!(recorder.errors()["rejected item"].count, 3);
    }

    #[test]
    fn what_nobody_sent_is_no_acknowledgement() {
        let recorder = note(r#"{"type":"accepted","ref":"0000000000000002"}"#);
        assert_eq!(recorder.tally().acknowledged, 0);
        let recorder = note(r#"{"type":"accepted","ref":"0000000000000001"}"#);
        assert_eq!(recorder.tally().acknowledged, 1);
        assert_eq!(recorder.errors()["unanswered item"].count, 2);
    }
}
