//! What a fault does to a request: answered no, answered late, or cut off.

use std::fmt;
use std::time::Duration;

use http::{Method, Request};

use super::super::driver::Clock;
use super::super::fault::{Deed, Mischief, Occasion, Wire};
use super::rejection::Rejection;
use super::response::{Responder, Response};

/// How the path ends under which a device asks for a message.
const DEVICE_BOUND: &str = "/messages/devicebound";

/// The connection ends without an answer.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut off on purpose")
    }
}

impl std::error::Error for Cut {}

/// What happens to a request, of a device or not. One for a message to a device has two chances.
pub(super) fn strike<B>(
    mischief: &Mischief,
    clock: &Clock,
    request: &Request<B>,
    device: Option<&str>,
) -> Option<Deed> {
    let wire = Wire::Https;
    let sent = mischief.strike(clock, Occasion::Request { wire, device });
    let path = request.uri().path();
    let is_receiving = request.method() == Method::GET && path.ends_with(DEVICE_BOUND);
    let given = is_receiving.then(|| mischief.strike(clock, Occasion::Delivery { wire, device }));
    sent.or(given.flatten())
}

/// The device that a path is about.
pub(super) fn device_of(path: &str) -> Option<String> {
    let mut segments = path.strip_prefix('/')?.split('/');
    let is_known = ["devices", "twins"].iter().any(|known| {
        let first = segments.clone().next();
        first.is_some_and(|first| first.eq_ignore_ascii_case(known))
    });
    let device = segments
        .nth(1)
        .filter(|device| is_known && !device.is_empty())?;
    let device = percent_encoding::percent_decode_str(device).decode_utf8_lossy();
    Some(device.into_owned())
}

/// Answers a request that a fault has struck; `answer` is what it would have got.
pub(super) async fn answer(
    deed: Deed,
    responder: &Responder,
    answer: impl Future<Output = Response>,
) -> Result<Response, Cut> {
    match deed {
        Deed::Throttle { retry_after } => {
            Ok(responder.reject(&Rejection::Throttled { retry_after }))
        }
        Deed::Unavailable => Ok(responder.reject(&Rejection::Unavailable)),
        Deed::Delay { by } => Ok(late(by, answer).await),
        Deed::Drop => {
            answer.await;
            Err(Cut)
        }
        // For connections, and links of AMQP; none gets as far as this.
        Deed::Refuse | Deed::Detach { .. } => Err(Cut),
    }
}

async fn late(by: Duration, answer: impl Future<Output = Response>) -> Response {
    let response = answer.await;
    tokio::time::sleep(by).await;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_is_found_in_the_path() {
        for (path, device) in [
            ("/devices/d%2B1/messages/events", Some("d+1")),
            ("/Devices/d1", Some("d1")),
            ("/twins/d1/methods", Some("d1")),
            ("/devices", None),
            ("/devices/", None),
            ("/statistics/devices", None),
            ("", None),
        ] {
            assert_eq!(device_of(path).as_deref(), device, "{path}");
        }
    }
}
