//! Lines on their way to a stream that may be slow, full or gone: nobody waits for it.
//!
//! A thread of its own writes them, from a bounded queue. A line that cannot be written, or for
//! which there is no room, is lost and counted, and nothing else happens.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus::IntCounter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait.
const MOST_LINES: usize = 16_384;
/// Bytes that may wait.
const MOST_BYTES: usize = 8 << 20;
/// Before a stream that takes nothing just now is tried again.
const PATIENCE: Duration = Duration::from_millis(20);

/// Copies lead to the same stream.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to write.
    work: Condvar,
    /// Everything is written.
    rest: Condvar,
    lost: IntCounter,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// Of `waiting`.
    bytes: usize,
    is_writing: bool,
}

impl Lines {
    /// `stream` is standard output or standard error, or stands in for it. It is written to past
    /// the lock that the standard library has for it, which a stream that stands still would hold.
    ///
    /// # Errors
    /// If there is no thread or no file descriptor left.
    pub fn to(stream: impl AsFd, lost: IntCounter) -> io::Result<Self> {
        let file = File::from(stream.as_fd().try_clone_to_owned()?);
        Self::through(file, lost)
    }

    fn through(output: impl Write + Send + 'static, lost: IntCounter) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            rest: Condvar::new(),
            lost,
        });
        let writing = shared.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writing.write_to(output))?;
        Ok(Self(shared))
    }

    /// Takes a line, which ends with its line end.
    pub fn push(&self, line: &[u8]) {
        let mut state = self.0.lock();
        if state.waiting.len() >= MOST_LINES || state.bytes + line.len() > MOST_BYTES {
            self.0.lost.inc();
            return;
        }
        state.bytes += line.len();
        state.waiting.push_back(line.to_owned());
        drop(state);
        self.0.work.notify_one();
    }

    /// Waits until everything is written, but not longer than `limit`.
    pub fn flush(&self, limit: Duration) {
        let state = self.0.lock();
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        let waited = self.0.rest.wait_timeout_while(state, limit, is_busy);
        drop(waited);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut output: impl Write) {
        // The next line must not go on where one was broken off.
        let mut is_broken_off = false;
        loop {
            let line = self.next();
            if is_broken_off && write_all(&mut output, b"\n").is_err() {
                self.lost.inc();
                continue;
            }
            match write_all(&mut output, &line) {
                Ok(()) => is_broken_off = false,
                Err(written) => {
                    is_broken_off = written > 0;
                    self.lost.inc();
                }
            }
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut state = self.lock();
        state.is_writing = false;
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.bytes -= line.len();
                state.is_writing = true;
                return line;
            }
            self.rest.notify_all();
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Writes all of `bytes`, or tells how many were written.
fn write_all(output: &mut impl Write, bytes: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < bytes.len() {
        match output.write(&bytes[written..]) {
            Ok(0) => return Err(written),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Somebody else who has this stream made it so; here waiting is what is wanted.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::park_timeout(PATIENCE);
            }
            Err(_) => return Err(written),
        }
    }
    Ok(())
}

/// Each line of the log comes as one write.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn counter() -> IntCounter {
        IntCounter::new("lost", "lines").unwrap()
    }

    /// Shows what is written, and answers as told.
    struct Stream {
        shown: mpsc::Sender<Vec<u8>>,
        answers: mpsc::Receiver<io::Result<usize>>,
    }

    impl Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.shown.send(bytes.to_owned()).unwrap();
            let answer = self.answers.recv().unwrap();
            answer.map(|most| most.min(bytes.len()))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Far {
        lines: Lines,
        lost: IntCounter,
        shown: mpsc::Receiver<Vec<u8>>,
        answers: mpsc::Sender<io::Result<usize>>,
    }

    fn far() -> Far {
        let (shown, seen) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let lost = counter();
        let lines = Lines::through(Stream { shown, answers }, lost.clone()).unwrap();
        Far {
            lines,
            lost,
            shown: seen,
            answers: answer,
        }
    }

    impl Far {
        fn sees(&self, bytes: &[u8]) {
            assert_eq!(self.shown.recv_timeout(LONG).unwrap(), bytes);
        }

        fn answers(&self, answer: io::Result<usize>) {
            self.answers.send(answer).unwrap();
        }
    }

    #[test]
    fn lines_are_written_in_order() {
        let far = far();
        for line in [&b"one\n"[..], b"two\n"] {
            far.lines.push(line);
        }
        for line in [&b"one\n"[..], b"two\n"] {
            far.sees(line);
            far.answers(Ok(usize::MAX));
        }
        far.lines.flush(LONG);
        assert_eq!(far.lost.get(), 0);
    }

    #[test]
    fn a_line_that_cannot_be_written_is_lost_and_the_next_is_not() {
        let far = far();
        far.lines.push(b"one\n");
        far.sees(b"one\n");
        far.answers(Err(io::ErrorKind::StorageFull.into()));
        far.lines.push(b"two\n");
        far.sees(b"two\n");
        far.answers(Ok(usize::MAX));
        far.lines.flush(LONG);
        assert_eq!(far.lost.get(), 1);
    }

    #[test]
    fn no_line_goes_on_where_another_was_broken_off() {
        let far = far();
        far.lines.push(b"one\n");
        far.sees(b"one\n");
        far.answers(Ok(2));
        far.sees(b"e\n");
        far.answers(Err(io::ErrorKind::StorageFull.into()));
        far.lines.push(b"two\n");
        far.sees(b"\n");
        far.answers(Ok(1));
        far.sees(b"two\n");
        far.answers(Ok(4));
        far.lines.flush(LONG);
        assert_eq!(far.lost.get(), 1);
    }

    #[test]
    fn nobody_waits_for_a_stream_that_stands_still() {
        let far = far();
        far.lines.push(b"one\n");
        far.sees(b"one\n");
        for _ in 0..MOST_LINES + 10 {
            far.lines.push(b"more\n");
        }
        assert_eq!(far.lost.get(), 10);
        far.lines.flush(Duration::from_millis(1));
        let large = vec![b'x'; MOST_BYTES];
        let other = self::far();
        other.lines.push(b"one\n");
        other.sees(b"one\n");
        other.lines.push(&large);
        other.lines.push(b"no room\n");
        assert_eq!(other.lost.get(), 1);
    }

    #[test]
    fn a_stream_that_would_block_is_waited_for() {
        let far = far();
        far.lines.push(b"one\n");
        far.sees(b"one\n");
        far.answers(Err(io::ErrorKind::WouldBlock.into()));
        far.sees(b"one\n");
        far.answers(Ok(usize::MAX));
        far.lines.flush(LONG);
        assert_eq!(far.lost.get(), 0);
    }
}
