//! Where the heads of requests are in what a client sends, and whether their lines end as they have
//! to.
//!
//! The server takes a bare LF for the end of a line. Who passes requests on may not, and then the
//! two disagree where one ends and the next begins, so that a client can put a request of its own
//! between those of others. Bodies are followed only as far as to find the head after them; what is
//! wrong otherwise the server refuses itself.

use std::io::BufRead;

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
}

/// What some bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// All are of one request, which may go on.
    Part,
    /// A request ends with so many of them; the others were not looked at.
    Whole(usize),
    Wrong(LineFault),
}

/// What must not get to the server, and where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineFault {
    /// A line of a head ends with a bare LF, which is here.
    InHead(usize),
    /// So does a line between the chunks of a body or behind them, or it has no end: nothing from here
    /// on is part of it.
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
    Trailer,
}

/// What a head has said so far of what comes after it.
#[derive(Default, Debug)]
struct Head {
    is_begun: bool,
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
        }
    }
}

impl Heads {
    /// Follows what came, up to the end of a request or the first fault.
    pub fn see(&mut self, bytes: &[u8]) -> Extent {
        let mut at = 0;
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
                    let rest = &bytes[at..];
                    let Some(end) = end_of_line(rest) else {
                        return match self.keep(kind, rest) {
                            true => Extent::Wrong(LineFault::InBody(at)),
                            false => Extent::Part,
                        };
                    };
                    let before = rest[..end].last().or(self.line.last());
                    if before != Some(&b'\r') {
                        self.place = Place::Beyond;
                        return Extent::Wrong(match kind {
                            Line::Head => LineFault::InHead(at + end),
                            Line::ChunkSize | Line::Trailer => LineFault::InBody(at + end),
                        });
                    }
                    self.take(kind, &rest[..end]);
                    at += end + 1;
                }
            }
            if std::mem::take(&mut self.is_whole) {
                return Extent::Whole(at);
            }
        }
        Extent::Part
    }

    /// Says whether a line of a body is too long; the server itself refuses a head that is.
    fn keep(&mut self, kind: Line, begun: &[u8]) -> bool {
        self.line.extend_from_slice(begun);
        let is_too_long = self.line.len() > LONGEST;
        if is_too_long {
            self.place = Place::Beyond;
            self.line = Vec::new();
        }
        is_too_long && kind != Line::Head
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
            Line::Head if !line.is_empty() => self.head.read(line),
            // Empty lines before a request are read past.
            Line::Head if !self.head.is_begun => {}
            Line::Head => {
                self.place = std::mem::take(&mut self.head).then();
                self.is_whole = self.place == Place::Line(Line::Head);
            }
            Line::ChunkSize => {
                self.place = match chunk_size(line) {
                    Some(0) => Place::Line(Line::Trailer),
                    // And the CR LF behind it.
                    Some(size) => Place::Bytes(size.saturating_add(2), Line::ChunkSize),
                    None => Place::Beyond,
                };
            }
            Line::Trailer if line.is_empty() => {
                self.place = Place::Line(Line::Head);
                self.is_whole = true;
            }
            Line::Trailer => {}
        }
    }
}

impl Head {
    fn read(&mut self, line: &[u8]) {
        if !self.is_begun {
            self.is_begun = true;
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

/// What the header says, if the line is one of this name.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (given, value) = line.split_at_checked(name.len())?;
    // Of nearly all lines the length or the first letter is enough.
    let is_it = given[0] | 0x20 == name[0] && given.eq_ignore_ascii_case(name);
    is_it.then(|| value.trim_ascii())
}

/// Without extensions.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
    let digits = line.iter().take_while(|byte| is_digit(byte)).count();
    u64::from_str_radix(str::from_utf8(&line[..digits]).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: hub\r\n\r\n";

    fn post(body: &str) -> String {
        let length = body.len();
        format!("POST / HTTP/1.1\r\nHost: hub\r\ncontent-LENGTH: {length} \r\n\r\n{body}")
    }

    fn chunked(body: &str) -> String {
        let length = body.len();
        format!(
            "POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: Chunked\r\n\r\n\
             {length:x};a=b\r\n{body}\r\n0\r\nx: y\r\n\r\n"
        )
    }

    fn first_fault(heads: &mut Heads, bytes: &[u8]) -> Option<LineFault> {
        let mut at = 0;
        while at < bytes.len() {
            match heads.see(&bytes[at..]) {
                Extent::Part => return None,
                Extent::Whole(count) => at += count,
                Extent::Wrong(LineFault::InHead(here)) => {
                    return Some(LineFault::InHead(at + here));
                }
                Extent::Wrong(LineFault::InBody(here)) => {
                    return Some(LineFault::InBody(at + here));
                }
            }
        }
        None
    }

    #[test]
    fn each_request_ends_where_the_next_begins() {
        for request in [GET.to_owned(), post("a\nb"), post(""), chunked("a\nb")] {
            let mut heads = Heads::default();
            let text = format!("{request}{GET}");
            for _ in 0..2 {
                assert_eq!(heads.see(text.as_bytes()), Extent::Whole(request.len()));
            }
            let (begun, rest) = request.as_bytes().split_at(request.len() - 1);
            assert_eq!(heads.see(begun), Extent::Part);
            assert_eq!(heads.see(rest), Extent::Whole(1));
        }
    }

    /// Whatever pieces it comes in.
    fn seen(text: &str) -> Option<LineFault> {
        let all = first_fault(&mut Heads::default(), text.as_bytes());
        for size in 1..=7 {
            let (mut heads, mut before) = (Heads::default(), 0);
            let found = text.as_bytes().chunks(size).find_map(|piece| {
                let found = first_fault(&mut heads, piece).map(|fault| match fault {
                    LineFault::InHead(at) => LineFault::InHead(before + at),
                    LineFault::InBody(at) => LineFault::InBody(before + at),
                });
                before += piece.len();
                found
            });
            assert_eq!(found, all, "{size} bytes at a time: {text:?}");
        }
        all
    }

    #[test]
    fn what_is_in_order_is_let_be() {
        let body = "{\n\"a\": 1\n}\n\nGET / HTTP/1.1\n\n";
        for text in [
            GET.repeat(3),
            format!("\r\n\r\n{GET}"),
            [
                post(body),
                GET.to_owned(),
                chunked(body),
                post(""),
                post(body),
            ]
            .concat(),
            format!("{GET}GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\n\n\n"),
            "CONNECT hub HTTP/1.1\r\n\r\n\n\n".to_owned(),
        ] {
            assert_eq!(seen(&text), None, "{text:?}");
        }
    }

    #[test]
    fn a_bare_lf_is_found_in_every_head() {
        for bad in [
            "\nGET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\nHost: hub\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: hub\n\r\n",
            "GET / HTTP/1.1\r\nHost: hub\r\n\n",
        ] {
            for before in [
                String::new(),
                GET.repeat(2),
                post("a\nb"),
                chunked("a\nb\n"),
            ] {
                let text = format!("{before}{bad}");
                let Some(LineFault::InHead(at)) = seen(&text) else {
                    panic!("{text:?}");
                };
                assert!(at >= before.len(), "{text:?}");
                assert_eq!(text.as_bytes()[at], b'\n');
                assert_ne!(at.checked_sub(1).map(|at| text.as_bytes()[at]), Some(b'\r'));
            }
        }
    }

    #[test]
    fn what_has_a_body_begins_no_other_protocol() {
        let body = "1\r\nx\r\n0\r\n\r\n";
        for first in [
            format!(
                "POST / HTTP/1.1\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
            ),
            format!("CONNECT hub HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}"),
            "CONNECT hub HTTP/1.1\r\nContent-Length: 1\r\n\r\nx".to_owned(),
        ] {
            let text = format!("{first}GET / HTTP/1.1\nHost: hub\r\n\r\n");
            let lf = LineFault::InHead(first.len() + 14);
            assert_eq!(seen(&text), Some(lf), "{text:?}");
        }
    }

    #[test]
    fn a_body_ends_before_a_bare_lf() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for begun in ["1", "1;a=b", "1\r\nx\r\n0", "0\r\nx: y", "0\r\nx: y\r\n"] {
            let text = format!("{head}{begun}\n\r\n");
            let lf = LineFault::InBody(head.len() + begun.len());
            assert_eq!(seen(&text), Some(lf), "{text:?}");
        }
        for line in ["1;", "0\r\nx: "] {
            let mut heads = Heads::default();
            assert_eq!(heads.see(format!("{head}{line}").as_bytes()), Extent::Part);
            let found = (0..20).find_map(|_| first_fault(&mut heads, &[b'x'; 10_000]));
            assert_eq!(found, Some(LineFault::InBody(0)));
        }
    }

    #[test]
    fn a_line_without_end_takes_no_room_without_end() {
        let mut heads = Heads::default();
        for _ in 0..100 {
            assert_eq!(heads.see(&[b'x'; 10_000]), Extent::Part);
        }
        assert!(heads.line.capacity() <= 2 * LONGEST);
    }
}
