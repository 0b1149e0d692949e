//! How jobs stand in the store: a row for the job, and one for its work with each device, so that a job with many devices
//! is not written anew for each of them.

use std::collections::BTreeMap;

use super::row;
use crate::emulator::hub::record::{JobFacts, JobRow, KeptJob};
use crate::model::device::IdentityId;

/// The beginnings of their keys in `hub`.
pub(super) const JOB: &str = "job/";
pub(super) const WORK: &str = "work/";

/// What stands between a job's id and a device's; in neither of them.
const BETWEEN: char = '\0';

pub(super) fn key(id: &str) -> String {
    format!("{JOB}{id}")
}

pub(super) fn row_key(id: &str, identity: &IdentityId) -> String {
    format!("{WORK}{id}{BETWEEN}{identity}")
}

pub(super) fn parse(key: &[u8], row: &[u8]) -> Option<JobFacts> {
    let id = str::from_utf8(key).ok()?.strip_prefix(JOB)?;
    let facts: JobFacts = serde_json::from_slice(row).ok()?;
    (facts.id == id).then_some(facts)
}

/// A row of a job's, with the job's id.
pub(super) fn parse_row(key: &[u8], row: &[u8]) -> Option<(String, (IdentityId, JobRow))> {
    let key = str::from_utf8(key).ok()?.strip_prefix(WORK)?;
    let (id, identity) = key.split_once(BETWEEN)?;
    let row = serde_json::from_slice(row).ok()?;
    Some((id.to_owned(), (row::identity_of(identity), row)))
}

/// Brings jobs and their rows together.
pub(super) fn together(
    jobs: Vec<JobFacts>,
    rows: Vec<(String, (IdentityId, JobRow))>,
) -> Vec<KeptJob> {
    let mut of_job: BTreeMap<String, Vec<(IdentityId, JobRow)>> = BTreeMap::new();
    for (id, row) in rows {
        of_job.entry(id).or_default().push(row);
    }
    let with_rows = |facts: JobFacts| KeptJob {
        rows: of_job.remove(&facts.id).unwrap_or_default(),
        facts,
    };
    jobs.into_iter().map(with_rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn strange_rows_are_no_rows(key: Vec<u8>, row: Vec<u8>) {
            let _ = (parse(&key, &row), parse_row(&key, &row));
        }

        #[test]
        fn keys_are_taken_apart_as_they_were_made(
            id in "[!-~]{1,128}",
            device in "[A-Za-z0-9.:_%#*?!(),=@$'-]{1,128}",
            module in prop::option::of("[A-Za-z0-9_-]{1,20}"),
        ) {
            let identity = IdentityId { device, module };
            let now = chrono::DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
            let row = JobRow::pending(now);
            let bytes = serde_json::to_vec(&row).unwrap();
            let back = parse_row(row_key(&id, &identity).as_bytes(), &bytes);
            prop_assert_eq!(back, Some((id, (identity, row))));
        }
    }
}
