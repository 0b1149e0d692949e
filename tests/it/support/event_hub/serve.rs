//! A connection: what the client says is answered, events are sent as far as it allows, and what goes wrong goes wrong.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hubctl::protocol::amqp::performative::{Flow, Open, Performative};
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Interval, interval};

use super::session::Session;
use super::wire::{Frames, Io, put};
use super::{Manners, Shared, State};

/// An empty frame.
pub const KEEP_ALIVE: [u8; 8] = [0, 0, 0, 8, 2, 0, 0, 0];

/// Bytes that are put together before they are sent.
const CHUNK: usize = 1 << 16;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is reset.
    Reset,
    /// It is closed, with or without a word.
    HangUp,
    /// The client went.
    Gone,
}

/// A connection.
pub struct Connection {
    shared: Arc<Shared>,
    pub(super) manners: Manners,
    /// What is to be sent.
    pub(super) out: Vec<u8>,
    /// By the client's channel.
    pub(super) sessions: BTreeMap<u16, Session>,
    /// The largest frame that the client takes.
    pub(super) largest_frame: usize,
    /// What the client wants to hear something within.
    idle_time_out: Option<Duration>,
    /// Until when the client's token is good, in seconds since 1970.
    pub(super) expiry: Option<i64>,
    /// Nothing comes any more, but so many keep-alives.
    pub(super) mute: Option<u32>,
    /// Since when.
    pub(super) mute_since: Option<Instant>,
    /// Whether the client is about to leave this connection for another, whatever is still under way.
    pub(super) is_left: bool,
    last_received: Instant,
    /// How often events were sent.
    turns: usize,
}

/// Serves a client until one of the two has had enough.
pub async fn serve(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let mut io = Io::accept(stream, tls).await?;
    let date = shared.state().setup.manners.date.clone();
    if !io.negotiate(date).await? {
        return Ok(());
    }
    let (mut frames, mut writer) = io.split();
    let manners = {
        let mut state = shared.state();
        state.conduct.connections += 1;
        state.setup.manners.clone()
    };
    let mut connection = Connection {
        shared: Arc::clone(&shared),
        manners,
        out: Vec::new(),
        sessions: BTreeMap::new(),
        largest_frame: 512,
        idle_time_out: None,
        expiry: None,
        mute: None,
        mute_since: None,
        is_left: false,
        last_received: Instant::now(),
        turns: 0,
    };
    let ending = connection.run(&mut frames, &mut writer).await;
    let is_heard_out = connection.was_left_for_silence() || matches!(ending, Ok(Ending::HangUp));
    let is_cut_off = connection.is_left || !is_heard_out;
    {
        let mut state = shared.state();
        connection.leave_links(&mut state);
        if is_cut_off {
            state.conduct.cut_off();
        }
        state.conduct.ended += 1;
        shared.ended.notify_all();
    }
    if let Ok(Ending::HangUp) = ending {
        writer.shutdown().await?;
        while let Some(frame) = frames.next().await {
            let answer = Performative::decode(&frame[8..]);
            if let Ok((Performative::Close(_), _)) = answer {
                shared.state().conduct.farewells += 1;
            }
        }
    }
    frames.drop_half().await;
    Ok(())
}

impl Connection {
    async fn run(
        &mut self,
        frames: &mut Frames,
        writer: &mut (impl tokio::io::AsyncWrite + Unpin),
    ) -> io::Result<Ending> {
        let shared = Arc::clone(&self.shared);
        let mut pace = self.manners.pace.map(interval);
        let mut idle: Option<Interval> = None;
        loop {
            let grown = shared.grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            while let Some(frame) = frames.ready() {
                if let Some(ending) = self.hear(&frame) {
                    writer.write_all(&self.out).await?;
                    return Ok(ending);
                }
            }
            self.grant();
            let pumped = if pace.is_none() {
                self.pump(64)
            } else {
                Ok(false)
            };
            let sent = tokio::time::timeout(self.patience(), async {
                writer.write_all(&self.out).await?;
                writer.flush().await
            });
            match sent.await {
                Ok(sent) => sent?,
                // The client takes nothing in any more.
                Err(_) => return Ok(Ending::Reset),
            }
            self.out.clear();
            match pumped {
                Err(ending) => return Ok(ending),
                Ok(true) => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(false) => {}
            }
            if idle.is_none() {
                idle = self.idle_time_out.map(|limit| interval(limit / 2));
            }
            tokio::select! {
                frame = frames.next() => {
                    let Some(frame) = frame else { return Ok(Ending::Gone) };
                    if let Some(ending) = self.hear(&frame) {
                        writer.write_all(&self.out).await?;
                        return Ok(ending);
                    }
                }
                () = grown => {}
                () = tick(&mut idle) => if self.keep_alive() {
                    return Ok(Ending::HangUp);
                },
                () = tick(&mut pace) => if let Err(ending) = self.pump(1) {
                    writer.write_all(&self.out).await?;
                    return Ok(ending);
                },
            }
        }
    }

    /// Sends a sign of life; true where the client has given none for too long, and the connection is to be closed.
    fn keep_alive(&mut self) -> bool {
        if self.mute.is_none() {
            self.out.extend_from_slice(&KEEP_ALIVE);
        }
        let is_dead = self.last_received.elapsed() > self.patience();
        if is_dead && !self.manners.closes_idle {
            self.violation("the client does not keep the connection alive".to_owned());
        }
        is_dead && self.manners.closes_idle
    }

    /// Whether the client went because nothing came any more. One that goes sooner had another reason, as where this side got no
    /// turn for long, and has not heard all.
    fn was_left_for_silence(&self) -> bool {
        let limit = self.idle_time_out.unwrap_or_default();
        self.mute_since
            .is_some_and(|since| since.elapsed() >= limit)
    }

    /// How long the client may give no sign of life.
    fn patience(&self) -> Duration {
        Duration::from_millis(self.manners.idle_time_out.into()) * 4
    }

    pub(super) fn violation(&self, violation: String) {
        self.shared.state().conduct.violations.push(violation);
    }

    /// Takes a frame in.
    fn hear(&mut self, frame: &[u8]) -> Option<Ending> {
        self.last_received = Instant::now();
        let largest = usize::try_from(self.manners.max_frame_size).unwrap();
        if frame.len() > largest {
            self.violation(format!("a frame of {} bytes", frame.len()));
        }
        if let Some(keep_alives) = &mut self.mute {
            if frame.len() == KEEP_ALIVE.len() && *keep_alives > 0 {
                *keep_alives -= 1;
                self.out.extend_from_slice(&KEEP_ALIVE);
            }
            return None;
        }
        if frame.len() == KEEP_ALIVE.len() {
            return None;
        }
        let channel = u16::from_be_bytes([frame[6], frame[7]]);
        let (performative, payload) = Performative::decode(&frame[8..]).unwrap();
        let shared = Arc::clone(&self.shared);
        let state = &mut shared.state();
        #[expect(clippy::wildcard_enum_match_arm, reason = "all else is a session's")]
        match performative {
            Performative::Open(open) => self.open(&open),
            Performative::Close(_) => {
                put(&mut self.out, 0, &performative, &[]);
                return Some(Ending::HangUp);
            }
            _ => self.hear_session(channel, &performative, payload, state),
        }
        None
    }

    fn open(&mut self, open: &Open<'_>) {
        self.largest_frame = usize::try_from(open.max_frame_size.unwrap()).unwrap();
        self.idle_time_out = open
            .idle_time_out
            .map(|limit| Duration::from_millis(limit.into()));
        let answer = Open {
            container_id: "hub",
            max_frame_size: Some(self.manners.max_frame_size),
            channel_max: Some(4_999),
            idle_time_out: Some(self.manners.idle_time_out),
            ..Open::default()
        };
        put(&mut self.out, 0, &Performative::Open(answer), &[]);
    }

    /// Gives new credit and windows where they are used up. Only when all that came was looked at: what the client sent
    /// before it could hear of them was too much.
    fn grant(&mut self) {
        for (channel, session) in &mut self.sessions {
            let own = own_channel(*channel);
            if session.came == session.end {
                session.end += self.manners.session_window;
                let flow = session.flow();
                put(&mut self.out, own, &Performative::Flow(flow), &[]);
            }
            let flow = session.flow();
            let Some(requests) = &mut session.requests else {
                continue;
            };
            if session.is_sender_attached && requests.came == requests.end {
                requests.end += self.manners.node_credit;
                let flow = Flow {
                    handle: Some(own_handle(0)),
                    delivery_count: Some(requests.came),
                    link_credit: Some(self.manners.node_credit),
                    ..flow
                };
                put(&mut self.out, own, &Performative::Flow(flow), &[]);
            }
        }
    }

    /// Sends events, so many of each partition at the most; whether there were any.
    fn pump(&mut self, most: usize) -> Result<bool, Ending> {
        if self.mute.is_some() {
            return Ok(false);
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        let mut any = false;
        let mut channels: Vec<u16> = self.sessions.keys().copied().collect();
        // Each begins once, so that none starves where the chunk is full before all had their turn.
        self.turns += 1;
        let first = self.turns % channels.len().max(1);
        channels.rotate_left(first);
        for channel in channels {
            for _ in 0..most {
                if self.out.len() > CHUNK {
                    return Ok(true);
                }
                if !self.send_next(channel, &mut state)? {
                    break;
                }
                any = true;
            }
        }
        Ok(any)
    }

    /// All links to partitions are over.
    pub(super) fn leave_links(&mut self, state: &mut State) {
        for session in self.sessions.values_mut() {
            if let Some(link) = session.link.take() {
                state.conduct.over(link.partition, link.last);
            }
        }
    }
}

/// This side's channel for the client's: another.
pub fn own_channel(channel: u16) -> u16 {
    channel + 7
}

/// This side's handle of a link to or from a node, for the client's: another.
pub fn own_handle(handle: u32) -> u32 {
    handle + 10
}

async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}
