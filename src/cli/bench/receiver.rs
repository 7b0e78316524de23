//! An instance of a service: a small HTTP/1.1 server that checks each message and answers 200.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_local};

use super::client::{content_length, invalid};
use super::message::{Stamp, read_stamp};
use super::recorder::Recorder;

const MAX_HEADERS: usize = 64;
const MAX_REQUEST_BYTES: usize = 16 << 20;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Serves until dropped.
pub(super) struct Receiver {
    url: String,
    serving: JoinHandle<()>,
}

/// Which messages belong here, and how they look.
#[derive(Clone)]
pub(super) struct Expectation {
    /// The index of the service among `services`.
    pub service: u64,
    pub services: u64,
    pub payload_size: usize,
    pub recorder: Arc<Recorder>,
}

impl Receiver {
    /// Listens on a free port of the loopback address. Needs a `LocalSet`.
    pub(super) async fn start(expectation: Expectation) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let serving = spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn_local(serve(stream, expectation.clone()));
            }
        });
        Ok(Self { url, serving })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Ends when the hub closes the connection or says something that is not HTTP.
async fn serve(mut stream: TcpStream, expectation: Expectation) {
    let mut input = Vec::with_capacity(16 << 10);
    let mut output = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut input).await {
        let Ok(used) = answer(&input, &mut output, &expectation) else {
            return;
        };
        input.drain(..used);
        if stream.write_all(&output).await.is_err() {
            return;
        }
        output.clear();
    }
}

/// Answers every whole request in `input`; returns how many bytes they took.
fn answer(input: &[u8], output: &mut Vec<u8>, expectation: &Expectation) -> io::Result<usize> {
    let mut used = 0;
    while let Some(request) = Request::parse(&input[used..])? {
        if request.is_post {
            expectation.check(request.body);
        }
        used += request.length;
        output.extend_from_slice(OK);
    }
    Ok(used)
}

impl Expectation {
    fn check(&self, body: &[u8]) {
        self.note(read_stamp(body, self.payload_size));
    }

    /// A message arrived; `None`: it is not as it was sent.
    pub(super) fn note(&self, stamp: Option<Stamp>) {
        match stamp {
            Some(stamp) if stamp.sequence % self.services == self.service => {
                self.recorder.received(stamp);
            }
            _ => self.recorder.received_corrupt(),
        }
    }
}

struct Request<'a> {
    is_post: bool,
    body: &'a [u8],
    /// Head and body.
    length: usize,
}

impl<'a> Request<'a> {
    /// `None`: not all of it is here yet.
    fn parse(bytes: &'a [u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let status = parsed
            .parse(bytes)
            .map_err(|error| invalid(&error.to_string()))?;
        let httparse::Status::Complete(head_length) = status else {
            return Ok(None);
        };
        let mut body_length = 0;
        for header in parsed.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                body_length = content_length(header.value)?;
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(invalid(
                    "a chunked request, which this receiver does not take",
                ));
            }
        }
        if body_length > MAX_REQUEST_BYTES {
            return Err(invalid("a request that is too large"));
        }
        let length = head_length + body_length;
        let is_post = parsed.method == Some("POST");
        Ok(bytes.get(head_length..length).map(|body| Self {
            is_post,
            body,
            length,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::client::Connection;
    use crate::cli::bench::message;
    use crate::cli::bench::target::Target;
    use tokio::task::LocalSet;

    fn expectation() -> Expectation {
        Expectation {
            service: 1,
            services: 2,
            payload_size: 300,
            recorder: Arc::new(Recorder::new()),
        }
    }

    fn delivery(sequence: u64) -> Vec<u8> {
        let mut request = message::Request::new(&Target::at("h"), "bench-1", 300, None);
        let stamp = Stamp {
            sequence,
            sent_at: 0,
        };
        request.stamped(stamp, 2).to_vec()
    }

    #[test]
    fn answers_each_of_several_requests_once_they_are_whole() {
        let expectation = expectation();
        let two = [delivery(1), delivery(3)].concat();
        let mut output = Vec::new();
        for cut in 0..two.len() {
            let used = answer(&two[..cut], &mut output, &expectation).unwrap();
            assert_eq!(
                used,
                if cut < two.len() / 2 {
                    0
                } else {
                    two.len() / 2
                }
            );
        }
        assert_eq!(answer(&two, &mut output, &expectation).unwrap(), two.len());
        assert_eq!(expectation.recorder.tally().received, 2);
        assert_eq!(expectation.recorder.tally().corrupt, 0);
    }

    #[test]
    fn a_health_check_is_no_message() {
        let mut output = Vec::new();
        let expectation = expectation();
        answer(b"GET /health HTTP/1.1\r\n\r\n", &mut output, &expectation).unwrap();
        assert_eq!(output, OK);
        assert_eq!(expectation.recorder.tally(), Default::default());
    }

    #[test]
    fn changed_and_misled_messages_are_corrupt() {
        let expectation = expectation();
        let mut changed = delivery(1);
        let last = changed.len() - 20;
        changed[last] ^= 1;
        for bytes in [changed, delivery(2)] {
            answer(&bytes, &mut Vec::new(), &expectation).unwrap();
        }
        let tally = expectation.recorder.tally();
        assert_eq!((tally.received, tally.corrupt), (0, 2));
    }

    #[actix::test]
    async fn serves_over_a_connection_that_stays_open() {
        let expectation = expectation();
        let recorder = expectation.recorder.clone();
        let serving = async {
            let receiver = Receiver::start(expectation).await.unwrap();
            let authority = receiver.url().strip_prefix("http://").unwrap();
            let mut connection = Connection::open(authority).await.unwrap();
            for sequence in [1, 3, 3] {
                connection.write(&delivery(sequence)).await.unwrap();
                assert_eq!(connection.read().await.unwrap().status, 200);
            }
        };
        LocalSet::new().run_until(serving).await;
        assert_eq!(
            (recorder.tally().received, recorder.tally().repeated),
            (2, 1)
        );
    }
}
