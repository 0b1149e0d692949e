//! Where the result goes: standard output, or a file that builds depend on.

use std::path::Path;

use chrono::{DateTime, Local, TimeDelta};

use super::SasTokenArgs;
use super::suit::unsuited;
use crate::command::Context;
use crate::config::file;
use crate::failure::Failure;
use crate::firmware::{Flashed, Format, earlier};
use crate::model::secret::Secret;
use crate::model::span::describe_duration;
use crate::protocol::sas::{self, SigningKey, Token};

/// No file that we make is larger, in bytes.
const FILE_LIMIT: u64 = 1 << 16;

/// Writes the result. A file that says the same already, or whose token `--min-left` finds good enough, is left as it is.
///
/// # Errors
/// [`Kind::Input`](crate::failure::Kind::Input) for what cannot be written.
pub(super) fn deliver(
    args: &SasTokenArgs,
    flashed: &Flashed,
    key: &SigningKey,
    context: &mut Context,
) -> Result<(), Failure> {
    let text = args.format.write(flashed).map_err(unsuited)?;
    let text = Secret::new(text);
    let bytes = text.expose().as_bytes();
    let Some(path) = args.output.as_deref().filter(|path| *path != "-") else {
        context.print(bytes)?;
        if context.terminals.stdout {
            context.note(&validity(flashed));
        }
        return Ok(());
    };
    let keep = Keep {
        format: args.format,
        min_left: args
            .min_left
            .and_then(|left| TimeDelta::from_std(left).ok()),
        key,
    };
    if let Some(kept) = stands(path, &keep, flashed)? {
        file::keep_private(path)?;
        if args.min_left.is_some() || context.terminals.stderr {
            let validity =
                validity(&kept.with_token(kept.token.clone(), kept.expires, flashed.made));
            context.note(&format!("{} is left as it is: {validity}", path.display()));
        }
        return Ok(());
    }
    context.write_private(path, bytes)?;
    if context.terminals.stderr {
        context.note(&validity(flashed));
    }
    Ok(())
}

fn stands(path: &Path, keep: &Keep<'_>, flashed: &Flashed) -> Result<Option<Flashed>, Failure> {
    let standing = file::standing(path, FILE_LIMIT)?
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Secret::new);
    Ok(standing.and_then(|standing| keep.earlier(standing.expose(), flashed)))
}

/// When an earlier file is good enough.
pub(super) struct Keep<'a> {
    /// The format that is asked for.
    pub(super) format: Format,
    /// The time that the earlier token must still have.
    pub(super) min_left: Option<TimeDelta>,
    /// What signs.
    pub(super) key: &'a SigningKey,
}

impl Keep<'_> {
    /// What the earlier file says, if it can stay in the place of `flashed`. Its token must expire at the very second that
    /// was asked for, or with `--min-left` between that long from now and then; and with that expiry and the file's own
    /// time of making, the same key must give the same file again, byte for byte. So it is not kept when the key, the hub,
    /// the id, the policy, the format, an option or hubctl's version has changed.
    pub(super) fn earlier(&self, standing: &str, flashed: &Flashed) -> Option<Flashed> {
        let token = Token::parse(earlier::token_in(standing)?).ok()?;
        let expires = DateTime::from_timestamp(token.expiry, 0)?;
        let is_good = match self.min_left {
            None => expires == flashed.expires,
            Some(left) => expires - flashed.made >= left && expires <= flashed.expires,
        };
        if !is_good {
            return None;
        }
        let again = sas::mint(
            self.key,
            &flashed.subject.resource(&flashed.host),
            token.expiry,
            flashed.policy.as_deref(),
        );
        let made = earlier::made_in(standing).unwrap_or(flashed.made);
        let earlier = flashed.with_token(again, expires, made);
        let text = Secret::new(self.format.write(&earlier).ok()?);
        (text.expose() == standing).then_some(earlier)
    }
}

/// Until when the token is valid, in local time and relative.
fn validity(flashed: &Flashed) -> String {
    let local = flashed
        .expires
        .with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S %:z");
    match (flashed.expires - flashed.made).to_std() {
        Ok(left) => format!("valid until {local} (for {})", describe_duration(left)),
        Err(_) => format!("expired at {local}"),
    }
}
