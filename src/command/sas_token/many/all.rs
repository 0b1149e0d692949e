//! Every device of a hub, as far as its registry lists them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::record::Recorder;
use super::target;
use crate::client::https::MOST_LISTED;
use crate::client::notice::Notice;
use crate::client::retry::{self, Backoff};
use crate::command::Context;
use crate::command::device_key::{KeyType, key_of, service_token};
use crate::command::sas_token::SasTokenArgs;
use crate::command::teller::{Teller, hub_client};
use crate::config::{Serves, Settings};
use crate::failure::https::explain;
use crate::failure::{Failure, Kind};
use crate::model::connection_string::{ConnectionString, Host, HubString};
use crate::model::device::Identity;
use crate::model::key_list::Entry;

pub(super) fn run(
    args: &SasTokenArgs,
    now: DateTime<Utc>,
    context: &mut Context,
    recorder: impl Fn(Option<Host>) -> Recorder,
) -> Result<(), Failure> {
    let settings = context.settings(&args.connection, Serves::Hub)?;
    let ConnectionString::Hub(hub) = &settings.connection_string else {
        return Err(Failure::new(
            Kind::Input,
            "--all needs a hub's own connection string",
        ));
    };
    let identities = list(hub, &settings, now, context)?;
    let mut recorder = recorder(Some(hub.host.clone()));
    let key_type = args.key_type.unwrap_or_default();
    let mut target = target(args, context)?;
    let (mut records, mut made, mut ids) = (Vec::new(), 0, Vec::new());
    for identity in &identities {
        ids.push(identity.device_id.as_str());
        match write(identity, key_type, &mut recorder, &mut records) {
            Ok(()) => made += 1,
            Err(why) => context.warn(&format!("passed over: {why}")),
        }
    }
    target.write(&records)?;
    target.finish()?;
    context.learn(&settings.origin, &ids);
    context.note(&format!(
        "made {made}, passed over {}",
        identities.len() - made
    ));
    if identities.len() >= MOST_LISTED {
        context.warn(&format!(
            "a hub lists {MOST_LISTED} devices at the most, so there may be others; \
             export them with their keys (`az iot hub device-identity export --include-keys`) and use --from"
        ));
    }
    Ok(())
}

fn list(
    hub: &HubString,
    settings: &Settings,
    now: DateTime<Utc>,
    context: &mut Context,
) -> Result<Vec<Identity>, Failure> {
    let teller = Teller::new(context);
    let notify = |notice: Notice<'_>| teller.tell(notice);
    let client = hub_client(&hub.host, settings, &notify)?;
    let (token, opened_by) = service_token(hub, now)?;
    Context::block_on(async {
        let backoff = Backoff::default();
        let (_, answer) = retry::persist(&backoff, false, true, &notify, async || {
            client.identities(&token).await
        })
        .await;
        answer.map_err(|error| explain("cannot list the devices", &error, opened_by, now))
    })
}

/// Appends one device's record. The error says why there is none, and names the device.
fn write(
    identity: &Identity,
    key_type: KeyType,
    recorder: &mut Recorder,
    records: &mut Vec<u8>,
) -> Result<(), String> {
    let id = &identity.device_id;
    let device = id
        .parse()
        .map_err(|error| format!("a device whose id cannot be used: {error}"))?;
    let found =
        key_of(identity, &device, None, key_type).map_err(|failure| match failure.cause {
            Some(cause) => format!("{}: {cause}", failure.what),
            None => failure.what,
        })?;
    let entry = Entry {
        host: None,
        device: Cow::Borrowed(id),
        module: None,
        key: Cow::Borrowed(found.key.expose()),
    };
    recorder
        .write(&entry, records)
        .map_err(|error| format!("the device {id:?}: {error}"))
}
