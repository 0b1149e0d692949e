//! The file of `--resume`: what stands in it, and what it belongs to. Pure: who reads and writes it is told elsewhere.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::super::ledger::after;
use crate::client::event_stream::{Access, Resume};
use crate::protocol::amqp::filter::Position;

/// The form that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Where to go on in one partition: after a sequence number, or else by what was known of the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Place {
    /// The last event's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<i64>,
    /// When that was enqueued; without a number, what comes after this time is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enqueued_time: Option<String>,
    /// Without both, what comes at this offset is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
}

/// What the file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Positions {
    version: u32,
    /// The hub whose string opened it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<String>,
    /// The Event Hubs namespace.
    pub namespace: String,
    /// The event hub in it.
    pub event_hub: String,
    /// When that was made.
    pub created_at: String,
    /// The consumer group.
    pub consumer_group: String,
    /// By the partitions' ids.
    pub partitions: BTreeMap<String, Place>,
}

/// Why a file cannot be gone on from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum PositionsError {
    /// It is something else.
    #[error("it holds no positions: {problem}")]
    Damaged {
        /// What is wrong, and where.
        problem: String,
    },
    /// It was written by another version.
    #[error("its version is {found}, and this reads {VERSION}")]
    Version {
        /// What stands there.
        found: u64,
    },
    /// It belongs to something else.
    #[error("it belongs to {theirs}, and this reads {ours}")]
    Another {
        /// What it belongs to.
        theirs: String,
        /// What is to be read.
        ours: String,
    },
}

impl Positions {
    /// Positions in nothing yet.
    pub(super) fn new(access: &Access, consumer_group: &str) -> Self {
        let (hub, namespace, event_hub) = match access {
            Access::Hub { host, .. } => (Some(host.clone()), String::new(), String::new()),
            Access::EventHub { host, entity, .. } => (None, host.clone(), entity.clone()),
        };
        Self {
            version: VERSION,
            hub,
            namespace,
            event_hub,
            created_at: String::new(),
            consumer_group: consumer_group.to_owned(),
            partitions: BTreeMap::new(),
        }
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`PositionsError::Damaged`] and [`PositionsError::Version`].
    pub(super) fn parse(text: &str) -> Result<Self, PositionsError> {
        let damaged = |error: &serde_json::Error| PositionsError::Damaged {
            problem: error.to_string(),
        };
        // The version first: another version's file may look otherwise.
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| damaged(&error))?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(found) => return Err(PositionsError::Version { found }),
            None => {
                let problem = "it has no version".to_owned();
                return Err(PositionsError::Damaged { problem });
            }
        }
        let positions: Self = serde_json::from_value(value).map_err(|error| damaged(&error))?;
        positions.created_at_ms().ok_or(PositionsError::Damaged {
            problem: "its createdAt is no time".to_owned(),
        })?;
        for (id, place) in &positions.partitions {
            place.position().ok_or_else(|| PositionsError::Damaged {
                problem: format!("partition {id} has no position"),
            })?;
        }
        Ok(positions)
    }

    /// The file's text.
    pub(super) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Whether it belongs to what `access` leads to, as far as that can be told ahead: a hub that was made anew has another
    /// event hub by the same host.
    ///
    /// # Errors
    /// [`PositionsError::Another`] names both.
    pub(super) fn check(
        &self,
        access: &Access,
        consumer_group: &str,
    ) -> Result<(), PositionsError> {
        let is_same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
        let fits = match (access, &self.hub) {
            (Access::Hub { host, .. }, Some(hub)) => is_same(host, hub),
            // Known once the hub has said where its event hub is.
            (Access::Hub { .. }, None) => true,
            (Access::EventHub { host, entity, .. }, _) => {
                is_same(host, &self.namespace) && is_same(entity, &self.event_hub)
            }
        };
        if fits && is_same(&self.consumer_group, consumer_group) {
            return Ok(());
        }
        let ours = match access {
            Access::Hub { host, .. } => format!("the hub {host}"),
            Access::EventHub { host, entity, .. } => format!("the event hub {entity} at {host}"),
        };
        let theirs = match (&self.hub, access) {
            (Some(hub), Access::Hub { .. }) => format!("the hub {hub}"),
            (_, _) => format!("the event hub {} at {}", self.event_hub, self.namespace),
        };
        Err(PositionsError::Another {
            theirs: format!("{theirs}, consumer group {}", self.consumer_group),
            ours: format!("{ours}, consumer group {consumer_group}"),
        })
    }

    /// Where a partition goes on of which nothing was read. When the event before was enqueued is known where it stands
    /// here already.
    pub(super) fn begun(&self, partition: &str, begin: &Position) -> Place {
        let place = Place::of(begin);
        let known = self.partitions.get(partition);
        known
            .filter(|known| {
                place.sequence_number.is_some() && known.sequence_number == place.sequence_number
            })
            .cloned()
            .unwrap_or(place)
    }

    /// What a stream goes on from.
    pub(super) fn resume(&self) -> Resume {
        let place = |(id, place): (&String, &Place)| Some((id.clone(), place.position()?));
        Resume {
            created_at_ms: self.created_at_ms().unwrap_or_default(),
            entity: self.event_hub.clone(),
            positions: self.partitions.iter().filter_map(place).collect(),
        }
    }

    fn created_at_ms(&self) -> Option<i64> {
        milliseconds(&self.created_at)
    }
}

impl Place {
    /// The place after an event.
    pub(super) fn after(number: i64, enqueued_ms: i64) -> Self {
        Self {
            sequence_number: Some(number),
            enqueued_time: Some(stamp(enqueued_ms)),
            offset: None,
        }
    }

    /// A position, as it is kept.
    pub(super) fn of(position: &Position) -> Self {
        match position {
            Position::SequenceNumber { number, inclusive } => Self {
                sequence_number: Some(number.saturating_sub(i64::from(*inclusive))),
                ..Self::default()
            },
            Position::EnqueuedTime(ms) => Self {
                enqueued_time: Some(stamp(*ms)),
                ..Self::default()
            },
            Position::Offset { offset, .. } => Self {
                offset: Some(offset.clone()),
                ..Self::default()
            },
            // Whoever keeps places has numbers for these.
            Position::Earliest | Position::Latest => Self {
                sequence_number: Some(-1),
                ..Self::default()
            },
        }
    }

    fn position(&self) -> Option<Position> {
        match (self.sequence_number, &self.enqueued_time, &self.offset) {
            (Some(number), _, _) => Some(after(number)),
            (None, Some(time), _) => Some(Position::EnqueuedTime(milliseconds(time)?)),
            (None, None, Some(offset)) => Some(Position::Offset {
                offset: offset.clone(),
                inclusive: true,
            }),
            (None, None, None) => None,
        }
    }
}

/// A time as the file has it.
pub(super) fn stamp(ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(ms)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn milliseconds(text: &str) -> Option<i64> {
    Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::connection_string::EventHubCredential;
    use crate::model::secret::Secret;

    fn hub(host: &str) -> Access {
        Access::Hub {
            host: host.to_owned(),
            port: 1,
            policy: "p".to_owned(),
            key: Secret::new("k"),
        }
    }

    fn event_hub(host: &str, entity: &str) -> Access {
        Access::EventHub {
            host: host.to_owned(),
            port: 1,
            entity: entity.to_owned(),
            credential: EventHubCredential::Token(Secret::new("t")),
            encrypted: true,
        }
    }

    fn positions() -> Positions {
        let mut positions = Positions::new(&hub("h.net"), "$Default");
        positions.namespace = "ns".to_owned();
        positions.event_hub = "eh".to_owned();
        positions.created_at = stamp(1_700_000_000_000);
        let places = [
            ("0", Place::after(7, 1_700_000_000_001)),
            ("1", Place::of(&Position::EnqueuedTime(5))),
            (
                "2",
                Place::of(&Position::Offset {
                    offset: "88".to_owned(),
                    inclusive: true,
                }),
            ),
            ("3", Place::of(&after(-1))),
        ];
        let places = places.map(|(id, place)| (id.to_owned(), place));
        positions.partitions = places.into();
        positions
    }

    #[test]
    fn what_is_written_is_read() {
        let text = positions().text();
        let read = Positions::parse(&text).unwrap();
        assert_eq!(read, positions());
        let resume = read.resume();
        assert_eq!(resume.created_at_ms, 1_700_000_000_000);
        assert_eq!(resume.entity, "eh");
        let expected = [
            ("0", after(7)),
            ("1", Position::EnqueuedTime(5)),
            (
                "2",
                Position::Offset {
                    offset: "88".to_owned(),
                    inclusive: true,
                },
            ),
            ("3", after(-1)),
        ];
        let expected = expected.map(|(id, position)| (id.to_owned(), position));
        assert_eq!(resume.positions, expected.into());
    }

    #[test]
    fn what_is_no_file_of_ours_is_told() {
        let good = positions().text();
        let newer = good.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(
            Positions::parse(&newer),
            Err(PositionsError::Version { found: 2 })
        );
        for bad in [
            "",
            "null",
            "{}",
            "[1]",
            &good[..good.len() / 2],
            &good.replace("2023", "later"),
            &good.replace("\"offset\": \"88\"", ""),
            &good.replace("eventHub", "other"),
            &good.replace("\"sequenceNumber\": 7", "\"sequenceNumber\": \"7\""),
        ] {
            assert!(
                matches!(Positions::parse(bad), Err(PositionsError::Damaged { .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn it_belongs_to_one_hub_and_one_group() {
        let positions = positions();
        for fitting in [hub("H.net"), event_hub("NS", "eh")] {
            assert_eq!(positions.check(&fitting, "$default"), Ok(()));
        }
        for (access, group, named) in [
            (hub("other.net"), "$Default", ["h.net", "other.net"]),
            (hub("h.net"), "mine", ["$Default", "mine"]),
            (event_hub("ns", "other"), "$Default", ["eh", "other"]),
            (event_hub("ns2", "eh"), "$Default", ["ns", "ns2"]),
        ] {
            let error = positions.check(&access, group).unwrap_err().to_string();
            assert!(named.iter().all(|name| error.contains(name)), "{error}");
        }
    }
}
