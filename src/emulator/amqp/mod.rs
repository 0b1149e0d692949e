//! The emulator's AMQP 1.0 server: both sides of IoT Hub and the Event Hubs namespace behind it, on one port.
//!
//! `connection` is a pure machine for one connection: bytes in; bytes and questions to the hub out; no socket, no clock.
//! Under it stand the pieces that it is made of. [`server`] is the loop that joins a machine to a stream and to the hub.
//! Nothing here decides what a token opens or what a reader gets: that is the hub's.
//!
//! | module | what it knows |
//! |---|---|
//! | [`options`] | what the server says of itself |
//! | `output` | frames, encoded one after another into one buffer |
//! | `sasl` | the security layer's short conversation |
//! | `windows`, `link`, `session` | how many transfers, how many deliveries, and on which link |
//! | `access`, `node` | what has been opened by tokens, and what an address means |
//! | `cbs`, `management` | the requests and answers of the two nodes that take any |
//! | `backlog` | what waits for a link, and how it becomes transfers |
//! | `reader` | a partition's events on their way out |
//! | `cloud_message`, `outlet` | messages to devices and feedback; what the peer takes one by one and settles |
//! | `guests`, `device_message` | devices that the connection speaks for; what they send and get |
//! | `fault` | what a fault does to what goes over links |
//! | `refusal` | how the two services word a no |

pub mod options;
pub mod server;

mod access;
mod backlog;
mod cbs;
mod cloud_message;
mod connection;
mod device_message;
mod effect;
mod fault;
mod guests;
mod link;
mod management;
mod node;
mod outlet;
mod output;
mod reader;
mod refusal;
mod sasl;
mod session;
mod windows;
