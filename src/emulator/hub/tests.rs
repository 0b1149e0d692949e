//! The hub driven through `apply`, with the time passed in.

use bytes::Bytes;
use chrono::DateTime;
use proptest::prelude::*;

use super::command::{
    BulkChange, CallId, Credential, DeviceMessage, Feed, Grant, ImportMode, MethodOperation,
    RegistryOperation, Side, TwinOperation,
};
use super::*;
use crate::emulator::test_hub::{KEY, options};
use crate::model::device::Authentication;
use crate::model::secret::Secret;
use crate::protocol::amqp::filter::Position;
use crate::protocol::sas::{SigningKey, mint};

mod access;
mod bulk;
mod certificates;
mod configurations;
mod deployments;
mod events;
mod identities;
mod jobs;
mod messages;
mod methods;
mod sessions;
mod transfers;
mod twins;
mod uploads;

const NOW: i64 = 1_700_000_000;
const LATER: i64 = NOW + 3600;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn hub() -> Hub {
    let options = HubOptions {
        hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        entity: "iothub-ehub-localhost".to_owned(),
        consumer_groups: vec!["Audit".to_owned()],
        ..options(4)
    };
    Hub::new(now(), options).unwrap()
}

fn decoded(key: &str) -> SigningKey {
    SigningKey::decoded(&Secret::new(key)).unwrap()
}

fn token(key: &SigningKey, scope: &str, policy: Option<&str>) -> String {
    mint(key, scope, LATER, policy).expose().to_owned()
}

fn policy_token(policy: &str) -> Option<String> {
    Some(token(&decoded(KEY), "localhost", Some(policy)))
}

fn ask(hub: &mut Hub, command: Command) -> Result<Reply, Refusal> {
    hub.apply(now(), command).reply
}

fn primary(identity: &Identity) -> String {
    let keys = identity.authentication.symmetric_key.as_ref().unwrap();
    keys.primary_key.clone().unwrap()
}

fn send(hub: &mut Hub, token: Option<String>, device: &str) -> Result<Reply, Refusal> {
    let messages = vec![DeviceMessage {
        body: Bytes::from_static(b"x"),
        ..DeviceMessage::default()
    }];
    let device = device.to_owned();
    ask(
        hub,
        Command::SendEvents {
            credential: token.map(Credential::token),
            device,
            messages,
        },
    )
}

fn registry(hub: &mut Hub, operation: RegistryOperation) -> Result<Reply, Refusal> {
    let token = policy_token("iothubowner");
    ask(hub, Command::Registry { token, operation })
}

fn body(device: &str) -> Identity {
    Identity {
        device_id: device.to_owned(),
        ..Identity::default()
    }
}

fn module_body(device: &str, module: &str) -> Identity {
    Identity {
        module_id: Some(module.to_owned()),
        ..body(device)
    }
}

/// Writes a device, or one of its modules where `identity` has a module's id.
fn write(
    hub: &mut Hub,
    device: &str,
    identity: Identity,
    if_match: Option<&str>,
) -> Result<Identity, Refusal> {
    let operation = RegistryOperation::Write {
        device: device.to_owned(),
        module: identity.module_id.clone(),
        identity: Box::new(identity),
        if_match: if_match.map(str::to_owned),
    };
    registry(hub, operation).map(|reply| match reply {
        Reply::Identity(identity) => *identity,
        other => panic!("{other:?}"),
    })
}

fn delete(hub: &mut Hub, device: &str, if_match: Option<&str>) -> Result<Reply, Refusal> {
    let operation = RegistryOperation::Delete {
        device: device.to_owned(),
        module: None,
        if_match: if_match.map(str::to_owned),
    };
    registry(hub, operation)
}

fn code(refusal: Result<impl std::fmt::Debug, Refusal>) -> u32 {
    refusal.unwrap_err().code.number
}
