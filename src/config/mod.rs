//! Flags over environment over profile: which hub, which credential, which trust anchors, how long to wait.
//!
//! Knows the environment and the files of the user's own. Must never know a socket, a command or an exit code.

pub mod completion;
pub mod credential;
pub mod environment;
pub mod file;
pub mod known_devices;
pub mod options;
pub mod profile;
pub mod recording;
pub mod transport;

pub use credential::{Origin, Serves, Settings};
pub use environment::Environment;
pub use options::ConnectionOptions;
pub use transport::Transport;
