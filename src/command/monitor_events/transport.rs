//! How AMQP goes: which transport, which port, by way of which proxy.

use std::sync::Arc;

use crate::client::event_stream::Transport;
use crate::client::https::HTTPS_PORT;
use crate::command::teller::proxies;
use crate::config::{self, Settings};
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, Host};

/// AMQP's port over TLS, by the standard: of no use to a WebSocket.
const AMQPS_PORT: u16 = 5671;

/// The transport that was asked for, with its proxies.
pub(super) fn transport(settings: &Settings) -> Transport {
    match settings.transport {
        config::Transport::Amqp => Transport::Amqp,
        config::Transport::AmqpWs => Transport::WebSocket(Arc::new(proxies(settings))),
    }
}

/// The port of a namespace's WebSocket: whichever its `Endpoint` names, unless that is AMQP's own.
pub(super) fn websocket_port(host: &Host) -> u16 {
    host.port
        .filter(|port| *port != AMQPS_PORT)
        .unwrap_or(HTTPS_PORT)
}

/// The failure, with what a proxy has to do with it: plain AMQP does not go through one.
pub(super) fn name_proxy(failure: Failure, settings: &Settings) -> Failure {
    if failure.kind != Kind::Unreachable || settings.transport != config::Transport::Amqp {
        return failure;
    }
    let host = match &settings.connection_string {
        ConnectionString::Hub(hub) => &hub.host,
        ConnectionString::EventHub(event_hub) => &event_hub.endpoint,
        ConnectionString::Device(device) => &device.host,
    };
    let is_proxied = matches!(
        proxies(settings).on_the_way(&host.name, websocket_port(host)),
        Ok(Some(_))
    );
    match &settings.proxy {
        Some(proxy) if is_proxied => {
            let hint = failure.hint.clone().unwrap_or_default();
            failure.hint(format!(
                "{} is set, and AMQP does not go through a proxy: --transport amqp-ws does. {hint}",
                proxy.variable
            ))
        }
        Some(_) | None => failure,
    }
}
