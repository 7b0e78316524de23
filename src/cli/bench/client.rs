//! A frugal HTTP/1.1 client: one connection, kept open, its buffers reused, so that measuring
//! takes little from the machine the hub runs on.

use std::io;
use std::ops::Range;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::target::Target;

const MAX_HEADERS: usize = 64;
/// Larger answers are not read.
const MAX_ANSWER_BYTES: usize = 64 << 20;

pub(super) struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    /// What of `input` was read from the socket and not yet handed out.
    unread: Range<usize>,
    is_closing: bool,
}

/// An answer whose body lies in the connection's buffer until the next one is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub status: u16,
    body: Range<usize>,
}

impl Connection {
    /// `authority` is `host:port`.
    pub(super) async fn open(authority: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            input: vec![0; 16 << 10],
            unread: 0..0,
            is_closing: false,
        })
    }

    /// Whether the hub said that it takes no further request on this connection.
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing
    }

    pub(super) async fn write(&mut self, requests: &[u8]) -> io::Result<()> {
        self.stream.write_all(requests).await
    }

    /// The next answer, waited for.
    pub(super) async fn read(&mut self) -> io::Result<Answer> {
        loop {
            if let Some(answer) = self.read_buffered()? {
                return Ok(answer);
            }
            self.make_room()?;
            let count = self.stream.read(&mut self.input[self.unread.end..]).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.unread.end += count;
        }
    }

    /// The next answer, if it is here already.
    pub(super) fn read_buffered(&mut self) -> io::Result<Option<Answer>> {
        let unread = &self.input[self.unread.clone()];
        let Some(head) = Head::parse(unread)? else {
            return Ok(None);
        };
        if head.content_length > MAX_ANSWER_BYTES {
            return Err(invalid("an answer that is too large"));
        }
        let length = head.head_length + head.content_length;
        if unread.len() < length {
            return Ok(None);
        }
        let start = self.unread.start;
        self.unread.start += length;
        self.is_closing |= head.closes;
        Ok(Some(Answer {
            status: head.status,
            body: start + head.head_length..start + length,
        }))
    }

    pub(super) fn body(&self, answer: &Answer) -> &[u8] {
        &self.input[answer.body.clone()]
    }

    fn make_room(&mut self) -> io::Result<()> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.end == self.input.len() {
            self.input.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end == self.input.len() {
            if self.input.len() >= 2 * MAX_ANSWER_BYTES {
                return Err(invalid("an answer that is too large"));
            }
            self.input.resize(self.input.len() * 2, 0);
        }
        Ok(())
    }
}

/// One request on a connection of its own; the status and the body of its answer.
pub(super) async fn request_once(
    target: &Target,
    method: &str,
    path: &str,
    body: &str,
) -> io::Result<(u16, String)> {
    let mut connection = Connection::open(&target.authority).await?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\n{}content-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        target.lines(),
        body.len()
    );
    connection.write(request.as_bytes()).await?;
    let answer = connection.read().await?;
    let body = String::from_utf8_lossy(connection.body(&answer)).into_owned();
    Ok((answer.status, body))
}

struct Head {
    status: u16,
    head_length: usize,
    content_length: usize,
    closes: bool,
}

impl Head {
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let status = parsed
            .parse(bytes)
            .map_err(|error| invalid(&error.to_string()))?;
        let httparse::Status::Complete(head_length) = status else {
            return Ok(None);
        };
        let mut head = Self {
            status: parsed.code.unwrap_or(0),
            head_length,
            content_length: 0,
            closes: false,
        };
        let mut has_length = matches!(head.status, 204 | 304);
        for header in parsed.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                head.content_length = content_length(header.value)?;
                has_length = true;
            } else if header.name.eq_ignore_ascii_case("connection") {
                head.closes = header.value.eq_ignore_ascii_case(b"close");
            }
        }
        if !has_length {
            return Err(invalid("an answer without content-length"));
        }
        Ok(Some(head))
    }
}

/// Reads the value of a `content-length` header.
pub(super) fn content_length(value: &[u8]) -> io::Result<usize> {
    let text = str::from_utf8(value).map_err(|_| invalid("content-length"))?;
    text.trim().parse().map_err(|_| invalid("content-length"))
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("invalid HTTP: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A server that reads nothing and writes `pieces`, then closes.
    async fn connection_to(pieces: Vec<&'static [u8]>) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for piece in pieces {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        Connection::open(&authority).await.unwrap()
    }

    #[actix::test]
    async fn reads_answers_however_they_are_cut() {
        let mut connection = connection_to(vec![
            b"HTTP/1.1 202 Acc",
            b"epted\r\nContent-Length: 5\r\n\r\nhe",
            b"lloHTTP/1.1 429 Too Many\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ])
        .await;
        let first = connection.read().await.unwrap();
        assert_eq!(
            (first.status, connection.body(&first)),
            (202, &b"hello"[..])
        );
        assert!(!connection.is_closing());
        let second = connection.read().await.unwrap();
        assert_eq!((second.status, connection.body(&second)), (429, &b""[..]));
        assert!(connection.is_closing());
        let end = connection.read().await.unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[actix::test]
    async fn an_answer_larger_than_the_buffer_fits() {
        let body: &'static [u8] = vec![b'x'; 100_000].leak();
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
        let mut connection = connection_to(vec![head, body]).await;
        let answer = connection.read().await.unwrap();
        assert_eq!(connection.body(&answer), body);
    }

    #[actix::test]
    async fn refuses_what_it_cannot_delimit() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            b"SSH-2.0-x\r\n\r\n",
        ] {
            let mut connection = connection_to(vec![answer]).await;
            let error = connection.read().await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
