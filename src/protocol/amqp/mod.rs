//! AMQP 1.0 as IoT Hub and Event Hubs speak it: both directions of each wire form, no I/O, no clock.
//!
//! | module | what it knows |
//! |---|---|
//! | [`encoding`], [`descriptor`] | format codes, where a value ends, the numbers of the standard's types |
//! | [`value`], [`writer`] | values read in place, values written compactly |
//! | [`frame`], [`performative`] | what stands around a payload |
//! | [`message`], [`event`] | the sections of a payload; a device's message as a reader of the event hub sees it |
//! | [`address`], [`identity_address`], [`filter`] | what a link is attached to, and where it starts reading |
//! | [`redirect`] | how the hub sends readers on to its event hub |
//! | [`response`], [`cbs`], [`management`] | requests and replies of `$cbs` and `$management` |
//!
//! Reading borrows from the bytes and takes what any of Microsoft's stacks sends; walking a message allocates nothing.
//! Writing is strict: shortest encodings, complete lists. Behaviour (who may attach where, what a filter selects) is
//! for the client and the emulator.

pub mod address;
pub mod cbs;
pub mod descriptor;
pub mod encoding;
pub mod event;
pub mod filter;
pub mod frame;
pub mod identity_address;
pub mod management;
pub mod message;
pub mod performative;
pub mod redirect;
pub mod response;
pub mod source;
pub mod span;
pub mod value;
pub mod writer;

#[cfg(test)]
pub(crate) mod reference;
