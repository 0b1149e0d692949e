//! What Tab offers that is not written in the parser: profiles and devices, out of the user's own files. Never asks a hub.

use clap_complete::CompletionCandidate;

use super::environment::Environment;
use super::known_devices;
use super::profile::Profiles;

/// The ids of devices that commands have met with the profile that the line would use.
#[must_use]
pub fn devices() -> Vec<CompletionCandidate> {
    let environment = Environment::of_process();
    let profile = profile_of(&Environment::words_of_process(), &environment);
    profile
        .iter()
        .flat_map(|profile| known_devices::known(&environment, profile))
        .filter(|id| id.as_str().chars().all(is_plain_to_shells))
        .enumerate()
        .map(|(index, id)| CompletionCandidate::new(id.as_str()).display_order(Some(index)))
        .collect()
}

/// Shells put a candidate on the line as it stands: one that held a `;` or a `$` would be a command of its own.
fn is_plain_to_shells(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-:.+%_@,=".contains(character)
}

/// The names of the saved profiles.
#[must_use]
pub fn profiles() -> Vec<CompletionCandidate> {
    let environment = Environment::of_process();
    let profiles = Profiles::path(&environment)
        .ok()
        .and_then(|path| Profiles::load(&path).ok())
        .unwrap_or_default();
    profiles
        .profiles
        .keys()
        .map(CompletionCandidate::new)
        .collect()
}

/// The profile that the words of an unfinished line name, or the one that is used where none is named.
fn profile_of(words: &[String], environment: &Environment) -> Option<String> {
    let named = words.iter().enumerate().find_map(|(index, word)| {
        if word == "--profile" {
            return words.get(index + 1).cloned();
        }
        word.strip_prefix("--profile=").map(str::to_owned)
    });
    named
        .or_else(|| environment.variable("HUBCTL_PROFILE").map(str::to_owned))
        .or_else(|| {
            let path = Profiles::path(environment).ok()?;
            Profiles::load(&path).ok()?.current
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_the_profile_or_the_environment_does() {
        let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        let environment: Environment = [("HUBCTL_PROFILE".to_owned(), "home".to_owned())]
            .into_iter()
            .collect();
        let profile = |line| profile_of(&words(line), &environment);
        assert_eq!(
            profile("hubctl send --profile work d").as_deref(),
            Some("work")
        );
        assert_eq!(
            profile("hubctl send --profile=work d").as_deref(),
            Some("work")
        );
        assert_eq!(profile("hubctl send d").as_deref(), Some("home"));
        assert_eq!(profile_of(&[], &Environment::default()), None);
    }
}
