//! A service that the hub delivers to: it answers as told and remembers what it got.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::authority::Identity;
use super::wire::Head;
use super::{eventually, pause};

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// A status with header lines.
    With(u16, &'static [&'static str]),
    /// A success with so many bytes of body.
    Body(usize),
    After(Duration, u16),
    /// No answer, on an open connection.
    Hang,
    /// The connection is reset while the request is still being sent.
    Reset,
    /// Bytes that are no HTTP.
    Garbage,
}

#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub at: Instant,
    pub head: Head,
    pub body: String,
}

impl Received {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }
}

pub(crate) struct FakeService {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// Says what to answer to a request.
type Decide = Box<dyn Fn(&Received) -> Reply + Send + Sync>;

struct Shared {
    decide: Option<Decide>,
    tls: Option<Arc<ServerConfig>>,
    script: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Reply>,
    received: Mutex<Vec<Received>>,
    streams: Mutex<Vec<TcpStream>>,
    stopped: AtomicBool,
}

impl FakeService {
    /// Answers everything with 200.
    pub(crate) fn start() -> Self {
        Self::answering(Reply::Status(200))
    }

    pub(crate) fn answering(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::listen(listener, reply, None, None)
    }

    /// Speaks TLS, as whoever it says it is.
    pub(crate) fn with_tls(identity: &Identity) -> Self {
        Self::speaking(identity.server())
    }

    /// Speaks TLS, in a way of its own.
    pub(crate) fn speaking(tls: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::listen(listener, Reply::Status(200), None, Some(tls))
    }

    /// Looks at each request before it answers; several are looked at side by side.
    pub(crate) fn deciding(decide: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::listen(listener, Reply::Status(200), Some(Box::new(decide)), None)
    }

    /// A service that comes back to where an earlier one was.
    pub(crate) fn back_at(address: SocketAddr) -> Self {
        Self::listen(bind_again(address), Reply::Status(200), None, None)
    }

    /// As [`FakeService::back_at`] and [`FakeService::deciding`].
    pub(crate) fn back_at_deciding(
        address: SocketAddr,
        decide: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let decide: Decide = Box::new(decide);
        Self::listen(bind_again(address), Reply::Status(200), Some(decide), None)
    }

    fn listen(
        listener: TcpListener,
        reply: Reply,
        decide: Option<Decide>,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            decide,
            tls,
            script: Mutex::default(),
            otherwise: Mutex::new(reply),
            received: Mutex::default(),
            streams: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        std::thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it is under a name, with TLS.
    pub(crate) fn secure_url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }

    /// How many connections there were so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.streams.lock().unwrap().len()
    }

    /// What to answer next, in this order, before falling back to the usual answer.
    pub(crate) fn then(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.shared.script.lock().unwrap().extend(replies);
        self
    }

    /// Changes the usual answer.
    pub(crate) fn now_answers(&self, reply: Reply) {
        *self.shared.otherwise.lock().unwrap() = reply;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }

    /// Waits for so many requests in all.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} requests arrive"), || {
            self.count() >= count
        });
        self.received()
    }
}

impl Drop for FakeService {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener up.
        let _ = TcpStream::connect(self.address);
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn bind_again(address: SocketAddr) -> TcpListener {
    let mut listener = None;
    eventually("the address is free again", || {
        listener = TcpListener::bind(address).ok();
        listener.is_some()
    });
    listener.expect("bound above")
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if let Ok(clone) = stream.try_clone() {
            shared.streams.lock().unwrap().push(clone);
        }
        let shared = shared.clone();
        std::thread::spawn(move || {
            // The hub may go away in the middle of anything.
            let _ = match &shared.tls {
                Some(tls) => serve_with_tls(&stream, tls, &shared),
                None => serve(&stream, &shared),
            };
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

fn serve_with_tls(stream: &TcpStream, tls: &Arc<ServerConfig>, shared: &Shared) -> io::Result<()> {
    let connection = ServerConnection::new(tls.clone()).map_err(io::Error::other)?;
    let served = serve(StreamOwned::new(connection, stream), shared);
    if served.is_err() {
        // What is unread when it closes would take an alert back.
        stream.shutdown(Shutdown::Write)?;
        io::copy(&mut &*stream, &mut io::sink())?;
    }
    served
}

fn serve(stream: impl Read + Write, shared: &Shared) -> io::Result<()> {
    // A small buffer, so that a reset finds the rest of the request unread.
    let mut reader = BufReader::with_capacity(64, stream);
    while !shared.stopped.load(Ordering::SeqCst) {
        let head = Head::read(&mut reader)?;
        let scripted = shared.script.lock().unwrap().pop_front();
        let reply = scripted.unwrap_or_else(|| shared.otherwise.lock().unwrap().clone());
        let at = Instant::now();
        let body = match reply {
            Reply::Reset => String::new(),
            _ => head.read_body(&mut reader)?,
        };
        let received = Received { at, head, body };
        let reply = match &shared.decide {
            Some(decide) => decide(&received),
            None => reply,
        };
        shared.received.lock().unwrap().push(received);
        let writer = reader.get_mut();
        match reply {
            Reply::Status(status) => answer(writer, status, &[], b"")?,
            Reply::With(status, headers) => answer(writer, status, headers, b"")?,
            Reply::Body(bytes) => answer(writer, 200, &[], &vec![b'x'; bytes])?,
            Reply::After(delay, status) => {
                while at.elapsed() < delay && !shared.stopped.load(Ordering::SeqCst) {
                    pause();
                }
                answer(writer, status, &[], b"")?;
            }
            Reply::Hang => drop(reader.read(&mut [0])?),
            // A socket that is closed with bytes unread sends a reset.
            Reply::Reset => return Ok(()),
            Reply::Garbage => writer.write_all(b"\0\x01\x02 this is no HTTP\r\n\r\n")?,
        }
    }
    Ok(())
}

fn answer(writer: &mut impl Write, status: u16, headers: &[&str], body: &[u8]) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Whatever\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    if status != 204 {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    writer.write_all(&bytes)
}
