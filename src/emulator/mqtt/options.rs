//! How much a connection bears, and what the hub is called.

use std::time::Duration;

use super::subscriptions::Remembered;
use crate::emulator::driver::Clock;
use crate::emulator::fault::Mischief;
use crate::protocol::rest::MAX_MESSAGE_BYTES;

/// What all connections of one hub share, over whichever port.
#[derive(Debug)]
pub struct Options {
    /// The names that clients may call the hub by.
    pub hosts: Vec<String>,
    /// Where the time of day comes from.
    pub clock: Clock,
    /// What a connection may take up.
    pub limits: Limits,
    /// What goes wrong on purpose.
    pub mischief: Mischief,
    /// What is known of clients that do not start anew each time.
    pub(super) remembered: Remembered,
}

impl Options {
    /// A hub of these names, with the usual limits.
    #[must_use]
    pub fn new(hosts: Vec<String>, clock: Clock) -> Self {
        Self {
            hosts,
            clock,
            limits: Limits::default(),
            mischief: Mischief::default(),
            remembered: Remembered::default(),
        }
    }
}

/// What a connection may take up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest packet in bytes: a message with the longest of topics.
    pub packet_size: usize,
    /// How long a client has to say who it is.
    pub connect_wait: Duration,
    /// Silence after which a client is taken for dead, whatever it announced.
    pub silence: Duration,
    /// Bytes of messages that may wait for the hub before nothing more is read.
    pub waiting_bytes: usize,
    /// The most messages that are put to the hub at once.
    pub batch: usize,
    /// Bytes that may wait to be written before nothing more is read, and nothing more is told: the client does not listen.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet_size: MAX_MESSAGE_BYTES + usize::from(u16::MAX) + 16,
            connect_wait: Duration::from_secs(20),
            // "Communicate with an IoT hub using MQTT": 29.45 minutes.
            silence: Duration::from_secs(1767),
            waiting_bytes: 512 * 1024,
            batch: 1024,
            output_bytes: 256 * 1024,
        }
    }
}
