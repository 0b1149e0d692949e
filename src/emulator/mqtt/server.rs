//! The loop that joins a connection's machine to its stream and to the hub.
//!
//! Reading, writing, the hub's answers and its notices go on side by side. One command is with the hub at a time; what is
//! published meanwhile goes there together with the next. A connection that has nothing to do holds next to no memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until, timeout};

use super::connection::Connection;
use super::effect::{Effect, Opening, Origin};
use super::fault;
use super::options::Options;
use crate::emulator::connections::{ORDERED, Order, Seat};
use crate::emulator::driver::HubHandle;
use crate::emulator::hub::command::{Command, Credential, ListenerId, Notice, Refusal, Reply};
use crate::emulator::moment::Moment;
use crate::model::device::IdentityId;

/// Bytes that are read at once from a client that has little to say, and from one that has much.
const LITTLE: usize = 512;
const MUCH: usize = 64 * 1024;
/// How long a client has to take in our last words.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves one connection until either side ends it. TLS or a WebSocket, if any, is the stream's; a session that was opened
/// is closed again, even if this future is dropped.
pub async fn serve_connection<S>(stream: S, hub: HubHandle, options: Arc<Options>, seat: &mut Seat)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Server::new(stream, hub, options, seat).run().await;
}

/// A command that is with the hub.
type Asking = BoxFuture<'static, (Origin, Result<Reply, Refusal>)>;

struct Server<'seat, S> {
    reading: ReadHalf<S>,
    writing: WriteHalf<S>,
    input: BytesMut,
    /// How much to read at once.
    appetite: usize,
    output: BytesMut,
    /// Whether something may still stand in the stream's own buffer.
    is_unflushed: bool,
    /// Whether the stream is of no use any more.
    is_broken: bool,
    machine: Connection,
    session: Session,
    notices: Option<UnboundedReceiver<Notice>>,
    asking: Option<Asking>,
    options: Arc<Options>,
    began: Instant,
    /// Who is on the other side, once that is known.
    device: Option<String>,
    /// Where orders come.
    seat: &'seat mut Seat,
}

/// What made a turn of the loop come to its end.
enum Turn {
    Read(usize),
    Answered(Origin, Result<Reply, Refusal>),
    Noticed(Option<Notice>),
    Ordered(Order),
    Went,
    /// The client says nothing more; it may still listen.
    Ended,
    Broken,
}

impl<'seat, S> Server<'seat, S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn new(stream: S, hub: HubHandle, options: Arc<Options>, seat: &'seat mut Seat) -> Self {
        let (reading, writing) = tokio::io::split(stream);
        let now = Moment {
            elapsed: Duration::ZERO,
            utc: options.clock.now(),
        };
        let number = uuid::Uuid::new_v4().as_u128();
        Self {
            reading,
            writing,
            input: BytesMut::new(),
            appetite: LITTLE,
            output: BytesMut::new(),
            is_unflushed: false,
            is_broken: false,
            machine: Connection::new(Arc::clone(&options), seat.certificate(), number, now),
            session: Session { hub, id: None },
            notices: None,
            asking: None,
            options,
            began: Instant::now(),
            device: None,
            seat,
        }
    }

    async fn run(&mut self) {
        loop {
            self.machine.tick(Moment {
                elapsed: self.began.elapsed(),
                utc: self.options.clock.now(),
            });
            self.digest().await;
            if self.machine.is_closed() && self.asking.is_none() {
                let why = self.machine.why_it_ended();
                if !why.is_empty() {
                    self.seat.explain(|| why.to_owned());
                }
                // Who sees the end is no longer connected.
                self.session.close().await;
                // A peer that is gone by now has nothing to hear.
                let _ = timeout(FAREWELL, self.farewell()).await;
                return;
            }
            match self.turn().await {
                Turn::Read(count) => {
                    self.adjust(count);
                    self.machine.hear();
                }
                Turn::Answered(origin, answer) => {
                    self.asking = None;
                    self.machine.answer(origin, &answer);
                }
                Turn::Noticed(Some(notice)) => self.hear(notice),
                Turn::Noticed(None) => self.notices = None,
                Turn::Ordered(order) => self.obey(&order),
                Turn::Went => {}
                Turn::Ended => self.machine.hang_up(),
                Turn::Broken => self.cut(""),
            }
        }
    }

    /// There is nobody to speak with any more.
    fn cut(&mut self, why: &'static str) {
        self.is_broken = true;
        self.machine.end(why);
    }

    /// Takes a notice in, unless a fault cuts the connection with it.
    fn hear(&mut self, notice: Notice) {
        let device = self.device.as_deref();
        if matches!(notice, Notice::Call { .. }) && fault::cuts_call(&self.options, device) {
            self.cut("a fault cuts it");
        } else {
            self.machine.notice(notice);
        }
    }

    fn obey(&mut self, order: &Order) {
        match order {
            Order::Drop => self.cut(ORDERED),
            Order::EndTokens => self.machine.shorten_token(i64::MAX),
            Order::ShortenTokens(seconds) => self.machine.shorten_token(*seconds),
            // Each turn looks at the clock; and links are AMQP's.
            Order::LookAtTheClock | Order::Detach(_) => {}
        }
    }

    /// Feeds the machine with what was read, carries out what it wants, and brings its output forward.
    async fn digest(&mut self) {
        loop {
            self.machine.receive(&mut self.input);
            if self.asking.is_some() {
                break;
            }
            match self.machine.next_effect() {
                None => break,
                Some(Effect::Open(opening)) => self.open(opening).await,
                Some(Effect::Ask { origin, command }) => {
                    let hub = self.session.hub.clone();
                    let deed = fault::strike(&self.options, self.device.as_deref(), &command);
                    let (options, device) = (Arc::clone(&self.options), self.device.clone());
                    let ask = async move {
                        let (origin, answer) = fault::ask(&hub, origin, command, deed).await;
                        let given = fault::give(&options, device.as_deref(), answer).await;
                        (origin, given)
                    };
                    self.asking = Some(ask.boxed());
                }
                Some(Effect::Remember(identity, subscriptions)) => {
                    self.options.remembered.keep(identity, subscriptions);
                }
                Some(Effect::Forget(identity)) => self.options.remembered.forget(&identity),
            }
        }
        if self.is_broken {
            self.machine.output().clear();
            self.output.clear();
        } else if self.output.is_empty() {
            self.output = std::mem::take(self.machine.output());
        }
        if self.input.is_empty() && self.appetite == LITTLE {
            self.input = BytesMut::new();
        }
    }

    async fn open(&mut self, opening: Opening) {
        let Opening {
            identity,
            credential,
            starts_anew,
        } = opening;
        self.device = Some(identity.device.clone());
        self.seat.name().note_only(&identity.device);
        let answer = self.ask_to_open(identity.clone(), credential).await;
        let known = answer.as_ref().ok();
        let known = known.and_then(|_| self.options.remembered.recall(&identity, starts_anew));
        self.machine.opened(answer, known);
        if !self.machine.is_closed() {
            self.seat.name().tell(|| "CONNECT is accepted".to_owned());
        }
    }

    async fn ask_to_open(
        &mut self,
        identity: IdentityId,
        credential: Credential,
    ) -> Result<(ListenerId, Reply), Refusal> {
        let (session, notices) = self.session.hub.register_listener().await?;
        self.session.id = Some(session);
        self.notices = Some(notices);
        let command = Command::OpenSession {
            session,
            identity,
            credential,
        };
        let reply = self.session.hub.ask(command).await?;
        Ok((session, reply))
    }

    async fn turn(&mut self) -> Turn {
        let deadline = self.began + self.machine.deadline();
        let is_closed = self.machine.is_closed();
        let may_read = self.machine.may_read();
        let has_work = !self.is_broken && (self.is_unflushed || !self.output.is_empty());
        if may_read {
            self.input.reserve(self.appetite);
        }
        let answered = async {
            match &mut self.asking {
                Some(asking) => asking.await,
                None => std::future::pending().await,
            }
        };
        let noticed = async {
            match &mut self.notices {
                Some(notices) => notices.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = self.reading.read_buf(&mut self.input), if may_read => match read {
                Ok(0) => Turn::Ended,
                Ok(count) => Turn::Read(count),
                Err(_) => Turn::Broken,
            },
            written = write(&mut self.writing, &mut self.output, &mut self.is_unflushed), if has_work => match written {
                Ok(()) => Turn::Went,
                Err(_) => Turn::Broken,
            },
            (origin, answer) = answered => Turn::Answered(origin, answer),
            notice = noticed => Turn::Noticed(notice),
            order = self.seat.order(), if !is_closed => Turn::Ordered(order),
            () = sleep_until(deadline), if !is_closed => Turn::Went,
        }
    }

    /// Reads more at once from who has much to say, and little again from who has not.
    fn adjust(&mut self, count: usize) {
        if count >= self.appetite {
            self.appetite = (self.appetite * 8).min(MUCH);
        } else if count < LITTLE / 2 {
            self.appetite = LITTLE;
        }
    }

    /// Writes the last words, and waits for the peer to go: a socket that is closed with bytes unread takes our words
    /// back.
    async fn farewell(&mut self) -> std::io::Result<()> {
        if self.is_broken {
            return Ok(());
        }
        self.writing.write_all_buf(&mut self.output).await?;
        self.writing.write_all_buf(self.machine.output()).await?;
        self.writing.shutdown().await?;
        let mut rest = [0; LITTLE];
        while self.reading.read(&mut rest).await? > 0 {}
        Ok(())
    }
}

/// One step: writes what it can, or flushes when all is written.
async fn write<W: AsyncWrite + Unpin>(
    stream: &mut W,
    bytes: &mut BytesMut,
    is_unflushed: &mut bool,
) -> std::io::Result<()> {
    if bytes.is_empty() {
        stream.flush().await?;
        *is_unflushed = false;
        // What was long is not held on to.
        *bytes = BytesMut::new();
        return Ok(());
    }
    if stream.write_buf(bytes).await? == 0 {
        return Err(std::io::ErrorKind::WriteZero.into());
    }
    *is_unflushed = true;
    Ok(())
}

/// The session that has to be closed whatever happens.
struct Session {
    hub: HubHandle,
    id: Option<ListenerId>,
}

impl Session {
    async fn close(&mut self) {
        if let Some(session) = self.id {
            // A hub that has been stopped holds no sessions.
            let _ = self.hub.ask(Command::CloseSession { session }).await;
            self.id = None;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let hub = self.hub.clone();
        runtime.spawn(async move { Session { hub, id: Some(id) }.close().await });
    }
}
