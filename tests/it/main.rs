//! hubctl judged from outside: the real binary, real sockets, real TLS.
#![allow(
    unreachable_pub,
    clippy::format_collect,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed, and says where"
)]

mod architecture;
mod command;
mod completions;
mod examples;
mod faults;
mod firmware;
mod mqtt;
mod readme;
mod schema;
mod secrets;
mod starving;
mod stream;
mod support;
mod transport;
