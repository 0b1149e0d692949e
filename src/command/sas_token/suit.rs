//! Whether what was asked for goes together: options, format, subject, hub.

use std::path::PathBuf;

use super::SasTokenArgs;
use crate::failure::{Failure, Kind};
use crate::firmware::{Format, Protocol, Subject, Unsuited, is_azure};
use crate::model::connection_string::Host;
use crate::model::identifier::{DeviceId, ModuleId};

/// Options that have nothing to do in the format, or with each other.
pub(super) fn check_options(args: &SasTokenArgs) -> Result<(), Failure> {
    let usage = |what: &str| Failure::new(Kind::Usage, what);
    if args.prefix.is_some() && !args.format.takes_prefix() {
        return Err(usage("--prefix has no name to stand before")
            .hint("Use it with --format c, arduino, rust, cmake, env or mqtt."));
    }
    if args.with_ca && !args.format.takes_roots() {
        return Err(usage("--with-ca has no place in this format")
            .hint("Use it with --format c, arduino, rust, nvs, cmake, env or json."));
    }
    if args.min_left.is_some_and(|left| left >= args.duration) {
        return Err(usage(
            "--min-left is as long as the token's whole life, so that none would ever be kept",
        )
        .hint("Give a longer --duration, such as --duration 30d --min-left 7d."));
    }
    Ok(())
}

/// What a format cannot say.
pub(super) fn unsuited(error: Unsuited) -> Failure {
    let failure = Failure::new(Kind::Usage, "this format does not suit").because(&error);
    match error {
        Unsuited::NoHttps => failure.hint("Use --format mqtt, or leave --for https out."),
        Unsuited::NoMqtt => failure.hint("Name a device, or leave --for mqtt out."),
        Unsuited::Semicolon => failure.hint("Use --format json or mqtt, which tell the parts."),
        Unsuited::OtherProtocol => failure.hint("Leave --for out, or name the other one."),
    }
}

/// The file that says what to trust. Azure's hubs present what is known, and a CA file in the environment or a profile is
/// there for another hub or a company's proxy; so for them only the flag itself counts.
pub(super) fn trusted_file(
    args: &SasTokenArgs,
    host: &Host,
    ca_file: Option<PathBuf>,
) -> Result<Option<PathBuf>, Failure> {
    if is_azure(host) {
        return Ok(args.connection.ca_file.clone());
    }
    if args.with_ca && ca_file.is_none() {
        let what = format!(
            "{} is no hub of Azure's, so its certificates are not known",
            host.name
        );
        return Err(Failure::new(Kind::Input, what).hint(
            "Name its CA with --ca-file (`hubctl emulator` prints it as caFile), or leave --with-ca out.",
        ));
    }
    Ok(ca_file)
}

/// MQTT reads some characters of ids as something else (MQTT 3.1.1 §4.7.1).
pub(super) fn wildcard_warning(args: &SasTokenArgs, subject: &Subject) -> Option<String> {
    let is_mqtt = args.format == Format::Mqtt || args.protocol == Some(Protocol::Mqtt);
    let device = subject.device().map_or("", DeviceId::as_str);
    let module = subject.module().map_or("", ModuleId::as_str);
    let wild = |id: &str| id.contains(['+', '#']);
    (is_mqtt && (wild(device) || wild(module))).then(|| {
        "MQTT takes '+' and '#' for wildcards, so this id cannot be used over it; HTTPS and AMQP can".to_owned()
    })
}

/// The sovereign clouds have not all moved to the roots of the public one.
pub(super) fn sovereign_warning(
    args: &SasTokenArgs,
    host: &Host,
    has_file: bool,
) -> Option<String> {
    let is_public = host
        .name
        .to_ascii_lowercase()
        .ends_with(".azure-devices.net");
    (args.with_ca && !has_file && !is_public).then(|| {
        format!(
            "hubs of sovereign clouds may present a chain that ends in another root than the public cloud's; \
             check with `hubctl root-ca {}`",
            host.name
        )
    })
}
