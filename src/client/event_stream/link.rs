//! What is done with one partition's link: attach it, hand its events on, mend it.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::error::{At as _, Stage, StreamError};
use super::notice::Notice;
use super::partition::Partition;
use super::plan::{Plan, Start};
use super::sink::Sink;
use super::verdict::{Verdict, is_the_connections, judge};
use crate::client::amqp::{ConnectionError, Output, PeerError, Scope};
use crate::model::dice::Dice;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::performative::delivery::TransferHead;
use crate::protocol::amqp::performative::error::condition;
use crate::protocol::amqp::performative::{Detach, End, Performative};

/// Hands an event to the sink once all of it is there, unless it was read before.
///
/// # Errors
/// [`StreamError`] for an event beyond all size.
#[inline]
pub fn deliver<S: Sink>(
    partition: &mut Partition,
    transfer: TransferHead,
    payload: &[u8],
    sink: &mut S,
) -> Result<ControlFlow<()>, StreamError> {
    let taken = partition.receiver.on_transfer(transfer, payload);
    let Some(bytes) = taken.at(Stage::Reading)? else {
        return Ok(ControlFlow::Continue(()));
    };
    match Event::parse(bytes) {
        Ok(event) if partition.progress.advance_to(event.sequence_number) => {
            partition.backoff.succeeded();
            Ok(sink.event(&partition.id, &event))
        }
        Ok(_) => Ok(ControlFlow::Continue(())),
        Err(error) => {
            sink.notice(&Notice::Unreadable {
                partition: partition.id.clone(),
                reason: error.to_string(),
            });
            Ok(ControlFlow::Continue(()))
        }
    }
}

/// What to do about a link that broke: attach it again after a while, or give up.
///
/// # Errors
/// The trouble itself, when attaching it again on this connection is of no use.
pub fn wait_or_give_up(
    plan: &Plan,
    partition: &mut Partition,
    error: Box<PeerError>,
    now: Instant,
) -> Result<Notice, StreamError> {
    if let Some(place) = refused_place(plan, partition, &error) {
        return Err(StreamError::NoSuchPlace {
            place: place.clone(),
            partition: partition.id.clone(),
            source: error,
        });
    }
    let is_the_connections = is_the_connections(&error.condition);
    let error = StreamError::Failed {
        stage: stage_of(plan, &partition.id),
        source: error.into(),
    };
    if is_the_connections && partition.was_reading {
        return Err(error);
    }
    match judge(&error, partition.was_reading, partition.backoff.failures()) {
        Verdict::Give => Err(error),
        Verdict::Retry(least) => {
            let retry_in = partition.backoff.failed(least, jitter());
            partition.wait(now + retry_in);
            let StreamError::Failed { source, .. } = error else {
                return Err(error);
            };
            Ok(Notice::LinkLost {
                partition: partition.id.clone(),
                reason: source.to_string(),
                retry_in,
            })
        }
    }
}

/// The place that was asked for, if that is what the service refuses: nothing was read after it yet.
fn refused_place<'p>(
    plan: &'p Plan,
    partition: &Partition,
    error: &PeerError,
) -> Option<&'p Position> {
    let Start::At(place) = &plan.start else {
        return None;
    };
    let is_named = matches!(
        place,
        Position::Offset { .. } | Position::SequenceNumber { .. }
    );
    let is_the_argument = matches!(
        error.condition.as_str(),
        condition::ARGUMENT_ERROR | condition::ARGUMENT_OUT_OF_RANGE | condition::INVALID_FIELD
    );
    let is_at = is_named && is_the_argument && partition.progress.position() == *place;
    is_at.then_some(place)
}

/// Attaches a partition's link where it is to be read from next.
///
/// # Errors
/// None that can be met: the filter was written here.
pub fn attach(partition: &Partition, output: &mut Output) -> Result<(), ConnectionError> {
    let receiver = &partition.receiver;
    let channel = receiver.session.channel;
    let position = partition.progress.position();
    receiver.attach(&position, |attach| output.send(channel, attach, &[]))
}

/// Ends on this side what the service ended on its own.
pub fn answer_end(output: &mut Output, channel: u16, scope: Scope) {
    let answer = match scope {
        Scope::Link => Performative::Detach(Detach {
            handle: 0,
            closed: true,
            error: None,
        }),
        Scope::Session | Scope::Connection => Performative::End(End { error: None }),
    };
    output.send(channel, &answer, &[]);
}

/// The stage at which a partition is attached and read.
#[must_use]
pub fn stage_of(plan: &Plan, partition: &str) -> Stage {
    Stage::Partition {
        id: partition.to_owned(),
        consumer_group: plan.consumer_group.clone(),
    }
}

/// A number from 0 to 255 by chance.
#[must_use]
pub fn jitter() -> u8 {
    Dice::thrown().number().to_be_bytes()[0]
}
