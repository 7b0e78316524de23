//! What the server says by itself to what it cannot read as a request, made an answer like others.

use std::rc::Rc;

use actix_web::web;
use bytes::Bytes;

use super::LOG;
use super::error::{HttpError, NoRequest};
use super::request_id::RequestId;
use crate::hub::Hub;

/// The server's own answers are shorter.
const LONGEST: usize = 192;

/// Makes the whole answer, head and all.
pub type Explain = Rc<dyn Fn(NoRequest) -> Bytes>;

pub fn explain(hub: &web::Data<Hub>) -> Explain {
    let hub = hub.clone();
    Rc::new(move |fault| {
        let (error, id) = (HttpError::NoRequest(fault), RequestId::made());
        let (code, status, request_id) = (error.code().name(), error.status(), id.as_str());
        tracing::debug!(target: LOG, request_id, code, %error, "refused");
        let body = error.body(&id, hub.clock.wall()).to_string();
        let answer = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncache-control: no-store\r\n\
             content-type: application/json\r\nx-content-type-options: nosniff\r\n\
             x-request-id: {request_id}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        answer.into()
    })
}

/// Where such an answer begins, if what is to be written ends with one: it has no request id, which
/// all answers of the hub have.
pub fn bare(bytes: &[u8]) -> Option<(usize, NoRequest)> {
    let Some(b"\r\n\r\n") = bytes.last_chunk() else {
        return None;
    };
    let from = bytes.len().saturating_sub(LONGEST);
    let begins = b"HTTP/1.";
    let begin = from
        + bytes[from..]
            .windows(begins.len())
            .rposition(|some| some == begins)?;
    let mut lines = str::from_utf8(&bytes[begin..])
        .ok()?
        .trim_end()
        .split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?;
    // The server gives it first, and no value of a header can be taken for the lines of an answer.
    let is_empty = lines.next()? == "content-length: 0";
    let is_bare = is_empty
        && lines.all(|line| {
            ["connection: ", "date: "]
                .iter()
                .any(|known| line.starts_with(known))
        });
    let fault = match status {
        "400" => NoRequest::Malformed,
        "408" => NoRequest::Late,
        "431" => NoRequest::TooLarge,
        _ => return None,
    };
    is_bare.then_some((begin, fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\
                        connection: close\r\ndate: Mon, 30 Nov 2026 08:00:00 GMT\r\n\r\n";

    #[test]
    fn a_bare_answer_is_found_behind_others() {
        assert_eq!(bare(BARE.as_bytes()), Some((0, NoRequest::TooLarge)));
        let ok = "HTTP/1.1 204 No Content\r\nx-request-id: 1\r\n\r\n";
        let both = format!("{ok}{BARE}");
        assert_eq!(bare(both.as_bytes()), Some((ok.len(), NoRequest::TooLarge)));
    }

    #[test]
    fn an_answer_of_the_hub_is_none() {
        for own in [
            BARE.replace("date", "x-request-id: 1\r\ndate"),
            BARE.replace("431", "204"),
            BARE.replace("length: 0", "length: 2")
                .replace("\r\n\r\n", "\r\n\r\n{}"),
            format!("{BARE}more"),
            // What a client gave as the id of its request.
            "HTTP/1.1 204 No Content\r\nx-request-id: HTTP/1.1 400\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-request-id: HTTP/1.1 400\r\n\
             date: Mon, 30 Nov 2026 08:00:00 GMT\r\n\r\n"
                .to_owned(),
            "\r\n\r\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(bare(own.as_bytes()), None, "{own}");
        }
    }
}
