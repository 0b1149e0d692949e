//! What the server says of itself, and how much it bears.

use std::time::Duration;

use crate::emulator::driver::Clock;
use crate::emulator::fault::Mischief;

/// What all connections of one server share.
#[derive(Debug, Clone)]
pub struct Options {
    /// The container id of the `open` frame, such as `DeviceGateway_…`.
    pub container_id: String,
    /// The host that readers are redirected to.
    pub redirect_host: String,
    /// The port that goes with it. One old client insists on 5671.
    pub redirect_port: u16,
    /// The Event Hub-compatible name.
    pub entity: String,
    /// Where the time of day comes from.
    pub clock: Clock,
    /// What a connection may take up.
    pub limits: Limits,
    /// What goes wrong on purpose.
    pub mischief: Mischief,
}

/// What a connection may take up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest frame in bytes that is taken.
    pub max_frame_size: u32,
    /// The largest request in bytes that is taken on `$cbs` and `$management`.
    pub max_request_size: usize,
    /// The greatest channel number: one less than the sessions of a connection.
    pub channel_max: u16,
    /// The greatest handle: one less than the links of a session.
    pub handle_max: u32,
    /// The tokens that are remembered: of a thousand devices and modules on one connection, as the service allows
    /// (iotedge-lorawan-starterkit#1337, azure-iot-sdk-java's `MultiplexingClient`).
    pub tokens: usize,
    /// The links of all sessions together. The service's own bound is not known.
    pub links: usize,
    /// Bytes that may wait to be written where a device or module is told something of its twin, or of calls.
    pub output_bytes: usize,
    /// Silence after which a peer is taken for dead.
    pub idle_time_out: Duration,
    /// How long a peer has to show its first valid token.
    pub token_wait: Duration,
}

impl Default for Limits {
    /// What the services themselves announce, where that is known.
    fn default() -> Self {
        Self {
            max_frame_size: 65_536,
            max_request_size: 256 * 1024,
            channel_max: 8191,
            handle_max: 262_143,
            tokens: 1000,
            links: 65_536,
            output_bytes: 1024 * 1024,
            idle_time_out: Duration::from_secs(240),
            token_wait: Duration::from_secs(20),
        }
    }
}
