//! The driver over a real store whose disk can be full.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use chrono::TimeDelta;

use super::*;
use crate::emulator::hub::command::{
    Credential, DeviceMessage, Feed, Grant, JobOperation, JobRequest, RegistryOperation, Task,
    TwinOperation,
};
use crate::emulator::hub::options::HubOptions;
use crate::emulator::hub::record::Kept;
use crate::emulator::store::{Store, Wanted};
use crate::emulator::test_hub::{KEY, options};
use crate::model::device::{Identity, IdentityId};
use crate::model::secret::Secret;
use crate::model::twin::TwinChange;
use crate::protocol::amqp::filter::Position;
use crate::protocol::sas::{SigningKey, mint};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap()
}

/// A store that can be told to fail.
#[derive(Debug)]
struct Disk {
    store: Store,
    is_full: AtomicBool,
    written: tokio::sync::Notify,
}

impl Keeper for Disk {
    fn keep(&self, records: &[Record]) -> Result<(), String> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err("No space left on device".to_owned());
        }
        self.store
            .keep(records)
            .inspect(|()| self.written.notify_one())
    }

    fn read(&self, range: &StoredRange) -> Result<Vec<Arc<StoredEvent>>, String> {
        self.store.read(range)
    }
}

fn open(directory: &std::path::Path) -> (Arc<Disk>, Kept) {
    let wanted = Wanted {
        partitions: Some(1),
        usual_partitions: 4,
        retention_bytes: 1 << 30,
    };
    let (store, kept) = Store::open(now(), directory, wanted).unwrap();
    let disk = Disk {
        store,
        is_full: AtomicBool::new(false),
        written: tokio::sync::Notify::new(),
    };
    (Arc::new(disk), kept)
}

fn begin(disk: &Arc<Disk>, kept: Kept) -> (HubHandle, oneshot::Receiver<()>) {
    begin_at(disk, kept, now)
}

fn begin_at(
    disk: &Arc<Disk>,
    kept: Kept,
    clock: fn() -> DateTime<Utc>,
) -> (HubHandle, oneshot::Receiver<()>) {
    let options = HubOptions {
        retention_bytes: 1 << 30,
        ..options(1)
    };
    let hub = Hub::restore(options, kept).unwrap();
    start_kept(hub, Clock::new(clock), Arc::clone(disk) as Arc<dyn Keeper>).unwrap()
}

fn token() -> String {
    let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
    let expiry = now().timestamp() + 3600;
    let token = mint(&key, "localhost", expiry, Some("iothubowner"));
    token.expose().to_owned()
}

fn registration(device: &str) -> Command {
    Command::Registry {
        token: Some(token()),
        operation: RegistryOperation::Write {
            device: device.to_owned(),
            module: None,
            identity: Box::new(Identity {
                device_id: device.to_owned(),
                ..Identity::default()
            }),
            if_match: None,
        },
    }
}

fn event(body: &'static str) -> Command {
    Command::SendEvents {
        credential: Some(Credential::token(token())),
        device: "d".to_owned(),
        messages: vec![DeviceMessage {
            body: Bytes::from_static(body.as_bytes()),
            ..DeviceMessage::default()
        }],
    }
}

async fn reader(hub: &HubHandle) -> (ListenerId, mpsc::UnboundedReceiver<Notice>) {
    let (reader, notices) = hub.register_listener().await.unwrap();
    let open = Command::OpenReader {
        reader,
        group: "$Default".to_owned(),
        partition: "0".to_owned(),
        position: Position::Earliest,
        epoch: None,
        name: None,
    };
    hub.ask(open).await.unwrap();
    (reader, notices)
}

async fn read(hub: &HubHandle, reader: ListenerId) -> Vec<(i64, String)> {
    let Ok(Reply::Events(events)) = hub.ask(Command::Read { reader, max: 100 }).await else {
        panic!("no events")
    };
    let body = |event: &Arc<StoredEvent>| {
        let text = event.encoded.slice(event.encoded.len() - 1..);
        (
            event.sequence_number,
            String::from_utf8(text.to_vec()).unwrap(),
        )
    };
    events.iter().map(body).collect()
}

fn expected(events: &[(i64, &str)]) -> Vec<(i64, String)> {
    let owned = |(number, body): &(i64, &str)| (*number, (*body).to_owned());
    events.iter().map(owned).collect()
}

#[tokio::test]
async fn with_the_disk_full_the_hub_refuses_goes_on_and_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (disk, kept) = open(home.path());
    let (hub, end) = begin(&disk, kept);
    hub.ask(registration("d")).await.unwrap();
    hub.ask(event("a")).await.unwrap();
    let (id, _notices) = reader(&hub).await;

    disk.is_full.store(true, Ordering::SeqCst);
    for refused in [event("b"), event("c"), registration("e")] {
        let refusal = hub.ask(refused).await.unwrap_err();
        assert_eq!(refusal.code.http_status(), 503);
        assert!(refusal.message.contains("No space left"), "{refusal:?}");
    }
    assert_eq!(read(&hub, id).await, expected(&[(0, "a")]));
    assert_eq!(read(&hub, id).await, []);
    let describe = || Command::DescribePartition {
        partition: "0".to_owned(),
    };
    let Ok(Reply::Partition(state)) = hub.ask(describe()).await else {
        panic!("no partition")
    };
    assert_eq!(state.last_sequence_number, 0);
    let login = Command::PutToken { token: token() };
    assert!(matches!(
        hub.ask(login).await,
        Ok(Reply::Granted(Grant { .. }))
    ));

    disk.is_full.store(false, Ordering::SeqCst);
    hub.ask(event("d")).await.unwrap();
    hub.ask(registration("e")).await.unwrap();
    assert_eq!(read(&hub, id).await, expected(&[(1, "d")]));

    drop(hub);
    end.await.unwrap();
    drop(disk);
    let (disk, kept) = open(home.path());
    assert_eq!(kept.identities.len(), 2);
    let (hub, _end) = begin(&disk, kept);
    let (id, _notices) = reader(&hub).await;
    assert_eq!(read(&hub, id).await, expected(&[(0, "a"), (1, "d")]));
    hub.ask(event("f")).await.unwrap();
    assert_eq!(read(&hub, id).await, expected(&[(2, "f")]));
}

#[tokio::test]
async fn whose_session_is_closed_is_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let (disk, kept) = open(home.path());
    let (hub, _end) = begin(&disk, kept);
    let (session, mut notices) = hub.register_listener().await.unwrap();
    hub.ask(Command::CloseSession { session }).await.unwrap();
    assert_eq!(notices.recv().await, None);
}

#[tokio::test]
async fn with_the_disk_full_devices_are_told_of_no_twin_that_never_was() {
    let home = tempfile::tempdir().unwrap();
    let (disk, kept) = open(home.path());
    let (hub, _end) = begin(&disk, kept);
    hub.ask(registration("d")).await.unwrap();
    let identity = IdentityId {
        device: "d".to_owned(),
        module: None,
    };
    let (session, mut notices) = hub.register_listener().await.unwrap();
    let open = Command::OpenSession {
        session,
        identity: identity.clone(),
        credential: Credential::token(token()),
    };
    hub.ask(open).await.unwrap();
    let listen = Command::Listen {
        session,
        feed: Feed::Desired,
        on: true,
    };
    hub.ask(listen).await.unwrap();
    let desire = |value: u32| {
        let body = serde_json::json!({ "properties": { "desired": { "a": value } } });
        Command::Twin(TwinOperation::Change {
            token: Some(token()),
            identity: identity.clone(),
            change: Box::new(TwinChange::parse(&body, false).unwrap()),
            if_match: None,
        })
    };

    disk.is_full.store(true, Ordering::SeqCst);
    hub.ask(desire(1)).await.unwrap_err();
    disk.is_full.store(false, Ordering::SeqCst);
    hub.ask(desire(2)).await.unwrap();
    let told = Notice::Desired {
        version: 2,
        patch: serde_json::json!({ "a": 2, "$version": 2 }),
    };
    assert_eq!(notices.recv().await, Some(told));
}

#[tokio::test]
async fn a_job_that_is_overdue_begins_though_nobody_asks() {
    let home = tempfile::tempdir().unwrap();
    let (disk, kept) = open(home.path());
    let (hub, end) = begin(&disk, kept);
    let request = JobRequest {
        condition: "*".to_owned(),
        start: Some(now() + TimeDelta::seconds(60)),
        max_seconds: 1,
        task: Task::UpdateTwin {
            change: Box::default(),
            if_match: None,
        },
        shown: serde_json::json!({}),
    };
    let operation = JobOperation::Create {
        id: "j".to_owned(),
        request: Box::new(request),
    };
    let token = Some(token());
    hub.ask(Command::Job { token, operation }).await.unwrap();
    drop((hub, disk));
    end.await.unwrap();

    let (disk, kept) = open(home.path());
    assert_eq!(kept.jobs.len(), 1);
    let later = || now() + TimeDelta::hours(1);
    let (hub, end) = begin_at(&disk, kept, later);
    disk.written.notified().await;
    drop((hub, disk));
    end.await.unwrap();
    let (_, kept) = open(home.path());
    assert_eq!(kept.jobs[0].facts.ended, Some(later()));
}
