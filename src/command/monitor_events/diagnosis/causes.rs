//! Why nothing comes: decided from facts, likeliest cause first. Pure: who gathers the facts is told elsewhere.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::selection::Source;
use super::passed::Passed;
use crate::client::event_stream::Start;
use crate::model::device::{Identity, Status};
use crate::model::glob::Glob;
use crate::protocol::amqp::filter::Position;
use crate::render::field::Field;

/// The registry and the event hub write their times apart; differences up to this say nothing.
const SLACK: chrono::Duration = chrono::Duration::seconds(5);

/// How far one partition's log goes by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Log {
    /// The partition's id.
    pub id: String,
    /// The newest event's sequence number and time; none where there never was one.
    pub newest: Option<(i64, DateTime<Utc>)>,
    /// How many events there are that should have come and did not.
    pub unread: u64,
}

/// What the identity registry says of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Device {
    /// Whether it may connect.
    pub is_enabled: bool,
    /// When it was heard of last; none for never.
    pub last_activity: Option<DateTime<Utc>>,
    /// `Connected` or `Disconnected`, as far as the hub knows.
    pub connection_state: String,
    /// Since when, where the hub knows.
    pub connection_changed: Option<DateTime<Utc>>,
    /// The ids of its modules, where they were looked at.
    pub modules: Option<Vec<String>>,
}

/// What the identity registry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Registry {
    /// It could not be asked, because of this.
    Closed(String),
    /// The device that was asked for.
    Known(Device),
    /// There is no such device.
    Unknown {
        /// Ids like it, the likest first.
        similar: Vec<String>,
        /// How many devices were listed.
        listed: usize,
    },
    /// All devices, where not one alone was asked for.
    All {
        /// How many were listed.
        listed: usize,
        /// How many of these were asked for.
        matching: usize,
        /// Who of these was heard of last, and when.
        latest: Option<(String, DateTime<Utc>)>,
        /// Where none was asked for: the first ids of those that are there, before all one that other letters keep from
        /// matching.
        others: Vec<String>,
    },
}

/// What is to be shown.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Wanted<'a> {
    /// The device's id, or a pattern of ids.
    pub device: Option<&'a Glob>,
    /// The module's id, or a pattern of ids.
    pub module: Option<&'a Glob>,
    /// From where.
    pub sources: &'a [Source],
    /// The conditions, as they were written.
    pub conditions: &'a [String],
}

impl<'a> Wanted<'a> {
    /// The device, where it is one alone.
    pub(super) fn id(&self) -> Option<&'a str> {
        self.device.and_then(Glob::literal)
    }

    /// The pattern of ids, where it is one.
    pub(super) fn pattern(&self) -> Option<&'a str> {
        let pattern = self.device.filter(|glob| glob.literal().is_none());
        pattern.map(Glob::as_str)
    }

    /// The pattern in small letters, for ids in small letters.
    pub(super) fn in_small_letters(&self) -> Option<Glob> {
        // A range such as [Z-a] has none.
        Glob::new(&self.pattern()?.to_lowercase()).ok()
    }

    /// Whether all that is wanted comes only by a route that is made for it.
    fn needs_a_route(&self) -> bool {
        !self.sources.is_empty() && !self.sources.contains(&Source::Telemetry)
    }
}

/// Everything that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Facts<'a> {
    /// The time.
    pub now: DateTime<Utc>,
    /// How long nothing was shown.
    pub silent_for: Duration,
    /// What is to be shown.
    pub wanted: Wanted<'a>,
    /// What the conditions need and no event had that came to them.
    pub missing: &'a [Field],
    /// The hub or namespace.
    pub host: &'a str,
    /// The consumer group.
    pub consumer_group: &'a str,
    /// The partitions that were asked for; all where there are none.
    pub asked: &'a [String],
    /// Where reading began.
    pub start: &'a Start,
    /// How many partitions are being read, and how many should be.
    pub attached: (usize, usize),
    /// Events that came and were not shown.
    pub passed: &'a Passed,
    /// How far the logs go, or why that could not be told.
    pub logs: &'a Result<Vec<Log>, String>,
    /// What the registry says.
    pub registry: &'a Registry,
}

/// Why nothing comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// Reading begins at a time that has not come yet.
    FutureStart(DateTime<Utc>),
    /// Not all partitions are being read.
    Refused,
    /// The device is called so, in other letters.
    OtherCase(String),
    /// There is no such device, but others by names like it.
    Misspelt(Vec<String>),
    /// The hub has no devices.
    NoDevices,
    /// None of the hub's devices is as the pattern says.
    NoneMatches {
        /// How many were listed.
        listed: usize,
        /// An id that would be in other letters.
        other_case: Option<String>,
        /// Some that are there.
        examples: Vec<String>,
    },
    /// The device has these modules, and none of them was asked for.
    NoModule(Vec<String>),
    /// The hub has devices, and this is none of them.
    WrongHub {
        /// How many were listed.
        listed: usize,
    },
    /// The device may not connect.
    Disabled,
    /// The device's events come, and none passes the filter.
    Filtered,
    /// What was asked for comes only where a route leads it here.
    Unrouted,
    /// Neither the device nor, where none was asked for, any was ever heard of.
    NeverSent,
    /// What was sent last went to another partition than those that were asked for.
    OtherPartition(String),
    /// A device was heard of after the newest event of all partitions.
    Bypassed {
        /// Who, and when.
        device: String,
        /// See above.
        active: DateTime<Utc>,
        /// When the newest event came.
        newest: Option<DateTime<Utc>>,
    },
    /// What there is was sent before the place where reading began.
    BeforeStart {
        /// Whose it is; none where that is not known.
        device: Option<String>,
        /// The partition that it went to.
        partition: Option<String>,
        /// When.
        sent: DateTime<Utc>,
    },
    /// Other devices' events come.
    OthersSend,
    /// Reading has not come to the newest events yet, and nothing so far was asked for.
    Behind,
    /// The event hub has events that do not come.
    Stalled,
    /// There never was an event.
    Empty,
    /// Nothing is known that could be wrong.
    Quiet,
}

/// What may be the cause, the likeliest first; never empty.
pub(super) fn explain(facts: &Facts<'_>) -> Vec<Cause> {
    if let Some(cause) = future_start(facts) {
        return vec![cause];
    }
    let mut causes = Vec::new();
    if facts.attached.0 < facts.attached.1 {
        causes.push(Cause::Refused);
    }
    if let Registry::Known(device) = facts.registry {
        causes.extend(no_module(facts, device));
    }
    if facts.passed.own() > 0 {
        causes.push(Cause::Filtered);
    }
    match facts.registry {
        Registry::Unknown { similar, listed } => {
            causes.push(unknown(
                facts.wanted.id().unwrap_or_default(),
                similar,
                *listed,
            ));
        }
        Registry::Known(device) => causes.extend(of_device(facts, device)),
        // Something does come, then.
        Registry::All { .. } if facts.passed.own() > 0 => {}
        Registry::All { listed: 0, .. } => causes.push(Cause::NoDevices),
        Registry::All {
            listed,
            matching: 0,
            others,
            ..
        } => causes.push(none_matches(facts, *listed, others)),
        Registry::All { latest: None, .. } => causes.push(Cause::NeverSent),
        Registry::All {
            latest: Some((id, active)),
            ..
        } => causes.extend(of_activity(facts, id, *active)),
        Registry::Closed(_) => causes.extend(of_logs(facts)),
    }
    if facts.wanted.needs_a_route() && !causes.contains(&Cause::Unrouted) {
        causes.push(Cause::Unrouted);
    }
    if facts.passed.others > 0 {
        causes.push(Cause::OthersSend);
    }
    if causes.is_empty() {
        causes.push(Cause::Quiet);
    }
    causes
}

fn future_start(facts: &Facts<'_>) -> Option<Cause> {
    let Start::At(Position::EnqueuedTime(ms)) = facts.start else {
        return None;
    };
    // The filter asks for what comes after this millisecond.
    let begin = DateTime::from_timestamp_millis(ms.saturating_add(1))?;
    (begin > facts.now + SLACK).then_some(Cause::FutureStart(begin))
}

/// The newest event of all partitions.
fn newest<'a>(facts: &Facts<'a>) -> Option<(&'a Log, DateTime<Utc>)> {
    let logs = facts.logs.as_deref().unwrap_or_default();
    let times = logs.iter().filter_map(|log| Some((log, log.newest?.1)));
    times.max_by_key(|(_, time)| *time)
}

fn unknown(asked: &str, similar: &[String], listed: usize) -> Cause {
    let same = similar.iter().find(|id| id.eq_ignore_ascii_case(asked));
    match same {
        Some(id) => Cause::OtherCase(id.clone()),
        None if !similar.is_empty() => Cause::Misspelt(similar.to_vec()),
        None if listed == 0 => Cause::NoDevices,
        None => Cause::WrongHub { listed },
    }
}

fn none_matches(facts: &Facts<'_>, listed: usize, others: &[String]) -> Cause {
    let lower = facts.wanted.in_small_letters();
    let is_same = |id: &&String| {
        let lower = lower.as_ref();
        lower.is_some_and(|lower| lower.matches(&id.to_lowercase()))
    };
    Cause::NoneMatches {
        listed,
        other_case: others.iter().find(is_same).cloned(),
        examples: others.to_vec(),
    }
}

fn no_module(facts: &Facts<'_>, device: &Device) -> Option<Cause> {
    let (wanted, modules) = (facts.wanted.module?, device.modules.as_ref()?);
    let is_there = modules.iter().any(|id| wanted.matches(id));
    (!is_there).then(|| Cause::NoModule(modules.clone()))
}

fn of_device(facts: &Facts<'_>, device: &Device) -> Vec<Cause> {
    let mut causes = Vec::new();
    if !device.is_enabled {
        causes.push(Cause::Disabled);
    }
    if facts.passed.own() > 0 {
        return causes;
    }
    match device.last_activity {
        None => causes.push(Cause::NeverSent),
        Some(active) => {
            let id = facts.wanted.id().unwrap_or_default();
            causes.extend(of_activity(facts, id, active));
        }
    }
    causes
}

/// What it means that a device was heard of last at this time.
fn of_activity(facts: &Facts<'_>, device: &str, active: DateTime<Utc>) -> Option<Cause> {
    if facts.wanted.needs_a_route() {
        // What the device sends says nothing of changes to its twin.
        return Some(Cause::Unrouted);
    }
    let logs = facts.logs.as_deref().ok()?;
    let newest = newest(facts);
    let bypassed = || Cause::Bypassed {
        device: device.to_owned(),
        active,
        newest: newest.map(|(_, time)| time),
    };
    if newest.is_none_or(|(_, newest)| active > newest + SLACK) {
        return Some(bypassed());
    }
    // Where its event would be the newest: the partition that got something nearest to that time.
    let candidate = logs
        .iter()
        .filter_map(|log| Some((log, (log.newest?.1 - active).abs())))
        .min_by_key(|(_, distance)| *distance)
        .filter(|(_, distance)| *distance <= SLACK)
        .map(|(log, _)| log);
    if let Some(log) = candidate
        && !facts.asked.is_empty()
        && !facts.asked.contains(&log.id)
    {
        return Some(Cause::OtherPartition(log.id.clone()));
    }
    if logs.iter().any(|log| log.unread > 0) {
        return Some(unread(facts));
    }
    if matches!(facts.start, Start::At(Position::Earliest)) {
        // All that is kept was read, and nothing of it was the device's.
        return Some(bypassed());
    }
    Some(Cause::BeforeStart {
        device: Some(device.to_owned()),
        partition: candidate.map(|log| log.id.clone()),
        sent: active,
    })
}

/// What it means that there are events that were not read.
fn unread(facts: &Facts<'_>) -> Cause {
    if facts.passed.others + facts.passed.own() > 0 {
        Cause::Behind
    } else {
        Cause::Stalled
    }
}

/// What the logs alone tell.
fn of_logs(facts: &Facts<'_>) -> Option<Cause> {
    let logs = facts.logs.as_deref().ok()?;
    let senders = &facts.passed.senders;
    let same = facts.wanted.id().and_then(|asked| {
        let is_same = |id: &&str| id.eq_ignore_ascii_case(asked);
        senders
            .iter()
            .map(|sender| sender.id.as_str())
            .find(is_same)
    });
    if let Some(id) = same {
        return Some(Cause::OtherCase(id.to_owned()));
    }
    let Some((log, sent)) = newest(facts) else {
        return Some(Cause::Empty);
    };
    if !facts.asked.is_empty() && !facts.asked.contains(&log.id) {
        return Some(Cause::OtherPartition(log.id.clone()));
    }
    if logs.iter().any(|log| log.unread > 0) {
        return Some(unread(facts));
    }
    if facts.passed.others > 0 || facts.passed.own() > 0 || facts.wanted.needs_a_route() {
        return None;
    }
    Some(Cause::BeforeStart {
        device: None,
        partition: Some(log.id.clone()),
        sent,
    })
}

impl Device {
    /// What is told of an identity.
    pub(super) fn new(identity: &Identity) -> Self {
        Self {
            is_enabled: identity.status != Status::Disabled,
            last_activity: activity(identity),
            connection_changed: time(&identity.connection_state_updated_time),
            connection_state: identity.connection_state.clone(),
            modules: None,
        }
    }
}

/// When a device was heard of last; the service writes the year 1 for never.
pub(super) fn activity(identity: &Identity) -> Option<DateTime<Utc>> {
    time(&identity.last_activity_time)
}

/// A time as the registry writes it: UTC without an offset.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim_end_matches('Z');
    let time = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    let time = time.ok()?.and_utc();
    (time > DateTime::UNIX_EPOCH).then_some(time)
}

#[cfg(test)]
mod tests;
