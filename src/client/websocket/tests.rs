//! The stream of bytes against a scripted server: whatever way it is cut into messages, it is the same stream.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;

/// Both ends of a WebSocket: ours as bytes, the other as messages. The pipe between them holds `room` bytes.
async fn pair(
    room: usize,
) -> (
    impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    WebSocketStream<DuplexStream>,
) {
    let (ours, theirs) = duplex(room);
    let ours = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    let theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
    (byte_stream(ours), theirs)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

#[derive(Debug, Clone)]
enum Piece {
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        3 => proptest::collection::vec(any::<u8>(), 0..700).prop_map(Piece::Binary),
        1 => proptest::collection::vec(any::<u8>(), 0..100).prop_map(Piece::Ping),
        1 => Just(Piece::Pong),
    ]
}

proptest! {
    #[test]
    fn what_comes_is_one_stream_however_it_was_cut(
        pieces in proptest::collection::vec(piece(), 0..20),
        room in 1_usize..2000,
        step in 1_usize..500,
    ) {
        let sent: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| match piece {
                Piece::Binary(bytes) => bytes.clone(),
                Piece::Ping(_) | Piece::Pong => Vec::new(),
            })
            .collect();
        let pings: Vec<Vec<u8>> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Ping(bytes) => Some(bytes.clone()),
                Piece::Binary(_) | Piece::Pong => None,
            })
            .collect();
        let (read, pongs) = run(async move {
            let (mut ours, theirs) = pair(room).await;
            let (mut to_us, mut from_us) = theirs.split();
            let sending = async move {
                for piece in pieces {
                    let message = match piece {
                        Piece::Binary(bytes) => Message::Binary(bytes.into()),
                        Piece::Ping(bytes) => Message::Ping(bytes.into()),
                        Piece::Pong => Message::Pong(Bytes::new()),
                    };
                    to_us.send(message).await.unwrap();
                }
                to_us.close().await.unwrap();
            };
            let hearing = async move {
                let mut pongs = Vec::new();
                while let Some(Ok(message)) = from_us.next().await {
                    if let Message::Pong(bytes) = message {
                        pongs.push(bytes.to_vec());
                    }
                }
                pongs
            };
            let reading = async move {
                let mut read = Vec::new();
                let mut piece = vec![0; step];
                loop {
                    match ours.read(&mut piece).await.unwrap() {
                        0 => return read,
                        count => read.extend_from_slice(&piece[..count]),
                    }
                }
            };
            let ((), pongs, read) = futures_util::join!(sending, hearing, reading);
            (read, pongs)
        });
        prop_assert_eq!(read, sent);
        // One pong may stand for several pings (RFC 6455, 5.5.3), and each is for a ping that came; the last is never left out.
        let mut left = pings.iter();
        for pong in &pongs {
            prop_assert!(left.any(|ping| ping == pong));
        }
    }

    #[test]
    fn what_is_written_arrives_whole_and_in_order(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..3000), 0..20),
        room in 1_usize..2000,
    ) {
        let sent: Vec<u8> = pieces.concat();
        let read = run(async move {
            let (mut ours, mut theirs) = pair(room).await;
            let writing = async move {
                for piece in pieces {
                    ours.write_all(&piece).await.unwrap();
                    ours.flush().await.unwrap();
                }
                ours.shutdown().await.unwrap();
                // Reading to the end, as the farewell of an AMQP connection does.
                let mut rest = Vec::new();
                let _ = ours.read_to_end(&mut rest).await;
            };
            let reading = async move {
                let mut read = Vec::new();
                let mut is_closed = false;
                while let Some(Ok(message)) = theirs.next().await {
                    is_closed |= message.is_close();
                    if let Message::Binary(bytes) = message {
                        read.extend_from_slice(&bytes);
                    }
                }
                assert!(is_closed, "it went without a close");
                read
            };
            futures_util::join!(writing, reading).1
        });
        prop_assert_eq!(read, sent);
    }
}

/// How a read ends after the server has sent `last` behind two bytes and gone.
async fn end_after(last: Option<Message>) -> io::Result<usize> {
    let (mut ours, mut theirs) = pair(1000).await;
    theirs.send(Message::Binary("ab".into())).await.unwrap();
    if let Some(message) = last {
        theirs.send(message).await.unwrap();
    }
    drop(theirs);
    let mut bytes = [0; 2];
    ours.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ab");
    ours.read(&mut bytes).await
}

fn close(code: CloseCode, reason: &str) -> Message {
    Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }))
}

#[test]
fn a_farewell_ends_the_stream() {
    for last in [Message::Close(None), close(CloseCode::Normal, "done")] {
        assert_eq!(run(end_after(Some(last))).unwrap(), 0);
    }
}

#[test]
fn a_close_for_a_reason_is_told() {
    let error = run(end_after(Some(close(CloseCode::Policy, "go\naway")))).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    assert_eq!(
        error.to_string(),
        "the WebSocket was closed with 1008: go away"
    );
}

#[test]
fn a_connection_that_is_cut_has_come_to_an_unexpected_end() {
    let error = run(end_after(None)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn text_is_no_amqp() {
    let error = run(end_after(Some(Message::Text("hello".into())))).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}
