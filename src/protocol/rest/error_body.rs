//! What the hub says when it refuses: five generations of error bodies, read alike.
//!
//! 1. `{"Message":"ErrorCode:Name;text\r\nTracking Id:…"}` (2016)
//! 2. `{"Message":"ErrorCode:Name;text","ExceptionMessage":"Tracking ID:…"}` (2017 and later)
//! 3. `{"Message":"{\"errorCode\":404103,\"trackingId\":…}","ExceptionMessage":""}`
//! 4. the same with the status as its message (gateway v2, 2024)
//! 5. flat, `{"errorCode":429001,"trackingId":…,"message":…}` (DPS and AMQP)

use serde_json::Value;

use super::error_code::{self, ErrorCode};

/// What was said, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceError {
    /// The six-digit code, where there was one or its name is known.
    pub code: Option<u32>,
    /// The code's name, from the body, the `iothub-errorcode` header or the list of known codes.
    pub name: Option<String>,
    /// The service's own words.
    pub message: String,
    /// What Microsoft's support asks for.
    pub tracking_id: Option<String>,
}

impl ServiceError {
    /// Reads a body of any generation; `header` is the value of `iothub-errorcode`. A body that is none of them becomes
    /// the message, cut to a line.
    #[must_use]
    pub fn parse(header: Option<&str>, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let mut error = match serde_json::from_str::<Value>(text.trim()) {
            Ok(value) => Self::from_json(&value),
            Err(_) => Self {
                message: first_line(&text),
                ..Self::default()
            },
        };
        // The header wins where the two differ, as it does in the C# SDK.
        if let Some(header) = header {
            let known = header
                .parse()
                .ok()
                .and_then(error_code::by_number)
                .or_else(|| error_code::by_name(header));
            error.code = known.map(|code| code.number).or(error.code);
            error.name = Some(known.map_or(header, |code| code.name).to_owned());
        }
        error
    }

    fn from_json(value: &Value) -> Self {
        if let Some(flat) = Self::from_flat(value) {
            return flat;
        }
        let member = |name: &str| {
            let object = value.as_object()?;
            object
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))?
                .1
                .as_str()
        };
        let Some(message) = member("Message") else {
            return Self {
                message: first_line(&value.to_string()),
                ..Self::default()
            };
        };
        if let Some(nested) = serde_json::from_str(message)
            .ok()
            .as_ref()
            .and_then(Self::from_flat)
        {
            return nested;
        }
        let mut error = Self::from_message(message);
        if error.tracking_id.is_none() {
            error.tracking_id = tracking_id_in(member("ExceptionMessage").unwrap_or_default());
        }
        error
    }

    /// Generations 3 to 5: an object with `errorCode`.
    fn from_flat(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let code = u32::try_from(object.get("errorCode")?.as_u64()?).ok()?;
        let text = |name: &str| {
            object
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        Some(Self {
            code: Some(code),
            name: error_code::by_number(code).map(|code| code.name.to_owned()),
            message: text("message").unwrap_or_default().to_owned(),
            tracking_id: text("trackingId").map(str::to_owned),
        })
    }

    /// Generations 1 and 2: `ErrorCode:Name;text`, with the tracking id behind it in the first.
    fn from_message(message: &str) -> Self {
        let tracking_id = tracking_id_in(message);
        let Some(rest) = message.strip_prefix("ErrorCode:") else {
            return Self {
                message: first_line(message),
                tracking_id,
                ..Self::default()
            };
        };
        let (name, text) = rest.split_once(';').unwrap_or((rest, ""));
        let known =
            error_code::by_name(name).or_else(|| name.parse().ok().and_then(error_code::by_number));
        Self {
            code: known.map(|code| code.number),
            name: Some(known.map_or(name, |code| code.name).trim().to_owned()),
            message: first_line(text),
            tracking_id,
        }
    }

    /// Writes a body of the second generation.
    #[must_use]
    pub fn write(code: ErrorCode, message: &str, tracking_id: &str) -> String {
        serde_json::json!({
            "Message": format!("ErrorCode:{};{message}", code.name),
            "ExceptionMessage": format!("Tracking ID:{tracking_id}"),
        })
        .to_string()
    }

    /// Writes the third generation, in which methods are refused. `timestamp` is RFC 3339, `info` is JSON.
    #[must_use]
    pub fn write_nested(
        code: ErrorCode,
        message: &str,
        tracking_id: &str,
        timestamp: &str,
        info: &Value,
    ) -> String {
        let nested = serde_json::json!({
            "errorCode": code.number,
            "trackingId": tracking_id,
            "message": message,
            "info": info,
            "timestampUtc": timestamp,
        });
        serde_json::json!({ "Message": nested.to_string(), "ExceptionMessage": "" }).to_string()
    }

    /// Writes the flat form, as AMQP descriptions carry it. `timestamp` is RFC 3339.
    #[must_use]
    pub fn write_flat(
        code: ErrorCode,
        message: &str,
        tracking_id: &str,
        timestamp: &str,
    ) -> String {
        serde_json::json!({
            "errorCode": code.number,
            "trackingId": tracking_id,
            "message": message,
            "timestampUtc": timestamp,
            "info": null,
        })
        .to_string()
    }
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

fn tracking_id_in(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let start = ["tracking id:", "trackingid:"]
        .into_iter()
        .find_map(|mark| lower.find(mark).map(|at| at + mark.len()))?;
    let id = text.get(start..)?.trim_start();
    let end = id
        .find(|c: char| c.is_whitespace() || c == ',')
        .unwrap_or(id.len());
    Some(id[..end].to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(body: &str) -> (Option<u32>, Option<String>, String, Option<String>) {
        let error = ServiceError::parse(None, body.as_bytes());
        (error.code, error.name, error.message, error.tracking_id)
    }

    #[test]
    fn every_generation_is_read() {
        assert_eq!(
            parsed(
                r#"{"Message":"ErrorCode:DeviceAlreadyExists;A device with ID 'iotdevice1' is already registered.\r\nTracking Id:218b-G:GatewayWorkerRole.11-B:1-P:8a50-TimeStamp:03/16/2016 17:26:37\r\nErrorCode:DeviceAlreadyExists"}"#
            ),
            (
                Some(409_001),
                Some("DeviceAlreadyExists".into()),
                "A device with ID 'iotdevice1' is already registered.".into(),
                Some("218b-G:GatewayWorkerRole.11-B:1-P:8a50-TimeStamp:03/16/2016".into())
            )
        );
        assert_eq!(
            parsed(
                r#"{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized","ExceptionMessage":"Tracking ID:0d6d-G:9-TimeStamp:10/15/2018 03:54:24"}"#
            ),
            (
                Some(401_002),
                Some("IotHubUnauthorizedAccess".into()),
                "Unauthorized".into(),
                Some("0d6d-G:9-TimeStamp:10/15/2018".into())
            )
        );
        assert_eq!(
            parsed(
                r#"{"Message":"{\"errorCode\":404103,\"trackingId\":\"ab-G:11\",\"message\":\"Timed out waiting for device to connect.\",\"info\":{\"timeout\":\"00:01:00\"}}","ExceptionMessage":""}"#
            ),
            (
                Some(404_103),
                Some("DeviceNotOnline".into()),
                "Timed out waiting for device to connect.".into(),
                Some("ab-G:11".into())
            )
        );
        assert_eq!(
            parsed(
                r#"{"Message":"{\"errorCode\":400030,\"message\":\"400\",\"trackingId\":\"F00D-G2:\",\"info\":null}","ExceptionMessage":""}"#
            ),
            (Some(400_030), None, "400".into(), Some("F00D-G2:".into()))
        );
        assert_eq!(
            parsed(
                r#"{"errorCode":429001,"trackingId":"","message":"Operations are being throttled for this tenant.","timestampUtc":"2021-10-26T00:02:24.263671Z"}"#
            ),
            (
                Some(429_001),
                Some("ThrottlingException".into()),
                "Operations are being throttled for this tenant.".into(),
                None
            )
        );
    }

    #[test]
    fn the_header_wins_and_strange_bodies_are_kept_as_a_line() {
        let error = ServiceError::parse(Some("InvalidProtocolVersion"), b"<html>\nno</html>");
        assert_eq!(error.code, Some(400_001));
        assert_eq!(error.message, "<html>");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(message in "[ -~]{0,80}", index in 0..error_code::ALL.len()) {
            let code = error_code::ALL[index];
            let tracking = "0123-G:0-TimeStamp:now";
            for body in [
                ServiceError::write(code, &message, tracking),
                ServiceError::write_flat(code, &message, tracking, "2026-01-01T00:00:00Z"),
                ServiceError::write_nested(code, &message, tracking, "2026-01-01T00:00:00Z", &Value::Null),
            ] {
                let error = ServiceError::parse(None, body.as_bytes());
                prop_assert_eq!(error.code, Some(code.number));
                prop_assert_eq!(error.name.as_deref(), Some(code.name));
                prop_assert_eq!(error.message.trim(), message.trim());
                prop_assert!(error.tracking_id.is_some());
            }
        }

        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200), header in proptest::option::of("\\PC*")) {
            let _ = ServiceError::parse(header.as_deref(), &body);
        }
    }
}
