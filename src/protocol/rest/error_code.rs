//! The service's numbered errors and their names.

/// A code of six digits (the HTTP status and a running number) and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// Such as 404001.
    pub number: u32,
    /// Such as `DeviceNotFound`.
    pub name: &'static str,
}

impl ErrorCode {
    /// The HTTP status that goes with it.
    #[must_use]
    pub fn http_status(self) -> u16 {
        u16::try_from(self.number / 1000).unwrap_or(500)
    }
}

macro_rules! codes {
    ($($constant:ident = $number:literal, $name:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "` (", $number, ").")]
            pub const $constant: ErrorCode = ErrorCode { number: $number, name: $name };
        )*

        /// Every code that is known here by name.
        pub const ALL: &[ErrorCode] = &[$($constant),*];
    };
}

// From the C# service SDK, `Common/Exceptions/ErrorCode.cs`, and "Troubleshoot Azure IoT Hub error codes".
codes! {
    INVALID_PROTOCOL_VERSION = 400_001, "InvalidProtocolVersion";
    DEVICE_INVALID_RESULT_COUNT = 400_002, "DeviceInvalidResultCount";
    INVALID_OPERATION = 400_003, "InvalidOperation";
    ARGUMENT_INVALID = 400_004, "ArgumentInvalid";
    ARGUMENT_NULL = 400_005, "ArgumentNull";
    IOT_HUB_FORMAT_ERROR = 400_006, "IotHubFormatError";
    BLOB_CONTAINER_VALIDATION_ERROR = 400_008, "BlobContainerValidationError";
    DEVICE_DEFINED_MULTIPLE_TIMES = 400_011, "DeviceDefinedMultipleTimes";
    DESERIALIZATION_ERROR = 400_012, "DeserializationError";
    BULK_REGISTRY_OPERATION_FAILURE = 400_013, "BulkRegistryOperationFailure";
    STORAGE_NOT_CONFIGURED = 400_014, "DefaultStorageEndpointNotConfigured";
    INVALID_UPLOAD_CORRELATION = 400_015, "InvalidFileUploadCorrelationId";
    EXPIRED_UPLOAD_CORRELATION = 400_016, "ExpiredFileUploadCorrelationId";
    INVALID_UPLOAD_STATUS = 400_019, "InvalidFileUploadCompletionStatus";
    INVALID_STORAGE_OR_BLOB = 400_020, "InvalidStorageEndpointOrBlob";
    INVALID_CONFIGURATION_TARGET_CONDITION = 400_401, "InvalidConfigurationTargetCondition";
    INVALID_CONFIGURATION_CONTENT = 400_402, "InvalidConfigurationContent";
    INVALID_CONFIGURATION_METRICS = 400_404, "InvalidConfigurationCustomMetricsQuery";
    IOT_HUB_NOT_FOUND = 401_001, "IotHubNotFound";
    IOT_HUB_UNAUTHORIZED_ACCESS = 401_002, "IotHubUnauthorizedAccess";
    IOT_HUB_UNAUTHORIZED = 401_003, "IotHubUnauthorized";
    SYSTEM_MODULE_MODIFY_UNAUTHORIZED = 401_100, "SystemModuleModifyUnauthorizedAccess";
    IOT_HUB_SUSPENDED = 403_001, "IotHubSuspended";
    IOT_HUB_QUOTA_EXCEEDED = 403_002, "IotHubQuotaExceeded";
    JOB_QUOTA_EXCEEDED = 403_003, "JobQuotaExceeded";
    DEVICE_MAXIMUM_QUEUE_DEPTH_EXCEEDED = 403_004, "DeviceMaximumQueueDepthExceeded";
    IOT_HUB_MAX_CBS_TOKEN_EXCEEDED = 403_005, "IotHubMaxCbsTokenExceeded";
    TOO_MANY_ACTIVE_UPLOADS = 403_006, "DeviceMaximumActiveFileUploadLimitExceeded";
    METHODS_IN_FLIGHT = 403_800, "GenericForbidden";
    DEVICE_DISABLED = 403_012, "DeviceDisabled";
    GENERIC_NOT_FOUND = 404_000, "GenericNotFound";
    DEVICE_NOT_FOUND = 404_001, "DeviceNotFound";
    JOB_NOT_FOUND = 404_002, "JobNotFound";
    AMQP_ADDRESS_NOT_FOUND = 404_006, "AmqpAddressNotFound";
    MODULE_NOT_FOUND = 404_010, "ModuleNotFound";
    DEVICE_NOT_ONLINE = 404_103, "DeviceNotOnline";
    CONFIGURATION_NOT_FOUND = 404_301, "ConfigurationNotFound";
    METHOD_NOT_ALLOWED = 405_000, "MethodNotAllowed";
    GENERIC_CONFLICT = 409_000, "GenericConflict";
    DEVICE_ALREADY_EXISTS = 409_001, "DeviceAlreadyExists";
    LINK_CREATION_CONFLICT = 409_002, "LinkCreationConflict";
    JOB_ALREADY_EXISTS = 409_104, "JobAlreadyExists";
    MODULE_ALREADY_EXISTS = 409_301, "ModuleAlreadyExistsOnDevice";
    CONFIGURATION_ALREADY_EXISTS = 409_401, "ConfigurationAlreadyExists";
    PRECONDITION_FAILED = 412_001, "PreconditionFailed";
    DEVICE_MESSAGE_LOCK_LOST = 412_002, "DeviceMessageLockLost";
    MESSAGE_TOO_LARGE = 413_001, "MessageTooLarge";
    TOO_MANY_DEVICES = 413_002, "TooManyDevices";
    TOO_MANY_MODULES = 413_003, "TooManyModulesOnDevice";
    CONFIGURATION_COUNT_LIMIT_EXCEEDED = 413_101, "ConfigurationCountLimitExceeded";
    UNSUPPORTED_CONTENT_TYPE = 415_000, "UnsupportedContentType";
    GENERIC_TOO_MANY_REQUESTS = 429_000, "GenericTooManyRequests";
    THROTTLING = 429_001, "ThrottlingException";
    THROTTLE_BACKLOG_LIMIT_EXCEEDED = 429_002, "ThrottleBacklogLimitExceeded";
    THROTTLING_BACKLOG_TIMEOUT = 429_003, "ThrottlingBacklogTimeout";
    SERVER_ERROR = 500_001, "ServerError";
    BAD_DEVICE_RESPONSE = 502_000, "GenericBadGateway";
    SERVICE_UNAVAILABLE = 503_001, "ServiceUnavailable";
    PARTITION_NOT_FOUND = 503_003, "PartitionNotFound";
    GATEWAY_TIMEOUT = 504_101, "GatewayTimeout";
}

/// The code with this number, where it is known.
#[must_use]
pub fn by_number(number: u32) -> Option<ErrorCode> {
    ALL.iter().copied().find(|code| code.number == number)
}

/// The code with this name, where it is known.
#[must_use]
pub fn by_name(name: &str) -> Option<ErrorCode> {
    ALL.iter()
        .copied()
        .find(|code| code.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree_with_the_services_own_list() {
        let list: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../../tests/it/golden/error_codes.json"))
                .unwrap();
        let mut compared = 0;
        for row in list {
            let number = u32::try_from(row["code"].as_u64().unwrap()).unwrap();
            if let Some(code) = by_number(number) {
                assert_eq!(Some(code.name), row["name"].as_str());
                compared += 1;
            }
        }
        assert!(compared > 30, "only {compared} codes were compared");
    }
}
