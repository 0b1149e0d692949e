//! Jobs that carry the registry to storage and back.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::rest::Owner;
use crate::support::runtime::current_thread;
use crate::support::{BlobServer, Emulator};

struct Bench {
    // It ends with the test.
    _hub: Emulator,
    owner: Owner,
    storage: BlobServer,
}

impl Bench {
    fn start(arguments: impl FnOnce(&BlobServer) -> Vec<String>) -> Self {
        let storage = BlobServer::start();
        let arguments = arguments(&storage);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let hub = Emulator::start(&arguments);
        Self {
            owner: Owner::of(&hub),
            _hub: hub,
            storage,
        }
    }

    fn container(&self, name: &str) -> String {
        format!("{}/{name}?sv=1&sig=hunter2", self.storage.endpoint())
    }

    async fn create(&self, job: Value) -> (StatusCode, Value) {
        let answer = self.owner.ask(Method::POST, "/jobs/create", None, &job);
        let (status, _, body) = answer.await;
        (status, body)
    }

    /// Makes a job and waits for its end.
    async fn run(&self, job: Value) -> Value {
        let (status, made) = self.create(job).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        assert_eq!(made["status"], "enqueued");
        let path = format!("/jobs/{}", made["jobId"].as_str().unwrap());
        let is_over = |job: &Value| !job["endTimeUtc"].is_null();
        self.owner.read_until(&path, is_over).await
    }

    async fn import(&self, container: &str) -> Value {
        let uri = self.container(container);
        self.run(json!({ "type": "import", "inputBlobContainerUri": uri, "outputBlobContainerUri": uri }))
            .await
    }

    /// The lines of a blob, each ended as the service ends them.
    fn lines(&self, blob: &str) -> Vec<Value> {
        let blob = self.storage.blob(blob).unwrap();
        let text = String::from_utf8(blob.to_vec()).unwrap();
        assert!(text.is_empty() || text.ends_with("\r\n"), "{text}");
        let lines = text.split("\r\n").filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn ids(lines: &[Value]) -> Vec<String> {
    let id = |line: &Value| {
        let module = line["moduleId"].as_str().map(|module| format!("/{module}"));
        format!(
            "{}{}",
            line["id"].as_str().unwrap(),
            module.unwrap_or_default()
        )
    };
    lines.iter().map(id).collect()
}

#[test]
fn a_registry_goes_out_and_comes_in_again() {
    let bench = Bench::start(|_| Vec::new());
    let other = Bench::start(|_| Vec::new());
    current_thread().block_on(async {
        bench.storage.put("in/devices.txt", concat!(
            "\u{feff}{\"id\":\"a\",\"importMode\":\"create\",\"status\":\"disabled\",\"statusReason\":\"new\",\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\",\"secondaryKey\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY4\"}},\"tags\":{\"floor\":3},\"properties\":{\"desired\":{\"speed\":1}}}\r\n",
            "\r\n",
            "{\"id\":\"b\"}\n",
            "{\"id\":\"b\",\"moduleId\":\"m\",\"managedBy\":\"me\"}",
        ));
        let job = bench.import("in").await;
        assert_eq!((&job["status"], &job["progress"]), (&json!("completed"), &json!(100)), "{job}");
        assert_eq!(bench.storage.blob("in/importErrors.log").unwrap().len(), 0);

        let output = bench.container("out");
        bench.storage.put("out/x", "");
        let export = json!({ "type": "export", "outputBlobContainerUri": output, "excludeKeysInExport": false });
        let job = bench.run(export).await;
        assert_eq!(job["status"], "completed", "{job}");
        assert!(!job.to_string().contains("hunter2"), "{job}");
        let lines = bench.lines("out/devices.txt");
        assert_eq!(ids(&lines), ["a", "b", "device1", "b/m"]);
        let first = &lines[0];
        assert_eq!(first["status"], "disabled");
        assert_eq!(first["statusReason"], "new");
        assert_eq!(first["tags"], json!({ "floor": 3 }));
        assert_eq!(first["properties"]["desired"]["speed"], 1);
        let key = &first["authentication"]["symmetricKey"]["primaryKey"];
        assert_eq!(key, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3");
        assert!(first["eTag"].is_string() && first["twinETag"].is_string());
        assert_eq!(lines[3]["managedBy"], "me");

        // What went out comes in again at a hub that has nothing, with its keys.
        let out = bench.storage.blob("out/devices.txt").unwrap();
        other.storage.put("in/devices.txt", out);
        let job = other.import("in").await;
        assert_eq!(job["status"], "completed", "{job}");
        assert_eq!(other.lines("in/importErrors.log"), [Value::Null; 0]);
        let path = "/devices/device1";
        let [there, here] = [other.owner.read(path).await, bench.owner.read(path).await];
        assert_eq!(there["authentication"], here["authentication"]);
        let twin = other.owner.read("/twins/a").await;
        assert_eq!(twin["properties"]["desired"]["speed"], 1);

        let export = json!({ "type": "export", "outputBlobContainerUri": output, "outputBlobName": "no keys.txt", "excludeKeysInExport": true });
        bench.run(export).await;
        assert!(bench.lines("out/no keys.txt")[0]["authentication"].is_null());
        assert_eq!(bench.owner.read("/jobs").await.as_array().unwrap().len(), 3);
    });
}

#[test]
fn each_line_is_carried_out_or_refused_by_itself() {
    let bench = Bench::start(|_| Vec::new());
    current_thread().block_on(async {
        let etag = bench.owner.read("/devices/device1").await["etag"].clone();
        let long = format!("{{\"id\":\"{}\"}}", "x".repeat(1_100_000));
        let mut lines: Vec<String> = (0..250).map(|n| format!("{{\"id\":\"d{n:03}\"}}")).collect();
        lines.extend([
            "{\"id\":\"d000\",\"importMode\":\"create\"}".to_owned(),
            "{\"id\":\"none\",\"importMode\":\"update\"}".to_owned(),
            "{\"id\":\"device1\",\"importMode\":\"updateIfMatchETag\",\"eTag\":\"wrong\"}".to_owned(),
            format!("{{\"id\":\"device1\",\"importMode\":\"updateIfMatchETag\",\"eTag\":{etag},\"status\":\"disabled\"}}"),
            "{\"id\":\"d001\",\"importMode\":\"delete\"}".to_owned(),
            "{\"id\":\"d002\",\"importMode\":\"updateTwin\",\"tags\":{\"a\":1}}".to_owned(),
            "{\"id\":\"d003\",\"authentication\":\"hunter2\"}".to_owned(),
            long,
            "{\"id\":\"d001\",\"moduleId\":\"m\"}".to_owned(),
        ]);
        bench.storage.put("in/all.txt", lines.join("\n"));
        let uri = bench.container("in");
        let job = json!({ "type": "import", "inputBlobContainerUri": uri, "inputBlobName": "all.txt", "outputBlobContainerUri": uri });
        assert_eq!(bench.run(job).await["status"], "completed");
        let errors = bench.lines("in/importErrors.log");
        let of = |id: &str| {
            let found = errors.iter().filter(|line| line["deviceId"] == id);
            found.map(|line| line["errorCode"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(of("d000"), [409_001]);
        assert_eq!(of("none"), [404_001]);
        assert_eq!(of("device1"), [412_001]);
        assert_eq!(of("d001"), [404_001]);
        let unread: Vec<&str> = errors
            .iter()
            .filter(|line| line["errorCode"] == 400_012)
            .map(|line| line["errorStatus"].as_str().unwrap())
            .collect();
        assert_eq!(unread.len(), 2, "{unread:?}");
        assert!(unread[0].contains("line 257:") && !unread[0].contains("hunter2"), "{unread:?}");
        assert!(unread[1].contains("line 258: It is too long."), "{unread:?}");
        assert_eq!(errors.len(), 6);
        let statistics = bench.owner.read("/statistics/devices").await;
        assert_eq!(statistics["totalDeviceCount"], 250);
        assert_eq!(statistics["disabledDeviceCount"], 1);
        assert_eq!(bench.owner.read("/twins/d002").await["tags"], json!({ "a": 1 }));
    });
}

#[test]
fn many_identities_go_out_page_by_page_and_in_blocks() {
    let bench = Bench::start(|_| Vec::new());
    current_thread().block_on(async {
        // Enough for two pages, and for more than one block.
        let tag = "x".repeat(3900);
        let lines =
            (0..1200).map(|n| format!("{{\"id\":\"d{n:04}\",\"tags\":{{\"t\":\"{tag}\"}}}}\n"));
        bench
            .storage
            .put("in/devices.txt", lines.collect::<String>());
        assert_eq!(bench.import("in").await["status"], "completed");
        let uri = bench.container("in");
        let export =
            json!({ "type": "export", "outputBlobContainerUri": uri, "outputBlobName": "out.txt" });
        assert_eq!(bench.run(export).await["status"], "completed");
        let lines = bench.lines("in/out.txt");
        assert_eq!(lines.len(), 1201);
        assert!(ids(&lines).is_sorted());
        let requests = bench.storage.requests();
        let blocks = requests.iter().filter(|line| line.contains("comp=block&"));
        assert!(blocks.count() > 1, "{requests:?}");
    });
}

#[test]
fn containers_that_cannot_be_used_are_told_and_no_job_is_made() {
    let bench = Bench::start(|storage| vec!["--storage".to_owned(), storage.connection_string()]);
    current_thread().block_on(async {
        let refused = async |job: Value| {
            let (status, body) = bench.create(job).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
            let text = body["Message"].as_str().unwrap().to_owned();
            assert!(!text.contains("hunter2"), "{text}");
            text
        };
        let uri = bench.container("none");
        let import = |input: &str| json!({ "type": "import", "inputBlobContainerUri": input, "outputBlobContainerUri": uri });
        let export = |output: &str| json!({ "type": "export", "outputBlobContainerUri": output });
        let text = refused(import(&uri)).await;
        assert!(text.contains("BlobContainerValidationError;Failed to read devices blob from the input container"), "{text}");
        let text = refused(export(&uri)).await;
        assert!(text.contains("BlobContainerValidationError;Unauthorized to write to output blob container"), "{text}");
        let bare = format!("{}/none", bench.storage.endpoint());
        let text = refused(export(&bare)).await;
        assert!(text.contains("403 Forbidden"), "{text}");
        for no_container in ["hunter2", "ftp://h/c", "https://h/", "https:///c"] {
            let text = refused(export(no_container)).await;
            assert!(text.contains("no address of a container"), "{text}");
        }
        let mut stranger = export("https://other.blob.core.windows.net/c");
        stranger["storageAuthenticationType"] = "identityBased".into();
        let text = refused(stranger).await;
        assert!(text.contains("its own storage account"), "{text}");
        assert_eq!(bench.owner.read("/jobs").await, json!([]));

        // By who it is, the hub opens its own account's containers.
        bench.storage.put("own/x", "");
        let mut own = export(&format!("{}/own", bench.storage.endpoint()));
        own["storageAuthenticationType"] = "IdentityBased".into();
        let job = bench.run(own).await;
        assert_eq!((&job["status"], &job["storageAuthenticationType"]), (&json!("completed"), &json!("identityBased")));
        assert_eq!(ids(&bench.lines("own/devices.txt")), ["device1"]);
    });
}

#[test]
fn a_job_that_fails_says_why_and_one_is_under_way_at_a_time() {
    let bench = Bench::start(|_| Vec::new());
    current_thread().block_on(async {
        bench.storage.put("c/x", "");
        bench.storage.hold();
        let export = json!({ "type": "export", "outputBlobContainerUri": bench.container("c") });
        let (_, job) = bench.create(export.clone()).await;
        bench.storage.held().await;
        let (status, body) = bench.create(export.clone()).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
        assert!(
            body["Message"]
                .as_str()
                .unwrap()
                .contains("JobQuotaExceeded"),
            "{body}"
        );
        // Cancelled, it is over for all who ask, and the next one may come.
        let path = format!("/jobs/{}", job["jobId"].as_str().unwrap());
        let (status, _, _) = bench
            .owner
            .ask(Method::DELETE, &path, None, &Value::Null)
            .await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert_eq!(bench.owner.read(&path).await["status"], "cancelled");
        // That one does not wait for what storage still owes the first.
        bench.storage.refuse_blocks(Some(StatusCode::FORBIDDEN));
        let (_, next) = bench.create(export).await;
        let path = format!("/jobs/{}", next["jobId"].as_str().unwrap());
        let is_under_way = |job: &Value| job["status"] == "running";
        bench.owner.read_until(&path, is_under_way).await;
        bench.storage.release();
        let is_over = |job: &Value| !job["endTimeUtc"].is_null();
        let failed = bench.owner.read_until(&path, is_over).await;
        assert_eq!(failed["status"], "failed", "{failed}");
        let why = failed["failureReason"].as_str().unwrap();
        assert!(
            why.contains("403 Forbidden (Code403)") && !why.contains("sig="),
            "{why}"
        );
        let (status, _, body) = bench
            .owner
            .ask(Method::GET, "/jobs/none", None, &Value::Null)
            .await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
    });
}

#[test]
fn configurations_go_along() {
    let bench = Bench::start(|_| Vec::new());
    current_thread().block_on(async {
        let one = |id: &str, more: Value| {
            let mut one = json!({ "id": id, "schemaVersion": "1.0", "priority": 3, "targetCondition": "tags.a = 1",
                "labels": null, "importMode": "createOrUpdateIfMatchETag",
                "content": { "deviceContent": { "properties.desired.speed": 7 } } });
            one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            one.to_string()
        };
        let lines = [
            one("a", json!({})),
            one("b", json!({ "targetCondition": "hunter2 =" })),
            "{\"content\":".to_owned(),
            one("a", json!({ "etag": "wrong" })),
            one("a", json!({ "priority": 5 })),
        ];
        bench.storage.put("c/devices.txt", "{\"id\":\"d\",\"tags\":{\"a\":1}}");
        bench.storage.put("c/configurations.txt", lines.join("\r\n"));
        let uri = bench.container("c");
        let import = json!({ "type": "import", "inputBlobContainerUri": uri, "includeConfigurations": true });
        let job = bench.run(import).await;
        assert_eq!(job["status"], "completed", "{job}");
        let errors = bench.lines("c/importErrors.log");
        let codes: Vec<_> = errors
            .iter()
            .map(|line| (line["configurationId"].as_str(), line["errorCode"].as_u64()))
            .collect();
        let expected = [(Some("b"), Some(400_401)), (None, Some(400_012)), (Some("a"), Some(412_001))];
        assert_eq!(codes, expected, "{errors:?}");
        let there = bench.owner.read("/configurations/a").await;
        assert_eq!((&there["priority"], &there["targetCondition"]), (&json!(5), &json!("tags.a = 1")));
        assert_eq!(bench.owner.read("/twins/d").await["properties"]["desired"]["speed"], 7);

        let export = json!({ "type": "export", "outputBlobContainerUri": uri, "includeConfigurations": true, "configurationsBlobName": "all.txt" });
        assert_eq!(bench.run(export).await["status"], "completed");
        let lines = bench.lines("c/all.txt");
        assert_eq!((lines.len(), &lines[0]["id"], &lines[0]["priority"]), (1, &json!("a"), &json!(5)));
        // What went out comes in again where it came from.
        let import = json!({ "type": "import", "inputBlobContainerUri": uri, "includeConfigurations": true, "configurationsBlobName": "all.txt" });
        assert_eq!(bench.run(import).await["status"], "completed");
        assert_eq!(bench.lines("c/importErrors.log"), [Value::Null; 0]);
    });
}

#[test]
fn edge_devices_come_in_again_as_they_were_deployed() {
    let [bench, other] = [(), ()].map(|()| Bench::start(|_| Vec::new()));
    current_thread().block_on(async {
        bench.storage.put("e/devices.txt", "{\"id\":\"e\",\"capabilities\":{\"iotEdge\":true}}");
        assert_eq!(bench.import("e").await["status"], "completed");
        let agent = json!({ "schemaVersion": "1.1", "modules": {} });
        let content = json!({ "modulesContent": { "$edgeAgent": { "properties.desired": agent },
            "$edgeHub": { "properties.desired": { "schemaVersion": "1.1" } } } });
        let path = "/devices/e/applyConfigurationContent";
        let (status, _, body) = bench.owner.ask(Method::POST, path, None, &content).await;
        assert!(status.is_success(), "{body}");
        let output = bench.container("e");
        let export = json!({ "type": "export", "outputBlobContainerUri": output, "excludeKeysInExport": false });
        assert_eq!(bench.run(export).await["status"], "completed");
        assert_eq!(ids(&bench.lines("e/devices.txt")), ["device1", "e", "e/$edgeAgent", "e/$edgeHub"]);

        let out = bench.storage.blob("e/devices.txt").unwrap();
        other.storage.put("e/devices.txt", out);
        // Once into a hub that has nothing, and once more over what is there.
        for _ in 0..2 {
            assert_eq!(other.import("e").await["status"], "completed");
            assert_eq!(other.lines("e/importErrors.log"), [Value::Null; 0]);
            let twin = other.owner.read("/twins/e/modules/$edgeAgent").await;
            assert_eq!(twin["properties"]["desired"]["schemaVersion"], "1.1", "{twin}");
        }

        // Made, deleted or changed from outside they cannot be.
        let modes = ["create", "delete", "updateTwin"];
        let line = |mode| json!({ "id": "e", "moduleId": "$edgeAgent", "importMode": mode, "tags": { "a": 1 } }).to_string();
        other.storage.put("e/devices.txt", modes.map(line).join("\r\n"));
        other.import("e").await;
        let errors = other.lines("e/importErrors.log");
        assert_eq!(errors.len(), 3, "{errors:?}");
        let orphan = json!({ "id": "device1", "moduleId": "$edgeAgent" }).to_string();
        other.storage.put("e/devices.txt", orphan);
        other.import("e").await;
        assert_eq!(other.lines("e/importErrors.log").len(), 1);

        // Who stands behind an edge device names this hub's, not one of the same name elsewhere.
        let scope = &bench.owner.read("/devices/e").await["deviceScope"];
        let child = json!({ "id": "z", "parentScopes": [scope] }).to_string();
        for (hub, errors) in [(&bench, 0), (&other, 1)] {
            hub.storage.put("e/devices.txt", child.clone());
            hub.import("e").await;
            assert_eq!(hub.lines("e/importErrors.log").len(), errors);
        }
    });
}
