//! A file a command, as in `src/command`.

mod dps;
mod inspect_token;
mod login;
mod root_ca;
