//! Facts to be explained, made up piece by piece from a device that sent before the start.

use super::super::*;
use crate::command::monitor_events::diagnosis::passed::Sender;
use crate::command::monitor_events::diagnosis::words::explanation;

/// The time of every case, in seconds since 1970.
const NOW: i64 = 1_800_000_000;

pub(super) fn seconds_ago(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(NOW - seconds, 0).unwrap()
}

/// Facts that own what they are made of.
pub(super) struct Case {
    pub(super) device: Option<Glob>,
    pub(super) module: Option<Glob>,
    pub(super) sources: Vec<Source>,
    pub(super) conditions: Vec<String>,
    pub(super) missing: Vec<Field>,
    pub(super) asked: Vec<String>,
    pub(super) start: Start,
    pub(super) attached: (usize, usize),
    pub(super) passed: Passed,
    pub(super) logs: Result<Vec<Log>, String>,
    pub(super) registry: Registry,
}

impl Case {
    /// device1 was heard of so long ago, and partition 2 of 4 got its newest event so long ago; reading began just now.
    pub(super) fn new(active: Option<i64>, newest: Option<i64>) -> Self {
        let log = |id: i64| Log {
            id: id.to_string(),
            newest: newest
                .filter(|_| id == 2)
                .map(|seconds| (41, seconds_ago(seconds))),
            unread: 0,
        };
        Self {
            device: Some(Glob::new("device1").unwrap()),
            module: None,
            sources: Vec::new(),
            conditions: Vec::new(),
            missing: Vec::new(),
            asked: Vec::new(),
            start: Start::Now,
            attached: (4, 4),
            passed: Passed::default(),
            logs: Ok((0..4).map(log).collect()),
            registry: Registry::Known(Device {
                is_enabled: true,
                last_activity: active.map(seconds_ago),
                connection_state: "Disconnected".to_owned(),
                connection_changed: active.map(seconds_ago),
                modules: None,
            }),
        }
    }

    pub(super) fn without_registry(mut self) -> Self {
        self.registry = Registry::Closed("it is shut".to_owned());
        self
    }

    pub(super) fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    pub(super) fn unknown(self, similar: &[&str], listed: usize) -> Self {
        let similar = similar.iter().map(|id| (*id).to_owned()).collect();
        self.registry(Registry::Unknown { similar, listed })
    }

    pub(super) fn all(mut self, listed: usize, latest: Option<i64>) -> Self {
        self.device = None;
        let latest = latest.map(|seconds| ("device7".to_owned(), seconds_ago(seconds)));
        self.registry(Registry::All {
            listed,
            matching: listed,
            latest,
            others: Vec::new(),
        })
    }

    pub(super) fn asked(mut self, partition: &str) -> Self {
        self.asked = vec![partition.to_owned()];
        self.attached = (1, 1);
        self
    }

    pub(super) fn others(mut self, ids: &[&str]) -> Self {
        let sender = |id: &&str| Sender {
            id: (*id).to_owned(),
            last_ms: 0,
        };
        self.passed.others = 12;
        self.passed.senders = ids.iter().map(sender).collect();
        self
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            now: seconds_ago(0),
            silent_for: Duration::from_secs(10),
            wanted: Wanted {
                device: self.device.as_ref(),
                module: self.module.as_ref(),
                sources: &self.sources,
                conditions: &self.conditions,
            },
            missing: &self.missing,
            host: "contoso.azure-devices.net",
            consumer_group: "$Default",
            asked: &self.asked,
            start: &self.start,
            attached: self.attached,
            passed: &self.passed,
            logs: &self.logs,
            registry: &self.registry,
        }
    }

    /// The causes and the first line.
    pub(super) fn told(&self) -> (Vec<Cause>, String) {
        let facts = self.facts();
        let causes = explain(&facts);
        let text = explanation(&facts, &causes);
        (causes, text.lines().next().unwrap().to_owned())
    }

    /// Holds the first cause to this, and its line to these words.
    #[track_caller]
    pub(super) fn expect(&self, cause: &Cause, words: &[&str]) {
        let (causes, line) = self.told();
        assert_eq!(causes.first(), Some(cause), "{causes:?}");
        for word in words {
            assert!(line.contains(word), "{word:?} is not in {line:?}");
        }
    }
}
