//! The way through a proxy, and past it.

use super::{READ, hub_with, reader};
use crate::support::Emulator;
use crate::support::proxy::{ConnectProxy, Manner, RefusingPort};

/// `printf 'us@er:p:w d' | base64`, as the header wants it.
const BASIC: &str = "Basic dXNAZXI6cDp3IGQ=";

#[test]
fn everything_goes_through_the_proxy() {
    let hub = hub_with("here");
    let closed = RefusingPort::take();
    let to = format!("localhost:{}", hub.port("https"));
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let proxy = ConnectProxy::start(Manner::Open);
        let url = format!("http://{}", proxy.address());
        let read = reader(&hub, &closed, &READ).env(variable, url).run();
        let through = format!("through the proxy {}\n", proxy.address());
        assert_eq!(read.stderr.matches(&through).count(), 2, "{}", read.stderr);
        assert_eq!(read.success(), "here\n", "{variable}");
        // Once to the hub, once to where it redirects.
        assert_eq!(proxy.tunnels(), [to.as_str(), to.as_str()], "{variable}");
    }
}

#[test]
fn a_proxy_may_ask_who_is_there() {
    let hub = hub_with("here");
    let closed = RefusingPort::take();
    let proxy = ConnectProxy::start(Manner::Credentials(BASIC));
    let right = format!("http://us%40er:p%3Aw%20d@{}", proxy.address());
    let read = reader(&hub, &closed, &READ)
        .env("HTTPS_PROXY", &right)
        .run();
    assert!(!read.stderr.contains("p%3Aw"), "{}", read.stderr);
    assert_eq!(read.success(), "here\n");
    assert_eq!(proxy.tunnels().len(), 2);

    for wrong in ["", "us%40er:verysecret@", "us%40er@"] {
        let url = format!("http://{wrong}{}", proxy.address());
        let error = reader(&hub, &closed, &READ).env("HTTPS_PROXY", &url).run();
        let error = error.failure(9);
        assert!(
            error.contains("407 Proxy Authentication Required"),
            "{error}"
        );
        assert!(error.contains("http://USER:PASSWORD@"), "{error}");
        assert!(
            !error.contains("verysecret") && !error.contains("Basic d"),
            "{error}"
        );
    }
    assert_eq!(proxy.tunnels().len(), 2);
}

#[test]
fn https_goes_through_the_same_proxy() {
    let hub = Emulator::start(&[]);
    let send = |url: &str, exceptions: &str| {
        let call = hub.owner(&["send", "device1", "x"]);
        call.env("HTTPS_PROXY", url)
            .env("NO_PROXY", exceptions)
            .run()
    };
    let proxy = ConnectProxy::start(Manner::Credentials(BASIC));
    send(&format!("http://us%40er:p%3Aw%20d@{}", proxy.address()), "").success();
    assert!(!proxy.tunnels().is_empty());
    let opened = proxy.tunnels().len();

    let wrong = format!("http://us%40er:verysecret@{}", proxy.address());
    let error = send(&wrong, "").failure(9);
    assert!(error.contains("http://USER:PASSWORD@"), "{error}");
    assert!(!error.contains("verysecret"), "{error}");
    send(&wrong, "localhost").success();
    assert_eq!(proxy.tunnels().len(), opened);

    let nobody = RefusingPort::take();
    let error = send(
        &format!("http://u:verysecret@127.0.0.1:{}", nobody.number()),
        "",
    )
    .failure(9);
    let cause = format!("cannot connect to 127.0.0.1:{}", nobody.number());
    assert!(error.contains("proxy") && error.contains(&cause), "{error}");
    let error = send("socks5://u:verysecret@127.0.0.1:9", "").failure(3);
    assert!(
        error.contains("of the kind socks5") && !error.contains("secret"),
        "{error}"
    );
}

#[test]
fn a_proxy_may_be_spoken_to_over_tls() {
    let hub = hub_with("here");
    let closed = RefusingPort::take();
    let proxy = ConnectProxy::start_encrypted(Manner::Credentials(BASIC));
    let port = proxy.address().rsplit_once(':').unwrap().1.to_owned();
    let anchors = tempfile::NamedTempFile::new().unwrap();
    let both = [hub.text("/caFile").into(), proxy.ca_file()]
        .map(|file: std::path::PathBuf| std::fs::read_to_string(file).unwrap());
    std::fs::write(anchors.path(), both.concat()).unwrap();
    let read = reader(&hub, &closed, &READ)
        .env("HUBCTL_CA_FILE", anchors.path())
        .env(
            "HTTPS_PROXY",
            format!("https://us%40er:p%3Aw%20d@localhost:{port}"),
        );
    assert_eq!(read.run().success(), "here\n");
    assert_eq!(proxy.tunnels().len(), 2);
}

#[test]
fn hosts_that_need_no_proxy_are_reached_without_one() {
    let hub = hub_with("here");
    let closed = RefusingPort::take();
    let proxy = ConnectProxy::start(Manner::Open);
    let url = format!("http://{}", proxy.address());
    for exceptions in ["*", "localhost", "example.com, localhost", ".localhost"] {
        for variable in ["NO_PROXY", "no_proxy"] {
            let read = reader(&hub, &closed, &READ)
                .env("HTTPS_PROXY", &url)
                .env(variable, exceptions);
            assert_eq!(read.run().success(), "here\n", "{variable}={exceptions}");
        }
    }
    assert!(proxy.tunnels().is_empty(), "{:?}", proxy.tunnels());
    let read = reader(&hub, &closed, &READ)
        .env("HTTPS_PROXY", &url)
        .env("NO_PROXY", "host, 127.0.0.1");
    read.run().success();
    assert_eq!(proxy.tunnels().len(), 2);
}

#[test]
fn what_a_proxy_does_wrong_is_told() {
    let hub = Emulator::start(&[]);
    let closed = RefusingPort::take();
    for (manner, cause, hint) in [
        (
            Manner::Answer("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nno\r\n"),
            "it answered 502 Bad Gateway",
            "NO_PROXY",
        ),
        (
            Manner::Answer("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n"),
            "it answered 403 Forbidden",
            "NO_PROXY",
        ),
        (
            Manner::Answer("220 mail.example.com ESMTP\r\n"),
            "is no HTTP proxy",
            "HTTP proxy and its port",
        ),
        (Manner::Answer(""), "closed the connection", "NO_PROXY"),
        (
            Manner::Hang,
            "did not answer within 1 s (proxy's answer)",
            "NO_PROXY",
        ),
    ] {
        let proxy = ConnectProxy::start(manner.clone());
        let read = reader(&hub, &closed, &READ)
            .args(&["--connect-timeout", "1s"])
            .env(
                "HTTPS_PROXY",
                format!("http://u:verysecret@{}", proxy.address()),
            );
        let error = read.run().failure(9);
        assert!(error.contains(cause), "{manner:?}: {error}");
        assert!(error.contains(&proxy.address()), "{manner:?}: {error}");
        assert!(error.contains(hint), "{manner:?}: {error}");
        assert!(!error.contains("verysecret"), "{error}");
    }
    let read = reader(&hub, &closed, &READ).env(
        "HTTPS_PROXY",
        format!("http://u:verysecret@127.0.0.1:{}", closed.number()),
    );
    let error = read.run().failure(9);
    assert!(error.contains("the proxy is not there"), "{error}");
    assert!(!error.contains("verysecret"), "{error}");
}

#[test]
fn a_proxy_that_cannot_be_used_is_said_to_be_none() {
    let hub = hub_with("here");
    let closed = RefusingPort::take();
    for (url, cause) in [
        ("socks5://u:verysecret@127.0.0.1:1080", "of the kind socks5"),
        ("http://u:very secret@127.0.0.1:3128", "the URL of a proxy"),
        ("http://:99999", "the URL of a proxy: it names no host"),
        (
            "http://u:verysecret@127.0.0.1:99999",
            "the URL of a proxy: its port is no number from 1 to 65535",
        ),
    ] {
        let read = |exceptions: &str| {
            let read = reader(&hub, &closed, &READ).env("ALL_PROXY", url);
            read.env("NO_PROXY", exceptions).run()
        };
        let error = read("").failure(3);
        assert!(
            error.contains("ALL_PROXY") && error.contains(cause),
            "{error}"
        );
        assert!(!error.contains("secret"), "{error}");
        assert_eq!(read("localhost").success(), "here\n");
    }
}
