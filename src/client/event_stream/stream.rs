//! The loop that brings connection, partitions and patience together.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::connect::{self, FIRST_FREE_CHANNEL, Opened};
use super::error::{At as _, Stage, StreamError};
use super::link::{answer_end, attach, deliver, jitter, stage_of, wait_or_give_up};
use super::notice::Notice;
use super::partition::{Partition, Reaction, Step};
use super::plan::Plan;
use super::progress::{Change, Progress};
use super::renewal::Renewal;
use super::sink::Sink;
use super::verdict::{Verdict, judge};
use crate::client::amqp::{ConnectionError, Frame, Scope};
use crate::model::identifier::SequenceNumber;
use crate::protocol::amqp::management::PartitionProperties;
use crate::protocol::amqp::performative::Performative;

/// How long to sleep when nothing is due.
const LONG: Duration = Duration::from_secs(3600);

/// A connection that stood for this long was sound, whether events came or not.
const SOUND: Duration = Duration::from_secs(15);

/// Frames that are handled in one go, before the sink's owner gets a turn.
const MOST_FRAMES: usize = 1024;

struct Live {
    opened: Opened,
    renewal: Option<Renewal>,
}

/// Every event of every partition that was asked for, once and in order, until it is told to stop or cannot go on.
pub struct EventStream {
    plan: Plan,
    partitions: Vec<Partition>,
    /// When the event hub was made, as it said last.
    created_at_ms: Option<i64>,
    live: Option<Live>,
    connect_at: Instant,
    backoff: Backoff,
    /// Since when there is a connection, and what was read of each partition by then.
    connected: Option<(Instant, Vec<Option<SequenceNumber>>)>,
    /// Whether all partitions were being read at some time.
    was_reading: bool,
    /// Whether that was told since the last connect.
    is_told: bool,
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream")
            .field("partitions", &self.partitions.len())
            .field("is_connected", &self.live.is_some())
            .finish_non_exhaustive()
    }
}

impl EventStream {
    /// A stream that connects when it is first advanced.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            partitions: Vec::new(),
            created_at_ms: None,
            live: None,
            connect_at: Instant::now(),
            backoff: Backoff::default(),
            connected: None,
            was_reading: false,
            is_told: false,
        }
    }

    /// What was read last of each partition.
    pub fn positions(&self) -> impl Iterator<Item = (&str, Option<SequenceNumber>)> {
        self.partitions
            .iter()
            .map(|partition| (partition.id.as_str(), partition.progress.last()))
    }

    /// Waits until something happens, and handles all that is there. To be called again and again; what was handed to
    /// the sink may be flushed in between. When it is dropped unfinished, no event is lost.
    ///
    /// # Errors
    /// [`StreamError`] when trying again is of no use.
    pub async fn advance<S: Sink>(&mut self, sink: &mut S) -> Result<ControlFlow<()>, StreamError> {
        let result = if self.live.is_some() {
            self.turn(sink).await
        } else {
            sleep_until(self.connect_at).await;
            self.connect(sink).await.map(|()| ControlFlow::Continue(()))
        };
        match result {
            Ok(flow) => Ok(flow),
            Err(error) => {
                self.lose(error, sink)?;
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    /// Events that should have come and did not, and never will, of all partitions.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let missing = |partition: &Partition| partition.progress.missing();
        self.partitions.iter().map(missing).sum()
    }

    /// Takes leave of the service.
    pub async fn close(self) {
        if let Some(live) = self.live {
            live.opened.connection.close().await;
        }
    }

    async fn connect<S: Sink>(&mut self, sink: &mut S) -> Result<(), StreamError> {
        let mut opened = connect::open(&self.plan, &mut |notice| sink.notice(&notice)).await?;
        let found = connect::find_partitions(&self.plan, &mut opened).await?;
        let now = Instant::now();
        // Time can only go on: an event hub that is younger than it was is another by the same name.
        let created = found.created_at_ms;
        let is_new = self.created_at_ms.is_some_and(|before| before < created);
        self.created_at_ms = Some(created);
        self.compare(found.partitions, is_new, sink);
        for (channel, partition) in (FIRST_FREE_CHANNEL..).zip(&mut self.partitions) {
            let entity = &opened.endpoint.entity;
            let group = &self.plan.consumer_group;
            partition.connect(channel, &opened.container, entity, group, now);
        }
        let renewal = opened.endpoint.can_renew();
        let renewal = renewal.then(|| Renewal::new(now, self.plan.patience));
        self.connected = Some((now, self.read_so_far()));
        self.is_told = false;
        self.live = Some(Live { opened, renewal });
        Ok(())
    }

    /// Takes the partitions in: new ones are begun, known ones compared with what was read of them.
    fn compare<S: Sink>(
        &mut self,
        found: Vec<(String, PartitionProperties)>,
        is_new: bool,
        sink: &mut S,
    ) {
        let mut started_over = Vec::new();
        for (id, log) in found {
            sink.log(&id, &log);
            let known = self.partitions.iter_mut().find(|known| known.id == id);
            let Some(partition) = known else {
                let progress = Progress::begin(&self.plan.start, &log);
                let partition = Partition::new(id, progress, Instant::now());
                self.partitions.push(partition);
                continue;
            };
            match partition.progress.compare(&log, is_new) {
                Some(Change::Another) => started_over.push(id),
                Some(Change::Gone(count)) => {
                    let partition = id;
                    sink.notice(&Notice::Gone { partition, count });
                }
                None => {}
            }
        }
        if !started_over.is_empty() {
            let partitions = started_over;
            sink.notice(&Notice::StartedOver { partitions });
        }
    }

    /// What to do about an error: wait and connect again, or give up.
    fn lose<S: Sink>(&mut self, error: StreamError, sink: &mut S) -> Result<(), StreamError> {
        if let Some(live) = self.live.take()
            && is_farewell(&error)
        {
            // It is answered, but nobody waits for that.
            tokio::spawn(live.opened.connection.close());
        }
        if let Some((since, before)) = self.connected.take()
            && (since.elapsed() >= SOUND || before != self.read_so_far())
        {
            self.backoff.succeeded();
        }
        match judge(&error, self.was_reading, self.backoff.failures()) {
            Verdict::Give => Err(error),
            Verdict::Retry(least) => {
                let retry_in = self.backoff.failed(least, jitter());
                self.connect_at = Instant::now() + retry_in;
                sink.notice(&Notice::ConnectionLost {
                    reason: error.to_string(),
                    retry_in,
                });
                Ok(())
            }
        }
    }

    fn read_so_far(&self) -> Vec<Option<SequenceNumber>> {
        let last = |partition: &Partition| partition.progress.last();
        self.partitions.iter().map(last).collect()
    }

    async fn turn<S: Sink>(&mut self, sink: &mut S) -> Result<ControlFlow<()>, StreamError> {
        self.start_what_is_due().await?;
        let wake_at = self.wake_at();
        let Some(live) = &mut self.live else {
            return Ok(ControlFlow::Continue(()));
        };
        let frame = tokio::select! {
            biased;
            frame = live.opened.connection.receive() => frame.at(Stage::Reading)?,
            () = sleep_until(wake_at) => return Ok(ControlFlow::Continue(())),
        };
        let mut next = Some(frame);
        for _ in 0..MOST_FRAMES {
            let Some(frame) = next.take() else { break };
            if self.handle(&frame, sink).await?.is_break() {
                self.tell_what_is_missing(sink);
                return Ok(ControlFlow::Break(()));
            }
            let Some(live) = &mut self.live else { break };
            next = live.opened.connection.receive_ready().at(Stage::Reading)?;
        }
        if let Some(frame) = next
            && self.handle(&frame, sink).await?.is_break()
        {
            self.tell_what_is_missing(sink);
            return Ok(ControlFlow::Break(()));
        }
        self.settle().await?;
        self.tell_what_is_missing(sink);
        Ok(ControlFlow::Continue(()))
    }

    /// When something is to be done even if no frame comes.
    fn wake_at(&self) -> Instant {
        let far = Instant::now() + LONG;
        let partitions = self
            .partitions
            .iter()
            .filter_map(|partition| partition.due(self.plan.limit));
        let renewal = self.live.as_ref().and_then(|live| live.renewal.as_ref());
        partitions
            .chain(renewal.map(|renewal| renewal.due(self.plan.limit)))
            .fold(far, Instant::min)
    }

    async fn start_what_is_due(&mut self) -> Result<(), StreamError> {
        let now = Instant::now();
        let Some(live) = &mut self.live else {
            return Ok(());
        };
        let connection = &mut live.opened.connection;
        for partition in &mut self.partitions {
            match partition.step(now, self.plan.limit) {
                Ok(None) => continue,
                Ok(Some(Step::Begin)) => {
                    let session = &partition.receiver.session;
                    let begin = Performative::Begin(session.begin());
                    connection.send(session.channel, &begin, &[]).await
                }
                Ok(Some(Step::Attach)) => attach(connection, partition).await,
                Err(error) => Err(error),
            }
            .at(stage_of(&self.plan, &partition.id))?;
        }
        if let Some(renewal) = &mut live.renewal {
            renewal.start(&self.plan, &mut live.opened, now).await?;
        }
        let connection = &mut live.opened.connection;
        connection.flush().await.at(Stage::Reading)
    }

    async fn handle<S: Sink>(
        &mut self,
        frame: &Frame,
        sink: &mut S,
    ) -> Result<ControlFlow<()>, StreamError> {
        let now = Instant::now();
        let Some(index) = frame.channel.checked_sub(FIRST_FREE_CHANNEL) else {
            if let Some(live) = &mut self.live
                && let Some(renewal) = &mut live.renewal
                && let Some(notice) = renewal
                    .take(&self.plan, &mut live.opened, frame, now)
                    .await?
            {
                sink.notice(&notice);
            }
            return Ok(ControlFlow::Continue(()));
        };
        let Some(live) = &mut self.live else {
            return Ok(ControlFlow::Continue(()));
        };
        let connection = &mut live.opened.connection;
        let Some(partition) = self.partitions.get_mut(usize::from(index)) else {
            return Ok(ControlFlow::Continue(()));
        };
        let (performative, payload) = frame.decode().at(Stage::Reading)?;
        if let Performative::Transfer(transfer) = &performative {
            let flow = deliver(partition, transfer, payload, sink)?;
            if partition.receiver.wants_credit() {
                let credit = Performative::Flow(partition.receiver.replenish());
                let sent = connection.send(frame.channel, &credit, &[]).await;
                sent.at(Stage::Reading)?;
            }
            return Ok(flow);
        }
        let was_reading = partition.was_reading;
        let reaction = partition.on_frame(&performative, now);
        match reaction.at(Stage::Reading)? {
            Reaction::None => {}
            Reaction::Answer(flow) => {
                let flow = Performative::Flow(flow);
                let sent = connection.send(frame.channel, &flow, &[]).await;
                sent.at(Stage::Reading)?;
            }
            Reaction::Ended => {
                let sent = answer_end(connection, frame.channel, Scope::Session).await;
                sent.at(Stage::Reading)?;
            }
            Reaction::Attach => {
                let sent = attach(connection, partition).await;
                sent.at(stage_of(&self.plan, &partition.id))?;
            }
            Reaction::Reading(flow) => {
                let flow = Performative::Flow(flow);
                let sent = connection.send(frame.channel, &flow, &[]).await;
                sent.at(Stage::Reading)?;
                if was_reading && self.is_told {
                    sink.notice(&Notice::LinkMended {
                        partition: partition.id.clone(),
                        after: partition.progress.last(),
                    });
                }
                self.tell_when_all_are_read(sink);
            }
            Reaction::Broken(error) => {
                let sent = answer_end(connection, frame.channel, error.scope).await;
                sent.at(Stage::Reading)?;
                let notice = wait_or_give_up(&self.plan, partition, error, now)?;
                sink.notice(&notice);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn tell_when_all_are_read<S: Sink>(&mut self, sink: &mut S) {
        if self.is_told || !self.partitions.iter().all(Partition::is_reading) {
            return;
        }
        self.is_told = true;
        self.was_reading = true;
        sink.notice(&Notice::Attached {
            partitions: self.partitions.len(),
            consumer_group: self.plan.consumer_group.clone(),
        });
    }

    fn tell_what_is_missing<S: Sink>(&mut self, sink: &mut S) {
        for partition in &mut self.partitions {
            if let Some(count) = partition.progress.missing_untold() {
                sink.notice(&Notice::Missing {
                    partition: partition.id.clone(),
                    count,
                    last: partition.progress.last(),
                });
            }
        }
    }

    /// Settles what the service did not settle itself, and sends off all that waits.
    async fn settle(&mut self) -> Result<(), StreamError> {
        let Some(live) = &mut self.live else {
            return Ok(());
        };
        let connection = &mut live.opened.connection;
        for partition in &mut self.partitions {
            if let Some(disposition) = partition.receiver.settle() {
                let channel = partition.receiver.session.channel;
                let disposition = Performative::Disposition(disposition);
                let sent = connection.send(channel, &disposition, &[]).await;
                sent.at(Stage::Reading)?;
            }
        }
        connection.flush().await.at(Stage::Reading)
    }
}

/// Whether the service closed the connection in due form.
fn is_farewell(error: &StreamError) -> bool {
    let StreamError::Failed { source, .. } = error else {
        return false;
    };
    matches!(source, ConnectionError::Peer(error) if error.scope == Scope::Connection)
}
