//! Answers on their way to the client: what came as an array is answered as one, in its order.

use std::collections::VecDeque;

use ahash::AHashMap;
use bytestring::ByteString;

use super::api::Reference;
use crate::api::unknown::Ignored;
use crate::hub::bodies::Permit;

/// The frame an answer belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    batch: u64,
    index: usize,
}

/// What an answer needs: the place it goes to, and what the client knows it by.
pub(crate) struct Slip {
    pub place: Place,
    pub reference: Option<Reference>,
    /// Fields of its message or event that mean nothing.
    pub ignored: Ignored,
}

/// An answer with its place; `None` where the client expects none.
pub(crate) type Answer = (Place, Option<ByteString>);

/// What came as one text, and is not answered yet.
struct Batch {
    answers: Vec<Option<ByteString>>,
    /// So many are missing.
    left: usize,
    is_array: bool,
    /// Of the text.
    bytes: usize,
    _permit: Permit,
}

#[derive(Default)]
pub(crate) struct Answers {
    opened: u64,
    batches: AHashMap<u64, Batch>,
    ready: VecDeque<ByteString>,
    ready_bytes: usize,
    /// Frames that are not answered yet.
    requests: usize,
    /// Of the texts they came in.
    bytes: usize,
}

impl Answers {
    /// For a text of so many `bytes` with so many frames; their places are `0..frames`.
    pub(crate) fn open(
        &mut self,
        frames: usize,
        is_array: bool,
        bytes: usize,
        permit: Permit,
    ) -> u64 {
        self.opened += 1;
        let batch = Batch {
            answers: vec![None; frames],
            left: frames,
            is_array,
            bytes,
            _permit: permit,
        };
        self.batches.insert(self.opened, batch);
        self.requests += frames;
        self.bytes += bytes;
        self.opened
    }

    pub(crate) fn place(batch: u64, index: usize) -> Place {
        Place { batch, index }
    }

    /// The frame is done with, and this is said about it.
    pub(crate) fn give(&mut self, (place, text): Answer) {
        let Some(batch) = self.batches.get_mut(&place.batch) else {
            return;
        };
        batch.answers[place.index] = text;
        batch.left -= 1;
        self.requests -= 1;
        if batch.left == 0 {
            let batch = self.batches.remove(&place.batch).expect("found above");
            self.bytes -= batch.bytes;
            self.finish(batch);
        }
    }

    fn finish(&mut self, batch: Batch) {
        let answers: Vec<ByteString> = batch.answers.into_iter().flatten().collect();
        if answers.is_empty() {
            return;
        }
        if batch.is_array {
            return self.say(array(&answers));
        }
        for answer in answers {
            self.say(answer);
        }
    }

    /// Something the client did not ask for.
    pub(crate) fn say(&mut self, text: ByteString) {
        self.ready_bytes += text.len();
        self.ready.push_back(text);
    }

    pub(crate) fn pop(&mut self) -> Option<ByteString> {
        let text = self.ready.pop_front()?;
        self.ready_bytes -= text.len();
        Some(text)
    }

    /// Nobody hears them any more.
    pub(crate) fn forget_ready(&mut self) {
        self.ready.clear();
        self.ready_bytes = 0;
    }

    /// Bytes that wait to be written.
    pub(crate) fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    /// Frames that are not answered yet.
    pub(crate) fn requests(&self) -> usize {
        self.requests
    }

    /// Bytes of the texts whose frames are not all answered yet.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Several frames as one.
pub(crate) fn array(frames: &[ByteString]) -> ByteString {
    let length: usize = frames.iter().map(|frame| frame.len() + 1).sum();
    let mut text = String::with_capacity(length + 1);
    for frame in frames {
        text.push(if text.is_empty() { '[' } else { ',' });
        text.push_str(frame);
    }
    text.push(']');
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::bodies::{Bodies, Purpose};
    use crate::logic::limits::Limits;

    fn open(answers: &mut Answers, frames: usize, is_array: bool) -> u64 {
        let permit = Bodies::new(&Limits::default()).permit(Purpose::Other);
        answers.open(frames, is_array, 10, permit)
    }

    fn text(text: &'static str) -> Option<ByteString> {
        Some(ByteString::from_static(text))
    }

    #[test]
    fn an_array_is_answered_as_one_in_its_order() {
        let mut answers = Answers::default();
        let array = open(&mut answers, 3, true);
        let single = open(&mut answers, 1, false);
        answers.give((Answers::place(array, 2), text("3")));
        answers.give((Answers::place(array, 1), None));
        assert_eq!((answers.requests(), answers.bytes()), (2, 20));
        assert_eq!(answers.pop(), None);
        answers.give((Answers::place(single, 0), text("4")));
        answers.give((Answers::place(array, 0), text("1")));
        assert_eq!(answers.pop(), text("4"));
        assert_eq!(answers.pop(), text("[1,3]"));
        assert_eq!(answers.pop(), None);
        assert_eq!((answers.requests(), answers.bytes()), (0, 0));
        assert_eq!(answers.ready_bytes(), 0);
    }

    #[test]
    fn nothing_is_said_where_nothing_is_expected() {
        let mut answers = Answers::default();
        let array = open(&mut answers, 1, true);
        answers.give((Answers::place(array, 0), None));
        assert_eq!(answers.pop(), None);
    }

    #[test]
    fn an_array_is_its_frames_between_brackets() {
        let frames = [ByteString::from("{}"), ByteString::from("7")];
        assert_eq!(array(&frames), "[{},7]");
        assert_eq!(array(&frames[..1]), "[{}]");
    }
}
