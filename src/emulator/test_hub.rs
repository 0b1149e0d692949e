//! The hub that the tests drive, as far as they have it alike.

use super::hub::options::{
    DEFAULT_RETENTION, DEFAULT_RETENTION_BYTES, HubOptions, Policy, Right, STANDARD_POLICIES,
};
use crate::model::secret::Secret;

/// The key of all its policies.
pub(super) const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A hub on localhost with the standard policies and so many partitions.
pub(super) fn options(partitions: usize) -> HubOptions {
    let policy = |(name, rights): (&str, &[Right])| Policy {
        name: name.to_owned(),
        key: Secret::new(KEY),
        rights: rights.to_vec(),
    };
    HubOptions {
        name: "localhost".to_owned(),
        hosts: vec!["localhost".to_owned()],
        entity: "eh".to_owned(),
        policies: STANDARD_POLICIES.into_iter().map(policy).collect(),
        partitions,
        consumer_groups: Vec::new(),
        routes: Vec::new(),
        enrichments: Vec::new(),
        retention_bytes: DEFAULT_RETENTION_BYTES,
        retention: DEFAULT_RETENTION,
        secret: Secret::new("secret"),
        token_shortening: chrono::TimeDelta::zero(),
        has_storage: true,
        daily_quota: None,
    }
}
