//! A file a command, as in `src/command`.

mod completion;
mod demo;
mod dps;
mod emulator;
mod emulator_store;
mod inspect_token;
mod login;
mod monitor_events;
mod parser;
mod root_ca;
mod send;
mod settings;
