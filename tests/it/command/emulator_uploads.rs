//! Files that devices upload by way of the emulator, and what the service hears of them.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::support::rest::{Answer, Owner, client};
use crate::support::runtime::current_thread;
use crate::support::{BlobServer, Emulator, Hubctl, blob_server};

const FILES: &str = "/devices/device1/files";
const DONE: &str = "/devices/device1/files/notifications";
const NOTIFICATIONS: &str = "/messages/serviceBound/filenotifications";

/// A hub with that storage, asked by its owner, who may speak for devices too.
struct Bench {
    hub: Emulator,
    owner: Owner,
    client: Client,
}

impl Bench {
    fn start(storage: &BlobServer, arguments: &[&str]) -> Self {
        let account = storage.connection_string();
        Self::of(Emulator::start_kept(
            &[&["--storage", account.as_str()], arguments].concat(),
        ))
    }

    fn of(hub: Emulator) -> Self {
        Self {
            owner: Owner::of(&hub),
            client: client(&hub),
            hub,
        }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.owner.ask(Method::POST, path, None, &body).await
    }

    async fn begin(&self, name: &str) -> Value {
        let (status, _, body) = self.post(FILES, json!({ "blobName": name })).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// What the service is told next, and the lock.
    async fn notification(&self) -> Option<(Value, String)> {
        let request = self.owner.request(Method::GET, NOTIFICATIONS);
        let answer = request.send().await.unwrap();
        if answer.status() == StatusCode::NO_CONTENT {
            return None;
        }
        let lock = answer.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(
            answer.headers()["content-type"],
            "application/vnd.microsoft.iothub.filenotification.json"
        );
        let body = answer.bytes().await.unwrap();
        let body = serde_json::from_slice(&body).unwrap();
        Some((body, lock.trim_matches('"').to_owned()))
    }
}

/// Where a device puts its file, as Microsoft's libraries put it together.
fn target(granted: &Value) -> String {
    let text = |name: &str| granted[name].as_str().unwrap();
    format!(
        "https://{}/{}/{}{}",
        text("hostName"),
        text("containerName"),
        text("blobName"),
        text("sasToken")
    )
}

/// The number in an answer of the form that files have for errors.
fn code(answer: &Value) -> i64 {
    let message = answer["Message"].as_str().unwrap();
    let message: Value = serde_json::from_str(message).unwrap();
    message["errorCode"].as_i64().unwrap()
}

#[test]
fn a_device_uploads_and_the_service_hears_of_it_after_a_crash_too() {
    let storage = BlobServer::start();
    let account = storage.connection_string();
    let bench = Bench::start(&storage, &["--storage-container", "files"]);
    current_thread().block_on(async {
        let granted = bench.begin("logs/a b.txt").await;
        assert_eq!(granted["blobName"], "device1/logs/a b.txt");
        assert_eq!(granted["containerName"], "files");
        // Storage speaks no TLS, so the file goes by way of the hub.
        let port = bench.hub.port("https");
        assert_eq!(granted["hostName"], format!("localhost:{port}"));
        let put = bench.client.put(target(&granted)).body(vec![b'x'; 3_000_000]);
        let put = put.header("x-ms-blob-type", "BlockBlob").send().await;
        assert_eq!(put.unwrap().status(), StatusCode::CREATED);
        assert_eq!(storage.blob("files/device1/logs/a b.txt").unwrap().len(), 3_000_000);
        let read = bench.client.get(target(&granted)).send().await.unwrap();
        assert_eq!(read.bytes().await.unwrap().len(), 3_000_000);

        assert!(bench.notification().await.is_none());
        let done = json!({ "correlationId": granted["correlationId"], "isSuccess": true, "statusCode": 200, "statusDescription": "ok" });
        let (status, _, body) = bench.post(DONE, done.clone()).await;
        assert_eq!((status, body), (StatusCode::NO_CONTENT, Value::Null));
        let (status, _, body) = bench.post(DONE, done).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, 400_015));
    });
    let begun = current_thread().block_on(bench.begin("later.txt"));
    let again = ["--storage", &account, "--storage-container", "files"];
    let bench = Bench::of(bench.hub.kill_and_restart(&again));
    current_thread().block_on(async {
        let (told, lock) = bench.notification().await.unwrap();
        assert_eq!(told["deviceId"], "device1");
        assert_eq!(told["blobName"], "device1/logs/a b.txt");
        assert_eq!(told["blobSizeInBytes"], 3_000_000);
        assert_eq!(told["lastUpdatedTime"], "2026-02-28T10:20:30+00:00");
        let uri = format!("{}/files/device1/logs/a%20b.txt", storage.endpoint());
        assert_eq!(told["blobUri"], uri);
        assert!(bench.notification().await.is_none());
        let path = format!("{NOTIFICATIONS}/{lock}");
        let completed = bench.owner.request(Method::DELETE, &path).send().await;
        assert_eq!(completed.unwrap().status(), StatusCode::NO_CONTENT);
        // An upload that was begun before the crash is ended behind it; Node says which in the path.
        let correlation = begun["correlationId"].as_str().unwrap();
        let path = format!("{DONE}/{}", correlation.replace('=', "%3D"));
        let (status, _, _) = bench.post(&path, json!({ "isSuccess": false })).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert!(bench.notification().await.is_none());
    });
}

#[test]
fn storage_that_speaks_tls_is_named_to_devices_itself() {
    let storage = BlobServer::start_encrypted();
    let ca_file = storage.ca_file();
    let bench = Bench::start(&storage, &["--storage-ca-file", ca_file.to_str().unwrap()]);
    current_thread().block_on(async {
        let granted = bench.begin("f").await;
        let host = storage.endpoint().replace("https://", "");
        assert_eq!(granted["hostName"], host);
        storage.put("uploads/device1/f", "content");
        let done = json!({ "correlationId": granted["correlationId"], "isSuccess": true });
        assert_eq!(bench.post(DONE, done).await.0, StatusCode::NO_CONTENT);
        let (told, _) = bench.notification().await.unwrap();
        assert_eq!(told["blobSizeInBytes"], 7);
    });
}

#[test]
fn what_storage_refuses_is_told_and_leaves_no_upload_behind() {
    let storage = BlobServer::start();
    let bench = Bench::start(&storage, &[]);
    current_thread().block_on(async {
        storage.refuse(Some(StatusCode::FORBIDDEN));
        for _ in 0..11 {
            let (status, _, body) = bench.post(FILES, json!({ "blobName": "f" })).await;
            assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, 400_020));
            let text = body.to_string();
            assert!(text.contains("403 Forbidden (Code403)"), "{text}");
            assert!(
                !text.contains("sig=") && !text.contains(blob_server::KEY),
                "{text}"
            );
        }
        storage.refuse(None);
        let granted = bench.begin("f").await;
        // Nothing was uploaded.
        let done = json!({ "correlationId": granted["correlationId"], "isSuccess": true });
        let (status, _, body) = bench.post(DONE, done).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, 400_020));
        for _ in 0..9 {
            bench.begin("f").await;
        }
        let (status, headers, body) = bench.post(FILES, json!({ "blobName": "f" })).await;
        assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, 403_006));
        let name = "DeviceMaximumActiveFileUploadLimitExceeded";
        assert_eq!(headers["iothub-errorcode"], name);
        // The container is made once, and looked for again when a blob is not in it.
        let made = storage.requests();
        let made = made
            .iter()
            .filter(|line| line.contains("restype=container"));
        assert_eq!(made.count(), 13);
    });
}

#[test]
fn what_cannot_be_uploaded_is_refused() {
    // Nobody listens at port 9, and the emulator starts all the same.
    let nowhere = format!(
        "AccountName=acct;AccountKey={};BlobEndpoint=http://127.0.0.1:9/acct",
        blob_server::KEY
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("storage.txt");
    std::fs::write(&file, nowhere + "\n").unwrap();
    let file = format!("@{}", file.display());
    let bench = Bench::of(Emulator::start(&["--storage", &file]));
    let bare = Bench::of(Emulator::start(&[]));
    current_thread().block_on(async {
        let refusal = |answer: Answer| (answer.0.as_u16(), code(&answer.2));
        let named = || json!({ "blobName": "f" });
        assert_eq!(refusal(bench.post(FILES, named()).await), (503, 503_001));
        assert_eq!(refusal(bare.post(FILES, named()).await), (400, 400_014));
        for body in [
            json!({}),
            json!({ "blobName": "" }),
            json!([]),
            json!({ "blobName": "x".repeat(1017) }),
        ] {
            assert_eq!(refusal(bench.post(FILES, body).await), (400, 400_004));
        }
        for body in [
            json!({}),
            json!({ "correlationId": "none", "isSuccess": true }),
        ] {
            assert_eq!(refusal(bench.post(DONE, body).await), (400, 400_015));
        }
        let (status, _, _) = bench.post("/devices/nobody/files", named()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn a_string_that_is_no_accounts_is_told_without_its_key() {
    for text in [
        "AccountName=acct;AccountKey=hunter2!",
        "hunter2",
        "AccountName=a",
    ] {
        let run = Hubctl::new(&["emulator", "--storage", text]).run();
        assert_eq!(run.code, 3, "{}", run.stderr);
        assert!(run.stderr.contains("--storage"), "{}", run.stderr);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    let run = Hubctl::new(&["emulator", "--storage-container", "Uploads"]).run();
    assert_eq!(run.code, 2, "{}", run.stderr);
}
