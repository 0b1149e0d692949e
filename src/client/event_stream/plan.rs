//! What is to be read, from where, and with what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::ClientConfig;

use crate::client::amqp::connection::IDLE_TIME_OUT;
use crate::client::proxy::Proxies;
use crate::model::connection_string::EventHubCredential;
use crate::model::secret::Secret;
use crate::protocol::amqp::filter::Position;
use crate::tracer::Tracer;

/// How AMQP goes.
#[derive(Debug, Clone)]
pub enum Transport {
    /// To its own port.
    Amqp,
    /// As a WebSocket, by way of these proxies. Ports are then those of HTTPS.
    WebSocket(Arc<Proxies>),
}

/// How the event hub is found and opened.
#[derive(Debug, Clone)]
pub enum Access {
    /// By way of the hub, whose redirect says where its event hub is.
    Hub {
        /// The hub's name, without a port.
        host: String,
        /// Its port for the transport.
        port: u16,
        /// A policy with ServiceConnect.
        policy: String,
        /// The policy's key, base64. The hub decodes it, the event hub takes it as text.
        key: Secret,
    },
    /// Directly.
    EventHub {
        /// The namespace's name, without a port.
        host: String,
        /// Its port for the transport.
        port: u16,
        /// The event hub's name.
        entity: String,
        /// What opens it.
        credential: EventHubCredential,
        /// False for the Event Hubs emulator alone.
        encrypted: bool,
    },
}

/// Where to begin in each partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With what comes after now, the service's now: after the newest event that each partition has when it is asked.
    Now,
    /// With so many of the newest events of each partition.
    Last(u64),
    /// With a place that the service finds.
    At(Position),
}

/// How long to wait for what, once there is a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// What the service is asked to send something within, if only a keep-alive. Twice this without a byte, and the
    /// connection counts as dead.
    pub idle_time_out: Duration,
    /// How long a token is good for. A new one is put when a quarter of it is left.
    pub token_lifetime: Duration,
}

impl Patience {
    /// After how long a new token is put.
    #[must_use]
    pub fn renew_after(&self) -> Duration {
        self.token_lifetime / 4 * 3
    }

    /// How long until a token that was refused is put again: 30 s for an hour's.
    #[must_use]
    pub fn renew_again(&self) -> Duration {
        (self.token_lifetime / 120).max(Duration::from_millis(250))
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            idle_time_out: IDLE_TIME_OUT,
            token_lifetime: Duration::from_secs(3600),
        }
    }
}

/// What is to be read, from where, and with what.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How the event hub is found and opened.
    pub access: Access,
    /// How AMQP goes there.
    pub transport: Transport,
    /// The consumer group, such as `$Default`.
    pub consumer_group: String,
    /// Where to begin.
    pub start: Start,
    /// The partitions' ids; all of them when there are none.
    pub partitions: Vec<String>,
    /// Trust anchors.
    pub tls: Arc<ClientConfig>,
    /// How long a connection may take, and each answer on it.
    pub limit: Duration,
    /// How long to wait for what after that.
    pub patience: Patience,
    /// Who is told of each frame.
    pub tracer: Tracer,
    /// What tokens count their time from.
    pub clock: fn() -> DateTime<Utc>,
}

/// What another run has read already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// When the event hub was made that it read: milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// That event hub's name.
    pub entity: String,
    /// Where to go on, by the partitions' ids; the others begin as the plan says.
    pub positions: BTreeMap<String, Position>,
}
