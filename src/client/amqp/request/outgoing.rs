//! Requests on their way out: as much at a time as the node, its session and its frames allow.

use super::{CREDIT, Head, RECEIVER, RequestLinks, SENDER};
use crate::client::amqp::connection::Connection;
use crate::client::amqp::error::ConnectionError;
use crate::client::amqp::output::Output;
use crate::protocol::amqp::performative::{Performative, Transfer};
use crate::protocol::amqp::value::Value;

impl RequestLinks {
    /// Appends the request that `write` appends to a buffer as a message, if the node takes all of it now. Its id, to tell
    /// its answer by.
    pub fn send(
        &mut self,
        output: &mut Output,
        write: impl FnOnce(Head<'_>, &mut Vec<u8>),
    ) -> Option<u64> {
        let (id, message) = self.write(write);
        let piece = piece_length(output);
        let window = usize::try_from(self.session.window()).unwrap_or(usize::MAX);
        if self.credit == 0 || window < message.len().div_ceil(piece) {
            return None;
        }
        let tag = self.announce(output);
        let delivery = self.session.next_delivery();
        let mut rest = message.as_slice();
        while let Some(next) = self.send_piece(output, delivery, &tag, rest) {
            rest = next;
        }
        Some(id)
    }

    /// Sends a request as [`RequestLinks::send`] does, and waits until the node takes it.
    pub(super) async fn send_patiently(
        &mut self,
        connection: &mut Connection,
        write: impl FnOnce(Head<'_>, &mut Vec<u8>),
    ) -> Result<u64, ConnectionError> {
        let (id, message) = self.write(write);
        while self.credit == 0 {
            connection.flush().await?;
            self.take_next(connection).await?;
        }
        let tag = self.announce(&mut connection.output);
        let delivery = self.session.next_delivery();
        let mut rest = message.as_slice();
        loop {
            while self.session.window() == 0 {
                connection.flush().await?;
                self.take_next(connection).await?;
            }
            match self.send_piece(&mut connection.output, delivery, &tag, rest) {
                Some(next) => rest = next,
                None => return Ok(id),
            }
        }
    }

    /// A request's message, and its id.
    fn write(&mut self, write: impl FnOnce(Head<'_>, &mut Vec<u8>)) -> (u64, Vec<u8>) {
        let id = self.requests;
        self.requests += 1;
        let message_id = id.to_string();
        let mut message = Vec::new();
        let head = Head {
            message_id: Value::String(&message_id),
            reply_to: &self.reply_to,
        };
        write(head, &mut message);
        (id, message)
    }

    /// Gives the node credit for its answer; the tag of the delivery that asks for it.
    fn announce(&mut self, output: &mut Output) -> [u8; 4] {
        let flow = self.session.flow(RECEIVER, Some(self.received), CREDIT);
        output.send(self.session.channel, &Performative::Flow(flow), &[]);
        let tag = self.sent.to_be_bytes();
        self.sent = self.sent.wrapping_add(1);
        self.credit = self.credit.saturating_sub(1);
        tag
    }

    /// Appends as much of a delivery as a frame takes, and gives the rest, if there is one.
    fn send_piece<'a>(
        &mut self,
        output: &mut Output,
        delivery: u32,
        tag: &[u8],
        message: &'a [u8],
    ) -> Option<&'a [u8]> {
        let length = piece_length(output).min(message.len());
        let (piece, rest) = message.split_at(length);
        let transfer = Transfer {
            handle: SENDER,
            delivery_id: Some(delivery),
            delivery_tag: Some(tag),
            message_format: Some(0),
            settled: Some(true),
            more: !rest.is_empty(),
            ..Transfer::default()
        };
        self.session.on_sent();
        let transfer = Performative::Transfer(transfer);
        output.send(self.session.channel, &transfer, piece);
        Some(rest).filter(|rest| !rest.is_empty())
    }
}

/// How much of a message fits into a frame, beside what says whose it is.
fn piece_length(output: &Output) -> usize {
    const BESIDE: usize = 64;
    output.largest_frame().saturating_sub(BESIDE).max(1)
}
