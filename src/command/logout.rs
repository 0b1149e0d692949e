//! `logout`: forgets what `login` has saved.

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::Context;
use crate::config::profile::Profiles;
use crate::config::{completion, known_devices};
use crate::failure::Failure;

/// Forget what `hubctl login` has saved
#[derive(Debug, Args)]
pub struct LogoutArgs {
    /// Forget this profile rather than the current one
    #[arg(long, value_name = "NAME", conflicts_with = "all", add = ArgValueCandidates::new(completion::profiles))]
    profile: Option<String>,

    /// Forget every profile
    #[arg(long)]
    all: bool,
}

/// Forgets one profile or all.
///
/// # Errors
/// [`crate::failure::Kind::Input`] for a name that is not there or a file that cannot be written.
pub fn run(args: &LogoutArgs, context: &mut Context) -> Result<(), Failure> {
    let path = Profiles::path(&context.environment)?;
    let mut profiles = Profiles::load(&path)?;
    if args.all {
        let count = profiles.profiles.len();
        for name in profiles.profiles.keys() {
            known_devices::forget(&context.environment, name);
        }
        Profiles::default().save(&path)?;
        let noun = if count == 1 { "profile" } else { "profiles" };
        context.note(&format!("forgot {count} {noun}"));
        return Ok(());
    }
    let Some(name) = profiles
        .find(args.profile.as_deref())?
        .map(|(name, _)| name.to_owned())
    else {
        context.note("there is no current profile; nothing to forget");
        return Ok(());
    };
    profiles.profiles.remove(&name);
    let was_current = profiles.current.as_deref() == Some(&name);
    if was_current {
        profiles.current = None;
    }
    profiles.save(&path)?;
    known_devices::forget(&context.environment, &name);
    context.note(&format!("forgot the profile {name:?}"));
    if was_current && !profiles.profiles.is_empty() {
        let left: Vec<&str> = profiles.profiles.keys().map(String::as_str).collect();
        context.note(&format!(
            "none is the current one now; choose one with `hubctl login --profile NAME` (saved are: {})",
            left.join(", ")
        ));
    }
    Ok(())
}
