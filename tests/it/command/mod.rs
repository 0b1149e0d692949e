//! A file a command, as in `src/command`.

mod emulator;
mod login;
