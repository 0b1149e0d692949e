//! The wish to stop, which may come twice.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

/// The same signal again within this time is the same wish: `timeout` and shells signal a process and its group.
const TOGETHER: Duration = Duration::from_millis(300);

/// Hears Ctrl-C, the system's wish to terminate and a terminal that is closed, from the first call on.
#[derive(Debug)]
pub(super) struct Stop {
    wishes: mpsc::Receiver<&'static str>,
    /// The last wish, and when it came.
    heard: Option<(&'static str, Instant)>,
}

impl Stop {
    /// Begins to listen. Needs the runtime.
    pub(super) fn listen() -> Self {
        let (wish, wishes) = mpsc::channel(1);
        #[cfg(unix)]
        {
            use tokio::signal::unix::SignalKind;
            pass_on(SignalKind::interrupt(), "interrupted", wish.clone());
            pass_on(SignalKind::hangup(), "hung up", wish.clone());
            pass_on(SignalKind::terminate(), "terminated", wish);
        }
        #[cfg(not(unix))]
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if wish.send("interrupted").await.is_err() {
                    return;
                }
            }
        });
        Self {
            wishes,
            heard: None,
        }
    }

    /// Comes with the next wish, and says which it is.
    pub(super) async fn wish(&mut self) -> &'static str {
        while let Some(wish) = self.wishes.recv().await {
            let last = self.heard.replace((wish, Instant::now()));
            if last.is_none_or(|(name, at)| name != wish || at.elapsed() > TOGETHER) {
                return wish;
            }
        }
        // Where no signals can be had, nobody wishes anything.
        std::future::pending().await
    }
}

#[cfg(unix)]
fn pass_on(
    kind: tokio::signal::unix::SignalKind,
    name: &'static str,
    wish: mpsc::Sender<&'static str>,
) {
    // Before anything else is done: what comes from now on is heard.
    let Ok(mut signal) = tokio::signal::unix::signal(kind) else {
        return;
    };
    tokio::spawn(async move {
        while signal.recv().await.is_some() {
            if wish.send(name).await.is_err() {
                return;
            }
        }
    });
}
