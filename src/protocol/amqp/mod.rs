//! AMQP 1.0 as IoT Hub and Event Hubs speak it: both directions of each wire form, no I/O, no clock.
//!
//! | module | what it knows |
//! |---|---|
//! | [`encoding`], [`descriptor`] | format codes, where a value ends, the numbers of the standard's types |
//! | [`value`], [`writer`] | values read in place, values written compactly |

pub mod descriptor;
pub mod encoding;
pub mod filter;
pub mod value;
pub mod writer;
