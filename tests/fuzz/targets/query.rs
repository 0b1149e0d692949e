//! Queries of any spelling, asked of a document with any members, page by page.
#![no_main]

use hubctl::emulator::query::{Continuation, Query, Search};
use hubctl::model::device::IdentityId;
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|input: (&str, &str, &str)| {
    let (text, json, token) = input;
    let _ = Continuation::parse(token, text);
    let Ok(query) = Query::parse(text) else {
        return;
    };
    let document: Value = serde_json::from_str(json).unwrap_or_default();
    let mut search = Search::new(query, 1, Continuation::beginning(text));
    for device in ["a", "b"] {
        let id = IdentityId {
            device: device.to_owned(),
            module: None,
        };
        search.offer(&id, &document);
    }
    search.end();
    let page = search.into_page();
    assert!(page.rows.len() <= 1);
    if let Some(next) = page.continuation {
        assert_eq!(Continuation::parse(&next.write(), text), Some(next));
    }
});
