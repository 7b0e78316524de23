use futures_util::stream;
use futures_util::{FutureExt, StreamExt};

use super::*;

type Chunks = stream::Iter<std::vec::IntoIter<Result<Bytes, PayloadError>>>;

/// A client's frame, with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..126) => frame.push(0x80 | short as u8),
        Ok(medium) => {
            frame.push(0x80 | 126);
            frame.extend(medium.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn read_budget() -> ReadBudget {
    ReadBudget::new(Pool::of(1 << 30), Peer::Unknown)
}

fn incoming(chunks: Vec<Vec<u8>>) -> Incoming<Chunks> {
    let chunks: Vec<_> = chunks.into_iter().map(|chunk| Ok(chunk.into())).collect();
    Incoming::new(
        stream::iter(chunks),
        Rc::default(),
        Gate::default(),
        read_budget(),
    )
}

/// Nothing but what came, and then silence.
fn silent(
    chunks: Vec<Vec<u8>>,
) -> Incoming<impl Stream<Item = Result<Bytes, PayloadError>> + Unpin> {
    let chunks: Vec<_> = chunks.into_iter().map(|chunk| Ok(chunk.into())).collect();
    let bytes = stream::iter(chunks).chain(stream::pending());
    Incoming::new(bytes, Rc::default(), Gate::default(), read_budget())
}

fn texts(read: Vec<Result<Message, ProtocolError>>) -> Vec<String> {
    let text = |message| match message {
        Ok(Message::Text(text)) => text.to_string(),
        other => panic!("{other:?}"),
    };
    read.into_iter().map(text).collect()
}

#[track_caller]
fn assert_ends_with(read: &[Result<Message, ProtocolError>], code: CloseCode) {
    match read.last() {
        Some(Err(error)) => assert_eq!(Trouble::close_code(error).0, code),
        other => panic!("{other:?}"),
    }
}

#[actix::test]
async fn messages_are_whole_however_their_bytes_are_cut() {
    let mut bytes = frame(0x81, b"one");
    bytes.extend(frame(0x01, b"t"));
    bytes.extend(frame(0x00, b""));
    bytes.extend(frame(0x80, b"wo"));
    bytes.extend(frame(0x81, &[b'x'; 70_000]));
    for size in [1, 7, 1000, bytes.len()] {
        let chunks = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        let read = texts(incoming(chunks).collect().await);
        assert_eq!(read[..2], ["one", "two"]);
        assert_eq!((read.len(), read[2].len()), (3, 70_000));
    }
}

#[actix::test]
async fn nothing_passes_a_closed_gate() {
    let mut incoming = incoming(vec![frame(0x81, b"a"), frame(0x81, b"b")]);
    let gate = incoming.gate.clone();
    assert!(incoming.next().await.is_some());
    gate.set_open(false);
    assert!(incoming.next().now_or_never().is_none());
    gate.set_open(true);
    assert!(incoming.next().await.is_some());
}

#[actix::test]
async fn a_message_that_will_be_too_long_ends_the_reading_when_it_says_so() {
    let long = frame(0x81, &vec![b' '; LONGEST + 1])[..14].to_vec();
    let read: Vec<_> = incoming(vec![frame(0x81, b"a"), long]).collect().await;
    assert_eq!(read.len(), 2);
    assert_ends_with(&read, CloseCode::Size);
    // In parts, of which each would be short enough.
    let half = vec![b' '; LONGEST / 2];
    let last = frame(0x80, b" ");
    let parts = vec![frame(0x01, &half), frame(0x00, &half), last];
    let read: Vec<_> = incoming(parts).collect().await;
    assert_eq!(read.len(), 1);
    assert_ends_with(&read, CloseCode::Size);
    let read: Vec<_> = incoming(vec![vec![0x89, 0xfe, 1, 0, 0, 0, 0, 0]])
        .collect()
        .await;
    assert_ends_with(&read, CloseCode::Protocol);
}

#[actix::test]
async fn nothing_comes_after_a_close_or_an_error() {
    let close = frame(0x88, &1000_u16.to_be_bytes());
    let again = [close.clone(), close, frame(0x81, b"a")].concat();
    let read: Vec<_> = incoming(vec![again]).collect().await;
    assert!(matches!(read[..], [Ok(Message::Close(_))]));
    let read: Vec<_> = incoming(vec![frame(0x81, &[0xff]), frame(0x81, b"a")])
        .collect()
        .await;
    assert_eq!(read.len(), 1);
    assert_ends_with(&read, CloseCode::Invalid);
}

/// However many parts of nothing there are, others have their turn.
#[actix::test]
async fn parts_without_end_are_taken_in_turns() {
    let mut parts = frame(0x01, b"x");
    for _ in 0..10 * TURN {
        parts.extend(frame(0x00, b""));
    }
    parts.extend(frame(0x80, b"y"));
    let mut incoming = incoming(vec![parts]);
    let mut turns = 0;
    let text = loop {
        turns += 1;
        if let Some(read) = incoming.next().now_or_never() {
            break read.unwrap().unwrap();
        }
    };
    assert_eq!(text, Message::Text("xy".into()));
    assert!(turns > 10, "{turns}");
}

#[actix::test]
async fn a_message_has_thirty_seconds_to_end() {
    tokio::time::pause();
    for begun in [
        frame(0x01, b""),
        vec![0x81],
        frame(0x81, b"whole")[..8].to_vec(),
    ] {
        let mut incoming = silent(vec![frame(0x81, b"before"), begun]);
        assert!(incoming.next().await.unwrap().is_ok());
        let started = Instant::now();
        let read = [incoming.next().await.unwrap()];
        assert_ends_with(&read, CloseCode::Policy);
        assert_eq!(started.elapsed().as_secs(), 30);
    }
    // Silence between messages is no fault.
    let mut incoming = silent(vec![frame(0x81, b"whole")]);
    assert!(incoming.next().await.is_some());
    let hour = Duration::from_secs(3600);
    assert!(tokio::time::timeout(hour, incoming.next()).await.is_err());
}

/// As those of a client do that is never done sending large ones.
#[actix::test]
async fn each_message_has_its_own_thirty_seconds() {
    tokio::time::pause();
    let whole = frame(0x81, b"ab");
    let (begin, end) = whole.split_at(7);
    let pieces = [begin.to_vec(), [end, begin].concat(), [end, begin].concat()];
    let bytes = stream::iter(pieces).then(|piece| async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok(Bytes::from(piece))
    });
    let bytes = Box::pin(bytes);
    let mut incoming = Incoming::new(bytes, Rc::default(), Gate::default(), read_budget());
    for _ in 0..2 {
        assert!(incoming.next().await.unwrap().is_ok());
    }
}

#[actix::test]
async fn what_has_not_ended_takes_room_from_its_first_byte_until_its_last() {
    let pool = Pool::of(2000);
    let begun = frame(0x81, &[b'x'; 900]);
    let (begin, end) = begun.split_at(begun.len() - 1);
    let open = |bytes: &[u8]| {
        let bytes = stream::iter([Ok(Bytes::copy_from_slice(bytes))]).chain(stream::pending());
        let read_budget = ReadBudget::new(pool.clone(), Peer::Unknown);
        Incoming::new(bytes, Rc::default(), Gate::default(), read_budget)
    };
    let mut one = open(begin);
    assert!(one.next().now_or_never().is_none());
    assert_eq!(pool.used(), begin.len());
    // A peer has half of the pool.
    let read = [open(begin).next().await.unwrap()];
    assert_ends_with(&read, CloseCode::Again);
    one.buffer.extend_from_slice(end);
    assert!(one.next().await.unwrap().is_ok());
    assert!(one.next().now_or_never().is_none());
    assert_eq!(pool.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_hub_is_not_the_fault_of_who_is_in_the_middle_of_a_message() {
    let began = Instant::now();
    let freeze = tokio::spawn(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Nobody is polled while this passes, as when the process is stopped.
        tokio::time::advance(10 * PATIENCE).await;
    });
    let mut incoming = silent(vec![frame(0x01, b"begun")]);
    let read = incoming.next().await;
    freeze.await.unwrap();
    assert!(began.elapsed() > 10 * PATIENCE + PATIENCE / 2);
    assert_ends_with(&read.into_iter().collect::<Vec<_>>(), CloseCode::Policy);
}
