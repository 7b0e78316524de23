//! Offers to go on in another protocol.

use super::header::value_of;

/// The option that announces an offer, and the one that the server takes for an end of all
/// requests.
const OFFERS: [(&[u8], &[u8]); 2] = [(b"connection:", b"upgrade"), (b"upgrade:", b"websocket")];

/// Whether the first line of a request asks for one of these paths as a WebSocket is asked for.
pub(super) fn is_at(line: &[u8], paths: &[&str]) -> bool {
    let Some(target) = line.strip_prefix(b"GET ") else {
        return false;
    };
    let target = match target.strip_prefix(b"http://") {
        Some(whole) => {
            let host = whole.iter().take_while(|byte| **byte != b'/').count();
            &whole[host..]
        }
        None => target,
    };
    let is_end = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'?'));
    paths
        .iter()
        .any(|path| target.starts_with(path.as_bytes()) && is_end(target.get(path.len())))
}

/// Makes the offer in a header unreadable, as much of it as there is: `begun` of the line has been
/// passed on before, and `piece` is the rest or some of it.
pub(super) fn hide(begun: &[u8], piece: &mut [u8]) {
    for (name, word) in OFFERS {
        if begun.is_empty() {
            if value_of(piece, name).is_some() {
                spoil(&mut piece[name.len()..], word);
            }
        } else if is_named(begun, piece, name) {
            // A word that has been passed on whole was spoiled then.
            let before = begun.len().saturating_sub(word.len() - 1);
            let so_far = begun.iter().chain(&*piece).copied();
            let mut rest: Vec<u8> = so_far.skip(before.max(name.len())).collect();
            spoil(&mut rest, word);
            let new = rest.len().min(piece.len());
            let same = piece.len() - new;
            piece[same..].copy_from_slice(&rest[rest.len() - new..]);
        }
    }
}

fn is_named(begun: &[u8], piece: &[u8], name: &[u8]) -> bool {
    let mut given = begun.iter().chain(piece);
    name.iter().all(|letter| {
        given
            .next()
            .is_some_and(|byte| byte.eq_ignore_ascii_case(letter))
    })
}

/// Gives the word, wherever it is, another last letter.
fn spoil(bytes: &mut [u8], word: &[u8]) {
    for end in word.len()..=bytes.len() {
        if bytes[end - word.len()..end].eq_ignore_ascii_case(word) {
            bytes[end - 1] = b'-';
        }
    }
}
