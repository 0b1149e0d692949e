//! Whatever a client of the REST interface sends: it is answered, with anything but an internal error, or hung up on.
#![no_main]

mod hub;

use std::io::Write as _;
use std::sync::LazyLock;

use hubctl::emulator::connections::Connections;
use hubctl::emulator::driver::Clock;
use hubctl::emulator::https::serve_alone;

/// What may be asked for; but no import or export, which looks for storage on the network.
const ROUTES: [(&str, &str); 47] = [
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
];

static TOKENS: LazyLock<[String; 2]> = LazyLock::new(|| ["iothubowner", "device"].map(hub::token));

/// The front of `bytes`, its length before it.
fn part<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = bytes
        .split_first_chunk()
        .map(|(length, rest)| (u16::from_be_bytes(*length), rest))
    else {
        return &[];
    };
    let (part, rest) = rest.split_at(usize::from(length).min(rest.len()));
    *bytes = rest;
    part
}

/// Requests one after the other: of each a route, lines of headers and a body.
fn requests(mut bytes: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    while let Some((route, rest)) = bytes.split_first() {
        bytes = rest;
        let (method, path) = ROUTES[usize::from(*route) % ROUTES.len()];
        let token = &TOKENS[usize::from(path.contains("/messages/events"))];
        let (headers, body) = (part(&mut bytes), part(&mut bytes));
        let line = format!("{method} {path}?api-version=2021-04-12 HTTP/1.1\r\n");
        said.extend_from_slice(line.as_bytes());
        write!(said, "host: localhost\r\nauthorization: {token}\r\n").expect("memory");
        said.extend_from_slice(headers);
        write!(said, "content-length: {}\r\n\r\n", body.len()).expect("memory");
        said.extend_from_slice(body);
    }
    said
}

/// The status of each answer, as far as their ends can be told.
fn statuses(mut told: &[u8]) -> Vec<u16> {
    let mut statuses = Vec::new();
    while !told.is_empty() {
        let end = told.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.expect("the end of an answer's headers");
        let head = str::from_utf8(&told[..end]).expect("headers in ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12)?.parse().ok());
        let status = status.expect("a status line");
        statuses.push(status);
        let length = lines.find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map(|length| length.parse::<usize>().expect("a length"));
        let has_body = !matches!(status, 100..=199 | 204 | 304);
        let length = match length {
            Some(length) if has_body => length,
            None if has_body => break,
            _ => 0,
        };
        told = told.get(end + 4 + length..).expect("the whole body");
    }
    statuses
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let is_raw = first % 4 == 0;
    let said = if is_raw {
        rest.to_vec()
    } else {
        requests(rest)
    };
    // Hyper takes a client that closes its half for one that is gone.
    let told = hub::told(&said, false, async |stream, hub| {
        let connections = Connections::default();
        let served = serve_alone(stream, hub, Clock::new(hub::now), connections);
        served.await.expect("no storage");
    });
    // An answer to HEAD says how long a body is that it does not have.
    if said.windows(4).any(|window| window == b"HEAD") {
        return;
    }
    let statuses = statuses(&told);
    assert!(
        statuses
            .iter()
            .all(|status| *status < 500 || matches!(status, 501 | 503 | 504)),
        "{}",
        told.escape_ascii()
    );
    if !is_raw && !rest.is_empty() {
        assert!(!statuses.is_empty());
    }
});
