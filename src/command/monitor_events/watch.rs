//! Brings the stream, standard output and the wish to stop together.

use std::ops::ControlFlow;

use tokio::time::{Instant, sleep_until};

use super::collector::Collector;
use super::output::Output;
use super::plan::Plan;
use crate::client::event_stream::EventStream;
use crate::failure::Failure;

/// Why it came to an end without a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As many events as were asked for.
    Count,
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
    let mut stream = EventStream::new(plan.stream);
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
            (Ok(ControlFlow::Break(())), _) => break Ok(End::Count),
            (Ok(ControlFlow::Continue(())), Ok(())) => {}
        }
    };
    stream.close().await;
    output.finish(collector.buffer()).await?;
    end
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
