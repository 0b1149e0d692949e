//! Flow, transfer and disposition, with the states of a delivery. Lists are written in full: Python's client reads
//! them by position.

use crate::protocol::amqp::descriptor;
use crate::protocol::amqp::encoding::{DecodeError, code, read_u8, read_u32, split_content};
use crate::protocol::amqp::performative::error::AmqpError;
use crate::protocol::amqp::performative::fields::{Fields, write_map};
use crate::protocol::amqp::performative::link::Role;
use crate::protocol::amqp::value::{Described, Items, Value};
use crate::protocol::amqp::writer::Writer;

/// How far a session or a link may go on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Flow<'a> {
    /// The next transfer expected; absent before the peer's begin is known, and on one real gateway after it too.
    pub next_incoming_id: Option<u32>,
    /// Transfers the sender takes.
    pub incoming_window: u32,
    /// The next transfer to be sent.
    pub next_outgoing_id: u32,
    /// Transfers the sender may send.
    pub outgoing_window: u32,
    /// The link that is meant; none if only the session is.
    pub handle: Option<u32>,
    /// The link's count of deliveries.
    pub delivery_count: Option<u32>,
    /// Deliveries that may follow that count.
    pub link_credit: Option<u32>,
    /// Messages waiting at the sender.
    pub available: Option<u32>,
    /// Whether credit shall be used up at once.
    pub drain: bool,
    /// Whether a flow is wanted in reply.
    pub echo: bool,
    /// Free to use.
    pub properties: Option<Items<'a>>,
}

impl<'a> Flow<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            next_incoming_id: fields.integer("next-incoming-id")?,
            incoming_window: fields.required("incoming-window")?,
            next_outgoing_id: fields.required("next-outgoing-id")?,
            outgoing_window: fields.required("outgoing-window")?,
            handle: fields.integer("handle")?,
            delivery_count: fields.integer("delivery-count")?,
            link_credit: fields.integer("link-credit")?,
            available: fields.integer("available")?,
            drain: fields.bool("drain")?.unwrap_or(false),
            echo: fields.bool("echo")?.unwrap_or(false),
            properties: fields.map("properties")?,
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::FLOW, |w| {
            w.list(|w| {
                w.optional(self.next_incoming_id, Writer::uint);
                w.uint(self.incoming_window);
                w.uint(self.next_outgoing_id);
                w.uint(self.outgoing_window);
                w.optional(self.handle, Writer::uint);
                w.optional(self.delivery_count, Writer::uint);
                w.optional(self.link_credit, Writer::uint);
                w.optional(self.available, Writer::uint);
                w.bool(self.drain);
                w.bool(self.echo);
                write_map(w, self.properties);
            });
        });
    }
}

/// Carries a message, or a part of one; the bytes follow the performative.
#[derive(Debug, Clone, Copy, PartialEq, Default)]

pub struct Transfer<'a> {
    /// The link.
    pub handle: u32,
    /// The delivery's number within the session; required on its first transfer.
    pub delivery_id: Option<u32>,
    /// The delivery's name on the link; required on its first transfer.
    pub delivery_tag: Option<&'a [u8]>,
    /// 0, or 0x80013700 for a batch.
    pub message_format: Option<u32>,
    /// Whether the sender has forgotten the delivery already.
    pub settled: Option<bool>,
    /// Whether more transfers of the same delivery follow.
    pub more: bool,
    /// As in attach, for this delivery only.
    pub rcv_settle_mode: Option<u8>,
    /// The delivery's state at the sender.
    pub state: Option<DeliveryState<'a>>,
    /// Whether an earlier delivery is resumed.
    pub resume: bool,
    /// Whether the delivery is to be dropped.
    pub aborted: bool,
    /// Whether the reply may wait for others.
    pub batchable: bool,
}

impl<'a> Transfer<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            handle: fields.required("handle")?,
            delivery_id: fields.integer("delivery-id")?,
            delivery_tag: fields.binary("delivery-tag")?,
            message_format: fields.integer("message-format")?,
            settled: fields.bool("settled")?,
            more: fields.bool("more")?.unwrap_or(false),
            rcv_settle_mode: fields.integer("rcv-settle-mode")?,
            state: DeliveryState::read(&mut fields)?,
            resume: fields.bool("resume")?.unwrap_or(false),
            aborted: fields.bool("aborted")?.unwrap_or(false),
            batchable: fields.bool("batchable")?.unwrap_or(false),
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::TRANSFER, |w| {
            w.list(|w| {
                w.uint(self.handle);
                w.optional(self.delivery_id, Writer::uint);
                w.optional(self.delivery_tag, Writer::binary);
                w.optional(self.message_format, Writer::uint);
                w.optional(self.settled, Writer::bool);
                w.bool(self.more);
                w.optional(self.rcv_settle_mode, Writer::ubyte);
                w.optional(self.state, |w, state| state.write(w));
                w.bool(self.resume);
                w.bool(self.aborted);
                w.bool(self.batchable);
            });
        });
    }
}

/// What a receiver has to know of a transfer. Millions of them come, so it is read in one walk and nothing else is looked
/// at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransferHead {
    /// The link.
    pub handle: u32,
    /// The delivery's number within the session.
    pub delivery_id: Option<u32>,
    /// Whether the sender has forgotten the delivery already.
    pub settled: bool,
    /// Whether more transfers of the same delivery follow.
    pub more: bool,
    /// Whether the delivery is to be dropped.
    pub aborted: bool,
}

impl TransferHead {
    /// Reads the transfer at the front of a frame's body, and gives the payload that follows it. None for any other
    /// performative, and for a transfer in an encoding that nobody uses: [`Transfer`] reads or refuses those.
    #[inline]
    #[must_use]
    pub fn decode(body: &[u8]) -> Option<(Self, &[u8])> {
        let &[0, 0x53, TRANSFER_CODE, list] = body.first_chunk()? else {
            return None;
        };
        let body = &body[4..];
        let (count, mut fields, payload) = match list {
            code::LIST_8 => {
                let (content, payload) = split_content(list, body).ok()?;
                let (count, fields) = read_u8(content).ok()?;
                (count, fields, payload)
            }
            code::LIST_32 => {
                let (content, payload) = split_content(list, body).ok()?;
                let (count, fields) = read_u32(content).ok()?;
                (count, fields, payload)
            }
            _ => return None,
        };
        let mut head = Self::default();
        let mut is_named = false;
        for position in 0..count {
            let (&code, rest) = fields.split_first()?;
            let (content, rest) = split_content(code, rest).ok()?;
            fields = rest;
            match position {
                0 => {
                    head.handle = uint(code, content)?;
                    is_named = true;
                }
                1 if code != code::NULL => head.delivery_id = Some(uint(code, content)?),
                4 => head.settled = truth(code, content)?,
                5 => head.more = truth(code, content)?,
                9 => head.aborted = truth(code, content)?,
                _ => {}
            }
        }
        is_named.then_some((head, payload))
    }
}

impl From<&Transfer<'_>> for TransferHead {
    fn from(transfer: &Transfer<'_>) -> Self {
        Self {
            handle: transfer.handle,
            delivery_id: transfer.delivery_id,
            settled: transfer.settled == Some(true),
            more: transfer.more,
            aborted: transfer.aborted,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "descriptors of performatives are small"
)]
const TRANSFER_CODE: u8 = descriptor::TRANSFER as u8;

#[inline]
fn uint(code: u8, content: &[u8]) -> Option<u32> {
    match code {
        code::UINT_0 => Some(0),
        code::SMALL_UINT => content.first().copied().map(u32::from),
        code::UINT => content.try_into().ok().map(u32::from_be_bytes),
        _ => None,
    }
}

/// A boolean; null is false.
#[inline]
fn truth(code: u8, content: &[u8]) -> Option<bool> {
    match code {
        code::NULL | code::FALSE => Some(false),
        code::TRUE => Some(true),
        code::BOOLEAN => Some(content != [0]),
        _ => None,
    }
}

/// Says what became of deliveries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disposition<'a> {
    /// Which end the sender of this frame is.
    pub role: Role,
    /// The first delivery meant.
    pub first: u32,
    /// The last delivery meant; none if it is the first.
    pub last: Option<u32>,
    /// Whether the sender of this frame has forgotten them.
    pub settled: bool,
    /// What became of them.
    pub state: Option<DeliveryState<'a>>,
    /// Whether the reply may wait for others.
    pub batchable: bool,
}

impl<'a> Disposition<'a> {
    pub(super) fn read(mut fields: Fields<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            role: Role::read(&mut fields)?,
            first: fields.required("first")?,
            last: fields.integer("last")?,
            settled: fields.bool("settled")?.unwrap_or(false),
            state: DeliveryState::read(&mut fields)?,
            batchable: fields.bool("batchable")?.unwrap_or(false),
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.described(descriptor::DISPOSITION, |w| {
            w.list(|w| {
                self.role.write(w);
                w.uint(self.first);
                w.optional(self.last, Writer::uint);
                w.bool(self.settled);
                w.optional(self.state, |w, state| state.write(w));
                w.bool(self.batchable);
            });
        });
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DeliveryState<'a> {
    /// It arrived up to a point.
    Received {
        /// The section that is being received.
        section_number: u32,
        /// Bytes of it that are there.
        section_offset: u64,
    },
    /// It was taken in.
    Accepted,
    /// It is of no use.
    Rejected(Option<AmqpError<'a>>),
    /// It was not looked at.
    Released,
    /// It was not taken in, and is to be changed.
    Modified {
        /// Whether this counts as a failed attempt.
        delivery_failed: bool,
        /// Whether it must not come here again.
        undeliverable_here: bool,
        /// Annotations to change.
        message_annotations: Option<Items<'a>>,
    },
    /// A state that the standard's core does not know, such as a transaction's.
    Other(Described<'a>),
}

impl<'a> DeliveryState<'a> {
    fn read(fields: &mut Fields<'a>) -> Result<Option<Self>, DecodeError> {
        let Some(value) = fields.value()? else {
            return Ok(None);
        };
        let described = value.as_described().ok_or(DecodeError::Malformed {
            what: "delivery state",
        })?;
        let content = described.value()?;
        if content.as_list().is_none() {
            return Ok(Some(Self::Other(described)));
        }
        let mut fields = Fields::of(content, "delivery state")?;
        Ok(Some(match described.code() {
            Some(descriptor::RECEIVED) => Self::Received {
                section_number: fields.integer("section-number")?.unwrap_or(0),
                section_offset: fields.integer("section-offset")?.unwrap_or(0),
            },
            Some(descriptor::ACCEPTED) => Self::Accepted,
            Some(descriptor::REJECTED) => Self::Rejected(AmqpError::read(&mut fields)?),
            Some(descriptor::RELEASED) => Self::Released,
            Some(descriptor::MODIFIED) => Self::Modified {
                delivery_failed: fields.bool("delivery-failed")?.unwrap_or(false),
                undeliverable_here: fields.bool("undeliverable-here")?.unwrap_or(false),
                message_annotations: fields.map("message-annotations")?,
            },
            _ => Self::Other(described),
        }))
    }

    fn write(&self, w: &mut Writer<'_>) {
        match *self {
            Self::Received {
                section_number,
                section_offset,
            } => w.described(descriptor::RECEIVED, |w| {
                w.list(|w| {
                    w.uint(section_number);
                    w.ulong(section_offset);
                });
            }),
            Self::Accepted => w.described(descriptor::ACCEPTED, |w| w.list(|_| {})),
            Self::Rejected(error) => w.described(descriptor::REJECTED, |w| {
                w.list(|w| w.optional(error, |w, error| error.write(w)));
            }),
            Self::Released => w.described(descriptor::RELEASED, |w| w.list(|_| {})),
            Self::Modified {
                delivery_failed,
                undeliverable_here,
                message_annotations,
            } => {
                w.described(descriptor::MODIFIED, |w| {
                    w.list(|w| {
                        w.bool(delivery_failed);
                        w.bool(undeliverable_here);
                        write_map(w, message_annotations);
                    });
                });
            }
            Self::Other(described) => w.value(&Value::Described(described)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::performative::Performative;
    use proptest::prelude::*;

    fn flag() -> impl Strategy<Value = Option<bool>> {
        prop::option::of(any::<bool>())
    }

    proptest! {
        #[test]
        fn the_head_is_that_of_the_transfer(
            handle: u32,
            delivery_id: Option<u32>,
            tag in prop::option::of(prop::collection::vec(any::<u8>(), 0..32)),
            settled in flag(),
            [more, aborted, resume, has_state] in any::<[bool; 4]>(),
            payload in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let transfer = Transfer {
                handle,
                delivery_id,
                delivery_tag: tag.as_deref(),
                settled,
                more,
                aborted,
                resume,
                state: has_state.then_some(DeliveryState::Accepted),
                ..Transfer::default()
            };
            let mut body = Vec::new();
            Performative::Transfer(transfer).encode(&mut body);
            body.extend_from_slice(&payload);
            let expected = Some((TransferHead::from(&transfer), &payload[..]));
            let head = TransferHead::decode(&body);
            // A state is left to the reader of all fields.
            prop_assert_eq!(head, expected.filter(|_| !has_state));
        }

        #[test]
        fn what_it_reads_of_any_bytes_is_what_the_transfer_says(
            fields in prop::collection::vec(
                prop_oneof![prop::sample::select(vec![0x40, 0x41, 0x42, 0x43, 0x52, 0x56, 0x70, 0xa0]), 0_u8..5],
                0..30,
            ),
            count in 0_u8..12,
        ) {
            let size = u8::try_from(fields.len() + 1).unwrap();
            let body = [&[0, 0x53, 0x14, 0xc0, size, count][..], &fields, b"payload"].concat();
            let Some((head, payload)) = TransferHead::decode(&body) else { return Ok(()) };
            prop_assert_eq!(payload, &b"payload"[..]);
            if let Ok((Performative::Transfer(transfer), _)) = Performative::decode(&body) {
                prop_assert_eq!(head, TransferHead::from(&transfer));
            }
        }
    }
}
