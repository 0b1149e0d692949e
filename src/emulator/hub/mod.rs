//! The hub itself: `apply(now, command) -> effects`, without a lock, a clock or a socket.

pub mod command;

use chrono::{DateTime, Utc};

use command::{Command, Effects};

/// The whole state of a hub.
#[derive(Debug)]
pub struct Hub {}

impl Hub {
    /// Carries one command out at the time `now`.
    pub fn apply(&mut self, _now: DateTime<Utc>, _command: Command) -> Effects {
        Effects {
            reply: Err(command::Refusal {
                code: crate::protocol::rest::error_code::SERVER_ERROR,
                condition: "amqp:not-implemented",
                message: String::new(),
            }),
            notices: Vec::new(),
        }
    }
}
