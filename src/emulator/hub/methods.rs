//! Direct methods: calls that wait for a device, and for its answer.
//!
//! Source: learn.microsoft.com, "Understand and invoke direct methods from IoT Hub".

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use super::command::{CallId, Door, Feed, ListenerId, MethodOperation, Notice, Refusal, Reply};
use super::{Hub, Outcome, refusal};
use crate::model::device::IdentityId;

/// The most bytes of JSON in a call, and in its answer.
const MAX_PAYLOAD: usize = 128 * 1024;

/// The most calls at a time, for the sake of memory alone: the service's own limit is not in evidence.
const MAX_CALLS: usize = 1000;

/// Calls that nobody has answered.
#[derive(Debug, Default)]
pub(super) struct Methods {
    calls: BTreeMap<CallId, Call>,
    next: u64,
}

/// Who hears what becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Listener(ListenerId),
    /// One of the hub's own jobs.
    Job,
}

impl Methods {
    /// Nobody waits for these any more.
    pub(super) fn forget(&mut self, calls: &[CallId]) {
        for call in calls {
            self.calls.remove(call);
        }
    }
}

#[derive(Debug)]
struct Call {
    caller: Caller,
    identity: IdentityId,
    /// The method and its payload, until the device has them.
    waiting: Option<(String, String)>,
}

impl Hub {
    /// Carries out what is asked of methods.
    pub(super) fn work_on_method(
        &mut self,
        now: DateTime<Utc>,
        operation: MethodOperation,
    ) -> Outcome {
        match operation {
            MethodOperation::Invoke {
                token,
                caller,
                identity,
                name,
                payload,
                waits,
            } => {
                self.open(now, token.as_deref(), &Door::methods(&identity))?;
                let (device, module) = (identity.device.as_str(), identity.module.as_deref());
                let found = self.registry.find(device, module);
                found.ok_or_else(|| self.registry.not_found(device, module))?;
                check(&name, &payload)?;
                let caller = Caller::Listener(caller);
                let (call, notices) = self.invoke_for(caller, identity, (name, payload), waits)?;
                let held = self.methods.calls.get(&call);
                let is_delivered = held.is_some_and(|held| held.waiting.is_none());
                Ok((Reply::Call { call, is_delivered }, notices))
            }
            MethodOperation::Respond {
                session,
                call,
                status,
                payload,
            } => {
                let identity = self.session_identity(session)?;
                let notice = self.answer(now, &identity, call, (status, &payload));
                Ok((Reply::Done, notice.into_iter().collect()))
            }
            MethodOperation::Cancel { caller } => {
                self.methods
                    .calls
                    .retain(|_, held| held.caller != Caller::Listener(caller));
                Ok((Reply::Done, Vec::new()))
            }
        }
    }

    /// Calls a method of an identity that is there.
    pub(super) fn invoke_for(
        &mut self,
        caller: Caller,
        identity: IdentityId,
        (name, payload): (String, String),
        waits: bool,
    ) -> Result<(CallId, Vec<(ListenerId, Notice)>), Refusal> {
        let session = self.sessions.listener(&identity, Feed::Methods);
        if session.is_none() && !waits {
            return Err(refusal::not_listening());
        }
        if self.methods.calls.len() >= MAX_CALLS {
            return Err(refusal::too_many_calls(MAX_CALLS));
        }
        let call = CallId(self.methods.next);
        self.methods.next += 1;
        let (waiting, notices) = match session {
            None => (Some((name, payload)), Vec::new()),
            Some(session) => {
                let notice = Notice::Call {
                    call,
                    name,
                    payload,
                };
                (None, vec![(session, notice)])
            }
        };
        let held = Call {
            caller,
            identity,
            waiting,
        };
        self.methods.calls.insert(call, held);
        Ok((call, notices))
    }

    /// A session wants to be told of something, or no longer. Calls that wait for it are delivered.
    pub(super) fn listen(&mut self, id: ListenerId, feed: Feed, on: bool) -> Outcome {
        let session = self.sessions.listen(id, feed, on);
        let identity = &session.ok_or_else(refusal::no_session)?.identity;
        let mut notices = Vec::new();
        if on && feed == Feed::Methods {
            let calls = self.methods.calls.iter_mut();
            for (call, held) in calls.filter(|(_, held)| held.identity == *identity) {
                if let Some((name, payload)) = held.waiting.take() {
                    let call = *call;
                    let notice = Notice::Call {
                        call,
                        name,
                        payload,
                    };
                    notices.push((id, notice));
                    if let Caller::Listener(caller) = held.caller {
                        notices.push((caller, Notice::Delivered(call)));
                    }
                }
            }
        }
        Ok((Reply::Done, notices))
    }

    /// Who called hears it, if somebody did, and still waits.
    fn answer(
        &mut self,
        now: DateTime<Utc>,
        identity: &IdentityId,
        call: CallId,
        (status, payload): (Result<i32, &'static str>, &Bytes),
    ) -> Option<(ListenerId, Notice)> {
        let held = self.methods.calls.get(&call)?;
        if held.identity != *identity || held.waiting.is_some() {
            return None;
        }
        let caller = held.caller;
        self.methods.calls.remove(&call);
        let (status, payload) = match status {
            Ok(status) => (status, passed_on(payload)),
            Err(why) => (0, Err(refusal::bad_answer(why))),
        };
        let Caller::Listener(caller) = caller else {
            self.job_answered(now, call, status, payload);
            return None;
        };
        let notice = Notice::Answered {
            call,
            status,
            payload,
        };
        Some((caller, notice))
    }

    /// Whose session it is.
    pub(super) fn session_identity(&self, session: ListenerId) -> Result<IdentityId, Refusal> {
        let session = self.sessions.find(session);
        Ok(session.ok_or_else(refusal::no_session)?.identity.clone())
    }
}

pub(super) fn check(name: &str, payload: &str) -> Result<(), Refusal> {
    const EXCLUDED: &str = "$()<>@,;:\\\"/[]?={}";
    let is_good = |c: char| c.is_ascii_graphic() && !EXCLUDED.contains(c);
    if name.is_empty() || !name.chars().all(is_good) {
        return Err(refusal::argument_invalid(format!(
            "A method's name has printable ASCII characters without space and {EXCLUDED}"
        )));
    }
    if payload.len() > MAX_PAYLOAD {
        return Err(refusal::message_too_large(payload.len(), MAX_PAYLOAD));
    }
    Ok(())
}

/// What the caller gets of a device's answer. One that says nothing says null.
fn passed_on(payload: &Bytes) -> Result<String, Refusal> {
    if payload.len() > MAX_PAYLOAD {
        let why = format!(
            "has {} bytes, and the limit is {MAX_PAYLOAD}",
            payload.len()
        );
        return Err(refusal::bad_answer(why));
    }
    if payload.trim_ascii().is_empty() {
        return Ok("null".to_owned());
    }
    let json: Result<&RawValue, _> = serde_json::from_slice(payload);
    let json = json.map_err(|_| refusal::bad_answer("is not JSON"))?;
    Ok(json.get().to_owned())
}
