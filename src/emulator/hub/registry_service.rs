//! The service's side works on the identity registry.

use chrono::{DateTime, Utc};

use super::command::{Door, RegistryOperation, Reply};
use super::options::Right;
use super::{Hub, Outcome};

impl Hub {
    pub(super) fn work_on_registry(
        &mut self,
        now: DateTime<Utc>,
        token: Option<&str>,
        operation: RegistryOperation,
    ) -> Outcome {
        self.open(now, token, &door(&operation))?;
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

fn door(operation: &RegistryOperation) -> Door {
    match operation {
        RegistryOperation::Read { device, module } => {
            Door::identity(device, module.as_deref(), Right::RegistryRead)
        }
        RegistryOperation::Write { device, module, .. }
        | RegistryOperation::Delete { device, module, .. } => {
            Door::identity(device, module.as_deref(), Right::RegistryWrite)
        }
        RegistryOperation::ListModules { device } => {
            Door::identity(device, None, Right::RegistryRead)
        }
        RegistryOperation::Bulk { .. } => Door::registry(Right::RegistryWrite),
        RegistryOperation::List { .. } => Door::registry(Right::RegistryRead),
        RegistryOperation::Statistics => Door::statistics(),
    }
}
