//! What can be told from the fields alone, without a key.

use super::fields::{Fields, decode};
use super::finding::Finding;
use super::opens::Opens;
use crate::model::connection_string::Host;
use crate::model::identifier::{DeviceId, ModuleId};
use crate::protocol::sas::{REGISTRATION_POLICY, percent_encode};

/// Base64 of 32 bytes.
const SIGNATURE_LENGTH: usize = 44;

/// What the fields say.
pub(super) struct Examined {
    /// What the token opens.
    pub(super) opens: Opens,
    /// The signature as plain base64, with every mistake of spelling undone that can be. A secret.
    pub(super) signature: String,
}

/// Reads the resource, the signature and the policy, and tells what is wrong with each.
pub(super) fn examine(fields: &Fields, findings: &mut Vec<Finding>) -> Examined {
    let opens = resource(fields.resource(), findings);
    let signature = signature(fields.sig.as_deref().unwrap_or_default(), findings);
    policy(fields, &opens, findings);
    Examined { opens, signature }
}

fn resource(text: &str, findings: &mut Vec<Finding>) -> Opens {
    let mut decoded = decode(text);
    if decoded != decoded.trim() {
        findings.push(
            Finding::wrong("resourceBlanks", "sr", "blanks stand around the resource")
                .should_be(format!("sr={}", percent_encode(decoded.trim()))),
        );
        decoded = decoded.trim().to_owned();
    }
    let lower = decoded.to_ascii_lowercase();
    let mut doubled = false;
    if lower.contains("%2f") && !decoded.contains('/') {
        doubled = true;
        decoded = decode(&decoded);
        findings.push(
            Finding::wrong(
                "resourceDoubleEncoded",
                "sr",
                "the resource is percent-encoded twice",
            )
            .should_be(format!("sr={}", percent_encode(&decoded))),
        );
    }
    let mut opens = Opens::read(&decoded);
    if matches!(opens, Opens::EventHub { .. }) || text.is_empty() {
        return opens;
    }
    if !doubled && text.contains('/') {
        findings.push(Finding::note(
            "resourceNotEncoded",
            "sr",
            "the slashes are not percent-encoded: hubs take that (the C SDK does it), as long as the same text was signed",
        ));
    }
    if let Some((scheme, rest)) = decoded.split_once("://") {
        findings.push(
            Finding::wrong("scheme", "sr", format!("it begins with {scheme}://"))
                .should_be(format!("sr={}", percent_encode(rest.trim_end_matches('/')))),
        );
    } else if decoded.ends_with('/') {
        findings.push(
            Finding::odd("trailingSlash", "sr", "it ends with a slash").should_be(format!(
                "sr={}",
                percent_encode(decoded.trim_end_matches('/'))
            )),
        );
    }
    if let Some(name) = opens.host().map(str::to_owned) {
        host(&name, &decoded, findings);
    }
    if opens.device().is_some() {
        opens = ids(opens, text, findings);
    }
    opens
}

fn host(host: &str, decoded: &str, findings: &mut Vec<Finding>) {
    let Ok(parsed) = Host::parse(host) else {
        findings.push(
            Finding::wrong("illegalHost", "sr", "its host is not a host name")
                .should_be("the hub's host name, such as contoso.azure-devices.net"),
        );
        return;
    };
    if parsed.port.is_some() {
        let should = decoded.replacen(host, &parsed.name, 1);
        findings.push(
            Finding::odd("hostPort", "sr", "its host carries a port")
                .should_be(format!("sr={}", percent_encode(&should))),
        );
    }
    let local = parsed.name.eq_ignore_ascii_case("localhost");
    if !parsed.name.contains('.') && !local {
        let should = decoded.replacen(
            &parsed.name,
            &format!("{}.azure-devices.net", parsed.name),
            1,
        );
        findings.push(
            Finding::wrong("hostShort", "sr", "its host is the hub's short name").should_be(
                format!("the full host name: sr={}", percent_encode(&should)),
            ),
        );
    }
}

/// Looks at the ids, and undoes a second encoding of theirs.
fn ids(opens: Opens, text: &str, findings: &mut Vec<Finding>) -> Opens {
    let twice = |id: &str| id.contains('%') && decode(id) != id;
    let device = opens.device().unwrap_or_default().to_owned();
    let module = opens.module().map(str::to_owned);
    if twice(&device) || module.as_deref().is_some_and(twice) {
        findings.push(Finding::note(
            "idDoubleEncoded",
            "sr",
            format!("either the id really holds {:?}, or it is encoded twice (the C# SDK does that, and hubs take it)", percent_of(&device, module.as_deref())),
        ));
    }
    let illegal = device.parse::<DeviceId>().map(|_| ()).and_then(|()| {
        module
            .as_deref()
            .map_or(Ok(()), |module| module.parse::<ModuleId>().map(|_| ()))
    });
    if let Err(error) = illegal {
        findings.push(
            Finding::wrong("illegalId", "sr", error.to_string())
                .should_be("the id as it was registered, percent-encoded once"),
        );
    } else if text.contains('+') {
        findings.push(
            Finding::odd(
                "rawPlusInResource",
                "sr",
                "a + stands in it as it is, which a service may read as a blank",
            )
            .should_be("%2B for each +"),
        );
    }
    opens
}

/// The first `%XX` of the ids.
fn percent_of(device: &str, module: Option<&str>) -> String {
    [Some(device), module]
        .into_iter()
        .flatten()
        .find_map(|id| id.get(id.find('%')?..)?.get(..3))
        .unwrap_or("%")
        .to_owned()
}

/// The signature as base64, mended where it can be.
fn signature(text: &str, findings: &mut Vec<Finding>) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let mut decoded = decode(text);
    if text.contains('+') {
        findings.push(
            Finding::wrong(
                "rawPlus",
                "sig",
                "a + stands in it as it is; the service reads it as a blank",
            )
            .should_be("%2B for each +"),
        );
    }
    if text.contains('/') {
        findings.push(
            Finding::odd(
                "rawSlash",
                "sig",
                "a / stands in it as it is; hubs take that, other services and proxies may not",
            )
            .should_be("%2F for each /"),
        );
    }
    let trimmed = decoded.trim().to_owned();
    if trimmed.len() < decoded.len() {
        findings.push(
            Finding::wrong(
                "signatureWhitespace",
                "sig",
                "a blank or line break stands at its end: the base64 was made with one",
            )
            .should_be("the base64 alone, without a line break"),
        );
        decoded = trimmed;
    }
    if is_encoded(&decoded) {
        findings.push(
            Finding::wrong(
                "signatureDoubleEncoded",
                "sig",
                "it is percent-encoded twice",
            )
            .should_be("%2B, %2F and %3D for + / and =, not %252B, %252F and %253D"),
        );
        decoded = decode(&decoded);
    }
    if decoded.contains(' ') {
        findings.push(
            Finding::wrong(
                "blankInSignature",
                "sig",
                "blanks stand in it where a + was: something decoded it as a form",
            )
            .should_be("%2B for each +"),
        );
        decoded = decoded.replace(' ', "+");
    }
    alphabet(decoded, findings)
}

fn is_encoded(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["%2b", "%2f", "%3d"]
        .iter()
        .any(|code| lower.contains(code))
}

/// Undoes the other alphabets and letter cases.
fn alphabet(mut signature: String, findings: &mut Vec<Finding>) -> String {
    if signature.len() == 64 && signature.chars().all(|c| c.is_ascii_hexdigit()) {
        findings.push(
            Finding::wrong("signatureHex", "sig", "it is the HMAC in hex")
                .should_be("the base64 of its 32 bytes, percent-encoded"),
        );
        return from_hex(&signature);
    }
    if signature.contains(['-', '_']) {
        findings.push(
            Finding::wrong(
                "signatureUrlSafe",
                "sig",
                "it is in base64's alphabet for URLs, with - and _",
            )
            .should_be("plain base64, percent-encoded: %2B and %2F"),
        );
        signature = signature.replace('-', "+").replace('_', "/");
    }
    if signature.len() == SIGNATURE_LENGTH - 1 && !signature.ends_with('=') {
        findings.push(
            Finding::wrong("signaturePadding", "sig", "its closing = is missing")
                .should_be("%3D at the end"),
        );
        signature.push('=');
    }
    if signature.len() != SIGNATURE_LENGTH || !signature.ends_with('=') {
        findings.push(
            Finding::wrong(
                "signatureLength",
                "sig",
                format!(
                    "it has {} characters once decoded",
                    signature.chars().count()
                ),
            )
            .should_be("44: the base64 of 32 bytes (HMAC-SHA256)"),
        );
        return signature;
    }
    // By chance a signature has no capital once in five thousand million.
    let letter = |is: fn(&char) -> bool| signature.chars().any(|c| is(&c));
    if !letter(char::is_ascii_uppercase) {
        findings.push(
            Finding::wrong("lowerCaseSignature", "sig", "it was turned into lower case")
                .should_be("the base64 in its own case; only %2b for %2B is the same"),
        );
    } else if !letter(char::is_ascii_lowercase) {
        findings.push(
            Finding::wrong("upperCaseSignature", "sig", "it was turned into upper case")
                .should_be("the base64 in its own case"),
        );
    }
    signature
}

fn from_hex(hex: &str) -> String {
    use base64::Engine as _;
    let bytes: Vec<u8> = (0..hex.len() / 2)
        .filter_map(|index| u8::from_str_radix(hex.get(index * 2..index * 2 + 2)?, 16).ok())
        .collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn policy(fields: &Fields, opens: &Opens, findings: &mut Vec<Finding>) {
    let raw = fields.skn.as_deref().unwrap_or_default();
    let policy = fields.policy();
    let twice = |policy: &String| raw.contains('%') && decode(policy) != *policy;
    if let Some(policy) = policy.as_ref().filter(|policy| twice(policy)) {
        findings.push(
            Finding::odd(
                "policyDoubleEncoded",
                "skn",
                "the policy's name is percent-encoded twice",
            )
            .should_be(format!("skn={}", percent_encode(&decode(policy)))),
        );
    }
    let missing = |why: &str| Finding::wrong("policyMissing", "skn", why);
    let finding = match opens {
        Opens::Device { .. } | Opens::Module { .. } => match policy {
            None => return,
            Some(policy) => device_policy(&policy),
        },
        Opens::Registration { .. } => match policy.as_deref() {
            Some(REGISTRATION_POLICY) => return,
            Some(_) | None => missing("it does not name the policy that signs for a registration")
                .should_be(format!("skn={REGISTRATION_POLICY}")),
        },
        Opens::Hub { .. } | Opens::Devices { .. } | Opens::Path { .. } if policy.is_none() => {
            missing("it is missing: without it nobody can tell whose key opens a hub")
                .should_be("skn=iothubowner, or whichever policy's key signed")
        }
        Opens::EventHub { .. } if policy.is_none() => {
            missing("it is missing: without it nobody can tell whose key opens an event hub")
                .should_be("skn={policy}")
        }
        Opens::Hub { .. }
        | Opens::Devices { .. }
        | Opens::Path { .. }
        | Opens::EventHub { .. }
        | Opens::Nothing => return,
    };
    findings.push(finding);
}

/// A policy on a device's token: meant where the policy's key signed, and a mistake where the device's did.
fn device_policy(policy: &str) -> Finding {
    if policy == REGISTRATION_POLICY {
        let what = "\"registration\" signs for the Device Provisioning Service, not for a hub";
        return Finding::wrong("policyOnDevice", "skn", what)
            .should_be("no skn at all: the device's own key signs");
    }
    let what = format!(
        "it names the policy {policy:?} on a device's token: the hub then checks with that policy's key, not the device's"
    );
    Finding::odd("policyOnDevice", "skn", what)
        .should_be("no skn, where the device's own key signed")
}
