//! Who posts an event: a device with its key or token, found once.

use std::cell::{Cell, RefCell};

use http::{HeaderMap, HeaderValue, header};

use super::event::Event;
use super::tally::Loss;
use crate::client::https::{EventPost, HttpsError, HubClient};
use crate::client::notice::Notify;
use crate::command::context::Clock;
use crate::command::send::plan::{Opener, event_hub_cannot_send, module_cannot_send, of_device};
use crate::command::send::post::{BYTES, Tokens};
use crate::failure::https::OpenedBy;
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, Host};
use crate::model::identifier::DeviceId;

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
            ConnectionString::EventHub(_) => return Err(event_hub_cannot_send()),
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
        let (device, tokens) =
            Tokens::find(&self.opener, client, &self.host, device, clock, notify).await?;
        Ok(Sender {
            device,
            tokens,
            opened_by: self.opener.opened_by(),
            clock,
            authorization: RefCell::new(None),
            is_busy: Cell::new(false),
            is_refused: Cell::new(false),
        })
    }
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
    /// The header, and when it is to be made anew, in seconds since 1970.
    authorization: RefCell<Option<(HeaderValue, i64)>>,
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
        if let Some((made, renew_at)) = &*self.authorization.borrow()
            && now < *renew_at
        {
            return Ok(made.clone());
        }
        let (made, renew_at) = self.tokens.authorization(now)?;
        *self.authorization.borrow_mut() = Some((made.clone(), renew_at));
        Ok(made)
    }
}
