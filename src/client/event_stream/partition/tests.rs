//! One partition against a service that does as it likes, with time passed in.

use proptest::prelude::*;

use super::*;
use crate::model::identifier::SequenceNumber;
use crate::protocol::amqp::filter::Position;
use crate::protocol::amqp::performative::{
    AmqpError, Attach, Begin, Detach, End, Flow, Role, Source,
};

const LIMIT: Duration = Duration::from_secs(20);

fn partition(now: Instant) -> Partition {
    let mut partition = Partition::new("3".to_owned(), Progress::new(Position::Earliest), now);
    partition.connect(5, "c", "e", "$Default", now);
    partition
}

fn reading(now: Instant) -> Partition {
    let mut partition = partition(now);
    assert_eq!(partition.step(now, LIMIT).unwrap(), Some(Step::Begin));
    assert_eq!(partition.step(now, LIMIT).unwrap(), None);
    let begin = Performative::Begin(Begin::default());
    assert!(matches!(
        partition.on_frame(&begin, now),
        Ok(Reaction::Attach)
    ));
    let attach = Performative::Attach(Attach {
        source: Some(Source::default()),
        ..Attach::new("r", 0, Role::Sender)
    });
    assert!(matches!(
        partition.on_frame(&attach, now),
        Ok(Reaction::Reading(_))
    ));
    assert!(partition.is_reading());
    partition
}

#[test]
fn a_link_that_broke_is_attached_again_when_its_wait_is_over() {
    let now = Instant::now();
    let mut partition = reading(now);
    let error = AmqpError::new("amqp:link:detach-forced", "");
    let detach = Performative::Detach(Detach {
        handle: 0,
        closed: true,
        error: Some(error),
    });
    assert!(matches!(
        partition.on_frame(&detach, now),
        Ok(Reaction::Broken(_))
    ));
    let later = now + Duration::from_secs(1);
    partition.wait(later);
    assert_eq!(partition.step(now, LIMIT).unwrap(), None);
    assert_eq!(partition.due(LIMIT), Some(later));
    assert_eq!(partition.step(later, LIMIT).unwrap(), Some(Step::Attach));
}

#[test]
fn a_session_that_ended_is_begun_again() {
    let now = Instant::now();
    let mut partition = reading(now);
    let end = Performative::End(End { error: None });
    assert!(matches!(
        partition.on_frame(&end, now),
        Ok(Reaction::Broken(_))
    ));
    partition.wait(now);
    assert_eq!(partition.step(now, LIMIT).unwrap(), Some(Step::Begin));
}

#[test]
fn an_answer_that_does_not_come_is_noticed() {
    let now = Instant::now();
    let mut partition = partition(now);
    assert_eq!(partition.step(now, LIMIT).unwrap(), Some(Step::Begin));
    assert!(matches!(
        partition.step(now + LIMIT, LIMIT),
        Err(ConnectionError::TimedOut {
            waiting_for: "begin",
            ..
        })
    ));
}

#[test]
fn a_refusal_is_no_link() {
    let now = Instant::now();
    let mut partition = partition(now);
    assert_eq!(partition.step(now, LIMIT).unwrap(), Some(Step::Begin));
    let begin = Performative::Begin(Begin::default());
    partition.on_frame(&begin, now).unwrap();
    let refused = Performative::Attach(Attach::new("r", 0, Role::Sender));
    assert!(matches!(
        partition.on_frame(&refused, now),
        Ok(Reaction::None)
    ));
    assert!(!partition.was_reading);
}

/// What the service or the network does next, or that time goes by.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// So many milliseconds go by.
    Time(u16),
    Begin,
    Attach,
    Refuse,
    Detach,
    End,
    /// An event comes whose number is so far from the next one.
    Event(i8),
    Echo,
    Cut,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..3_000_u16).prop_map(Act::Time),
        6 => Just(Act::Begin),
        6 => Just(Act::Attach),
        1 => Just(Act::Refuse),
        1 => Just(Act::Detach),
        1 => Just(Act::End),
        8 => (-3..3_i8).prop_map(Act::Event),
        1 => Just(Act::Echo),
        1 => Just(Act::Cut),
    ];
    prop::collection::vec(act, 0..200)
}

/// A partition, what the service knows of it, and what came of it.
struct World {
    now: Instant,
    partition: Partition,
    /// Asked for by the client: a session, a link.
    wants: [bool; 2],
    /// Standing at the service: a session, a link.
    has: [bool; 2],
    until: Option<Instant>,
    read: Vec<i64>,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            now,
            partition: partition(now),
            wants: [false; 2],
            has: [false; 2],
            until: None,
            read: Vec::new(),
        }
    }

    fn due(&self) -> Position {
        let last = self.read.last();
        last.map_or(Position::Earliest, |number| Position::SequenceNumber {
            number: *number,
            inclusive: false,
        })
    }

    /// The client attaches: once, in a session, after the last event.
    fn attach(&mut self) {
        assert_eq!((self.wants[1], self.has), (false, [true, false]));
        assert_eq!(self.partition.progress.position(), self.due());
        self.wants[1] = true;
    }

    /// Everything is as on a new connection.
    fn reconnect(&mut self) {
        (self.wants, self.has, self.until) = ([false; 2], [false; 2], None);
        let now = self.now;
        self.partition.connect(5, "c", "e", "$Default", now);
    }

    fn step(&mut self) {
        let step = self.partition.step(self.now, LIMIT);
        if step.as_ref().is_ok_and(Option::is_some) {
            assert!(self.until.is_none_or(|until| until <= self.now));
        }
        match step {
            Ok(Some(Step::Begin)) => {
                assert_eq!((self.wants, self.has), ([false; 2], [false; 2]));
                self.wants[0] = true;
            }
            Ok(Some(Step::Attach)) => self.attach(),
            Ok(None) => {}
            // An answer is overdue.
            Err(_) => self.reconnect(),
        }
    }

    fn hear(&mut self, performative: &Performative<'_>, is_in_place: bool) {
        let reaction = self.partition.on_frame(performative, self.now);
        assert_eq!(reaction.is_ok(), is_in_place, "{performative:?}");
        match reaction {
            Ok(Reaction::Attach) => self.attach(),
            Ok(Reaction::Broken(_)) => {
                let retry_in = self.partition.backoff.failed(Duration::ZERO, 200);
                let until = self.now + retry_in;
                self.partition.wait(until);
                self.until = Some(until);
            }
            Ok(Reaction::Answer(flow)) => {
                assert_eq!(flow.handle.is_some(), self.partition.is_reading());
            }
            Ok(Reaction::None | Reaction::Ended | Reaction::Reading(_)) => {}
            Err(_) => self.reconnect(),
        }
    }

    fn play(&mut self, act: Act) {
        match act {
            Act::Time(milliseconds) => self.now += Duration::from_millis(milliseconds.into()),
            Act::Begin => {
                let [is_wanted, _] = self.wants;
                if is_wanted {
                    (self.wants[0], self.has[0]) = (false, true);
                }
                self.hear(&Performative::Begin(Begin::default()), is_wanted);
            }
            Act::Attach | Act::Refuse => {
                let [_, is_wanted] = self.wants;
                let source = matches!(act, Act::Attach).then(Source::default);
                let attach = Performative::Attach(Attach {
                    source,
                    ..Attach::new("r", 0, Role::Sender)
                });
                if is_wanted && source.is_some() {
                    (self.wants[1], self.has[1]) = (false, true);
                }
                self.hear(&attach, is_wanted);
                if is_wanted && source.is_none() {
                    self.play(Act::Detach);
                }
            }
            Act::Detach => {
                let is_in_place = self.wants[1] || self.has[1];
                (self.wants[1], self.has[1]) = (false, false);
                let detach = Performative::Detach(Detach {
                    handle: 0,
                    closed: true,
                    error: None,
                });
                self.hear(&detach, is_in_place);
            }
            Act::End => {
                if self.has[0] {
                    (self.wants, self.has) = ([false; 2], [false; 2]);
                    self.hear(&Performative::End(End { error: None }), true);
                }
            }
            Act::Event(distance) => self.event(distance.into()),
            Act::Echo => {
                let flow = Flow {
                    echo: true,
                    ..Flow::default()
                };
                self.hear(&Performative::Flow(flow), true);
            }
            Act::Cut => self.reconnect(),
        }
        self.step();
    }

    fn event(&mut self, distance: i64) {
        let number = self.read.last().unwrap_or(&10) + 1 + distance;
        let taken = self.partition.receiver.on_transfer(
            crate::protocol::amqp::performative::delivery::TransferHead::default(),
            b"x",
        );
        assert_eq!(taken.is_ok(), self.has[1]);
        if taken.is_err() {
            return self.reconnect();
        }
        let is_new = self.partition.progress.advance_to(SequenceNumber(number));
        assert_eq!(is_new, self.read.last().is_none_or(|last| number > *last));
        if is_new {
            self.read.push(number);
        }
    }
}

proptest! {
    /// Never two links or sessions under way, never an event twice, always on after the last; and whatever happened, a
    /// service that comes to its senses is read from again.
    #[test]
    fn whatever_the_service_does_the_partition_keeps_its_place(acts in acts()) {
        let mut world = World::new();
        world.step();
        for act in acts {
            world.play(act);
        }
        prop_assert!(world.read.is_sorted_by(|one, next| one < next));
        for _ in 0..4 {
            if world.partition.is_reading() {
                break;
            }
            world.play(Act::Time(20_000));
            if world.wants[0] {
                world.play(Act::Begin);
            }
            if world.wants[1] {
                world.play(Act::Attach);
            }
        }
        prop_assert!(world.partition.is_reading());
    }
}
