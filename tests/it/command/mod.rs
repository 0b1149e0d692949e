//! A file a command, as in `src/command`.

mod demo;
mod emulator;
mod login;
mod monitor_events;
mod send;
