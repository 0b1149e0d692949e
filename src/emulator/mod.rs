//! The hub as seen from inside: one pure state machine and the servers that drive it.
//!
//! [`hub`] decides and knows neither clock nor socket; [`driver`] owns it in one task and carries commands in and
//! notices out; the servers turn bytes into commands and replies into bytes. [`server`] brings them together;
//! [`state`] keeps what an emulator is from one start to the next, and [`store`] what it was given; [`storage`] is where
//! devices' files are, and `transfer` carries the registry there and back. `ui` is a page to look at it all.

pub mod admin;
pub mod alone;
pub mod amqp;
mod bulk_line;
mod calling;
pub mod certificate;
mod client_certificate;
pub mod clock;
pub mod connections;
mod desk;
pub mod device_authorities;
mod doors;
pub mod driver;
pub mod endpoint;
pub mod fault;
pub mod file_error;
pub mod https;
pub mod hub;
mod listener;
mod moment;
pub mod mqtt;
pub mod query;
mod random;
pub mod server;
pub mod state;
pub mod storage;
pub mod store;
mod trace;
mod tracker;
mod transfer;
mod ui;

#[cfg(test)]
mod test_hub;
