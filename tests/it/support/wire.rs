//! HTTP/1.1 over a blocking socket: just enough to talk to a hub, or to be talked to by one, and
//! plain enough to say things that no proper client would say.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// The first line and the headers, with names in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub first_line: String,
    pub headers: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub head: Head,
    pub body: String,
}

/// A connection that stays open between requests.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        let mut head = Self {
            first_line: read_line(stream)?,
            ..Self::default()
        };
        loop {
            let line = read_line(stream)?;
            if line.is_empty() {
                return Ok(head);
            }
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            let name = name.to_ascii_lowercase();
            head.headers.push((name, value.trim().to_owned()));
        }
    }

    /// The body that this head announces, whole or in chunks.
    pub(crate) fn read_body(&self, stream: &mut impl BufRead) -> io::Result<String> {
        let mut body = Vec::new();
        if self.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = read_line(stream)?;
                let size =
                    u64::from_str_radix(&size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
                stream.by_ref().take(size).read_to_end(&mut body)?;
                read_line(stream)?;
                if size == 0 {
                    break;
                }
            }
        } else {
            let length = self.header("content-length").unwrap_or("0");
            let length: usize = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            body.resize(length, 0);
            stream.read_exact(&mut body)?;
        }
        String::from_utf8(body).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(90)))?;
        stream.set_write_timeout(Some(Duration::from_secs(90)))?;
        Ok(Self::over(stream))
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Writes `bytes` as they are.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says no more, and may still listen.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.stream.get_mut().shutdown(Shutdown::Write)
    }

    /// Says no more, and gives the answer if there is one.
    pub(crate) fn finish(mut self) -> io::Result<Answer> {
        self.end()?;
        self.hear()
    }

    /// Hangs up, and waits until the other side has noticed.
    pub(crate) fn leave(mut self) {
        let _ = self.stream.get_mut().shutdown(Shutdown::Write);
        let _ = self.stream.read_to_end(&mut Vec::new());
    }

    pub(crate) fn hear(&mut self) -> io::Result<Answer> {
        self.hear_after("GET")
    }

    /// How an answer begins, of which the rest is left where it is.
    pub(crate) fn hear_head(&mut self) -> io::Result<Head> {
        Head::read(&mut self.stream)
    }

    /// The answer to a request of this method: one to HEAD announces a body that does not come.
    fn hear_after(&mut self, method: &str) -> io::Result<Answer> {
        let head = Head::read(&mut self.stream)?;
        let status = head.first_line.split(' ').nth(1);
        let status = status.and_then(|status| status.parse().ok());
        let status: u16 = status.ok_or(io::ErrorKind::InvalidData)?;
        let has_body = status != 204 && status != 304 && method != "HEAD";
        let body = if has_body {
            head.read_body(&mut self.stream)?
        } else {
            String::new()
        };
        Ok(Answer { status, head, body })
    }

    /// One exchange. `headers` are whole lines.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[String],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut request = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|header| header.starts_with("host:")) {
            request.push_str("host: hub\r\n");
        }
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut request = request.into_bytes();
        request.extend_from_slice(body);
        self.say(&request)?;
        self.hear_after(method)
    }
}

impl Answer {
    /// The body, after making sure of the status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        if self.body.is_empty() {
            return Value::Null;
        }
        self.json()
    }

    /// Makes sure of status and code of an error, and that its envelope is complete; gives `details`.
    #[track_caller]
    pub(crate) fn refuses(self, status: u16, code: &str) -> Value {
        let request_id = self.header("x-request-id").unwrap_or_default().to_owned();
        let body = self.is(status);
        let error = &body["error"];
        assert_eq!(error["code"], code, "{body}");
        assert!(error["message"].is_string(), "{body}");
        assert_eq!(error["details"]["request_id"], request_id, "{body}");
        assert!(error["details"]["timestamp"].is_string(), "{body}");
        error["details"].clone()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.body);
        parsed.unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }
}
