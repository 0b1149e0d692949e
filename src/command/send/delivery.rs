//! A run: workers that take bodies, send them at the pace asked for, try again, and count.

use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;

use super::post::{Message, Posts, Unfit};
use super::source::{Raw, Source};
use super::tally::Tally;
use crate::client::https::HttpsError;
use crate::client::retry::{self, Backoff};
use crate::command::teller::Teller;
use crate::failure::https::{OpenedBy, explain, too_large};
use crate::failure::{Failure, Kind};
use crate::protocol::rest::{MAX_BATCH_MESSAGES, MAX_MESSAGE_BYTES};

/// A pace that fell behind may catch up by this much in a burst, for timers are no finer than a millisecond.
const CATCH_UP: Duration = Duration::from_millis(50);

/// Why a message is lost.
#[derive(Debug)]
pub(super) enum Loss {
    /// It was not sent.
    Unfit(Unfit),
    /// The hub or the way there.
    Https(HttpsError),
}

/// The first message that was lost.
#[derive(Debug)]
pub(super) struct FirstLoss {
    /// Such as `line 17`.
    pub(super) name: String,
    pub(super) loss: Loss,
}

/// How a run is to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    pub(super) concurrency: usize,
    pub(super) batch: bool,
    pub(super) interval: Option<Duration>,
    pub(super) backoff: Backoff,
    /// What a message is called: `message` or `line`.
    pub(super) noun: &'static str,
    /// Losses are told as they come, for there are many messages.
    pub(super) tells_losses: bool,
}

/// Messages that go out in one request.
struct Batch {
    body: Bytes,
    numbers: RangeInclusive<u64>,
    messages: u64,
}

/// A run under way.
pub(super) struct Delivery<'a, 't> {
    posts: &'a Posts<'a>,
    source: &'a Source,
    teller: &'a Teller<'t>,
    flow: Flow,
    tally: RefCell<Tally>,
    first_loss: RefCell<Option<FirstLoss>>,
    been_there: Cell<bool>,
    next_slot: Cell<Option<Instant>>,
    stop: watch::Sender<bool>,
    last_status: Cell<u16>,
}

impl<'a, 't> Delivery<'a, 't> {
    pub(super) fn new(
        posts: &'a Posts<'a>,
        source: &'a Source,
        teller: &'a Teller<'t>,
        flow: Flow,
    ) -> Self {
        Self {
            posts,
            source,
            teller,
            flow,
            tally: RefCell::new(Tally::new()),
            first_loss: RefCell::new(None),
            been_there: Cell::new(false),
            next_slot: Cell::new(None),
            stop: watch::Sender::new(false),
            last_status: Cell::new(0),
        }
    }

    /// Sends until there is nothing left, or something makes it senseless to go on.
    pub(super) async fn run(&self) {
        // Each worker is polled only when its own answer has come; `join_all` would poll them all.
        let mut workers: FuturesUnordered<_> =
            (0..self.flow.concurrency).map(|_| self.work()).collect();
        while workers.next().await.is_some() {}
    }

    /// Lets what is under way come to its end, and begins nothing new.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// How many messages have been acknowledged or lost so far.
    pub(super) fn done(&self) -> u64 {
        let tally = self.tally.borrow();
        tally.sent + tally.failed
    }

    /// The last status that acknowledged a message.
    pub(super) fn last_status(&self) -> u16 {
        self.last_status.get()
    }

    pub(super) fn into_outcome(self) -> (Tally, Option<FirstLoss>) {
        (self.tally.into_inner(), self.first_loss.into_inner())
    }

    async fn work(&self) {
        let mut stopped = self.stop.subscribe();
        while !self.is_stopped() {
            let raw = if let Some(raw) = self.source.try_next() {
                Some(raw)
            } else {
                // Only a worker that really waits pays for listening to both.
                tokio::select! {
                    biased;
                    _ = stopped.wait_for(|stopped| *stopped) => None,
                    raw = self.source.next() => raw,
                }
            };
            let Some(raw) = raw else { return };
            if let Some(slot) = self.slot() {
                tokio::select! {
                    biased;
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                    () = tokio::time::sleep_until(slot) => {}
                }
            }
            if self.flow.batch {
                self.send_batch(raw).await;
            } else if let Some(message) = self.compose(raw) {
                self.send(&message).await;
            }
        }
    }

    /// When the next message may go out.
    fn slot(&self) -> Option<Instant> {
        let interval = self.flow.interval?;
        let now = Instant::now();
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        let slot = self
            .next_slot
            .get()
            .map_or(now, |planned| planned.max(earliest));
        self.next_slot.set(Some(slot + interval));
        Some(slot).filter(|slot| *slot > now)
    }

    fn compose(&self, raw: Raw) -> Option<Message> {
        let number = raw.number;
        match self.posts.compose(raw) {
            Ok(message) => Some(message),
            Err(unfit) => {
                self.lose(&(number..=number), 1, Loss::Unfit(unfit));
                None
            }
        }
    }

    async fn send(&self, message: &Message) {
        let started = Instant::now();
        let (retries, outcome) = self.persist(async || self.posts.send(message).await).await;
        let numbers = message.number..=message.number;
        self.count(&numbers, 1, started, retries, outcome);
    }

    /// Sends `first` and what is there beside it without waiting, in as few requests as hold it.
    async fn send_batch(&self, first: Raw) {
        let mut next = Some(first);
        while let Some(first) = next.take().filter(|_| !self.is_stopped()) {
            let (batch, left) = self.pack(first);
            next = left;
            let Some(batch) = batch else { continue };
            let started = Instant::now();
            let (retries, outcome) = self
                .persist(async || self.posts.send_batch(batch.body.clone()).await)
                .await;
            self.count(&batch.numbers, batch.messages, started, retries, outcome);
        }
    }

    /// The body of the first batch, to be shown.
    pub(super) async fn first_batch(&self) -> Option<Bytes> {
        loop {
            let (batch, _) = self.pack(self.source.next().await?);
            if let Some(batch) = batch {
                return Some(batch.body);
            }
        }
    }

    /// A batch that begins with `first`, and the message that did not fit any more.
    fn pack(&self, first: Raw) -> (Option<Batch>, Option<Raw>) {
        let mut entries = Vec::new();
        let mut numbers: Option<RangeInclusive<u64>> = None;
        let mut bytes = "[]".len();
        let mut left = None;
        let mut next = Some(first);
        while let Some(raw) = next.take() {
            let number = raw.number;
            if let Some(message) = self.compose(raw.clone()) {
                let (entry, length) = self.posts.entry(&message);
                if "[]".len() + length > MAX_MESSAGE_BYTES {
                    let unfit = Unfit::TooLarge(length);
                    self.lose(&(number..=number), 1, Loss::Unfit(unfit));
                } else if bytes + length > MAX_MESSAGE_BYTES {
                    left = Some(raw);
                    break;
                } else {
                    bytes += length;
                    entries.push(entry);
                    numbers = Some(numbers.map_or(number, |numbers| *numbers.start())..=number);
                }
            }
            if entries.len() == MAX_BATCH_MESSAGES {
                break;
            }
            next = self.source.try_next();
        }
        let batch = numbers.map(|numbers| Batch {
            body: Posts::pack(&entries),
            numbers,
            messages: entries.len() as u64,
        });
        (batch, left)
    }

    async fn persist(
        &self,
        request: impl AsyncFnMut() -> Result<u16, HttpsError>,
    ) -> (u32, Result<u16, HttpsError>) {
        let notify = |notice: crate::client::notice::Notice<'_>| self.teller.tell(notice);
        retry::persist(
            &self.flow.backoff,
            self.been_there.get(),
            false,
            &notify,
            request,
        )
        .await
    }

    fn count(
        &self,
        numbers: &RangeInclusive<u64>,
        messages: u64,
        started: Instant,
        retries: u32,
        outcome: Result<u16, HttpsError>,
    ) {
        self.tally.borrow_mut().retried += u64::from(retries);
        match outcome {
            Ok(status) => {
                self.been_there.set(true);
                self.last_status.set(status);
                let mut tally = self.tally.borrow_mut();
                tally.sent += messages;
                tally.latency.record(started.elapsed());
            }
            Err(error) => {
                if ends_the_run(&error) {
                    self.stop();
                }
                self.lose(numbers, messages, Loss::Https(error));
            }
        }
    }

    fn lose(&self, numbers: &RangeInclusive<u64>, messages: u64, loss: Loss) {
        let (from, to) = (numbers.start(), numbers.end());
        self.tally.borrow_mut().failed += messages;
        let noun = self.flow.noun;
        let name = if from == to {
            format!("{noun} {from}")
        } else {
            format!("{noun}s {from} to {to}")
        };
        if self.flow.tells_losses {
            self.teller
                .line(&format!("lost: {name}: {}", loss.reason()));
        }
        let mut first = self.first_loss.borrow_mut();
        if first.is_none() {
            *first = Some(FirstLoss { name, loss });
        }
    }
}

impl Loss {
    /// Why, as a fragment.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Unfit(Unfit::TooLarge(bytes)) => {
                format!("{bytes} bytes, and the hub takes {MAX_MESSAGE_BYTES} at the most")
            }
            Self::Unfit(Unfit::Template(failure)) => failure
                .cause
                .clone()
                .unwrap_or_else(|| failure.what.clone()),
            Self::Https(error) => error.to_string(),
        }
    }

    /// The failure of what it kept from being done.
    pub(super) fn into_failure(
        self,
        what: String,
        opened_by: OpenedBy,
        now: DateTime<Utc>,
    ) -> Failure {
        let reason = self.reason();
        match self {
            Self::Unfit(Unfit::TooLarge(_)) => Failure::new(Kind::Input, what)
                .because(&reason)
                .hint(too_large()),
            Self::Unfit(Unfit::Template(failure)) => Failure { what, ..failure },
            Self::Https(error) => explain(what, &error, opened_by, now),
        }
    }
}

/// Whether every further message would come to the same.
fn ends_the_run(error: &HttpsError) -> bool {
    match error {
        HttpsError::Dial(_)
        | HttpsError::Proxy { .. }
        | HttpsError::Address { .. }
        | HttpsError::Token => true,
        HttpsError::Service(refusal) => matches!(refusal.status, 401 | 403 | 404),
        HttpsError::TimedOut { .. } | HttpsError::Broken { .. } | HttpsError::Unreadable { .. } => {
            false
        }
    }
}
