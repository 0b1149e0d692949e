//! With a key: whether the signature is right, and if not, which field was another when it was made.
//!
//! The signature covers `sr`, a line feed and `se`. Each of them, and the key, is tried in the spellings that people have
//! signed by mistake; the fewest differences win.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::examine::Examined;
use super::fields::{Fields, decode};
use super::finding::Finding;
use super::opens::Opens;
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

/// What the login says that the token should open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// The host, without a port.
    pub(super) host: Option<String>,
    /// The device.
    pub(super) device: Option<String>,
    /// The module.
    pub(super) module: Option<String>,
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

/// A part of what is signed, and what it says about the signer where it is not as it should be.
struct Spelling<T> {
    text: T,
    finding: Option<Finding>,
}

impl<T> Spelling<T> {
    fn plain(text: T) -> Self {
        Self {
            text,
            finding: None,
        }
    }

    fn other(text: T, finding: Finding) -> Self {
        Self {
            text,
            finding: Some(finding),
        }
    }
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

/// The key's forms; the first that can sign is what the service uses.
fn keys(key: &Secret, event_hub: bool) -> Vec<Spelling<SigningKey>> {
    let mut forms = Vec::new();
    let decoded = SigningKey::decoded(key).ok();
    let raw = |text: String| SigningKey::raw(&Secret::new(text)).ok();
    let text = raw(key.expose().to_owned());
    if event_hub {
        forms.extend(text.map(Spelling::plain));
        forms.extend(decoded.map(|key| {
            Spelling::other(
                key,
                Finding::wrong(
                    "decodedKey",
                    "key",
                    "the key was decoded from base64 before it signed, as IoT Hub wants it",
                )
                .should_be("the key's text as it stands: Event Hubs does not decode it"),
            )
        }));
    } else {
        forms.extend(decoded.map(Spelling::plain));
        forms.extend(text.map(|key| {
            Spelling::other(
                key,
                Finding::wrong(
                    "rawKey",
                    "key",
                    "the key's text signed as it stands, which is how Event Hubs does it",
                )
                .should_be(
                    "the 32 or 64 bytes that the key stands for: decode it from base64 first",
                ),
            )
        }));
    }
    for end in ["\n", "\r\n"] {
        forms.extend(raw(format!("{}{end}", key.expose())).map(|key| {
            Spelling::other(
                key,
                Finding::wrong(
                    "keyLineBreak",
                    "key",
                    "the key signed as text, with a line break at its end",
                )
                .should_be("the key without it, decoded from base64 for IoT Hub"),
            )
        }));
    }
    forms
}

fn resources(fields: &Fields, examined: &Examined, expected: &Expected) -> Vec<Spelling<String>> {
    let sent = fields.resource();
    let decoded = decode(sent);
    let mut spellings = vec![Spelling::plain(sent.to_owned())];
    let mut add = |text: String, how: &str| {
        if spellings.iter().all(|known| known.text != text) {
            let finding = Finding::wrong(
                "signedOtherResource",
                "sr",
                format!(
                    "the signature was made over {text:?} ({how}), and the token says {sent:?}"
                ),
            )
            .should_be("the same text in both places, percent-encoded once before it is signed");
            spellings.push(Spelling::other(text, finding));
        }
    };
    add(decoded.clone(), "not percent-encoded");
    add(percent_encode(&decoded), "percent-encoded once");
    add(
        percent_encode(&percent_encode(&decoded)),
        "percent-encoded twice",
    );
    add(decode(&decoded), "decoded twice");
    add(sent.to_ascii_lowercase(), "in lower case");
    add(
        percent_encode(&decoded).to_ascii_lowercase(),
        "percent-encoded, in lower case",
    );
    add(
        decoded.to_ascii_lowercase(),
        "not percent-encoded, in lower case",
    );
    add(
        percent_encode(&decoded.to_ascii_lowercase()),
        "in lower case, percent-encoded after that",
    );
    add(format!("{sent}/"), "with a slash at its end");
    for scheme in ["https://", "sb://", "amqps://"] {
        add(
            percent_encode(&format!("{scheme}{decoded}")),
            "with a scheme before it",
        );
    }
    if let Some(host) = expected.host.as_deref() {
        let device = expected.device.as_deref().or(examined.opens.device());
        let module = expected.module.as_deref().or(examined.opens.module());
        let meant = resource(host, device, module);
        add(percent_encode(&meant), "what the login is for");
        add(meant, "what the login is for, not percent-encoded");
    }
    if let Some(host) = examined.opens.host() {
        add(percent_encode(host), "the host alone");
        if let Some(device) = examined.opens.device() {
            let whole = resource(host, Some(device), None);
            add(percent_encode(&whole), "the device without its module");
            add(
                percent_encode(&format!("{whole}/messages/events")),
                "the path that is posted to",
            );
        }
    }
    spellings
}

fn expiries(sent: &str) -> Vec<Spelling<String>> {
    let mut spellings = vec![Spelling::plain(sent.to_owned())];
    let mut add = |text: String, how: &str| {
        if spellings.iter().all(|known| known.text != text) {
            let finding = Finding::wrong(
                "signedOtherExpiry",
                "se",
                format!(
                    "the signature was made over {text:?} ({how}), and the token says {sent:?}"
                ),
            )
            .should_be("the same seconds since 1970 in both places");
            spellings.push(Spelling::other(text, finding));
        }
    };
    let trimmed = decode(sent).trim().to_owned();
    if let Ok(number) = trimmed.parse::<i64>() {
        if let Some(milliseconds) = number.checked_mul(1000) {
            add(milliseconds.to_string(), "milliseconds");
        }
        add((number / 1000).to_string(), "seconds");
        add(format!("{number}.0"), "with a fraction");
    }
    if let Some((whole, _)) = trimmed.split_once('.') {
        add(whole.to_owned(), "without the fraction");
    }
    add(trimmed, "decoded");
    spellings
}

fn joins(sr: &str, se: &str) -> Vec<Spelling<String>> {
    let other = |text: String, how: &str| {
        Spelling::other(
            text,
            Finding::wrong(
                "signedOtherJoin",
                "sig",
                format!("{how} when it was signed"),
            )
            .should_be("sr, one line feed (byte 10), se, and nothing behind that"),
        )
    };
    vec![
        Spelling::plain(format!("{sr}\n{se}")),
        other(
            format!("{sr}\r\n{se}"),
            "a carriage return stood before the line feed",
        ),
        other(format!("{sr}\n{se}\n"), "a line feed stood behind se"),
        other(
            format!("{sr}\\n{se}"),
            "a backslash and an n stood in the line feed's place",
        ),
        other(format!("{sr}{se}"), "nothing stood between sr and se"),
        other(format!("{se}\n{sr}"), "se stood before sr"),
    ]
}
