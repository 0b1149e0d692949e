//! What frames do: events go to the sink, links are attached, mended or given up, the token's answers are heard.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::connect::{FIRST_FREE_CHANNEL, Means};
use super::error::{At as _, Stage, StreamError};
use super::link::{answer_end, attach, deliver, stage_of, wait_or_give_up};
use super::notice::Notice;
use super::partition::{Partition, Reaction};
use super::plan::Plan;
use super::renewal::Renewal;
use super::sink::Sink;
use crate::client::amqp::{Frame, Output, Scope};
use crate::protocol::amqp::performative::Performative;
use crate::protocol::amqp::performative::delivery::TransferHead;

/// All that frames may change, without the connection that they stand in.
pub struct Reading<'s> {
    /// What is to be read.
    pub plan: &'s Plan,
    /// The partitions, in the order of their channels.
    pub partitions: &'s mut [Partition],
    /// What tokens are put with.
    pub means: Means<'s>,
    /// The token's next turn.
    pub renewal: &'s mut Option<Renewal>,
    /// Whether it was told since the last connect that all partitions are read.
    pub is_told: bool,
    /// When the frames came.
    pub now: Instant,
}

impl Reading<'_> {
    /// Handles one frame; what is to be sent in return goes to `output`.
    ///
    /// # Errors
    /// [`StreamError`] where only a new connection can help, or nothing.
    #[inline]
    pub fn handle<S: Sink>(
        &mut self,
        frame: Frame<'_>,
        output: &mut Output,
        sink: &mut S,
    ) -> Result<ControlFlow<()>, StreamError> {
        let index = frame.channel.checked_sub(FIRST_FREE_CHANNEL);
        let partition = index.and_then(|index| self.partitions.get_mut(usize::from(index)));
        let Some(partition) = partition else {
            self.hear_of_token(frame, output, sink)?;
            return Ok(ControlFlow::Continue(()));
        };
        if let Some((head, payload)) = TransferHead::decode(frame.body) {
            return take_transfer(partition, head, payload, output, sink);
        }
        let (performative, payload) = frame.decode().at(Stage::Reading)?;
        if let Performative::Transfer(transfer) = &performative {
            return take_transfer(partition, transfer.into(), payload, output, sink);
        }
        let was_reading = partition.was_reading;
        let reaction = partition.on_frame(&performative, self.now);
        match reaction.at(Stage::Reading)? {
            Reaction::None => {}
            Reaction::Answer(flow) => {
                output.send(frame.channel, &Performative::Flow(flow), &[]);
            }
            Reaction::Ended => answer_end(output, frame.channel, Scope::Session),
            Reaction::Attach => {
                attach(partition, output).at(stage_of(self.plan, &partition.id))?;
            }
            Reaction::Reading(flow) => {
                output.send(frame.channel, &Performative::Flow(flow), &[]);
                if was_reading && self.is_told {
                    sink.notice(&Notice::LinkMended {
                        partition: partition.id.clone(),
                        after: partition.progress.last(),
                    });
                }
            }
            Reaction::Broken(error) => {
                answer_end(output, frame.channel, error.scope);
                let notice = wait_or_give_up(self.plan, partition, error, self.now)?;
                sink.notice(&notice);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn hear_of_token<S: Sink>(
        &mut self,
        frame: Frame<'_>,
        output: &mut Output,
        sink: &mut S,
    ) -> Result<(), StreamError> {
        let Some(renewal) = self.renewal else {
            return Ok(());
        };
        let means = &mut self.means;
        if let Some(notice) = renewal.take(self.plan, means, frame, output, self.now)? {
            sink.notice(&notice);
        }
        Ok(())
    }
}

#[inline]
fn take_transfer<S: Sink>(
    partition: &mut Partition,
    head: TransferHead,
    payload: &[u8],
    output: &mut Output,
    sink: &mut S,
) -> Result<ControlFlow<()>, StreamError> {
    let flow = deliver(partition, head, payload, sink)?;
    if partition.receiver.wants_credit() {
        let credit = Performative::Flow(partition.receiver.replenish());
        output.send(partition.receiver.session.channel, &credit, &[]);
    }
    Ok(flow)
}
