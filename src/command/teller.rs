//! What a client tells while it works, written to stderr for a person; and the client itself, set up by the settings.

use std::cell::{OnceCell, RefCell};
use std::io::{self, Write};
use std::time::Duration;

use indicatif::ProgressBar;

use super::Context;
use crate::client::https::{HubClient, HubClientOptions};
use crate::client::notice::{Notice, Notify};
use crate::client::proxy::Proxies;
use crate::config::Settings;
use crate::failure::Failure;
use crate::failure::mask::mask;
use crate::model::connection_string::Host;

/// How long the hub may take over one answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A client for `host`, with the settings' trust anchors and limits.
///
/// # Errors
/// [`crate::failure::Kind::Input`] for trust anchors or a proxy that cannot be used.
pub fn hub_client<'a>(
    host: &'a Host,
    settings: &'a Settings,
    notify: Notify<'a>,
) -> Result<HubClient<'a>, Failure> {
    let client = HubClient::new(&HubClientOptions {
        host,
        ca_file: settings.ca_file.as_deref(),
        connect_timeout: settings.connect_timeout,
        request_timeout: REQUEST_TIMEOUT,
        notify,
    })?;
    Ok(client.behind(&proxies(settings))?)
}

/// The settings' proxy.
#[must_use]
pub fn proxies(settings: &Settings) -> Proxies {
    settings
        .proxy
        .as_ref()
        .map_or_else(Proxies::default, |proxy| {
            Proxies::new(proxy.variable, proxy.url.expose(), &proxy.exceptions)
        })
}

/// Writes a line of what goes over the wire straight to stderr, its secrets masked: one that waited its turn would be lost
/// when a connection breaks, or the process.
pub fn trace(line: &str) {
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(io::stderr(), "trace: {}", mask(line));
}

/// Writes notices to stderr, past a progress bar where there is one.
pub struct Teller<'a> {
    stderr: RefCell<&'a mut (dyn Write + Send)>,
    quiet: bool,
    trace: bool,
    bar: OnceCell<ProgressBar>,
}

impl std::fmt::Debug for Teller<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller")
            .field("quiet", &self.quiet)
            .field("trace", &self.trace)
            .finish_non_exhaustive()
    }
}

impl<'a> Teller<'a> {
    /// Takes the context's stderr for as long as it lives.
    pub fn new(context: &'a mut Context) -> Self {
        Self {
            stderr: RefCell::new(&mut *context.stderr),
            quiet: context.quiet,
            trace: context.trace,
            bar: OnceCell::new(),
        }
    }

    /// Lines are written above this bar from now on.
    pub fn set_bar(&self, bar: ProgressBar) {
        // A second one would be a slip of the caller's; the first stays.
        let _ = self.bar.set(bar);
    }

    /// Takes the bar off the screen.
    pub fn clear_bar(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }

    /// Writes a line whatever `--quiet` says: warnings and losses.
    pub fn line(&self, text: &str) {
        let write = || {
            // With stderr gone there is nobody left to tell.
            let _ = writeln!(self.stderr.borrow_mut(), "{text}");
        };
        match self.bar.get() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Writes a line unless `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// Writes what a client tells: retries always, what goes over the wire with `--trace`.
    pub fn tell(&self, notice: Notice<'_>) {
        match notice {
            Notice::Sending {
                method,
                url,
                headers,
                length,
            } if self.trace => {
                // `Debug` of a header map masks what is marked as sensitive.
                self.line(&format!(
                    "trace: > {method} {url} {headers:?}, {length} bytes"
                ));
            }
            Notice::Answered { status, headers } if self.trace => {
                self.line(&format!("trace: < {status} {headers:?}"));
            }
            Notice::Sending { .. } | Notice::Answered { .. } => {}
            Notice::Retrying {
                why,
                after,
                attempt,
                attempts,
                may_arrive_twice,
            } => {
                let twice = if may_arrive_twice {
                    "; the message may arrive twice"
                } else {
                    ""
                };
                self.note(&format!(
                    "retry: {why}; try {attempt} of {attempts} in {} ms{twice}",
                    after.as_millis()
                ));
            }
        }
    }
}
