//! `message-hub wal export`: records as lines of JSON.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use super::walk::{Findings, Walk};
use crate::domain::ids::Position;
use crate::logic::journal::codec;
use crate::logic::journal::frame::Frame;
use crate::logic::journal::lifting::LeftBehind;
use crate::logic::journal::raw_body::RawBody;
use crate::logic::journal::records::Kind;

/// What [`export`] wrote and what it could not read.
#[derive(Debug, Default)]
pub struct Export {
    pub records: u64,
    pub findings: Findings,
    /// Events that are owed and were not there.
    pub left_behind: Vec<LeftBehind>,
}

/// Writes every readable record of the journal in `directory` as a line of JSON:
/// `{"position":1,"kind":"accepted","fact":{…}}`, with `"body_base64"` behind the fact where a
/// payload is bytes. Not what the next start would cut off.
///
/// # Errors
/// If the directory cannot be read or `output` cannot be written; damage is passed over and told.
pub fn export(directory: &Path, output: &mut dyn Write) -> io::Result<Export> {
    let mut output = BufWriter::new(output);
    let mut records = 0;
    let findings = Walk::open(directory)?.through(&mut |frame, _| {
        records += 1;
        write_line(frame, &mut output)
    })?;
    output.flush()?;
    Ok(Export {
        records,
        findings,
        left_behind: Vec::new(),
    })
}

pub(super) fn write_line(frame: &Frame, output: &mut dyn Write) -> io::Result<()> {
    let kind = match Kind::from_number(frame.kind) {
        Some(kind) => Cow::from(kind.name()),
        None => format!("kind {}", frame.kind).into(),
    };
    if frame.version != codec::RAW_VERSION {
        return write_record(frame.position, &kind, frame.body, output);
    }
    // What only a newer hub can take apart is handed on whole.
    let RawBody { head, bytes } = RawBody::split(frame.body).unwrap_or_else(|_| RawBody {
        head: b"null".to_vec(),
        bytes: frame.body.to_vec(),
    });
    begin_record(frame.position, &kind, &head, output)?;
    let bytes = Base64Display::new(&bytes, &STANDARD);
    writeln!(output, r#","body_base64":"{bytes}"}}"#)
}

pub(super) fn write_record(
    position: Position,
    kind: &str,
    body: &[u8],
    output: &mut dyn Write,
) -> io::Result<()> {
    begin_record(position, kind, body, output)?;
    output.write_all(b"}\n")
}

fn begin_record(
    position: Position,
    kind: &str,
    json: &[u8],
    output: &mut dyn Write,
) -> io::Result<()> {
    write!(output, r#"{{"position":{position},"kind":"{kind}","fact":"#)?;
    // A payload is kept as it was sent, with its line ends; in JSON these are mere space.
    for line in json.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        match line {
            [text @ .., b'\n' | b'\r'] => {
                output.write_all(text)?;
                output.write_all(b" ")?;
            }
            _ => output.write_all(line)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::payload::Payload;
    use crate::logic::journal::samples;

    /// The line of a message of bytes whose body begins with `first` instead.
    fn line(first: Option<u8>) -> String {
        let payload = Payload::raw(&b"\0\xff"[..], None);
        let mut body = Vec::new();
        codec::encode_body(&mut body, &samples::accepted_raw(1, payload));
        body[0] = first.unwrap_or(body[0]);
        let frame = Frame {
            offset: 0,
            position: 1,
            batch_index: 0,
            kind: Kind::Accepted as u8,
            version: codec::RAW_VERSION,
            is_joined: false,
            body: &body,
            bytes: &[],
        };
        let mut line = Vec::new();
        write_line(&frame, &mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn what_cannot_be_taken_apart_is_handed_on_whole() {
        let begin = r#"{"position":1,"kind":"accepted","fact":"#;
        let whole = line(None);
        assert!(whole.starts_with(&format!(r#"{begin}{{"id":"#)), "{whole}");
        assert!(whole.ends_with("\"body_base64\":\"AP8=\"}\n"), "{whole}");
        // No block begins with a zero.
        let other = line(Some(0));
        let expected = format!(r#"{begin}null,"body_base64":""#);
        assert!(other.starts_with(&expected), "{other}");
    }
}
