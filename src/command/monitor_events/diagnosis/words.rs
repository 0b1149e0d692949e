//! The diagnosis in words: the cause and what mends it, and below that what was looked at.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};

use super::causes::{Cause, Device, Facts, Registry};
use super::filters::{events, filtered, no_module, none_matches, number_of, quoted, unrouted};
use crate::client::https::MOST_LISTED;
use crate::model::span::describe_duration;

/// Further causes that are told.
const MOST_FURTHER: usize = 2;

/// How far back `-s` goes, from the shortest.
const LADDER: [(i64, &str); 6] = [
    (60, "1m"),
    (600, "10m"),
    (3600, "1h"),
    (6 * 3600, "6h"),
    (86_400, "1d"),
    (7 * 86_400, "7d"),
];

/// The whole diagnosis, several lines without the last newline.
pub(super) fn explanation(facts: &Facts<'_>, causes: &[Cause]) -> String {
    let mut text = format!("nothing for {}", describe_duration(facts.silent_for));
    for (index, cause) in causes.iter().take(1 + MOST_FURTHER).enumerate() {
        text.push_str(if index == 0 { ": " } else { "\n  or: " });
        text.push_str(&sentence(facts, cause));
    }
    let (attached, of) = facts.attached;
    let _ = write!(
        text,
        "\n  looked at: partitions attached {attached}/{of} in consumer group {}; {}; {}",
        facts.consumer_group,
        logs(facts),
        registry(facts)
    );
    if causes.first().is_none_or(|cause| !is_certain(cause)) {
        text.push_str(
            "\n  usual as well: a message route that takes telemetry past the built-in endpoint, a string of another hub than \
             the device's, a reader with an epoch that takes the consumer group (-c GROUP reads in another)",
        );
    }
    text
}

/// Whether a cause leaves no room for the usual ones.
fn is_certain(cause: &Cause) -> bool {
    match cause {
        Cause::FutureStart(_)
        | Cause::Refused
        | Cause::OtherCase(_)
        | Cause::Misspelt(_)
        | Cause::NoDevices
        | Cause::NoModule(_)
        | Cause::Disabled
        | Cause::Filtered
        | Cause::Behind
        | Cause::OtherPartition(_)
        | Cause::Bypassed { .. } => true,
        // Beyond those that are listed one may match.
        Cause::NoneMatches { listed, .. } => *listed < MOST_LISTED,
        Cause::Unrouted
        | Cause::WrongHub { .. }
        | Cause::NeverSent
        | Cause::BeforeStart { .. }
        | Cause::OthersSend
        | Cause::Stalled
        | Cause::Empty
        | Cause::Quiet => false,
    }
}

/// One cause, and what mends it.
pub(super) fn sentence(facts: &Facts<'_>, cause: &Cause) -> String {
    let asked = facts.wanted.id().unwrap_or("the devices");
    let host = facts.host;
    let hub = host.split('.').next().unwrap_or(host);
    match cause {
        Cause::FutureStart(begin) => format!(
            "reading begins at {}, which is still to come. Leave the start out, or give one in the past: -s 10m",
            stamp(*begin)
        ),
        Cause::Refused => format!(
            "only {} of {} partitions are being read, the reason stands above. Where others have the consumer group, take \
             one of your own: -c GROUP",
            facts.attached.0, facts.attached.1
        ),
        Cause::OtherCase(id) => format!(
            "there is no device {asked:?}, but {id:?}: the case of letters counts. Try: hubctl monitor-events {id}"
        ),
        Cause::Misspelt(ids) => format!(
            "there is no device {asked:?} in the hub {host}. Is {} meant? Try: hubctl monitor-events {}",
            quoted(ids),
            ids.first().map_or("", String::as_str)
        ),
        Cause::NoDevices => format!(
            "the hub {host} has no devices at all, so it may be the wrong one: -l takes another hub's string. To make one: \
             az iot hub device-identity create --hub-name {hub} --device-id {}",
            facts.wanted.id().unwrap_or("ID")
        ),
        Cause::NoneMatches {
            listed,
            other_case,
            examples,
        } => none_matches(facts, *listed, other_case.as_deref(), examples),
        Cause::NoModule(modules) => no_module(facts, modules),
        Cause::WrongHub { listed } => format!(
            "the hub {host} has no device {asked:?}, but {}. It may be the wrong hub: -l takes another hub's string",
            others(*listed)
        ),
        Cause::Disabled => format!(
            "the device {asked} is disabled and may not send. Try: az iot hub device-identity update --hub-name {hub} \
             --device-id {asked} --set status=enabled"
        ),
        Cause::Filtered => filtered(facts),
        Cause::Unrouted => unrouted(facts),
        Cause::NeverSent => never_sent(facts),
        Cause::OtherPartition(id) => format!(
            "what was sent last went to partition {id}, and --partition asks for {}. Leave --partition out, or give \
             --partition {id}",
            facts.asked.join(", ")
        ),
        Cause::Bypassed {
            device,
            active,
            newest,
        } => bypassed(facts, device, *active, *newest),
        Cause::BeforeStart {
            device,
            partition,
            sent,
        } => before_start(facts, device.as_deref(), partition.as_deref(), *sent),
        Cause::OthersSend => others_send(facts),
        Cause::Behind => format!(
            "{} are still to be read through, and none so far is what was asked for. Wait, or begin later: -s TIME",
            events(unread(facts))
        ),
        Cause::Stalled => format!(
            "the event hub has {} that did not come. Stop and start again; if it stays so, run with --trace",
            events(unread(facts))
        ),
        Cause::Empty => format!(
            "{host} never had an event. Either nothing was sent yet (hubctl send DEVICE hello), or a message route takes it \
             elsewhere"
        ),
        Cause::Quiet => {
            "nothing was sent meanwhile, as far as can be seen. Try: hubctl send DEVICE hello"
                .to_owned()
        }
    }
}

fn unread(facts: &Facts<'_>) -> u64 {
    facts.logs.iter().flatten().map(|log| log.unread).sum()
}

fn never_sent(facts: &Facts<'_>) -> String {
    match (facts.wanted.id(), facts.wanted.pattern()) {
        (Some(id), _) => {
            format!("the device {id} was never heard of. Try: hubctl send {id} hello")
        }
        (None, Some(pattern)) => format!(
            "no device that matches {pattern:?} was ever heard of. Try: hubctl send DEVICE hello"
        ),
        (None, None) => {
            "no device of this hub was ever heard of. Try: hubctl send DEVICE hello".to_owned()
        }
    }
}

fn bypassed(
    facts: &Facts<'_>,
    device: &str,
    active: DateTime<Utc>,
    newest: Option<DateTime<Utc>>,
) -> String {
    let host = facts.host;
    let hub = host.split('.').next().unwrap_or(host);
    let newest = match newest {
        Some(newest) => format!("the newest event is from {}", ago(facts.now, newest)),
        None => "no event ever came".to_owned(),
    };
    format!(
        "{device} was heard of {}, but {newest}: a message route of the hub seems to take telemetry past the built-in \
         endpoint (or the device only connected). A route back: az iot hub message-route create --hub-name {hub} \
         --route-name builtin --endpoint-name events --source-type DeviceMessages",
        ago(facts.now, active)
    )
}

fn before_start(
    facts: &Facts<'_>,
    device: Option<&str>,
    partition: Option<&str>,
    sent: DateTime<Utc>,
) -> String {
    let whose = match (device, partition) {
        (Some(device), Some(partition)) => format!("{device} (partition {partition})"),
        (Some(device), None) => device.to_owned(),
        (None, Some(partition)) => format!("partition {partition}"),
        (None, None) => "the hub".to_owned(),
    };
    let age = (facts.now - sent).num_seconds();
    // With room for what the clocks differ by.
    let back = LADDER.iter().find(|(reach, _)| age + age / 10 < *reach);
    let begin = back.map_or("--from earliest".to_owned(), |(_, span)| {
        format!("-s {span}")
    });
    format!(
        "the newest event of {whose} is from {}, before the place where reading began. To see it: {begin}",
        ago(facts.now, sent)
    )
}

fn others_send(facts: &Facts<'_>) -> String {
    let passed = facts.passed;
    let ids: Vec<String> = passed
        .senders
        .iter()
        .map(|sender| sender.id.clone())
        .collect();
    let verb = if passed.others == 1 { "has" } else { "have" };
    let count = events(passed.others);
    let ids = quoted(&ids);
    match facts.wanted.pattern() {
        Some(pattern) => format!(
            "{count} of other devices {verb} passed by and did not match {pattern:?}, the last of {ids}. Without DEVICE all are \
             shown: hubctl monitor-events"
        ),
        None => format!(
            "{count} of other devices {verb} passed by, the last of {ids}. Without DEVICE all are shown: hubctl monitor-events"
        ),
    }
}

/// The newest event of each partition.
fn logs(facts: &Facts<'_>) -> String {
    let logs = match facts.logs {
        Ok(logs) => logs,
        Err(reason) => return format!("the event hub did not tell of its partitions ({reason})"),
    };
    let mut newest: Vec<_> = logs
        .iter()
        .filter_map(|log| log.newest.map(|(number, time)| (time, number, &log.id)))
        .collect();
    newest.sort_unstable();
    let mut parts: Vec<String> = newest
        .iter()
        .rev()
        .take(4)
        .map(|(time, number, id)| {
            format!("partition {id} {} (number {number})", ago(facts.now, *time))
        })
        .collect();
    match (newest.len().saturating_sub(4), logs.len() - newest.len()) {
        (0, 0) => {}
        (0, empty) if parts.is_empty() => parts.push(format!("none in {empty} partitions")),
        (0, empty) => parts.push(format!("{empty} without any")),
        (older, _) => parts.push(format!("{older} older")),
    }
    format!("newest events: {}", parts.join(", "))
}

fn registry(facts: &Facts<'_>) -> String {
    match (facts.registry, facts.wanted.id()) {
        (Registry::Closed(reason), _) => format!("not looked at: the device registry ({reason})"),
        (Registry::Known(device), id) => known(facts.now, id.unwrap_or_default(), device),
        (Registry::Unknown { listed, .. }, _) => {
            format!("no such device among {}", number_of(*listed))
        }
        (
            Registry::All {
                listed,
                matching,
                latest,
                ..
            },
            _,
        ) => {
            let mut text = number_of(*listed);
            if facts.wanted.pattern().is_some() {
                let _ = write!(text, " of which {matching} match");
            }
            match latest {
                Some((id, time)) => {
                    let _ = write!(text, ", {id} heard of {}", ago(facts.now, *time));
                }
                None if *matching > 0 => text.push_str(", none ever heard of"),
                None => {}
            }
            text
        }
    }
}

fn known(now: DateTime<Utc>, id: &str, device: &Device) -> String {
    let status = if device.is_enabled {
        "enabled"
    } else {
        "disabled"
    };
    let mut text = format!(
        "device {id}: {status}, {}",
        device.connection_state.to_lowercase()
    );
    if let Some(since) = device.connection_changed {
        let _ = write!(text, " since {}", stamp(since));
    }
    match device.last_activity {
        Some(time) => {
            let _ = write!(text, ", heard of {}", ago(now, time));
        }
        None => text.push_str(", never heard of"),
    }
    text
}

fn others(listed: usize) -> String {
    match listed {
        1 => "one other".to_owned(),
        MOST_LISTED.. => format!("{listed} others or more"),
        _ => format!("{listed} others"),
    }
}

fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// How long ago that was; the clocks may differ by a little.
fn ago(now: DateTime<Utc>, time: DateTime<Utc>) -> String {
    let age = (now - time).to_std().unwrap_or_default();
    format!("{} ago", describe_duration(age))
}
