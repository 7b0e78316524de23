//! The fake hub's sockets: what is sent goes to a consumer, what is published to all subscribers.

use std::io;
use std::sync::{Arc, Mutex};

use actix_codec::Framed;
use actix_http::ws::{Codec, Frame, Message, hash_key};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedSender};

use super::Manner;

const LONGEST_TEXT: usize = 1 << 20;

/// Those who listen, and what they have done.
#[derive(Default)]
pub(super) struct Sockets {
    members: Vec<Member>,
    /// Of the last event.
    sequence: u64,
    /// Leases that were acknowledged.
    pub acknowledged: u64,
}

struct Member {
    /// `None`: a subscriber.
    service: Option<String>,
    texts: UnboundedSender<String>,
}

/// The payload is kept as text, since the order of its fields matters.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    service: Option<String>,
    message: Option<Item>,
    event: Option<Item>,
    #[serde(default)]
    leases: Vec<String>,
}

#[derive(Deserialize)]
struct Item {
    destination: Option<String>,
    payload: Box<RawValue>,
}

/// Answers the handshake and serves the socket until it ends.
pub(super) async fn serve(
    mut stream: TcpStream,
    key: &str,
    sockets: Arc<Mutex<Sockets>>,
    manner: Manner,
) -> io::Result<()> {
    let accept = hash_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {}\r\n\r\n",
        str::from_utf8(&accept).unwrap()
    );
    stream.write_all(head.as_bytes()).await?;
    let framed = Framed::new(stream, Codec::new().max_size(LONGEST_TEXT));
    let (mut sink, mut source) = framed.split();
    let (texts, mut to_say) = mpsc::unbounded_channel::<String>();
    tokio::spawn(async move {
        use futures_util::SinkExt;
        while let Some(text) = to_say.recv().await {
            if sink.send(Message::Text(text.into())).await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(Frame::Text(text))) = source.next().await {
        let answer = sockets.lock().unwrap().take_text(&text, &texts, manner);
        if let Some(answer) = answer {
            let _ = texts.send(answer);
        }
    }
    Ok(())
}

impl Sockets {
    fn take_text(
        &mut self,
        text: &[u8],
        own: &UnboundedSender<String>,
        manner: Manner,
    ) -> Option<String> {
        if text[0] != b'[' {
            return self.take(serde_json::from_slice(text).unwrap(), own, manner);
        }
        let frames: Vec<Said> = serde_json::from_slice(text).unwrap();
        let answers = frames
            .into_iter()
            .filter_map(|said| self.take(said, own, manner));
        let answers: Vec<String> = answers.collect();
        Some(format!("[{}]", answers.join(",")))
    }

    fn take(
        &mut self,
        said: Said,
        own: &UnboundedSender<String>,
        manner: Manner,
    ) -> Option<String> {
        let mut kind = "ok";
        match &*said.kind {
            "consume" | "subscribe" => self.members.push(Member {
                service: said.service.filter(|_| said.kind == "consume"),
                texts: own.clone(),
            }),
            "ack" => {
                self.acknowledged += said.leases.len() as u64;
                return None;
            }
            _ if manner == Manner::Refuses => {
                let reference = said.reference?;
                let error = r#"{"code":"QUEUE_FULL"}"#;
                return Some(format!(
                    r#"{{"type":"error","ref":"{reference}","error":{error}}}"#
                ));
            }
            "send" => {
                self.deliver(&said.message?, manner);
                kind = "accepted";
            }
            _ => {
                self.publish(&said.event?, manner);
                kind = "accepted";
            }
        }
        let reference = said.reference?;
        Some(format!(r#"{{"type":"{kind}","ref":"{reference}"}}"#))
    }

    fn deliver(&self, message: &Item, manner: Manner) {
        let mut members = self.members.iter();
        let Some(consumer) = members.find(|member| member.service == message.destination) else {
            return;
        };
        for payload in payloads(message, manner) {
            let message = format!(r#"{{"payload":{payload}}}"#);
            let text = format!(r#"{{"type":"message","message":{message},"lease":"token"}}"#);
            consumer.texts.send(text).unwrap();
        }
    }

    fn publish(&mut self, event: &Item, manner: Manner) {
        for payload in payloads(event, manner) {
            self.sequence += 1;
            let event = format!(r#"{{"data":{payload},"sequence":{}}}"#, self.sequence);
            let text = format!(r#"[{{"type":"event","event":{event}}}]"#);
            for member in self.members.iter().filter(|m| m.service.is_none()) {
                member.texts.send(text.clone()).unwrap();
            }
        }
    }
}

/// What is delivered for one payload: a changed one first, where the hub garbles.
fn payloads(item: &Item, manner: Manner) -> Vec<String> {
    let good = item.payload.get().to_owned();
    match manner {
        Manner::Garbles => vec![good.replacen("filler\":\"", "filler\":\"Z", 1), good],
        _ => vec![good],
    }
}
