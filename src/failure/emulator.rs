//! Failures of the local hub: what it keeps, and the ports it wants.

use std::io;
use std::net::SocketAddr;

use super::{Failure, Kind};
use crate::emulator::certificate::CertificateError;
use crate::emulator::device_authorities::DeviceAuthorityError;
use crate::emulator::hub::options::OptionsError;
use crate::emulator::server::EmulatorError;
use crate::emulator::state::StateError;
use crate::emulator::store::StoreError;

/// Ports below this one are the system's.
const FIRST_FREE_PORT: u16 = 1024;

impl From<EmulatorError> for Failure {
    fn from(error: EmulatorError) -> Self {
        match error {
            EmulatorError::State(error) => state_failure(&error),
            EmulatorError::Store(error) => store_failure(&error),
            EmulatorError::Thread { source } => {
                Failure::new(Kind::Bug, "cannot start the emulator").because(&source)
            }
            EmulatorError::DeviceAuthority(error) => device_authority_failure(&error),
            EmulatorError::Certificate(error) => certificate_failure(&error),
            EmulatorError::Options(error) => match error {
                OptionsError::Partitions { .. }
                | OptionsError::Enrichments { .. }
                | OptionsError::EnrichmentTwice { .. } => refused_start(Kind::Usage, &error),
                OptionsError::PolicyKey { .. } => refused_start(Kind::Input, &error),
            },
            EmulatorError::StorageKey(_) => refused_start(Kind::Input, &error)
                .hint("Give the connection string as the portal shows it, AccountKey included."),
            EmulatorError::Device { .. } => refused_start(Kind::Usage, &error)
                .hint("Name each device once, with an id that a hub takes."),
            EmulatorError::Bind { address, source } => bind_failure(address, &source),
        }
    }
}

fn refused_start(kind: Kind, error: &dyn std::error::Error) -> Failure {
    Failure::new(kind, "cannot start the emulator").because(error)
}

fn state_failure(error: &StateError) -> Failure {
    match error {
        StateError::File(file) => refused_start(Kind::Input, &WithSource(file, &file.source))
            .hint("Name a folder that can be written to with --data-dir."),
        StateError::Authority { source, .. } => {
            refused_start(Kind::Input, &WithSource(error, source)).hint(
                "Delete ca.pem and ca.key in that folder; the next start makes new ones, which have to be trusted anew.",
            )
        }
        StateError::Hub { .. } => refused_start(Kind::Input, error)
            .hint("Delete the file; the next start makes a new one, with new keys."),
        StateError::Random => refused_start(Kind::Bug, error),
    }
}

fn store_failure(error: &StoreError) -> Failure {
    match error {
        StoreError::InUse { .. } => refused_start(Kind::Conflict, error)
            .hint("Stop the other one, or name another folder with --data-dir."),
        StoreError::Version { .. } => refused_start(Kind::Input, error)
            .hint("Use the hubctl that made it, or name another folder with --data-dir."),
        StoreError::Damaged { path, .. } => refused_start(Kind::Input, error).hint(format!(
            "Put a copy in its place, or move {} away: the next start makes an empty one, with the same keys.",
            path.display()
        )),
        StoreError::Partitions { kept, .. } => refused_start(Kind::Input, error).hint(format!(
            "Say --partitions {kept} or leave it out, or name another folder with --data-dir."
        )),
        StoreError::File(file) => refused_start(Kind::Input, &WithSource(file, &file.source))
            .hint("Name a folder that can be written to, and has room, with --data-dir."),
    }
}

fn device_authority_failure(error: &DeviceAuthorityError) -> Failure {
    let failure = match error {
        DeviceAuthorityError::File(file) => {
            refused_start(Kind::Input, &WithSource(file, &file.source))
        }
        DeviceAuthorityError::NoCertificate { .. } | DeviceAuthorityError::NoAuthority { .. } => {
            refused_start(Kind::Input, error)
        }
    };
    failure.hint(
        "Give --device-ca a PEM file with the certificate of the authority that signs those of the devices.",
    )
}

fn certificate_failure(error: &CertificateError) -> Failure {
    match error {
        CertificateError::HostName { .. } => refused_start(Kind::Usage, error)
            .hint("Give --hostname a DNS name or an IP address, without scheme and port."),
        CertificateError::NoCertificate
        | CertificateError::NoKey
        | CertificateError::Mismatch
        | CertificateError::Expired
        | CertificateError::Make { .. }
        | CertificateError::Tls { .. } => refused_start(Kind::Bug, error),
    }
}

fn bind_failure(address: SocketAddr, source: &io::Error) -> Failure {
    let port = address.port();
    let failure =
        Failure::new(Kind::Unreachable, format!("cannot listen on {address}")).because(source);
    let kind = source.kind();
    if kind == io::ErrorKind::PermissionDenied && port < FIRST_FREE_PORT {
        failure.hint(permission_hint(port))
    } else if kind == io::ErrorKind::AddrInUse {
        failure.hint(format!(
            "Something listens on port {port} already, perhaps another emulator. Stop it, or choose another port; 0 takes any \
             that is free."
        ))
    } else if kind == io::ErrorKind::AddrNotAvailable {
        failure.hint("--host must be an address of this machine.")
    } else {
        failure
    }
}

fn permission_hint(port: u16) -> String {
    if cfg!(target_os = "linux") {
        format!(
            "Ports below 1024 need a permission: `sudo setcap cap_net_bind_service=+ep $(which hubctl)`, or \
             `sudo sysctl net.ipv4.ip_unprivileged_port_start={port}` for the whole machine."
        )
    } else {
        format!(
            "Ports below 1024 need a permission: run it as administrator, or choose another port than {port}."
        )
    }
}

/// An error with its cause on one line.
#[derive(Debug)]
struct WithSource<'a>(&'a dyn std::error::Error, &'a dyn std::error::Error);

impl std::fmt::Display for WithSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0, self.1)
    }
}

impl std::error::Error for WithSource<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(port: u16, kind: io::ErrorKind) -> Failure {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Failure::from(EmulatorError::Bind {
            address,
            source: kind.into(),
        })
    }

    #[test]
    fn a_port_that_cannot_be_had_is_named_with_a_way_out() {
        let taken = bind(8443, io::ErrorKind::AddrInUse);
        assert!(taken.what.contains("127.0.0.1:8443"));
        assert!(taken.hint.unwrap().contains("8443"));
        let denied = bind(443, io::ErrorKind::PermissionDenied).hint.unwrap();
        assert!(denied.contains("1024"));
        #[cfg(target_os = "linux")]
        assert!(denied.contains("cap_net_bind_service=+ep") && denied.contains("port_start=443"));
    }
}
