//! An AMQP 1.0 connection of a client that reads: handshake, sessions, links, requests.
//!
//! fe2o3-amqp is not used on this side. Its receivers decode every section of every message, which caps the rate; its
//! transport costs a shared buffer per frame, and panics on frames of four to seven bytes. [`input`] cuts the stream into
//! frames, and what is inside them is read in place by [`crate::protocol::amqp`], so that an event costs no allocation and
//! a malformed frame no panic. Links and credit are small state machines without I/O; [`connection`] alone touches the
//! socket.
//!
//! Knows how links are attached and kept. Must never know what an event is for.

pub mod cbs;
pub mod connection;
pub mod error;
pub mod input;
pub mod management;
pub mod output;
pub mod receiver;
pub mod redirect;
pub mod request;
pub mod sasl;
pub mod session;
mod trace;

pub use connection::{Connection, Frame, Timing};
pub use error::{ConnectionError, PeerError, Scope};
pub use output::Output;
pub use receiver::Receiver;

#[cfg(test)]
pub(in crate::client) mod peer;
#[cfg(test)]
mod tests;
