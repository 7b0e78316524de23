//! A server that does what it is told, with each request, over any number of connections.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// What is done with one request.
#[derive(Clone)]
pub(super) struct Script {
    pieces: Vec<Vec<u8>>,
    pause: Duration,
    is_closing: bool,
}

impl Script {
    pub(super) fn answering(pieces: &[&[u8]]) -> Self {
        Self {
            pieces: pieces.iter().map(|piece| piece.to_vec()).collect(),
            pause: Duration::from_millis(1),
            is_closing: false,
        }
    }

    /// With a pause between the pieces.
    pub(super) fn slowly(self) -> Self {
        let pause = Duration::from_millis(20);
        Self { pause, ..self }
    }

    pub(super) fn and_closing(self) -> Self {
        let is_closing = true;
        Self { is_closing, ..self }
    }

    /// Answers, and closes the connection a moment later.
    pub(super) fn closing_unasked(answer: &[u8]) -> Self {
        Self::answering(&[answer, b""]).and_closing()
    }

    /// Closes the connection instead of an answer.
    pub(super) fn closing_when_asked() -> Self {
        Self::answering(&[]).and_closing()
    }
}

#[derive(Default)]
struct State {
    scripts: RefCell<VecDeque<Script>>,
    heads: RefCell<Vec<String>>,
    connections: Cell<usize>,
}

pub(super) struct Server {
    port: u16,
    state: Rc<State>,
}

impl Server {
    /// The last script is for all further requests as well, unless it closes: then it is the first.
    pub(super) async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Rc::new(State::default());
        state.scripts.borrow_mut().extend(scripts);
        let serving = state.clone();
        tokio::task::spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serving.connections.set(serving.connections.get() + 1);
                tokio::task::spawn_local(serve(stream, serving.clone()));
            }
        });
        Self { port, state }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Of the requests, in order.
    pub(super) fn heads(&self) -> Vec<String> {
        self.state.heads.borrow().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.state.connections.get()
    }
}

async fn serve(mut stream: TcpStream, state: Rc<State>) {
    while let Some(head) = read_request(&mut stream).await {
        state.heads.borrow_mut().push(head);
        let script = {
            let mut scripts = state.scripts.borrow_mut();
            let script = scripts.pop_front().unwrap();
            if scripts.is_empty() {
                scripts.push_back(script.clone());
            }
            script
        };
        for piece in &script.pieces {
            let _ = stream.write_all(piece).await;
            sleep(script.pause).await;
        }
        if script.is_closing {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
    Some(head)
}
