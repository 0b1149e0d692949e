//! Attach, detach and flow, with the two ends of a link. Lists are written in full: Python's client reads them by
//! position.

use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::performative::error::AmqpError;
use crate::protocol::amqp::performative::fields::{Fields, Symbols, write_map};
use crate::protocol::amqp::value::{Items, Value};
use crate::protocol::amqp::writer::Writer;

/// Which end of a link speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It sends messages.
    Sender,
    /// It receives messages.
    Receiver,
}

impl Role {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, DecodeError> {
        match fields.bool("role")? {
            Some(true) => Ok(Self::Receiver),
            Some(false) => Ok(Self::Sender),
            None => Err(DecodeError::Malformed { what: "role" }),
        }
    }

    pub(super) fn write(self, w: &mut Writer<'_>) {
        w.bool(self == Self::Receiver);
    }
}

/// Sender settle mode: all transfers go out unsettled.
pub const SEND_UNSETTLED: u8 = 0;
/// Sender settle mode: all transfers go out settled. .NET's readers ask for it.
pub const SEND_SETTLED: u8 = 1;
/// Sender settle mode: as the sender likes.
pub const SEND_MIXED: u8 = 2;
/// Receiver settle mode: the receiver settles of its own accord.
pub const RECEIVE_FIRST: u8 = 0;

/// Attaches a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attach<'a> {
    /// The link's name, the same at both ends.
    pub name: &'a str,
    /// The number that the sender of this frame gives the link.
    pub handle: u32,
    /// Which end the sender of this frame is.
    pub role: Role,
    /// [`SEND_UNSETTLED`], [`SEND_SETTLED`] or [`SEND_MIXED`], which is the default.
    pub snd_settle_mode: Option<u8>,
    /// [`RECEIVE_FIRST`], which is the default, or 1: the receiver waits until the sender has settled.
    pub rcv_settle_mode: Option<u8>,
    /// Where messages come from; null in a reply that refuses or redirects.
    pub source: Option<Source<'a>>,
    /// Where messages go to; null in a reply that refuses or redirects.
    pub target: Option<Target<'a>>,
    /// Deliveries of an earlier life, by tag.
    pub unsettled: Option<Items<'a>>,
    /// Whether there are more of them.
    pub incomplete_unsettled: Option<bool>,
    /// The sender's count to begin with; it has to be there if the role is sender.
    pub initial_delivery_count: Option<u32>,
    /// Largest message in bytes; 0 and null mean no limit.
    pub max_message_size: Option<u64>,
    /// Extensions the sender has.
    pub offered_capabilities: Symbols<'a>,
    /// Extensions the sender may use.
    pub desired_capabilities: Symbols<'a>,
    /// Epoch, receiver name, API version and the like.
    pub properties: Option<Items<'a>>,
}

impl<'a> Attach<'a> {
    /// A link with nothing but what is required.
    #[must_use]
    pub fn new(name: &'a str, handle: u32, role: Role) -> Self {
        Self {
            name,
            handle,
            role,
            snd_settle_mode: None,
            rcv_settle_mode: None,
            source: None,
            target: None,
            unsettled: None,
            incomplete_unsettled: None,
            initial_delivery_count: (role == Role::Sender).then_some(0),
            max_message_size: None,
            offered_capabilities: Symbols::None,
            desired_capabilities: Symbols::None,
            properties: None,
        }
    }

    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            name: fields
                .text("link name")?
                .ok_or(DecodeError::Malformed { what: "link name" })?,
            handle: fields.required("handle")?,
            role: Role::read(&mut fields)?,
            snd_settle_mode: fields.integer("snd-settle-mode")?,
            rcv_settle_mode: fields.integer("rcv-settle-mode")?,
            source: fields.value()?.map(Source::from_value).transpose()?,
            target: fields.value()?.map(Target::from_value).transpose()?,
            unsettled: fields.map("unsettled")?,
            incomplete_unsettled: fields.bool("incomplete-unsettled")?,
            initial_delivery_count: fields.integer("initial-delivery-count")?,
            max_message_size: fields.integer("max-message-size")?,
            offered_capabilities: fields.symbols("offered-capabilities")?,
            desired_capabilities: fields.symbols("desired-capabilities")?,
            properties: fields.map("properties")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::ATTACH, |w| {
            w.list(|w| {
                w.string(self.name);
                w.uint(self.handle);
                self.role.write(w);
                w.optional(self.snd_settle_mode, Writer::ubyte);
                w.optional(self.rcv_settle_mode, Writer::ubyte);
                w.optional(self.source, |w, source| source.write(w));
                w.optional(self.target, |w, target| target.write(w));
                write_map(w, self.unsettled);
                w.optional(self.incomplete_unsettled, Writer::bool);
                w.optional(self.initial_delivery_count, Writer::uint);
                w.optional(self.max_message_size, Writer::ulong);
                self.offered_capabilities.write(w);
                self.desired_capabilities.write(w);
                write_map(w, self.properties);
            });
        });
    }
}

/// Where a link's messages come from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Source<'a> {
    /// The node, if it is not to be made up by the peer.
    pub address: Option<&'a str>,
    /// What outlives the link: 0 nothing, 1 the terminus, 2 unsettled deliveries too.
    pub durable: Option<u32>,
    /// When the terminus goes.
    pub expiry_policy: Option<&'a str>,
    /// Seconds until it does.
    pub timeout: Option<u32>,
    /// Whether the peer shall make up a node.
    pub dynamic: Option<bool>,
    /// What that node shall be like.
    pub dynamic_node_properties: Option<Items<'a>>,
    /// `move` or `copy`.
    pub distribution_mode: Option<&'a str>,
    /// Filters by name; where to start reading is one.
    pub filter: Option<Items<'a>>,
    /// The outcome of deliveries that are settled without one.
    pub default_outcome: Option<Value<'a>>,
    /// Outcomes the sender understands.
    pub outcomes: Symbols<'a>,
    /// Extensions.
    pub capabilities: Symbols<'a>,
}

impl<'a> Source<'a> {
    /// Messages from this node.
    #[must_use]
    pub fn at(address: &'a str) -> Self {
        Self {
            address: Some(address),
            ..Self::default()
        }
    }

    fn from_value(value: Value<'a>) -> Result<Self, DecodeError> {
        let mut fields = Fields::of(value.undescribed()?, "source")?;
        Ok(Self {
            address: fields.text("source address")?,
            durable: fields.integer("durable")?,
            expiry_policy: fields.text("expiry-policy")?,
            timeout: fields.integer("timeout")?,
            dynamic: fields.bool("dynamic")?,
            dynamic_node_properties: fields.map("dynamic-node-properties")?,
            distribution_mode: fields.text("distribution-mode")?,
            filter: fields.map("filter")?,
            default_outcome: fields.value()?,
            outcomes: fields.symbols("outcomes")?,
            capabilities: fields.symbols("capabilities")?,
        })
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::SOURCE, |w| {
            w.list(|w| {
                w.optional(self.address, Writer::string);
                w.optional(self.durable, Writer::uint);
                w.optional(self.expiry_policy, Writer::symbol);
                w.optional(self.timeout, Writer::uint);
                w.optional(self.dynamic, Writer::bool);
                write_map(w, self.dynamic_node_properties);
                w.optional(self.distribution_mode, Writer::symbol);
                write_map(w, self.filter);
                w.optional(self.default_outcome, |w, outcome| w.value(&outcome));
                self.outcomes.write(w);
                self.capabilities.write(w);
            });
        });
    }
}

/// Where a link's messages go to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Target<'a> {
    /// The node, if it is not to be made up by the peer.
    pub address: Option<&'a str>,
    /// What outlives the link: 0 nothing, 1 the terminus, 2 unsettled deliveries too.
    pub durable: Option<u32>,
    /// When the terminus goes.
    pub expiry_policy: Option<&'a str>,
    /// Seconds until it does.
    pub timeout: Option<u32>,
    /// Whether the peer shall make up a node.
    pub dynamic: Option<bool>,
    /// What that node shall be like.
    pub dynamic_node_properties: Option<Items<'a>>,
    /// Extensions.
    pub capabilities: Symbols<'a>,
}

impl<'a> Target<'a> {
    /// Messages to this node.
    #[must_use]
    pub fn at(address: &'a str) -> Self {
        Self {
            address: Some(address),
            ..Self::default()
        }
    }

    fn from_value(value: Value<'a>) -> Result<Self, DecodeError> {
        let code = value.as_described().and_then(|described| described.code());
        if let Some(code) = code.filter(|code| *code != descriptor::TARGET) {
            return Err(DecodeError::UnexpectedDescriptor { code });
        }
        let mut fields = Fields::of(value.undescribed()?, "target")?;
        Ok(Self {
            address: fields.text("target address")?,
            durable: fields.integer("durable")?,
            expiry_policy: fields.text("expiry-policy")?,
            timeout: fields.integer("timeout")?,
            dynamic: fields.bool("dynamic")?,
            dynamic_node_properties: fields.map("dynamic-node-properties")?,
            capabilities: fields.symbols("capabilities")?,
        })
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::TARGET, |w| {
            w.list(|w| {
                w.optional(self.address, Writer::string);
                w.optional(self.durable, Writer::uint);
                w.optional(self.expiry_policy, Writer::symbol);
                w.optional(self.timeout, Writer::uint);
                w.optional(self.dynamic, Writer::bool);
                write_map(w, self.dynamic_node_properties);
                self.capabilities.write(w);
            });
        });
    }
}

/// Detaches a link.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Detach<'a> {
    /// The number that the sender of this frame gave the link.
    pub handle: u32,
    /// Whether the link is gone for good.
    pub closed: bool,
    /// Why, if not at leisure.
    pub error: Option<AmqpError<'a>>,
}

impl<'a> Detach<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            handle: fields.required("handle")?,
            closed: fields.bool("closed")?.unwrap_or(false),
            error: AmqpError::read(&mut fields)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::DETACH, |w| {
            w.list(|w| {
                w.uint(self.handle);
                w.bool(self.closed);
                w.optional(self.error, |w, error| error.write(w));
            });
        });
    }
}
