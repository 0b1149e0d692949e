//! What the filters of the command line have to do with silence, in words.

use std::fmt::Write as _;

use clap::ValueEnum as _;

use super::super::selection::Source;
use super::causes::Facts;
use super::similar::similar_ids;
use crate::client::https::MOST_LISTED;
use crate::model::glob::Glob;
use crate::render::field::Field;

/// How many events which filter leaves out.
pub(super) fn filtered(facts: &Facts<'_>) -> String {
    let (wanted, passed) = (facts.wanted, facts.passed);
    let mut parts = Vec::new();
    if let Some(module) = wanted.module.filter(|_| passed.by_module > 0) {
        let last = match &passed.last_module {
            Some(id) => format!("of its module {id}"),
            None => "of the device itself".to_owned(),
        };
        let count = passed.by_module;
        parts.push(format!(
            "{count} by -m {}, the last {last}",
            module.as_str()
        ));
    }
    if passed.by_source > 0 {
        let last = passed.last_source.as_deref().unwrap_or("Telemetry");
        parts.push(format!(
            "{} by --source {}, the last from {last}",
            passed.by_source,
            sources(wanted.sources)
        ));
    }
    if passed.by_conditions > 0 {
        parts.push(by_conditions(facts));
    }
    let whose = wanted.id().map_or(String::new(), |id| format!(" of {id}"));
    let own = passed.own();
    let verb = if own == 1 { "was" } else { "were" };
    format!(
        "{}{whose} {verb} read and not shown: {}. Leave that out to see them",
        events(own),
        parts.join("; ")
    )
}

fn by_conditions(facts: &Facts<'_>) -> String {
    let conditions: Vec<String> = facts
        .wanted
        .conditions
        .iter()
        .map(|condition| format!("--where {condition:?}"))
        .collect();
    let mut text = format!("{} by {}", facts.passed.by_conditions, conditions.join(" "));
    if !facts.missing.is_empty() {
        let missing: Vec<String> = facts.missing.iter().map(Field::to_string).collect();
        let _ = write!(text, ", and none of them has {}", missing.join(" or "));
    }
    text
}

/// As `--source` takes them.
fn sources(sources: &[Source]) -> String {
    let names: Vec<String> = sources
        .iter()
        .filter_map(|source| Some(source.to_possible_value()?.get_name().to_owned()))
        .collect();
    names.join(",")
}

pub(super) fn none_matches(
    facts: &Facts<'_>,
    listed: usize,
    other_case: Option<&str>,
    examples: &[String],
) -> String {
    let pattern = facts.wanted.pattern().unwrap_or_default();
    if let Some(id) = other_case {
        return format!(
            "no device matches {pattern:?}, but {id:?} would in other letters: the case of letters counts. Try: hubctl \
             monitor-events {id}"
        );
    }
    format!(
        "none of {} in the hub {} matches {pattern:?}; there are {}{}. Try a pattern that takes one, or \
         another hub: -l takes its string",
        number_of(listed),
        facts.host,
        quoted(examples),
        if listed > examples.len() {
            " and others"
        } else {
            ""
        }
    )
}

pub(super) fn no_module(facts: &Facts<'_>, modules: &[String]) -> String {
    let asked = facts.wanted.module.map_or("", Glob::as_str);
    let id = facts.wanted.id().unwrap_or_default();
    let Some(first) = modules.first() else {
        return format!(
            "the device {id} has no modules, so none is {asked:?}. Leave -m out to see what the device sends"
        );
    };
    let similar = similar_ids(asked, modules.iter().map(String::as_str));
    format!(
        "the device {id} has no module {asked:?}, but {}. Try: -m {}",
        quoted(modules),
        similar.first().unwrap_or(first)
    )
}

/// Twin changes and the like come by routes alone ("IoT Hub message routing query syntax": data sources).
pub(super) fn unrouted(facts: &Facts<'_>) -> String {
    let hub = facts.host.split('.').next().unwrap_or(facts.host);
    let names = sources(facts.wanted.sources);
    let data = match facts.wanted.sources.first() {
        Some(Source::Lifecycle) => "DeviceLifecycleEvents",
        Some(Source::Connection) => "DeviceConnectionStateEvents",
        Some(Source::Twin | Source::Telemetry) | None => "TwinChangeEvents",
    };
    format!(
        "messages of --source {names} come only where a message route takes them to the built-in endpoint. To make one: az \
         iot hub message-route create --hub-name {hub} --route-name {data} --endpoint-name events --source-type {data}"
    )
}

/// So many devices of the registry.
pub(super) fn number_of(listed: usize) -> String {
    match listed {
        1 => "1 device".to_owned(),
        MOST_LISTED.. => format!("the first {listed} devices"),
        _ => format!("{listed} devices"),
    }
}

/// So many events.
pub(super) fn events(count: u64) -> String {
    let noun = if count == 1 { "event" } else { "events" };
    format!("{count} {noun}")
}

/// Ids in quotes.
pub(super) fn quoted(ids: &[String]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("{id:?}")).collect();
    ids.join(", ")
}
