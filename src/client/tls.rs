//! The client's side of TLS over any stream, read in large pieces.
//!
//! rustls does the cryptography. What tokio-rustls puts around it reads at most 4 KiB at a time, five times for each
//! record of a busy stream, and clears its buffer for each of them; here many records are read at once into one buffer.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ClientConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read at the most in one go.
const INPUT: usize = 128 * 1024;

/// The most that one record carries. RFC 8446, section 5.1.
const PAYLOAD: usize = 1 << 14;

/// The longest record, with its header and what encryption may add to it.
const LONGEST_RECORD: usize = 5 + PAYLOAD + 256;

/// Room for what TLS itself has to say, most of the time.
const SHORT: usize = 512;

/// Encrypted bytes that may wait to be sent before more is taken.
const MOST_UNSENT: usize = 64 * 1024;

/// A stream that is encrypted, after its handshake. What TLS itself has to say later, such as that keys were changed, goes
/// out in front of the next bytes that are written.
pub struct TlsStream<S> {
    io: S,
    tls: UnbufferedClientConnection,
    /// Bytes as they came, and which of them were not looked at.
    input: Vec<u8>,
    unread: Range<usize>,
    /// Decrypted bytes that nobody had room for, and how many of them were taken since.
    plain: Vec<u8>,
    taken: usize,
    /// Encrypted bytes, and how many of them were sent.
    output: Vec<u8>,
    sent: usize,
    /// The other side has said that it sends no more.
    is_over: bool,
    /// So has this side.
    is_closed: bool,
    /// Something came that cannot be, or not in its time.
    is_broken: bool,
}

/// What is to be sent once the handshake is over.
#[derive(Clone, Copy)]
enum Message<'a> {
    Nothing,
    Bytes(&'a [u8]),
    Farewell,
}

/// How far the records that are here have brought the connection.
enum Step {
    /// Something was decrypted, or is to be sent: there may be more to do.
    Onward,
    /// All that is here was used up, in the middle of the handshake.
    Shaking,
    /// The same, after the handshake; the message was encrypted.
    Idle,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Shakes hands with `name` over a stream.
    ///
    /// # Errors
    /// Those of the stream, and [`io::ErrorKind::InvalidData`] around a [`rustls::Error`].
    pub async fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        io: S,
    ) -> io::Result<Self> {
        let tls = UnbufferedClientConnection::new(config, name).map_err(invalid)?;
        let mut stream = Self {
            io,
            tls,
            input: vec![0; INPUT],
            unread: 0..0,
            plain: Vec::new(),
            taken: 0,
            output: Vec::new(),
            sent: 0,
            is_over: false,
            is_closed: false,
            is_broken: false,
        };
        poll_fn(|context| stream.poll_handshake(context)).await?;
        Ok(stream)
    }

    fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.step(None, Message::Nothing) {
                Ok(Step::Onward) => {}
                Ok(Step::Shaking) => {
                    // The other side may have to be heard out before it listens.
                    let _sent = self.poll_send(context)?;
                    ready!(self.poll_receive(context))?;
                }
                Ok(Step::Idle) => return self.poll_send(context),
                Err(error) => {
                    // The other side is told why, if it takes that at once.
                    let _ = self.poll_send(context);
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Works on one of the records that are here; what it holds goes to `room` as far as it fits. After an error nothing is
    /// done any more.
    fn step(&mut self, room: Option<&mut ReadBuf<'_>>, message: Message<'_>) -> io::Result<Step> {
        if self.is_broken {
            return Err(io::Error::other("TLS has failed on this connection before"));
        }
        let step = self.work(room, message);
        if step.is_err() {
            // The alert is fetched, if there is one; asked once more, rustls would look at the same record again and panic.
            let _ = self.work(None, Message::Nothing);
            self.is_broken = true;
        }
        step
    }

    fn work(&mut self, room: Option<&mut ReadBuf<'_>>, message: Message<'_>) -> io::Result<Step> {
        let records = &mut self.input[self.unread.clone()];
        let UnbufferedStatus { discard, state } = self.tls.process_tls_records(records);
        let mut used = discard;
        let step = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                let mut room = room;
                while let Some(record) = traffic.next_record() {
                    let record = record.map_err(invalid)?;
                    used += record.discard;
                    let fitting = room.as_ref().map_or(0, |room| room.remaining());
                    let (now, later) = record.payload.split_at(fitting.min(record.payload.len()));
                    if let Some(room) = &mut room {
                        room.put_slice(now);
                    }
                    self.plain.extend_from_slice(later);
                }
                Ok(Step::Onward)
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                append(&mut self.output, SHORT, |room| data.encode(room))?;
                Ok(Step::Onward)
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                // It stands in the output, before all that comes later.
                data.done();
                Ok(Step::Onward)
            }
            Ok(ConnectionState::PeerClosed) => {
                self.is_over = true;
                Ok(Step::Onward)
            }
            Ok(ConnectionState::BlockedHandshake) => Ok(Step::Shaking),
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                match message {
                    Message::Nothing => {}
                    Message::Bytes(bytes) => {
                        let room = bytes.len() + SHORT;
                        append(&mut self.output, room, |room| traffic.encrypt(bytes, room))?;
                    }
                    Message::Farewell => append(&mut self.output, SHORT, |room| {
                        traffic.queue_close_notify(room)
                    })?,
                }
                Ok(Step::Idle)
            }
            Ok(ConnectionState::Closed) => Ok(Step::Idle),
            // A client is sent no early data, and states yet unknown are no less strange.
            Ok(state) => Err(io::Error::other(format!("TLS came to {state:?}"))),
            Err(error) => Err(invalid(error)),
        };
        self.unread.start = (self.unread.start + used).min(self.unread.end);
        step
    }

    /// Brings a message to where it waits to be sent.
    fn queue(&mut self, message: Message<'_>) -> io::Result<()> {
        while let Step::Onward = self.step(None, message)? {}
        Ok(())
    }

    /// Reads what has come, behind what is there already.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.input.len() - self.unread.end < LONGEST_RECORD {
            self.input.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let mut room = ReadBuf::new(&mut self.input[self.unread.end..]);
        ready!(Pin::new(&mut self.io).poll_read(context, &mut room))?;
        let length = room.filled().len();
        if length == 0 {
            let error = "the connection ended without a word of TLS";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)));
        }
        self.unread.end += length;
        Poll::Ready(Ok(()))
    }

    /// Sends all that waits.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.output.len() {
            let unsent = &self.output[self.sent..];
            let length = ready!(Pin::new(&mut self.io).poll_write(context, unsent))?;
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += length;
        }
        self.output.clear();
        self.sent = 0;
        Pin::new(&mut self.io).poll_flush(context)
    }

    /// Hands out what was decrypted before.
    fn take(&mut self, room: &mut ReadBuf<'_>) {
        let left = &self.plain[self.taken..];
        let fitting = left.len().min(room.remaining());
        room.put_slice(&left[..fitting]);
        self.taken += fitting;
        if self.taken == self.plain.len() {
            self.plain.clear();
            self.taken = 0;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = room.filled().len();
        this.take(room);
        loop {
            let mut is_onward = true;
            // What does not fit is copied twice: that is left to a reader whose room is too small for any record.
            while is_onward && (room.filled().len() == before || room.remaining() >= PAYLOAD) {
                is_onward = room.remaining() > 0
                    && matches!(this.step(Some(room), Message::Nothing)?, Step::Onward);
            }
            if room.filled().len() > before || room.remaining() == 0 || this.is_over {
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_receive(context))?;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.output.len() - this.sent >= MOST_UNSENT {
            ready!(this.poll_send(context))?;
        }
        let bytes = &bytes[..bytes.len().min(MOST_UNSENT)];
        this.queue(Message::Bytes(bytes))?;
        // As much of it as is taken at once; `poll_flush` sees to the rest.
        if let Poll::Ready(Err(error)) = this.poll_send(context) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_closed {
            this.queue(Message::Farewell)?;
            this.is_closed = true;
        }
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.io).poll_shutdown(context)
    }
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Why something could not be put behind the output.
trait Cramped: std::error::Error + Send + Sync + 'static {
    /// What it would have taken, where it was the room.
    fn required(&self) -> Option<usize>;
}

impl Cramped for EncodeError {
    fn required(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::AlreadyEncoded => None,
        }
    }
}

impl Cramped for EncryptError {
    fn required(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::EncryptExhausted => None,
        }
    }
}

/// Puts behind `output` what `write` says, in so much room at first.
fn append<E: Cramped>(
    output: &mut Vec<u8>,
    room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> io::Result<()> {
    let before = output.len();
    let mut room = room;
    loop {
        output.resize(before + room, 0);
        match write(&mut output[before..]) {
            Ok(length) => {
                output.truncate(before + length);
                return Ok(());
            }
            Err(error) => {
                output.truncate(before);
                room = error
                    .required()
                    .filter(|required| *required > room)
                    .ok_or_else(|| io::Error::other(error))?;
            }
        }
    }
}

#[cfg(test)]
mod tests;
