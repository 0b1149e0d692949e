//! What is to be read, decided from flags and settings.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::args::MonitorEventsArgs;
use super::from::From;
use crate::client::amqp::trace::Tracer;
use crate::client::event_stream::{self, Access, Patience, Start};
use crate::client::trust;
use crate::command::Context;
use crate::config::Settings;
use crate::failure::mask::mask;
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, EventHubString, HubCredential, HubString};
use crate::model::span::parse_time;
use crate::protocol::amqp::filter::Position;

/// The Event Hubs emulator's port, unencrypted.
const DEVELOPMENT_PORT: u16 = 5672;

/// What is to be read, and for how long.
#[derive(Debug)]
pub(super) struct Plan {
    /// What is to be read.
    pub stream: event_stream::Plan,
    /// For how long; forever without it.
    pub duration: Option<Duration>,
}

impl Plan {
    /// Decides it.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a time that is none, [`Kind::Input`] for a connection string that cannot read events.
    pub(super) fn new(
        args: &MonitorEventsArgs,
        settings: &Settings,
        context: &Context,
    ) -> Result<Self, Failure> {
        let tls = trust::client_config(settings.ca_file.as_deref())?;
        Ok(Self {
            stream: event_stream::Plan {
                access: access(settings)?,
                consumer_group: args.consumer_group.clone(),
                start: start(args, context.now())?,
                partitions: args.partition.clone(),
                tls: Arc::new(tls),
                limit: settings.connect_timeout,
                patience: Patience {
                    idle_time_out: args.idle_timeout,
                    token_lifetime: args.token_lifetime,
                },
                tracer: tracer(context.trace),
                clock: context.clock,
            },
            duration: args.duration,
        })
    }
}

/// Tells of frames on stderr, where that was asked for. Straight from the connection, for a trace that waits its turn
/// would be lost when the connection breaks.
fn tracer(is_wanted: bool) -> Tracer {
    if !is_wanted {
        return Tracer::default();
    }
    Tracer::new(|line| {
        let _ = writeln!(io::stderr(), "trace: {}", mask(line));
    })
}

/// Where to begin.
fn start(args: &MonitorEventsArgs, now: DateTime<Utc>) -> Result<Start, Failure> {
    let time = match (&args.start_time, &args.from) {
        (Some(time), _) | (None, Some(From::Time(time))) => time,
        (None, Some(From::Now) | None) => return Ok(Start::Now),
        (None, Some(From::Last(count))) => return Ok(Start::Last(*count)),
        (None, Some(From::At(position))) => return Ok(Start::At(position.clone())),
    };
    let time = parse_time(time, now)
        .map_err(|error| Failure::new(Kind::Usage, "cannot tell where to begin").because(&error))?;
    // The service gives what comes after a time; what comes at it is wanted as well.
    let before = time.timestamp_millis().saturating_sub(1);
    Ok(Start::At(Position::EnqueuedTime(before)))
}

/// How the event hub is found and opened.
fn access(settings: &Settings) -> Result<Access, Failure> {
    match &settings.connection_string {
        ConnectionString::Hub(hub) => access_by_hub(hub, settings.amqp_port),
        ConnectionString::EventHub(event_hub) => access_to_event_hub(event_hub, settings.amqp_port),
        // The settings take none here; said all the same, should that change.
        ConnectionString::Device(_) => Err(Failure::new(
            Kind::Input,
            "a device's connection string cannot read the hub's events",
        )),
    }
}

fn access_by_hub(hub: &HubString, amqp_port: u16) -> Result<Access, Failure> {
    match &hub.credential {
        HubCredential::Key { policy, key } => Ok(Access::Hub {
            host: hub.host.name.clone(),
            port: amqp_port,
            policy: policy.clone(),
            key: key.clone(),
        }),
        HubCredential::Token(_) => Err(Failure::new(
            Kind::Input,
            "a hub's token alone cannot read its events",
        )
        .because("the event hub behind the hub wants a token of its own, and making one takes the policy's key")
        .hint(
            "Give the connection string with SharedAccessKeyName and SharedAccessKey, or the Event Hub-compatible one from \
             the Azure portal: your IoT hub > Hub settings > Built-in endpoints.",
        )),
    }
}

fn access_to_event_hub(event_hub: &EventHubString, amqp_port: u16) -> Result<Access, Failure> {
    let Some(entity) = &event_hub.entity else {
        return Err(Failure::new(
            Kind::Input,
            "the connection string does not name an event hub",
        )
        .because("EntityPath is missing: it opens a whole namespace")
        .hint("Append ;EntityPath=NAME to it. For an IoT hub, copy the Event Hub-compatible endpoint as it stands in the portal."));
    };
    let default_port = if event_hub.development {
        DEVELOPMENT_PORT
    } else {
        amqp_port
    };
    Ok(Access::EventHub {
        host: event_hub.endpoint.name.clone(),
        port: event_hub.endpoint.port.unwrap_or(default_port),
        entity: entity.clone(),
        credential: event_hub.credential.clone(),
        encrypted: !event_hub.development,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_hub(text: &str) -> Result<Access, Failure> {
        let parsed = ConnectionString::parse(text).unwrap();
        let ConnectionString::EventHub(event_hub) = parsed.connection_string else {
            panic!()
        };
        access_to_event_hub(&event_hub, 5671)
    }

    #[test]
    fn event_hubs_are_opened_directly() {
        let keys = "SharedAccessKeyName=p;SharedAccessKey=k";
        let access = event_hub(&format!("Endpoint=sb://ns/;{keys};EntityPath=e")).unwrap();
        assert!(matches!(
            access,
            Access::EventHub {
                port: 5671,
                encrypted: true,
                ..
            }
        ));
        let access = event_hub(&format!(
            "Endpoint=sb://localhost;{keys};EntityPath=e;UseDevelopmentEmulator=true"
        ))
        .unwrap();
        assert!(matches!(
            access,
            Access::EventHub {
                port: DEVELOPMENT_PORT,
                encrypted: false,
                ..
            }
        ));
        let failure = event_hub(&format!("Endpoint=sb://ns/;{keys}")).unwrap_err();
        assert_eq!(failure.kind, Kind::Input);
    }

    #[test]
    fn a_token_cannot_read_events() {
        let text = "HostName=h;SharedAccessSignature=SharedAccessSignature sr=h&sig=x&se=1&skn=p";
        let parsed = ConnectionString::parse(text).unwrap();
        let ConnectionString::Hub(hub) = parsed.connection_string else {
            panic!()
        };
        assert_eq!(access_by_hub(&hub, 5671).unwrap_err().kind, Kind::Input);
    }
}
