//! The connection itself: the handshake, frames in and out, keep-alive and silence.
//!
//! The only file here that touches a socket. Must never know what a session or a link is for.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fe2o3_amqp::frames::amqp;
use fe2o3_amqp::transport::Transport;
use futures_util::{FutureExt as _, Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};

use super::error::{ConnectionError, PeerError, Scope};
use super::sasl;
use super::trace::Tracer;
use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::frame::{FrameKind, ProtocolHeader, begin_frame, end_frame};
use crate::protocol::amqp::performative::{Close, Open, Performative};
use crate::protocol::amqp::value;

/// The largest frame that this side takes, in bytes; both services announce the same.
const MAX_FRAME_SIZE: u32 = 65_536;

/// Channels that may be open at once; an event hub has 32 partitions at the most.
const CHANNEL_MAX: u16 = 255;

/// What this side asks the other to send something within, unless told otherwise.
pub const IDLE_TIME_OUT: Duration = Duration::from_secs(30);

/// How long a close waits for its answer.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// A stream of bytes to the other side: TLS, plain TCP, or what tests use.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<Io: AsyncRead + AsyncWrite + Send + Unpin> Duplex for Io {}

type Reader = Pin<Box<dyn Stream<Item = io::Result<BytesMut>> + Send>>;
type Writer = Pin<Box<dyn Sink<Bytes, Error = io::Error> + Send>>;

/// How long a connection waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long an answer may take.
    pub limit: Duration,
    /// What the other side is asked to send something within. Twice this without a byte, and the connection is dead.
    pub idle_time_out: Duration,
}

impl Timing {
    /// Answers within `limit`, and [`IDLE_TIME_OUT`].
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            idle_time_out: IDLE_TIME_OUT,
        }
    }

    /// How long nothing may come before the connection counts as dead.
    fn silence(&self) -> Duration {
        self.idle_time_out.saturating_mul(2)
    }
}

/// One frame as it came, with at least a performative in it.
#[derive(Debug)]
pub struct Frame {
    /// This side's channel.
    pub channel: u16,
    /// The frame without its size.
    bytes: BytesMut,
    /// Where the body begins in `bytes`.
    start: usize,
}

impl Frame {
    /// The performative and the payload behind it.
    ///
    /// # Errors
    /// [`ConnectionError::Malformed`].
    pub fn decode(&self) -> Result<(Performative<'_>, &[u8]), ConnectionError> {
        Ok(Performative::decode(
            self.bytes.get(self.start..).unwrap_or_default(),
        )?)
    }
}

/// An open connection.
pub struct Connection {
    reader: Reader,
    writer: Writer,
    /// This side's channel by the other side's.
    channels: Vec<u16>,
    tracer: Tracer,
    timing: Timing,
    /// The largest frame that the other side takes, in bytes.
    largest_frame: usize,
    /// After how long this side sends something, if only an empty frame.
    keep_alive: Option<Duration>,
    last_sent: Instant,
    last_received: Instant,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Opens an AMQP connection on a stream, as a container named `container`, as patient as `timing`.
    ///
    /// # Errors
    /// [`ConnectionError`] tells how far it came.
    pub async fn open(
        mut stream: Box<dyn Duplex>,
        hostname: &str,
        container: &str,
        timing: Timing,
        tracer: Tracer,
    ) -> Result<Self, ConnectionError> {
        let layers = async {
            sasl::negotiate(&mut stream, hostname).await?;
            sasl::exchange_header(&mut stream, ProtocolHeader::Amqp).await
        };
        within(timing.limit, "SASL", layers).await?;
        let max_frame = usize::try_from(MAX_FRAME_SIZE).unwrap_or(usize::MAX);
        let transport = Transport::<_, amqp::Frame>::bind(stream, max_frame, None);
        let (writer, reader) = transport.into_framed_codec();
        let now = Instant::now();
        let mut connection = Self {
            reader: Box::pin(reader),
            writer: Box::pin(writer),
            channels: Vec::new(),
            tracer,
            timing,
            largest_frame: max_frame,
            keep_alive: None,
            last_sent: now,
            last_received: now,
        };
        let open = Open {
            container_id: container,
            hostname: Some(hostname),
            max_frame_size: Some(MAX_FRAME_SIZE),
            channel_max: Some(CHANNEL_MAX),
            idle_time_out: u32::try_from(timing.idle_time_out.as_millis()).ok(),
            ..Open::default()
        };
        connection.send(0, &Performative::Open(open), &[]).await?;
        connection.flush().await?;
        let frame = connection.answer("open").await?;
        let (Performative::Open(open), _) = frame.decode()? else {
            return Err(ConnectionError::Unexpected {
                what: "a frame before open",
            });
        };
        if let Some(largest) = open.max_frame_size.and_then(|size| size.try_into().ok()) {
            connection.largest_frame = max_frame.min(largest);
        }
        connection.keep_alive = open
            .idle_time_out
            .filter(|milliseconds| *milliseconds > 0)
            .map(|milliseconds| Duration::from_millis(milliseconds.into()) / 2);
        Ok(connection)
    }

    /// How long an answer may take.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.timing.limit
    }

    /// The largest frame that both sides take, in bytes.
    #[must_use]
    pub fn largest_frame(&self) -> usize {
        self.largest_frame
    }

    /// Puts a performative and a payload into the way out; [`Connection::flush`] sends them off.
    ///
    /// # Errors
    /// [`ConnectionError`] when the connection broke.
    pub async fn send(
        &mut self,
        channel: u16,
        performative: &Performative<'_>,
        payload: &[u8],
    ) -> Result<(), ConnectionError> {
        let mut frame = encode(channel, performative);
        if !payload.is_empty() {
            frame.extend_from_slice(payload);
            end_frame(&mut frame, 0);
        }
        self.send_encoded(frame).await
    }

    /// Puts a frame that [`encode`] made into the way out.
    ///
    /// # Errors
    /// [`ConnectionError`] when the connection broke.
    pub async fn send_encoded(&mut self, frame: Vec<u8>) -> Result<(), ConnectionError> {
        // The transport writes the size itself.
        let frame = Bytes::from(frame).split_off(4);
        if let Some((&[_, _, high, low], body)) = frame.split_first_chunk() {
            self.tracer
                .frame('>', u16::from_be_bytes([high, low]), body);
        }
        self.last_sent = Instant::now();
        within(self.timing.limit, "sending", async {
            Ok(self.writer.feed(frame).await?)
        })
        .await
    }

    /// Sends off what was put into the way out.
    ///
    /// # Errors
    /// [`ConnectionError`] when the connection broke, or takes nothing in for too long.
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        within(self.timing.limit, "sending", async {
            Ok(self.writer.flush().await?)
        })
        .await
    }

    /// The next frame. Keeps the connection alive while it waits, without limit as long as keep-alives come.
    ///
    /// # Errors
    /// [`ConnectionError`] when the connection is closed, broken or dead. May be dropped at any time.
    pub async fn receive(&mut self) -> Result<Frame, ConnectionError> {
        loop {
            let silent_at = self.last_received + self.timing.silence();
            let keep_alive_at = self.keep_alive.map(|after| self.last_sent + after);
            let wake_at = keep_alive_at.map_or(silent_at, |at| at.min(silent_at));
            tokio::select! {
                biased;
                item = self.reader.next() => {
                    if let Some(frame) = self.take(item)? {
                        return Ok(frame);
                    }
                }
                () = sleep_until(wake_at) => {
                    if wake_at == silent_at {
                        return Err(ConnectionError::Silent { limit: self.timing.silence() });
                    }
                    self.send_encoded(vec![0, 0, 0, 8, 2, 0, 0, 0]).await?;
                    self.flush().await?;
                }
            }
        }
    }

    /// The next frame, if it is there already.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn receive_ready(&mut self) -> Result<Option<Frame>, ConnectionError> {
        while let Some(item) = self.reader.next().now_or_never() {
            if let Some(frame) = self.take(item)? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// The next frame, which has to come within the limit.
    ///
    /// # Errors
    /// As [`Connection::receive`], and [`ConnectionError::TimedOut`] with `waiting_for`.
    pub async fn answer(&mut self, waiting_for: &'static str) -> Result<Frame, ConnectionError> {
        within(self.timing.limit, waiting_for, self.receive()).await
    }

    /// Takes a frame in; nothing comes of a keep-alive.
    fn take(
        &mut self,
        item: Option<io::Result<BytesMut>>,
    ) -> Result<Option<Frame>, ConnectionError> {
        let bytes = item.ok_or(ConnectionError::HungUp)??;
        self.last_received = Instant::now();
        let Some(&[data_offset, kind, high, low]) = bytes.first_chunk::<4>() else {
            return Err(malformed("frame header"));
        };
        let start = usize::from(data_offset) * 4;
        if kind != 0 || start < 8 || start - 4 > bytes.len() {
            return Err(malformed("frame header"));
        }
        let start = start - 4;
        self.tracer
            .frame('<', u16::from_be_bytes([high, low]), &bytes[start..]);
        if start == bytes.len() {
            return Ok(None);
        }
        let peer = u16::from_be_bytes([high, low]);
        let mut frame = Frame {
            channel: 0,
            bytes,
            start,
        };
        // Most frames are told by their descriptor alone, so that each is decoded but once, by whom it is for.
        match descriptor_of(&frame.bytes[start..])? {
            descriptor::OPEN => {}
            descriptor::BEGIN | descriptor::CLOSE => self.take_control(&mut frame, peer)?,
            _ => {
                let own = self.channels.get(usize::from(peer)).copied();
                frame.channel = own.ok_or(ConnectionError::Unexpected {
                    what: "a frame on a channel that nobody opened",
                })?;
            }
        }
        Ok(Some(frame))
    }

    fn take_control(&mut self, frame: &mut Frame, peer: u16) -> Result<(), ConnectionError> {
        let (performative, _) = frame.decode()?;
        if let Performative::Close(close) = performative {
            let error = PeerError::new(Scope::Connection, close.error.as_ref());
            return Err(Box::new(error).into());
        }
        let own = if let Performative::Begin(begin) = performative {
            begin.remote_channel
        } else {
            None
        };
        let own = own.ok_or(ConnectionError::Unexpected {
            what: "a session that the service began",
        })?;
        frame.channel = own;
        self.map_channel(peer, own)
    }

    fn map_channel(&mut self, peer: u16, own: u16) -> Result<(), ConnectionError> {
        if peer > CHANNEL_MAX {
            return Err(ConnectionError::Unexpected {
                what: "a channel beyond the agreed ones",
            });
        }
        let index = usize::from(peer);
        if self.channels.len() <= index {
            self.channels.resize(index + 1, peer);
        }
        self.channels[index] = own;
        Ok(())
    }

    /// Takes leave, and waits a moment for the answer. Frames that are still on their way are dropped.
    pub async fn close(mut self) {
        let goodbye = async {
            let close = Performative::Close(Close { error: None });
            self.send(0, &close, &[]).await?;
            self.flush().await?;
            while self.receive().await.is_ok() {}
            Ok::<(), ConnectionError>(())
        };
        // Whether it is heard or not, the connection ends here.
        let _ = timeout(CLOSE_LIMIT, goodbye).await;
        let _ = timeout(CLOSE_LIMIT, self.writer.close()).await;
    }
}

/// A whole frame of a performative.
#[must_use]
pub fn encode(channel: u16, performative: &Performative<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    let start = begin_frame(&mut frame, FrameKind::Amqp, channel);
    performative.encode(&mut frame);
    end_frame(&mut frame, start);
    frame
}

/// The descriptor at the front of a frame's body.
fn descriptor_of(body: &[u8]) -> Result<u64, ConnectionError> {
    if let Some(&[0, 0x53, code]) = body.first_chunk() {
        return Ok(code.into());
    }
    let (value, _) = value::decode(body)?;
    value
        .as_described()
        .and_then(|described| described.code())
        .ok_or_else(|| malformed("performative"))
}

fn malformed(what: &'static str) -> ConnectionError {
    DecodeError::Malformed { what }.into()
}

/// What `future` gives, if it does within `limit`.
async fn within<T>(
    limit: Duration,
    waiting_for: &'static str,
    future: impl Future<Output = Result<T, ConnectionError>>,
) -> Result<T, ConnectionError> {
    timeout(limit, future)
        .await
        .unwrap_or(Err(ConnectionError::TimedOut { waiting_for, limit }))
}
