//! The redirect with which the hub sends readers of `messages/events` on to its event hub.

use crate::protocol::amqp::address::{decoded, split_url};
use crate::protocol::amqp::value::{Items, Value};
use crate::protocol::amqp::writer::Writer;

/// The port of AMQP over TLS, taken if a redirect names none.
pub const AMQPS_PORT: u16 = 5671;

/// Where to go instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The namespace's host.
    pub hostname: String,
    /// The namespace's port.
    pub port: u16,
    /// The whole address, `amqps://{host}:{port}/{entity}/` and what the hub's client asked for behind it.
    pub address: String,
    /// The event hub's name: the first segment of the address.
    pub entity: String,
}

/// Why an error's info is no redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// There is no address in it.
    #[error("redirect carries no address")]
    NoAddress,
    /// The address has no first segment.
    #[error("redirect address names no event hub")]
    NoEntity,
    /// Neither the address nor the hostname field names a host.
    #[error("redirect names no host")]
    NoHost,
}

impl Redirect {
    /// The redirect that a hub sends: `suffix` is what the client asked for behind `messages/events`.
    #[must_use]
    pub fn new(hostname: &str, port: u16, entity: &str, suffix: &str) -> Self {
        let address = format!("amqps://{hostname}:{port}/{entity}/{suffix}");
        Self {
            hostname: hostname.to_owned(),
            port,
            address,
            entity: entity.to_owned(),
        }
    }

    /// Reads the info map of an `amqp:link:redirect` error. Host and port come from their own fields; where these
    /// are missing, from the address.
    pub fn from_info(info: &Items<'_>) -> Result<Self, RedirectError> {
        let text = |key: &str| info.find(key).and_then(|value| value.as_str());
        let address = text("address").ok_or(RedirectError::NoAddress)?;
        let (authority, path) = split_url(address);
        let entity = path
            .split('/')
            .find(|segment| !segment.is_empty())
            .map(decoded);
        let (host, port) = authority.map_or((None, None), split_authority);
        let named = text("hostname")
            .or_else(|| text("network-host"))
            .filter(|host| !host.is_empty());
        let own_port = info
            .find("port")
            .and_then(|port: Value<'_>| u16::try_from(port.as_u64()?).ok());
        Ok(Self {
            hostname: named.or(host).ok_or(RedirectError::NoHost)?.to_owned(),
            port: own_port.or(port).unwrap_or(AMQPS_PORT),
            address: address.to_owned(),
            entity: entity.ok_or(RedirectError::NoEntity)?,
        })
    }

    /// Writes the info map, types and order as the hub has them.
    pub fn write_info(&self, w: &mut Writer<'_>) {
        w.map(|w| {
            w.symbol("hostname");
            w.string(&self.hostname);
            w.symbol("network-host");
            w.string(&self.hostname);
            w.symbol("port");
            w.int(self.port.into());
            w.symbol("address");
            w.string(&self.address);
        });
    }
}

/// Host and port of an authority; the brackets of an IPv6 address stay.
fn split_authority(authority: &str) -> (Option<&str>, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (
            Some(host).filter(|host| !host.is_empty()),
            port.parse().ok(),
        ),
        _ => (Some(authority), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::amqp::frame::FRAME_HEADER_LENGTH;
    use crate::protocol::amqp::performative::Performative;
    use crate::protocol::amqp::reference;
    use crate::protocol::amqp::value::decode;
    use crate::protocol::amqp::writer::encode;
    use proptest::prelude::*;

    #[test]
    fn reads_and_writes_the_hubs_own_bytes() {
        let frame = reference::bytes(reference::DETACH_REDIRECT);
        let (Performative::Detach(detach), _) =
            Performative::decode(&frame[FRAME_HEADER_LENGTH..]).unwrap()
        else {
            panic!()
        };
        let info = detach.error.unwrap().info.unwrap();
        let redirect = Redirect::from_info(&info).unwrap();
        let host = "ihsuprodexample.servicebus.windows.net";
        assert_eq!(
            redirect,
            Redirect::new(
                host,
                5671,
                "iothub-ehub-contoso-123-abcdef0123",
                "$management"
            )
        );
        let written = encode(|w| redirect.write_info(w));
        assert_eq!(decode(&written).unwrap().0, Value::Map(info));
    }

    fn read(entries: &[(&str, &str)]) -> Result<Redirect, RedirectError> {
        let bytes = encode(|w| {
            w.map(|w| {
                for (key, value) in entries {
                    w.symbol(key);
                    w.string(value);
                }
            });
        });
        Redirect::from_info(&decode(&bytes).unwrap().0.as_map().unwrap())
    }

    #[test]
    fn falls_back_where_fields_are_missing() {
        let whole = read(&[("address", "amqps://127.0.0.1:40123/hub/")]).unwrap();
        assert_eq!(
            (whole.hostname.as_str(), whole.port, whole.entity.as_str()),
            ("127.0.0.1", 40_123, "hub")
        );
        let named = read(&[("hostname", "ns"), ("address", "hub/$management")]).unwrap();
        assert_eq!(
            (named.hostname.as_str(), named.port, named.entity.as_str()),
            ("ns", 5671, "hub")
        );
        assert_eq!(read(&[]), Err(RedirectError::NoAddress));
        assert_eq!(
            read(&[("address", "amqps://ns/")]),
            Err(RedirectError::NoEntity)
        );
        assert_eq!(read(&[("address", "hub")]), Err(RedirectError::NoHost));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(host in "[a-z.]{1,20}", port: u16, entity in "[a-z0-9-]{1,40}", suffix in "[a-zA-Z/$]{0,20}") {
            let redirect = Redirect::new(&host, port, &entity, &suffix);
            let bytes = encode(|w| redirect.write_info(w));
            let (info, _) = decode(&bytes).unwrap();
            prop_assert_eq!(Redirect::from_info(&info.as_map().unwrap()), Ok(redirect));
        }

        #[test]
        fn any_address_is_safe_to_read(address in ".*") {
            let _ = read(&[("address", &address)]);
        }
    }
}
