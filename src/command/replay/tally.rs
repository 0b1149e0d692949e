//! What became of a recording's events, and how that is told at the end.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::event::{BadLine, Unfit};
use crate::client::https::HttpsError;
use crate::command::send::tally::Tally;
use crate::failure::https::{OpenedBy, explain, name_device, too_large};
use crate::failure::{Failure, Kind};

/// A replay that fell behind by less is on time.
const BEHIND: Duration = Duration::from_secs(1);

/// Why an event is lost.
#[derive(Debug)]
pub(super) enum Loss {
    /// It cannot be posted.
    Unfit(Unfit),
    /// Its device cannot post.
    Device(Failure),
    /// It is not of the device that the connection string is of.
    Other { device: String, own: String },
    /// Its device was refused before.
    Refused { device: String },
    /// The hub or the way there.
    Https {
        device: String,
        error: HttpsError,
        opened_by: OpenedBy,
    },
}

impl Loss {
    /// Why, as a fragment.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Unfit(unfit) => unfit.to_string(),
            Self::Device(failure) => match &failure.cause {
                Some(cause) => format!("{}: {cause}", failure.what),
                None => failure.what.clone(),
            },
            Self::Other { device, own } => {
                format!("it is of {device:?}, and the connection string of {own:?}")
            }
            Self::Refused { device } => format!("{device:?} was refused before"),
            Self::Https { error, .. } => error.to_string(),
        }
    }

    /// Whether every further event would be lost as well.
    pub(super) fn ends_the_replay(&self, has_one_device: bool) -> bool {
        match self {
            Self::Unfit(_) | Self::Other { .. } => false,
            Self::Refused { .. } => has_one_device,
            Self::Device(failure) => has_one_device || concerns_all(failure.kind),
            Self::Https { error, .. } => match error {
                HttpsError::Dial(_) | HttpsError::Proxy { .. } => true,
                HttpsError::Service(refusal) => {
                    has_one_device && matches!(refusal.status, 401 | 403 | 404)
                }
                HttpsError::Address { .. }
                | HttpsError::Token
                | HttpsError::TimedOut { .. }
                | HttpsError::Broken { .. }
                | HttpsError::Unreadable { .. } => false,
            },
        }
    }

    fn into_failure(self, what: String, now: DateTime<Utc>) -> Failure {
        let reason = self.reason();
        let input = |hint: &str| {
            Failure::new(Kind::Input, what.clone())
                .because(&reason)
                .hint(hint)
        };
        match self {
            Self::Unfit(Unfit::TooLarge { .. }) => input(&too_large()),
            Self::Unfit(Unfit::NoDevice | Unfit::Device(_) | Unfit::Module(_)) => {
                input("--to DEVICE posts all of a recording as one device.")
            }
            Self::Unfit(Unfit::Name { .. } | Unfit::Twice { .. } | Unfit::Value { .. }) => input(
                "Properties go in headers over HTTPS: names of letters, digits and !#$%&'*+-.^_`|~, values of plain ASCII.",
            ),
            Self::Other { own, .. } => input(&format!(
                "Give the hub's connection string, or --to {own} to post all of it as that device."
            )),
            Self::Refused { .. } => Failure::new(Kind::Refused, what).because(&reason),
            Self::Device(failure) => Failure {
                cause: Some(reason),
                what,
                ..failure
            },
            Self::Https {
                device,
                error,
                opened_by,
            } => name_device(explain(what, &error, opened_by, now), &device),
        }
    }
}

/// Whether a lookup that failed so will fail for each device: the way there, or the policy.
fn concerns_all(kind: Kind) -> bool {
    match kind {
        Kind::Unreachable | Kind::Service | Kind::Throttled | Kind::Bug => true,
        Kind::PipeClosed
        | Kind::Usage
        | Kind::Input
        | Kind::Refused
        | Kind::NotFound
        | Kind::Conflict
        | Kind::DeviceSilent
        | Kind::DeviceStatus
        | Kind::ConditionMissed
        | Kind::Interrupted => false,
    }
}

/// The event that was lost first.
#[derive(Debug)]
pub(super) struct FirstLoss {
    pub line: u64,
    pub loss: Loss,
}

/// Why a replay stopped before the recording's end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// Every further event would be lost as well.
    Lost,
    /// A line that is no event.
    BadLine { line: u64, error: BadLine },
    /// The recording cannot be read.
    Input(std::io::Error),
}

/// How a replay ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub tally: Tally,
    /// Events that are no telemetry.
    pub skipped: u64,
    /// Lines that are no events.
    pub bad: u64,
    pub elapsed: Duration,
    /// The most that an event went out later than it was due.
    pub behind: Duration,
    pub out_of_order: u64,
    pub first_loss: Option<FirstLoss>,
    pub stop: Option<Stop>,
}

impl Ended {
    /// The last lines for a person.
    pub(super) fn summary(&self) -> Vec<String> {
        let mut line = self.tally.describe(self.elapsed);
        let skipped = [(self.skipped, "not telemetry"), (self.bad, "not events")];
        for (count, what) in skipped.into_iter().filter(|(count, _)| *count > 0) {
            // Writing to a String cannot fail.
            let _ = write!(line, "; skipped {count}: {what}");
        }
        let mut lines = vec![line];
        if self.behind >= BEHIND {
            lines.push(format!(
                "it fell behind the recording's pace by up to {:.1} s",
                self.behind.as_secs_f64()
            ));
        }
        if self.out_of_order > 0 {
            lines.push(format!(
                "{} events stand behind younger ones in the recording, as partitions are read one beside the other, and \
                 went out at once; sorted by enqueuedTime it keeps its pace",
                self.out_of_order
            ));
        }
        lines
    }

    /// The same as a line of JSON.
    pub(super) fn summary_json(&self) -> String {
        let mut summary = self.tally.to_json("", self.elapsed);
        if let Some(fields) = summary.as_object_mut() {
            fields.shift_remove("device");
            fields.shift_remove("skippedEmptyLines");
            fields.insert("skipped".to_owned(), json!(self.skipped));
            fields.insert("badLines".to_owned(), json!(self.bad));
        }
        format!("{summary}\n")
    }

    /// What the replay comes to.
    ///
    /// # Errors
    /// Why it stopped, or the first loss.
    pub(super) fn judge(self, now: DateTime<Utc>) -> Result<(), Failure> {
        let Tally { sent, failed, .. } = self.tally;
        let is_stopped = match self.stop {
            Some(Stop::Interrupted) => {
                return Err(Failure::new(Kind::Interrupted, "interrupted")
                    .because(&format!("{sent} events were posted, the rest was not")));
            }
            Some(Stop::BadLine { line, error }) => {
                let what = format!(
                    "line {line} of the recording is no event; {sent} were posted before it"
                );
                return Err(Failure::new(Kind::Input, what)
                    .because(&error)
                    .hint("Mend the line, or pass over such lines with --skip-bad."));
            }
            Some(Stop::Input(error)) => {
                let what =
                    format!("cannot read the recording to its end; {sent} events were posted");
                return Err(Failure::new(Kind::Input, what).because(&error));
            }
            Some(Stop::Lost) => true,
            None => false,
        };
        let Some(FirstLoss { line, loss }) = self.first_loss else {
            return Ok(());
        };
        let what = if is_stopped {
            format!("cannot replay: {failed} lost, line {line} first, and the rest was not posted")
        } else {
            format!(
                "{failed} of {} events were lost, line {line} first",
                sent + failed
            )
        };
        Err(loss.into_failure(what, now))
    }
}
