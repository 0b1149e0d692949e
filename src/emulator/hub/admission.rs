//! Letting requests in, those of the service's side and those that are only asked about.

use chrono::{DateTime, Utc};

use super::Hub;
use super::command::{Access, Door, Refusal};

impl Hub {
    /// Lets the service's side in.
    pub(super) fn open(
        &self,
        now: DateTime<Utc>,
        token: Option<&str>,
        door: &Door,
    ) -> Result<(), Refusal> {
        let Door { path, right } = door;
        self.authority.authorize_service(now, token, path, *right)
    }

    /// Says whether a request would be let in, and changes nothing.
    pub(super) fn admit(&self, now: DateTime<Utc>, access: &Access) -> Result<(), Refusal> {
        match access {
            Access::Service { token, door } => self.open(now, token.as_deref(), door),
            Access::Device {
                credential,
                device,
                own,
            } => {
                let (id, path) = ((device.as_str(), None), own.path(device));
                let (registry, credential) = (&self.registry, credential.as_ref());
                self.authority
                    .authorize_identity(registry, now, credential, id, &path)
                    .map(drop)
            }
        }
    }
}
