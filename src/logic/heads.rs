//! Where the heads of requests are in what a client sends, and whether their lines end as they have
//! to.
//!
//! The server takes a bare LF for the end of a line. Who passes requests on may not, and then the
//! two disagree where one ends and the next begins, so that a client can put a request of its own
//! between those of others. Bodies are followed only as far as to find the head after them; what is
//! wrong otherwise the server refuses itself.
//!
//! The server takes a request that offers to go on in another protocol, whatever the protocol, for
//! one that ends the connection, and one that offers a WebSocket for one without an end. So no
//! offer gets to it but where there are WebSockets; anywhere else it means nothing (RFC 9110,
//! section 7.8).

mod header;
#[cfg(test)]
mod tests;
mod upgrades;

use std::io::BufRead;

use header::value_of;

/// Of the size of a chunk: 64 bits in hexadecimal.
const MOST_DIGITS: usize = 16;
/// With what may stand behind it, which nobody uses. It is read anew with each piece that comes.
const LONGEST_CHUNK_SIZE: usize = 4 << 10;
/// The server takes no longer head.
const LONGEST: usize = 128 << 10;

/// Follows one connection.
#[derive(Debug)]
pub struct Heads {
    place: Place,
    head: Head,
    /// The beginning of a line of which the rest is to come.
    line: Vec<u8>,
    /// A request has just ended.
    is_whole: bool,
    /// Something of the next one has come.
    is_amid: bool,
    /// The paths of WebSockets.
    sockets: &'static [&'static str],
}

/// What some bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// All are of one request, which may go on.
    Part,
    /// A request ends with so many of them; the others were not looked at.
    Whole(usize),
    /// What comes must not get to the server as it is.
    Wrong(LineFault),
}

/// What must not get to the server, and where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineFault {
    /// A line of a head ends with a bare LF, which is here.
    InHead(usize),
    /// So does a line between the chunks of a body or behind them, or it is no such line, or has no
    /// end: nothing from here on is part of it.
    InBody(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Within a line.
    Line(Line),
    /// So many bytes before such a line.
    Bytes(u64, Line),
    /// What comes is not for us, or the server refuses it.
    Beyond,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    Head,
    ChunkSize,
    /// Nothing, behind the bytes of a chunk.
    ChunkEnd,
    Trailer,
}

/// What a head has said so far of what comes after it.
#[derive(Default, Debug)]
struct Head {
    is_begun: bool,
    /// It asks for what may be had over another protocol.
    may_upgrade: bool,
    length: u64,
    is_chunked: bool,
    /// A socket comes after it, unless a body in chunks does.
    is_socket: bool,
    /// A tunnel comes after it, unless a body does.
    is_tunnel: bool,
    /// The server refuses it.
    is_wrong: bool,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            place: Place::Line(Line::Head),
            head: Head::default(),
            line: Vec::new(),
            is_whole: false,
            is_amid: false,
            sockets: &[],
        }
    }
}

impl Heads {
    /// There are WebSockets at these paths.
    pub fn with_sockets(sockets: &'static [&'static str]) -> Self {
        Self {
            sockets,
            ..Self::default()
        }
    }

    /// A request has begun, if only with an empty line, and its head has not come to its end.
    pub fn is_in_head(&self) -> bool {
        self.is_amid && self.place == Place::Line(Line::Head)
    }

    /// The head of a request has come, and its body not to its end.
    pub fn is_in_body(&self) -> bool {
        self.is_amid
            && match self.place {
                Place::Line(line) => line != Line::Head,
                Place::Bytes(..) => true,
                Place::Beyond => false,
            }
    }

    /// Follows what came, up to the end of a request or the first fault. Offers of other protocols
    /// are made unreadable.
    pub fn see(&mut self, bytes: &mut [u8]) -> Extent {
        let mut at = 0;
        self.is_amid |= !bytes.is_empty();
        while at < bytes.len() {
            match self.place {
                Place::Beyond => return Extent::Part,
                Place::Bytes(left, then) => {
                    let here = left.min((bytes.len() - at) as u64);
                    at += usize::try_from(here).unwrap_or(usize::MAX);
                    self.place = match left - here {
                        0 => Place::Line(then),
                        left => Place::Bytes(left, then),
                    };
                    self.is_whole = self.place == Place::Line(Line::Head);
                }
                Place::Line(kind) => {
                    let rest = &mut bytes[at..];
                    let end = end_of_line(rest);
                    if kind == Line::Head && !self.head.may_upgrade {
                        let here = end.unwrap_or(rest.len());
                        upgrades::hide(&self.line, &mut rest[..here]);
                    }
                    let rest = &*rest;
                    if !self.is_right(kind, &rest[..end.unwrap_or(rest.len())]) {
                        self.place = Place::Beyond;
                        self.line = Vec::new();
                        return Extent::Wrong(LineFault::InBody(at));
                    }
                    let Some(end) = end else {
                        self.keep(rest);
                        return Extent::Part;
                    };
                    let before = rest[..end].last().or(self.line.last());
                    if before != Some(&b'\r') {
                        self.place = Place::Beyond;
                        return Extent::Wrong(match kind {
                            Line::Head => LineFault::InHead(at + end),
                            _ => LineFault::InBody(at + end),
                        });
                    }
                    self.take(kind, &rest[..end]);
                    at += end + 1;
                }
            }
            if std::mem::take(&mut self.is_whole) {
                self.is_amid = false;
                return Extent::Whole(at);
            }
        }
        Extent::Part
    }

    /// Whether what is kept and `begun` may be how a line of a body begins: the server lets go of a
    /// connection at the first byte that is wrong. What is wrong in a head it refuses itself.
    fn is_right(&self, kind: Line, begun: &[u8]) -> bool {
        let length = self.line.len() + begun.len();
        match kind {
            Line::Head => true,
            Line::Trailer => length <= LONGEST,
            Line::ChunkEnd => length == 0 || [&self.line, begun].concat() == b"\r",
            Line::ChunkSize => {
                length <= LONGEST_CHUNK_SIZE && may_be_size(&[&self.line, begun].concat())
            }
        }
    }

    /// What has come of a line.
    fn keep(&mut self, begun: &[u8]) {
        self.line.extend_from_slice(begun);
        if self.line.len() > LONGEST {
            self.place = Place::Beyond;
            self.line = Vec::new();
        }
    }

    /// The rest of a line, up to its LF.
    fn take(&mut self, kind: Line, rest: &[u8]) {
        if self.line.is_empty() {
            return self.read(kind, rest.strip_suffix(b"\r").unwrap_or(rest));
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(rest);
        self.read(kind, line.strip_suffix(b"\r").unwrap_or(&line));
    }

    fn read(&mut self, kind: Line, line: &[u8]) {
        match kind {
            Line::Head if !line.is_empty() => self.head.read(line, self.sockets),
            // Empty lines before a request are read past.
            Line::Head if !self.head.is_begun => {}
            Line::Head => {
                self.place = std::mem::take(&mut self.head).then();
                self.is_whole = self.place == Place::Line(Line::Head);
            }
            Line::ChunkSize => {
                self.place = match chunk_size(line) {
                    0 => Place::Line(Line::Trailer),
                    size => Place::Bytes(size, Line::ChunkEnd),
                };
            }
            Line::ChunkEnd => self.place = Place::Line(Line::ChunkSize),
            Line::Trailer if line.is_empty() => {
                self.place = Place::Line(Line::Head);
                self.is_whole = true;
            }
            Line::Trailer => {}
        }
    }
}

impl Head {
    fn read(&mut self, line: &[u8], sockets: &[&str]) {
        if !self.is_begun {
            self.is_begun = true;
            self.may_upgrade = upgrades::is_at(line, sockets);
            self.is_tunnel = line.starts_with(b"CONNECT ");
            return;
        }
        if let Some(value) = value_of(line, b"content-length:") {
            let length = str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok());
            self.is_wrong |= length.is_none();
            self.length = length.unwrap_or(0);
        } else if let Some(value) = value_of(line, b"transfer-encoding:") {
            self.is_chunked = value.eq_ignore_ascii_case(b"chunked");
            self.is_wrong |= !self.is_chunked;
        } else if let Some(value) = value_of(line, b"upgrade:") {
            self.is_socket |= value.eq_ignore_ascii_case(b"websocket");
        }
    }

    /// In the order in which the server decides it.
    fn then(self) -> Place {
        match self {
            Self { is_wrong: true, .. } => Place::Beyond,
            Self {
                is_chunked: true, ..
            } => Place::Line(Line::ChunkSize),
            Self {
                is_socket: true, ..
            } => Place::Beyond,
            Self { length: 1.., .. } => Place::Bytes(self.length, Line::Head),
            Self {
                is_tunnel: true, ..
            } => Place::Beyond,
            _ => Place::Line(Line::Head),
        }
    }
}

/// Where the first LF is. The library looks for it many bytes at a time.
fn end_of_line(mut bytes: &[u8]) -> Option<usize> {
    let whole = bytes;
    let end = bytes.skip_until(b'\n').ok()?.checked_sub(1)?;
    (whole[end] == b'\n').then_some(end)
}

/// Whether the size of a chunk may begin so: digits, spaces, and an extension.
fn may_be_size(line: &[u8]) -> bool {
    let (digits, behind) = split_at_size(line);
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let spaces = behind.iter().take_while(|byte| is_space(byte)).count();
    let has_right_end = match behind[spaces..].split_first() {
        None | Some((b'\r', [])) => true,
        Some((b';', extension)) => {
            let end = extension.iter().position(|byte| *byte == b'\r');
            end.is_none_or(|end| end + 1 == extension.len())
        }
        Some(_) => false,
    };
    let is_none = line.is_empty();
    has_right_end && (is_none || (1..=MOST_DIGITS).contains(&digits.len()))
}

/// Without extensions. That there are digits, and not too many, was seen when they came.
fn chunk_size(line: &[u8]) -> u64 {
    let (digits, _) = split_at_size(line);
    let values = digits
        .iter()
        .filter_map(|digit| char::from(*digit).to_digit(16));
    values.fold(0, |size, value| size << 4 | u64::from(value))
}

/// The digits of the size, and what stands behind them.
fn split_at_size(line: &[u8]) -> (&[u8], &[u8]) {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
    line.split_at(digits.count())
}
