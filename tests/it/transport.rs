//! Networks as they are: AMQP over WebSocket, proxies, and ports that nobody gets through to.

mod proxy;

use reqwest::Method;
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, UPGRADE};

use crate::support::proxy::{RefusingPort, SwallowingPort};
use crate::support::rest::client;
use crate::support::runtime::current_thread;
use crate::support::{Answer, Emulator, HostileHub, Hubctl};

/// Reads one event over WebSocket, and fails soon where it cannot.
const READ: [&str; 8] = [
    "monitor-events",
    "--transport",
    "amqp-ws",
    "--from",
    "earliest",
    "--count",
    "1",
    "--raw",
];

/// A hub that holds one event, and whose AMQP port is not to be used.
fn hub_with(body: &str) -> Emulator {
    let hub = Emulator::start(&[]);
    hub.owner(&["send", "device1", "-"])
        .stdin(body)
        .run()
        .success();
    hub
}

/// A reader of that hub that gets to it over WebSocket or not at all.
fn reader(hub: &Emulator, closed: &RefusingPort, arguments: &[&str]) -> Hubctl {
    hub.owner(arguments)
        .env("HUBCTL_AMQP_PORT", closed.number().to_string())
}

#[test]
fn events_come_over_websocket_by_either_string() {
    let body = "x".repeat(200_000);
    let hub = hub_with(&body);
    let closed = RefusingPort::take();
    let by_hub = reader(&hub, &closed, &READ).run();
    let port = hub.port("https");
    let connected = format!("connected to localhost:{port} over WebSocket\n");
    assert_eq!(
        by_hub.stderr.matches(&connected).count(),
        2,
        "{}",
        by_hub.stderr
    );
    assert_eq!(by_hub.success(), format!("{body}\n"));

    let by_event_hub = reader(&hub, &closed, &READ)
        .args(&["-l", hub.event_hub()])
        .run();
    let port = hub.port("amqps");
    let connected = format!("connected to localhost:{port} over WebSocket\n");
    assert!(
        by_event_hub.stderr.contains(&connected),
        "{}",
        by_event_hub.stderr
    );
    assert_eq!(by_event_hub.success(), format!("{body}\n"));

    let https = hub.event_hub().replace(
        &format!("localhost:{}", hub.port("amqps")),
        &format!("localhost:{}", hub.port("https")),
    );
    let by_https_port = reader(&hub, &closed, &READ).args(&["-l", &https]).run();
    assert_eq!(by_https_port.success(), format!("{body}\n"));
}

#[test]
fn the_transport_is_taken_from_the_environment_and_the_profile() {
    let hub = hub_with("here");
    let closed = RefusingPort::take();
    let plain = [
        "monitor-events",
        "--from",
        "earliest",
        "--count",
        "1",
        "--raw",
    ];
    let read = reader(&hub, &closed, &plain).env("HUBCTL_TRANSPORT", "amqp-ws");
    assert_eq!(read.run().success(), "here\n");
    let flag_first = reader(&hub, &closed, &plain)
        .args(&["--transport", "amqp"])
        .env("HUBCTL_TRANSPORT", "amqp-ws");
    flag_first.run().failure(9);
    let error = reader(&hub, &closed, &plain).env("HUBCTL_TRANSPORT", "mqtt");
    assert!(error.run().failure(3).contains("HUBCTL_TRANSPORT"));

    let config = tempfile::tempdir().unwrap();
    let save = hub
        .hubctl(&["login", "--transport", "amqp-ws", hub.hub()])
        .env("HUBCTL_CONFIG_DIR", config.path());
    save.run().success();
    let saved = hub
        .hubctl(&plain)
        .env("HUBCTL_AMQP_PORT", closed.number().to_string())
        .env("HUBCTL_CONFIG_DIR", config.path());
    assert_eq!(saved.run().success(), "here\n");
}

#[test]
fn a_websocket_that_breaks_is_mended() {
    let hub = hub_with("before");
    let mut reading = hub
        .owner(&READ[..3])
        .args(&["--from", "earliest", "--raw"])
        .start();
    reading.wait_for("before");
    let hub = hub.kill_and_restart(&[]);
    reading.wait_for_talk("connection lost");
    reading.wait_for_talk("partitions attached");
    hub.owner(&["send", "device1", "after"]).run().success();
    reading.wait_for("after");
}

#[test]
fn a_closed_amqp_port_is_mended_by_websocket() {
    let hub = hub_with("here");
    let closed = RefusingPort::take();
    let error = reader(&hub, &closed, &["monitor-events"]).run().failure(9);
    assert!(error.contains("--transport amqp-ws"), "{error}");
    assert!(!error.contains("HTTPS_PROXY"), "{error}");
    // The very thing that the hint says.
    assert_eq!(reader(&hub, &closed, &READ).run().success(), "here\n");

    let event_hub = hub.event_hub().replace(
        &format!("localhost:{}", hub.port("amqps")),
        &format!("localhost:{}", closed.number()),
    );
    let error = hub
        .hubctl(&["monitor-events", "-l", &event_hub])
        .run()
        .failure(9);
    assert!(error.contains("--transport amqp-ws"), "{error}");

    let behind_proxy = |exceptions: &str| {
        let read = reader(&hub, &closed, &["monitor-events"])
            .env("HTTPS_PROXY", "http://u:verysecret@127.0.0.1:9");
        read.env("NO_PROXY", exceptions).run().failure(9)
    };
    let error = behind_proxy("");
    assert!(
        error.contains("HTTPS_PROXY is set, and AMQP does not go through"),
        "{error}"
    );
    assert!(!error.contains("verysecret"), "{error}");
    let error = behind_proxy("localhost");
    assert!(!error.contains("HTTPS_PROXY"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_port_that_swallows_packets_is_given_up_in_time() {
    let hub = Emulator::start(&[]);
    let swallowing = SwallowingPort::make();
    let began = std::time::Instant::now();
    let read = hub
        .owner(&["monitor-events", "--connect-timeout", "1s"])
        .env("HUBCTL_AMQP_PORT", swallowing.number().to_string());
    let error = read.run().failure(9);
    assert!(
        error.contains("did not answer within 1 s (connecting)"),
        "{error}"
    );
    assert!(error.contains("--transport amqp-ws"), "{error}");
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());

    // The same on the way to the WebSocket, where the hint would be of no use.
    let hub_string = hub.hub().replace(
        &format!("localhost:{}", hub.port("https")),
        &format!("localhost:{}", swallowing.number()),
    );
    let read = hub
        .hubctl(&READ)
        .args(&["-l", &hub_string, "--connect-timeout", "1s"]);
    let error = read.run().failure(9);
    assert!(
        error.contains("did not answer within 1 s (connecting)"),
        "{error}"
    );
    assert!(!error.contains("--transport amqp-ws"), "{error}");
}

#[test]
fn a_host_that_opens_no_websocket_is_told_by_its_status() {
    for (status, code) in [
        ("401 Unauthorized", 10),
        ("403 Forbidden", 10),
        ("404 Not Found", 10),
        ("200 OK", 10),
    ] {
        let page = "<html>Accept the terms of this network</html>";
        let hub = HostileHub::start(vec![Answer::new(status, "Server: Captive\r\n", page)]);
        let read = Hubctl::new(&READ)
            .args(&["-l", &hub.hub()])
            .env("HUBCTL_CA_FILE", hub.ca_file());
        let error = read.run().failure(code);
        assert!(error.contains(&format!("answered {status}")), "{error}");
        assert!(
            error.contains("Captive") && !error.contains("<html>"),
            "{error}"
        );
        let asked = &hub.requests()[0];
        assert!(
            asked.starts_with("GET /$iothub/websocket HTTP/1.1\r\n"),
            "{asked}"
        );
        assert!(asked.contains("AMQPWSB10"), "{asked}");
    }
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Accept: AAAA\r\n\r\n";
    let hub = HostileHub::start(vec![Answer::Bytes(upgrade.to_owned())]);
    let read = Hubctl::new(&READ)
        .args(&["-l", &hub.hub()])
        .env("HUBCTL_CA_FILE", hub.ca_file());
    let error = read.run().failure(10);
    assert!(error.contains("opens no WebSocket for AMQP"), "{error}");

    let hub = HostileHub::start(vec![Answer::Cut(String::new())]);
    let read = Hubctl::new(&READ)
        .args(&["-l", &hub.hub()])
        .env("HUBCTL_CA_FILE", hub.ca_file());
    let error = read.run().failure(9);
    assert!(error.contains("closed the connection instead"), "{error}");
}

#[test]
fn the_hub_opens_websockets_of_its_subprotocol_alone() {
    let hub = Emulator::start(&[]);
    let runtime = current_thread();
    let answered = |path: &str, subprotocol: Option<&str>, key: &str| {
        let url = format!("https://localhost:{}{path}", hub.port("https"));
        let mut request = client(&hub)
            .get(url)
            .header(CONNECTION, "keep-alive, Upgrade")
            .header(UPGRADE, "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", key);
        if let Some(subprotocol) = subprotocol {
            request = request.header(SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let accept = answer.headers().get("sec-websocket-accept");
            let accept = accept.map(|accept| accept.to_str().unwrap().to_owned());
            (answer.status().as_u16(), accept)
        })
    };
    // Key and answer of RFC 6455, 1.3.
    let (key, accept) = ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for path in ["/$iothub/websocket", "/$servicebus/websocket/"] {
        for subprotocols in ["AMQPWSB10", "mqtt, AMQPWSB10"] {
            let answer = answered(path, Some(subprotocols), key);
            assert_eq!(
                answer,
                (101, Some(accept.to_owned())),
                "{path} {subprotocols}"
            );
        }
        assert_eq!(answered(path, Some("amqp"), key), (400, None), "{path}");
        assert_eq!(answered(path, None, key), (400, None), "{path}");
    }
}

#[test]
fn the_hub_says_what_is_wrong_with_a_websockets_request() {
    let hub = Emulator::start(&[]);
    let url = format!("https://localhost:{}/$iothub/websocket", hub.port("https"));
    let ask = |method: Method, version: &str, key: Option<&str>| {
        let mut request = client(&hub)
            .request(method, &url)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_PROTOCOL, "mqtt")
            .header("Sec-WebSocket-Version", version);
        if let Some(key) = key {
            request = request.header("Sec-WebSocket-Key", key);
        }
        current_thread().block_on(async {
            let answer = request.send().await.unwrap();
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            (status, headers, answer.text().await.unwrap())
        })
    };
    let key = Some("dGhlIHNhbXBsZSBub25jZQ==");
    let (status, headers, body) = ask(Method::GET, "8", key);
    assert_eq!(status, 426);
    assert_eq!(headers["sec-websocket-version"], "13");
    assert!(body.contains("version 13"), "{body}");
    let (status, _, body) = ask(Method::GET, "13", None);
    assert_eq!(status, 400);
    assert!(body.contains("Sec-WebSocket-Key"), "{body}");
    let (status, headers, _) = ask(Method::POST, "13", key);
    assert_eq!((status, &headers["allow"]), (405, &"GET".parse().unwrap()));
}
