//! How connections are read, and how they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::task::{ArcWake, waker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::closing::SILENCE;
use super::*;
use std::future::poll_fn;

const GET: &str = "GET / HTTP/1.1\r\nHost: hub\r\n\r\n";

async fn pair() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (server, client) = tokio::join!(listener.accept(), client);
    (Connection::new(server.unwrap().0), client.unwrap())
}

async fn close(connection: &mut Connection) {
    poll_fn(|context| Pin::new(&mut *connection).poll_shutdown(context))
        .await
        .unwrap();
}

#[actix::test]
async fn it_is_over_as_soon_as_the_client_closes_and_what_it_still_sent_harms_nothing() {
    let (mut connection, mut client) = pair().await;
    let started = Instant::now();
    let server = actix::spawn(async move {
        connection.write_all(b"answer").await.unwrap();
        close(&mut connection).await;
    });
    client.write_all(&[7; 1 << 20]).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"answer");
    drop(client);
    server.await.unwrap();
    assert!(started.elapsed() < SILENCE);
}

#[actix::test]
async fn a_client_may_go_on_writing_slowly() {
    let (mut connection, mut client) = pair().await;
    let server = actix::spawn(async move {
        connection.write_all(b"answer").await.unwrap();
        close(&mut connection).await;
    });
    let started = Instant::now();
    while started.elapsed() < SILENCE * 3 / 2 {
        client.write_all(&[7; 1 << 10]).await.unwrap();
        actix_web::rt::time::sleep(SILENCE / 10).await;
    }
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"answer");
    drop(client);
    server.await.unwrap();
}

#[actix::test]
async fn a_client_that_does_not_close_is_left() {
    let (mut connection, client) = pair().await;
    let started = Instant::now();
    close(&mut connection).await;
    assert!(started.elapsed() >= SILENCE);
    drop(client);
}

#[actix::test]
async fn a_socket_reads_no_more_than_was_asked_for() {
    let (mut connection, mut client) = pair().await;
    let line = connection.line();
    line.become_socket();
    client.write_all(&[7; 3 * AHEAD]).await.unwrap();
    let mut buffer = [0; AHEAD / 8];
    let mut read = 0;
    for asked in 1..=3 {
        while read < asked * AHEAD {
            read += connection.read(&mut buffer).await.unwrap();
        }
        assert!(connection.read(&mut buffer).now_or_never().is_none());
        assert!(line.ask_for_more());
    }
    assert!(!line.ask_for_more());
    assert_eq!(read, 3 * AHEAD);
}

/// Neither does it fail: both would end the session before it has done what came before.
#[actix::test]
async fn the_end_of_a_socket_is_noted_and_not_told() {
    let (mut connection, mut client) = pair().await;
    let line = connection.line();
    line.become_socket();
    client.write_all(b"last words").await.unwrap();
    drop(client);
    let mut buffer = [0; 100];
    assert_eq!(connection.read(&mut buffer).await.unwrap(), 10);
    assert!(!line.is_over());
    let ended = poll_fn(|context| {
        let mut buffer = ReadBuf::new(&mut buffer);
        let read = Pin::new(&mut connection).poll_read(context, &mut buffer);
        assert!(read.is_pending());
        match line.is_over() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    });
    ended.await;
    for _ in 0..10 {
        connection.write_all(&[7; 1 << 10]).await.unwrap();
    }
}

#[actix::test]
async fn whoever_waits_learns_that_a_client_says_no_more() {
    let (mut connection, mut client) = pair().await;
    let line = connection.line();
    let over = actix::spawn(async move { line.over().await });
    client.write_all(b"request").await.unwrap();
    client.shutdown().await.unwrap();
    let mut read = Vec::new();
    connection.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, b"request");
    over.await.unwrap();
    assert!(connection.line().is_over());
}

/// Reset, since it left something unread; what it had said has come all the same.
#[actix::test]
async fn what_a_client_said_before_the_connection_broke_is_read() {
    let (mut connection, mut client) = pair().await;
    connection.line().become_socket();
    connection.write_all(b"nobody reads this").await.unwrap();
    client.readable().await.unwrap();
    client.write_all(&[7; 1000]).await.unwrap();
    drop(client);
    for _ in 0..10 {
        connection.write_all(&[7; 1 << 10]).await.unwrap();
    }
    let mut buffer = [0; 2000];
    let read = connection.read(&mut buffer).now_or_never();
    assert_eq!(read.map(Result::unwrap), Some(1000));
}

/// How often somebody was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl ArcWake for Wakes {
    fn wake_by_ref(wakes: &Arc<Self>) {
        wakes.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What the server would read now; `None`: nothing.
fn look(connection: &mut Connection, wakes: &Arc<Wakes>) -> Option<usize> {
    let waker = waker(wakes.clone());
    let mut buffer = [0; 100];
    let mut buffer = ReadBuf::new(&mut buffer);
    match Pin::new(connection).poll_read(&mut Context::from_waker(&waker), &mut buffer) {
        Poll::Ready(read) => read.ok().map(|()| buffer.filled().len()),
        Poll::Pending => None,
    }
}

#[actix::test]
async fn an_answer_wakes_the_server_only_for_a_request_that_is_held() {
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (sent, woken) in [(1, 0), (2, 1)] {
        let (mut connection, mut client) = pair().await;
        client.write_all(&REQUEST.repeat(sent)).await.unwrap();
        connection.stream.readable().await.unwrap();
        let wakes = Arc::<Wakes>::default();
        assert_eq!(look(&mut connection, &wakes), Some(REQUEST.len()));
        assert_eq!(look(&mut connection, &wakes), None);
        connection.line().answer();
        assert_eq!(wakes.0.load(Ordering::SeqCst), woken);
        let next = (sent > 1).then_some(REQUEST.len());
        assert_eq!(look(&mut connection, &wakes), next);
    }
}

#[actix::test]
async fn a_head_that_takes_too_long_is_made_unreadable() {
    for (before, begun) in [("", "GET / HTTP/1.1\r\nx: "), (GET, "\r\n"), (GET, "G")] {
        let (mut connection, mut client) = pair().await;
        client.write_all(before.as_bytes()).await.unwrap();
        let mut buffer = [0; 100];
        if !before.is_empty() {
            let read = connection.read(&mut buffer).await.unwrap();
            assert_eq!(read, before.len());
            connection.line().answer();
        }
        client.write_all(begun.as_bytes()).await.unwrap();
        assert_eq!(connection.read(&mut buffer).await.unwrap(), begun.len());
        tokio::time::pause();
        let started = tokio::time::Instant::now();
        assert_eq!(connection.read(&mut buffer).await.unwrap(), 1);
        assert_eq!(buffer[0], 0);
        assert_eq!(started.elapsed().as_secs(), FOR_HEAD.as_secs());
        tokio::time::resume();
    }
}

#[actix::test]
async fn nobody_waits_for_the_rest_of_a_body_that_is_answered_for_ever() {
    let (mut connection, mut client) = pair().await;
    let begun = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n";
    client.write_all(begun).await.unwrap();
    let mut buffer = [0; 100];
    let read = connection.read(&mut buffer).await.unwrap();
    assert_eq!(read, begun.len());
    tokio::time::pause();
    let hour = Duration::from_secs(3600);
    let early = tokio::time::timeout(hour, connection.read(&mut buffer)).await;
    assert!(early.is_err(), "it is not answered yet");
    let line = connection.line();
    let answer = async {
        tokio::time::sleep(hour).await;
        line.answer();
    };
    // Nothing but the answer looks at the connection again.
    let late = tokio::time::timeout(hour * 2, connection.read(&mut buffer));
    let (late, ()) = tokio::join!(late, answer);
    assert_eq!(late.unwrap().unwrap(), 0);
}

#[actix::test]
async fn an_idle_connection_is_left_to_the_server() {
    let (mut connection, mut client) = pair().await;
    client.write_all(GET.as_bytes()).await.unwrap();
    let mut buffer = [0; 100];
    assert_eq!(connection.read(&mut buffer).await.unwrap(), GET.len());
    connection.line().answer();
    tokio::time::pause();
    let hour = Duration::from_secs(3600);
    let idle = tokio::time::timeout(hour, connection.read(&mut buffer)).await;
    assert!(idle.is_err());
}
