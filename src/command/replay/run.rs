//! A replay from the first line to the last: who posts, when, and what becomes of it.

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, Read};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::ReplayArgs;
use super::event::{BadLine, Event, Unfit};
use super::lines::{self, Line};
use super::pace::Pace;
use super::sender::{Sender, Way};
use super::tally::{Ended, FirstLoss, Loss, Stop};
use crate::client::https::{EventPost, HttpsError, HubClient};
use crate::client::notice::Notice;
use crate::client::retry::{self, Backoff};
use crate::command::context::Clock;
use crate::command::send::message::counted_bytes;
use crate::command::send::run::{GRACE, interruption};
use crate::command::send::tally::Tally;
use crate::command::teller::{Teller, hub_client};
use crate::config::Settings;
use crate::failure::Failure;
use crate::model::identifier::DeviceId;
use crate::protocol::rest::MAX_MESSAGE_BYTES;

/// How many devices' keys are kept; the rest is asked for again.
const MOST_SENDERS: usize = 10_000;

/// What a replay needs to know.
pub(super) struct Run<'a> {
    pub args: &'a ReplayArgs,
    pub settings: &'a Settings,
    pub way: &'a Way,
    pub clock: Clock,
    pub shows_bar: bool,
}

/// An event that the hub took or did not.
struct Done {
    line: u64,
    sender: Rc<Sender>,
    took: Duration,
    retries: u32,
    outcome: Result<u16, HttpsError>,
}

/// A device as it was found.
#[derive(Clone)]
enum Found {
    Sender(Rc<Sender>),
    Nobody(Failure),
}

impl Run<'_> {
    /// Posts everything. Losses stand in what comes back.
    ///
    /// # Errors
    /// What keeps the replay from beginning.
    pub(super) async fn deliver(
        &self,
        input: Box<dyn Read + Send>,
        teller: &Teller<'_>,
    ) -> Result<Ended, Failure> {
        let notify = |notice: Notice<'_>| teller.tell(notice);
        let client = hub_client(&self.way.host, self.settings, &notify)?;
        let mut replay = Replay {
            run: self,
            client: &client,
            teller,
            senders: HashMap::new(),
            under_way: FuturesUnordered::new(),
            interruption: Box::pin(interruption()),
            started: Instant::now(),
            pace: Pace::new(self.args.speed),
            behind: Duration::ZERO,
            tally: Tally::new(),
            skipped: 0,
            bad: 0,
            has_told_capitals: false,
            first_loss: None,
            bar: self.bar(teller),
        };
        let stop = replay.work(lines::read(input)).await;
        teller.clear_bar();
        Ok(Ended {
            elapsed: replay.started.elapsed(),
            tally: replay.tally,
            skipped: replay.skipped,
            bad: replay.bad,
            behind: replay.behind,
            out_of_order: replay.pace.out_of_order,
            first_loss: replay.first_loss,
            stop,
        })
    }

    fn bar(&self, teller: &Teller<'_>) -> Option<ProgressBar> {
        if !self.shows_bar {
            return None;
        }
        let style = ProgressStyle::with_template("{spinner} {pos} posted, {per_sec}, {elapsed}");
        let bar = ProgressBar::new_spinner()
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(100));
        teller.set_bar(bar.clone());
        Some(bar)
    }

    fn backoff(&self) -> Backoff {
        Backoff {
            retries: if self.args.no_retry {
                0
            } else {
                self.args.retries
            },
            ..Backoff::default()
        }
    }
}

/// A replay under way.
struct Replay<'a, 't> {
    run: &'a Run<'a>,
    client: &'a HubClient<'a>,
    teller: &'a Teller<'t>,
    senders: HashMap<DeviceId, Found>,
    under_way: FuturesUnordered<LocalBoxFuture<'a, Done>>,
    interruption: Pin<Box<dyn Future<Output = ()>>>,
    started: Instant,
    pace: Pace,
    behind: Duration,
    tally: Tally,
    skipped: u64,
    bad: u64,
    has_told_capitals: bool,
    first_loss: Option<FirstLoss>,
    bar: Option<ProgressBar>,
}

impl<'a> Replay<'a, '_> {
    /// Posts line after line; why it stopped before the end, if it did.
    async fn work(&mut self, mut lines: mpsc::Receiver<io::Result<Line>>) -> Option<Stop> {
        let stop = loop {
            match self.next(&mut lines).await {
                Ok(true) => {}
                Ok(false) => break None,
                Err(stop) => break Some(stop),
            }
        };
        if let Some(Stop::Interrupted) = stop {
            // Answers that are under way are waited for, but not for long, and not at a second signal.
            self.teller.clear_bar();
            let mut again = pin!(interruption());
            let left = async { while self.one_done().await {} };
            tokio::select! {
                _ = timeout(GRACE, left) => {}
                () = &mut again => {}
            }
            return stop;
        }
        while !self.under_way.is_empty() {
            // What was begun is brought to its end whatever comes of it.
            if let Err(Stop::Interrupted) = self.until_one_is_done().await {
                return Some(Stop::Interrupted);
            }
        }
        stop
    }

    /// Takes the next line; false at the end.
    async fn next(&mut self, lines: &mut mpsc::Receiver<io::Result<Line>>) -> Result<bool, Stop> {
        let Some(line) = self.meanwhile(lines.recv()).await? else {
            return Ok(false);
        };
        let line = line.map_err(Stop::Input)?;
        let Some(event) = self.read(&line)? else {
            return Ok(true);
        };
        if !event.is_telemetry {
            self.skipped += 1;
            return Ok(true);
        }
        match self.prepare(&line, &event).await? {
            Ok((sender, post)) => self.post(&line, sender, post, &event).await?,
            Err(loss) => self.lose(line.number, loss)?,
        }
        Ok(true)
    }

    /// Reads a line; nothing where it is passed over.
    fn read(&mut self, line: &Line) -> Result<Option<Event>, Stop> {
        if line.text.is_empty() && !line.is_too_long {
            return Ok(None);
        }
        let read = if line.is_too_long {
            Err(BadLine::TooLong)
        } else {
            Event::read(&line.text)
        };
        let error = match read {
            Ok(event) => return Ok(Some(event)),
            Err(error) => error,
        };
        let number = line.number;
        if !line.is_ended {
            self.teller.line(&format!(
                "warning: line {number} is torn, and was passed over: the recording was cut off there"
            ));
            return Ok(None);
        }
        if self.run.args.skip_bad {
            self.bad += 1;
            self.teller
                .line(&format!("skipped: line {number} is no event: {error}"));
            return Ok(None);
        }
        Err(Stop::BadLine {
            line: number,
            error,
        })
    }

    /// Finds out who posts an event, and in which request.
    async fn prepare(
        &mut self,
        line: &Line,
        event: &Event,
    ) -> Result<Result<(Rc<Sender>, EventPost), Loss>, Stop> {
        let device = match self.run.way.device_of(event) {
            Ok(device) => device,
            Err(loss) => return Ok(Err(loss)),
        };
        let sender = match self.sender(&device).await? {
            Found::Sender(sender) => sender,
            Found::Nobody(failure) => return Ok(Err(Loss::Device(failure))),
        };
        if sender.is_refused.get() {
            let device = device.to_string();
            return Ok(Err(Loss::Refused { device }));
        }
        Ok(self
            .request(line, event, &sender)
            .map(|post| (sender, post)))
    }

    async fn sender(&mut self, device: &DeviceId) -> Result<Found, Stop> {
        if let Some(found) = self.senders.get(device) {
            return Ok(found.clone());
        }
        if self.senders.len() >= MOST_SENDERS {
            self.senders.clear();
        }
        let (run, client, teller) = (self.run, self.client, self.teller);
        let notify = |notice: Notice<'_>| teller.tell(notice);
        let looked_up = run.way.sender(client, device, run.clock, &notify);
        let found = match self.meanwhile(looked_up).await? {
            Ok(sender) => Found::Sender(Rc::new(sender)),
            Err(failure) => Found::Nobody(failure),
        };
        self.senders.insert(device.clone(), found.clone());
        Ok(found)
    }

    fn request(&mut self, line: &Line, event: &Event, sender: &Sender) -> Result<EventPost, Loss> {
        let headers = match &event.headers {
            Ok(headers) => headers.clone(),
            Err(unfit) => return Err(Loss::Unfit(unfit.clone())),
        };
        let bytes = event.body.len() + counted_bytes(&headers);
        if bytes > MAX_MESSAGE_BYTES {
            return Err(Loss::Unfit(Unfit::TooLarge { bytes }));
        }
        if let Some(name) = event.capitals.as_ref().filter(|_| !self.has_told_capitals) {
            self.has_told_capitals = true;
            let small = name.to_ascii_lowercase();
            self.teller.line(&format!(
                "warning: HTTPS does not keep the case of names: the property {name} of line {} and others like it arrive as {small}",
                line.number
            ));
        }
        let post = sender.request(self.client, headers);
        post.map_err(|error| Loss::Https {
            device: sender.device.to_string(),
            error,
            opened_by: sender.opened_by,
        })
    }

    /// Posts an event when it is due and its device has an answer to the one before.
    async fn post(
        &mut self,
        line: &Line,
        sender: Rc<Sender>,
        post: EventPost,
        event: &Event,
    ) -> Result<(), Stop> {
        let due = self.pace.due(event.enqueued_ms, self.started.elapsed());
        // What is due beyond the clock's end never comes; a day is waited for, and the next.
        while self.started.elapsed() < due {
            let day = self.started.elapsed() + Duration::from_secs(86_400);
            let until = self.started + due.min(day);
            self.meanwhile(sleep_until(until)).await?;
        }
        while sender.is_busy.get() || self.under_way.len() >= usize::from(self.run.args.concurrency)
        {
            self.until_one_is_done().await?;
        }
        if sender.is_refused.get() {
            let device = sender.device.to_string();
            return self.lose(line.number, Loss::Refused { device });
        }
        self.behind = self.behind.max(self.started.elapsed().saturating_sub(due));
        sender.is_busy.set(true);
        let has_been_there = self.tally.sent > 0;
        let posting = self.posting(
            line.number,
            sender,
            post,
            event.body.clone(),
            has_been_there,
        );
        self.under_way.push(posting);
        Ok(())
    }

    fn posting(
        &self,
        line: u64,
        sender: Rc<Sender>,
        post: EventPost,
        body: Bytes,
        has_been_there: bool,
    ) -> LocalBoxFuture<'a, Done>
    where
        Self: 'a,
    {
        let (client, teller, backoff) = (self.client, self.teller, self.run.backoff());
        Box::pin(async move {
            let started = Instant::now();
            let notify = |notice: Notice<'_>| teller.tell(notice);
            let request = async || client.send_event(&post, body.clone()).await;
            let (retries, outcome) =
                retry::persist(&backoff, has_been_there, false, &notify, request).await;
            Done {
                line,
                sender,
                took: started.elapsed(),
                retries,
                outcome,
            }
        })
    }

    /// Waits for something, and takes answers in meanwhile.
    async fn meanwhile<T>(&mut self, awaited: impl Future<Output = T>) -> Result<T, Stop> {
        let mut awaited = pin!(awaited);
        loop {
            let done = tokio::select! {
                biased;
                () = &mut self.interruption => return Err(Stop::Interrupted),
                Some(done) = self.under_way.next() => done,
                came = &mut awaited => return Ok(came),
            };
            self.take(done)?;
        }
    }

    async fn until_one_is_done(&mut self) -> Result<(), Stop> {
        let done = tokio::select! {
            biased;
            () = &mut self.interruption => return Err(Stop::Interrupted),
            done = self.under_way.next() => done,
        };
        done.map_or(Ok(()), |done| self.take(done))
    }

    /// Takes one answer in, whatever it means; false where none is awaited.
    async fn one_done(&mut self) -> bool {
        let Some(done) = self.under_way.next().await else {
            return false;
        };
        let _ = self.take(done);
        true
    }

    fn take(&mut self, done: Done) -> Result<(), Stop> {
        done.sender.is_busy.set(false);
        self.tally.retried += u64::from(done.retries);
        match done.outcome {
            Ok(_) => {
                self.tally.sent += 1;
                self.tally.latency.record(done.took);
                if let Some(bar) = &self.bar {
                    bar.set_position(self.tally.sent);
                }
                Ok(())
            }
            Err(error) => {
                if let HttpsError::Service(refusal) = &error {
                    let is_refused = matches!(refusal.status, 401 | 403 | 404);
                    done.sender.is_refused.set(is_refused);
                }
                let device = done.sender.device.to_string();
                let opened_by = done.sender.opened_by;
                let loss = Loss::Https {
                    device,
                    error,
                    opened_by,
                };
                self.lose(done.line, loss)
            }
        }
    }

    /// Counts a loss; stops where every further event would be lost as well.
    fn lose(&mut self, line: u64, loss: Loss) -> Result<(), Stop> {
        self.tally.failed += 1;
        self.teller
            .line(&format!("lost: line {line}: {}", loss.reason()));
        let ends = loss.ends_the_replay(self.run.way.only.is_some());
        if self
            .first_loss
            .as_ref()
            .is_none_or(|first| line < first.line)
        {
            self.first_loss = Some(FirstLoss { line, loss });
        }
        if ends { Err(Stop::Lost) } else { Ok(()) }
    }
}
