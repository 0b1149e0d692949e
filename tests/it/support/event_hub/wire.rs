//! Bytes in and out: TLS or not, the security layer, frames.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hubctl::protocol::amqp::frame::{
    FrameHeader, FrameKind, ProtocolHeader, begin_frame, end_frame,
};
use hubctl::protocol::amqp::performative::{Performative, SaslMechanisms, SaslOutcome, Symbols};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The largest frame that the hub takes.
const LARGEST_FRAME: u32 = 65_536;

/// A connection to a client.
pub enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    /// Accepts a client. When it is dropped, the connection is reset; to end it otherwise, it is shut down first.
    pub async fn accept(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_zero_linger()?;
        Ok(match tls {
            None => Self::Plain(stream),
            Some(config) => Self::Tls(Box::new(TlsAcceptor::from(config).accept(stream).await?)),
        })
    }

    /// Goes through the security layer, or tells the `date` to who asks over HTTPS: then that is all, and it is false.
    pub async fn negotiate(&mut self, date: Option<String>) -> io::Result<bool> {
        let mut header = [0; ProtocolHeader::LENGTH];
        self.read_exact(&mut header).await?;
        if let Some(date) = date.filter(|_| header.starts_with(b"GET ")) {
            self.tell_date(&date).await?;
            return Ok(false);
        }
        self.answer_header(header, ProtocolHeader::Sasl).await?;
        let offered = ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"];
        let mechanisms = Symbols::Several(&offered);
        self.sasl(&Performative::SaslMechanisms(SaslMechanisms { mechanisms }))
            .await?;
        read_frame(self).await?;
        self.sasl(&Performative::SaslOutcome(SaslOutcome {
            code: 0,
            additional_data: Some(b"Welcome!"),
        }))
        .await?;
        self.read_exact(&mut header).await?;
        self.answer_header(header, ProtocolHeader::Amqp).await?;
        Ok(true)
    }

    async fn tell_date(&mut self, date: &str) -> io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(self.read_u8().await?);
        }
        let request = String::from_utf8_lossy(&request).to_ascii_lowercase();
        assert!(!request.contains("authorization"), "a secret: {request}");
        let answer = format!("HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
        self.write_all(answer.as_bytes()).await?;
        self.shutdown().await
    }

    async fn answer_header(
        &mut self,
        header: [u8; ProtocolHeader::LENGTH],
        wanted: ProtocolHeader,
    ) -> io::Result<()> {
        assert_eq!(&header, wanted.bytes(), "another protocol header");
        self.write_all(&header).await?;
        self.flush().await
    }

    async fn sasl(&mut self, performative: &Performative<'_>) -> io::Result<()> {
        let mut frame = Vec::new();
        let start = begin_frame(&mut frame, FrameKind::Sasl, 0);
        performative.encode(&mut frame);
        end_frame(&mut frame, start);
        self.write_all(&frame).await?;
        self.flush().await
    }

    /// The two halves; whole frames come out of the first one until the client is gone.
    pub fn split(self) -> (Frames, WriteHalf<Self>) {
        let (mut reader, writer) = tokio::io::split(self);
        let (sender, frames) = mpsc::unbounded_channel();
        let reading = tokio::spawn(async move {
            while let Ok(frame) = read_frame(&mut reader).await {
                if sender.send(frame).is_err() {
                    return;
                }
            }
        });
        (Frames { frames, reading }, writer)
    }
}

/// Whole frames from the client.
pub struct Frames {
    frames: mpsc::UnboundedReceiver<Vec<u8>>,
    reading: JoinHandle<()>,
}

impl Frames {
    /// The next one; none when the client is gone.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.frames.recv().await
    }

    /// The next one, if it is there.
    pub fn ready(&mut self) -> Option<Vec<u8>> {
        self.frames.try_recv().ok()
    }

    /// Lets go of the connection: with the other half, it is reset.
    pub async fn drop_half(self) {
        self.reading.abort();
        let _ = self.reading.await;
    }
}

async fn read_frame(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 8];
    reader.read_exact(&mut frame).await?;
    let header = FrameHeader::parse(&frame, LARGEST_FRAME).unwrap().unwrap();
    frame.resize(header.length(), 0);
    reader.read_exact(&mut frame[8..]).await?;
    Ok(frame)
}

/// Appends a frame.
pub fn put(out: &mut Vec<u8>, channel: u16, performative: &Performative<'_>, payload: &[u8]) {
    let start = begin_frame(out, FrameKind::Amqp, channel);
    performative.encode(out);
    out.extend_from_slice(payload);
    end_frame(out, start);
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
