//! Whatever a client of the REST interface or a browser sends: it is answered, with anything but an internal error, or hung
//! up on.
#![no_main]

mod http;
mod hub;
mod mint;

use std::sync::LazyLock;

/// What may be asked for; but no import or export, which looks for storage on the network.
const ROUTES: [(&str, &str); 54] = [
    ("GET", "/devices"),
    ("POST", "/devices"),
    ("GET", "/devices/d1"),
    ("PUT", "/devices/d1"),
    ("PUT", "/devices/d2"),
    ("DELETE", "/devices/d2"),
    ("GET", "/devices/d1/modules"),
    ("GET", "/devices/d1/modules/m1"),
    ("PUT", "/devices/d1/modules/m1"),
    ("DELETE", "/devices/d1/modules/m1"),
    ("POST", "/devices/query"),
    ("POST", "/devices/d1/applyConfigurationContent"),
    ("DELETE", "/devices/d1/commands"),
    ("POST", "/devices/d1/messages/events"),
    ("GET", "/devices/d1/messages/deviceBound"),
    ("DELETE", "/devices/d1/messages/deviceBound/a"),
    ("POST", "/devices/d1/messages/deviceBound/a/abandon"),
    ("POST", "/devices/d1/files"),
    ("POST", "/devices/d1/files/notifications"),
    ("POST", "/devices/d1/files/notifications/a"),
    ("GET", "/twins/d1"),
    ("PATCH", "/twins/d1"),
    ("PUT", "/twins/d1"),
    ("PATCH", "/twins/d1/modules/m1"),
    ("POST", "/twins/d1/methods"),
    ("POST", "/twins/d1/modules/m1/methods"),
    ("GET", "/configurations"),
    ("POST", "/configurations/testQueries"),
    ("GET", "/configurations/c1"),
    ("PUT", "/configurations/c1"),
    ("DELETE", "/configurations/c1"),
    ("GET", "/jobs"),
    ("GET", "/jobs/a"),
    ("DELETE", "/jobs/a"),
    ("GET", "/jobs/v2/query"),
    ("GET", "/jobs/v2/j1"),
    ("PUT", "/jobs/v2/j1"),
    ("PUT", "/jobs/v2/j2"),
    ("POST", "/jobs/v2/j1/cancel"),
    ("GET", "/statistics/devices"),
    ("GET", "/statistics/service"),
    ("GET", "/messages/serviceBound/feedback"),
    ("DELETE", "/messages/serviceBound/feedback/a"),
    ("POST", "/messages/serviceBound/feedback/a/abandon"),
    ("GET", "/messages/serviceBound/filenotifications"),
    ("DELETE", "/messages/serviceBound/filenotifications/a"),
    ("GET", "/$iothub/websocket"),
    ("GET", "/ui"),
    ("POST", "/ui/login"),
    ("GET", "/ui/events"),
    ("GET", "/ui/twin"),
    ("POST", "/ui/message"),
    ("POST", "/ui/method"),
    ("GET", "/ui/ui.js"),
];

static TOKENS: LazyLock<[String; 2]> = LazyLock::new(|| ["iothubowner", "device"].map(mint::token));

fn line(&(method, path): &(&str, &str)) -> String {
    let token = &TOKENS[usize::from(path.contains("/messages/events"))];
    format!("{method} {path}?api-version=2021-04-12 HTTP/1.1\r\nauthorization: {token}")
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(said) = http::said(bytes, &ROUTES, line) else {
        return;
    };
    // Hyper takes a client that closes its half for one that is gone.
    let told = hub::told(&said, false, async |stream, hub| {
        http::alone(hub).serve_https(stream).await;
    });
    http::check(&said, &told);
});
