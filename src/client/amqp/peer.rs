//! The other end, for tests: answers as the services do, and misbehaves by a script.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::protocol::amqp::frame::{FrameHeader, FrameKind, begin_frame, end_frame};
use crate::protocol::amqp::management::{EventHubProperties, PartitionProperties};
use crate::protocol::amqp::message::{Message, MessageWriter};
use crate::protocol::amqp::performative::{
    AmqpError, Attach, Begin, Detach, End, Flow, Open, Performative, Role, SaslMechanisms,
    SaslOutcome, Symbols, Transfer,
};
use crate::protocol::amqp::redirect::Redirect;
use crate::protocol::amqp::response::Response;
use crate::protocol::amqp::value::decode;
use crate::protocol::amqp::writer::encode as encode_value;

/// The event hub that it has.
pub(in crate::client) const ENTITY: &str = "iothub-ehub-contoso-123-abcdef0123";

/// A whole frame of a performative.
pub(in crate::client) fn encode(channel: u16, performative: &Performative<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    let start = begin_frame(&mut frame, FrameKind::Amqp, channel);
    performative.encode(&mut frame);
    end_frame(&mut frame, start);
    frame
}

/// What happens on a partition's link.
#[derive(Debug, Clone, Copy)]
pub(in crate::client) enum Act {
    /// An event with this sequence number comes.
    Event(i64),
    /// The link is detached for this reason.
    Detach(&'static str),
    /// The attach is refused for this reason; stands alone.
    Refuse(&'static str),
    /// The session ends.
    End,
    /// The connection is cut.
    HangUp,
    /// Nothing until this is told.
    Await(&'static Notify),
    /// This is told.
    Tell(&'static Notify),
}

/// The other end: answers everything, keeps what it got.
pub(in crate::client) struct Peer<S> {
    /// The way to the client.
    pub(in crate::client) stream: S,
    /// Whole frames, in the order of their arrival.
    pub(in crate::client) got: Vec<Vec<u8>>,
    /// What requests are answered with.
    pub(in crate::client) status: u16,
    /// What happens after each attach to a partition in turn.
    pub(in crate::client) script: VecDeque<Vec<Act>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    async fn frame(&mut self) -> Option<Vec<u8>> {
        let mut frame = vec![0; 8];
        self.stream.read_exact(&mut frame).await.ok()?;
        let header = FrameHeader::parse(&frame, 65_536).unwrap().unwrap();
        frame.resize(header.length(), 0);
        self.stream.read_exact(&mut frame[8..]).await.ok()?;
        Some(frame)
    }

    async fn header(&mut self) {
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).await.unwrap();
        self.stream.write_all(&header).await.unwrap();
    }

    async fn sasl(&mut self, performative: &Performative<'_>) {
        let mut frame = Vec::new();
        let start = begin_frame(&mut frame, FrameKind::Sasl, 0);
        performative.encode(&mut frame);
        end_frame(&mut frame, start);
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn send(&mut self, channel: u16, performative: &Performative<'_>, payload: &[u8]) {
        let mut frame = encode(channel, performative);
        frame.extend_from_slice(payload);
        end_frame(&mut frame, 0);
        self.stream.write_all(&frame).await.unwrap();
    }

    /// Serves the client until it is gone.
    pub(in crate::client) async fn serve(&mut self) {
        self.header().await;
        let offered = ["EXTERNAL", "MSSBCBS", "ANONYMOUS", "PLAIN"];
        let mechanisms = Symbols::Several(&offered);
        self.sasl(&Performative::SaslMechanisms(SaslMechanisms { mechanisms }))
            .await;
        let init = self.frame().await.unwrap();
        self.got.push(init);
        self.sasl(&Performative::SaslOutcome(SaslOutcome {
            code: 0,
            additional_data: Some(b"Welcome!"),
        }))
        .await;
        self.header().await;
        while let Some(frame) = self.frame().await {
            let goes_on = self.answer(&frame).await;
            self.got.push(frame);
            if !goes_on {
                return;
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all else needs no answer")]
    async fn answer(&mut self, frame: &[u8]) -> bool {
        let channel = u16::from_be_bytes([frame[6], frame[7]]);
        // The peer's channels are its own affair.
        let own = channel + 7;
        if frame.len() == 8 {
            return true;
        }
        let (performative, payload) = Performative::decode(&frame[8..]).unwrap();
        match performative {
            Performative::Open(_) => {
                let open = Open {
                    container_id: "peer",
                    idle_time_out: Some(240_000),
                    ..Open::default()
                };
                self.send(0, &Performative::Open(open), &[]).await;
                // A keep-alive at once, which nobody must stumble over.
                self.stream
                    .write_all(&[0, 0, 0, 8, 2, 0, 0, 0])
                    .await
                    .unwrap();
            }
            Performative::Begin(_) => {
                let begin = Begin {
                    remote_channel: Some(channel),
                    incoming_window: 5_000,
                    ..Begin::default()
                };
                self.send(own, &Performative::Begin(begin), &[]).await;
            }
            Performative::Attach(attach) => {
                if self.refuse(own, &attach).await {
                    return true;
                }
                self.attach(own, &attach).await;
                return self.play(own, &attach).await;
            }
            Performative::Transfer(_) => self.reply(own, payload).await,
            Performative::Close(close) => {
                self.send(0, &Performative::Close(close), &[]).await;
            }
            _ => {}
        }
        true
    }

    async fn attach(&mut self, channel: u16, attach: &Attach<'_>) {
        let is_sender = attach.role == Role::Sender;
        let role = if is_sender {
            Role::Receiver
        } else {
            Role::Sender
        };
        let address = attach.source.and_then(|source| source.address);
        if address.is_some_and(|address| address.contains("messages/events")) {
            let refused = Attach::new(attach.name, 0, role);
            self.send(channel, &Performative::Attach(refused), &[])
                .await;
            let redirect = Redirect::new("ns", 5671, ENTITY, "$management");
            let info = encode_value(|w| redirect.write_info(w));
            let (info, _) = decode(&info).unwrap();
            let error = AmqpError {
                condition: "amqp:link:redirect",
                description: None,
                info: info.as_map(),
            };
            let detach = Detach {
                handle: 0,
                closed: true,
                error: Some(error),
            };
            self.send(channel, &Performative::Detach(detach), &[]).await;
            return;
        }
        let answer = Attach {
            source: attach.source,
            target: attach.target,
            ..Attach::new(attach.name, attach.handle, role)
        };
        self.send(channel, &Performative::Attach(answer), &[]).await;
        if is_sender {
            // As gateway v2 sends it: without a next-incoming-id.
            let flow = Flow {
                handle: Some(attach.handle),
                delivery_count: Some(0),
                link_credit: Some(100),
                incoming_window: 5_000,
                ..Flow::default()
            };
            self.send(channel, &Performative::Flow(flow), &[]).await;
        }
    }

    /// Refuses a partition if the next part of the script says so.
    async fn refuse(&mut self, channel: u16, attach: &Attach<'_>) -> bool {
        let address = attach.source.and_then(|source| source.address);
        let is_partition = address.is_some_and(|address| address.contains("/Partitions/"));
        let next = self.script.front().map(Vec::as_slice);
        let (true, Some(&[Act::Refuse(condition)])) = (is_partition, next) else {
            return false;
        };
        self.script.pop_front();
        let refused = Attach::new(attach.name, 0, Role::Sender);
        self.send(channel, &Performative::Attach(refused), &[])
            .await;
        let detach = Detach {
            handle: 0,
            closed: true,
            error: Some(AmqpError::new(condition, "words")),
        };
        self.send(channel, &Performative::Detach(detach), &[]).await;
        true
    }

    /// Plays the next part of the script, if a partition was attached. False where the connection is cut.
    async fn play(&mut self, channel: u16, attach: &Attach<'_>) -> bool {
        let address = attach.source.and_then(|source| source.address);
        if !address.is_some_and(|address| address.contains("/Partitions/")) {
            return true;
        }
        for act in self.script.pop_front().unwrap_or_default() {
            match act {
                Act::Event(number) => {
                    let mut event = Vec::new();
                    let mut message = MessageWriter::new(&mut event);
                    message.message_annotations(|w| {
                        w.symbol("x-opt-sequence-number");
                        w.long(number);
                    });
                    message.data(b"x");
                    let transfer = Transfer {
                        settled: Some(true),
                        ..Transfer::default()
                    };
                    self.send(channel, &Performative::Transfer(transfer), &event)
                        .await;
                }
                Act::Detach(condition) => {
                    let detach = Detach {
                        handle: 0,
                        closed: true,
                        error: Some(AmqpError::new(condition, "words")),
                    };
                    self.send(channel, &Performative::Detach(detach), &[]).await;
                }
                Act::End => {
                    let end = End { error: None };
                    self.send(channel, &Performative::End(end), &[]).await;
                }
                Act::Await(cue) => cue.notified().await,
                Act::Tell(cue) => cue.notify_one(),
                Act::HangUp | Act::Refuse(_) => return false,
            }
        }
        true
    }

    async fn reply(&mut self, channel: u16, payload: &[u8]) {
        let request = Message::parse(payload).unwrap();
        let id = request.properties.message_id();
        let mut reply = Vec::new();
        let answer = EventHubProperties {
            name: ENTITY.to_owned(),
            created_at_ms: 0,
            partition_ids: vec!["0".to_owned(), "1".to_owned()],
        };
        let log = PartitionProperties {
            name: ENTITY.to_owned(),
            partition: "0".to_owned(),
            begin_sequence_number: 0,
            last_enqueued_sequence_number: 1_000,
            last_enqueued_offset: "1000".to_owned(),
            last_enqueued_time_ms: 0,
            is_empty: false,
        };
        let is_partition = request.application_property("partition").is_some();
        Response::new(id, self.status, "words").write(&mut reply, |w| {
            if is_partition {
                log.write_body(w);
            } else {
                answer.write_body(w);
            }
        });
        // In two frames.
        let (first, second) = reply.split_at(10);
        for (part, more) in [(first, true), (second, false)] {
            let transfer = Transfer {
                handle: 1,
                delivery_id: Some(0),
                delivery_tag: Some(b"t"),
                more,
                ..Transfer::default()
            };
            self.send(channel, &Performative::Transfer(transfer), part)
                .await;
        }
    }
}
