//! Actors tell each other what they have to know, and wait for nobody: two that wait for each other
//! never go on.

use super::source::{is_word, sources};

/// Who may wait: the application, for its clients, on a thread where no actor lives that is asked;
/// and the start, before anything runs that could wait in turn.
const MAY_WAIT: [&str; 3] = [
    "src/hub/clients.rs",
    "src/runtime/replay.rs",
    "src/runtime/ring.rs",
];

/// What a channel is called that is answered on, where sending waits for nobody; and the
/// application, one of whose operations has this name.
const CHANNELS: [&str; 6] = ["answer", "client", "hub", "ready", "reply", "self"];

#[test]
fn nobody_waits_for_an_actor() {
    let (mut waiting, mut may_wait) = (Vec::new(), MAY_WAIT.to_vec());
    for source in sources() {
        let mut actors = receivers(&source.code).filter(|name| !CHANNELS.contains(name));
        if let Some(actor) = actors.next() {
            match may_wait.iter().position(|file| source.file == *file) {
                Some(at) => drop(may_wait.remove(at)),
                None => waiting.push(format!("{}: {actor}", source.file)),
            }
        }
    }
    assert!(
        waiting.is_empty(),
        "sends and waits: tell it with do_send, and take the answer on a channel that is called \
         `reply`: {waiting:#?}"
    );
    assert!(may_wait.is_empty(), "waits no more: {may_wait:?}");
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
