//! The connection itself: the handshake, frames in and out, keep-alive and silence.
//!
//! The only file here that touches a socket. Must never know what a session or a link is for.

use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout};

use super::error::{ConnectionError, PeerError, Scope};
use super::input::{Input, Place};
use super::output::{MAX_FRAME_SIZE, Output};
use super::sasl;
use super::trace;
use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::frame::ProtocolHeader;
use crate::protocol::amqp::performative::{Close, Open, Performative};
use crate::protocol::amqp::value;
use crate::tracer::Tracer;

/// Channels that may be open at once; an event hub has 32 partitions at the most.
const CHANNEL_MAX: u16 = 255;

/// What this side asks the other to send something within, unless told otherwise.
pub const IDLE_TIME_OUT: Duration = Duration::from_secs(30);

/// How long a close waits for its answer.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// A stream of bytes to the other side: TLS, plain TCP, or what tests use.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<Io: AsyncRead + AsyncWrite + Send + Unpin> Duplex for Io {}

/// How long a connection waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long an answer may take.
    pub limit: Duration,
    /// What the other side is asked to send something within. Twice this without a byte, and the connection is dead.
    pub idle_time_out: Duration,
}

impl Timing {
    /// How long nothing may come before the connection counts as dead.
    fn silence(&self) -> Duration {
        self.idle_time_out.saturating_mul(2)
    }
}

/// One frame as it came, with at least a performative in it.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// This side's channel.
    pub channel: u16,
    /// The performative and the payload behind it.
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The performative and the payload behind it.
    ///
    /// # Errors
    /// [`ConnectionError::Malformed`].
    pub fn decode(&self) -> Result<(Performative<'a>, &'a [u8]), ConnectionError> {
        Ok(Performative::decode(self.body)?)
    }
}

/// An open connection.
pub struct Connection {
    stream: Box<dyn Duplex>,
    input: Input,
    /// Frames that wait to be sent; [`Connection::flush`] sends them off.
    pub output: Output,
    /// This side's channel by the other side's.
    channels: Vec<u16>,
    tracer: Tracer,
    timing: Timing,
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
        let now = Instant::now();
        let mut connection = Self {
            stream,
            input: Input::new(MAX_FRAME_SIZE),
            output: Output::new(tracer.clone()),
            channels: Vec::new(),
            tracer,
            timing,
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
        connection.output.send(0, &Performative::Open(open), &[]);
        connection.flush().await?;
        let frame = connection.answer("open").await?;
        let (Performative::Open(open), _) = frame.decode()? else {
            return Err(ConnectionError::Unexpected {
                what: "a frame before open",
            });
        };
        let idle_time_out = open.idle_time_out.filter(|milliseconds| *milliseconds > 0);
        if let Some(largest) = open.max_frame_size {
            connection.output.limit_frames(largest);
        }
        connection.keep_alive =
            idle_time_out.map(|milliseconds| Duration::from_millis(milliseconds.into()) / 2);
        Ok(connection)
    }

    /// Sends off what waits in [`Connection::output`]. May be dropped at any time.
    ///
    /// # Errors
    /// [`ConnectionError`] when the connection broke, or takes nothing in for too long.
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        if self.output.unsent().is_empty() {
            return Ok(());
        }
        self.last_sent = Instant::now();
        let (stream, output) = (&mut self.stream, &mut self.output);
        within(self.timing.limit, "sending", async {
            while !output.unsent().is_empty() {
                let length = stream.write(output.unsent()).await?;
                if length == 0 {
                    return Err(ConnectionError::HungUp);
                }
                output.note_sent(length);
            }
            Ok(stream.flush().await?)
        })
        .await
    }

    /// The next frame. Keeps the connection alive while it waits, without limit as long as keep-alives come.
    ///
    /// # Errors
    /// [`ConnectionError`] when the connection is closed, broken or dead. May be dropped at any time.
    pub async fn receive(&mut self) -> Result<Frame<'_>, ConnectionError> {
        let (channel, place) = loop {
            if let Some(found) = self.take()? {
                break found;
            }
            self.wait_for_bytes().await?;
        };
        let body = self.input.body(&place);
        Ok(Frame { channel, body })
    }

    /// The next frame, if it was read already, and where answers to it go.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    #[inline]
    pub fn next_read(&mut self) -> Result<Option<(Frame<'_>, &mut Output)>, ConnectionError> {
        let Some((channel, place)) = self.take()? else {
            return Ok(None);
        };
        let body = self.input.body(&place);
        Ok(Some((Frame { channel, body }, &mut self.output)))
    }

    /// Waits until something was read, not necessarily a whole frame.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub async fn wait_for_bytes(&mut self) -> Result<(), ConnectionError> {
        loop {
            let silent_at = self.last_received + self.timing.silence();
            let keep_alive_at = self.keep_alive.map(|after| self.last_sent + after);
            let wake_at = keep_alive_at.map_or(silent_at, |at| at.min(silent_at));
            tokio::select! {
                biased;
                length = self.stream.read(self.input.room()) => return self.note_read(length?),
                () = sleep_until(wake_at) => {
                    if wake_at == silent_at {
                        return Err(ConnectionError::Silent { limit: self.timing.silence() });
                    }
                    self.output.keep_alive();
                    self.flush().await?;
                }
            }
        }
    }

    /// Reads what is there already. False where there is nothing.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn read_ready(&mut self) -> Result<bool, ConnectionError> {
        match self.stream.read(self.input.room()).now_or_never() {
            Some(length) => self.note_read(length?).map(|()| true),
            None => Ok(false),
        }
    }

    fn note_read(&mut self, length: usize) -> Result<(), ConnectionError> {
        if length == 0 {
            return Err(ConnectionError::HungUp);
        }
        self.input.filled(length);
        self.last_received = Instant::now();
        Ok(())
    }

    /// The next frame, which has to come within the limit.
    ///
    /// # Errors
    /// As [`Connection::receive`], and [`ConnectionError::TimedOut`] with `waiting_for`.
    pub async fn answer(
        &mut self,
        waiting_for: &'static str,
    ) -> Result<Frame<'_>, ConnectionError> {
        within(self.timing.limit, waiting_for, self.receive()).await
    }

    /// The next frame that was read, on this side's channel; nothing comes of keep-alives.
    #[inline]
    fn take(&mut self) -> Result<Option<(u16, Place)>, ConnectionError> {
        while let Some(place) = self.input.next_frame()? {
            let body = self.input.body(&place);
            trace::frame(&self.tracer, '<', place.channel, body);
            if body.is_empty() {
                continue;
            }
            // Most frames are told by their descriptor alone, so that each is decoded but once, by whom it is for.
            let channel = match descriptor_of(body)? {
                descriptor::OPEN => 0,
                descriptor::BEGIN | descriptor::CLOSE => self.take_control(&place)?,
                _ => self.own_channel(place.channel)?,
            };
            return Ok(Some((channel, place)));
        }
        Ok(None)
    }

    #[inline]
    fn own_channel(&self, peer: u16) -> Result<u16, ConnectionError> {
        let own = self.channels.get(usize::from(peer)).copied();
        own.ok_or(ConnectionError::Unexpected {
            what: "a frame on a channel that nobody opened",
        })
    }

    fn take_control(&mut self, place: &Place) -> Result<u16, ConnectionError> {
        let (performative, _) = Performative::decode(self.input.body(place))?;
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
        self.map_channel(place.channel, own)?;
        Ok(own)
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
            self.output.send(0, &close, &[]);
            self.flush().await?;
            while self.receive().await.is_ok() {}
            Ok::<(), ConnectionError>(())
        };
        // Whether it is heard or not, the connection ends here.
        let _ = timeout(CLOSE_LIMIT, goodbye).await;
        let _ = timeout(CLOSE_LIMIT, self.stream.shutdown()).await;
    }
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
