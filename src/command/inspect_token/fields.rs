//! A token's fields, taken apart with more patience than a service has.

use percent_encoding::percent_decode_str;

use super::finding::Finding;

/// The fields as they were transmitted. Holds the signature, so there is no `Debug`.
#[derive(Default)]
pub(super) struct Fields {
    /// The resource.
    pub(super) sr: Option<String>,
    /// The signature.
    pub(super) sig: Option<String>,
    /// The expiry.
    pub(super) se: Option<String>,
    /// The policy's name.
    pub(super) skn: Option<String>,
}

impl Fields {
    /// Takes `sr=…&sig=…&se=…` apart, in any order; nothing where none of the three is there.
    pub(super) fn read(text: &str, findings: &mut Vec<Finding>) -> Option<Self> {
        let mut fields = Self::default();
        for part in text.split('&').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = name.trim();
            let Some((name, slot)) = fields.slot(name) else {
                findings.push(
                    Finding::odd(
                        "unknownField",
                        "token",
                        format!("it has a field {}", shown(name)),
                    )
                    .should_be("sr, sig, se and skn alone; SDKs refuse any other"),
                );
                continue;
            };
            if slot.replace(value.to_owned()).is_some() {
                findings.push(
                    Finding::wrong("duplicateField", name, "it is given twice").should_be("once"),
                );
            }
        }
        if fields.sr.is_none() && fields.sig.is_none() && fields.se.is_none() {
            return None;
        }
        for (name, value, meaning) in [
            ("sr", &fields.sr, "sr={host}%2Fdevices%2F{device id}"),
            (
                "sig",
                &fields.sig,
                "sig={the percent-encoded base64 of the HMAC-SHA256}",
            ),
            ("se", &fields.se, "se={seconds since 1970}"),
        ] {
            if value.as_deref().unwrap_or_default().trim().is_empty() {
                findings
                    .push(Finding::wrong("missingField", name, "it is missing").should_be(meaning));
            }
        }
        Some(fields)
    }

    fn slot(&mut self, name: &str) -> Option<(&'static str, &mut Option<String>)> {
        let slots = [
            ("sr", &mut self.sr),
            ("sig", &mut self.sig),
            ("se", &mut self.se),
            ("skn", &mut self.skn),
        ];
        slots
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// The resource as transmitted, empty where it is missing.
    pub(super) fn resource(&self) -> &str {
        self.sr.as_deref().unwrap_or_default()
    }

    /// The expiry as transmitted, empty where it is missing.
    pub(super) fn expiry(&self) -> &str {
        self.se.as_deref().unwrap_or_default()
    }

    /// What the service signs again to compare: the fields as they came.
    pub(super) fn signed_text(&self) -> String {
        format!("{}\n{}", self.resource(), self.expiry())
    }

    /// The policy's name, decoded; an empty one counts as none, as the C SDK sends it.
    pub(super) fn policy(&self) -> Option<String> {
        self.skn
            .as_deref()
            .filter(|policy| !policy.is_empty())
            .map(decode)
    }

    /// The signature's first characters, which give nothing away.
    pub(super) fn masked_signature(&self) -> String {
        let signature = decode(self.sig.as_deref().unwrap_or_default());
        let head: String = signature.chars().take(4).collect();
        format!("{head}…")
    }
}

/// Percent-decoded once.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A name that may be anything at all, cut short: it could be a piece of a signature.
fn shown(name: &str) -> String {
    if name.len() <= 8 && name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return format!("{name:?}");
    }
    "of another name".to_owned()
}
