//! The loop that joins a connection's machine to its stream and to the hub.
//!
//! Reading, writing and the hub's notices go on side by side: a peer that does not read never keeps us from reading, and
//! what is to be written is written in one piece per turn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, SelectAll, poll_fn};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until, timeout};

use crate::emulator::amqp::connection::Connection;
use crate::emulator::amqp::effect::{Effect, Origin};
use crate::emulator::amqp::fault::{self, Sequel};
use crate::emulator::amqp::options::Options;
use crate::emulator::connections::{Detachment, ORDERED, Order, Seat};
use crate::emulator::driver::HubHandle;
use crate::emulator::hub::command::{Command, ListenerId, Notice, Refusal, Reply};
use crate::emulator::moment::Moment;

/// Bytes of events that are put together for one write.
const WRITE_MARK: usize = 128 * 1024;
/// Bytes waiting to be written beyond which nothing more is read: the peer asks faster than it listens.
const READ_MARK: usize = 1024 * 1024;
/// Bytes that are read at once.
const READ_SIZE: usize = 64 * 1024;
/// How long a peer has to take in our last words.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves one connection until either side ends it. TLS, if any, is the stream's; every reader that was opened is closed
/// again, even if this future is dropped.
pub async fn serve_connection<S>(stream: S, hub: HubHandle, options: Arc<Options>, seat: &mut Seat)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut server = Server::new(stream, hub, options, seat);
    server.run().await;
    server.readers.close_all().await;
}

struct Server<'seat, S> {
    reading: ReadHalf<S>,
    writing: WriteHalf<S>,
    input: BytesMut,
    output: Output,
    machine: Connection,
    readers: OpenReaders,
    notices: SelectAll<BoxStream<'static, (ListenerId, Notice)>>,
    options: Arc<Options>,
    began: Instant,
    /// Where orders come.
    seat: &'seat mut Seat,
    /// Whether a fault has cut it.
    is_cut: bool,
}

/// What is being written.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    written: usize,
    /// Whether something may still stand in the stream's own buffer.
    unflushed: bool,
}

impl Output {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    fn has_work(&self) -> bool {
        self.unflushed || !self.rest().is_empty()
    }

    /// One step: writes what it can, or flushes when all is written.
    async fn step<W: AsyncWrite + Unpin>(&mut self, stream: &mut W) -> std::io::Result<()> {
        if self.rest().is_empty() {
            stream.flush().await?;
            self.unflushed = false;
            return Ok(());
        }
        let count = stream.write(&self.bytes[self.written..]).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        self.written += count;
        self.unflushed = true;
        Ok(())
    }
}

/// What made a turn of the loop come to its end.
enum Turn {
    Went,
    Noticed(ListenerId, Notice),
    Ordered(Order),
    /// The peer says nothing more; it may still listen.
    Ended,
    Broken,
}

impl<'seat, S> Server<'seat, S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn new(stream: S, hub: HubHandle, options: Arc<Options>, seat: &'seat mut Seat) -> Self {
        let (reading, writing) = tokio::io::split(stream);
        let began = Instant::now();
        let now = Moment {
            elapsed: Duration::ZERO,
            utc: options.clock.now(),
        };
        let number = uuid::Uuid::new_v4().as_u128();
        let certificate = seat.certificate();
        let mut machine = Connection::new(options.clone(), certificate, number, now);
        if seat.name().is_traced() {
            machine.take_notes();
        }
        Self {
            reading,
            writing,
            input: BytesMut::with_capacity(READ_SIZE),
            output: Output::default(),
            machine,
            readers: OpenReaders {
                hub,
                ids: BTreeSet::new(),
                sessions: BTreeSet::new(),
            },
            notices: SelectAll::new(),
            options,
            began,
            seat,
            is_cut: false,
        }
    }

    async fn run(&mut self) {
        loop {
            self.machine.tick(Moment {
                elapsed: self.began.elapsed(),
                utc: self.options.clock.now(),
            });
            self.digest().await;
            if self.is_cut {
                self.seat.explain(|| "a fault cuts it".to_owned());
                // What came before the cut is on its way.
                let _ = timeout(FAREWELL, self.write_out()).await;
                return;
            }
            if self.machine.is_closed() {
                let machine = &self.machine;
                self.seat.explain(|| machine.why_it_ended().to_owned());
                // A peer that is gone by now has nothing to hear.
                let _ = timeout(FAREWELL, self.farewell()).await;
                return;
            }
            match self.turn().await {
                Turn::Went => {}
                Turn::Noticed(listener, notice) => self.hear(listener, notice),
                Turn::Ended => {
                    // What it asked before is answered.
                    let _ = timeout(FAREWELL, self.last_words()).await;
                    return;
                }
                Turn::Ordered(Order::Drop) => return self.seat.explain(|| ORDERED.to_owned()),
                Turn::Broken => return,
                Turn::Ordered(order) => self.obey(order),
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::EndTokens => self.machine.end_tokens(),
            Order::ShortenTokens(seconds) => self.machine.shorten_tokens(seconds),
            // Each turn looks at the clock; and one that is dropped has none.
            Order::LookAtTheClock | Order::Drop => {}
            Order::Detach(Detachment {
                links,
                condition,
                done,
            }) => {
                let count = self.machine.detach_links(&links, condition);
                // Who asked may not wait for it.
                let _ = done.send(count);
            }
        }
    }

    /// Feeds the machine with what was read, and brings its output forward.
    async fn digest(&mut self) {
        self.carry_out().await;
        loop {
            let taken = self.machine.receive(&self.input);
            if taken == 0 || self.is_cut {
                break;
            }
            self.input.advance(taken);
            self.carry_out().await;
        }
        loop {
            self.machine.pump(WRITE_MARK);
            if self.is_cut || !self.machine.has_effects() {
                break;
            }
            self.carry_out().await;
        }
        if self.output.rest().is_empty() {
            self.output.bytes.clear();
            self.output.written = 0;
            self.machine.swap_output(&mut self.output.bytes);
        }
        for note in self.machine.notes() {
            self.seat.name().tell(|| note);
        }
    }

    /// Carries out what the machine wants done, and what follows from that.
    async fn carry_out(&mut self) {
        while let Some(effect) = self.machine.next_effect() {
            match effect {
                Effect::Ask { origin, command } => {
                    self.readers.note(&command);
                    if let Command::OpenSession { identity, .. } = &command {
                        self.seat.name().note(&identity.device);
                    }
                    let hub = &self.readers.hub;
                    let asked = fault::ask(hub, &self.options, &self.machine, &origin, command);
                    let (answer, sequel) = asked.await;
                    self.follow(origin, answer, sequel);
                }
                Effect::Register(key) => {
                    let answer = self.register().await;
                    self.machine.registered(key, answer);
                }
            }
        }
    }

    /// Takes an answer in, and does what a fault wants done behind it.
    fn follow(&mut self, origin: Origin, answer: Result<Reply, Refusal>, sequel: Sequel) {
        if sequel == Sequel::Goes {
            return self.machine.answer(origin, answer);
        }
        // Who has asked hears nothing of it any more; who is given something has had what came before.
        if !matches!(origin, Origin::Sent { .. } | Origin::Twin { .. }) {
            self.machine.answer(origin, answer);
            self.machine.pump(usize::MAX);
        }
        match sequel {
            Sequel::Detach(key, condition) => self.machine.strike_link(key, condition),
            Sequel::Cut | Sequel::Goes => self.is_cut = true,
        }
    }

    /// Takes a notice in, unless a fault cuts the connection with it.
    fn hear(&mut self, listener: ListenerId, notice: Notice) {
        let device = self.machine.device_of(listener);
        if matches!(notice, Notice::Call { .. }) && fault::cuts_call(&self.options, device) {
            self.is_cut = true;
        } else {
            self.machine.notice(listener, notice);
        }
    }

    async fn register(&mut self) -> Result<ListenerId, Refusal> {
        let (id, notices) = self.readers.hub.register_listener().await?;
        self.readers.ids.insert(id);
        self.notices.push(stream_of(id, notices));
        Ok(id)
    }

    async fn turn(&mut self) -> Turn {
        let deadline = self.began + self.machine.deadline();
        let may_read = self.machine.output_len() < READ_MARK;
        let has_notices = !self.notices.is_empty();
        self.input.reserve(READ_SIZE);
        tokio::select! {
            read = self.reading.read_buf(&mut self.input), if may_read => match read {
                Ok(0) => Turn::Ended,
                Ok(_) => Turn::Went,
                Err(_) => Turn::Broken,
            },
            written = self.output.step(&mut self.writing), if self.output.has_work() => match written {
                Ok(()) => Turn::Went,
                Err(_) => Turn::Broken,
            },
            notice = self.notices.next(), if has_notices => match notice {
                Some((reader, notice)) => Turn::Noticed(reader, notice),
                None => Turn::Went,
            },
            order = self.seat.order() => Turn::Ordered(order),
            () = sleep_until(deadline) => Turn::Went,
        }
    }

    /// Writes the last words, and waits for the peer to go: a socket that is closed with bytes unread takes our words
    /// back.
    async fn farewell(&mut self) -> std::io::Result<()> {
        self.last_words().await?;
        self.input.clear();
        while self.reading.read_buf(&mut self.input).await? > 0 {
            self.input.clear();
        }
        Ok(())
    }

    async fn last_words(&mut self) -> std::io::Result<()> {
        self.write_out().await?;
        self.writing.shutdown().await
    }

    async fn write_out(&mut self) -> std::io::Result<()> {
        while self.output.has_work() || self.machine.output_len() > 0 {
            if self.output.rest().is_empty() && self.machine.output_len() > 0 {
                self.output.bytes.clear();
                self.output.written = 0;
                self.machine.swap_output(&mut self.output.bytes);
            }
            self.output.step(&mut self.writing).await?;
        }
        Ok(())
    }
}

fn stream_of(
    reader: ListenerId,
    mut notices: UnboundedReceiver<Notice>,
) -> BoxStream<'static, (ListenerId, Notice)> {
    poll_fn(move |context| notices.poll_recv(context))
        .map(move |notice| (reader, notice))
        .boxed()
}

/// The readers, and the sessions of devices, that have to be closed whatever happens.
struct OpenReaders {
    hub: HubHandle,
    ids: BTreeSet<ListenerId>,
    /// Those of them that are devices.
    sessions: BTreeSet<ListenerId>,
}

impl OpenReaders {
    /// A command is about to be asked, which may begin or end one of them.
    fn note(&mut self, command: &Command) {
        if let Command::OpenSession { session, .. } = command {
            self.sessions.insert(*session);
        }
        if let Command::CloseReader { reader: gone } | Command::CloseSession { session: gone } =
            command
        {
            self.ids.remove(gone);
            self.sessions.remove(gone);
        }
    }

    async fn close_all(&mut self) {
        while let Some(&reader) = self.ids.first() {
            // A hub that has been stopped holds no readers.
            let close = if self.sessions.contains(&reader) {
                Command::CloseSession { session: reader }
            } else {
                Command::CloseReader { reader }
            };
            let _ = self.hub.ask(close).await;
            self.ids.remove(&reader);
        }
    }
}

impl Drop for OpenReaders {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if !self.ids.is_empty() {
            let mut left = Self {
                hub: self.hub.clone(),
                ids: std::mem::take(&mut self.ids),
                sessions: std::mem::take(&mut self.sessions),
            };
            runtime.spawn(async move { left.close_all().await });
        }
    }
}

#[cfg(test)]
mod tests;
