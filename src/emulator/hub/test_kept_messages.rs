//! Messages to devices against a model: whatever happens to the hub, none is lost and none comes back once it is settled.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::command::{
    Ack, CloudMessage, CloudToDeviceOperation as Operation, Credential, DeviceMessage,
    FeedbackOperation, GivenMessage, Outcome as Settlement,
};
use super::test_kept::{Maps, at, token};
use super::*;
use crate::model::device::IdentityId;

const SESSION: ListenerId = ListenerId(1);
const READER: ListenerId = ListenerId(2);
const ROOM: usize = 1 << 20;

#[derive(Debug, Clone)]
enum Step {
    Send {
        stale_in: Option<i64>,
    },
    Receive,
    Settle(prop::sample::Index, Settlement),
    Connect,
    Take(usize),
    SettleTaken(prop::sample::Index, Settlement),
    Disconnect,
    Wait(i64),
    Purge,
    Feedback,
    Restart,
    /// The last step could not be kept.
    Fail,
}

fn outcome() -> impl Strategy<Value = Settlement> {
    prop_oneof![
        3 => Just(Settlement::Abandon),
        2 => Just(Settlement::Complete),
        1 => Just(Settlement::Reject),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        8 => prop::option::of(1_i64..100_000).prop_map(|stale_in| Step::Send { stale_in }),
        6 => Just(Step::Receive),
        6 => (index(), outcome()).prop_map(|(index, outcome)| Step::Settle(index, outcome)),
        2 => Just(Step::Connect),
        6 => (1_usize..5).prop_map(Step::Take),
        6 => (index(), outcome()).prop_map(|(index, outcome)| Step::SettleTaken(index, outcome)),
        2 => Just(Step::Disconnect),
        3 => (1_i64..70_000).prop_map(Step::Wait),
        1 => Just(Step::Purge),
        4 => Just(Step::Feedback),
        2 => Just(Step::Restart),
        2 => Just(Step::Fail),
    ]
}

/// The hub, its store, and what must be true of them.
struct Bench {
    hub: Hub,
    store: Maps,
    ms: i64,
    sent: usize,
    /// Those that have not left the queue, as far as anyone outside knows.
    live: BTreeSet<String>,
    /// Those that a device has completed or rejected, that were purged or have gone.
    gone: BTreeSet<String>,
    /// Locks over HTTPS, with the end of each, and of the session.
    held: BTreeMap<Uuid, (String, i64)>,
    taken: BTreeMap<Uuid, String>,
    told: BTreeMap<String, usize>,
}

fn identity() -> IdentityId {
    IdentityId {
        device: "d".to_owned(),
        module: None,
    }
}

impl Bench {
    fn new() -> Self {
        let mut store = Maps::new();
        let mut hub = store.hub(ROOM);
        hub.register(at(0), "d").unwrap();
        store.keep(hub.take_records());
        Self {
            hub,
            store,
            ms: 0,
            sent: 0,
            live: BTreeSet::new(),
            gone: BTreeSet::new(),
            held: BTreeMap::new(),
            taken: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    fn apply(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.pass();
        let effects = self.hub.apply(at(self.ms), command);
        self.store.keep(effects.records);
        effects.reply
    }

    fn work(&mut self, operation: Operation) -> Result<Reply, Refusal> {
        self.apply(Command::CloudToDevice(operation))
    }

    fn pass(&mut self) {
        self.hub.pass_time(at(self.ms));
        let records = self.hub.take_records();
        self.store.keep(records);
        let ms = self.ms;
        self.held.retain(|_, (_, end)| *end > ms);
    }

    fn given(&mut self, reply: Result<Reply, Refusal>) -> Vec<GivenMessage> {
        let Ok(Reply::Messages(given)) = reply else {
            panic!("{reply:?}")
        };
        for message in &given {
            let id = message.content.message.message_id.as_ref().unwrap();
            assert!(self.live.contains(id), "{id} was settled before");
            let holders = self.held.values().map(|(id, _)| id);
            assert!(!holders.chain(self.taken.values()).any(|other| other == id));
        }
        given
    }

    fn settled(&mut self, id: String, outcome: Settlement) {
        if outcome != Settlement::Abandon {
            self.live.remove(&id);
            self.gone.insert(id);
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Send { stale_in } => self.send(stale_in),
            Step::Receive => self.receive(),
            Step::Settle(index, outcome) => self.settle(index, outcome),
            Step::Connect => {
                let command = Command::OpenSession {
                    session: SESSION,
                    identity: identity(),
                    credential: Credential::token(token()),
                };
                self.apply(command).unwrap();
            }
            Step::Take(max) => self.take(max),
            Step::SettleTaken(index, outcome) => self.settle_taken(index, outcome),
            Step::Disconnect => {
                self.taken.clear();
                let session = SESSION;
                self.apply(Command::CloseSession { session }).unwrap();
            }
            Step::Wait(ms) => {
                self.ms += ms;
                self.pass();
            }
            Step::Purge => self.purge(),
            Step::Feedback => self.hear(),
            Step::Restart => {
                self.hub = self.store.hub(ROOM);
                self.taken.clear();
            }
            Step::Fail => self.fail(),
        }
    }

    fn receive(&mut self) {
        let reply = self.work(Operation::Receive {
            credential: Some(Credential::token(token())),
            device: "d".to_owned(),
        });
        for message in self.given(reply) {
            let id = message.content.message.message_id.clone().unwrap();
            self.held.insert(message.lock, (id, self.ms + 60_000));
        }
    }

    fn settle(&mut self, index: prop::sample::Index, outcome: Settlement) {
        self.pass();
        let locks: Vec<Uuid> = self.held.keys().copied().collect();
        if locks.is_empty() {
            return;
        }
        let lock = *index.get(&locks);
        let (id, _) = self.held.remove(&lock).unwrap();
        let settle = || Operation::Settle {
            credential: Some(Credential::token(token())),
            device: "d".to_owned(),
            lock: Some(lock),
            outcome,
        };
        self.work(settle()).unwrap();
        self.settled(id, outcome);
        assert_eq!(self.work(settle()).unwrap_err().code.number, 412_002);
    }

    fn take(&mut self, max: usize) {
        let session = SESSION;
        let reply = self.work(Operation::Take { session, max });
        if self.hub.sessions.find(SESSION).is_none() {
            assert!(reply.is_err());
            return;
        }
        for message in self.given(reply) {
            let id = message.content.message.message_id.clone().unwrap();
            self.taken.insert(message.lock, id);
        }
    }

    fn settle_taken(&mut self, index: prop::sample::Index, outcome: Settlement) {
        let locks: Vec<Uuid> = self.taken.keys().copied().collect();
        if locks.is_empty() {
            return;
        }
        let lock = *index.get(&locks);
        let id = self.taken.remove(&lock).unwrap();
        let settle = Operation::SettleTaken {
            session: SESSION,
            lock,
            outcome,
        };
        self.work(settle).unwrap();
        self.settled(id, outcome);
    }

    fn purge(&mut self) {
        let (token, device) = (Some(token()), "d".to_owned());
        let before = self.hub.outbox.depth(&identity());
        self.pass();
        let reply = self.work(Operation::Purge { token, device });
        let Ok(Reply::Purged { count, .. }) = reply else {
            panic!("{reply:?}")
        };
        assert!(count <= before);
        self.gone.append(&mut self.live);
        self.held.clear();
        self.taken.clear();
    }

    fn send(&mut self, stale_in: Option<i64>) {
        let id = format!("m{}", self.sent);
        self.sent += 1;
        let expiry = stale_in.map(|ms| at(self.ms + ms).timestamp_millis());
        let message = Box::new(message(&id, expiry));
        let to = "/devices/d/messages/devicebound".to_owned();
        self.pass();
        let depth = self.hub.outbox.depth(&identity());
        match self.work(Operation::Send { to, message }) {
            Ok(_) => drop(self.live.insert(id)),
            Err(refusal) => assert_eq!((refusal.code.number, depth), (403_004, 50)),
        }
    }

    /// Takes all feedback that there is, and completes it.
    fn hear(&mut self) {
        loop {
            let take = FeedbackOperation::Take { listener: READER };
            let Ok(Reply::Feedback(given)) = self.apply(Command::Feedback(take)) else {
                panic!("no feedback")
            };
            let Some(given) = given else { return };
            for record in &given.records {
                let id = record.original_message_id.clone().unwrap();
                *self.told.entry(id).or_default() += 1;
            }
            let done = FeedbackOperation::SettleTaken {
                listener: READER,
                lock: given.lock,
                outcome: Settlement::Complete,
            };
            self.apply(Command::Feedback(done)).unwrap();
        }
    }

    /// Steps that are made undone leave everything as it was.
    fn fail(&mut self) {
        let before = self.everything();
        let mut records = Vec::new();
        let to = "/devices/d/messages/devicebound".to_owned();
        let message = Box::new(message("undone", None));
        let (device, token) = ("d".to_owned(), Some(token()));
        for operation in [
            Operation::Send { to, message },
            Operation::Receive {
                credential: token.clone().map(Credential::token),
                device: device.clone(),
            },
            Operation::Purge { token, device },
        ] {
            let effects = self
                .hub
                .apply(at(self.ms), Command::CloudToDevice(operation));
            records.extend(effects.records);
        }
        self.hub.take_back(records);
        assert_eq!(self.everything(), before);
    }

    fn everything(&self) -> String {
        format!("{} {}", self.hub.outbox.contents(), self.hub.queued)
    }
}

fn message(id: &str, expiry: Option<i64>) -> CloudMessage {
    CloudMessage {
        message: DeviceMessage {
            body: Bytes::from_static(b"x"),
            message_id: Some(id.to_owned()),
            ..DeviceMessage::default()
        },
        expiry,
        ack: Ack::Full,
    }
}

proptest! {
    #[test]
    fn no_message_is_lost_or_comes_back_once_it_is_settled(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut bench = Bench::new();
        for step in &steps {
            bench.run(step);
        }
        // Everyone goes, and the time of all that is left is over: then each message has had one end, and its sender heard of it.
        bench.run(&Step::Disconnect);
        for _ in 0..4 {
            bench.run(&Step::Feedback);
            bench.run(&Step::Wait(20_000));
        }
        bench.run(&Step::Feedback);
        let depth = bench.hub.outbox.depth(&identity());
        let unheard = bench.live.len() + bench.gone.len() - bench.told.len();
        prop_assert_eq!(unheard, depth, "{:?}", bench.told);
        prop_assert!(bench.told.values().all(|times| *times == 1), "{:?}", bench.told);
        prop_assert!(bench.gone.iter().all(|id| bench.told.contains_key(id)));
        bench.run(&Step::Wait(3_700_000));
        prop_assert_eq!(bench.hub.outbox.depth(&identity()), 0);
        prop_assert!(bench.store.hub(ROOM).outbox.depth(&identity()) == 0);
    }
}
