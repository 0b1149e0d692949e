//! Open, begin, end and close. Lists are written in full: Python's client reads them by position.

use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::DecodeError;
use crate::protocol::amqp::performative::error::AmqpError;
use crate::protocol::amqp::performative::fields::{Fields, Symbols, write_map};
use crate::protocol::amqp::value::Items;
use crate::protocol::amqp::writer::Writer;

/// Opens a connection.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Open<'a> {
    /// The sender's name for itself.
    pub container_id: &'a str,
    /// The host that is meant, as TLS's server name.
    pub hostname: Option<&'a str>,
    /// Largest frame in bytes that the sender takes.
    pub max_frame_size: Option<u32>,
    /// Greatest channel number.
    pub channel_max: Option<u16>,
    /// Milliseconds of silence after which the sender gives up.
    pub idle_time_out: Option<u32>,
    /// Languages of texts sent.
    pub outgoing_locales: Symbols<'a>,
    /// Languages of texts wished for.
    pub incoming_locales: Symbols<'a>,
    /// Extensions the sender has.
    pub offered_capabilities: Symbols<'a>,
    /// Extensions the sender may use.
    pub desired_capabilities: Symbols<'a>,
    /// Product, version and the like.
    pub properties: Option<Items<'a>>,
}

impl<'a> Open<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            container_id: fields.text("container-id")?.unwrap_or_default(),
            hostname: fields.text("hostname")?,
            max_frame_size: fields.integer("max-frame-size")?,
            channel_max: fields.integer("channel-max")?,
            idle_time_out: fields.integer("idle-time-out")?,
            outgoing_locales: fields.symbols("outgoing-locales")?,
            incoming_locales: fields.symbols("incoming-locales")?,
            offered_capabilities: fields.symbols("offered-capabilities")?,
            desired_capabilities: fields.symbols("desired-capabilities")?,
            properties: fields.map("properties")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::OPEN, |w| {
            w.list(|w| {
                w.string(self.container_id);
                w.optional(self.hostname, Writer::string);
                w.optional(self.max_frame_size, Writer::uint);
                w.optional(self.channel_max, Writer::ushort);
                w.optional(self.idle_time_out, Writer::uint);
                self.outgoing_locales.write(w);
                self.incoming_locales.write(w);
                self.offered_capabilities.write(w);
                self.desired_capabilities.write(w);
                write_map(w, self.properties);
            });
        });
    }
}

/// Begins a session.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Begin<'a> {
    /// The channel on which the peer began, in a reply.
    pub remote_channel: Option<u16>,
    /// Number of the sender's first transfer.
    pub next_outgoing_id: u32,
    /// Transfers the sender takes before the next flow.
    pub incoming_window: u32,
    /// Transfers the sender may send before the next flow.
    pub outgoing_window: u32,
    /// Greatest link handle.
    pub handle_max: Option<u32>,
    /// Extensions the sender has.
    pub offered_capabilities: Symbols<'a>,
    /// Extensions the sender may use.
    pub desired_capabilities: Symbols<'a>,
    /// Free to use.
    pub properties: Option<Items<'a>>,
}

impl<'a> Begin<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            remote_channel: fields.integer("remote-channel")?,
            next_outgoing_id: fields.required("next-outgoing-id")?,
            incoming_window: fields.required("incoming-window")?,
            outgoing_window: fields.required("outgoing-window")?,
            handle_max: fields.integer("handle-max")?,
            offered_capabilities: fields.symbols("offered-capabilities")?,
            desired_capabilities: fields.symbols("desired-capabilities")?,
            properties: fields.map("properties")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::BEGIN, |w| {
            w.list(|w| {
                w.optional(self.remote_channel, Writer::ushort);
                w.uint(self.next_outgoing_id);
                w.uint(self.incoming_window);
                w.uint(self.outgoing_window);
                w.optional(self.handle_max, Writer::uint);
                self.offered_capabilities.write(w);
                self.desired_capabilities.write(w);
                write_map(w, self.properties);
            });
        });
    }
}

/// Ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct End<'a> {
    /// Why, if not at leisure.
    pub error: Option<AmqpError<'a>>,
}

impl<'a> End<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            error: AmqpError::read(&mut fields)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        write_last(w, descriptor::END, self.error);
    }
}

/// Closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Close<'a> {
    /// Why, if not at leisure.
    pub error: Option<AmqpError<'a>>,
}

impl<'a> Close<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            error: AmqpError::read(&mut fields)?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        write_last(w, descriptor::CLOSE, self.error);
    }
}

fn write_last(w: &mut Writer<'_>, descriptor: u64, error: Option<AmqpError<'_>>) {
    w.described(descriptor, |w| {
        w.list(|w| w.optional(error, |w, error| error.write(w)));
    });
}
