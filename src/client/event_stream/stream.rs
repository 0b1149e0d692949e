//! The loop that brings connection, partitions and patience together.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::backoff::Backoff;
use super::connect::{self, FIRST_FREE_CHANNEL, Found, Opened};
use super::error::{At as _, Stage, StreamError};
use super::link::{attach, jitter, stage_of};
use super::notice::Notice;
use super::partition::{Partition, Step};
use super::plan::{Plan, Resume};
use super::progress::{Change, Progress};
use super::reading::Reading;
use super::renewal::Renewal;
use super::sink::{EventHub, Sink};
use super::verdict::{Verdict, judge};
use crate::client::amqp::{ConnectionError, Scope};
use crate::model::identifier::SequenceNumber;
use crate::protocol::amqp::management::PartitionProperties;
use crate::protocol::amqp::performative::Performative;

/// How long to sleep when nothing is due.
const LONG: Duration = Duration::from_secs(3600);

/// A connection that stood for this long was sound, whether events came or not.
const SOUND: Duration = Duration::from_secs(15);

/// Bytes of frames that are handled in one go, before the sink's owner gets a turn.
const MOST_BYTES: usize = 128 << 10;

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
    /// What another run has read already, until the first connect.
    resume: Option<Resume>,
    live: Option<Live>,
    connect_at: Instant,
    backoff: Backoff,
    /// Since when there is a connection, and what was read of each partition by then.
    connected: Option<(Instant, Vec<Option<SequenceNumber>>)>,
    /// Whether all partitions were being read at some time.
    was_reading: bool,
    /// Whether that was told since the last connect.
    is_told: bool,
    /// Whether it was told that not all are.
    is_partly_told: bool,
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
            resume: None,
            live: None,
            connect_at: Instant::now(),
            backoff: Backoff::default(),
            connected: None,
            was_reading: false,
            is_told: false,
            is_partly_told: false,
        }
    }

    /// Goes on where another run came to. To be said before the first turn.
    #[must_use]
    pub fn resume(mut self, resume: Option<Resume>) -> Self {
        self.created_at_ms = resume.as_ref().map(|resume| resume.created_at_ms);
        self.resume = resume;
        self
    }

    /// Whether there is a connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.live.is_some()
    }

    /// How far the logs go by now, if there is a connection and it answers within `limit`. Events that come meanwhile are
    /// dropped, so this is for the end.
    pub async fn last_look(&mut self, limit: Duration) -> Option<Found> {
        let opened = &mut self.live.as_mut()?.opened;
        let found = timeout(limit, connect::find_partitions(&self.plan, opened)).await;
        found.ok()?.ok()
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
        let entity = opened.endpoint.entity.as_str();
        let is_other = |resume: &Resume| resume.entity != entity;
        let is_new = self.created_at_ms.is_some_and(|before| before < created)
            || self.resume.as_ref().is_some_and(is_other);
        self.created_at_ms = Some(created);
        sink.event_hub(EventHub {
            namespace: &opened.endpoint.host,
            entity,
            created_at_ms: created,
        });
        self.compare(found.partitions, is_new, sink);
        self.resume = None;
        for (channel, partition) in (FIRST_FREE_CHANNEL..).zip(&mut self.partitions) {
            let entity = &opened.endpoint.entity;
            let group = &self.plan.consumer_group;
            partition.connect(channel, &opened.container, entity, group, now);
        }
        let renewal = opened.endpoint.can_renew();
        let renewal = renewal.then(|| Renewal::new(now, self.plan.patience));
        self.connected = Some((now, self.read_so_far()));
        (self.is_told, self.is_partly_told) = (false, false);
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
            let known = self.partitions.iter().position(|known| known.id == id);
            let known = known.or_else(|| self.admit(&id, &log, sink));
            let Some(partition) = known.and_then(|index| self.partitions.get_mut(index)) else {
                continue;
            };
            match partition.progress.compare(&log, is_new) {
                Some(Change::Another) => {
                    sink.begins(&id, &partition.progress.position());
                    started_over.push(id);
                }
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

    /// Begins a partition where another run came to, or else where the plan says. Its place among the others, if its log
    /// is to be compared with what that run read.
    fn admit<S: Sink>(
        &mut self,
        id: &str,
        log: &PartitionProperties,
        sink: &mut S,
    ) -> Option<usize> {
        let positions = self.resume.as_mut().map(|resume| &mut resume.positions);
        let resumed = positions.and_then(|positions| positions.remove(id));
        let index = resumed.is_some().then_some(self.partitions.len());
        let progress = match resumed {
            Some(position) => Progress::new(position),
            None => Progress::begin(&self.plan.start, log),
        };
        sink.begins(id, &progress.position());
        let partition = Partition::new(id.to_owned(), progress, Instant::now());
        self.partitions.push(partition);
        index
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
        // What is there already is handed over at once, and not kept until more comes.
        let mut handled = self.handle_all(sink)?;
        if handled.is_none() {
            let wake_at = self.wake_at();
            if let Some(live) = &mut self.live {
                let connection = &mut live.opened.connection;
                tokio::select! {
                    biased;
                    read = connection.wait_for_bytes() => read.at(Stage::Reading)?,
                    () = sleep_until(wake_at) => return Ok(ControlFlow::Continue(())),
                }
            }
            handled = self.handle_all(sink)?;
        }
        if let Some(ControlFlow::Break(())) = handled {
            return Ok(ControlFlow::Break(()));
        }
        self.settle().await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Handles all that was read, and what can be read without waiting; none where there is nothing.
    fn handle_all<S: Sink>(
        &mut self,
        sink: &mut S,
    ) -> Result<Option<ControlFlow<()>>, StreamError> {
        let Some(live) = &mut self.live else {
            return Ok(None);
        };
        let (connection, means) = live.opened.parts();
        let mut reading = Reading {
            plan: &self.plan,
            partitions: &mut self.partitions,
            means,
            renewal: &mut live.renewal,
            is_told: self.is_told,
            now: Instant::now(),
        };
        let mut flow = ControlFlow::Continue(());
        let mut bytes = 0;
        while flow.is_continue() {
            if let Some((frame, output)) = connection.next_read().at(Stage::Reading)? {
                bytes += frame.body.len();
                flow = reading.handle(frame, output, sink)?;
            } else if bytes > MOST_BYTES || !connection.read_ready().at(Stage::Reading)? {
                break;
            }
        }
        if flow.is_continue() {
            self.tell_when_all_are_read(sink);
        }
        self.tell_what_is_missing(sink);
        Ok((bytes > 0).then_some(flow))
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
        let output = &mut live.opened.connection.output;
        for partition in &mut self.partitions {
            match partition.step(now, self.plan.limit) {
                Ok(None) => continue,
                Ok(Some(Step::Begin)) => {
                    let session = &partition.receiver.session;
                    let begin = Performative::Begin(session.begin());
                    output.send(session.channel, &begin, &[]);
                    Ok(())
                }
                Ok(Some(Step::Attach)) => attach(partition, output),
                Err(error) => Err(error),
            }
            .at(stage_of(&self.plan, &partition.id))?;
        }
        if let Some(renewal) = &mut live.renewal {
            let (connection, mut means) = live.opened.parts();
            renewal.start(&self.plan, &mut means, &mut connection.output, now)?;
        }
        let connection = &mut live.opened.connection;
        connection.flush().await.at(Stage::Reading)
    }

    /// Tells it as well when those that are left were refused and are tried again.
    fn tell_when_all_are_read<S: Sink>(&mut self, sink: &mut S) {
        let of = self.partitions.len();
        let is_read = |partition: &&Partition| partition.is_reading();
        let partitions = self.partitions.iter().filter(is_read).count();
        let is_settled =
            |partition: &Partition| partition.is_reading() || partition.backoff.failures() > 0;
        if self.is_told || partitions == 0 || !self.partitions.iter().all(is_settled) {
            return;
        }
        if partitions == of {
            self.is_told = true;
            self.was_reading = true;
        } else if std::mem::replace(&mut self.is_partly_told, true) {
            return;
        }
        sink.notice(&Notice::Attached {
            partitions,
            of,
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
                connection.output.send(channel, &disposition, &[]);
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
