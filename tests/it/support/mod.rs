//! What every test of the binary stands on: a hermetic runner and a running hub.

pub mod admin;
pub mod amqp;
pub mod blob_server;
pub mod browser;
pub mod certificates;
pub mod emulator;
pub mod event_hub;
pub mod holder;
pub mod hostile;
pub mod installed;
pub mod mqtt;
pub mod proxy;
pub mod rest;
pub mod runner;
pub mod runtime;
#[cfg(unix)]
pub mod terminal;

pub use blob_server::BlobServer;
pub use certificates::Certificates;
pub use emulator::Emulator;
pub use hostile::{Answer, HostileHub};
pub use runner::Hubctl;
