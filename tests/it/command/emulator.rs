//! `emulator`, seen from the process: the ready line, the keys it keeps, its end; and its REST interface over real TLS.

use std::net::{Ipv4Addr, TcpListener};

use chrono::Utc;
use hubctl::model::connection_string::{ConnectionString, DeviceCredential, HubCredential};
use hubctl::model::secret::Secret;
use hubctl::protocol::sas::{SigningKey, mint, resource};
use reqwest::header::{AUTHORIZATION, IF_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::rest::{client, url};
use crate::support::{Emulator, Hubctl};

fn token(string: &str, seconds: i64) -> String {
    let expiry = Utc::now().timestamp() + seconds;
    let sign = |key: &Secret, resource: &str, policy| {
        let key = SigningKey::decoded(key).unwrap();
        mint(&key, resource, expiry, policy).expose().to_owned()
    };
    match ConnectionString::parse(string).unwrap().connection_string {
        ConnectionString::Hub(hub) => match hub.credential {
            HubCredential::Key { policy, key } => sign(&key, &hub.host.name, Some(&policy)),
            HubCredential::Token(_) => panic!("a key was expected"),
        },
        ConnectionString::Device(device) => match device.credential {
            DeviceCredential::Key(key) => {
                let resource = resource(&device.host.name, Some(device.device_id.as_str()), None);
                sign(&key, &resource, None)
            }
            DeviceCredential::Token(_) | DeviceCredential::X509 => panic!("a key was expected"),
        },
        ConnectionString::EventHub(_) => panic!("a hub's or device's string was expected"),
    }
}

async fn error_code(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let header = response.headers()["iothub-errorcode"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(response.headers().contains_key("x-ms-request-id"));
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let expected = format!("ErrorCode:{header};");
    assert!(
        body["Message"].as_str().unwrap().starts_with(&expected),
        "{body}"
    );
    (status, header)
}

#[tokio::test]
async fn a_device_posts_and_is_told_what_is_wrong() {
    let hub = Emulator::start(&[]);
    let client = client(&hub);
    let path = "/devices/device1/messages/events";
    let post = |path: &str, token: Option<String>, body: Vec<u8>| {
        let request = client.post(url(&hub, path)).body(body);
        match token {
            Some(token) => request.header(AUTHORIZATION, token),
            None => request,
        }
        .send()
    };
    let good = token(hub.device("device1"), 60);
    let posted = post(path, Some(good.clone()), b"{}".to_vec())
        .await
        .unwrap();
    assert_eq!(posted.status(), StatusCode::NO_CONTENT);
    assert_eq!(posted.bytes().await.unwrap().len(), 0);
    let refused = [
        (path, None, 1, 401, "IotHubUnauthorized"),
        (
            path,
            Some(token(hub.device("device1"), -60)),
            1,
            401,
            "IotHubUnauthorizedAccess",
        ),
        (
            "/devices/other/messages/events",
            Some(good.clone()),
            1,
            401,
            "IotHubUnauthorizedAccess",
        ),
        (
            path,
            Some(token(hub.policy("service"), 60)),
            1,
            401,
            "IotHubUnauthorized",
        ),
        (path, Some(good.clone()), 262_145, 413, "MessageTooLarge"),
    ];
    for (path, token, length, status, name) in refused {
        let response = post(path, token, vec![b'x'; length]).await.unwrap();
        assert_eq!(error_code(response).await, (status, name.to_owned()));
    }
    let versionless = url(&hub, path).replace("api-version", "version");
    let response = client.post(versionless).header(AUTHORIZATION, good).send();
    let expected = (400, "InvalidProtocolVersion".to_owned());
    assert_eq!(error_code(response.await.unwrap()).await, expected);
}

#[tokio::test]
async fn an_operator_works_on_the_registry() {
    let hub = Emulator::start(&[]);
    let client = client(&hub);
    let owner = token(hub.hub(), 60);
    let ask = |method: Method, path: &str, if_match: Option<&str>, body: Value| {
        let mut request = client
            .request(method, url(&hub, path))
            .header(AUTHORIZATION, &owner);
        if let Some(if_match) = if_match {
            request = request.header(IF_MATCH, if_match);
        }
        request.body(body.to_string()).send()
    };
    let body = json!({ "deviceId": "a+b", "authentication": null });
    let made = ask(Method::PUT, "/devices/a%2Bb", None, body.clone())
        .await
        .unwrap();
    assert_eq!(made.status(), StatusCode::OK);
    let etag = made.headers()["etag"].to_str().unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let again = ask(Method::PUT, "/devices/a%2Bb", None, body.clone())
        .await
        .unwrap();
    assert_eq!(
        error_code(again).await,
        (409, "DeviceAlreadyExists".to_owned())
    );
    let changed = ask(Method::PUT, "/devices/a%2Bb", Some(&etag), body.clone())
        .await
        .unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    let stale = ask(Method::DELETE, "/devices/a+b", Some(&etag), Value::Null)
        .await
        .unwrap();
    assert_eq!(
        error_code(stale).await,
        (412, "PreconditionFailed".to_owned())
    );
    let listed = ask(Method::GET, "/devices/", None, Value::Null)
        .await
        .unwrap();
    let listed: Value = serde_json::from_slice(&listed.bytes().await.unwrap()).unwrap();
    let ids: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|device| &device["deviceId"])
        .collect();
    assert_eq!(ids, ["a+b", "device1"]);
    let gone = ask(Method::DELETE, "/devices/a+b", Some("\"*\""), Value::Null)
        .await
        .unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let missing = ask(Method::GET, "/devices/a+b", None, Value::Null)
        .await
        .unwrap();
    assert_eq!(
        error_code(missing).await,
        (404, "DeviceNotFound".to_owned())
    );
}

#[test]
fn keys_and_authority_outlive_a_crash() {
    let hub = Emulator::start(&[]);
    let mut before = hub.ready.clone();
    let ca = std::fs::read(hub.text("/caFile")).unwrap();
    let mut hub = hub.kill_and_restart(&[]);
    // The page's link is good once, and for this run alone.
    let links = [&mut before, &mut hub.ready].map(|ready| ready["ui"].take());
    assert!(links[0].is_string());
    assert_ne!(links[0], links[1]);
    assert_eq!(hub.ready, before);
    assert_eq!(std::fs::read(hub.text("/caFile")).unwrap(), ca);
}

#[cfg(unix)]
#[test]
fn an_interrupt_is_a_normal_end() {
    let ports = [
        "emulator",
        "--https-port",
        "0",
        "--amqps-port",
        "0",
        "--mqtts-port",
        "0",
        "--print-env",
    ];
    let mut running = Hubctl::new(&ports).start();
    running.wait_for("export IOTHUB_CONNECTION_STRING='HostName=localhost:");
    running.wait_for_talk("Ctrl-C");
    let finished = running.interrupt();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
}

#[test]
fn a_taken_port_and_damaged_keys_are_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let error = Hubctl::new(&["emulator", "--https-port", &port])
        .run()
        .failure(9);
    assert!(
        error.contains(&format!("127.0.0.1:{port}")) && error.contains("hint:"),
        "{error}"
    );

    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("hub.json"), "{\"policies\": \"hunter2\"}").unwrap();
    let folder = data.path().to_str().unwrap();
    let error = Hubctl::new(&["emulator", "--data-dir", folder])
        .run()
        .failure(3);
    assert!(
        error.contains("hub.json") && !error.contains("hunter2"),
        "{error}"
    );
}

#[test]
fn other_machines_are_let_in_only_on_purpose() {
    let error = Hubctl::new(&["emulator", "--host", "0.0.0.0"])
        .run()
        .failure(2);
    assert!(error.contains("--allow-remote"), "{error}");
}
