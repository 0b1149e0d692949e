//! A refused token may be this machine's clock's fault. AMQP tells no time, so the hub is asked over HTTPS.

use std::time::Duration;

use crate::client::https::{HttpsError, HubClient, HubClientOptions};
use crate::client::notice::Notice;
use crate::command::Context;
use crate::config::Settings;
use crate::failure::https::clock_hint;
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, HubCredential};
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

/// What the hub's clock says against this one, where it refuses this one's tokens over HTTPS as well.
async fn ask(settings: &Settings, context: &Context) -> Option<String> {
    let ConnectionString::Hub(hub) = &settings.connection_string else {
        return None;
    };
    let HubCredential::Key { policy, key } = &hub.credential else {
        return None;
    };
    let now = context.now();
    let signing = SigningKey::decoded(key).ok()?;
    let expiry = now.timestamp().saturating_add(LIFETIME);
    let token = sas::mint(&signing, &hub.host.name, expiry, Some(policy));
    let notify = |_: Notice<'_>| {};
    let client = HubClient::new(&HubClientOptions {
        host: &hub.host,
        ca_file: settings.ca_file.as_deref(),
        connect_timeout: settings.connect_timeout.min(LIMIT),
        request_timeout: LIMIT,
        notify: &notify,
    });
    // Whether there is such a device does not matter: the token is looked at first.
    let device: DeviceId = "hubctl".parse().ok()?;
    match client.ok()?.identity(&token, &device, None).await {
        Err(HttpsError::Service(refusal)) if refusal.status == 401 => {
            clock_hint(refusal.date?, now)
        }
        Ok(_) | Err(_) => None,
    }
}
