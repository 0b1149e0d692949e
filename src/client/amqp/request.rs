//! A pair of links over which a node is asked something: `$cbs` and `$management`.

mod outgoing;

use std::collections::VecDeque;

use super::connection::Connection;
use super::error::{ConnectionError, PeerError, Scope};
use super::output::Output;
use super::session::Session;
use crate::protocol::amqp::message::Message;
use crate::protocol::amqp::performative::{
    Attach, DeliveryState, Detach, Disposition, End, Flow, Performative, Role, Source, Target,
    Transfer,
};
use crate::protocol::amqp::response::Response;
use crate::protocol::amqp::value::Value;

const SENDER: u32 = 0;
const RECEIVER: u32 = 1;

/// Requests and answers that may be under way; given anew with each request.
const CREDIT: u32 = 64;

/// No answer is larger, in bytes.
const LARGEST_ANSWER: usize = 1 << 20;

/// What a request carries so that its answer finds back.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// To be repeated in the answer.
    pub message_id: Value<'a>,
    /// Where the answer goes.
    pub reply_to: &'a str,
}

/// A session of its own with a link to the node and a link back.
#[derive(Debug)]
pub struct RequestLinks {
    node: &'static str,
    session: Session,
    reply_to: String,
    is_begun: bool,
    is_sender_attached: bool,
    /// The node's own handle of the link to it.
    sender_handle: Option<u32>,
    is_receiver_attached: bool,
    credit: u32,
    /// Deliveries sent, as the node counts them.
    sent: u32,
    received: u32,
    requests: u64,
    partial: Vec<u8>,
    /// What came while something else was waited for.
    answers: VecDeque<Vec<u8>>,
}

impl RequestLinks {
    /// Begins the session, attaches both links and waits until the node takes a request.
    ///
    /// # Errors
    /// [`ConnectionError`], with the node's own reason where it refuses.
    pub async fn open(
        connection: &mut Connection,
        channel: u16,
        node: &'static str,
        container: &str,
    ) -> Result<Self, ConnectionError> {
        let mut links = Self::new(channel, node, container);
        let begin = Performative::Begin(links.session.begin());
        connection.output.send(channel, &begin, &[]);
        connection.flush().await?;
        while !links.is_begun {
            links.take_next(connection).await?;
        }
        links.attach(&mut connection.output);
        connection.flush().await?;
        while !links.is_ready() {
            links.take_next(connection).await?;
        }
        Ok(links)
    }

    /// Begins the session and attaches both links without waiting for anything: [`RequestLinks::on_frame`] is to be told
    /// of what comes until [`RequestLinks::is_ready`].
    #[must_use]
    pub fn start(output: &mut Output, channel: u16, node: &'static str, container: &str) -> Self {
        let links = Self::new(channel, node, container);
        let begin = Performative::Begin(links.session.begin());
        output.send(channel, &begin, &[]);
        links.attach(output);
        links
    }

    fn new(channel: u16, node: &'static str, container: &str) -> Self {
        Self {
            node,
            session: Session::new(channel),
            reply_to: format!("{container}-{}", node.trim_start_matches('$')),
            is_begun: false,
            is_sender_attached: false,
            sender_handle: None,
            is_receiver_attached: false,
            credit: 0,
            sent: 0,
            received: 0,
            requests: 0,
            partial: Vec::new(),
            answers: VecDeque::new(),
        }
    }

    fn attach(&self, output: &mut Output) {
        for attach in self.attaches() {
            let attach = Performative::Attach(attach);
            output.send(self.session.channel, &attach, &[]);
        }
    }

    /// Takes the next frame in, if it is this session's.
    async fn take_next(&mut self, connection: &mut Connection) -> Result<(), ConnectionError> {
        let frame = connection.answer(self.node).await?;
        if frame.channel != self.session.channel {
            return Ok(());
        }
        let (performative, payload) = frame.decode()?;
        let answer = self.on_frame(&performative, payload)?;
        self.answers.extend(answer);
        if let Some(reply) = self.reply(&performative) {
            connection.output.send(self.session.channel, &reply, &[]);
            connection.flush().await?;
        }
        Ok(())
    }

    /// This side's channel.
    #[must_use]
    pub fn channel(&self) -> u16 {
        self.session.channel
    }

    fn attaches(&self) -> [Attach<'_>; 2] {
        let sender = Attach {
            source: Some(Source::at(&self.reply_to)),
            target: Some(Target::at(self.node)),
            initial_delivery_count: Some(0),
            ..Attach::new(self.node, SENDER, Role::Sender)
        };
        let receiver = Attach {
            source: Some(Source::at(self.node)),
            target: Some(Target::at(&self.reply_to)),
            ..Attach::new(&self.reply_to, RECEIVER, Role::Receiver)
        };
        [sender, receiver]
    }

    /// Whether the node takes a request.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_sender_attached && self.is_receiver_attached && self.credit > 0
    }

    /// Sends a request and waits for its answer, a message whose status says that it went well.
    ///
    /// # Errors
    /// [`ConnectionError::Status`] where the node refused; others when it did not come that far.
    pub async fn request(
        &mut self,
        connection: &mut Connection,
        write: impl FnOnce(Head<'_>, &mut Vec<u8>),
    ) -> Result<Vec<u8>, ConnectionError> {
        let id = self.send_patiently(connection, write).await?;
        connection.flush().await?;
        loop {
            let answer = self.next_answer(connection).await?;
            if self.answers(id, &answer)? {
                return Ok(answer);
            }
        }
    }

    /// Sends a request for each of `subjects` without waiting in between; their answers, in the order of the requests.
    ///
    /// # Errors
    /// As [`RequestLinks::request`], for the first request that was refused.
    pub async fn request_each<T>(
        &mut self,
        connection: &mut Connection,
        subjects: &[T],
        write: impl Fn(&T, Head<'_>, &mut Vec<u8>),
    ) -> Result<Vec<Vec<u8>>, ConnectionError> {
        let mut answers = Vec::with_capacity(subjects.len());
        while answers.len() < subjects.len() {
            let left = &subjects[answers.len()..];
            let most = usize::try_from(self.credit.clamp(1, CREDIT)).unwrap_or(1);
            let mut ids = Vec::new();
            for subject in left.iter().take(most) {
                let id = self.send_patiently(connection, |head, out| write(subject, head, out));
                ids.push(id.await?);
            }
            connection.flush().await?;
            answers.append(&mut self.collect(connection, &ids).await?);
        }
        Ok(answers)
    }

    /// Waits for the answers to all of `ids`, which may come in any order.
    async fn collect(
        &mut self,
        connection: &mut Connection,
        ids: &[u64],
    ) -> Result<Vec<Vec<u8>>, ConnectionError> {
        let mut answers = vec![None; ids.len()];
        while let Some(first) = answers.iter().position(Option::is_none) {
            let answer = self.next_answer(connection).await?;
            for (place, id) in answers.iter_mut().zip(ids).skip(first) {
                if place.is_none() && self.answers(*id, &answer)? {
                    *place = Some(answer);
                    break;
                }
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// The next message that the node sends, settled.
    async fn next_answer(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Vec<u8>, ConnectionError> {
        loop {
            if let Some(answer) = self.answers.pop_front() {
                return Ok(answer);
            }
            self.take_next(connection).await?;
        }
    }

    /// Whether a message answers the request with this id, and well.
    ///
    /// # Errors
    /// [`ConnectionError::Status`] where it does and the node refused.
    pub fn answers(&self, id: u64, answer: &[u8]) -> Result<bool, ConnectionError> {
        let message = Message::parse(answer)?;
        let response = Response::parse(&message).map_err(|_| ConnectionError::Unexpected {
            what: "an answer without a status",
        })?;
        let correlates = match response.correlation_id {
            Some(correlation) => correlation.as_str() == Some(&*id.to_string()),
            // Nodes answer in order, so an answer without a correlation is for the first that waits.
            None => true,
        };
        if correlates && !response.is_success() {
            return Err(ConnectionError::Status {
                node: self.node,
                code: response.status_code,
                condition: response.error_condition.map(str::to_owned),
                description: response.status_description.map(str::to_owned),
            });
        }
        Ok(correlates)
    }

    /// What is owed for a frame: it settles an answer that the node did not settle itself, or tells how things stand
    /// where the node asks for that.
    #[must_use]
    pub fn reply(&self, performative: &Performative<'_>) -> Option<Performative<'static>> {
        if let Performative::Flow(flow) = performative
            && flow.echo
        {
            let flow = self.session.flow(RECEIVER, Some(self.received), CREDIT);
            return Some(Performative::Flow(flow));
        }
        let Performative::Transfer(transfer) = performative else {
            return None;
        };
        let first = transfer
            .delivery_id
            .filter(|_| transfer.settled != Some(true))?;
        Some(Performative::Disposition(Disposition {
            role: Role::Receiver,
            first,
            last: Some(first),
            settled: true,
            state: Some(DeliveryState::Accepted),
            batchable: false,
        }))
    }

    /// Takes a frame of this session in; gives an answer once all of it is there.
    ///
    /// # Errors
    /// [`ConnectionError::Peer`] when the node ended a link or the session.
    pub fn on_frame(
        &mut self,
        performative: &Performative<'_>,
        payload: &[u8],
    ) -> Result<Option<Vec<u8>>, ConnectionError> {
        match performative {
            Performative::Begin(begin) => {
                self.session.on_begin(begin);
                self.is_begun = true;
            }
            // A link is refused by an attach without its far end, and a detach that says why.
            Performative::Attach(attach) if attach.role == Role::Sender => {
                self.is_receiver_attached = attach.source.is_some();
            }
            Performative::Attach(attach) => {
                self.is_sender_attached = attach.target.is_some();
                self.sender_handle = Some(attach.handle);
            }
            Performative::Flow(flow) => {
                self.session.on_flow(flow);
                if flow.handle.is_some() && flow.handle == self.sender_handle {
                    self.take_credit(flow);
                }
            }
            Performative::Transfer(transfer) => return self.take_transfer(transfer, payload),
            Performative::Detach(detach) => {
                return Err(Box::new(PeerError::new(Scope::Link, detach.error.as_ref())).into());
            }
            Performative::End(end) => {
                return Err(Box::new(PeerError::new(Scope::Session, end.error.as_ref())).into());
            }
            Performative::Disposition(_)
            | Performative::Open(_)
            | Performative::Close(_)
            | Performative::SaslMechanisms(_)
            | Performative::SaslInit(_)
            | Performative::SaslChallenge(_)
            | Performative::SaslResponse(_)
            | Performative::SaslOutcome(_) => {}
        }
        Ok(None)
    }

    fn take_credit(&mut self, flow: &Flow<'_>) {
        let (Some(credit), count) = (flow.link_credit, flow.delivery_count.unwrap_or(0)) else {
            return;
        };
        self.credit = count.wrapping_add(credit).wrapping_sub(self.sent);
    }

    fn take_transfer(
        &mut self,
        transfer: &Transfer<'_>,
        payload: &[u8],
    ) -> Result<Option<Vec<u8>>, ConnectionError> {
        self.session.on_transfer();
        if self.partial.len() + payload.len() > LARGEST_ANSWER {
            return Err(ConnectionError::Unexpected {
                what: "an answer beyond all size",
            });
        }
        self.partial.extend_from_slice(payload);
        if transfer.more {
            return Ok(None);
        }
        self.received = self.received.wrapping_add(1);
        let answer = std::mem::take(&mut self.partial);
        Ok(Some(answer).filter(|_| !transfer.aborted))
    }

    /// Ends the session; its channel is not used again on this connection.
    ///
    /// # Errors
    /// [`ConnectionError`] when the connection broke.
    pub async fn end(self, connection: &mut Connection) -> Result<(), ConnectionError> {
        let channel = self.session.channel;
        for handle in [SENDER, RECEIVER] {
            let detach = Performative::Detach(Detach {
                handle,
                closed: true,
                error: None,
            });
            connection.output.send(channel, &detach, &[]);
        }
        let end = Performative::End(End { error: None });
        connection.output.send(channel, &end, &[]);
        connection.flush().await
    }
}
