//! What `emulator`'s REST interface has alike for all that is asked of it, over real TLS.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::Emulator;
use crate::support::rest::Owner;

#[tokio::test]
async fn what_is_to_match_an_etag_needs_one() {
    let hub = Emulator::start(&[]);
    let owner = Owner::of(&hub);
    let read = |path: &'static str| owner.read(path);
    let (device, twin) = (read("/devices/device1").await, read("/twins/device1").await);
    for mode in [
        "deleteIfMatchETag",
        "updateIfMatchETag",
        "createOrUpdateIfMatchETag",
        "updateTwinIfMatchETag",
    ] {
        let change = json!([{ "id": "device1", "importMode": mode, "tags": { "a": 1 }, "status": "disabled" }]);
        let (status, _, answer) = owner.ask(Method::POST, "/devices", None, &change).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{mode}");
        let error = &answer["errors"][0];
        assert_eq!(error["errorCode"], "PreconditionFailed", "{mode}");
        assert_eq!(read("/devices/device1").await, device, "{mode}");
        assert_eq!(read("/twins/device1").await, twin, "{mode}");
    }
    // One that is not there yet has none.
    let new = json!([{ "id": "new", "importMode": "createOrUpdateIfMatchETag" }]);
    let (status, _, _) = owner.ask(Method::POST, "/devices", None, &new).await;
    assert_eq!(status, StatusCode::OK);
    let etag = &device["etag"];
    let gone = json!([{ "id": "device1", "importMode": "deleteIfMatchETag", "eTag": etag }]);
    let (status, _, answer) = owner.ask(Method::POST, "/devices", None, &gone).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}
