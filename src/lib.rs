//! hubctl: tokens, test messages and live events for Azure IoT Hub, and a local hub to try it all on.
//!
//! The house has floors, and imports run strictly downwards:
//!
//! | floor | rooms | what they know |
//! |---|---|---|
//! | 6 | `main`, this file | the process: streams, clock, environment, exit code |
//! | 5 | [`cli`] | the whole parser, dispatch, completions and man pages |
//! | 4 | [`command`] | a file a command: arguments, a pure plan, a short run |
//! | 3 | [`failure`] | what went wrong, as the user sees it: kind, source, hint, exit code |
//! | 2 | [`client`], [`emulator`], [`firmware`], [`render`], [`config`] | the hub from outside, the hub from inside, what is flashed, what is shown, what was asked for |
//! | 1 | [`protocol`], [`trust`] | the wire in both directions, without behaviour, I/O or clock; whom TLS trusts |
//! | 0 | [`model`], [`tracer`] | the field's own words: device, event, connection string, secret; who is told what goes on |
//!
//! Two rooms on one floor never import each other; `tests/it/architecture.rs` holds them to it.

pub mod cli;
pub mod client;
pub mod command;
pub mod config;
pub mod emulator;
pub mod failure;
pub mod firmware;
pub mod model;
pub mod protocol;
pub mod render;
pub mod tracer;
pub mod trust;
