//! The stream of events: from a connection string to every event of every partition, once and in order.
//!
//! | module | what it knows |
//! |---|---|
//! | [`plan`] | what is to be read, from where, with what |
//! | [`connect`] | the way there: hub, redirect, namespace, token, partitions |
//! | [`partition`], [`progress`] | one partition's link, and how far it was read; pure |
//! | [`verdict`], [`backoff`] | which troubles pass, and how long to wait; pure |
//! | [`link`], [`renewal`] | what is done with a partition's link, and with the token |
//! | [`reading`] | what each frame does |
//! | [`survey`] | how far the logs go by now, asked beside the stream |
//! | [`stream`] | the loop that brings them together |
//! | [`sink`], [`notice`], [`error`] | where events go, what is told on the way, and what ends it |
//!
//! Events are handed to a [`Sink`] in the order of their arrival, borrowed from the frame they came in. Must never know
//! how they are shown.

pub mod backoff;
pub mod connect;
pub mod error;
pub mod link;
pub mod notice;
pub mod partition;
pub mod plan;
pub mod progress;
pub mod reading;
pub mod renewal;
pub mod sink;
pub mod stream;
pub mod survey;
pub mod verdict;

pub use error::{Stage, StreamError};
pub use notice::{Notice, Way};
pub use plan::{Access, Patience, Plan, Resume, Start, Transport};
pub use sink::{EventHub, Sink};
pub use stream::EventStream;

#[cfg(test)]
mod tests;
