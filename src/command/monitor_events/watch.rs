//! Brings the stream, standard output and the wish to stop together.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::collector::Collector;
use super::diagnosis::{Findings, Silence};
use super::output::{FAREWELL, Output};
use super::page::OddBody;
use super::plan::Plan;
use super::resume::Resumption;
use super::stop::Stop;
use crate::client::event_stream::connect::Found;
use crate::client::event_stream::survey::survey;
use crate::client::event_stream::{EventStream, Resume, Sink as _, StreamError};
use crate::failure::Failure;
use crate::protocol::amqp::management::PartitionProperties;

/// For what is enqueued at the last moment, and by a clock that is a little slow: those that are kept right differ by less.
const GRACE: Duration = Duration::from_millis(250);

/// How long before the logs are looked at the way there is made.
const AHEAD: Duration = Duration::from_secs(2);

/// How long to wait where the logs cannot be looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long the last question may take: how far the logs go by now.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Why it came to an end without a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As many events as were asked for.
    Count,
    /// All that was asked for has been read.
    Bounds,
    /// The time is over.
    Duration,
    /// Ctrl-C, or a wish to terminate, by its name.
    Signal(&'static str),
    /// Nobody reads what is written.
    OutputClosed,
}

impl End {
    /// The reason in words, where the user has not seen to it himself.
    pub(super) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Count => Some("--count is reached"),
            Self::Bounds => Some("all that was asked for was read"),
            Self::Duration => Some("--duration is over"),
            Self::Signal(name) => Some(name),
            Self::OutputClosed => None,
        }
    }
}

/// What comes next.
enum Turn {
    End(End),
    Advanced(Result<ControlFlow<()>, StreamError>),
    Silent,
    Found(Findings),
    Final(Vec<(String, PartitionProperties)>),
    Save,
}

/// Advances the stream and passes on what it gives, until there is a reason to stop. Why it stopped, and how far the logs
/// went by then.
///
/// # Errors
/// What a file of positions cannot be gone on from for.
pub(super) async fn watch(
    plan: Plan,
    (mut resumption, resume): (Resumption, Option<Resume>),
    collector: &mut Collector<'_>,
    silence: &mut Silence<'_>,
    (mut output, odd_body): (Output, OddBody),
) -> Result<(Result<End, Failure>, Option<Found>), Failure> {
    let mut stop = Stop::listen();
    let over_at = plan.duration.map(|duration| Instant::now() + duration);
    let mut stream = EventStream::new(plan.stream.clone()).resume(resume);
    let final_at = plan
        .until_is_in
        .and_then(|left| Instant::now().checked_add(left.saturating_add(GRACE)));
    let mut final_logs = std::pin::pin!(final_logs(&plan, final_at));
    let mut are_final = false;
    let end = loop {
        // During a connect nothing else is due, for that would begin it anew.
        let is_connected = stream.is_connected();
        let turn = tokio::select! {
            biased;
            wish = stop.wish() => Turn::End(End::Signal(wish)),
            () = output.closed() => Turn::End(End::OutputClosed),
            () = until(over_at) => Turn::End(End::Duration),
            () = until(silence.due()), if is_connected => Turn::Silent,
            findings = silence.findings(), if is_connected => Turn::Found(findings),
            logs = &mut final_logs, if !are_final && is_connected => Turn::Final(logs),
            () = until(resumption.due()), if is_connected => Turn::Save,
            advanced = stream.advance(collector) => Turn::Advanced(advanced),
        };
        let advanced = match turn {
            Turn::End(end) => break Ok(end),
            Turn::Advanced(advanced) => advanced,
            // What the stream had handed over by then is written like the rest.
            Turn::Silent => {
                silence.inquire();
                Ok(ControlFlow::Continue(()))
            }
            Turn::Found(findings) => {
                if let Some(text) = silence.explain(&findings, &collector.seen()) {
                    collector.tell(&text);
                }
                Ok(ControlFlow::Continue(()))
            }
            Turn::Final(logs) => {
                are_final = true;
                for (partition, log) in logs {
                    collector.log(&partition, &log);
                }
                Ok(ControlFlow::Continue(()))
            }
            Turn::Save => {
                resumption.save(collector).await;
                Ok(ControlFlow::Continue(()))
            }
        };
        let written = tokio::select! {
            biased;
            written = output.write(collector.page()) => written,
            wish = stop.wish() => break Ok(End::Signal(wish)),
            () = until(over_at) => break Ok(End::Duration),
        };
        silence.watch(collector.shown() > 0, collector.attached().is_some());
        collector.tell_of_body(&odd_body);
        if let Err(failure) = resumption.note(collector, output.taken()) {
            break Err(failure);
        }
        match (advanced, written) {
            (Err(error), _) => break Err(plan.failure(error)),
            (_, Err(_)) => break Ok(End::OutputClosed),
            (Ok(_), _) if collector.is_complete() => break Ok(End::Count),
            (Ok(_), _) if collector.is_at_end() => break Ok(End::Bounds),
            (Ok(_), Ok(())) => {}
        }
    };
    let is_asked = end.as_ref().is_ok_and(|end| *end != End::OutputClosed);
    let farewell = farewell(stream, collector, output, is_asked);
    let (found, taken, finished) = tokio::select! {
        gone = farewell => gone,
        // A second wish: at once.
        _ = stop.wish() => (None, None, Ok(())),
    };
    collector.tell_of_body(&odd_body);
    let noted = taken.map_or(Ok(()), |taken| resumption.note(collector, taken));
    let saved = resumption.finish(collector).await;
    finished?;
    noted.and(saved)?;
    Ok((end, found))
}

/// Looks at all logs once more when the time has come at which reading ends: only then it is known what is to be read.
async fn final_logs(plan: &Plan, at: Option<Instant>) -> Vec<(String, PartitionProperties)> {
    let Some(at) = at else {
        return std::future::pending().await;
    };
    sleep_until(at.checked_sub(AHEAD).unwrap_or(at)).await;
    loop {
        match survey(&plan.stream, Some(at)).await {
            Ok(found) => return found.partitions,
            // The stream's own connection is in the same trouble, and tells of it.
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

/// Takes leave of the service and of standard output. How far the logs go, and how many buffers were taken if all is.
async fn farewell(
    mut stream: EventStream,
    collector: &mut Collector<'_>,
    mut output: Output,
    is_asked: bool,
) -> (Option<Found>, Option<u64>, Result<(), Failure>) {
    let leave = async {
        let found = if is_asked {
            stream.last_look(LAST_LOOK).await
        } else {
            None
        };
        stream.close().await;
        found
    };
    let write = async {
        let written = timeout(FAREWELL, output.write(collector.page())).await;
        let taken = matches!(written, Ok(Ok(()))).then(|| output.taken());
        (taken, output.finish().await)
    };
    let (found, (taken, finished)) = tokio::join!(leave, write);
    (found, taken, finished)
}

/// Comes at that time, if there is one.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
