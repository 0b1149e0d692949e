//! A file a command: its arguments, a pure plan, a short run.
//!
//! Commands bring the rooms below together: settings in, text out. What a command decides stands in its `plan`, which
//! takes the time as an argument; what it does stands in its `run`.

pub mod context;
pub mod demo;
pub mod device_key;
pub mod dps;
pub mod emulator;
pub mod inspect_token;
pub mod key;
pub mod login;
pub mod logout;
pub mod monitor_events;
pub mod record;
pub mod replay;
pub mod root_ca;
pub mod sas_token;
pub mod send;
pub mod teller;

pub use context::Context;
