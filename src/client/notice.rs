//! What a client has to tell while it works. The client itself never prints.

use std::time::Duration;

use http::HeaderMap;
use reqwest::{Method, Url};

/// Something worth telling. Holds no secret as long as sensitive header values are shown by their `Debug`.
#[derive(Debug, Clone, Copy)]
pub enum Notice<'a> {
    /// A request goes out.
    Sending {
        /// Its method.
        method: &'a Method,
        /// Where it goes.
        url: &'a Url,
        /// Its headers; `Authorization` is marked as sensitive.
        headers: &'a HeaderMap,
        /// The body's length in bytes.
        length: usize,
    },
    /// An answer's head has come.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The answer's headers.
        headers: &'a HeaderMap,
    },
    /// A request failed and is tried again.
    Retrying {
        /// Why, a fragment.
        why: &'a str,
        /// After how long.
        after: Duration,
        /// Which try comes next, counted from 1.
        attempt: u32,
        /// How many tries there are at the most.
        attempts: u32,
        /// The hub may have taken the message already, so that it arrives twice.
        may_arrive_twice: bool,
    },
}

/// Who is told.
pub type Notify<'a> = &'a dyn Fn(Notice<'_>);

/// Tells nobody.
pub fn ignore(_: Notice<'_>) {}
