//! Silence and its explanation: when it is due, who is asked, and what is told.

use std::mem::Discriminant;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::super::ledger::Account;
use super::super::plan::Plan;
use super::causes::{Cause, Facts, Log, Registry, Wanted, explain};
use super::inquiry::{Findings, inquire};
use super::passed::Passed;
use super::vigil::Vigil;
use super::words::{explanation, sentence};
use crate::client::event_stream;
use crate::command::context::Clock;
use crate::config::Settings;
use crate::model::connection_string::ConnectionString;
use crate::protocol::amqp::management::PartitionProperties;
use crate::render::field::Field;

/// For a run that was over before it could read.
const NOT_ATTACHED: &str =
    "It was over before the partitions were attached. Give it longer: --duration 30s.";

/// What is known of the reading without asking anybody.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Seen<'a> {
    /// How many partitions are being read, and how many should be.
    pub attached: (usize, usize),
    /// Events that came and were not shown.
    pub passed: &'a Passed,
    /// What was read of each partition.
    pub accounts: &'a [Account],
    /// What the conditions need and no event had that came to them.
    pub missing: &'a [Field],
    /// How many events were shown.
    pub shown: u64,
}

/// Explains why nothing is shown, where that lasts.
pub(in super::super) struct Silence<'a> {
    vigil: Vigil,
    inquiry: Option<Pin<Box<dyn Future<Output = Findings> + 'a>>>,
    settings: &'a Settings,
    stream: event_stream::Plan,
    wanted: Wanted<'a>,
    clock: Clock,
    /// What was told last.
    told: Vec<Discriminant<Cause>>,
}

impl<'a> Silence<'a> {
    /// Silence from a plan's stream, of which that is `wanted`.
    pub(in super::super) fn new(
        plan: &Plan,
        settings: &'a Settings,
        wanted: Wanted<'a>,
        clock: Clock,
    ) -> Self {
        Self {
            vigil: Vigil::new(plan.explain_after),
            inquiry: None,
            settings,
            stream: plan.stream.clone(),
            wanted,
            clock,
            told: Vec::new(),
        }
    }

    /// Looks at whether it has begun, or is over.
    pub(in super::super) fn watch(&mut self, is_shown: bool, is_attached: bool) {
        if is_shown {
            self.vigil.end();
            self.inquiry = None;
        } else if is_attached {
            self.vigil.attached(Instant::now());
        }
    }

    /// When it is to be explained.
    pub(in super::super) fn due(&self) -> Option<Instant> {
        self.vigil.due()
    }

    /// Begins to look for its reason.
    pub(in super::super) fn inquire(&mut self) {
        self.vigil.begin_inquiry();
        let (stream, settings, wanted) = (self.stream.clone(), self.settings, self.wanted);
        let now = (self.clock)();
        self.inquiry = Some(Box::pin(async move {
            inquire(&stream, settings, wanted, now).await
        }));
    }

    /// Comes with what was found, where it is looked for. May be dropped and asked again.
    pub(in super::super) async fn findings(&mut self) -> Findings {
        match &mut self.inquiry {
            Some(inquiry) => {
                let findings = inquiry.await;
                self.inquiry = None;
                findings
            }
            None => std::future::pending().await,
        }
    }

    /// The reason in words, unless it is the one that was told before.
    pub(in super::super) fn explain(
        &mut self,
        findings: &Findings,
        seen: &Seen<'_>,
    ) -> Option<String> {
        let silent_for = self.vigil.explained(Instant::now());
        let logs = match &findings.logs {
            Ok(found) => Ok(logs_of(found, seen)),
            Err(reason) => Err(reason.clone()),
        };
        let facts = Facts {
            silent_for,
            ..self.facts(seen, &logs, &findings.registry)
        };
        let causes = explain(&facts);
        let kinds: Vec<_> = causes.iter().map(std::mem::discriminant).collect();
        if kinds == self.told {
            return None;
        }
        let text = explanation(&facts, &causes);
        self.told = kinds;
        Some(text)
    }

    /// The likeliest reason in words for fewer events than were asked for, from what is known without asking: the reading
    /// and, where they are at hand and nothing was to be left unread, the `logs`. None where nothing speaks for one.
    pub(in super::super) fn shortfall(
        &self,
        seen: &Seen<'_>,
        logs: Option<&[(String, PartitionProperties)]>,
    ) -> Option<String> {
        if seen.attached.1 == 0 && seen.shown + seen.passed.own() + seen.passed.others == 0 {
            return Some(NOT_ATTACHED.to_owned());
        }
        let unknown = || "not asked".to_owned();
        let registry = Registry::Closed(unknown());
        let logs = logs.map(|logs| logs_of(logs, seen)).ok_or_else(unknown);
        let facts = self.facts(seen, &logs, &registry);
        // The start and the logs are not to blame where something was shown.
        let is_told = |cause: &Cause| match seen.shown {
            0 => *cause != Cause::Quiet,
            _ => matches!(
                cause,
                Cause::Refused | Cause::Filtered | Cause::OthersSend | Cause::Behind
            ),
        };
        let causes = explain(&facts);
        let cause = causes.iter().find(|cause| is_told(cause))?;
        let text = sentence(&facts, cause);
        let mut characters = text.chars();
        let first = characters.next()?.to_uppercase();
        Some(first.chain(characters).collect())
    }

    fn facts<'f>(
        &'f self,
        seen: &Seen<'f>,
        logs: &'f Result<Vec<Log>, String>,
        registry: &'f Registry,
    ) -> Facts<'f> {
        Facts {
            now: (self.clock)(),
            silent_for: Duration::ZERO,
            wanted: self.wanted,
            missing: seen.missing,
            host: match &self.settings.connection_string {
                ConnectionString::Hub(hub) => &hub.host.name,
                ConnectionString::EventHub(event_hub) => &event_hub.endpoint.name,
                ConnectionString::Device(device) => &device.host.name,
            },
            consumer_group: &self.stream.consumer_group,
            asked: &self.stream.partitions,
            start: &self.stream.start,
            attached: seen.attached,
            passed: seen.passed,
            logs,
            registry,
        }
    }
}

fn logs_of(found: &[(String, PartitionProperties)], seen: &Seen<'_>) -> Vec<Log> {
    found
        .iter()
        .map(|found| log(found, seen.accounts))
        .collect()
}

fn log((id, log): &(String, PartitionProperties), accounts: &[Account]) -> Log {
    let number = log.last_enqueued_sequence_number;
    let time = DateTime::<Utc>::from_timestamp_millis(log.last_enqueued_time_ms);
    let due = accounts.iter().find(|account| account.id == *id);
    let unread = due.and_then(Account::due).map_or(0, |due| {
        u64::try_from(number.saturating_sub(due).saturating_add(1)).unwrap_or(0)
    });
    Log {
        id: id.clone(),
        newest: time.filter(|_| number >= 0).map(|time| (number, time)),
        unread,
    }
}
