//! What went wrong, as the user sees it: what failed, because of what, and what would mend it.
//!
//! Each room below has an error of its own; the files here turn those into a [`Failure`] by exhaustive matches, and
//! decide the exit code and the hint. Nothing below knows of exit codes.

pub mod amqp;
mod config;
mod dial;
mod emulator;
pub mod https;
pub mod mask;
mod usage;
mod websocket;

use serde_json::{Map, Value, json};

/// The kinds of failure; each is an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 0: the reader of standard output has gone, a normal end of which nothing is said.
    PipeClosed,
    /// 1: unexpected, a bug.
    Bug,
    /// 2: the command line is wrong.
    Usage,
    /// 3: connection string, configuration or input file.
    Input,
    /// 4: the key, token or policy was refused.
    Refused,
    /// 5: no such device, module or consumer group.
    NotFound,
    /// 6: conflict or `ETag` mismatch.
    Conflict,
    /// 7: throttled or over quota.
    Throttled,
    /// 8: the device did not answer.
    DeviceSilent,
    /// 9: DNS, TCP, TLS or proxy.
    Unreachable,
    /// 10: the service failed or answered what cannot be read.
    Service,
    /// 11: the device's own failing status.
    DeviceStatus,
    /// 12: the condition waited for did not come.
    ConditionMissed,
    /// 130: interrupted.
    Interrupted,
}

impl Kind {
    /// The process's exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::PipeClosed => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Refused => 4,
            Self::NotFound => 5,
            Self::Conflict => 6,
            Self::Throttled => 7,
            Self::DeviceSilent => 8,
            Self::Unreachable => 9,
            Self::Service => 10,
            Self::DeviceStatus => 11,
            Self::ConditionMissed => 12,
            Self::Interrupted => 130,
        }
    }

    /// The kind's name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PipeClosed => "pipeClosed",
            Self::Bug => "bug",
            Self::Usage => "usage",
            Self::Input => "input",
            Self::Refused => "refused",
            Self::NotFound => "notFound",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::DeviceSilent => "deviceSilent",
            Self::Unreachable => "unreachable",
            Self::Service => "service",
            Self::DeviceStatus => "deviceStatus",
            Self::ConditionMissed => "conditionMissed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What went wrong. Holds text that is fit to be shown: never a key, a token or a connection string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code's kind.
    pub kind: Kind,
    /// What failed, a fragment such as `cannot post the message`.
    pub what: String,
    /// Because of what.
    pub cause: Option<String>,
    /// What would mend it, a sentence.
    pub hint: Option<String>,
    /// The service's six-digit code.
    pub code: Option<u32>,
    /// The service's name for it.
    pub code_name: Option<String>,
    /// What Microsoft's support asks for.
    pub tracking_id: Option<String>,
}

impl Failure {
    /// A failure of which only the first line is known.
    #[must_use]
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            cause: None,
            hint: None,
            code: None,
            code_name: None,
            tracking_id: None,
        }
    }

    /// Adds what it is because of.
    #[must_use]
    pub fn because(mut self, cause: &(impl std::fmt::Display + ?Sized)) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Adds what would mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The lines for a person: what failed, because of what, and a hint; `colour` for a terminal. With a final newline.
    #[must_use]
    pub fn to_text(&self, colour: bool) -> String {
        let paint = |word: &str, code: &str| {
            if colour {
                format!("\x1b[{code}m{word}\x1b[0m")
            } else {
                word.to_owned()
            }
        };
        let mut text = format!("{} {}\n", paint("error:", "1;31"), self.what);
        if let Some(cause) = &self.cause {
            text.push_str("  because: ");
            text.push_str(cause);
            if let Some(tracking_id) = &self.tracking_id {
                text.push_str(" (tracking id ");
                text.push_str(tracking_id);
                text.push(')');
            }
            text.push('\n');
        }
        if let Some(hint) = &self.hint {
            text.push_str("  ");
            text.push_str(&paint("hint:", "1;32"));
            text.push(' ');
            text.push_str(hint);
            text.push('\n');
        }
        text
    }

    /// The same as one JSON object, for programs. With a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut error = Map::new();
        error.insert("kind".to_owned(), json!(self.kind.name()));
        error.insert("exitCode".to_owned(), json!(self.kind.exit_code()));
        error.insert("what".to_owned(), json!(self.what));
        let optional = [
            ("cause", self.cause.as_deref().map(Value::from)),
            ("code", self.code.map(Value::from)),
            ("codeName", self.code_name.as_deref().map(Value::from)),
            ("trackingId", self.tracking_id.as_deref().map(Value::from)),
            ("hint", self.hint.as_deref().map(Value::from)),
        ];
        error.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        format!("{}\n", json!({ "error": error }))
    }
}
