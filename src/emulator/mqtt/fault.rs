//! What a fault does to messages on their way to the hub. MQTT 3.1.1 has no word for it: the connection ends.

use tokio::time::sleep;

use super::options::Options;
use crate::emulator::driver::HubHandle;
use crate::emulator::fault::{Deed, Occasion, Wire};
use crate::emulator::hub::command::{Command, Refusal, Reply};
use crate::protocol::rest::error_code;

/// What happens to a command of this device's: each message is an occasion.
pub(super) fn strike(options: &Options, device: Option<&str>, command: &Command) -> Option<Deed> {
    let Command::Publish { messages, .. } = command else {
        return None;
    };
    let wire = Wire::Mqtt;
    let occasion = Occasion::Request { wire, device };
    let mut deeds = messages
        .iter()
        .map(|_| options.mischief.strike(&options.clock, occasion));
    let first = deeds.find_map(|deed| deed);
    // The others had their chance as well.
    deeds.for_each(drop);
    first
}

/// Asks the hub, unless a fault stands before or behind it.
pub(super) async fn ask(
    hub: &HubHandle,
    command: Command,
    deed: Option<Deed>,
) -> Result<Reply, Refusal> {
    match deed {
        None => hub.ask(command).await,
        // Links are AMQP's, and connections are refused before this.
        Some(Deed::Throttle { .. } | Deed::Unavailable | Deed::Refuse | Deed::Detach { .. }) => {
            Err(cut_off())
        }
        Some(Deed::Delay { by }) => {
            let answer = hub.ask(command).await;
            sleep(by).await;
            answer
        }
        Some(Deed::Drop) => {
            hub.ask(command).await?;
            Err(cut_off())
        }
    }
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
            Deed::Drop => return Err(cut_off()),
            Deed::Refuse | Deed::Throttle { .. } | Deed::Unavailable | Deed::Detach { .. } => {}
        }
    }
    answer
}

/// The machine ends a connection whose messages are refused, whatever the reason.
fn cut_off() -> Refusal {
    Refusal {
        code: error_code::SERVICE_UNAVAILABLE,
        condition: "amqp:internal-error",
        message: "cut off on purpose".to_owned(),
    }
}
