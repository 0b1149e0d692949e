//! What shared access policies allow.

/// What a shared access policy allows (learn.microsoft.com, "Control access to IoT Hub by using shared access
/// signatures").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read the identity registry.
    RegistryRead,
    /// Change the identity registry.
    RegistryWrite,
    /// Use the service's side: read events, send to devices.
    ServiceConnect,
    /// Speak for devices.
    DeviceConnect,
}

impl Right {
    /// The right's name, as the portal has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RegistryRead => "RegistryRead",
            Self::RegistryWrite => "RegistryWrite",
            Self::ServiceConnect => "ServiceConnect",
            Self::DeviceConnect => "DeviceConnect",
        }
    }
}
