//! The security layer: ANONYMOUS, for the tokens that open the way come later, over `$cbs`.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::error::ConnectionError;
use crate::protocol::amqp::frame::{
    FRAME_HEADER_LENGTH, FrameHeader, FrameKind, ProtocolHeader, begin_frame, end_frame,
};
use crate::protocol::amqp::performative::sasl::SASL_OK;
use crate::protocol::amqp::performative::{Performative, SaslInit, SaslMechanisms};

/// No SASL frame is larger.
const LARGEST_FRAME: u32 = 4096;

/// Both mean that tokens follow; servers list them in varying order.
const MECHANISMS: [&str; 2] = ["ANONYMOUS", "MSSBCBS"];

/// Goes through the security layer as nobody in particular.
///
/// # Errors
/// [`ConnectionError`]; waits without limit, the caller sets one.
pub async fn negotiate<Io>(stream: &mut Io, hostname: &str) -> Result<(), ConnectionError>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    exchange_header(stream, ProtocolHeader::Sasl).await?;
    let frame = read_frame(stream).await?;
    let (Performative::SaslMechanisms(offered), _) = Performative::decode(&frame)? else {
        return Err(ConnectionError::Unexpected {
            what: "a SASL frame other than the mechanisms",
        });
    };
    let init = SaslInit {
        mechanism: choose(&offered).ok_or(ConnectionError::NoMechanism)?,
        initial_response: Some(b""),
        hostname: Some(hostname),
    };
    let mut out = Vec::new();
    let start = begin_frame(&mut out, FrameKind::Sasl, 0);
    Performative::SaslInit(init).encode(&mut out);
    end_frame(&mut out, start);
    stream.write_all(&out).await?;
    stream.flush().await?;
    let frame = read_frame(stream).await?;
    match Performative::decode(&frame)? {
        (Performative::SaslOutcome(outcome), _) if outcome.code == SASL_OK => Ok(()),
        (Performative::SaslOutcome(outcome), _) => {
            Err(ConnectionError::Sasl { code: outcome.code })
        }
        _ => Err(ConnectionError::Unexpected {
            what: "a SASL frame other than the outcome",
        }),
    }
}

fn choose(offered: &SaslMechanisms<'_>) -> Option<&'static str> {
    MECHANISMS
        .into_iter()
        .find(|mechanism| offered.mechanisms.contains(mechanism))
}

/// Says which layer comes, and hears the same.
///
/// # Errors
/// [`ConnectionError::NotAmqp`] for any other answer.
pub async fn exchange_header<Io>(
    stream: &mut Io,
    header: ProtocolHeader,
) -> Result<(), ConnectionError>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(header.bytes()).await?;
    stream.flush().await?;
    let mut answer = [0; ProtocolHeader::LENGTH];
    stream.read_exact(&mut answer).await?;
    match ProtocolHeader::parse(&answer) {
        Ok(Some(answer)) if answer == header => Ok(()),
        _ => Err(ConnectionError::NotAmqp),
    }
}

/// One frame's body, byte by byte as it is needed: what follows belongs to the next layer.
async fn read_frame<Io: AsyncRead + Unpin>(stream: &mut Io) -> Result<Vec<u8>, ConnectionError> {
    let mut frame = vec![0; FRAME_HEADER_LENGTH];
    stream.read_exact(&mut frame).await?;
    let header = match FrameHeader::parse(&frame, LARGEST_FRAME) {
        Ok(Some(header)) if header.kind == FrameKind::Sasl => header,
        _ => return Err(ConnectionError::NotAmqp),
    };
    frame.resize(header.length(), 0);
    stream.read_exact(&mut frame[FRAME_HEADER_LENGTH..]).await?;
    let body = header.body(&frame).unwrap_or_default();
    Ok(body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::performative::Symbols;

    #[test]
    fn the_mechanism_for_tokens_is_chosen() {
        let choose = |offered: &[&str]| {
            choose(&SaslMechanisms {
                mechanisms: Symbols::Several(offered),
            })
        };
        assert_eq!(
            choose(&["EXTERNAL", "MSSBCBS", "ANONYMOUS", "PLAIN"]),
            Some("ANONYMOUS")
        );
        assert_eq!(choose(&["MSSBCBS"]), Some("MSSBCBS"));
        assert_eq!(choose(&["PLAIN"]), None);
    }
}
