//! A token explained: as text for a person, as JSON for programs. Never holds the signature or a key.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::finding::{Finding, Severity};
use super::opens::Opens;
use super::verify::Verdict;
use crate::model::span::describe_duration;

/// Everything that is told.
pub(super) struct Report {
    /// What the token was found in.
    pub(super) place: String,
    /// What it opens.
    pub(super) opens: Opens,
    /// The policy whose key signs.
    pub(super) policy: Option<String>,
    /// `se` as transmitted.
    pub(super) expiry_text: String,
    /// Until when it is valid, where that can be told.
    pub(super) expires: Option<DateTime<Utc>>,
    /// When it was looked at.
    pub(super) now: DateTime<Utc>,
    /// The signature's first characters.
    pub(super) masked_signature: String,
    /// What the service signs again to compare.
    pub(super) signed_text: String,
    /// Whether the signature is right.
    pub(super) verdict: Verdict,
    /// What was found, worst first.
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Whether it has expired; a token of which nobody can tell has not.
    pub(super) fn expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= self.now)
    }

    /// The first mistake, where there is one.
    pub(super) fn mistake(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.severity == Severity::Wrong)
    }

    /// The lines for a person.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "{name:<11}{value}");
        };
        line("found in", &self.place);
        line("opens", &self.opens.describe());
        line("policy", &self.signer());
        line("expires", &self.expiry());
        line(
            "signature",
            &format!("{} ({})", self.masked_signature, self.judged()),
        );
        line("signed", &format!("{:?}", self.signed_text));
        for finding in &self.findings {
            let _ = writeln!(
                text,
                "{}: {}: {}",
                finding.severity.name(),
                finding.field,
                finding.what
            );
            if let Some(should_be) = &finding.should_be {
                let _ = writeln!(text, "  should be: {should_be}");
            }
        }
        text
    }

    fn signer(&self) -> String {
        match (&self.policy, &self.opens) {
            (Some(policy), _) => policy.clone(),
            (None, Opens::Device { .. }) => "none: the device's own key signs".to_owned(),
            (None, Opens::Module { .. }) => "none: the module's own key signs".to_owned(),
            (
                None,
                Opens::Hub { .. }
                | Opens::Devices { .. }
                | Opens::Path { .. }
                | Opens::EventHub { .. }
                | Opens::Registration { .. }
                | Opens::Nothing,
            ) => "none".to_owned(),
        }
    }

    fn expiry(&self) -> String {
        let Some(expires) = self.expires else {
            return "cannot be told".to_owned();
        };
        let absolute = expires.to_rfc3339_opts(SecondsFormat::Secs, true);
        let relative = if self.expired() {
            let since = (self.now - expires).to_std().unwrap_or_default();
            format!("EXPIRED {} ago", describe_duration(since))
        } else {
            let left = (expires - self.now).to_std().unwrap_or_default();
            format!("in {}", describe_duration(left))
        };
        format!("{absolute} ({relative})")
    }

    fn judged(&self) -> String {
        match &self.verdict {
            Verdict::NotChecked => "not checked: give --key or --login".to_owned(),
            Verdict::Right(key) if self.needs_mending() => {
                format!("{key} made it, but it is not written as it should be")
            }
            Verdict::Right(key) => format!("right: {key} made it"),
            Verdict::Wrong => "WRONG for this key".to_owned(),
        }
    }

    /// Whether the signature's own spelling is a mistake, whoever made it.
    fn needs_mending(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.field == "sig" && finding.severity == Severity::Wrong)
    }

    /// The same as one JSON object, with a final newline.
    pub(super) fn to_json(&self) -> String {
        let (result, key) = match &self.verdict {
            Verdict::NotChecked => ("notChecked", None),
            Verdict::Right(key) if self.needs_mending() => ("rightOnceMended", Some(key)),
            Verdict::Right(key) => ("right", Some(key)),
            Verdict::Wrong => ("wrong", None),
        };
        let expires = self.expires;
        let findings: Vec<Value> = self.findings.iter().map(Finding::to_json).collect();
        let value = json!({
            "foundIn": self.place,
            "opens": self.opens.to_json(),
            "policyName": self.policy,
            "se": self.expiry_text,
            "expiry": expires.map(|expires| expires.timestamp()),
            "validUntil": expires.map(|expires| expires.to_rfc3339_opts(SecondsFormat::Secs, true)),
            "expired": expires.map(|_| self.expired()),
            "secondsLeft": expires.map(|expires| (expires - self.now).num_seconds()),
            "signature": { "masked": self.masked_signature, "result": result, "key": key },
            "signedText": self.signed_text,
            "findings": findings,
        });
        format!("{value}\n")
    }
}
