//! The spellings that people sign by mistake, of each part of what is signed; the right one stands first.

use super::examine::Examined;
use super::fields::{Fields, decode};
use super::finding::Finding;
use crate::model::secret::Secret;
use crate::protocol::sas::{SigningKey, percent_encode, resource};

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

/// A part of what is signed, and what it says about the signer where it is not as it should be.
pub(super) struct Spelling<T> {
    /// The text, or the key that is made of it.
    pub(super) text: T,
    /// What is wrong with it, where it is not the one that the service uses.
    pub(super) finding: Option<Finding>,
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

/// What one field may have been when it was signed.
struct Spellings<'a> {
    /// What it is in the token.
    sent: &'a str,
    /// The finding where it is another.
    id: &'static str,
    /// The field.
    field: &'static str,
    /// How to mend that.
    should_be: &'static str,
    found: Vec<Spelling<String>>,
}

impl<'a> Spellings<'a> {
    /// What it is in the token stands first.
    fn of(sent: &'a str, id: &'static str, field: &'static str, should_be: &'static str) -> Self {
        Self {
            sent,
            id,
            field,
            should_be,
            found: vec![Spelling::plain(sent.to_owned())],
        }
    }

    fn add(&mut self, text: String, how: &str) {
        if self.found.iter().any(|known| known.text == text) {
            return;
        }
        let sent = self.sent;
        let said =
            format!("the signature was made over {text:?} ({how}), and the token says {sent:?}");
        let finding = Finding::wrong(self.id, self.field, said).should_be(self.should_be);
        self.found.push(Spelling::other(text, finding));
    }
}

/// The key's forms; the first that can sign is what the service uses.
pub(super) fn keys(key: &Secret, event_hub: bool) -> Vec<Spelling<SigningKey>> {
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

/// The resource as transmitted, and what may have been signed in its place.
pub(super) fn resources(
    fields: &Fields,
    examined: &Examined,
    expected: &Expected,
) -> Vec<Spelling<String>> {
    let sent = fields.resource();
    let decoded = decode(sent);
    let should_be = "the same text in both places, percent-encoded once before it is signed";
    let mut spellings = Spellings::of(sent, "signedOtherResource", "sr", should_be);
    let mut add = |text: String, how: &str| spellings.add(text, how);
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
    spellings.found
}

/// The expiry as transmitted, and what may have been signed in its place.
pub(super) fn expiries(sent: &str) -> Vec<Spelling<String>> {
    let should_be = "the same seconds since 1970 in both places";
    let mut spellings = Spellings::of(sent, "signedOtherExpiry", "se", should_be);
    let mut add = |text: String, how: &str| spellings.add(text, how);
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
    spellings.found
}

/// The ways to put the two together.
pub(super) fn joins(sr: &str, se: &str) -> Vec<Spelling<String>> {
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
