//! The emulator's page: who may look at it, and what it can do. How it looks, a browser judges in
//! `tests/peers`.

use reqwest::StatusCode;
use reqwest::header::{HOST, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish};
use serde_json::{Value, json};

use crate::support::Emulator;
use crate::support::browser::Browser;
use crate::support::mqtt::{Device, connect};
use crate::support::runtime::{current_thread, multi_thread};

const HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
];

fn error(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    assert!(value["message"].is_string(), "{text}");
    value["error"].clone()
}

#[test]
fn the_link_opens_the_page_once() {
    let hub = Emulator::start(&[]);
    current_thread().block_on(async {
        let link = hub.text("/ui").to_owned();
        let path = link.strip_prefix(&Browser::new(&hub).origin).unwrap();
        assert!(path.starts_with("/ui?token="), "{path}");
        let mut browser = Browser::new(&hub);
        let ahead = browser
            .get(path)
            .header("sec-purpose", "prefetch;prerender");
        let ahead = ahead.send().await.unwrap();
        assert!(!ahead.headers().contains_key(SET_COOKIE));
        let wrong = browser.get("/ui?token=wrong").send().await.unwrap();
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
        let opened = browser.get(path).send().await.unwrap();
        assert_eq!(opened.status(), StatusCode::SEE_OTHER);
        let cookie = opened.headers()[SET_COOKIE].to_str().unwrap();
        for word in [
            "; HttpOnly",
            "; Secure",
            "; SameSite=Strict",
            "; Path=/ui;",
            "__Secure-",
        ] {
            assert!(cookie.contains(word), "{cookie}");
        }
        assert!(!cookie.contains(path.rsplit('=').next().unwrap()));
        browser.keep_cookie(&opened);

        let page = browser.get("/ui").send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK);
        for (name, value) in HEADERS {
            assert_eq!(page.headers()[name], value, "{name}");
        }
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(page.text().await.unwrap().contains("id=\"devices\""));

        let again = Browser::new(&hub).get(path).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
        assert!(!again.headers().contains_key(SET_COOKIE));
        let text = again.text().await.unwrap();
        assert!(
            text.contains("used already") && text.contains("id=\"login\""),
            "{text}"
        );
        // Who is in stays in.
        let again = browser.get(path).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::SEE_OTHER);

        let left = browser.post("/ui/logout", &json!({})).send().await.unwrap();
        assert_eq!(left.status(), StatusCode::NO_CONTENT);
        let gone = browser.get("/ui/session").send().await.unwrap();
        assert_eq!(gone.status(), StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn without_a_session_there_is_only_the_door() {
    let hub = Emulator::start(&[]);
    current_thread().block_on(async {
        let browser = Browser::new(&hub);
        let door = browser.get("/ui").send().await.unwrap();
        assert_eq!(door.status(), StatusCode::UNAUTHORIZED);
        assert!(!door.headers().contains_key(WWW_AUTHENTICATE));
        for (name, value) in HEADERS {
            assert_eq!(door.headers()[name], value, "{name}");
        }
        assert!(door.text().await.unwrap().contains("id=\"login\""));
        // Browsers keep a strict cookie back on the way from another site, but not on the way from this page.
        let from_elsewhere = browser.get("/ui").header("sec-fetch-site", "cross-site");
        let text = from_elsewhere.send().await.unwrap().text().await.unwrap();
        assert!(text.contains("<a href=\"/ui\">"), "{text}");
        for path in [
            "/ui/session",
            "/ui/events",
            "/ui/twin?device=device1",
            "/ui/nowhere",
        ] {
            let answer = browser.get(path).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(error(&answer.text().await.unwrap()), "NoSession");
        }
        let message = json!({ "device": "device1", "body": "x" });
        for path in ["/ui/message", "/ui/method", "/ui/logout", "/ui/nowhere"] {
            let answer = browser.post(path, &message).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
        for path in ["/ui/ui.css", "/ui/ui.js", "/ui/icon.svg"] {
            let file = browser.get(path).send().await.unwrap();
            assert_eq!(file.status(), StatusCode::OK, "{path}");
        }
        // A name of another one's that points at this machine.
        let rebound = browser.get("/ui").header(HOST, "evil.example:8443");
        let rebound = rebound.send().await.unwrap();
        assert_eq!(rebound.status(), StatusCode::MISDIRECTED_REQUEST);
    });
}

#[test]
fn a_key_opens_the_page_if_it_may_do_what_the_page_does() {
    let hub = Emulator::start(&[]);
    current_thread().block_on(async {
        let owner = hub.hub().to_owned();
        let key = owner.split("SharedAccessKey=").nth(1).unwrap();
        for good in [owner.as_str(), key] {
            let mut browser = Browser::new(&hub);
            let login = browser.post("/ui/login", &json!({ "key": good }));
            let login = login.send().await.unwrap();
            assert_eq!(login.status(), StatusCode::NO_CONTENT);
            browser.keep_cookie(&login);
            let session = browser.get("/ui/session").send().await.unwrap();
            let text = session.text().await.unwrap();
            assert!(
                text.contains("\"iothubowner\"") && !text.contains(key),
                "{text}"
            );
        }
        let stranger = owner.replace(key, "bm90IHRoZSBrZXkgb2YgdGhpcyBodWI=");
        for (bad, status, word) in [
            (hub.policy("service"), 403, "RegistryRead"),
            (hub.policy("registryRead"), 403, "ServiceConnect"),
            (stranger.as_str(), 403, "Unauthorized"),
            (hub.device("device1"), 400, "a device connection string"),
            (hub.event_hub(), 400, "an Event Hub-compatible"),
            ("", 400, "no key"),
        ] {
            let browser = Browser::new(&hub);
            let login = browser.post("/ui/login", &json!({ "key": bad }));
            let login = login.send().await.unwrap();
            assert_eq!(login.status(), status, "{word}");
            assert!(!login.headers().contains_key(SET_COOKIE));
            let text = login.text().await.unwrap();
            assert!(text.contains(word), "{text}");
            assert!(
                hub.secrets().iter().all(|secret| !text.contains(secret)),
                "{text}"
            );
        }
    });
}

#[test]
fn only_the_page_itself_may_ask_for_changes() {
    let hub = Emulator::start(&[]);
    let id = current_thread().block_on(async {
        let browser = Browser::let_in(&hub).await;
        let message = json!({ "device": "device1", "body": "{\"on\":true}", "contentType": "application/json",
            "properties": { "why": "because" } });
        let bare = || browser.bare_post("/ui/message", &message);
        let marked = || bare().header("x-hubctl-ui", "1");
        for foreign in [
            bare(),
            bare().header(ORIGIN, &browser.origin),
            marked(),
            marked().header(ORIGIN, "https://localhost:1"),
            marked().header(ORIGIN, "null"),
            marked()
                .header(ORIGIN, &browser.origin)
                .header("sec-fetch-site", "same-site"),
        ] {
            let answer = foreign.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN);
            assert_eq!(error(&answer.text().await.unwrap()), "ForeignOrigin");
        }
        for path in ["/ui/events", "/ui/twin?device=device1"] {
            let foreign = browser.get(path).header("sec-fetch-site", "cross-site");
            assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN);
        }
        let sent = browser.post("/ui/message", &message).send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::OK);
        let sent: Value = serde_json::from_str(&sent.text().await.unwrap()).unwrap();
        let mut told = browser.listen(None).await;
        let devices = told.next_of("devices").await.data;
        assert_eq!(devices["changed"][0]["cloudToDeviceMessageCount"], 1);
        sent["messageId"].as_str().unwrap().to_owned()
    });
    let (topic, body) = received(&hub);
    assert!(topic.contains(&format!("%24.mid={id}")), "{topic}");
    assert!(topic.contains("why=because"), "{topic}");
    assert_eq!(body, "{\"on\":true}");
}

#[test]
fn a_message_that_the_hub_does_not_take_is_refused_in_its_words() {
    let hub = Emulator::start(&[]);
    current_thread().block_on(async {
        let browser = Browser::let_in(&hub).await;
        for (body, status, code) in [
            (
                json!({ "device": "nobody", "body": "x" }),
                404,
                "DeviceNotFound",
            ),
            (json!({ "device": "device1" }), 400, "ArgumentInvalid"),
            (
                json!({ "device": "device1", "body": "x".repeat(70_000) }),
                413,
                "MessageTooLarge",
            ),
            (
                json!({ "device": "device1", "body": "x".repeat(600_000) }),
                400,
                "ArgumentInvalid",
            ),
        ] {
            let answer = browser.post("/ui/message", &body).send().await.unwrap();
            assert_eq!(answer.status(), status, "{code}");
            assert_eq!(error(&answer.text().await.unwrap()), code);
        }
    });
}

/// Topic and body of the message that waits for `device1`.
fn received(hub: &Emulator) -> (String, String) {
    let mut device = Device::connect(hub, connect(hub));
    device.subscribe(&["devices/device1/messages/devicebound/#"]);
    match device.next() {
        Some(Packet::Publish(publish)) => {
            let body = String::from_utf8(publish.payload.to_vec()).unwrap();
            (publish.topic, body)
        }
        other => panic!("no message: {other:?}"),
    }
}

#[test]
fn a_twin_is_read_and_a_method_called() {
    let hub = Emulator::start(&[]);
    let mut device = Device::connect(&hub, connect(&hub));
    device.subscribe(&["$iothub/methods/POST/#", "$iothub/twin/res/#"]);
    let report = Publish::new(
        "$iothub/twin/PATCH/properties/reported/?$rid=1",
        QoS::AtMostOnce,
        r#"{"firmware":"1.2"}"#,
    );
    device.send(&[Packet::Publish(report)]);
    assert!(
        matches!(device.next(), Some(Packet::Publish(answer)) if answer.topic.contains("/204/"))
    );
    let board = std::thread::spawn(move || {
        let Some(Packet::Publish(call)) = device.next() else {
            panic!("no call");
        };
        let (name, request) = call.topic.split_once("/?$rid=").unwrap();
        assert_eq!(name, "$iothub/methods/POST/reboot");
        assert_eq!(&call.payload[..], b"{\"in\": 1.0}");
        let answer = format!("$iothub/methods/res/202/?$rid={request}");
        let answer = Publish::new(answer, QoS::AtMostOnce, r#"{"n":12345678901234567890}"#);
        device.send(&[Packet::Publish(answer)]);
        // Until the hub has read it.
        device.finish();
    });
    current_thread().block_on(async {
        let browser = Browser::let_in(&hub).await;
        let json = async |request: reqwest::RequestBuilder| -> Value {
            let answer = request.send().await.unwrap();
            serde_json::from_str(&answer.text().await.unwrap()).unwrap()
        };
        let twin = json(browser.get("/ui/twin?device=device%31")).await;
        assert_eq!(twin["deviceId"], "device1");
        assert!(
            twin["reported"]
                .as_str()
                .unwrap()
                .contains("\"firmware\": \"1.2\"")
        );
        assert!(!twin["reported"].as_str().unwrap().contains("$metadata"));
        let call = json!({ "device": "device1", "name": "reboot", "payload": "{\"in\": 1.0}" });
        let answer = json(browser.post("/ui/method", &call)).await;
        let expected = json!({ "status": 202, "payload": "{\"n\":12345678901234567890}" });
        assert_eq!(answer, expected);
        for (call, code) in [
            (
                json!({ "device": "device1", "name": "m", "payload": "{" }),
                "ArgumentInvalid",
            ),
            (
                json!({ "device": "device1", "name": "m", "wait": 4 }),
                "ArgumentInvalid",
            ),
            (json!({ "device": "nobody", "name": "m" }), "DeviceNotFound"),
        ] {
            assert_eq!(json(browser.post("/ui/method", &call)).await["error"], code);
        }
        assert_eq!(
            json(browser.get("/ui/twin?device=nobody")).await["error"],
            "DeviceNotFound"
        );
    });
    board.join().unwrap();
}

#[test]
fn faults_leave_the_page_alone_and_it_ends_with_the_emulator() {
    let hub = Emulator::start(&["--fault", "unavailable,on=https", "--fault", "expire:12h"]);
    let error = hub.owner(&["send", "device1", "x"]).run().failure(10);
    assert!(
        error.contains("ServiceUnavailable") || error.contains("503"),
        "{error}"
    );
    let runtime = multi_thread(1);
    let browser = runtime.block_on(Browser::let_in(&hub));
    let mut told = runtime.block_on(browser.listen(None));
    assert_eq!(runtime.block_on(told.next_of("devices")).data["total"], 1);
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &hub.id().to_string()])
        .status();
    if interrupted.is_ok_and(|status| status.success()) {
        // To its end, and not cut off.
        assert_eq!(runtime.block_on(told.next()), None);
    }
}
