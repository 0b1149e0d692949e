//! The hub as seen from outside: HTTPS, AMQP, the stream of events, and trying again.
//!
//! Knows sockets. Must never know flags, profiles, exit codes or how anything is shown.

pub mod amqp;
pub mod chain;
pub mod dial;
pub mod event_stream;
pub mod https;
pub mod notice;
pub mod proxy;
pub mod retry;
pub mod tls;
pub mod websocket;
