//! What a fault does to what goes over links: rejected, late, the link detached, the connection cut.

use std::time::Duration;

use tokio::time::sleep;

use super::connection::Connection;
use super::effect::{LinkKey, Origin};
use crate::emulator::amqp::options::Options;
use crate::emulator::driver::HubHandle;
use crate::emulator::fault::{Deed, Occasion, Wire};
use crate::emulator::hub::command::{Command, Refusal, Reply};
use crate::protocol::rest::error_code::{self, ErrorCode};

/// What is left to be done once an answer has been taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequel {
    /// Nothing.
    Goes,
    /// This link is detached for this reason.
    Detach(LinkKey, &'static str),
    /// The connection ends without a word.
    Cut,
}

/// Asks the hub, unless a fault stands before or behind it.
pub(super) async fn ask(
    hub: &HubHandle,
    options: &Options,
    machine: &Connection,
    origin: &Origin,
    command: Command,
) -> (Result<Reply, Refusal>, Sequel) {
    match (origin, &command) {
        (Origin::Sent { key, .. }, Command::Publish { session, messages }) => {
            let device = machine.device_of(*session).map(str::to_owned);
            let occasion = Occasion::Request {
                wire: Wire::Amqp,
                device: device.as_deref(),
            };
            let deed = (0..messages.len()).filter_map(|_| strike(options, occasion));
            // Each has its chance, whatever becomes of the one before.
            let deeds: Vec<Deed> = deed.collect();
            request(hub, command, deeds.first().copied(), Some(*key)).await
        }
        (Origin::Twin { session, .. }, Command::Twin(_)) => {
            let device = machine.device_of(*session).map(str::to_owned);
            let occasion = Occasion::Twin {
                wire: Wire::Amqp,
                device: device.as_deref(),
            };
            request(hub, command, strike(options, occasion), None).await
        }
        (Origin::Taken(key), Command::CloudToDevice(_)) => {
            let device = machine.device_at(*key).map(str::to_owned);
            let occasion = Occasion::Delivery {
                wire: Wire::Amqp,
                device: device.as_deref(),
            };
            let answer = hub.ask(command).await;
            give(options, occasion, answer, *key).await
        }
        (Origin::Read(key), _) => {
            let occasion = Occasion::Event { wire: Wire::Amqp };
            let answer = hub.ask(command).await;
            give(options, occasion, answer, *key).await
        }
        _ => (hub.ask(command).await, Sequel::Goes),
    }
}

/// Whether the connection is cut as this device is called.
pub(super) fn cuts_call(options: &Options, device: Option<&str>) -> bool {
    let wire = Wire::Amqp;
    strike(options, Occasion::Call { wire, device }) == Some(Deed::Drop)
}

fn strike(options: &Options, occasion: Occasion<'_>) -> Option<Deed> {
    options.mischief.strike(&options.clock, occasion)
}

/// Only what comes on a link of its own can have it detached.
async fn request(
    hub: &HubHandle,
    command: Command,
    deed: Option<Deed>,
    key: Option<LinkKey>,
) -> (Result<Reply, Refusal>, Sequel) {
    match deed {
        None => (hub.ask(command).await, Sequel::Goes),
        Some(Deed::Throttle { .. }) => {
            let condition = "com.microsoft:device-container-throttled";
            (
                Err(refused(error_code::THROTTLING, condition)),
                Sequel::Goes,
            )
        }
        Some(Deed::Unavailable) => {
            let code = error_code::SERVICE_UNAVAILABLE;
            (Err(refused(code, "amqp:internal-error")), Sequel::Goes)
        }
        Some(Deed::Delay { by }) => {
            let answer = hub.ask(command).await;
            sleep(by).await;
            (answer, Sequel::Goes)
        }
        // It is done, and nobody hears of it.
        Some(Deed::Drop) => (hub.ask(command).await, Sequel::Cut),
        Some(Deed::Detach { condition }) => {
            let code = error_code::SERVICE_UNAVAILABLE;
            let sequel = key.map_or(Sequel::Goes, |key| Sequel::Detach(key, condition));
            (Err(refused(code, condition)), sequel)
        }
        // For connections; none gets as far as this.
        Some(Deed::Refuse) => (
            Err(refused(error_code::SERVICE_UNAVAILABLE, "")),
            Sequel::Cut,
        ),
    }
}

fn refused(code: ErrorCode, condition: &'static str) -> Refusal {
    Refusal {
        code,
        condition,
        message: "refused on purpose".to_owned(),
    }
}

/// Lets through what comes before the first that is struck.
async fn give(
    options: &Options,
    occasion: Occasion<'_>,
    mut answer: Result<Reply, Refusal>,
    key: LinkKey,
) -> (Result<Reply, Refusal>, Sequel) {
    let count = match &answer {
        Ok(Reply::Messages(messages)) => messages.len(),
        Ok(Reply::Events(events)) => events.len(),
        _ => 0,
    };
    let mut late = Duration::ZERO;
    let mut end = None;
    for place in 0..count {
        match strike(options, occasion) {
            Some(Deed::Delay { by }) => late = late.max(by),
            Some(Deed::Detach { condition }) => end = Some((place, Sequel::Detach(key, condition))),
            Some(Deed::Drop) => end = Some((place, Sequel::Cut)),
            Some(Deed::Refuse | Deed::Throttle { .. } | Deed::Unavailable) | None => {}
        }
        if end.is_some() {
            break;
        }
    }
    if !late.is_zero() {
        sleep(late).await;
    }
    let Some((place, sequel)) = end else {
        return (answer, Sequel::Goes);
    };
    match &mut answer {
        // What is not given any more is the hub's again when the link has gone.
        Ok(Reply::Messages(messages)) => messages.truncate(place),
        Ok(Reply::Events(events)) => events.truncate(place),
        _ => {}
    }
    (answer, sequel)
}
