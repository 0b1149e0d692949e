//! The wire, both directions side by side, without behaviour, I/O or clock.

pub mod amqp;
pub mod blob;
pub mod mqtt;
pub mod rest;
pub mod sas;
pub mod websocket;
