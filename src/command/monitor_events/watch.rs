//! Brings the stream, standard output and the wish to stop together.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::collector::Collector;
use super::output::Output;
use super::plan::Plan;
use crate::client::event_stream::{self, EventStream, Sink as _};
use crate::failure::Failure;
use crate::protocol::amqp::management::PartitionProperties;

/// For what is enqueued at the last moment, and by a clock that is a little slow.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait where the logs cannot be looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Why it came to an end without a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As many events as were asked for.
    Count,
    /// All that was asked for has been read.
    Bounds,
    /// The time is over.
    Duration,
    /// Ctrl-C, or a wish to terminate.
    Signal,
    /// Nobody reads what is written.
    OutputClosed,
}

/// Advances the stream and passes on what it gives, until there is a reason to stop.
pub(super) async fn watch(
    plan: Plan,
    collector: &mut Collector<'_>,
    mut output: Output,
) -> Result<End, Failure> {
    let over_at = plan.duration.map(|duration| Instant::now() + duration);
    let mut stream = EventStream::new(plan.stream.clone());
    let mut last_look = std::pin::pin!(last_look(&plan));
    let mut was_looked = false;
    let mut stop = std::pin::pin!(stop_signal());
    let mut over = std::pin::pin!(async {
        match over_at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    });
    let end = loop {
        let advanced = tokio::select! {
            biased;
            () = &mut stop => break Ok(End::Signal),
            () = output.closed() => break Ok(End::OutputClosed),
            () = &mut over => break Ok(End::Duration),
            logs = &mut last_look, if !was_looked => {
                was_looked = true;
                for (partition, log) in logs {
                    collector.log(&partition, &log);
                }
                Ok(ControlFlow::Continue(()))
            }
            advanced = stream.advance(collector) => advanced,
        };
        let written = tokio::select! {
            biased;
            written = output.write(collector.buffer()) => written,
            () = &mut stop => break Ok(End::Signal),
            () = &mut over => break Ok(End::Duration),
        };
        match (advanced, written) {
            (Err(error), _) => break Err(error.into()),
            (_, Err(_)) => break Ok(End::OutputClosed),
            (Ok(_), _) if collector.is_complete() => break Ok(End::Count),
            (Ok(_), _) if collector.is_at_end() => break Ok(End::Bounds),
            (Ok(_), Ok(())) => {}
        }
    };
    stream.close().await;
    output.finish(collector.buffer()).await?;
    end
}

/// Looks at all logs once more when the time has come at which reading ends: only then it is known what is to be read.
async fn last_look(plan: &Plan) -> Vec<(String, PartitionProperties)> {
    let Some(left) = plan.until_is_in else {
        return std::future::pending().await;
    };
    sleep(left + GRACE).await;
    loop {
        match event_stream::connect::logs(&plan.stream).await {
            Ok(logs) => return logs,
            // The stream's own connection is in the same trouble, and tells of it.
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

/// Comes when the user or the system wants an end.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
