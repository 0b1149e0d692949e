//! What goes wrong, and when.

use std::collections::{BTreeMap, VecDeque};

use hubctl::model::dice::Dice;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is reset.
    Reset,
    /// The connection is closed without a word.
    HangUp,
    /// Nothing comes any more but so many keep-alives, one for each of the client's, though the connection stands.
    Mute(u32),
    /// The connection is closed in due form.
    Close(&'static str),
    /// The session of the partition's link is ended.
    End(&'static str),
    /// The partition's link is detached.
    Detach(&'static str),
    /// The next link to this partition is refused.
    Refuse(&'static str),
    /// The next token is refused, by this status; not even answered by 0.
    Token(u16),
    /// The links to `$cbs` are detached, as services do with idle ones.
    IdleCbs,
    /// Half of an event comes, and then this.
    Torn(Box<Fault>),
    /// Half of an event comes and is aborted; then it comes whole.
    Aborted,
    /// It is asked how things stand, and nothing comes on the link until that is answered.
    Echo,
    /// These bytes come.
    Raw(Vec<u8>),
    /// An event comes on a handle that nobody attached.
    StrangeHandle,
    /// The link is attached once more, unasked.
    SecondAttach,
    /// Retention passes all events before this number.
    Trim(i64),
}

impl Fault {
    /// What it is called, without its details.
    pub fn name(&self) -> String {
        let text = format!("{self:?}");
        text.split(['(', '{', ' ']).next().unwrap().to_owned()
    }
}

/// A fault at its place.
#[derive(Debug, Clone)]
pub struct Cue {
    /// On the link of this partition,
    pub partition: usize,
    /// before this event is sent for the first time,
    pub before: i64,
    /// this goes wrong.
    pub fault: Fault,
}

/// What goes wrong, and when.
#[derive(Debug)]
pub enum Script {
    /// Each once, in this order where several are due.
    Cues(VecDeque<Cue>),
    /// By chance, but always the same for a seed.
    Seeded(Seeded),
}

/// Faults by chance.
#[derive(Debug)]
pub struct Seeded {
    dice: Dice,
    /// Events until the next one.
    left: u64,
    /// Events between two, at the least.
    pause: u64,
    /// How often each was played.
    pub played: BTreeMap<String, u32>,
    /// Faults that are to come along with the last one.
    waiting: Option<Fault>,
}

impl Script {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::Cues(VecDeque::new())
    }

    /// One fault after the other, on partition 0.
    pub fn of(cues: impl IntoIterator<Item = (i64, Fault)>) -> Self {
        let cue = |(before, fault)| Cue {
            partition: 0,
            before,
            fault,
        };
        Self::Cues(cues.into_iter().map(cue).collect())
    }

    /// Faults by chance, every `pause` to five times as many events.
    pub fn seeded(seed: u64, pause: u64) -> Self {
        Self::Seeded(Seeded {
            dice: Dice::seeded(seed),
            left: pause,
            pause,
            played: BTreeMap::new(),
            waiting: None,
        })
    }

    /// What goes wrong before this event is sent, if anything does. Asked again until nothing does.
    pub fn next(&mut self, partition: usize, number: i64) -> Option<Fault> {
        match self {
            Self::Cues(cues) => {
                let due = |cue: &Cue| cue.partition == partition && cue.before <= number;
                let index = cues.iter().position(due)?;
                cues.remove(index).map(|cue| cue.fault)
            }
            Self::Seeded(seeded) => seeded.next(),
        }
    }

    /// Cues that were not played.
    pub fn left(&self) -> usize {
        match self {
            Self::Cues(cues) => cues.len(),
            Self::Seeded(_) => 0,
        }
    }
}

impl Seeded {
    fn next(&mut self) -> Option<Fault> {
        if let Some(fault) = self.waiting.take() {
            return Some(fault);
        }
        if self.left > 0 {
            self.left -= 1;
            return None;
        }
        self.left = self.pause + self.dice.number() % (4 * self.pause);
        let fault = self.draw();
        *self.played.entry(fault.name()).or_default() += 1;
        Some(fault)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.dice.number() % from.len() as u64).unwrap()]
    }

    fn draw(&mut self) -> Fault {
        let passing = [
            "amqp:link:detach-forced",
            "amqp:internal-error",
            "com.microsoft:timeout",
            "com.microsoft:operation-cancelled",
            "amqp:not-found",
            "amqp:unauthorized-access",
            "amqp:resource-limit-exceeded",
        ];
        match self.dice.number() % 30 {
            0..3 => Fault::Reset,
            3..5 => Fault::HangUp,
            5 => Fault::Mute(1),
            6..8 => Fault::Close("amqp:connection:forced"),
            8..10 => Fault::End("amqp:session:window-violation"),
            10..14 => Fault::Detach(self.pick(&passing)),
            14 => Fault::Detach("com.microsoft:server-busy"),
            15..17 => {
                self.waiting = Some(Fault::Detach("amqp:link:detach-forced"));
                Fault::Refuse(self.pick(&passing))
            }
            17 => {
                self.waiting = Some(Fault::Reset);
                Fault::Token(self.pick(&[401, 403, 500]))
            }
            18..22 => Fault::Torn(Box::new(match self.dice.number() % 4 {
                0 => Fault::Reset,
                1 => Fault::Detach("amqp:link:detach-forced"),
                2 => Fault::End("amqp:internal-error"),
                _ => Fault::HangUp,
            })),
            22..24 => Fault::Aborted,
            24..26 => Fault::Echo,
            26 => Fault::StrangeHandle,
            27 => Fault::SecondAttach,
            _ => {
                let hostile: [&[u8]; 5] = [
                    &[0, 0, 0, 4],
                    &[0, 0, 0, 7, 2, 0, 0],
                    &[0xff; 16],
                    &[0, 0, 0, 12, 2, 0, 0, 9, 0, 0x53, 0x14, 0x45],
                    b"HTTP/1.1 400 Bad Request\r\n\r\n",
                ];
                Fault::Raw(self.pick(&hostile).to_vec())
            }
        }
    }
}
