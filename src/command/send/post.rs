//! The requests of a run: made ready once, opened by a token that is renewed in time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use super::message::{Form, batch_properties, counted_bytes, is_json};
use super::plan::{BodyTemplate, Opener, body_template};
use super::source::{Content, Raw};
use super::template::Filling;
use crate::client::https::{EventPost, HttpsError, HubClient, token_header};
use crate::client::notice::Notify;
use crate::command::context::Clock;
use crate::command::device_key::{KeyType, OWN_TOKEN_SECONDS, device_key};
use crate::failure::{Failure, Kind};
use crate::model::connection_string::Host;
use crate::model::dice::Dice;
use crate::model::identifier::DeviceId;
use crate::model::secret::Secret;
use crate::protocol::rest::batch::{self, BatchMessage};
use crate::protocol::rest::{BATCH_CONTENT_TYPE, MAX_MESSAGE_BYTES};
use crate::protocol::sas::{self, SigningKey};

/// A token of our own is replaced this many seconds before it expires.
const RENEWAL_SECONDS: i64 = 300;

/// The request's own content type, which the hub does not look at; the C SDK sends the same.
pub(in crate::command) const BYTES: HeaderValue =
    HeaderValue::from_static("application/octet-stream");

/// Where a run's tokens come from.
#[derive(Debug)]
pub(in crate::command) enum Tokens {
    /// Made here, for this resource.
    Signed {
        /// The device's key.
        key: SigningKey,
        /// What the token opens.
        resource: String,
    },
    /// Given by the user.
    Given(Secret),
}

impl Tokens {
    /// Finds those of a device, and the device's id in the case it was registered with.
    ///
    /// # Errors
    /// [`Kind::Input`] for a key that is not base64, and whatever the registry says where it is asked.
    pub(in crate::command) async fn find(
        opener: &Opener,
        client: &HubClient<'_>,
        host: &Host,
        device: &DeviceId,
        clock: Clock,
        notify: Notify<'_>,
    ) -> Result<(DeviceId, Self), Failure> {
        let (device, key) = match opener {
            Opener::Token(token) => return Ok((device.clone(), Self::Given(token.clone()))),
            Opener::Key(key) => (device.clone(), key.clone()),
            Opener::Lookup(hub) => {
                let primary = KeyType::Primary;
                let found = device_key(client, hub, device, None, primary, clock(), notify).await?;
                (found.device, found.key)
            }
        };
        let key = SigningKey::decoded(&key).map_err(|error| {
            Failure::new(Kind::Input, "cannot make a token for the device").because(&error)
        })?;
        let resource = sas::resource(&host.name, Some(device.as_str()), None);
        Ok((device, Self::Signed { key, resource }))
    }

    /// The header that opens requests from `now` on, and when it is to be made anew; both in seconds since 1970.
    ///
    /// # Errors
    /// [`HttpsError::Token`] for one that no header can carry.
    pub(in crate::command) fn authorization(
        &self,
        now: i64,
    ) -> Result<(HeaderValue, i64), HttpsError> {
        match self {
            Self::Given(token) => Ok((token_header(token)?, i64::MAX)),
            Self::Signed { key, resource } => {
                let expiry = now + OWN_TOKEN_SECONDS;
                let token = sas::mint(key, resource, expiry, None);
                Ok((token_header(&token)?, expiry - RENEWAL_SECONDS))
            }
        }
    }
}

/// A body and the headers that are its own.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) number: u64,
    pub(super) body: Bytes,
    json: bool,
    /// Where they are not the same for each message.
    headers: Option<HeaderMap>,
}

/// Why a message was not even sent.
#[derive(Debug)]
pub(super) enum Unfit {
    /// Larger than the hub takes, in bytes with its properties.
    TooLarge(usize),
    /// Its placeholders make no sense.
    Template(Failure),
}

/// Makes messages and requests.
pub(super) struct Posts<'a> {
    client: &'a HubClient<'a>,
    device: &'a DeviceId,
    form: &'a Form,
    template: BodyTemplate,
    clock: Clock,
    dice: RefCell<Dice>,
    tokens: Tokens,
    ready: RefCell<Rc<Ready>>,
    /// Seconds since 1970.
    renew_at: Cell<i64>,
}

/// Requests but for their bodies.
struct Ready {
    json: EventPost,
    other: EventPost,
    batch: EventPost,
}

impl Ready {
    fn alike(&self, json: bool) -> &EventPost {
        if json { &self.json } else { &self.other }
    }

    fn of(&self, message: &Message) -> EventPost {
        let mut post = self.alike(message.json).clone();
        post.headers.extend(
            message
                .headers
                .iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        post
    }
}

impl<'a> Posts<'a> {
    pub(super) fn new(
        client: &'a HubClient<'a>,
        device: &'a DeviceId,
        form: &'a Form,
        tokens: Tokens,
        clock: Clock,
    ) -> Result<Self, HttpsError> {
        let empty = client.event_post(device, HeaderMap::new())?;
        let posts = Self {
            client,
            device,
            form,
            template: BodyTemplate::None,
            clock,
            dice: RefCell::new(Dice::thrown()),
            tokens,
            ready: RefCell::new(Rc::new(Ready {
                json: empty.clone(),
                other: empty.clone(),
                batch: empty,
            })),
            renew_at: Cell::new(i64::MAX),
        };
        posts.renew()?;
        Ok(posts)
    }

    /// Fills placeholders in bodies.
    pub(super) fn with_template(mut self, template: BodyTemplate) -> Self {
        self.template = template;
        self
    }

    /// Makes a message of a body, and refuses one that the hub would not take.
    pub(super) fn compose(&self, raw: Raw) -> Result<Message, Unfit> {
        let body = match raw.content {
            Content::Body(body) => body,
            Content::TooLong { length } => return Err(Unfit::TooLarge(length)),
        };
        if self.template == BodyTemplate::None {
            let json = raw.json.unwrap_or_else(|| is_json(&body));
            return self.measured(raw.number, body, json, None);
        }
        let mut dice = self.dice.borrow_mut();
        let mut filling = Filling {
            number: raw.number,
            device: self.device.as_str(),
            now: (self.clock)(),
            dice: &mut dice,
        };
        let text = match &self.template {
            BodyTemplate::Repeated(template) => template.fill(&mut filling),
            BodyTemplate::None | BodyTemplate::EachLine => body_template(&body)
                .map_err(Unfit::Template)?
                .fill(&mut filling),
        };
        let json = is_json(text.as_bytes());
        let headers = match self.form.constant(json) {
            Some(_) => None,
            None => Some(self.form.headers(json, &mut filling)),
        };
        self.measured(raw.number, Bytes::from(text), json, headers)
    }

    fn measured(
        &self,
        number: u64,
        body: Bytes,
        json: bool,
        headers: Option<HeaderMap>,
    ) -> Result<Message, Unfit> {
        let properties = headers.as_ref().or_else(|| self.form.constant(json));
        let size = body.len() + properties.map_or(0, counted_bytes);
        if size > MAX_MESSAGE_BYTES {
            return Err(Unfit::TooLarge(size));
        }
        Ok(Message {
            number,
            body,
            json,
            headers,
        })
    }

    /// The request for one message.
    pub(super) async fn send(&self, message: &Message) -> Result<u16, HttpsError> {
        let ready = self.opened()?;
        if message.headers.is_some() {
            let post = ready.of(message);
            return self.client.send_event(&post, message.body.clone()).await;
        }
        let post = ready.alike(message.json);
        self.client.send_event(post, message.body.clone()).await
    }

    /// The request for one message, to be shown.
    pub(super) fn request(&self, message: &Message) -> Result<EventPost, HttpsError> {
        Ok(self.opened()?.of(message))
    }

    /// The request for a batch, to be shown.
    pub(super) fn batch_request(&self) -> Result<EventPost, HttpsError> {
        Ok(self.opened()?.batch.clone())
    }

    /// The request for a batch of batched entries.
    pub(super) async fn send_batch(&self, body: Bytes) -> Result<u16, HttpsError> {
        let ready = self.opened()?;
        self.client.send_event(&ready.batch, body).await
    }

    /// A message as an entry of a batch, and the bytes that it takes there.
    pub(super) fn entry(&self, message: &Message) -> (BatchMessage, usize) {
        let headers = message
            .headers
            .as_ref()
            .or_else(|| self.form.constant(message.json));
        let entry = BatchMessage {
            body: message.body.to_vec(),
            properties: headers.map(batch_properties).unwrap_or_default(),
        };
        let escaped = |text: &str| 3 + text.len() + text.matches(['"', '\\']).count();
        let properties: usize = entry
            .properties
            .iter()
            .map(|(name, value)| escaped(name) + escaped(value))
            .sum();
        let body = entry.body.len().div_ceil(3) * 4;
        let bytes = "{\"body\":\"\",\"properties\":{}},".len() + body + properties;
        (entry, bytes)
    }

    /// A batch's body.
    pub(super) fn pack(entries: &[BatchMessage]) -> Bytes {
        Bytes::from(batch::write(entries))
    }

    /// The requests, their token good for some minutes at least.
    fn opened(&self) -> Result<Rc<Ready>, HttpsError> {
        if (self.clock)().timestamp() >= self.renew_at.get() {
            self.renew()?;
        }
        Ok(Rc::clone(&self.ready.borrow()))
    }

    fn renew(&self) -> Result<(), HttpsError> {
        let now = (self.clock)().timestamp();
        let (authorization, renew_at) = self.tokens.authorization(now)?;
        self.renew_at.set(renew_at);
        let post = |content_type: HeaderValue, properties: Option<&HeaderMap>| {
            let mut headers = properties.cloned().unwrap_or_default();
            headers.insert(header::CONTENT_TYPE, content_type);
            headers.insert(header::AUTHORIZATION, authorization.clone());
            self.client.event_post(self.device, headers)
        };
        let ready = Ready {
            json: post(BYTES, self.form.constant(true))?,
            other: post(BYTES, self.form.constant(false))?,
            batch: post(HeaderValue::from_static(BATCH_CONTENT_TYPE), None)?,
        };
        *self.ready.borrow_mut() = Rc::new(ready);
        Ok(())
    }
}
