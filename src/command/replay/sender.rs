//! Who posts an event: a device with its key or token, found once.

use std::cell::{Cell, RefCell};

use http::{HeaderMap, HeaderValue, header};

use super::event::Event;
use super::tally::Loss;
use crate::client::https::{EventPost, HttpsError, HubClient, token_header};
use crate::client::notice::Notify;
use crate::command::context::Clock;
use crate::command::device_key::{KeyType, OWN_TOKEN_SECONDS, device_key};
use crate::command::send::plan::{Opener, module_cannot_send, of_device};
use crate::command::send::post::{BYTES, RENEWAL_SECONDS, Tokens, signed_tokens};
use crate::failure::https::OpenedBy;
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, Host, HubString};
use crate::model::identifier::DeviceId;
use crate::protocol::sas;

/// How events get to the hub.
#[derive(Debug)]
pub(super) struct Way {
    pub host: Host,
    /// The one device that there is, by --to or by the connection string.
    pub only: Option<DeviceId>,
    /// Events of other devices are posted as that one.
    takes_all: bool,
    opener: Opener,
}

impl Way {
    /// Decides it.
    ///
    /// # Errors
    /// [`Kind::Input`] and [`Kind::Usage`] for a connection string that cannot send, or not as `to`.
    pub(super) fn new(string: &ConnectionString, to: Option<&DeviceId>) -> Result<Self, Failure> {
        let (host, only, opener) = match string {
            ConnectionString::Hub(hub) => {
                (hub.host.clone(), to.cloned(), Opener::Lookup(hub.clone()))
            }
            ConnectionString::Device(device) if device.module_id.is_some() => {
                return Err(module_cannot_send());
            }
            ConnectionString::Device(device) => {
                if to.is_some_and(|to| *to != device.device_id) {
                    return Err(Failure::new(
                        Kind::Usage,
                        format!(
                            "the connection string is the device {:?}'s, which is not --to",
                            device.device_id.as_str()
                        ),
                    )
                    .hint("Leave --to out, or give the hub's connection string."));
                }
                let (host, id, opener) = of_device(device, None)?;
                (host, Some(id), opener)
            }
            ConnectionString::EventHub(_) => {
                return Err(Failure::new(
                    Kind::Input,
                    "an Event Hub-compatible connection string cannot send as a device",
                )
                .hint("Give the hub's connection string, or the device's."));
            }
        };
        Ok(Self {
            host,
            only,
            takes_all: to.is_some(),
            opener,
        })
    }

    /// Who is to post an event.
    ///
    /// # Errors
    /// [`Loss`] where nobody can.
    pub(super) fn device_of(&self, event: &Event) -> Result<DeviceId, Loss> {
        if let Some(only) = self.only.as_ref().filter(|_| self.takes_all) {
            return Ok(only.clone());
        }
        let device = event.device().map_err(Loss::Unfit)?;
        match &self.only {
            Some(own) if *own != device => Err(Loss::Other {
                device: device.to_string(),
                own: own.to_string(),
            }),
            Some(_) | None => Ok(device),
        }
    }

    /// Finds what opens the way for a device.
    ///
    /// # Errors
    /// [`Kind::NotFound`] and whatever else the registry says.
    pub(super) async fn sender(
        &self,
        client: &HubClient<'_>,
        device: &DeviceId,
        clock: Clock,
        notify: Notify<'_>,
    ) -> Result<Sender, Failure> {
        let (device, tokens) = match &self.opener {
            Opener::Token(token) => (device.clone(), Tokens::Given(token.clone())),
            Opener::Key(key) => (device.clone(), signed_tokens(key, &self.host.name, device)?),
            Opener::Lookup(hub) => look_up(client, hub, device, clock, notify).await?,
        };
        Ok(Sender {
            device,
            tokens,
            opened_by: self.opened_by(),
            clock,
            authorization: RefCell::new(None),
            renew_at: Cell::new(i64::MIN),
            is_busy: Cell::new(false),
            is_refused: Cell::new(false),
        })
    }

    fn opened_by(&self) -> OpenedBy {
        match self.opener {
            Opener::Lookup(_) => OpenedBy::RegistryKey,
            Opener::Key(_) => OpenedBy::DeviceKey,
            Opener::Token(_) => OpenedBy::DeviceToken,
        }
    }
}

async fn look_up(
    client: &HubClient<'_>,
    hub: &HubString,
    device: &DeviceId,
    clock: Clock,
    notify: Notify<'_>,
) -> Result<(DeviceId, Tokens), Failure> {
    let found = device_key(client, hub, device, None, KeyType::Primary, clock(), notify).await?;
    let tokens = signed_tokens(&found.key, &hub.host.name, &found.device)?;
    Ok((found.device, tokens))
}

/// A device that posts.
#[derive(Debug)]
pub(super) struct Sender {
    pub device: DeviceId,
    pub opened_by: OpenedBy,
    /// A request of its is under way.
    pub is_busy: Cell<bool>,
    /// The hub does not take what it sends, whatever it is.
    pub is_refused: Cell<bool>,
    tokens: Tokens,
    clock: Clock,
    authorization: RefCell<Option<HeaderValue>>,
    /// Seconds since 1970.
    renew_at: Cell<i64>,
}

impl Sender {
    /// The request for an event with these properties, opened by a token that is good for some minutes at least.
    ///
    /// # Errors
    /// [`HttpsError`] for a token that no header can carry, and an id that no URL can.
    pub(super) fn request(
        &self,
        client: &HubClient<'_>,
        mut headers: HeaderMap,
    ) -> Result<EventPost, HttpsError> {
        headers.insert(header::CONTENT_TYPE, BYTES);
        headers.insert(header::AUTHORIZATION, self.authorization()?);
        client.event_post(&self.device, headers)
    }

    fn authorization(&self) -> Result<HeaderValue, HttpsError> {
        let now = (self.clock)().timestamp();
        let made = self.authorization.borrow().clone();
        if let Some(made) = made.filter(|_| now < self.renew_at.get()) {
            return Ok(made);
        }
        let token = match &self.tokens {
            Tokens::Given(token) => {
                self.renew_at.set(i64::MAX);
                token.clone()
            }
            Tokens::Signed { key, resource } => {
                let expiry = now + OWN_TOKEN_SECONDS;
                self.renew_at.set(expiry - RENEWAL_SECONDS);
                sas::mint(key, resource, expiry, None)
            }
        };
        let header = token_header(&token)?;
        *self.authorization.borrow_mut() = Some(header.clone());
        Ok(header)
    }
}
