//! What a fault does to what goes between devices and the hub. MQTT 3.1.1 has no word for a message that is refused: the
//! connection ends. Of a twin the hub says so.

use tokio::time::sleep;

use super::effect::{Origin, Sequel};
use super::options::Options;
use crate::emulator::driver::HubHandle;
use crate::emulator::fault::{Deed, Occasion, Wire};
use crate::emulator::hub::command::{Command, Refusal, Reply};
use crate::protocol::rest::error_code::{self, ErrorCode};

/// What happens to a command of this device's: each message is an occasion.
pub(super) fn strike(options: &Options, device: Option<&str>, command: &Command) -> Option<Deed> {
    let wire = Wire::Mqtt;
    let (occasion, count) = if let Command::Publish { messages, .. } = command {
        (Occasion::Request { wire, device }, messages.len())
    } else if let Command::Twin(_) = command {
        (Occasion::Twin { wire, device }, 1)
    } else {
        return None;
    };
    let mut deeds = (0..count).map(|_| options.mischief.strike(&options.clock, occasion));
    let first = deeds.find_map(|deed| deed);
    // The others had their chance as well.
    deeds.for_each(drop);
    first
}

/// Whether the connection is cut as this device is called.
pub(super) fn cuts_call(options: &Options, device: Option<&str>) -> bool {
    let wire = Wire::Mqtt;
    let occasion = Occasion::Call { wire, device };
    options.mischief.strike(&options.clock, occasion) == Some(Deed::Drop)
}

/// Asks the hub, unless a fault stands before or behind it.
pub(super) async fn ask(
    hub: &HubHandle,
    mut origin: Origin,
    command: Command,
    deed: Option<Deed>,
) -> (Origin, Result<Reply, Refusal>) {
    let answer = match deed {
        None => hub.ask(command).await,
        Some(Deed::Throttle { .. }) => Err(refused(error_code::THROTTLING)),
        // Links are AMQP's, and connections are refused before this.
        Some(Deed::Unavailable | Deed::Refuse | Deed::Detach { .. }) => {
            Err(refused(error_code::SERVICE_UNAVAILABLE))
        }
        Some(Deed::Delay { by }) => {
            let answer = hub.ask(command).await;
            sleep(by).await;
            answer
        }
        Some(Deed::Drop) => {
            let answer = hub.ask(command).await;
            // Whatever was asked, nothing is answered.
            origin.sequel = Sequel::EndIfRefused;
            answer.and(Err(refused(error_code::SERVICE_UNAVAILABLE)))
        }
    };
    (origin, answer)
}

/// Hands the hub's answer on; messages to the device may be late, or never come because the connection ends.
pub(super) async fn give(
    options: &Options,
    device: Option<&str>,
    answer: Result<Reply, Refusal>,
) -> Result<Reply, Refusal> {
    let Ok(Reply::Messages(messages)) = &answer else {
        return answer;
    };
    let wire = Wire::Mqtt;
    let occasion = Occasion::Delivery { wire, device };
    let deeds = messages
        .iter()
        .filter_map(|_| options.mischief.strike(&options.clock, occasion));
    let deeds: Vec<Deed> = deeds.collect();
    for deed in deeds {
        match deed {
            Deed::Delay { by } => sleep(by).await,
            Deed::Drop => return Err(refused(error_code::SERVICE_UNAVAILABLE)),
            Deed::Refuse | Deed::Throttle { .. } | Deed::Unavailable | Deed::Detach { .. } => {}
        }
    }
    answer
}

fn refused(code: ErrorCode) -> Refusal {
    Refusal {
        code,
        condition: "amqp:internal-error",
        message: "refused on purpose".to_owned(),
    }
}
