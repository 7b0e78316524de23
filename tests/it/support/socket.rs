//! A WebSocket client: just enough to talk to a hub, and plain enough to say what no proper client
//! would say.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::Client;
use super::wire::{Answer, Head};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const LAST: u8 = 0x80;

pub(crate) struct Socket {
    stream: BufReader<TcpStream>,
    /// Of an array that came, what was not asked for yet.
    heard: VecDeque<Value>,
    /// Texts that came, an array counting once.
    pub texts: usize,
}

/// What came.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Text(String),
    Close(u16, String),
    /// The connection ended.
    End,
}

impl Client {
    /// Opens a socket.
    #[track_caller]
    pub(crate) fn socket(&self) -> Socket {
        self.socket_at("/events")
    }

    #[track_caller]
    pub(crate) fn socket_at(&self, target: &str) -> Socket {
        match self.try_socket(target) {
            Ok(socket) => socket,
            Err(answer) => panic!("{}: {}", answer.status, answer.body),
        }
    }

    /// Opens a socket, or gives the answer of the hub that refused it.
    pub(crate) fn try_socket(&self, target: &str) -> Result<Socket, Answer> {
        let lines = [
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        let mut request = format!("GET {target} HTTP/1.1\r\n");
        if !self.header_lines().any(|line| line.starts_with("host:")) {
            request.push_str("host: hub\r\n");
        }
        for line in lines.into_iter().chain(self.header_lines()) {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let head = Head::read(&mut stream).unwrap();
        if head.first_line.contains(" 101 ") {
            assert_eq!(
                head.header("sec-websocket-accept"),
                Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            );
            return Ok(Socket {
                stream,
                heard: VecDeque::new(),
                texts: 0,
            });
        }
        let status = head.first_line.split(' ').nth(1).unwrap().parse().unwrap();
        let body = head.read_body(&mut stream).unwrap();
        Err(Answer { status, head, body })
    }
}

/// One frame of the protocol as a client sends it; `first` is its first byte.
fn frame_bytes(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        medium @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    let mask = [7, 1, 3, 5];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

impl Socket {
    pub(crate) fn say(&mut self, frame: &Value) {
        self.say_text(&frame.to_string());
    }

    pub(crate) fn say_text(&mut self, text: &str) {
        self.say_frame(LAST | TEXT, text.as_bytes()).unwrap();
    }

    /// Another end of the same socket, to write while this one reads.
    pub(crate) fn half(&self) -> Self {
        Self {
            stream: BufReader::new(self.stream.get_ref().try_clone().unwrap()),
            heard: VecDeque::new(),
            texts: 0,
        }
    }

    /// All of `frames` as one piece, which the client's kernel sends whole
    /// before it sees what the client does next. Of many small pieces it
    /// keeps all but the first ten until the other end has confirmed those.
    pub(crate) fn say_at_once(&mut self, frames: impl Iterator<Item = Value>) {
        let bytes: Vec<u8> = frames
            .flat_map(|frame| frame_bytes(LAST | TEXT, frame.to_string().as_bytes()))
            .collect();
        self.say_bytes(&bytes).unwrap();
    }

    pub(crate) fn say_frame(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        self.say_bytes(&frame_bytes(first, payload))
    }

    pub(crate) fn say_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Ends what it says, and can still hear.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.stream.get_ref().shutdown(Shutdown::Write)
    }

    pub(crate) fn stream(&self) -> TcpStream {
        self.stream.get_ref().try_clone().unwrap()
    }

    /// What comes next; pings are answered on the way.
    pub(crate) fn hear_frame(&mut self) -> Frame {
        loop {
            let Ok((opcode, payload)) = self.read_frame() else {
                return Frame::End;
            };
            match opcode {
                // Who has ended what it says cannot answer.
                PING => drop(self.say_frame(LAST | PONG, &payload)),
                PONG => {}
                CLOSE => {
                    let code = match payload.get(..2) {
                        Some(code) => u16::from_be_bytes([code[0], code[1]]),
                        None => 1005,
                    };
                    let reason = payload.get(2..).unwrap_or_default();
                    return Frame::Close(code, String::from_utf8_lossy(reason).into_owned());
                }
                _ => {
                    self.texts += 1;
                    return Frame::Text(String::from_utf8(payload).unwrap());
                }
            }
        }
    }

    fn read_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length)?;
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.stream.read_exact(&mut length)?;
                u64::from_be_bytes(length)
            }
            short => u64::from(short),
        };
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload)?;
        Ok((head[0] & 0x0f, payload))
    }

    /// The next object, alone or out of an array.
    #[track_caller]
    pub(crate) fn hear(&mut self) -> Value {
        loop {
            if let Some(value) = self.heard.pop_front() {
                return value;
            }
            match self.hear_frame() {
                Frame::Text(text) => match serde_json::from_str(&text).unwrap() {
                    Value::Array(items) => self.heard.extend(items),
                    value => return value,
                },
                other => panic!("a text was expected, not {other:?}"),
            }
        }
    }

    /// The next object, which must be of this type.
    #[track_caller]
    pub(crate) fn hears(&mut self, kind: &str) -> Value {
        let value = self.hear();
        assert_eq!(value["type"], kind, "{value}");
        value
    }

    /// Says something, and gives what is heard next.
    #[track_caller]
    pub(crate) fn ask(&mut self, frame: &Value) -> Value {
        self.say(frame);
        self.hear()
    }

    /// The next object, which must be an error with this code; gives the error.
    #[track_caller]
    pub(crate) fn is_refused(&mut self, code: &str) -> Value {
        let value = self.hears("error");
        assert_eq!(value["error"]["code"], code, "{value}");
        assert!(value["error"]["message"].is_string(), "{value}");
        value["error"].clone()
    }

    #[track_caller]
    pub(crate) fn consume(&mut self, service: &str, prefetch: usize) {
        let asked = json!({
            "type": "consume", "service": service, "prefetch": prefetch, "ref": "consume",
        });
        let answer = self.ask(&asked);
        assert_eq!(answer, json!({"type": "ok", "ref": "consume"}));
    }

    #[track_caller]
    pub(crate) fn subscribe(&mut self, event_types: &[&str], from_sequence: Option<u64>) -> Value {
        let mut asked = json!({"type": "subscribe", "service": "shop", "event_types": event_types});
        if let Some(from) = from_sequence {
            asked["from_sequence"] = json!(from);
        }
        let answer = self.ask(&asked);
        assert_eq!(answer["type"], "subscribed", "{answer}");
        answer
    }

    /// The next event, whose sequence must be this.
    #[track_caller]
    pub(crate) fn hears_event(&mut self, sequence: u64) -> Value {
        let event = self.hears("event")["event"].clone();
        assert_eq!(event["sequence"], sequence, "{event}");
        event
    }

    /// Nothing is on its way: what is asked now is answered next.
    #[track_caller]
    pub(crate) fn hears_nothing(&mut self) {
        let answer = self.ask(&json!({"type": "ping", "ref": "nothing else"}));
        assert_eq!(answer, json!({"type": "pong", "ref": "nothing else"}));
    }

    /// The socket is closed, with this code; gives the reason.
    #[track_caller]
    pub(crate) fn is_closed(&mut self, code: u16) -> String {
        let Frame::Close(given, reason) = self.hear_frame() else {
            panic!("the socket is not closed");
        };
        assert_eq!(given, code, "{reason}");
        assert_eq!(self.hear_frame(), Frame::End);
        reason
    }
}
