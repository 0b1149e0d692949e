//! Model to text: events as blocks for people and as JSON for programs.
//!
//! Everything is appended to a buffer that the caller keeps, and nothing else is allocated per event. Whatever a device
//! sends, a line of JSON parses, and text holds no control character that a terminal would obey. Must never know where
//! the bytes go.

pub mod body;
pub mod cbor;
pub mod cells;
pub mod condition;
pub mod csv;
pub mod decode;
pub mod event;
pub mod field;
pub mod json;
pub mod json_scan;
pub mod json_text;
pub mod json_walk;
pub mod path;
pub mod recording;
pub mod system;
pub mod template;
pub mod terminal;
pub mod text;
pub mod time;
pub mod value;

pub use decode::BodyFormat;
pub use event::{EventWriter, Format};
