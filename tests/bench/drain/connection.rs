//! A connection to the source: what the client says is answered, and events go out as far as it allows.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use hubctl::protocol::amqp::frame::{FrameHeader, FrameKind, begin_frame, end_frame};
use hubctl::protocol::amqp::management::{EventHubProperties, PartitionProperties};
use hubctl::protocol::amqp::message::Message;
use hubctl::protocol::amqp::performative::{
    Attach, Begin, Close, Detach, End, Flow, Open, Performative, Role, SaslMechanisms, SaslOutcome,
    Symbols, Transfer,
};
use hubctl::protocol::amqp::response::Response;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::event::Template;
use crate::source::{Account, ENTITY, Offer, PARTITIONS, since_epoch};

/// Written in one go, so that a flow is seen soon after it came.
const BATCH: usize = 64 << 10;

struct Link {
    channel: u16,
    handle: u32,
    credit: u32,
    delivery_count: u32,
    template: Template,
    next: i64,
    end: i64,
}

/// A client that is being served.
pub struct Connection<S> {
    stream: S,
    offer: Offer,
    account: Arc<Account>,
    started: Instant,
    /// Bytes that came and are not handled yet.
    input: Vec<u8>,
    output: Vec<u8>,
    /// The next delivery's number in each session, by channel.
    deliveries: HashMap<u16, u32>,
    links: Vec<Link>,
    /// Links over which requests are answered: their own handles by channel.
    answers: HashMap<u16, u32>,
    due: Option<Instant>,
    turn: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub fn new(stream: S, offer: Offer, account: Arc<Account>, started: Instant) -> Self {
        Self {
            stream,
            offer,
            account,
            started,
            input: Vec::new(),
            output: Vec::with_capacity(2 * BATCH),
            deliveries: HashMap::new(),
            links: Vec::new(),
            answers: HashMap::new(),
            due: None,
            turn: 0,
        }
    }

    /// Serves it until it hangs up.
    pub async fn serve(&mut self) -> std::io::Result<()> {
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).await?;
        self.stream.write_all(&header).await?;
        if header[4] == 3 {
            self.sasl().await?;
        }
        let mut buffer = vec![0; 64 << 10];
        loop {
            self.handle_input();
            self.offer_events();
            if !self.output.is_empty() {
                self.stream.write_all(&self.output).await?;
                self.output.clear();
                self.stream.flush().await?;
            }
            let length = match (self.wait(), self.stream.read(&mut buffer)) {
                (None, read) => read.await?,
                (Some(Duration::ZERO), read) => match read.now_or_never() {
                    Some(length) => length?,
                    None => continue,
                },
                (Some(wait), read) => match tokio::time::timeout(wait, read).await {
                    Ok(length) => length?,
                    Err(_) => continue,
                },
            };
            if length == 0 {
                return Ok(());
            }
            self.input.extend_from_slice(&buffer[..length]);
        }
    }

    /// How long there is nothing to send; none as long as nothing is asked for.
    fn wait(&self) -> Option<Duration> {
        if !self
            .links
            .iter()
            .any(|link| link.credit > 0 && link.next < link.end)
        {
            return None;
        }
        let due = self.due.unwrap_or_else(Instant::now);
        Some(due.saturating_duration_since(Instant::now()))
    }

    async fn sasl(&mut self) -> std::io::Result<()> {
        let offered = ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"];
        let mechanisms = Symbols::Several(&offered);
        self.push(
            FrameKind::Sasl,
            0,
            &Performative::SaslMechanisms(SaslMechanisms { mechanisms }),
            &[],
        );
        self.stream
            .write_all(&std::mem::take(&mut self.output))
            .await?;
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).await?;
        let mut init = vec![0; usize::try_from(u32::from_be_bytes(size)).unwrap() - 4];
        self.stream.read_exact(&mut init).await?;
        let outcome = SaslOutcome {
            code: 0,
            additional_data: None,
        };
        self.push(FrameKind::Sasl, 0, &Performative::SaslOutcome(outcome), &[]);
        self.stream
            .write_all(&std::mem::take(&mut self.output))
            .await?;
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).await?;
        self.stream.write_all(&header).await
    }

    fn push(
        &mut self,
        kind: FrameKind,
        channel: u16,
        performative: &Performative<'_>,
        payload: &[u8],
    ) {
        let start = begin_frame(&mut self.output, kind, channel);
        performative.encode(&mut self.output);
        self.output.extend_from_slice(payload);
        end_frame(&mut self.output, start);
    }

    fn send(&mut self, channel: u16, performative: &Performative<'_>) {
        self.push(FrameKind::Amqp, channel, performative, &[]);
    }

    fn handle_input(&mut self) {
        let input = std::mem::take(&mut self.input);
        let mut rest = &input[..];
        while let Ok(Some(header)) = FrameHeader::parse(rest, 1 << 20) {
            let Some(body) = header.body(rest) else { break };
            if !body.is_empty() {
                let (performative, payload) = Performative::decode(body).unwrap();
                self.answer(header.channel, &performative, payload);
            }
            rest = &rest[header.length()..];
        }
        self.input = rest.to_vec();
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "all else needs no answer")]
    fn answer(&mut self, channel: u16, performative: &Performative<'_>, payload: &[u8]) {
        match performative {
            Performative::Open(_) => {
                let open = Open {
                    container_id: "bench",
                    max_frame_size: Some(65_536),
                    channel_max: Some(255),
                    idle_time_out: Some(240_000),
                    ..Open::default()
                };
                self.send(0, &Performative::Open(open));
            }
            Performative::Begin(begin) => {
                let begin = Begin {
                    remote_channel: Some(channel),
                    incoming_window: 5000,
                    outgoing_window: u32::MAX,
                    next_outgoing_id: 1,
                    handle_max: begin.handle_max,
                    ..Begin::default()
                };
                self.deliveries.insert(channel, 1);
                self.send(channel, &Performative::Begin(begin));
            }
            Performative::Attach(attach) => self.attach(channel, attach),
            Performative::Flow(flow) => self.credit(channel, flow),
            Performative::Transfer(_) => self.reply(channel, payload),
            Performative::Detach(detach) => {
                self.links
                    .retain(|link| (link.channel, link.handle) != (channel, detach.handle));
                let detach = Detach {
                    error: None,
                    ..*detach
                };
                self.send(channel, &Performative::Detach(detach));
            }
            Performative::End(_) => {
                self.links.retain(|link| link.channel != channel);
                self.send(channel, &Performative::End(End { error: None }));
            }
            Performative::Close(_) => {
                self.links.clear();
                self.send(0, &Performative::Close(Close { error: None }));
            }
            _ => {}
        }
    }

    fn attach(&mut self, channel: u16, attach: &Attach<'_>) {
        let role = if attach.role == Role::Sender {
            Role::Receiver
        } else {
            Role::Sender
        };
        let answer = Attach {
            snd_settle_mode: attach.snd_settle_mode,
            source: attach.source,
            target: attach.target,
            initial_delivery_count: (role == Role::Sender).then_some(0),
            ..Attach::new(attach.name, attach.handle, role)
        };
        self.send(channel, &Performative::Attach(answer));
        let address = attach
            .source
            .and_then(|source| source.address)
            .unwrap_or_default();
        if attach.role == Role::Sender {
            let flow = Flow {
                next_incoming_id: Some(0),
                incoming_window: 5000,
                next_outgoing_id: 1,
                outgoing_window: u32::MAX,
                handle: Some(attach.handle),
                delivery_count: Some(0),
                link_credit: Some(100),
                ..Flow::default()
            };
            self.send(channel, &Performative::Flow(flow));
        } else if address.contains("/Partitions/") {
            self.links.push(Link {
                channel,
                handle: attach.handle,
                credit: 0,
                delivery_count: 0,
                template: Template::new(self.offer.profile, channel, attach.handle),
                next: 0,
                end: i64::try_from(self.offer.events).unwrap(),
            });
        } else {
            self.answers.insert(channel, attach.handle);
        }
    }

    fn credit(&mut self, channel: u16, flow: &Flow<'_>) {
        let links = self.links.iter_mut().filter(|link| link.channel == channel);
        for link in links.filter(|link| flow.handle == Some(link.handle)) {
            let count = flow.delivery_count.unwrap_or(0);
            let granted = count.wrapping_add(flow.link_credit.unwrap_or(0));
            link.credit = granted.wrapping_sub(link.delivery_count);
        }
    }

    /// Answers a request to `$cbs` or `$management`.
    fn reply(&mut self, channel: u16, payload: &[u8]) {
        let request = Message::parse(payload).unwrap();
        let is_partition = request.application_property("partition").is_some();
        let mut message = Vec::new();
        let response = Response::new(request.properties.message_id(), 202, "Accepted");
        let last = i64::try_from(self.offer.events).unwrap() - 1;
        response.write(&mut message, |w| {
            if is_partition {
                let log = PartitionProperties {
                    name: ENTITY.to_owned(),
                    partition: "0".to_owned(),
                    begin_sequence_number: 0,
                    last_enqueued_sequence_number: last,
                    last_enqueued_offset: last.to_string(),
                    last_enqueued_time_ms: 0,
                    is_empty: false,
                };
                log.write_body(w);
            } else {
                let partition_ids = (0..PARTITIONS).map(|id| id.to_string()).collect();
                let name = ENTITY.to_owned();
                EventHubProperties {
                    name,
                    created_at_ms: 0,
                    partition_ids,
                }
                .write_body(w);
            }
        });
        let id = self.next_delivery(channel);
        let tag = id.to_be_bytes();
        let transfer = Transfer {
            handle: self.answers[&channel],
            delivery_id: Some(id),
            delivery_tag: Some(&tag),
            message_format: Some(0),
            settled: Some(true),
            ..Transfer::default()
        };
        self.push(
            FrameKind::Amqp,
            channel,
            &Performative::Transfer(transfer),
            &message,
        );
    }

    fn next_delivery(&mut self, channel: u16) -> u32 {
        let next = self.deliveries.get_mut(&channel).unwrap();
        *next = next.wrapping_add(1);
        next.wrapping_sub(1)
    }

    /// Appends what is due, partition by partition in turn.
    fn offer_events(&mut self) {
        let now = Instant::now();
        let mut left = match self.offer.rate {
            None => usize::MAX,
            Some(rate) => {
                if self.wait().is_none() {
                    return;
                }
                let due = *self.due.get_or_insert(now);
                if now < due {
                    return;
                }
                self.due = Some(due + Duration::from_secs(1) / rate);
                1
            }
        };
        let before = self.output.len();
        let mut idle = 0;
        while self.output.len() - before < BATCH && left > 0 && idle < self.links.len() {
            self.turn = (self.turn + 1) % self.links.len();
            let link = &mut self.links[self.turn];
            let budget = left.min(64).min(usize::try_from(link.credit).unwrap());
            let there = usize::try_from(link.end - link.next).unwrap_or(usize::MAX);
            let count = budget.min(there);
            if count == 0 {
                idle += 1;
                continue;
            }
            idle = 0;
            left -= count;
            let delivery = self.deliveries.get_mut(&link.channel).unwrap();
            let enqueued_ms = since_epoch().as_millis();
            for _ in 0..count {
                link.template.append(
                    *delivery,
                    link.next,
                    enqueued_ms.try_into().unwrap(),
                    &mut self.output,
                );
                *delivery = delivery.wrapping_add(1);
                link.next += 1;
            }
            link.credit -= u32::try_from(count).unwrap();
            link.delivery_count = link
                .delivery_count
                .wrapping_add(u32::try_from(count).unwrap());
            let sent = u64::try_from(count).unwrap();
            if self.account.sent.fetch_add(sent, Ordering::Relaxed) == 0 {
                let at = u64::try_from(self.started.elapsed().as_micros()).unwrap();
                self.account.first_at.store(at, Ordering::Relaxed);
            }
        }
    }
}
