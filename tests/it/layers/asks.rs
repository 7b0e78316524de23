//! Actors tell each other what they have to know, and wait for nobody: two that wait for each other
//! never go on.

use std::collections::BTreeMap;

use super::lists;
use super::source::{is_word, sources};

/// What a channel is called that is answered on, where sending waits for nobody; and the
/// application, one of whose operations has this name.
const CHANNELS: [&str; 6] = ["answer", "client", "hub", "ready", "reply", "self"];

#[test]
fn nobody_waits_for_an_actor() {
    let mut asks = BTreeMap::new();
    for source in sources() {
        let actors = receivers(&source.code).filter(|name| !CHANNELS.contains(name));
        let count = actors.count();
        if count > 0 {
            asks.insert(source.file.clone(), count);
        }
    }
    let instead = "sends and waits: tell it with do_send, and take the answer on a channel that is \
                   called `reply`";
    lists::may_only_shrink("asks.txt", &asks, instead);
}

/// On what `send` is called, by its last name.
fn receivers(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices(".send(").map(|(at, _)| {
        let before = code[..at].trim_end();
        let start = before.rfind(|c| !is_word(c)).map_or(0, |end| end + 1);
        &before[start..]
    })
}

#[test]
fn channels_are_told_from_actors() {
    let code = "reply.send(Ok(()));\nself.log\n    .send(Look).await;\nactors[0].send(Look);";
    assert_eq!(receivers(code).collect::<Vec<_>>(), ["reply", "log", ""]);
}
