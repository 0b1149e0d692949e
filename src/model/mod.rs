//! The field's own words: identities, twins, connection strings, secrets, durations and events.
//!
//! Knows the shapes that hub, device and user agree on. Must never know a wire, a file, a clock or a terminal.

pub mod configuration;
pub mod connection_string;
pub mod device;
pub mod dice;
pub mod feedback;
pub mod file_notification;
pub mod glob;
pub mod identifier;
pub mod key_list;
pub mod object;
pub mod registration;
pub mod secret;
pub mod span;
pub mod storage_account;
pub mod twin;
