//! Requests of HTTP and what is answered to them.

use std::io::Write as _;
use std::path::PathBuf;

use hubctl::emulator::alone::Alone;
use hubctl::emulator::driver::{Clock, HubHandle};
use hubctl::emulator::endpoint::{Endpoints, Ports};
use hubctl::model::secret::Secret;

use crate::hub;

/// What stands for a hub with ports.
pub fn alone(hub: HubHandle) -> Alone {
    let endpoints = Endpoints {
        host: "localhost".to_owned(),
        ports: Ports {
            https: 8443,
            amqps: 5671,
            amqp: None,
            mqtts: 8883,
            admin: None,
        },
        ca_file: PathBuf::new(),
        entity: "eh".to_owned(),
        policies: vec![("iothubowner".to_owned(), Secret::new(hub::KEY))],
        devices: Vec::new(),
        ui_token: Secret::new("ui-token"),
    };
    Alone::new(hub, Clock::new(hub::now), &endpoints).expect("no storage")
}

/// What a client says: with a first byte that four divides, the rest as it is; otherwise requests, one after the other, of
/// each a route, lines of headers and a body. `line` gives the beginning of a request for a route.
pub fn said<'r, R>(
    bytes: &[u8],
    routes: &'r [R],
    line: impl Fn(&'r R) -> String,
) -> Option<Vec<u8>> {
    let (first, mut bytes) = bytes.split_first()?;
    if first % 4 == 0 {
        return Some(bytes.to_vec());
    }
    let mut said = Vec::new();
    while let Some((route, rest)) = bytes.split_first() {
        bytes = rest;
        let line = line(&routes[usize::from(*route) % routes.len()]);
        let (headers, body) = (part(&mut bytes), part(&mut bytes));
        write!(said, "{line}\r\nhost: localhost\r\n").expect("memory");
        said.extend_from_slice(headers);
        write!(said, "content-length: {}\r\n\r\n", body.len()).expect("memory");
        said.extend_from_slice(body);
    }
    Some(said)
}

/// The front of `bytes`, its length before it.
fn part<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return &[];
    };
    let length = usize::from(u16::from_be_bytes(*length));
    let (part, rest) = rest.split_at(length.min(rest.len()));
    *bytes = rest;
    part
}

/// Looks at what was answered: whole answers, and no internal error.
pub fn check(said: &[u8], told: &[u8]) {
    // An answer to HEAD says how long a body is that it does not have.
    if said.windows(4).any(|window| window == b"HEAD") {
        return;
    }
    for status in statuses(told) {
        let is_meant = status < 500 || matches!(status, 501 | 503 | 504);
        assert!(is_meant, "{}", told.escape_ascii());
    }
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
