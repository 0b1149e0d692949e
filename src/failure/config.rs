//! Failures of settings: connection strings, profiles, files.

use super::{Failure, Kind};
use crate::config::Serves;
use crate::config::credential::CredentialError;
use crate::config::file::FileError;
use crate::config::profile::ProfileError;
use crate::model::connection_string::ConnectionStringError;

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Missing { serves, ref saved } if saved.is_empty() => Self::new(Kind::Input, error.to_string())
                .hint(format!(
                    "Give {} with --login (or --login @FILE), in {}, or save it once with `hubctl login`. {}",
                    serves.needed(),
                    variable_for(serves),
                    where_to_find(serves)
                )),
            CredentialError::Missing { serves, ref saved } => Self::new(Kind::Input, error.to_string())
                .because(&format!("no profile is the current one; saved are: {}", saved.join(", ")))
                .hint(format!(
                    "Choose one with `hubctl login --profile NAME`, or with --profile NAME for once; or give {} with --login \
                     or in {}.",
                    serves.needed(),
                    variable_for(serves)
                )),
            CredentialError::Malformed { origin, source } => {
                Self::new(Kind::Input, format!("the connection string from {origin} cannot be used"))
                    .because(&source)
                    .hint(mend(&source))
            }
            CredentialError::CannotServe { serves, opens, .. } => {
                Self::new(Kind::Input, error.to_string()).because(opens).hint(where_to_find(serves))
            }
            CredentialError::File(source) => source.into(),
            CredentialError::Stdin { source } => {
                Self::new(Kind::Input, "cannot read the connection string from standard input")
                    .because(&source)
                    .hint("It must be UTF-8 text: one connection string and nothing else.")
            }
            CredentialError::Profile(source) => source.into(),
            CredentialError::Transport => Self::new(Kind::Input, error.to_string())
                .hint("Set it to amqp-ws to go over HTTPS's port, or unset it."),
            CredentialError::Port { .. } => {
                Self::new(Kind::Input, error.to_string())
                    .hint("Set it to the hub's port, or unset it for the usual one (AMQP 5671, MQTT 8883).")
            }
        }
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::NoFolder => Self::new(Kind::Input, error.to_string())
                .hint("Set HUBCTL_CONFIG_DIR to a folder of yours, or use --login."),
            ProfileError::File(source) => source.into(),
            ProfileError::Damaged { .. } => {
                Self::new(Kind::Input, "cannot read the saved profiles")
                    .because(&error)
                    .hint("Mend the file, or delete it and run `hubctl login` again.")
            }
            ProfileError::Name { .. } => Self::new(Kind::Usage, error.to_string())
                .because("names are 1 to 64 letters, digits, '-', '_' and '.'")
                .hint("Name it by what it is for: `hubctl login --profile work STRING`."),
            ProfileError::Unknown { ref known, .. } => {
                let hint = if known.is_empty() {
                    "Save one with `hubctl login --profile NAME STRING`.".to_owned()
                } else {
                    format!(
                        "There are: {}. Save another with `hubctl login --profile NAME STRING`.",
                        known.join(", ")
                    )
                };
                Self::new(Kind::Input, error.to_string()).hint(hint)
            }
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Read { path, .. } if path.as_os_str().is_empty() => {
                Self::new(Kind::Input, "an @ stands alone, without the name of a file")
                    .because("@FILE stands for what is in FILE")
                    .hint("Write @FILE, such as @hub.txt, or - for standard input.")
            }
            FileError::Read { path, source } => {
                let hint = if path.is_absolute() {
                    "Check the file's name and its permissions."
                } else {
                    "Check the file's name, which counts from the current folder, and its permissions."
                };
                Self::new(Kind::Input, format!("cannot read {}", path.display()))
                    .because(&source)
                    .hint(hint)
            }
            FileError::NoFolder { path, folder } => {
                Self::new(Kind::Input, format!("cannot write {}", path.display()))
                    .because(&format!("the folder {} is not there", folder.display()))
                    .hint("Make the folder, or name a file in one that is there.")
            }
            FileError::Write { path, source } => Self::new(
                Kind::Input,
                format!("cannot write {}", path.display()),
            )
            .because(&source)
            .hint("What stood there before is untouched. Free some space, or name another file."),
            FileError::Link { .. } => Self::new(Kind::Input, error.to_string())
                .hint("Name the file itself, or delete the link."),
            FileError::TooLarge { .. } | FileError::NotText { .. } => {
                Self::new(Kind::Input, error.to_string())
                    .hint("Nothing that belongs here looks like that. Check the file's name.")
            }
        }
    }
}

fn variable_for(serves: Serves) -> &'static str {
    match serves {
        Serves::Hub | Serves::Any => "IOTHUB_CONNECTION_STRING",
        Serves::HubOrDevice => "IOTHUB_CONNECTION_STRING or IOTHUB_DEVICE_CONNECTION_STRING",
        Serves::HubOrEventHub => "IOTHUB_CONNECTION_STRING or EVENTHUB_CONNECTION_STRING",
    }
}

/// Where in the portal a string of that kind stands.
fn where_to_find(serves: Serves) -> String {
    let hub = "In the Azure portal: your IoT hub > Security settings > Shared access policies > a policy > Primary connection string";
    match serves {
        Serves::Hub | Serves::Any => format!("{hub}."),
        Serves::HubOrDevice => {
            format!(
                "{hub}; a device's own: Device management > Devices > the device > Primary connection string."
            )
        }
        Serves::HubOrEventHub => format!(
            "{hub}; the Event Hub-compatible one: Hub settings > Built-in endpoints > Event Hub-compatible endpoint."
        ),
    }
}

fn mend(error: &ConnectionStringError) -> String {
    use ConnectionStringError as E;
    match error {
        E::SasToken => "Give the connection string that the token was made from; `hubctl login` can save it.".to_owned(),
        E::NotBase64 { .. } => "Copy the key again, whole and on one line; the portal's copy button does it.".to_owned(),
        E::Host { .. } => "HostName is a bare name such as contoso.azure-devices.net, with a :PORT only for a local hub.".to_owned(),
        E::TwoCredentials { .. } => "Delete one of the two.".to_owned(),
        E::PolicyAndDevice { .. } => "If the key is the policy's, leave DeviceId out and name the device on the command line; if it is the device's own, leave SharedAccessKeyName out.".to_owned(),
        E::ColonForEquals { key, .. } => format!("Write {key}=…."),
        E::CommaForSemicolon { key, .. } => format!("Write ;{key}=…, and a ';' between all the others."),
        E::SwallowedKey { .. } | E::NamelessKey { .. } => "Write SharedAccessKey= before the key.".to_owned(),
        E::MisspeltKey { key, .. } => format!("Write {key}."),
        E::Empty | E::NoPairs | E::MissingEquals { .. } | E::MissingName { .. } | E::MissingKey { .. } => format!(
            "Put the whole string in quotes, for the shell ends it at the first ';' otherwise. {}",
            where_to_find(Serves::HubOrDevice)
        ),
        E::OtherService { .. }
        | E::EmptyValue { .. }
        | E::DuplicateKey { .. }
        | E::Id { .. }
        | E::Endpoint { .. }
        | E::Token { .. }
        | E::ModuleWithoutDevice { .. } => where_to_find(Serves::HubOrDevice),
    }
}
