//! A refused token may be this machine's clock's fault. AMQP tells no time, so the hub, or the namespace, is asked
//! over HTTPS.

use std::time::Duration;

use super::transport::websocket_port;
use crate::client::https::{HttpsError, HubClient, HubClientOptions, SetupError};
use crate::client::notice;
use crate::command::Context;
use crate::config::Settings;
use crate::failure::https::clock_hint;
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, Host, HubCredential, HubString};
use crate::model::identifier::DeviceId;
use crate::protocol::sas::{self, SigningKey};

/// How long the answer may take: the user waits for an error.
const LIMIT: Duration = Duration::from_secs(5);

/// A token's life in seconds.
const LIFETIME: i64 = 60;

/// The failure, with what the clock has to do with it if it is a refusal and the clock is off.
pub(super) fn blame_clock(failure: Failure, settings: &Settings, context: &Context) -> Failure {
    if failure.kind != Kind::Refused {
        return failure;
    }
    let hint = Context::block_on(async { Ok(ask(settings, context).await) });
    match hint {
        Ok(Some(hint)) => failure.hint(hint),
        Ok(None) | Err(_) => failure,
    }
}

/// What the service's clock says against this one.
async fn ask(settings: &Settings, context: &Context) -> Option<String> {
    match &settings.connection_string {
        ConnectionString::Hub(hub) => ask_hub(hub, settings, context).await,
        // The Event Hubs emulator speaks no TLS.
        ConnectionString::EventHub(event_hub) if event_hub.development => None,
        ConnectionString::EventHub(event_hub) => {
            ask_namespace(&event_hub.endpoint, settings, context).await
        }
        ConnectionString::Device(_) => None,
    }
}

/// A namespace answers over HTTPS as well, and with a date. No token is shown to it.
async fn ask_namespace(endpoint: &Host, settings: &Settings, context: &Context) -> Option<String> {
    let host = Host {
        name: endpoint.name.clone(),
        port: Some(websocket_port(endpoint)),
    };
    let client = client(&host, settings).ok()?;
    clock_hint(client.date().await?, context.now())
}

fn client<'a>(host: &'a Host, settings: &'a Settings) -> Result<HubClient<'a>, SetupError> {
    HubClient::new(&HubClientOptions {
        host,
        ca_file: settings.ca_file.as_deref(),
        connect_timeout: settings.connect_timeout.min(LIMIT),
        request_timeout: LIMIT,
        notify: &notice::ignore,
    })
}

/// The hub's clock, where the hub refuses this one's tokens over HTTPS as well.
async fn ask_hub(hub: &HubString, settings: &Settings, context: &Context) -> Option<String> {
    let HubCredential::Key { policy, key } = &hub.credential else {
        return None;
    };
    let now = context.now();
    let signing = SigningKey::decoded(key).ok()?;
    let expiry = now.timestamp().saturating_add(LIFETIME);
    let token = sas::mint(&signing, &hub.host.name, expiry, Some(policy));
    let client = client(&hub.host, settings);
    // Whether there is such a device does not matter: the token is looked at first.
    let device: DeviceId = "hubctl".parse().ok()?;
    match client.ok()?.identity(&token, &device, None).await {
        Err(HttpsError::Service(refusal)) if refusal.status == 401 => {
            clock_hint(refusal.date?, now)
        }
        Ok(_) | Err(_) => None,
    }
}
