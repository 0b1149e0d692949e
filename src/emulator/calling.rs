//! A method of a device is called, and its answer waited for. The clock for both waits is here, for the hub has none.
//!
//! Source: texts from traces in the issue trackers of the C# SDK and of IoT Edge.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::driver::HubHandle;
use super::hub::command::{Command, ListenerId, MethodOperation, Notice, Refusal, Reply};
use crate::model::device::IdentityId;
use crate::protocol::rest::error_code;

/// What is called.
#[derive(Debug)]
pub(super) struct Call {
    /// The caller's.
    pub token: Option<String>,
    /// Whose method.
    pub identity: IdentityId,
    /// The method's name.
    pub name: String,
    /// JSON.
    pub payload: String,
    /// How long the device may take to connect.
    pub connect: Duration,
    /// How long it may take for its answer.
    pub response: Duration,
}

/// What a device answered.
#[derive(Debug)]
pub(super) struct MethodAnswer {
    /// The device's own.
    pub status: i32,
    /// JSON.
    pub payload: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The hub says no.
    Refused(Refusal),
    /// The device has not come.
    NotOnline {
        /// What the service says then.
        refusal: Refusal,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The device has not answered.
    TimedOut(Refusal),
    /// The hub said something else than was asked for, or has gone.
    Unanswered,
}

impl From<Refusal> for NoAnswer {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Calls a method and waits for the answer.
///
/// # Errors
/// [`NoAnswer`]
pub(super) async fn call(hub: &HubHandle, wanted: Call) -> Result<MethodAnswer, NoAnswer> {
    let (caller, notices) = hub.register_listener().await?;
    let _leaving = Leaving::new(hub, caller);
    carry_out(hub, caller, notices, wanted).await
}

/// Someone who hears notices. When it goes, the hub forgets it and what it called: a client may hang up at any time.
#[derive(Debug)]
pub(super) struct Leaving {
    hub: HubHandle,
    listener: ListenerId,
}

impl Leaving {
    /// For a listener that the driver knows.
    pub(super) fn new(hub: &HubHandle, listener: ListenerId) -> Self {
        let hub = hub.clone();
        Self { hub, listener }
    }

    /// Its number.
    pub(super) fn listener(&self) -> ListenerId {
        self.listener
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let (hub, listener) = (self.hub.clone(), self.listener);
        // Where nothing runs any more, nothing is left to forget it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let cancel = MethodOperation::Cancel { caller: listener };
                let _ = hub.ask(Command::Method(cancel)).await;
                let _ = hub.ask(Command::CloseReader { reader: listener }).await;
            });
        }
    }
}

async fn carry_out(
    hub: &HubHandle,
    caller: ListenerId,
    mut notices: UnboundedReceiver<Notice>,
    wanted: Call,
) -> Result<MethodAnswer, NoAnswer> {
    let operation = MethodOperation::Invoke {
        token: wanted.token,
        caller,
        identity: wanted.identity,
        name: wanted.name,
        payload: wanted.payload,
        waits: !wanted.connect.is_zero(),
    };
    let reply = hub.ask(Command::Method(operation)).await?;
    let Reply::Call { is_delivered, .. } = reply else {
        return Err(NoAnswer::Unanswered);
    };
    let is_delivered = is_delivered || timeout(wanted.connect, notices.recv()).await.is_ok();
    let late = if is_delivered {
        match timeout(wanted.response, answer(&mut notices)).await {
            Ok(answer) => return answer,
            Err(_) => timed_out(),
        }
    } else {
        not_online(wanted.connect)
    };
    let cancel = MethodOperation::Cancel { caller };
    hub.ask(Command::Method(cancel)).await?;
    Err(late)
}

async fn answer(notices: &mut UnboundedReceiver<Notice>) -> Result<MethodAnswer, NoAnswer> {
    while let Some(notice) = notices.recv().await {
        if let Notice::Answered {
            status, payload, ..
        } = notice
        {
            let payload = payload?;
            return Ok(MethodAnswer { status, payload });
        }
    }
    Err(NoAnswer::Unanswered)
}

fn not_online(waited: Duration) -> NoAnswer {
    let refusal = Refusal {
        code: error_code::DEVICE_NOT_ONLINE,
        condition: "amqp:not-found",
        message: "Timed out waiting for device to connect.".to_owned(),
    };
    NoAnswer::NotOnline { refusal, waited }
}

fn timed_out() -> NoAnswer {
    NoAnswer::TimedOut(Refusal {
        code: error_code::GATEWAY_TIMEOUT,
        condition: "com.microsoft:timeout",
        message: "Timed out waiting for the response from device.".to_owned(),
    })
}
