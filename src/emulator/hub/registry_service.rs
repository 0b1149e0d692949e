//! The service's side works on the identity registry.

use chrono::{DateTime, Utc};

use super::command::{RegistryOperation, Reply};
use super::options::Right;
use super::{Hub, Outcome};

impl Hub {
    pub(super) fn work_on_registry(
        &mut self,
        now: DateTime<Utc>,
        token: Option<&str>,
        operation: RegistryOperation,
    ) -> Outcome {
        let (path, right) = target(&operation);
        self.authority.authorize_service(now, token, &path, right)?;
        let registry = &self.registry;
        let mut notices = Vec::new();
        let reply = match operation {
            RegistryOperation::Read { device, module } => {
                let identity = registry.read(&device, module.as_deref())?;
                Reply::Identity(Box::new(self.counted(identity)))
            }
            RegistryOperation::Write {
                device,
                module,
                identity,
                if_match,
            } => {
                let id = (device.as_str(), module.as_deref());
                let written = self.write_identity(now, id, *identity, if_match.as_deref())?;
                notices = written.1;
                Reply::Identity(Box::new(self.counted(written.0)))
            }
            RegistryOperation::Delete {
                device,
                module,
                if_match,
            } => {
                let id = (device.as_str(), module.as_deref());
                notices = self.delete_identity(now, id, if_match.as_deref())?;
                Reply::Done
            }
            RegistryOperation::Bulk { changes } => return self.change_many(now, changes),
            RegistryOperation::List { top } => {
                let listed = registry.list(top).into_iter();
                Reply::Identities(listed.map(|identity| self.counted(identity)).collect())
            }
            RegistryOperation::ListModules { device } => {
                let listed = registry.list_modules(&device)?.into_iter();
                Reply::Identities(listed.map(|identity| self.counted(identity)).collect())
            }
            RegistryOperation::Statistics => {
                let (total, enabled) = registry.count();
                Reply::Statistics {
                    total,
                    enabled,
                    connected: self.sessions.count_devices(),
                }
            }
        };
        Ok((reply, notices))
    }
}

/// What an operation is about, as a token's scope would name it, and the right it needs.
fn target(operation: &RegistryOperation) -> (String, Right) {
    let identity = |device: &str, module: Option<&str>| match module {
        None => format!("devices/{device}"),
        Some(module) => format!("devices/{device}/modules/{module}"),
    };
    match operation {
        RegistryOperation::Read { device, module } => {
            (identity(device, module.as_deref()), Right::RegistryRead)
        }
        RegistryOperation::Write { device, module, .. }
        | RegistryOperation::Delete { device, module, .. } => {
            (identity(device, module.as_deref()), Right::RegistryWrite)
        }
        RegistryOperation::ListModules { device } => (identity(device, None), Right::RegistryRead),
        RegistryOperation::Bulk { .. } => ("devices".to_owned(), Right::RegistryWrite),
        RegistryOperation::List { .. } => ("devices".to_owned(), Right::RegistryRead),
        RegistryOperation::Statistics => ("statistics/devices".to_owned(), Right::RegistryRead),
    }
}
