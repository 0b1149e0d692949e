//! The devices as the page lists them, and what has changed since it was last told.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::driver::HubHandle;
use super::super::hub::command::{Command, Refusal, RegistryOperation, Reply, TwinOperation};
use super::super::query::{Continuation, Query, Search};

/// What is listed of each.
const QUERY: &str = "SELECT deviceId, status, connectionState, lastActivityTime, cloudToDeviceMessageCount, version FROM devices";

/// The most devices that are listed.
const MOST: usize = 1000;

/// What a page knows of the devices.
#[derive(Debug, Default)]
pub(super) struct Devices {
    /// `None` until it has been told for the first time.
    told: Option<Told>,
}

#[derive(Debug, Default, PartialEq)]
struct Told {
    rows: BTreeMap<String, Value>,
    total: usize,
    connected: usize,
}

impl Devices {
    /// What has changed; `None` where nothing has.
    ///
    /// # Errors
    /// The hub's refusal.
    pub(super) async fn refresh(
        &mut self,
        hub: &HubHandle,
        token: &str,
    ) -> Result<Option<Value>, Refusal> {
        let now = look(hub, token).await?;
        let change = difference(self.told.as_ref(), &now);
        self.told = Some(now);
        Ok(change)
    }
}

async fn look(hub: &HubHandle, token: &str) -> Result<Told, Refusal> {
    let mut told = Told::default();
    let operation = RegistryOperation::Statistics;
    let registry = Command::Registry {
        token: Some(token.to_owned()),
        operation,
    };
    if let Reply::Statistics {
        total, connected, ..
    } = hub.ask(registry).await?
    {
        (told.total, told.connected) = (total, connected);
    }
    for row in rows(hub, token).await? {
        if let Some(id) = row.get("deviceId").and_then(Value::as_str) {
            told.rows.insert(id.to_owned(), row);
        }
    }
    Ok(told)
}

async fn rows(hub: &HubHandle, token: &str) -> Result<Vec<Value>, Refusal> {
    let Ok(query) = Query::parse(QUERY) else {
        return Ok(Vec::new());
    };
    let mut search = Box::new(Search::new(query, MOST, Continuation::beginning(QUERY)));
    while !search.is_done() {
        let token = Some(token.to_owned());
        let operation = TwinOperation::Query { token, search };
        let Reply::Search(found) = hub.ask(Command::Twin(operation)).await? else {
            return Ok(Vec::new());
        };
        search = found;
    }
    Ok(search.into_page().rows)
}

fn difference(before: Option<&Told>, now: &Told) -> Option<Value> {
    if before == Some(now) {
        return None;
    }
    let known = before.map(|before| &before.rows);
    let is_new =
        |(id, row): &(&String, &Value)| known.and_then(|known| known.get(*id)) != Some(*row);
    let changed: Vec<&Value> = now.rows.iter().filter(is_new).map(|(_, row)| row).collect();
    let gone: Vec<&String> = known
        .into_iter()
        .flat_map(BTreeMap::keys)
        .filter(|id| !now.rows.contains_key(*id))
        .collect();
    Some(json!({
        "isWhole": before.is_none(),
        "total": now.total,
        "connected": now.connected,
        "changed": changed,
        "gone": gone,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rows: &[(&str, i32)]) -> Told {
        let row =
            |(id, count): &(&str, i32)| ((*id).to_owned(), json!({ "deviceId": id, "n": count }));
        Told {
            rows: rows.iter().map(row).collect(),
            total: rows.len(),
            connected: 0,
        }
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let first = told(&[("a", 1), ("b", 1)]);
        let whole = difference(None, &first).unwrap();
        assert_eq!(whole["isWhole"], true);
        assert_eq!(whole["changed"].as_array().unwrap().len(), 2);
        assert_eq!(difference(Some(&first), &told(&[("a", 1), ("b", 1)])), None);
        let change = difference(Some(&first), &told(&[("b", 2), ("c", 1)])).unwrap();
        let expected = json!({
            "isWhole": false, "total": 2, "connected": 0,
            "changed": [{ "deviceId": "b", "n": 2 }, { "deviceId": "c", "n": 1 }], "gone": ["a"],
        });
        assert_eq!(change, expected);
        let empty = difference(None, &told(&[])).unwrap();
        assert_eq!(empty["total"], 0);
    }
}
