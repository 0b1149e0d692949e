//! What the page is told without asking: events as they come, and which devices there are.
//!
//! A browser takes when it can, and until then everything stays where it is, in the hub's own log: a slow one costs no
//! memory. One that falls too far behind goes on near the end and is told how much it has missed.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, SelectAll, poll_fn};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::calling::Leaving;
use super::super::driver::HubHandle;
use super::super::hub::command::{
    Command, ListenerId, Notice, PartitionState, Refusal, Reply, StoredEvent,
};
use super::devices::Devices;
use super::event::event_json;
use super::place::Place;
use crate::protocol::amqp::filter::Position;

/// How many events of a partition are taken at a time.
const BATCH: usize = 64;

/// How many of each partition a browser is told that begins.
const RECENT: i64 = 50;

/// How far behind a partition's end a browser may be; further on, the page would not keep them anyway.
const FARTHEST: i64 = 500;

/// Devices are looked at no more often than this.
const DEVICES_PAUSE: Duration = Duration::from_millis(300);

/// How often something is sent where there is nothing to say, so that both sides know that the other is there.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How soon a browser comes back whose connection broke, in milliseconds.
const RETRY: u32 = 2000;

/// What a stream is made of.
pub(super) struct Made<A> {
    pub hub: HubHandle,
    /// A token while the session lasts.
    pub admission: A,
    /// Where the browser has come to, if it was here before.
    pub place: Option<Place>,
    /// Its place among the streams.
    pub permit: OwnedSemaphorePermit,
    /// Turns true when the emulator is to stop.
    pub stop: watch::Receiver<bool>,
}

/// One browser's.
pub(super) struct Stream<A> {
    hub: HubHandle,
    admission: A,
    /// One for each partition.
    readers: Vec<Leaving>,
    watcher: Leaving,
    /// Brings the numbers of partitions, and for a change of the devices one more.
    calls: SelectAll<BoxStream<'static, usize>>,
    place: Place,
    /// Partitions that have something.
    due: BTreeSet<usize>,
    events: VecDeque<(usize, Arc<StoredEvent>)>,
    greeting: Option<Bytes>,
    devices: Devices,
    /// When they are to be looked at.
    devices_due: Option<Instant>,
    devices_seen: Option<Instant>,
    stop: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl<A: Fn() -> Option<String>> Stream<A> {
    /// Attaches to all partitions.
    ///
    /// # Errors
    /// The hub's refusal.
    pub(super) async fn open(made: Made<A>) -> Result<Self, Refusal> {
        let hub = made.hub;
        let mut readers = Vec::new();
        let mut calls = SelectAll::new();
        let mut place = Place::default();
        while let Some(state) = describe(&hub, readers.len()).await? {
            let partition = state.partition;
            let (listener, notices) = hub.register_listener().await?;
            readers.push(Leaving::new(&hub, listener));
            calls.push(numbered(partition, notices));
            let told = told_already(&state, made.place.as_ref());
            place.0.insert(partition, told);
            look_on(&hub, listener, (partition, told)).await?;
        }
        let (listener, notices) = hub.register_listener().await?;
        calls.push(numbered(readers.len(), notices));
        let mut stream = Self {
            watcher: Leaving::new(&hub, listener),
            due: (0..readers.len()).collect(),
            hub,
            admission: made.admission,
            readers,
            calls,
            place,
            events: VecDeque::new(),
            greeting: None,
            devices: Devices::default(),
            devices_due: Some(Instant::now()),
            devices_seen: None,
            stop: made.stop,
            _permit: made.permit,
        };
        // With an id before the first event, a browser that comes back misses nothing.
        let id = stream.place.id(0);
        stream.greeting =
            Some(format!("retry: {RETRY}\nid: {id}\nevent: hello\ndata: {{}}\n\n").into());
        Ok(stream)
    }

    /// The next piece; `None` at the end, when the session or the emulator is over.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            let token = (self.admission)()?;
            if let Some(greeting) = self.greeting.take() {
                return Some(greeting);
            }
            if let Some((partition, event)) = self.events.pop_front() {
                return Some(self.tell(partition, &event));
            }
            let now = Instant::now();
            if self.devices_due.is_some_and(|due| due <= now) {
                if let Some(change) = self.look_at_devices(now, &token).await.ok()? {
                    return Some(framed(None, "devices", &change));
                }
            } else if self.due.is_empty() {
                if let Some(silence) = self.wait().await? {
                    return Some(silence);
                }
            } else {
                self.read().await.ok()?;
            }
        }
    }

    /// Waits for something to do, or long enough to say that there is nothing; `None` when the emulator stops.
    async fn wait(&mut self) -> Option<Option<Bytes>> {
        let devices = self.devices_due;
        let devices = async {
            match devices {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.stop.wait_for(|stop| *stop) => return None,
            called = self.calls.next() => {
                let called = called?;
                if called < self.readers.len() {
                    self.due.insert(called);
                } else {
                    let seen = self.devices_seen.unwrap_or_else(Instant::now);
                    self.devices_due = Some(seen + DEVICES_PAUSE);
                }
            }
            () = devices => {}
            () = sleep(HEARTBEAT) => return Some(Some(Bytes::from_static(b":\n\n"))),
        }
        Some(None)
    }

    async fn look_at_devices(
        &mut self,
        now: Instant,
        token: &str,
    ) -> Result<Option<Value>, Refusal> {
        // First to be told of the next change, then to look, so that none falls in between.
        let watcher = self.watcher.listener();
        self.hub.ask(Command::Watch { watcher }).await?;
        (self.devices_due, self.devices_seen) = (None, Some(now));
        self.devices.refresh(&self.hub, token).await
    }

    /// Takes what has come to the partitions, in the order in which it came.
    async fn read(&mut self) -> Result<(), Refusal> {
        let mut taken = Vec::new();
        for partition in self.due.clone() {
            let events = self.take(partition).await?;
            if events.is_empty() {
                self.due.remove(&partition);
            }
            taken.extend(events.into_iter().map(|event| (partition, event)));
        }
        taken.sort_by_key(|(_, event)| event.enqueued);
        self.events = taken.into();
        Ok(())
    }

    async fn take(&mut self, partition: usize) -> Result<Vec<Arc<StoredEvent>>, Refusal> {
        let Some(reader) = self.readers.get(partition) else {
            return Ok(Vec::new());
        };
        let reader = reader.listener();
        if let Some(state) = describe(&self.hub, partition).await?
            && state.last_sequence_number - self.told(partition) > FARTHEST
        {
            let number = state.last_sequence_number - FARTHEST;
            look_on(&self.hub, reader, (partition, number)).await?;
        }
        let read = Command::Read { reader, max: BATCH };
        let Reply::Events(events) = self.hub.ask(read).await? else {
            return Ok(Vec::new());
        };
        Ok(events)
    }

    fn told(&self, partition: usize) -> i64 {
        self.place.0.get(&partition).copied().unwrap_or(-1)
    }

    /// An event, and before it how many there are that the browser is not told of.
    fn tell(&mut self, partition: usize, event: &StoredEvent) -> Bytes {
        let missed = event.sequence_number - self.told(partition) - 1;
        self.place.0.insert(partition, event.sequence_number);
        let skipped = if missed > 0 {
            let skipped = json!({ "partition": partition, "count": missed });
            framed(None, "skipped", &skipped)
        } else {
            Bytes::new()
        };
        let id = self.place.id(partition);
        let told = framed(Some(&id), "event", &event_json(partition, event));
        [skipped, told].concat().into()
    }
}

/// Up to where a browser has been told of a partition. Without a store the hub counts from 0 again after a restart.
fn told_already(state: &PartitionState, place: Option<&Place>) -> i64 {
    let last = state.last_sequence_number;
    let begin = state.begin_sequence_number;
    let known = place.and_then(|place| place.0.get(&state.partition));
    known.map_or((last - RECENT).max(begin - 1), |known| {
        (*known).clamp(-1, last)
    })
}

/// Lets a reader begin behind this sequence number of this partition.
async fn look_on(
    hub: &HubHandle,
    reader: ListenerId,
    (partition, number): (usize, i64),
) -> Result<(), Refusal> {
    let command = Command::LookOn {
        reader,
        partition,
        position: Position::SequenceNumber {
            number,
            inclusive: false,
        },
    };
    hub.ask(command).await.map(drop)
}

/// How far a partition has come; `None` for one that there is not.
async fn describe(hub: &HubHandle, partition: usize) -> Result<Option<PartitionState>, Refusal> {
    let partition = partition.to_string();
    match hub.ask(Command::DescribePartition { partition }).await {
        Ok(Reply::Partition(state)) => Ok(Some(state)),
        Ok(_) => Ok(None),
        Err(refusal) if refusal.code.http_status() == 404 => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// A number for each notice that comes.
fn numbered(number: usize, mut notices: UnboundedReceiver<Notice>) -> BoxStream<'static, usize> {
    poll_fn(move |context| {
        notices
            .poll_recv(context)
            .map(|notice| notice.map(|_| number))
    })
    .boxed()
}

/// An event of the stream (html.spec.whatwg.org, "Server-sent events"). JSON on one line needs no more.
fn framed(id: Option<&str>, name: &str, data: &Value) -> Bytes {
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    format!("{id}event: {name}\ndata: {data}\n\n").into()
}
