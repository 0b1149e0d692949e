//! Notifications of uploaded files, as services take them.

use super::*;
use crate::emulator::hub::command::{Credential, FoundBlob, UploadOperation};
use crate::model::file_notification::FileNotification;

const FILES: u32 = 6;

impl Bench {
    /// A device begins an upload and ends it; gives what comes of it.
    fn upload(&mut self, blob: &str) -> Vec<Frame> {
        let key = SigningKey::decoded(&Secret::new(KEY)).unwrap();
        let token = mint(&key, "localhost", START + 3_600, Some("device"));
        let credential = Some(Credential::token(token.expose().to_owned()));
        let begin = UploadOperation::Begin {
            credential: credential.clone(),
            device: "d1".to_owned(),
            blob: blob.to_owned(),
        };
        let reply = self.hub.apply(self.now.utc, Command::Upload(begin)).reply;
        let Ok(Reply::Upload { correlation, .. }) = reply else {
            panic!("{reply:?}")
        };
        let end = UploadOperation::End {
            credential,
            device: "d1".to_owned(),
            correlation,
            found: Some(FoundBlob {
                uri: format!("http://storage/uploads/d1/{blob}"),
                size: 9,
                modified: utc(-1),
            }),
        };
        let effects = self.hub.apply(self.now.utc, Command::Upload(end));
        effects.reply.unwrap();
        for (listener, notice) in effects.notices {
            self.machine.notice(listener, notice);
        }
        frames(&self.drain())
    }

    fn attach_files(&mut self, handle: u32) {
        let attach = Attach {
            source: Some(Source::at("/messages/serviceBound/filenotifications")),
            ..Attach::new("files", handle, Role::Receiver)
        };
        let out = self.send(1, &Performative::Attach(attach));
        assert_eq!(names(&out), ["attach"]);
    }

    fn settle(&mut self, id: u32, state: DeliveryState<'_>) -> Vec<Frame> {
        let disposition = Disposition {
            role: Role::Receiver,
            first: id,
            last: None,
            settled: true,
            state: Some(state),
            batchable: false,
        };
        self.send(1, &Performative::Disposition(disposition))
    }
}

/// Each delivery's id, and what it tells.
fn told(out: &[Frame]) -> Vec<(u32, String)> {
    let ids = out.iter().filter_map(Frame::transfer);
    let ids = ids.map(|transfer| transfer.delivery_id.unwrap());
    let names = bodies(out).into_iter().map(|body| {
        let told: FileNotification = serde_json::from_slice(&body).unwrap();
        told.blob_name
    });
    ids.zip(names).collect()
}

#[test]
fn each_file_is_told_once_unless_it_is_released() {
    let mut bench = Bench::trusted();
    assert_eq!(names(&bench.upload("early")), [""; 0]);
    bench.attach_files(FILES);
    let out = bench.grant(FILES, 0, 10);
    let parsed = Message::parse(out[0].payload()).unwrap();
    assert_eq!(
        parsed.properties.content_type(),
        Some("application/vnd.microsoft.iothub.filenotification.json")
    );
    let first = told(&out).remove(0);
    assert_eq!(first.1, "d1/early");
    let out = bench.upload("late");
    let second = told(&out).remove(0);
    assert_eq!(second.1, "d1/late");
    assert_eq!(
        names(&bench.settle(first.0, DeliveryState::Accepted)),
        [""; 0]
    );
    let again = told(&bench.settle(second.0, DeliveryState::Released));
    assert_eq!(again[0].1, "d1/late");
    // A link that goes leaves what it has not settled to the next one.
    let detach = Detach {
        handle: FILES,
        closed: true,
        error: None,
    };
    bench.send(1, &Performative::Detach(detach));
    bench.attach_files(FILES + 1);
    let out = bench.grant(FILES + 1, 0, 10);
    let last = told(&out);
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].1, "d1/late");
    bench.settle(last[0].0, DeliveryState::Rejected(None));
    assert_eq!(names(&bench.upload("latest")), ["transfer"]);
}
