//! The whole stream against a peer that misbehaves by a script, over real sockets.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{
    Access, EventStream, Notice, Patience, Plan, Resume, Sink, Start, StreamError, Transport,
};
use crate::client::amqp::peer::{Act, ENTITY, Peer};
use crate::model::connection_string::EventHubCredential;
use crate::model::secret::Secret;
use crate::protocol::amqp::event::Event;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::management::PartitionProperties;
use crate::protocol::amqp::performative::Performative;
use crate::protocol::amqp::performative::error::condition;
use crate::tracer::Tracer;
use crate::trust;

/// Keeps what it hears, and has enough after so many events.
#[derive(Default)]
struct Heard {
    wanted: usize,
    numbers: Vec<i64>,
    notices: Vec<Notice>,
}

impl Sink for Heard {
    fn event(&mut self, _: &str, event: &Event<'_>) -> ControlFlow<()> {
        self.numbers.push(event.sequence_number.0);
        if self.numbers.len() == self.wanted {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn log(&mut self, _: &str, _: &PartitionProperties) {}

    fn notice(&mut self, notice: &Notice) {
        self.notices.push(notice.clone());
    }
}

fn plan(port: u16) -> Plan {
    Plan {
        transport: Transport::Amqp,
        access: Access::EventHub {
            host: "localhost".to_owned(),
            port,
            entity: ENTITY.to_owned(),
            credential: EventHubCredential::Key {
                policy: "p".to_owned(),
                key: Secret::new("k"),
            },
            encrypted: false,
        },
        consumer_group: "$Default".to_owned(),
        start: Start::At(Position::Earliest),
        partitions: vec!["0".to_owned()],
        tls: Arc::new(trust::client_config(None).unwrap()),
        limit: Duration::from_secs(10),
        patience: Patience::default(),
        tracer: Tracer::default(),
        clock: Utc::now,
    }
}

/// Reads `wanted` events from a peer that plays `script`; what was heard, and the positions that were attached at.
fn read(wanted: usize, script: Vec<Vec<Act>>) -> (Result<(), StreamError>, Heard, Vec<String>) {
    read_with(wanted, script, |port| EventStream::new(plan(port)))
}

fn read_with(
    wanted: usize,
    script: Vec<Vec<Act>>,
    stream_at: impl FnOnce(u16) -> EventStream,
) -> (Result<(), StreamError>, Heard, Vec<String>) {
    let run = async {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let mut got = Vec::new();
            let mut script = VecDeque::from(script);
            while !script.is_empty() {
                let (stream, _) = listener.accept().await.unwrap();
                let mut peer = Peer {
                    stream,
                    got: Vec::new(),
                    status: 202,
                    script: std::mem::take(&mut script),
                };
                peer.serve().await;
                script = peer.script;
                got.append(&mut peer.got);
            }
            got
        });
        let mut heard = Heard {
            wanted,
            ..Heard::default()
        };
        let mut stream = stream_at(port);
        let result = loop {
            match stream.advance(&mut heard).await {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        stream.close().await;
        (result, heard, server.await.unwrap())
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let (result, heard, got) = runtime.unwrap().block_on(run);
    (
        result,
        heard,
        got.iter().filter_map(|frame| position(frame)).collect(),
    )
}

/// The filter of a frame's attach, if it has one.
fn position(frame: &[u8]) -> Option<String> {
    let Ok((Performative::Attach(attach), _)) = Performative::decode(frame.get(8..)?) else {
        return None;
    };
    let filter = Position::from_filter(&attach.source?.filter?);
    Some(filter.unwrap()?.to_string())
}

#[test]
fn a_link_that_breaks_is_taken_up_after_the_last_event() {
    use Act::{Detach, End, Event};
    let (result, heard, positions) = read(
        6,
        vec![
            vec![Event(4), Event(5), Detach(condition::LINK_DETACH_FORCED)],
            // What was read before comes again, as after a failover.
            vec![Event(5), Event(6), End],
            vec![Event(7), Detach(condition::INTERNAL_ERROR)],
            vec![Event(8), Event(9)],
        ],
    );
    result.unwrap();
    assert_eq!(heard.numbers, [4, 5, 6, 7, 8, 9]);
    let after = |number| {
        let inclusive = false;
        Position::SequenceNumber { number, inclusive }.to_string()
    };
    assert_eq!(
        positions,
        [Position::Earliest.to_string(), after(5), after(6), after(7)]
    );
    let lost = |notice: &&Notice| matches!(notice, Notice::LinkLost { .. });
    assert_eq!(heard.notices.iter().filter(lost).count(), 3);
}

#[test]
fn a_connection_that_is_cut_is_made_again() {
    use Act::{Event, HangUp};
    let (result, heard, positions) = read(
        4,
        vec![
            vec![Event(1), Event(2), HangUp],
            vec![HangUp],
            vec![Event(3), HangUp],
            vec![Event(4)],
        ],
    );
    result.unwrap();
    assert_eq!(heard.numbers, [1, 2, 3, 4]);
    assert_eq!(positions.len(), 4);
    let lost = |notice: &&Notice| matches!(notice, Notice::ConnectionLost { .. });
    assert_eq!(heard.notices.iter().filter(lost).count(), 3);
}

/// Plays `script` to the first client.
async fn serve(listener: TcpListener, script: Vec<Vec<Act>>) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut peer = Peer {
        stream,
        got: Vec::new(),
        status: 202,
        script: script.into(),
    };
    peer.serve().await;
}

#[test]
fn what_is_there_at_the_beginning_of_a_turn_is_handed_over_at_its_end() {
    static ATTACHED: Notify = Notify::const_new();
    static SENT: Notify = Notify::const_new();
    let run = async {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = vec![vec![Act::Await(&ATTACHED), Act::Event(1), Act::Tell(&SENT)]];
        tokio::spawn(serve(listener, script));
        let mut heard = Heard::default();
        let mut stream = EventStream::new(plan(port));
        while !heard
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::Attached { .. }))
        {
            let _ = stream.advance(&mut heard).await.unwrap();
        }
        ATTACHED.notify_one();
        SENT.notified().await;
        // As often as it takes the runtime to look at its sockets.
        for _ in 0..256 {
            tokio::task::yield_now().await;
        }
        // Nothing comes behind the event: a turn that waited for more would not end.
        while heard.numbers.is_empty() {
            let turn = timeout(Duration::from_secs(5), stream.advance(&mut heard));
            let _ = turn.await.unwrap().unwrap();
        }
        assert_eq!(heard.numbers, [1]);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(run);
}

#[test]
fn a_stolen_link_ends_the_stream() {
    let (result, heard, _) = read(
        9,
        vec![vec![Act::Event(1), Act::Detach(condition::LINK_STOLEN)]],
    );
    assert!(result.unwrap_err().to_string().contains("amqp:link:stolen"));
    assert_eq!(heard.numbers, [1]);
}

#[test]
fn another_runs_position_is_gone_on_from_unless_the_event_hub_is_another() {
    let after = |number| Position::SequenceNumber {
        number,
        inclusive: false,
    };
    let same = Resume {
        created_at_ms: 0,
        entity: ENTITY.to_owned(),
        positions: [("0".to_owned(), after(6))].into(),
    };
    let older = Resume {
        created_at_ms: -1,
        ..same.clone()
    };
    let renamed = Resume {
        entity: "before".to_owned(),
        ..same.clone()
    };
    // The peer's log ends at 1000.
    let ahead = Resume {
        positions: [("0".to_owned(), after(1001))].into(),
        ..same.clone()
    };
    let elsewhere = Resume {
        positions: [("1".to_owned(), after(6))].into(),
        ..same.clone()
    };
    for (resume, position, is_told) in [
        (same, after(6), false),
        (older, Position::Earliest, true),
        (renamed, Position::Earliest, true),
        (ahead, Position::Earliest, true),
        (elsewhere, Position::Earliest, false),
    ] {
        let script = vec![vec![Act::Event(7)]];
        let (result, heard, positions) = read_with(1, script, |port| {
            EventStream::new(plan(port)).resume(Some(resume))
        });
        result.unwrap();
        assert_eq!(positions, [position.to_string()]);
        let started_over = |notice: &Notice| matches!(notice, Notice::StartedOver { .. });
        assert_eq!(
            heard.notices.iter().any(started_over),
            is_told,
            "{position}"
        );
    }
}

#[test]
fn partitions_are_told_as_they_are_read_while_one_is_refused() {
    let script = vec![
        Vec::new(),
        vec![Act::Refuse(condition::INTERNAL_ERROR)],
        vec![Act::Event(7)],
    ];
    let (result, heard, _) = read_with(1, script, |port| {
        EventStream::new(Plan {
            partitions: Vec::new(),
            ..plan(port)
        })
    });
    result.unwrap();
    let attached = |notice: &Notice| {
        let Notice::Attached { partitions, of, .. } = notice else {
            return None;
        };
        Some((*partitions, *of))
    };
    let told: Vec<_> = heard.notices.iter().filter_map(attached).collect();
    assert_eq!(told, [(1, 2), (2, 2)]);
}
