//! The registry on its way to storage and back.

use super::*;
use crate::emulator::hub::command::{
    Direction, ExportPlace, Exported, TransferOperation, TransferRequest,
};

fn work(hub: &mut Hub, operation: TransferOperation) -> Result<Reply, Refusal> {
    ask(hub, Command::Transfer(operation))
}

fn export() -> TransferRequest {
    TransferRequest {
        direction: Direction::Export,
        input: None,
        input_blob: String::new(),
        output: "https://h/c?sig=hunter2".to_owned(),
        output_blob: "devices.txt".to_owned(),
        configurations_blob: None,
        excludes_keys: false,
        by_identity: false,
    }
}

fn create(hub: &mut Hub, policy: &str) -> Result<String, Refusal> {
    let operation = TransferOperation::Create {
        token: policy_token(policy),
        request: Box::new(export()),
    };
    work(hub, operation).map(|reply| match reply {
        Reply::Json(job) => job["jobId"].as_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    })
}

fn page(hub: &mut Hub, id: &str, after: Option<ExportPlace>) -> Result<Exported, Refusal> {
    let id = id.to_owned();
    work(hub, TransferOperation::Export { id, after }).map(|reply| match reply {
        Reply::Exported(page) => page,
        other => panic!("{other:?}"),
    })
}

fn job(hub: &mut Hub, id: &str) -> serde_json::Value {
    let operation = TransferOperation::Read {
        token: policy_token("registryRead"),
        id: id.to_owned(),
    };
    match work(hub, operation) {
        Ok(Reply::Json(job)) => job,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_export_gives_every_identity_once_devices_first() {
    let mut hub = hub();
    for n in 0..1000 {
        hub.register(now(), &format!("d{n:04}")).unwrap();
    }
    write(&mut hub, "d0007", module_body("d0007", "m"), None).unwrap();
    let id = create(&mut hub, "registryReadWrite").unwrap();
    let (mut rows, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = page(&mut hub, &id, after).unwrap();
        rows.extend(page.rows);
        pages += 1;
        let progress = job(&mut hub, &id)["progress"].as_u64().unwrap();
        assert!((49..100).contains(&progress), "{progress}");
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((rows.len(), pages), (1001, 4));
    assert_eq!(rows[1000]["moduleId"], "m");
    assert!(rows[..1000].is_sorted_by_key(|row| row["id"].as_str().unwrap().to_owned()));
}

#[test]
fn one_is_under_way_at_a_time_and_ends_once() {
    let mut hub = hub();
    for policy in ["service", "device", "registryRead"] {
        assert_eq!(create(&mut hub, policy).unwrap_err().code.number, 401_003);
    }
    let first = create(&mut hub, "iothubowner").unwrap();
    assert_eq!(
        create(&mut hub, "iothubowner").unwrap_err().code.number,
        403_003
    );
    let cancel = TransferOperation::Cancel {
        token: policy_token("iothubowner"),
        id: first.clone(),
    };
    work(&mut hub, cancel).unwrap();
    assert!(page(&mut hub, &first, None).is_err());
    let end = |id: &str, failure: Option<&str>| TransferOperation::End {
        id: id.to_owned(),
        failure: failure.map(str::to_owned),
    };
    work(&mut hub, end(&first, Some("late"))).unwrap();
    let shown = job(&mut hub, &first);
    assert_eq!(
        (&shown["status"], &shown["failureReason"]),
        (&"cancelled".into(), &serde_json::Value::Null)
    );
    let second = create(&mut hub, "iothubowner").unwrap();
    work(&mut hub, end(&second, Some("why"))).unwrap();
    let shown = job(&mut hub, &second);
    assert_eq!(shown["failureReason"], "why");
    assert!(!shown.to_string().contains("hunter2"), "{shown}");
    // One that never began is as if it had never been.
    let third = create(&mut hub, "iothubowner").unwrap();
    work(&mut hub, TransferOperation::Withdraw { id: third }).unwrap();
    let list = TransferOperation::List {
        token: policy_token("registryRead"),
    };
    match work(&mut hub, list) {
        Ok(Reply::Json(jobs)) => assert_eq!(jobs.as_array().unwrap().len(), 2),
        other => panic!("{other:?}"),
    }
}
