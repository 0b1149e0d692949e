//! What is to be read, decided from flags and settings.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::args::MonitorEventsArgs;
use super::bounds::Bounds;
use super::from::From;
use super::selection::Selection;
use super::transport::{self, websocket_port};
use crate::client::event_stream::{self, Access, Patience, Start, StreamError};
use crate::client::https::HTTPS_PORT;
use crate::command::Context;
use crate::command::teller::trace;
use crate::config::{Settings, Transport};
use crate::failure::amqp::blame_entity;
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, EventHubString, HubCredential, HubString};
use crate::model::span::parse_time;
use crate::protocol::amqp::filter::Position;
use crate::render::condition::Condition;
use crate::tracer::Tracer;
use crate::trust;

/// The Event Hubs emulator's port, unencrypted.
const DEVELOPMENT_PORT: u16 = 5672;

/// What is to be read, and for how long.
#[derive(Debug)]
pub(super) struct Plan {
    /// What is to be read.
    pub stream: event_stream::Plan,
    /// For how long; forever without it.
    pub duration: Option<Duration>,
    /// Up to what it is to be read.
    pub until: Option<DateTime<Utc>>,
    /// How long it takes until the time has come at which reading ends, where that is yet to come.
    pub until_is_in: Option<Duration>,
    /// Where positions are kept, if they are.
    pub resume: Option<PathBuf>,
    /// After how long silence is explained; zero for never.
    pub explain_after: Duration,
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
        let now = context.now();
        let start = start(args, now)?;
        let until = until(args, &start, now)?;
        let tls = trust::client_config(settings.ca_file.as_deref())?;
        Ok(Self {
            stream: event_stream::Plan {
                access: access(settings)?,
                transport: transport::transport(settings),
                consumer_group: args.consumer_group.clone(),
                start,
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
            until,
            until_is_in: until.and_then(|until| (until - now).to_std().ok()),
            resume: args.resume.clone(),
            explain_after: args.explain_after,
        })
    }

    /// What ended the stream, with the part of the connection string that is to blame.
    pub(super) fn failure(&self, error: StreamError) -> Failure {
        match &self.stream.access {
            Access::EventHub { entity, .. } => blame_entity(error, entity),
            Access::Hub { .. } => error.into(),
        }
    }

    /// Where reading ends, besides.
    pub(super) fn bounds(&self, args: &MonitorEventsArgs) -> Bounds {
        let until = self.until.map(|until| until.timestamp_millis());
        Bounds::new(args.exit_at_end, until)
    }
}

/// Tells of frames on stderr, where that was asked for.
fn tracer(is_wanted: bool) -> Tracer {
    if !is_wanted {
        return Tracer::default();
    }
    Tracer::new(trace)
}

/// Which texts are times.
const TIMES: &str =
    "Times are 10m (ten minutes ago, without a sign), RFC 3339, or milliseconds since 1970.";

/// Where to begin.
fn start(args: &MonitorEventsArgs, now: DateTime<Utc>) -> Result<Start, Failure> {
    let time = match (&args.start_time, &args.from) {
        (Some(time), _) | (None, Some(From::Time(time))) => time,
        (None, Some(From::Now) | None) => return Ok(Start::Now),
        (None, Some(From::Last(count))) => return Ok(Start::Last(*count)),
        (None, Some(From::At(position))) => return Ok(Start::At(position.clone())),
    };
    let time = parse_time(time, now).map_err(|error| {
        Failure::new(Kind::Usage, "cannot tell where to begin")
            .because(&error)
            .hint(TIMES)
    })?;
    // The service gives what comes after a time; what comes at it is wanted as well.
    let before = time.timestamp_millis().saturating_sub(1);
    Ok(Start::At(Position::EnqueuedTime(before)))
}

/// Where to end.
fn until(
    args: &MonitorEventsArgs,
    start: &Start,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Failure> {
    let Some(until) = &args.until else {
        return Ok(None);
    };
    let failure = || Failure::new(Kind::Usage, "cannot tell where to end");
    let until = parse_time(until, now).map_err(|error| failure().because(&error).hint(TIMES))?;
    let begins_after = match start {
        Start::Now => until <= now,
        Start::At(Position::EnqueuedTime(before)) => until.timestamp_millis() <= *before,
        Start::Last(_) | Start::At(_) => false,
    };
    if begins_after {
        return Err(failure()
            .because(&"--until lies before where it begins")
            .hint("Without -s or --from it begins now: -s 1h begins an hour ago."));
    }
    Ok(Some(until))
}

/// Which events are shown.
///
/// # Errors
/// [`Kind::Usage`] for a condition that is none.
pub(super) fn selection(
    args: &MonitorEventsArgs,
    now: DateTime<Utc>,
) -> Result<Selection, Failure> {
    Ok(Selection::new(
        args.device.clone(),
        args.module.clone(),
        args.source.clone(),
        conditions(&args.conditions, now)?,
        args.count,
        args.body(),
    ))
}

fn conditions(texts: &[String], now: DateTime<Utc>) -> Result<Vec<Condition>, Failure> {
    let parse = |text: &String| {
        Condition::parse(text, now).map_err(|error| {
            Failure::new(Kind::Usage, format!("cannot read --where {text:?}"))
                .because(&error)
                .hint("For example 'body.temperature > 30 and properties.alert = true'; --help tells more.")
        })
    };
    texts.iter().map(parse).collect()
}

/// How the event hub is found and opened.
fn access(settings: &Settings) -> Result<Access, Failure> {
    match &settings.connection_string {
        ConnectionString::Hub(hub) => {
            let port = match settings.transport {
                Transport::Amqp => settings.amqp_port,
                Transport::AmqpWs => hub.host.port.unwrap_or(HTTPS_PORT),
            };
            access_by_hub(hub, port)
        }
        ConnectionString::EventHub(event_hub) => {
            access_to_event_hub(event_hub, settings.amqp_port, settings.transport)
        }
        // The settings take none here; said all the same, should that change.
        ConnectionString::Device(_) => Err(Failure::new(
            Kind::Input,
            "a device's connection string cannot read the hub's events",
        )),
    }
}

fn access_by_hub(hub: &HubString, port: u16) -> Result<Access, Failure> {
    match &hub.credential {
        HubCredential::Key { policy, key } => Ok(Access::Hub {
            host: hub.host.name.clone(),
            port,
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

fn access_to_event_hub(
    event_hub: &EventHubString,
    amqp_port: u16,
    transport: Transport,
) -> Result<Access, Failure> {
    let Some(entity) = &event_hub.entity else {
        return Err(Failure::new(
            Kind::Input,
            "the connection string does not name an event hub",
        )
        .because("EntityPath is missing: it opens a whole namespace")
        .hint("Append ;EntityPath=NAME to it. For an IoT hub, copy the Event Hub-compatible endpoint as it stands in the portal."));
    };
    let endpoint = &event_hub.endpoint;
    let port = match (transport, event_hub.development) {
        (Transport::Amqp, false) => endpoint.port.unwrap_or(amqp_port),
        (Transport::Amqp, true) => endpoint.port.unwrap_or(DEVELOPMENT_PORT),
        (Transport::AmqpWs, false) => websocket_port(endpoint),
        (Transport::AmqpWs, true) => {
            return Err(Failure::new(
                Kind::Input,
                "UseDevelopmentEmulator=true and --transport amqp-ws do not go together",
            )
            .because("the one means AMQP without TLS, the other goes over HTTPS")
            .hint("Leave one of the two out; HUBCTL_TRANSPORT counts as --transport."));
        }
    };
    Ok(Access::EventHub {
        host: endpoint.name.clone(),
        port,
        entity: entity.clone(),
        credential: event_hub.credential.clone(),
        encrypted: !event_hub.development,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_hub(text: &str) -> Result<Access, Failure> {
        event_hub_over(Transport::Amqp, text)
    }

    fn event_hub_over(transport: Transport, text: &str) -> Result<Access, Failure> {
        let parsed = ConnectionString::parse(text).unwrap();
        let ConnectionString::EventHub(event_hub) = parsed.connection_string else {
            panic!()
        };
        access_to_event_hub(&event_hub, 5671, transport)
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
    fn a_websockets_port_is_that_of_https() {
        let keys = "SharedAccessKeyName=p;SharedAccessKey=k;EntityPath=e";
        for (endpoint, wanted) in [("ns", 443), ("ns:5671", 443), ("localhost:5000", 5000)] {
            let text = format!("Endpoint=sb://{endpoint}/;{keys}");
            let access = event_hub_over(Transport::AmqpWs, &text).unwrap();
            assert!(
                matches!(access, Access::EventHub { port, .. } if port == wanted),
                "{text}"
            );
        }
        let text = format!("Endpoint=sb://localhost;{keys};UseDevelopmentEmulator=true");
        let failure = event_hub_over(Transport::AmqpWs, &text).unwrap_err();
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
