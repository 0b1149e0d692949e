//! The wish to stop, which may come twice.

use tokio::sync::mpsc;

/// Hears Ctrl-C and the system's wish to terminate, from the first call on.
#[derive(Debug)]
pub(super) struct Stop {
    wishes: mpsc::Receiver<&'static str>,
}

impl Stop {
    /// Begins to listen. Needs the runtime.
    pub(super) fn listen() -> Self {
        let (wish, wishes) = mpsc::channel(1);
        #[cfg(unix)]
        {
            use tokio::signal::unix::SignalKind;
            pass_on(SignalKind::interrupt(), "interrupted", wish.clone());
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
        Self { wishes }
    }

    /// Comes with the next wish, and says which it is.
    pub(super) async fn wish(&mut self) -> &'static str {
        match self.wishes.recv().await {
            Some(wish) => wish,
            // Where no signals can be had, nobody wishes anything.
            None => std::future::pending().await,
        }
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
