//! The one task that owns the hub: commands in, effects out.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};

use super::hub::Hub;
use super::hub::command::{Command, Effects, Notice, ReaderId, Refusal, Reply};
use crate::protocol::rest::error_code;

/// How many commands may wait before those who ask are held back.
const QUEUE: usize = 1024;

/// Where the hub gets its time from.
pub type Clock = fn() -> DateTime<Utc>;

enum Request {
    Ask {
        command: Command,
        reply: oneshot::Sender<Result<Reply, Refusal>>,
    },
    Register {
        reply: oneshot::Sender<(ReaderId, mpsc::UnboundedReceiver<Notice>)>,
    },
}

/// A server's way to the hub; cheap to clone.
#[derive(Debug, Clone)]
pub struct HubHandle {
    requests: mpsc::Sender<Request>,
}

impl HubHandle {
    /// Puts a command to the hub and waits for its answer.
    ///
    /// # Errors
    /// The hub's refusal; `ServiceUnavailable` when it has been stopped.
    pub async fn ask(&self, command: Command) -> Result<Reply, Refusal> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Ask { command, reply };
        self.requests.send(request).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// A number for a new reader, and the notices that will come for it. The driver forgets a reader whose receiver has
    /// been dropped, once [`Command::CloseReader`] was asked for it.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the hub has been stopped.
    pub async fn register_reader(
        &self,
    ) -> Result<(ReaderId, mpsc::UnboundedReceiver<Notice>), Refusal> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(Request::Register { reply })
            .await
            .map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())
    }
}

fn stopped() -> Refusal {
    Refusal {
        code: error_code::SERVICE_UNAVAILABLE,
        condition: "amqp:connection:forced",
        message: "the hub is shutting down".to_owned(),
    }
}

/// Starts the task that owns `hub`; it ends when the last handle is dropped.
#[must_use]
pub fn start(hub: Hub, clock: Clock) -> HubHandle {
    let (requests, queue) = mpsc::channel(QUEUE);
    tokio::spawn(drive(hub, clock, queue));
    HubHandle { requests }
}

async fn drive(mut hub: Hub, clock: Clock, mut queue: mpsc::Receiver<Request>) {
    let mut readers = HashMap::new();
    let mut next_reader = 0;
    while let Some(request) = queue.recv().await {
        match request {
            Request::Register { reply } => {
                let (sender, notices) = mpsc::unbounded_channel();
                let id = ReaderId(next_reader);
                next_reader += 1;
                // Whoever asked may have gone in the meantime; then there is nobody to notify either.
                if reply.send((id, notices)).is_ok() {
                    readers.insert(id, sender);
                }
            }
            Request::Ask { command, reply } => {
                if let Command::CloseReader { reader } = &command {
                    readers.remove(reader);
                }
                let Effects {
                    reply: answer,
                    notices,
                } = hub.apply(clock(), command);
                deliver(&readers, notices);
                // A connection that broke in the meantime needs no answer.
                let _ = reply.send(answer);
            }
        }
    }
}

fn deliver(
    readers: &HashMap<ReaderId, mpsc::UnboundedSender<Notice>>,
    notices: Vec<(ReaderId, Notice)>,
) {
    for (reader, notice) in notices {
        if let Some(sender) = readers.get(&reader) {
            let _ = sender.send(notice);
        }
    }
}
