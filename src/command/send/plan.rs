//! What is to be sent, to whom and how fast: decided from the arguments and the credential alone.

use std::path::PathBuf;
use std::time::Duration;

use super::SendArgs;
use super::message::{Form, FormError, FormOptions};
use super::source::Source;
use super::template::Template;
use crate::client::retry::Backoff;
use crate::failure::https::OpenedBy;
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{
    ConnectionString, DeviceCredential, DeviceString, Host, HubString,
};
use crate::model::identifier::DeviceId;
use crate::model::secret::Secret;

/// What opens the way for the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::command) enum Opener {
    /// The registry is asked for the device's key first.
    Lookup(HubString),
    /// The device's key.
    Key(Secret),
    /// A token of the device's, used as it is.
    Token(Secret),
}

impl Opener {
    /// The same, as failures have it.
    pub(in crate::command) fn opened_by(&self) -> OpenedBy {
        match self {
            Self::Lookup(_) => OpenedBy::RegistryKey,
            Self::Key(_) => OpenedBy::DeviceKey,
            Self::Token(_) => OpenedBy::DeviceToken,
        }
    }
}

/// Where the message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    Text(String),
    File(PathBuf),
    /// Standard input, whether it was asked for by `-` or MESSAGE was left out.
    Stdin {
        is_named: bool,
    },
}

/// How standard input stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stdin {
    /// A person sits there.
    pub(super) is_terminal: bool,
    /// The connection string came from it.
    pub(super) is_used_up: bool,
}

/// Everything that is decided before a file or socket is opened.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) host: Host,
    pub(super) device: DeviceId,
    pub(super) opener: Opener,
    pub(super) input: Input,
    pub(super) form: Form,
    /// The time from one message's start to the next one's.
    pub(super) interval: Option<Duration>,
    pub(super) backoff: Backoff,
}

/// Decides.
///
/// # Errors
/// [`Kind::Usage`] and [`Kind::Input`].
pub(super) fn plan(
    args: &SendArgs,
    connection_string: &ConnectionString,
    stdin: Stdin,
) -> Result<Plan, Failure> {
    let of_string = match connection_string {
        ConnectionString::Device(device) => Some(device),
        ConnectionString::Hub(_) | ConnectionString::EventHub(_) => None,
    };
    // No argument makes up for this one.
    if of_string.is_some_and(|string| string.module_id.is_some()) {
        return Err(module_cannot_send());
    }
    let (device, message) = split_positionals(args, of_string.map(|string| &string.device_id));
    let input = input(args, message, stdin)?;
    let (host, device, opener) = match connection_string {
        ConnectionString::Hub(hub) => {
            let device = device.ok_or_else(|| {
                Failure::new(Kind::Usage, "no device was named")
                    .hint("Write `hubctl send DEVICE MESSAGE`; a device's own connection string needs no DEVICE.")
            })?;
            (
                hub.host.clone(),
                read_id(device)?,
                Opener::Lookup(hub.clone()),
            )
        }
        ConnectionString::Device(string) => of_device(string, device)?,
        ConnectionString::EventHub(_) => return Err(event_hub_cannot_send()),
    };
    Ok(Plan {
        host,
        device,
        opener,
        input,
        form: Form::new(&FormOptions {
            properties: &args.property,
            message_id: args.message_id.as_deref(),
            correlation_id: args.correlation_id.as_deref(),
            content_type: args.content_type.as_deref(),
            content_encoding: args.content_encoding.as_deref(),
            template: args.template,
        })?,
        interval: args
            .interval
            .or(args.rate.map(|rate| Duration::from_secs_f64(1.0 / rate))),
        backoff: Backoff {
            retries: if args.no_retry { 0 } else { args.retries },
            ..Backoff::default()
        },
    })
}

/// With a device's own string a lone argument is the message, unless it is this very device's id.
fn split_positionals<'a>(
    args: &'a SendArgs,
    own_id: Option<&DeviceId>,
) -> (Option<&'a str>, Option<&'a str>) {
    let (first, second) = (args.device.as_deref(), args.message.as_deref());
    match (first, second, own_id) {
        (Some(text), None, Some(own_id)) if text != own_id.as_str() => (None, first),
        (Some(_) | None, _, _) => (first, second),
    }
}

fn input(args: &SendArgs, message: Option<&str>, stdin: Stdin) -> Result<Input, Failure> {
    match message {
        Some("-") => {}
        Some(text) => {
            return Ok(match text.strip_prefix('@') {
                Some(path) => Input::File(PathBuf::from(path)),
                None => Input::Text(text.to_owned()),
            });
        }
        None if stdin.is_terminal && !args.lines => {
            return Err(Failure::new(Kind::Usage, "no message was given").hint(
                "Write `hubctl send DEVICE MESSAGE`, @FILE in the message's place, or - and type it, ended by Ctrl-D.",
            ));
        }
        None => {}
    }
    if stdin.is_used_up {
        return Err(Failure::new(
            Kind::Usage,
            "the connection string and the message cannot both come from standard input",
        )
        .hint("Give one of them as @FILE."));
    }
    Ok(Input::Stdin {
        is_named: message.is_some(),
    })
}

/// Why an Event Hub-compatible string cannot send.
pub(in crate::command) fn event_hub_cannot_send() -> Failure {
    Failure::new(
        Kind::Input,
        "an Event Hub-compatible connection string cannot send as a device",
    )
    .hint("Give the hub's connection string, or the device's.")
}

/// Why a module's string cannot send.
pub(in crate::command) fn module_cannot_send() -> Failure {
    Failure::new(
        Kind::Input,
        "a module's messages cannot be posted over HTTPS: IoT Hub takes them over AMQP and MQTT only",
    )
    .hint("Give the device's own connection string, or the hub's.")
}

/// The hub, the device and what opens the way, by a device's own string.
///
/// # Errors
/// [`Kind::Usage`] where another device is `asked` for, [`Kind::Input`] for a certificate's string.
pub(in crate::command) fn of_device(
    string: &DeviceString,
    asked: Option<&str>,
) -> Result<(Host, DeviceId, Opener), Failure> {
    if let Some(asked) = asked.filter(|asked| *asked != string.device_id.as_str()) {
        return Err(Failure::new(
            Kind::Usage,
            format!(
                "the connection string is the device {:?}'s, and {asked:?} is asked for",
                string.device_id.as_str()
            ),
        )
        .hint(format!(
            "Leave DEVICE out, or give the hub's connection string. To send {asked:?} as the message: `hubctl send {} {asked}`.",
            string.device_id
        )));
    }
    let opener = match &string.credential {
        DeviceCredential::Key(key) => Opener::Key(key.clone()),
        DeviceCredential::Token(token) => Opener::Token(token.clone()),
        DeviceCredential::X509 => {
            return Err(Failure::new(
                Kind::Input,
                "a connection string for a certificate (x509) cannot send: it holds no key, and hubctl posts with a token",
            )
            .hint("Give the connection string of a device with a symmetric key."));
        }
    };
    Ok((string.host.clone(), string.device_id.clone(), opener))
}

fn read_id(text: &str) -> Result<DeviceId, Failure> {
    text.parse().map_err(|error| {
        Failure::new(Kind::Usage, format!("{text:?} is no device id"))
            .because(&error)
            .hint("Write `hubctl send DEVICE MESSAGE`, the device first.")
    })
}

/// How bodies come by what stands in them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum BodyTemplate {
    /// They are sent as they are.
    None,
    /// The one that is repeated has placeholders.
    Repeated(Template),
    /// Each line has placeholders of its own.
    EachLine,
}

/// Whether bodies have placeholders, and those of the one that is repeated.
///
/// # Errors
/// [`Kind::Usage`] and [`Kind::Input`].
pub(super) fn template(args: &SendArgs, source: &Source) -> Result<BodyTemplate, Failure> {
    if !args.template {
        return Ok(BodyTemplate::None);
    }
    Ok(match source.body() {
        Some(body) => BodyTemplate::Repeated(body_template(&body)?),
        None => BodyTemplate::EachLine,
    })
}

/// The body's template, where there are to be placeholders.
///
/// # Errors
/// [`Kind::Input`].
pub(super) fn body_template(body: &[u8]) -> Result<Template, Failure> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Failure::new(Kind::Input, "a message with placeholders must be text")
            .because(&error)
            .hint("Leave --template out to send the bytes as they are.")
    })?;
    Template::parse(text).map_err(|error| FormError::from(error).into())
}

impl From<FormError> for Failure {
    fn from(error: FormError) -> Self {
        let hint = match &error {
            FormError::Syntax { .. } => "Write -p alert=true.",
            FormError::Twice { .. } => {
                "HTTPS does not keep the case of names: names that differ in case alone are the same."
            }
            FormError::Character { .. } => {
                "Over HTTPS a property's name may have letters, digits and !#$%&'*+-.^_`|~, and its value plain ASCII. Put anything else into the body."
            }
            FormError::Id { .. } => "Letters, digits and -:.+%_#*?!(),=@;$' may stand in it.",
            FormError::Header { .. } => "Plain ASCII may stand in it.",
            FormError::Template(_) => "Leave --template out to send braces as they are.",
        };
        Self::new(Kind::Usage, "cannot put the message together")
            .because(&error)
            .hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    const HUB: &str = "HostName=h.example;SharedAccessKeyName=owner;SharedAccessKey=a2V5";
    const DEVICE: &str = "HostName=h.example;DeviceId=device1;SharedAccessKey=a2V5";

    const NAMED: Input = Input::Stdin { is_named: true };
    const LEFT_OUT: Input = Input::Stdin { is_named: false };

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: SendArgs,
    }

    fn planned(string: &str, line: &[&str], stdin: Stdin) -> Result<Plan, Failure> {
        let line = std::iter::once("send").chain(line.iter().copied());
        let args = Cli::try_parse_from(line).unwrap().args;
        let parsed = ConnectionString::parse(string).unwrap();
        plan(&args, &parsed.connection_string, stdin)
    }

    fn input_of(string: &str, line: &[&str]) -> Input {
        planned(string, line, Stdin::default()).unwrap().input
    }

    fn kind_of(string: &str, line: &[&str]) -> Kind {
        planned(string, line, Stdin::default()).unwrap_err().kind
    }

    #[test]
    fn the_message_is_found() {
        let text = |text: &str| Input::Text(text.to_owned());
        assert_eq!(input_of(HUB, &["device1", "hi"]), text("hi"));
        assert_eq!(input_of(HUB, &["device1", "@f"]), Input::File("f".into()));
        assert_eq!(input_of(HUB, &["device1", "-"]), NAMED);
        assert_eq!(input_of(HUB, &["device1"]), LEFT_OUT);
        assert_eq!(input_of(DEVICE, &["{\"t\":1}"]), text("{\"t\":1}"));
        assert_eq!(input_of(DEVICE, &["@f"]), Input::File("f".into()));
        assert_eq!(input_of(DEVICE, &["-"]), NAMED);
        assert_eq!(input_of(DEVICE, &["device1", "hi"]), text("hi"));
        assert_eq!(input_of(DEVICE, &["device1"]), LEFT_OUT);
    }

    #[test]
    fn a_lone_argument_that_is_not_the_device_is_the_message() {
        for text in ["hello", "device2", "Device1", "24.5", ""] {
            assert_eq!(input_of(DEVICE, &[text]), Input::Text(text.to_owned()));
        }
        assert_eq!(input_of(DEVICE, &["device1"]), LEFT_OUT);
    }

    #[test]
    fn what_opens_the_way_depends_on_the_string() {
        let opener = |string: &str| {
            planned(string, &["device1", "x"], Stdin::default()).map(|plan| plan.opener)
        };
        assert!(matches!(opener(HUB), Ok(Opener::Lookup(_))));
        assert!(matches!(opener(DEVICE), Ok(Opener::Key(_))));
        let token = "HostName=h.example;DeviceId=device1;SharedAccessSignature=SharedAccessSignature sr=a&sig=b&se=1";
        assert!(matches!(opener(token), Ok(Opener::Token(_))));
    }

    #[test]
    fn strings_that_cannot_send_are_named() {
        assert_eq!(kind_of(DEVICE, &["device2", "x"]), Kind::Usage);
        assert_eq!(kind_of(HUB, &[]), Kind::Usage);
        assert_eq!(kind_of(HUB, &["no id", "x"]), Kind::Usage);
        let module = "HostName=h.example;DeviceId=d;ModuleId=m;SharedAccessKey=a2V5";
        for line in [&["d", "x"][..], &["x"], &["other", "x"], &[], &["d"]] {
            assert_eq!(kind_of(module, line), Kind::Input);
        }
        let x509 = "HostName=h.example;DeviceId=d;x509=true";
        assert_eq!(kind_of(x509, &["d", "x"]), Kind::Input);
    }

    #[test]
    fn standard_input_serves_once() {
        let terminal = Stdin {
            is_terminal: true,
            ..Stdin::default()
        };
        let used_up = Stdin {
            is_used_up: true,
            ..Stdin::default()
        };
        assert_eq!(
            planned(HUB, &["d"], terminal).unwrap_err().kind,
            Kind::Usage
        );
        assert!(planned(HUB, &["d", "-"], terminal).is_ok());
        assert_eq!(planned(HUB, &["d"], used_up).unwrap_err().kind, Kind::Usage);
    }

    #[test]
    fn pace_and_patience_are_taken_over() {
        let plan = planned(
            HUB,
            &["d", "x", "--rate", "4", "--no-retry"],
            Stdin::default(),
        )
        .unwrap();
        assert_eq!(plan.interval, Some(Duration::from_millis(250)));
        assert_eq!(plan.backoff.retries, 0);
    }
}
