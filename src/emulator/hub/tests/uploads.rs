//! Files that devices upload.

use super::*;
use crate::emulator::hub::command::{
    Credential, FeedbackOperation, FoundBlob, GivenFileNotification, Outcome as Settlement,
    UploadOperation,
};
use crate::emulator::hub::test_kept::{self, at};

const LINK: ListenerId = ListenerId(9);

fn upload(hub: &mut Hub, ms: i64, operation: UploadOperation) -> Result<Reply, Refusal> {
    hub.apply(at(ms), Command::Upload(operation)).reply
}

fn begin(hub: &mut Hub, ms: i64, blob: &str) -> Result<String, Refusal> {
    let operation = UploadOperation::Begin {
        credential: Some(Credential::token(test_kept::token())),
        device: "d".to_owned(),
        blob: blob.to_owned(),
    };
    upload(hub, ms, operation).map(|reply| match reply {
        Reply::Upload { correlation, .. } => correlation,
        other => panic!("{other:?}"),
    })
}

fn end(
    hub: &mut Hub,
    ms: i64,
    correlation: &str,
    found: Option<FoundBlob>,
) -> Result<Reply, Refusal> {
    let operation = UploadOperation::End {
        credential: Some(Credential::token(test_kept::token())),
        device: "d".to_owned(),
        correlation: correlation.to_owned(),
        found,
    };
    upload(hub, ms, operation)
}

fn found() -> Option<FoundBlob> {
    Some(FoundBlob {
        uri: "http://h/c/d/f".to_owned(),
        size: 7,
        modified: at(-5000),
    })
}

fn take(hub: &mut Hub, ms: i64) -> Option<GivenFileNotification> {
    let take = FeedbackOperation::Take { listener: LINK };
    match hub.apply(at(ms), Command::FileNotifications(take)).reply {
        Ok(Reply::FileNotification(given)) => given,
        other => panic!("{other:?}"),
    }
}

fn settle(hub: &mut Hub, ms: i64, given: &GivenFileNotification, outcome: Settlement) -> Effects {
    let settle = FeedbackOperation::SettleTaken {
        listener: LINK,
        lock: given.lock,
        outcome,
    };
    hub.apply(at(ms), Command::FileNotifications(settle))
}

fn with_device() -> Hub {
    let mut hub = hub();
    hub.register(at(0), "d").unwrap();
    hub
}

fn number(outcome: Result<String, Refusal>) -> u32 {
    outcome.unwrap_err().code.number
}

#[test]
fn a_service_that_waits_hears_of_a_file_once_it_is_settled_no_more() {
    let mut hub = with_device();
    assert!(take(&mut hub, 0).is_none());
    let failed = begin(&mut hub, 0, "f").unwrap();
    end(&mut hub, 0, &failed, None).unwrap();
    let correlation = begin(&mut hub, 0, "f").unwrap();
    let operation = UploadOperation::End {
        credential: Some(Credential::token(test_kept::token())),
        device: "d".to_owned(),
        correlation,
        found: found(),
    };
    let effects = hub.apply(at(1), Command::Upload(operation));
    assert_eq!(effects.notices, [(LINK, Notice::Message)]);
    let given = take(&mut hub, 2).unwrap();
    assert_eq!(given.notification.blob_name, "d/f");
    assert_eq!(
        given.notification.last_updated_time,
        "2023-11-14T22:13:15+00:00"
    );
    assert_eq!(
        given.notification.enqueued_time_utc,
        "2023-11-14T22:13:20.0010000Z"
    );
    assert!(take(&mut hub, 2).is_none());
    let effects = settle(&mut hub, 3, &given, Settlement::Abandon);
    assert_eq!(effects.notices, [(LINK, Notice::Message)]);
    // A link that goes leaves it for the next one.
    take(&mut hub, 4).unwrap();
    hub.apply(at(5), Command::CloseReader { reader: LINK });
    let given = take(&mut hub, 6).unwrap();
    settle(&mut hub, 6, &given, Settlement::Complete)
        .reply
        .unwrap();
    assert!(
        settle(&mut hub, 6, &given, Settlement::Complete)
            .reply
            .is_err()
    );
    assert!(take(&mut hub, 7).is_none());
}

#[test]
fn ten_uploads_are_open_at_a_time_for_an_hour() {
    let mut hub = with_device();
    let hour = 3_600_000;
    let first = begin(&mut hub, 0, "0").unwrap();
    let others: Vec<String> = (1..10).map(|n| begin(&mut hub, n, "x").unwrap()).collect();
    assert_eq!(number(begin(&mut hub, hour - 1, "x")), 403_006);
    let late = end(&mut hub, hour, &first, found()).unwrap_err();
    assert_eq!(late.code.number, 400_016);
    begin(&mut hub, hour, "x").unwrap();
    let forgotten = end(&mut hub, hour, &first, found()).unwrap_err();
    assert_eq!(forgotten.code.number, 400_015);
    end(&mut hub, hour, &others[8], None).unwrap();
    let other = UploadOperation::Find {
        credential: Some(Credential::token(test_kept::token())),
        device: "e".to_owned(),
        correlation: others[1].clone(),
    };
    hub.register(at(0), "e").unwrap();
    assert_eq!(
        upload(&mut hub, hour, other).unwrap_err().code.number,
        400_015
    );
    super::delete(&mut hub, "d", Some("*")).unwrap();
    hub.register(at(hour), "d").unwrap();
    let gone = end(&mut hub, hour, &others[7], None).unwrap_err();
    assert_eq!(gone.code.number, 400_015);
}

#[test]
fn names_and_rights_are_looked_at() {
    let mut hub = with_device();
    assert_eq!(number(begin(&mut hub, 0, "")), 400_004);
    assert_eq!(number(begin(&mut hub, 0, &"x".repeat(1023))), 400_004);
    begin(&mut hub, 0, &"ä".repeat(1022)).unwrap();
    for name in [
        "../../d2/x",
        "a/./b",
        "..",
        "a\\b",
        "a\nb",
        "a\u{7f}",
        &"a/".repeat(254),
    ] {
        assert_eq!(number(begin(&mut hub, 0, name)), 400_004, "{name:?}");
    }
    for name in ["..a/b..", "a b/ä?%2e.txt", "/a//b"] {
        begin(&mut hub, 0, name).unwrap();
    }
    let strange = UploadOperation::Begin {
        credential: None,
        device: "d".to_owned(),
        blob: "f".to_owned(),
    };
    assert_eq!(
        upload(&mut hub, 0, strange).unwrap_err().code.number,
        401_003
    );
    hub.has_storage = false;
    assert_eq!(number(begin(&mut hub, 0, "f")), 400_014);
}

#[test]
fn what_was_kept_is_there_again_and_what_could_not_be_kept_is_undone() {
    let (mut hub, mut store) = test_kept::begun(1 << 20);
    hub.register(at(0), "d").unwrap();
    store.keep(hub.take_records());
    let command = |blob: &str| {
        Command::Upload(UploadOperation::Begin {
            credential: Some(Credential::token(test_kept::token())),
            device: "d".to_owned(),
            blob: blob.to_owned(),
        })
    };
    let correlation = |reply| match reply {
        Ok(Reply::Upload { correlation, .. }) => correlation,
        other => panic!("{other:?}"),
    };
    let kept = hub.apply(at(0), command("a"));
    let [one, two] = [kept, hub.apply(at(0), command("b"))].map(|effects| {
        store.keep(effects.records);
        correlation(effects.reply)
    });
    let lost = hub.apply(at(0), command("c"));
    hub.take_back(lost.records);
    assert!(end(&mut hub, 0, &correlation(lost.reply), None).is_err());
    let finish = |correlation: &str| {
        Command::Upload(UploadOperation::End {
            credential: Some(Credential::token(test_kept::token())),
            device: "d".to_owned(),
            correlation: correlation.to_owned(),
            found: found(),
        })
    };
    store.keep(hub.apply(at(1), finish(&one)).records);
    let undone = hub.apply(at(1), finish(&two));
    hub.take_back(undone.records);
    let mut hub = store.hub(1 << 20);
    assert_eq!(take(&mut hub, 2).unwrap().notification.blob_name, "d/a");
    assert!(take(&mut hub, 2).is_none());
    end(&mut hub, 2, &two, None).unwrap();
    assert!(end(&mut hub, 2, &one, None).is_err());
}
