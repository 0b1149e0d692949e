//! The security layer: what is offered, and what becomes of each choice.
//!
//! `MSSBCBS` is ANONYMOUS under another name: the token comes later, on `$cbs`. PLAIN shows a token or a key at once, and
//! EXTERNAL points to the certificate that TLS has seen.

use crate::emulator::hub::command::Command;
use crate::model::secret::Secret;
use crate::protocol::amqp::performative::sasl::{SASL_AUTH, SASL_OK, SASL_SYS};
use crate::protocol::amqp::performative::{
    Performative, SaslInit, SaslMechanisms, SaslOutcome, Symbols,
};

/// In Event Hubs' order.
const MECHANISMS: [&str; 4] = ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"];

/// What a choice leads to.
#[derive(Debug)]
pub(super) enum Choice {
    /// Come in, and show a token on `$cbs` unless there is a certificate.
    Welcome,
    /// The hub is to look at the credentials: what was shown, and in what company.
    Ask(Secret, Command),
    /// No, with an outcome's code.
    Refuse(u8),
}

/// The frame that begins the conversation.
pub(super) fn offer() -> Performative<'static> {
    Performative::SaslMechanisms(SaslMechanisms {
        mechanisms: Symbols::Several(&MECHANISMS),
    })
}

/// What the peer's choice leads to. EXTERNAL needs a certificate.
pub(super) fn choose(init: &SaslInit<'_>, has_certificate: bool) -> Choice {
    match init.mechanism {
        "MSSBCBS" | "ANONYMOUS" => Choice::Welcome,
        "EXTERNAL" if has_certificate => Choice::Welcome,
        "PLAIN" => init
            .plain_credentials()
            .map_or(Choice::Refuse(SASL_SYS), |(user, password)| {
                let command = Command::PlainLogin {
                    user: user.to_owned(),
                    password: password.to_owned(),
                };
                Choice::Ask(Secret::new(password), command)
            }),
        _ => Choice::Refuse(SASL_AUTH),
    }
}

/// The frame that ends the conversation.
pub(super) fn outcome(code: u8) -> Performative<'static> {
    Performative::SaslOutcome(SaslOutcome {
        code,
        additional_data: (code == SASL_OK).then_some(b"Welcome!"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mechanism_has_its_end() {
        let with = |mechanism, initial_response, has_certificate| {
            let init = SaslInit {
                mechanism,
                initial_response,
                hostname: None,
            };
            choose(&init, has_certificate)
        };
        let init = |mechanism, initial_response| with(mechanism, initial_response, false);
        assert!(matches!(init("MSSBCBS", Some(b"\0owner")), Choice::Welcome));
        assert!(matches!(init("ANONYMOUS", None), Choice::Welcome));
        assert!(matches!(init("EXTERNAL", None), Choice::Refuse(SASL_AUTH)));
        assert!(matches!(with("EXTERNAL", None, true), Choice::Welcome));
        assert!(matches!(
            init("PLAIN", Some(b"nobody")),
            Choice::Refuse(SASL_SYS)
        ));
        let Choice::Ask(_, Command::PlainLogin { user, password }) =
            init("PLAIN", Some(b"\0owner@sas.root.hub\0a=b"))
        else {
            panic!()
        };
        assert_eq!(
            (user.as_str(), password.as_str()),
            ("owner@sas.root.hub", "a=b")
        );
    }
}
