//! Who may not ask at all hears that before what is wrong with the request, as at the service.

use std::sync::Arc;

use http::header;
use http::request::Parts;

use super::super::driver::HubHandle;
use super::super::hub::command::{Access, Certificate, Command, Door, OwnDoor};
use super::super::hub::options::Right;
use super::reading::{credential, text};
use super::rejection::Rejection;
use super::request::Wanted;

/// What to say of a request that cannot be read: `rejection`, unless the hub would not have let it in. Only such a request
/// is looked at once more.
pub(super) async fn first(hub: &HubHandle, head: &Parts, rejection: Rejection) -> Rejection {
    let Ok(wanted) = Wanted::of(head) else {
        return rejection;
    };
    let Some(access) = access(&wanted, head) else {
        return rejection;
    };
    match hub.ask(Command::Admit(access)).await {
        Ok(_) => rejection,
        Err(refusal) if matches!(wanted, Wanted::Invoke(_) | Wanted::Files(_)) => {
            Rejection::nested(refusal)
        }
        Err(refusal) => Rejection::Refused(refusal),
    }
}

/// None for requests of which the hub itself looks at all there is.
fn access(wanted: &Wanted, head: &Parts) -> Option<Access> {
    let token = || text(&head.headers, &header::AUTHORIZATION);
    let of_device = |device: &str, own: OwnDoor| Access::Device {
        credential: credential(token(), head.extensions.get::<Arc<Certificate>>()),
        device: device.to_owned(),
        own,
    };
    let door = match wanted {
        Wanted::Event { device } | Wanted::Batch { device } => {
            return Some(of_device(device, OwnDoor::Events));
        }
        Wanted::Files(request) => return Some(of_device(request.device(), OwnDoor::Files)),
        Wanted::Write(id) => Door::identity(&id.device, id.module.as_deref(), Right::RegistryWrite),
        Wanted::Bulk => Door::registry(Right::RegistryWrite),
        Wanted::List { .. } => Door::registry(Right::RegistryRead),
        Wanted::Twin(request) => Door::twin(request.identity()),
        Wanted::Invoke(identity) => Door::methods(identity),
        Wanted::Query => Door::query(),
        Wanted::Configuration(request) => request.door(),
        Wanted::Job(asked) => asked.door(),
        Wanted::Transfer(asked) => asked.door(),
        Wanted::Read(_)
        | Wanted::Delete(_)
        | Wanted::ListModules { .. }
        | Wanted::DeviceStatistics
        | Wanted::ServiceStatistics
        | Wanted::Messages(_) => return None,
    };
    let token = token();
    Some(Access::Service { token, door })
}
