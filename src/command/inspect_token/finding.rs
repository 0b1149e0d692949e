//! What is found about a token, one thing at a time. Holds no part of a signature or key.

use serde_json::{Value, json};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// A mistake: the service refuses such a token.
    Wrong,
    /// It may go well, and may not.
    Odd,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Its name, in text and JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wrong => "mistake",
            Self::Odd => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Its name for programs; stays the same from version to version.
    pub(super) id: &'static str,
    /// How bad it is.
    pub(super) severity: Severity,
    /// `sr`, `sig`, `se`, `skn`, `token` (the whole) or `key`.
    pub(super) field: &'static str,
    /// What it is, a fragment.
    pub(super) what: String,
    /// What should stand there.
    pub(super) should_be: Option<String>,
}

impl Finding {
    fn new(
        severity: Severity,
        id: &'static str,
        field: &'static str,
        what: impl Into<String>,
    ) -> Self {
        Self {
            id,
            severity,
            field,
            what: what.into(),
            should_be: None,
        }
    }

    /// A mistake.
    pub(super) fn wrong(id: &'static str, field: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Wrong, id, field, what)
    }

    /// What may go well.
    pub(super) fn odd(id: &'static str, field: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Odd, id, field, what)
    }

    /// What is worth knowing.
    pub(super) fn note(id: &'static str, field: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Note, id, field, what)
    }

    /// Adds what should stand there.
    pub(super) fn should_be(mut self, what: impl Into<String>) -> Self {
        self.should_be = Some(what.into());
        self
    }

    /// It as JSON.
    pub(super) fn to_json(&self) -> Value {
        let mut value = json!({
            "id": self.id,
            "severity": self.severity.name(),
            "field": self.field,
            "what": self.what,
        });
        if let (Some(object), Some(should_be)) = (value.as_object_mut(), &self.should_be) {
            object.insert("shouldBe".to_owned(), json!(should_be));
        }
        value
    }
}
