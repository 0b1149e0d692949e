//! The emulator's MQTT 3.1.1 server: IoT Hub's side for devices and modules.
//!
//! `connection` is a pure machine for one connection: bytes in; bytes and questions to the hub out; no socket, no clock.
//! [`server`] is the loop that joins a machine to a stream and to the hub. Nothing here decides what a token opens, or who
//! has to give way to whom: that is the hub's. After its CONNACK, MQTT 3.1.1 knows no way to say no but to hang up.
//!
//! | module | what it knows |
//! |---|---|
//! | [`options`] | how much a connection bears, and what the hub is called |
//! | `subscriptions` | what a client has subscribed to, and what is remembered of it |
//! | `fault` | what a fault does to messages |
//! | `event` | a message as its topic and payload tell it |
//! | `effect` | what a machine wants of the hub |

mod fault;
pub mod options;
pub mod server;

mod connection;
mod effect;
mod event;
mod subscriptions;
