//! What a client says of itself when it connects: its client id, and the user name with the hub and the api-version.
//!
//! Ids stand in both as they are, never percent-encoded (azure-iot-device 2.14.0, `mqtt_topic_iothub.py`).

use std::borrow::Cow;
use std::fmt;

use super::property_bag;
use crate::model::device::IdentityId;

const API_VERSION_NAME: &str = "api-version";
const MODEL_NAME: &str = "model-id";

/// A user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName {
    /// The hub's host, as it was written.
    pub host: String,
    /// Who connects.
    pub identity: IdentityId,
    /// The version of the interface; any will do.
    pub api_version: String,
    /// The model of a device that speaks IoT Plug and Play.
    pub model: Option<String>,
}

/// `{host}/{device}[/{module}]/?api-version=…[&model-id=…]`
impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/?", self.host, self.identity)?;
        let version = (API_VERSION_NAME, Some(&self.api_version));
        let model = self.model.as_ref().map(|model| (MODEL_NAME, Some(model)));
        property_bag::write(f, [version].into_iter().chain(model))
    }
}

impl UserName {
    /// Reads a user name: the query behind `/?`, or as older clients write it without the question mark. What else stands
    /// in the query is passed over.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (who, query) = text.rsplit_once('/')?;
        if let Some(query) = query.strip_prefix('?') {
            return Self::of_parts(who, query);
        }
        // Ids hold no `&`.
        if let Some((id, query)) = query.split_once("?&") {
            return Self::of_parts(&format!("{who}/{id}"), query);
        }
        Self::of_parts(who, query)
    }

    fn of_parts(who: &str, query: &str) -> Option<Self> {
        let (host, client_id) = who.split_once('/')?;
        let version = property_bag::find(query, API_VERSION_NAME)?;
        if host.is_empty() || version.trim().is_empty() {
            return None;
        }
        Some(Self {
            host: host.to_owned(),
            identity: parse_client_id(client_id)?,
            api_version: version.into_owned(),
            model: property_bag::find(query, MODEL_NAME)
                .filter(|model| !model.is_empty())
                .map(Cow::into_owned),
        })
    }
}

/// Reads a client id, `{device}` or `{device}/{module}`, which is how an [`IdentityId`] is displayed.
#[must_use]
pub fn parse_client_id(text: &str) -> Option<IdentityId> {
    // MQTT takes two characters that ids may hold for wildcards.
    let is_id = |id: &&str| !id.is_empty() && !id.contains(['+', '#', '\0']);
    let (device, module) = match text.split_once('/') {
        Some((device, module)) => (device, Some(module)),
        None => (text, None),
    };
    let is_module = |module: &&str| is_id(module) && !module.contains('/');
    Some(IdentityId {
        device: Some(device).filter(is_id)?.to_owned(),
        module: match module {
            Some(module) => Some(Some(module).filter(is_module)?.to_owned()),
            None => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "[A-Za-z0-9:.%_*?!(),=@;$'-]{1,40}";

    fn name(device: &str, module: Option<&str>) -> UserName {
        UserName {
            host: "contoso.azure-devices.net".to_owned(),
            identity: IdentityId {
                device: device.to_owned(),
                module: module.map(str::to_owned),
            },
            api_version: "2021-04-12".to_owned(),
            model: None,
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            device in ID,
            module in prop::option::of(ID),
            model in prop::option::of("dtmi:[a-z;:1-9&= %]{1,20}"),
        ) {
            let name = UserName { model, ..name(&device, module.as_deref()) };
            let written = name.to_string();
            prop_assert_eq!(UserName::parse(&written), Some(name.clone()));
            let further = format!("{written}&DeviceClientType=py-azure-iot-device%2F2.14.0%28x%29&model-id=dtmi%3Anone");
            let model = name.model.clone().or(Some("dtmi:none".to_owned()));
            prop_assert_eq!(UserName::parse(&further), Some(UserName { model, ..name.clone() }));
            let older = written.replace("/?api-version", "/api-version");
            prop_assert_eq!(UserName::parse(&older), Some(name.clone()));
            prop_assert_eq!(parse_client_id(&name.identity.to_string()), Some(name.identity));
        }

        #[test]
        fn no_name_panics(text in "[a/?&=]{0,12}(api-version=1)?") {
            let _ = UserName::parse(&text);
            let _ = parse_client_id(&text);
        }
    }

    #[test]
    fn names_are_read_as_the_sdks_write_them() {
        let plain = Some(name("device1", None));
        for text in [
            "contoso.azure-devices.net/device1/?api-version=2021-04-12",
            "contoso.azure-devices.net/device1/?&api-version=2021-04-12",
            "contoso.azure-devices.net/device1?&api-version=2021-04-12",
            "contoso.azure-devices.net/device1/api-version=2021-04-12&DeviceClientType=a%2Fb",
            "contoso.azure-devices.net/device1/?api-version=2021-04-12&model-id=",
            "contoso.azure-devices.net/device1/?DeviceClientType=x&api-version=2021-04-12&api-version=1",
        ] {
            assert_eq!(UserName::parse(text), plain, "{text}");
        }
        assert_eq!(
            UserName::parse("contoso.azure-devices.net/device1/m/?api-version=2021-04-12"),
            Some(name("device1", Some("m")))
        );
        for text in [
            "",
            "contoso.azure-devices.net",
            "contoso.azure-devices.net/device1",
            "contoso.azure-devices.net/device1/",
            "contoso.azure-devices.net/device1/?api-version=",
            "contoso.azure-devices.net/device1/?api-version=%20",
            "contoso.azure-devices.net/?api-version=2021-04-12",
            "contoso.azure-devices.net//?api-version=2021-04-12",
            "/device1/?api-version=2021-04-12",
            "contoso.azure-devices.net/d/m/x/?api-version=2021-04-12",
        ] {
            assert_eq!(UserName::parse(text), None, "{text}");
        }
        for id in ["", "/", "d/", "/m", "d/m/x", "d+", "#"] {
            assert_eq!(parse_client_id(id), None, "{id}");
        }
    }
}
