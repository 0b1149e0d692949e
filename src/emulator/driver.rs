//! The one task that owns the hub: commands in, effects out; and where there is a store, what is to be kept goes there
//! before anyone hears of it.
//!
//! Whatever waits is taken in one turn. First come the commands that may change something; what they changed is written to
//! the store in one piece, and only then are their answers and notices sent: an event that was acknowledged, or that a
//! reader has seen, is in the store, and a thousand small messages cost one write. What could not be written is made
//! undone and refused. The commands that change nothing follow, and so never see what is not yet kept.
//!
//! Events that lie in the store alone are fetched by whoever asked for them, on a thread for such work: a reader with a
//! backlog of a million events holds nobody up.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

pub use super::clock::Clock;
use super::hub::Hub;
use super::hub::command::{Command, Effects, ListenerId, Notice, Refusal, Reply, StoredEvent};
use super::hub::record::{Record, StoredRange};
use crate::protocol::rest::error_code;

/// How many commands may wait before those who ask are held back.
const QUEUE: usize = 1024;

/// The most requests that are taken in one turn.
const TURN: usize = 512;

/// The least time between two turns that nobody asked for.
const SHORTEST_REST: Duration = Duration::from_millis(50);

/// What keeps a hub's changes, and gives events back.
pub trait Keeper: fmt::Debug + Send + Sync {
    /// Keeps all of the records or none. Once it has returned, they outlive this process.
    ///
    /// # Errors
    /// Why they cannot be kept, in words.
    fn keep(&self, records: &[Record]) -> Result<(), String>;

    /// What is left of a range of events, in order.
    ///
    /// # Errors
    /// Why they cannot be read, in words.
    fn read(&self, range: &StoredRange) -> Result<Vec<Arc<StoredEvent>>, String>;
}

enum Request {
    Ask {
        command: Command,
        reply: Answer,
    },
    Register {
        reply: oneshot::Sender<(ListenerId, mpsc::UnboundedReceiver<Notice>)>,
    },
    /// Nothing but that a turn is due.
    Tick,
}

type Answer = oneshot::Sender<Result<Reply, Refusal>>;

/// A server's way to the hub; cheap to clone.
#[derive(Debug, Clone)]
pub struct HubHandle {
    requests: mpsc::Sender<Request>,
    keeper: Option<Arc<dyn Keeper>>,
}

impl HubHandle {
    /// Puts a command to the hub and waits for its answer.
    ///
    /// # Errors
    /// The hub's refusal; `ServiceUnavailable` when it has been stopped, or its store does not do its work.
    pub async fn ask(&self, command: Command) -> Result<Reply, Refusal> {
        let Command::Read { reader, max } = command else {
            return self.put(command).await;
        };
        loop {
            let answer = self.put(Command::Read { reader, max }).await?;
            let (Reply::Stored(range), Some(keeper)) = (&answer, &self.keeper) else {
                return Ok(answer);
            };
            let events = fetch(Arc::clone(keeper), range.clone()).await?;
            // What lay before the reader's position, or was dropped meanwhile, is nothing to it: the hub knows where to go on.
            if !events.is_empty() {
                return Ok(Reply::Events(events));
            }
        }
    }

    /// Lets the hub look at its clock, which has been set.
    pub async fn look_at_the_clock(&self) {
        // One that has been stopped has nothing to do.
        let _ = self.requests.send(Request::Tick).await;
    }

    async fn put(&self, command: Command) -> Result<Reply, Refusal> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Ask { command, reply };
        self.requests.send(request).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// A number for a new reader or a device's session, and the notices that will come for it. The driver forgets it once
    /// [`Command::CloseReader`] or [`Command::CloseSession`] was asked for it.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the hub has been stopped.
    pub async fn register_listener(
        &self,
    ) -> Result<(ListenerId, mpsc::UnboundedReceiver<Notice>), Refusal> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(Request::Register { reply })
            .await
            .map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())
    }
}

async fn fetch(
    keeper: Arc<dyn Keeper>,
    range: StoredRange,
) -> Result<Vec<Arc<StoredEvent>>, Refusal> {
    let read = tokio::task::spawn_blocking(move || keeper.read(&range));
    let events = read.await.map_err(|_| stopped())?;
    events.map_err(|why| unavailable(format!("the hub cannot read its store: {why}")))
}

fn stopped() -> Refusal {
    Refusal {
        condition: "amqp:connection:forced",
        ..unavailable("the hub is shutting down".to_owned())
    }
}

fn unavailable(message: String) -> Refusal {
    Refusal {
        code: error_code::SERVICE_UNAVAILABLE,
        condition: "amqp:internal-error",
        message,
    }
}

/// Starts the task that owns `hub`; it ends when the last handle is dropped.
#[must_use]
pub fn start(hub: Hub, clock: Clock) -> HubHandle {
    let (requests, mut queue) = mpsc::channel(QUEUE);
    let alarm = alarm(requests.downgrade(), clock.clone());
    let mut owner = Owner::new(hub, clock, None, alarm);
    tokio::spawn(async move {
        let mut waiting = Vec::new();
        while queue.recv_many(&mut waiting, TURN).await > 0 {
            owner.turn(&mut waiting);
        }
    });
    HubHandle {
        requests,
        keeper: None,
    }
}

/// The same for a hub whose changes are kept, on a thread of its own, since a write may take its time. The receiver comes
/// true once the last handle has been dropped and the thread has let go of `keeper`.
///
/// # Errors
/// The system's, where it gives no thread.
pub fn start_kept(
    hub: Hub,
    clock: Clock,
    keeper: Arc<dyn Keeper>,
) -> std::io::Result<(HubHandle, oneshot::Receiver<()>)> {
    let (requests, mut queue) = mpsc::channel(QUEUE);
    let (ended, end) = oneshot::channel();
    let alarm = alarm(requests.downgrade(), clock.clone());
    let mut owner = Owner::new(hub, clock, Some(Arc::clone(&keeper)), alarm);
    let thread = std::thread::Builder::new().name("hub".to_owned());
    thread.spawn(move || {
        let mut waiting = Vec::new();
        while queue.blocking_recv_many(&mut waiting, TURN) > 0 {
            owner.turn(&mut waiting);
        }
        drop(owner);
        // Whoever stopped the hub may not wait for it.
        let _ = ended.send(());
    })?;
    let keeper = Some(keeper);
    Ok((HubHandle { requests, keeper }, end))
}

/// Makes a turn happen when something is due though nobody asks. Ends with the hub.
fn alarm(
    requests: mpsc::WeakSender<Request>,
    clock: Clock,
) -> watch::Sender<Option<DateTime<Utc>>> {
    let (sender, mut due) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            let next: Option<DateTime<Utc>> = *due.borrow_and_update();
            let rest = async {
                match next {
                    Some(next) => {
                        let left = (next - clock.now()).to_std().unwrap_or_default();
                        // What is due and cannot be done, such as with a full disk, is tried again, but not without rest.
                        sleep(left.max(SHORTEST_REST)).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = due.changed() => if changed.is_err() {
                    return;
                },
                () = rest => {
                    let Some(requests) = requests.upgrade() else {
                        return;
                    };
                    if requests.send(Request::Tick).await.is_err() {
                        return;
                    }
                }
            }
        }
    });
    sender
}

/// The hub with those who hear from it.
struct Owner {
    hub: Hub,
    clock: Clock,
    keeper: Option<Arc<dyn Keeper>>,
    alarm: watch::Sender<Option<DateTime<Utc>>>,
    readers: HashMap<ListenerId, mpsc::UnboundedSender<Notice>>,
    next_reader: u64,
    /// Of one turn; here for their room.
    records: Vec<Record>,
    notices: Vec<(ListenerId, Notice)>,
    answers: Vec<(Answer, Result<Reply, Refusal>)>,
    others: Vec<Request>,
}

impl Owner {
    fn new(
        hub: Hub,
        clock: Clock,
        keeper: Option<Arc<dyn Keeper>>,
        alarm: watch::Sender<Option<DateTime<Utc>>>,
    ) -> Self {
        // What came due while there was no hub waits for nobody to ask.
        let _ = alarm.send_replace(hub.due());
        Self {
            hub,
            clock,
            keeper,
            alarm,
            readers: HashMap::new(),
            next_reader: 0,
            records: Vec::new(),
            notices: Vec::new(),
            answers: Vec::new(),
            others: Vec::new(),
        }
    }

    fn turn(&mut self, waiting: &mut Vec<Request>) {
        let now = self.clock.now();
        self.notices = self.hub.pass_time(now);
        self.records = self.hub.tidy(now);
        let mut is_asked_by_nobody = false;
        for request in waiting.drain(..) {
            match request {
                Request::Ask { command, reply } if command.is_write() => {
                    if let Command::CloseSession { session: gone }
                    | Command::CloseReader { reader: gone } = &command
                    {
                        self.readers.remove(gone);
                    }
                    let effects = self.hub.apply(now, command);
                    self.records.extend(effects.records);
                    self.notices.extend(effects.notices);
                    self.answers.push((reply, effects.reply));
                }
                Request::Ask { .. } | Request::Register { .. } => self.others.push(request),
                Request::Tick => is_asked_by_nobody = true,
            }
        }
        let failed = self.keep().err();
        if failed.is_some() {
            // Patches are undone with their twins. The rest stands: who is woken for nothing finds nothing, and who has to go
            // has gone.
            let stands = |notice: &Notice| !matches!(notice, Notice::Desired { .. });
            self.notices.retain(|(_, notice)| stands(notice));
        }
        self.deliver();
        for (reply, answer) in self.answers.drain(..) {
            let answer = match &failed {
                Some(refusal) => answer.and_then(|_| Err(refusal.clone())),
                None => answer,
            };
            // A connection that broke in the meantime needs no answer.
            let _ = reply.send(answer);
        }
        let mut others = std::mem::take(&mut self.others);
        for request in others.drain(..) {
            self.serve(request);
        }
        self.others = others;
        let due = self.hub.due();
        // Who waits by a clock that has been set has to begin anew.
        self.alarm
            .send_if_modified(|known| std::mem::replace(known, due) != due || is_asked_by_nobody);
    }

    fn keep(&mut self) -> Result<(), Refusal> {
        let records = std::mem::take(&mut self.records);
        let Some(keeper) = self.keeper.as_ref().filter(|_| !records.is_empty()) else {
            return Ok(());
        };
        keeper.keep(&records).map_err(|why| {
            self.hub.take_back(records);
            unavailable(format!("the hub cannot keep it: {why}"))
        })
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Register { reply } => {
                let (sender, notices) = mpsc::unbounded_channel();
                let id = ListenerId(self.next_reader);
                self.next_reader += 1;
                // Whoever asked may have gone in the meantime; then there is nobody to notify either.
                if reply.send((id, notices)).is_ok() {
                    self.readers.insert(id, sender);
                }
            }
            Request::Ask { command, reply } => {
                let effects: Effects = self.hub.apply(self.clock.now(), command);
                self.notices.extend(effects.notices);
                self.deliver();
                let _ = reply.send(effects.reply);
            }
            Request::Tick => {}
        }
    }

    fn deliver(&mut self) {
        for (reader, notice) in self.notices.drain(..) {
            if let Some(sender) = self.readers.get(&reader) {
                let _ = sender.send(notice);
            }
        }
    }
}

#[cfg(test)]
mod tests;
