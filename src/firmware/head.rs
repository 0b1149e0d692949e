//! The words at the head of a generated file: who made it, when, until when it holds, and that it is a secret.

use super::flashed::{Flashed, Subject};

/// The head's lines, without any language's comment marks. Plain ASCII, and safe inside a block comment.
pub(super) fn lines(flashed: &Flashed) -> Vec<String> {
    let holder = match flashed.subject {
        Subject::Hub => "can do what its policy allows ON THE WHOLE HUB (never flash such a token)",
        Subject::Device(_) => "can act as this device",
        Subject::Module(..) => "can act as this module",
        Subject::Registration(..) => "can register as this device",
    };
    let mut lines = vec![
        format!(
            "Made by hubctl {} at {}.",
            env!("CARGO_PKG_VERSION"),
            flashed.made_text()
        ),
        String::new(),
        format!("SECRET: whoever has the token below {holder}"),
        "until it expires. Keep this file out of version control.".to_owned(),
        String::new(),
    ];
    let place = match &flashed.subject {
        Subject::Hub | Subject::Device(_) | Subject::Module(..) => "Hub:        ",
        Subject::Registration(..) => "Service:    ",
    };
    lines.push(format!("{place} {}", harmless(&flashed.host.authority())));
    if let Subject::Registration(scope, id) = &flashed.subject {
        lines.push(format!("ID scope:    {scope}"));
        lines.push(format!("Registered:  {id}"));
    }
    if let Some(device) = flashed.subject.device() {
        lines.push(format!("Device:      {}", harmless(device.as_str())));
    }
    if let Some(module) = flashed.subject.module() {
        lines.push(format!("Module:      {}", harmless(module.as_str())));
    }
    if let Some(policy) = &flashed.policy {
        lines.push(format!("Policy:      {}", harmless(policy)));
    }
    lines.push(format!("Valid until: {}", flashed.expires_text()));
    if let Some(roots) = &flashed.roots {
        for (index, name) in roots.names().iter().enumerate() {
            let label = if index == 0 { "Trusts:" } else { "" };
            lines.push(format!("{label:<12} {}", harmless(name)));
        }
        if roots.are_own() {
            lines.push(
                "The certificates come from the CA file of a hub of your own: with them a device does not trust Azure."
                    .to_owned(),
            );
        }
    }
    if matches!(flashed.subject, Subject::Module(..)) && flashed.protocol.is_none() {
        lines.push(String::new());
        lines.push(
            "There is no IOT_HUB_EVENTS_URL: hubs take a module's messages over MQTT and AMQP alone."
                .to_owned(),
        );
    }
    lines
}

/// The text with everything replaced that could end a comment, open another, or continue a line: `*/` and `/*` as well as
/// the trigraph `??/` all need a slash.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '/' | '\\' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_comment() {
        assert_eq!(harmless("a*/b/*c??/\n\\é"), "a*_b_*c??____");
        assert_eq!(harmless("-:.+%_#*?!(),=@;$'"), "-:.+%_#*?!(),=@;$'");
    }
}
