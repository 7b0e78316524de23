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
use super::refusal::No;
use super::socket::{Opener, Socket};

/// One socket's share of the load, over another one when the first ends, until the pace stops or
/// the hub opens none.
pub(super) async fn run_socket(load: Rc<Load>, opener: Rc<Opener>, mut socket: Socket) {
    let mut publisher = Publisher {
        load,
        outstanding: VecDeque::new(),
    };
    while let Err(error) = publisher.run(&mut socket).await {
        publisher.give_up(&error.to_string());
        match opener.open().await {
            Ok(opened) => socket = opened,
            Err(error) => return publisher.give_up(&error.to_string()),
        }
    }
}

struct Publisher {
    load: Rc<Load>,
    outstanding: VecDeque<Sent>,
}

impl Publisher {
    /// Sends and hears until the pace stops.
    async fn run(&mut self, socket: &mut Socket) -> io::Result<()> {
        while self.fill(socket).await? {
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
    fn give_up(&mut self, error: &str) {
        let unanswered: u64 = self.outstanding.drain(..).map(|sent| sent.messages).sum();
        self.load.settle(unanswered);
        self.load
            .recorder
            .failed("connection", unanswered, error.as_bytes());
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
                    // Without a number it is about all of them.
                    let count = sequence.map_or(unanswered, |_| 1);
                    match answer.error {
                        Some(error) => {
                            recorder.not_taken(&No::said(error), count, error.get().as_bytes());
                        }
                        None => recorder.failed("unreadable", count, kind.as_bytes()),
                    }
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
        let refused = &recorder.refusals()["QUEUE_FULL"];
        assert_eq!(refused.first, r#"{"code":"QUEUE_FULL"}"#);
        assert_eq!(refused.count, 1);
    }

    #[test]
    fn a_text_that_is_refused_as_a_whole_fails_all_of_it() {
        let recorder = note(r#"{"type":"error","error":{"code":"INVALID_MESSAGE"}}"#);
        assert_eq!(recorder.tally().acknowledged, 0);
        assert_eq!(recorder.refusals()["INVALID_MESSAGE"].count, 3);
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
