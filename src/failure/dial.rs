//! Failures on the way to the hub: names, ports, trust.

use super::{Failure, Kind};
use crate::client::dial::DialError;
use crate::trust::TrustError;

impl From<&DialError> for Failure {
    fn from(error: &DialError) -> Self {
        let failure = Self::new(Kind::Unreachable, "cannot reach the hub").because(error);
        match error {
            DialError::Name { .. } | DialError::Resolve { .. } => failure.hint(
                "Check HostName in the connection string for a slip of the pen, and whether this machine is on a network.",
            ),
            DialError::Connect { port, .. } | DialError::TimedOut { port, .. } => failure.hint(unreachable_hint(*port)),
            DialError::Tls { .. } => failure.hint(tls_hint(error.tls_error())),
        }
    }
}

fn unreachable_hint(port: u16) -> String {
    match port {
        443 => "Is this machine on a network, and may it go out on port 443?".to_owned(),
        port => format!("Is the hub running, and is {port} its port?"),
    }
}

/// What mends an AMQP port that cannot be reached.
pub(super) fn amqp_hint(error: &DialError) -> Option<String> {
    let port = match error {
        DialError::Connect { port, .. } | DialError::TimedOut { port, .. } => *port,
        DialError::Name { .. } | DialError::Resolve { .. } | DialError::Tls { .. } => return None,
    };
    // The port of the Event Hubs emulator, which has no WebSocket.
    (port != 5672).then(|| {
        format!(
            "Port {port} (AMQP) is closed on the way there, as it is on many company and guest networks: --transport amqp-ws \
             goes over HTTPS's port instead. For a local hub: is `hubctl emulator` running, and does --amqp-port name its port?"
        )
    })
}

fn tls_hint(error: Option<&rustls::Error>) -> &'static str {
    use rustls::CertificateError as C;
    match error {
        Some(rustls::Error::InvalidCertificate(C::UnknownIssuer)) => {
            "The certificate comes from an authority that is not trusted here. For a local hub, name its CA with --ca-file \
             (`hubctl emulator` prints it as caFile); behind a company's proxy, name the company's."
        }
        Some(rustls::Error::InvalidCertificate(
            C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. },
        )) => "The certificate's dates do not fit; check this machine's clock.",
        Some(rustls::Error::InvalidCertificate(
            C::NotValidForName | C::NotValidForNameContext { .. },
        )) => "The certificate is for another name; check HostName in the connection string.",
        Some(_) | None => {
            "Is it a TLS port? Something between here and the hub may be taking the connection apart."
        }
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::File { .. } | TrustError::Empty { .. } | TrustError::Certificate { .. } => {
                Self::new(Kind::Input, "cannot use the trust anchors of --ca-file")
                    .because(&error)
                    .hint("It must be a PEM file with at least one certificate authority's certificate.")
            }
            TrustError::Tls { .. } => Self::new(Kind::Bug, "cannot set TLS up").because(&error),
        }
    }
}
