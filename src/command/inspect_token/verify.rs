//! With a key: whether the signature is right, and if not, which field was another when it was made.
//!
//! The signature covers `sr`, a line feed and `se`. Each of them, and the key, is tried in the spellings that people have
//! signed by mistake; the fewest differences win.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::examine::Examined;
use super::fields::Fields;
use super::finding::Finding;
use super::opens::Opens;
use super::spellings::{Expected, expiries, joins, keys, resources};
use crate::model::secret::Secret;
use crate::protocol::sas::{SigningKey, percent_encode, resource};

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyOf {
    /// Nobody said.
    Unknown,
    /// The device's or module's own.
    Device,
    /// A policy's.
    Policy(String),
}

/// A key to try.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// What it is, a noun phrase such as `the key given`.
    pub(super) name: String,
    /// Whose it is.
    pub(super) of: KeyOf,
    /// The key, without line breaks.
    pub(super) key: Secret,
}

/// Whether the signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There was no key.
    NotChecked,
    /// It is, by this key.
    Right(String),
    /// It is not; the findings say why.
    Wrong,
}

/// What was signed, as far as it could be found out.
struct Match<'a> {
    candidate: &'a Candidate,
    findings: Vec<Finding>,
}

/// Tries the keys, and tells the first field that differs.
pub(super) fn verify(
    fields: &Fields,
    examined: &Examined,
    expected: &Expected,
    candidates: &[Candidate],
    findings: &mut Vec<Finding>,
) -> Verdict {
    let unlike = compare(&examined.opens, expected);
    if candidates.is_empty() {
        findings.extend(unlike);
        return Verdict::NotChecked;
    }
    let found = closest(fields, examined, expected, candidates);
    let wrong_target = !unlike.is_empty();
    findings.extend(unlike);
    let Some(found) = found else {
        let names: Vec<&str> = candidates
            .iter()
            .map(|candidate| candidate.name.as_str())
            .collect();
        let also = if wrong_target {
            ", or sr is another's"
        } else {
            ""
        };
        findings.push(
            Finding::wrong(
                "wrongKey",
                "key",
                format!(
                    "no spelling of sr and se fits {}: another key signed{also}",
                    names.join(" or ")
                ),
            )
            .should_be("the key of the very device, module or policy that the token is for"),
        );
        return Verdict::Wrong;
    };
    signer(fields, &examined.opens, found.candidate, findings);
    if found.findings.is_empty() {
        return Verdict::Right(found.candidate.name.clone());
    }
    findings.extend(found.findings);
    Verdict::Wrong
}

/// Whether the token is for what the login is for.
fn compare(opens: &Opens, expected: &Expected) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (Some(host), Some(wanted)) = (opens.host(), expected.host.as_deref()) else {
        return findings;
    };
    let name = host.split(':').next().unwrap_or(host);
    let sr = |host: &str, device: Option<&str>, module: Option<&str>| {
        format!("sr={}", percent_encode(&resource(host, device, module)))
    };
    let devices = opens.device().zip(expected.device.as_deref());
    let device = devices.map(|(_, wanted)| wanted).or(opens.device());
    let modules = opens.module().zip(expected.module.as_deref());
    let module = modules.map(|(_, wanted)| wanted).or(opens.module());
    if !name.eq_ignore_ascii_case(wanted) {
        let finding = Finding::wrong("wrongHost", "sr", format!("its host is {host}"));
        findings.push(match opens {
            Opens::EventHub { .. } => finding.should_be(wanted),
            Opens::Hub { .. }
            | Opens::Devices { .. }
            | Opens::Device { .. }
            | Opens::Module { .. }
            | Opens::Path { .. }
            | Opens::Registration { .. }
            | Opens::Nothing => finding.should_be(sr(wanted, device, module)),
        });
    }
    for (pair, what) in [(devices, "device"), (modules, "module")] {
        let Some((given, meant)) = pair.filter(|(given, meant)| given != meant) else {
            continue;
        };
        let finding = if given.eq_ignore_ascii_case(meant) {
            Finding::wrong(
                "idCase",
                "sr",
                format!("the {what}'s id is in another case: {given:?}, registered as {meant:?}"),
            )
        } else {
            Finding::wrong(
                "wrongId",
                "sr",
                format!("it is for the {what} {given:?}, not for {meant:?}"),
            )
        };
        findings.push(finding.should_be(sr(wanted, device, module)));
    }
    findings
}

/// Whether `skn` names whoever signed.
fn signer(fields: &Fields, opens: &Opens, candidate: &Candidate, findings: &mut Vec<Finding>) {
    let finding = match (&candidate.of, fields.policy(), opens.device()) {
        (KeyOf::Device, Some(policy), Some(_)) => Finding::wrong(
            "policyOnDevice",
            "skn",
            format!("it names the policy {policy:?}, and the device's own key signed"),
        )
        .should_be("no skn at all"),
        (KeyOf::Policy(name), None, _) => Finding::wrong(
            "policyMissing",
            "skn",
            format!("the key of the policy {name:?} signed, and nothing says so"),
        )
        .should_be(format!("skn={}", percent_encode(name))),
        (KeyOf::Policy(name), Some(policy), _) if *name != policy => Finding::wrong(
            "wrongPolicy",
            "skn",
            format!("it names the policy {policy:?}, and the key of {name:?} signed"),
        )
        .should_be(format!("skn={}", percent_encode(name))),
        (KeyOf::Policy(name), Some(_), Some(_)) => {
            // What was odd without a key is known to be meant.
            findings.retain(|finding| finding.id != "policyOnDevice");
            Finding::note(
                "policyOnDevice",
                "skn",
                format!(
                    "the policy {name:?} signs for the device: right, but the key of a policy opens more than a device should carry"
                ),
            )
        }
        (KeyOf::Device | KeyOf::Unknown, _, _) | (KeyOf::Policy(_), Some(_), None) => {
            return;
        }
    };
    findings.retain(|other| other.id != finding.id);
    findings.push(finding);
}

/// The way to this signature that differs in the fewest places.
fn closest<'a>(
    fields: &Fields,
    examined: &Examined,
    expected: &Expected,
    candidates: &'a [Candidate],
) -> Option<Match<'a>> {
    let event_hub = matches!(examined.opens, Opens::EventHub { .. });
    let resources = resources(fields, examined, expected);
    let expiries = expiries(fields.expiry());
    let mut best: Option<Match<'a>> = None;
    for candidate in candidates {
        for key in keys(&candidate.key, event_hub) {
            for sr in &resources {
                for se in &expiries {
                    for joined in joins(&sr.text, &se.text) {
                        if !fits(&key.text, &joined.text, &examined.signature) {
                            continue;
                        }
                        let parts = [&sr.finding, &se.finding, &joined.finding, &key.finding];
                        let findings: Vec<Finding> = parts.into_iter().flatten().cloned().collect();
                        if best
                            .as_ref()
                            .is_none_or(|best| findings.len() < best.findings.len())
                        {
                            best = Some(Match {
                                candidate,
                                findings,
                            });
                        }
                    }
                }
            }
        }
    }
    best
}

/// Whether the key's signature over `text` is this one; one that lost its letter case is compared without it.
fn fits(key: &SigningKey, text: &str, signature: &str) -> bool {
    let made = STANDARD.encode(key.digest(text));
    let one_case = !signature.chars().any(|c| c.is_ascii_uppercase())
        || !signature.chars().any(|c| c.is_ascii_lowercase());
    made == signature || (one_case && made.eq_ignore_ascii_case(signature))
}
