//! The client against a server that answers, breaks off and falls silent as it is told.

use std::cell::RefCell;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::test_server::{Server, Turn};
use super::*;
use crate::client::dial::DialError;
use crate::client::notice::ignore;
use crate::client::retry::{Backoff, persist};

fn client_of<'a>(server: &'a Server, notify: Notify<'a>) -> HubClient<'a> {
    HubClient::new(&HubClientOptions {
        host: &server.host,
        ca_file: Some(server.certificate.path()),
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_millis(500),
        notify,
    })
    .unwrap()
}

fn device() -> DeviceId {
    "device1".parse().unwrap()
}

fn post(client: &HubClient<'_>) -> EventPost {
    let mut headers = HeaderMap::new();
    let token = Secret::new("SharedAccessSignature sr=a&sig=hunter2&se=1");
    headers.insert(header::AUTHORIZATION, token_header(&token).unwrap());
    headers.insert("iothub-app-alert", HeaderValue::from_static("true"));
    client.event_post(&device(), headers).unwrap()
}

async fn send(client: &HubClient<'_>) -> Result<u16, HttpsError> {
    client
        .send_event(&post(client), Bytes::from_static(b"{}"))
        .await
}

/// Sends with retries that do not wait; how many were needed and what was told.
async fn send_patiently(server: &Server) -> (u32, Result<u16, HttpsError>, Vec<String>) {
    let told = RefCell::new(Vec::new());
    let notify = |notice: Notice<'_>| {
        if let Notice::Retrying {
            may_arrive_twice,
            why,
            ..
        } = notice
        {
            told.borrow_mut().push(format!("{may_arrive_twice} {why}"));
        }
    };
    let client = client_of(server, &ignore);
    let backoff = Backoff {
        first: Duration::ZERO,
        ..Backoff::default()
    };
    let (retries, outcome) = persist(&backoff, false, false, &notify, async || {
        send(&client).await
    })
    .await;
    (retries, outcome, told.into_inner())
}

#[tokio::test]
async fn a_message_is_posted_as_a_board_posts_it() {
    let server = Server::start(&[]).await;
    assert_eq!(send(&client_of(&server, &ignore)).await.unwrap(), 204);
    let request = server.requests().remove(0);
    assert!(
        request.starts_with(
            "POST /devices/device1/messages/events?api-version=2021-04-12 HTTP/1.1\r\n"
        )
    );
    assert!(request.contains("authorization: SharedAccessSignature sr=a&sig=hunter2&se=1\r\n"));
    assert!(request.contains("iothub-app-alert: true\r\n"));
    assert!(request.ends_with("\r\n\r\n{}"));
}

#[tokio::test]
async fn a_trace_never_shows_the_token() {
    let server = Server::start(&[]).await;
    let told = RefCell::new(Vec::new());
    let notify = |notice: Notice<'_>| told.borrow_mut().push(format!("{notice:?}"));
    let client = client_of(&server, &notify);
    send(&client).await.unwrap();
    let told = told.borrow().concat();
    assert!(told.contains("Sensitive"));
    assert!(!told.contains("hunter2"));
    assert!(!format!("{:?}", post(&client)).contains("hunter2"));
}

#[tokio::test]
async fn throttling_and_failing_services_are_tried_again() {
    let server = Server::start(&[
        Turn::Say("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"),
        Turn::Say("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops"),
        Turn::Say("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
    ])
    .await;
    let (retries, outcome, told) = send_patiently(&server).await;
    assert_eq!((retries, outcome.unwrap()), (3, 204));
    assert_eq!(told[0], "false the hub answered 429: Too Many Requests");
    assert_eq!(told[1], "false the hub answered 500: oops");
    assert_eq!(
        *server.connections.lock().unwrap(),
        1,
        "the connection is kept alive"
    );
}

#[tokio::test]
async fn a_reset_is_tried_again_and_may_arrive_twice() {
    let server = Server::start(&[
        Turn::HangUp,
        Turn::SayAndHangUp("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 100\r\n\r\nhalf"),
        Turn::SayAndHangUp("HTTP/1.1 20"),
        Turn::Wait,
    ])
    .await;
    let (retries, outcome, told) = send_patiently(&server).await;
    assert_eq!((retries, outcome.unwrap()), (4, 204));
    let twice: Vec<bool> = told.iter().map(|line| line.starts_with("true")).collect();
    assert_eq!(twice, [true, false, true, true], "{told:?}");
}

#[tokio::test]
async fn a_connection_closed_between_requests_is_replaced() {
    let server = Server::start(&[
        Turn::SayAndHangUp("HTTP/1.1 204 No Content\r\n\r\n"),
        Turn::SayAndHangUp("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    ])
    .await;
    let client = client_of(&server, &ignore);
    let backoff = Backoff {
        first: Duration::ZERO,
        ..Backoff::default()
    };
    for _ in 0..3 {
        let (_, outcome) = persist(&backoff, false, false, &ignore, async || {
            send(&client).await
        })
        .await;
        assert_eq!(outcome.unwrap(), 204);
    }
}

#[tokio::test]
async fn refusals_carry_code_tracking_id_and_date() {
    let server = Server::start(&[Turn::Say(
        "HTTP/1.1 401 Unauthorized\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\niothub-errorcode: IotHubUnauthorizedAccess\r\nContent-Length: 107\r\n\r\n{\"Message\":\"ErrorCode:IotHubUnauthorizedAccess;Unauthorized\",\"ExceptionMessage\":\"Tracking ID:0d6d-G:9-T:1\"}",
    )])
    .await;
    let error = send(&client_of(&server, &ignore)).await.unwrap_err();
    let HttpsError::Service(refusal) = error else {
        panic!("{error:?}")
    };
    assert_eq!(refusal.error.code, Some(401_002));
    assert_eq!(refusal.error.tracking_id.as_deref(), Some("0d6d-G:9-T:1"));
    assert_eq!(refusal.date.unwrap().timestamp(), 784_887_151);
    assert_eq!(
        refusal.to_string(),
        "the hub answered 401, 401002 IotHubUnauthorizedAccess: Unauthorized"
    );
}

#[tokio::test]
async fn an_identity_is_read_and_nonsense_is_told() {
    let server = Server::start(&[
        Turn::Say("HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"deviceId\":\"Device1\"}"),
        Turn::Say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"),
        Turn::SayAndHangUp("HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{\"dev"),
    ])
    .await;
    let client = client_of(&server, &ignore);
    let token = Secret::new("SharedAccessSignature sr=a");
    let identity = client.identity(&token, &device(), None).await.unwrap();
    assert_eq!(identity.device_id, "Device1");
    assert!(server.requests()[0].starts_with("GET /devices/device1?api-version="));
    let error = client.identity(&token, &device(), None).await.unwrap_err();
    assert!(
        matches!(error, HttpsError::Unreadable { status: 200, .. }),
        "{error:?}"
    );
    let error = client.identity(&token, &device(), None).await.unwrap_err();
    assert!(
        matches!(error, HttpsError::Broken { sent: true, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_way_there_fails_in_its_own_words() {
    let server = Server::start(&[]).await;
    let options = HubClientOptions {
        host: &server.host,
        ca_file: None,
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(10),
        notify: &ignore,
    };
    let unknown = send(&HubClient::new(&options).unwrap()).await.unwrap_err();
    let HttpsError::Dial(dial) = &unknown else {
        panic!("{unknown:?}")
    };
    assert!(
        matches!(dial.tls_error(), Some(rustls::Error::InvalidCertificate(_))),
        "{unknown:?}"
    );

    let nowhere = Host::parse("no-such-host.invalid").unwrap();
    let client = HubClient::new(&HubClientOptions {
        host: &nowhere,
        ..options
    })
    .unwrap();
    let unresolved = send(&client).await.unwrap_err();
    assert!(
        matches!(unresolved, HttpsError::Dial(DialError::Resolve { .. })),
        "{unresolved:?}"
    );

    // A port that was free a moment ago and has nobody listening.
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let closed = Host::parse(&format!("127.0.0.1:{port}")).unwrap();
    let client = HubClient::new(&HubClientOptions {
        host: &closed,
        ..options
    })
    .unwrap();
    let refused = send(&client).await.unwrap_err();
    assert!(
        matches!(refused, HttpsError::Dial(DialError::Connect { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = Host::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let client = HubClient::new(&HubClientOptions {
        host: &host,
        ca_file: None,
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(10),
        notify: &ignore,
    });
    let error = send(&client.unwrap()).await.unwrap_err();
    assert!(
        matches!(error, HttpsError::Dial(DialError::Tls { .. })),
        "{error:?}"
    );
}

#[test]
fn ids_that_a_url_would_swallow_are_refused() {
    let host = Host::parse("localhost").unwrap();
    let client = HubClient::new(&HubClientOptions {
        host: &host,
        ca_file: None,
        connect_timeout: Duration::from_secs(1),
        request_timeout: Duration::from_secs(1),
        notify: &ignore,
    })
    .unwrap();
    let error = client.event_post(&"..".parse().unwrap(), HeaderMap::new());
    assert!(matches!(error, Err(HttpsError::Address { .. })));
    let odd = client.event_post(&"A1-:.+%_#*?!(),=@;$'".parse().unwrap(), HeaderMap::new());
    assert!(
        odd.unwrap()
            .url()
            .contains("/devices/A1-%3A.%2B%25_%23%2A%3F%21%28%29%2C%3D%40%3B%24%27/")
    );
}
