//! A file a command, as in `src/command`.

mod inspect_token;
mod login;
