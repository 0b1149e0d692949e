//! With whose key a session speaks to the hub: as a policy, whose rights the hub looks up with each command.

use std::fmt;

use super::super::driver::HubHandle;
use super::super::hub::command::{Command, Grant, Refusal, RegistryOperation, Reply, Side};
use crate::model::connection_string::{ConnectionString, HubCredential};
use crate::model::secret::Secret;
use crate::protocol::rest::error_code;
use crate::protocol::sas::{KeyError, SigningKey, mint};

/// The policy that a key is taken for which comes without a name.
const OWNER: &str = "iothubowner";

/// Until when tokens are good that never leave this process, in seconds since 1970: however a fault shortens them.
const FOR_EVER: i64 = i64::MAX / 2;

/// A policy and its key.
pub(in crate::emulator) struct Credential {
    policy: String,
    key: SigningKey,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.policy)
    }
}

impl Credential {
    /// # Errors
    /// For a key that is not base64.
    pub(in crate::emulator) fn new(policy: &str, key: &Secret) -> Result<Self, KeyError> {
        Ok(Self {
            policy: policy.to_owned(),
            key: SigningKey::decoded(key)?,
        })
    }

    /// Reads a policy's connection string, or the bare key of `iothubowner`.
    ///
    /// # Errors
    /// What it is instead, in words, without any part of it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("There is no key.".to_owned());
        }
        let (policy, key) = if text.contains(';') {
            let parsed = ConnectionString::parse(text);
            let parsed = parsed.map_err(|error| format!("That cannot be read: {error}."))?;
            match parsed.connection_string {
                ConnectionString::Hub(hub) => match hub.credential {
                    HubCredential::Key { policy, key } => (policy, key),
                    HubCredential::Token(_) => {
                        return Err("That is a token, and no key.".to_owned());
                    }
                },
                other @ (ConnectionString::Device(_) | ConnectionString::EventHub(_)) => {
                    return Err(format!("That is {}, not the hub's own.", other.kind_name()));
                }
            }
        } else {
            (OWNER.to_owned(), Secret::new(text))
        };
        Self::new(&policy, &key).map_err(|_| "The key is not base64.".to_owned())
    }

    /// The policy's name.
    pub(super) fn policy(&self) -> &str {
        &self.policy
    }

    /// A token for all of the hub called `host`.
    pub(super) fn token(&self, host: &str) -> String {
        let token = mint(&self.key, host, FOR_EVER, Some(&self.policy));
        token.expose().to_owned()
    }

    /// Whether the hub lets it do what the page does.
    ///
    /// # Errors
    /// The hub's refusal.
    pub(super) async fn verify(&self, hub: &HubHandle, host: &str) -> Result<(), Refusal> {
        let token = self.token(host);
        let reply = hub.ask(Command::PutToken { token }).await?;
        let is_let_in = |grant: &Grant| grant.may_read_events && grant.side == Side::Hub;
        if !matches!(&reply, Reply::Granted(grant) if is_let_in(grant)) {
            return Err(Refusal {
                code: error_code::IOT_HUB_UNAUTHORIZED_ACCESS,
                condition: "amqp:unauthorized-access",
                message: format!("The policy {} has no right ServiceConnect.", self.policy),
            });
        }
        let token = Some(self.token(host));
        let operation = RegistryOperation::Statistics;
        hub.ask(Command::Registry { token, operation }).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::test_hub::KEY;

    #[test]
    fn a_policys_string_or_a_bare_key_will_do() {
        let read = |text: &str| Credential::parse(text).map(|read| read.policy().to_owned());
        let string =
            format!("HostName=localhost:1;SharedAccessKeyName=service;SharedAccessKey={KEY}");
        assert_eq!(read(&format!(" {string}\n")).unwrap(), "service");
        assert_eq!(read(KEY).unwrap(), OWNER);
        for (text, word) in [
            ("", "no key"),
            ("not base64!", "not base64"),
            ("HostName=h;x=y", "cannot be read"),
            (
                "HostName=h;SharedAccessSignature=SharedAccessSignature sr=h&sig=a&se=1&skn=b",
                "a token",
            ),
            (
                &format!("HostName=h;DeviceId=d;SharedAccessKey={KEY}"),
                "a device connection string, not the hub's own",
            ),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(word), "{text}: {refused}");
            assert!(!refused.contains(KEY));
        }
    }
}
