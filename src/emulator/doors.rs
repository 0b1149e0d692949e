//! The ports that an emulator listens on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use super::endpoint::Ports;

/// A port that cannot be listened on, and why.
#[derive(Debug)]
pub(super) struct Unbound {
    pub address: SocketAddr,
    pub source: io::Error,
}

/// All ports.
pub(super) struct Doors {
    pub https: Bound,
    pub amqps: Bound,
    pub plain: Option<Bound>,
    pub mqtts: Bound,
    pub admin: Option<Bound>,
}

impl Doors {
    /// Opens all of them at this address, but for the admin port, or none.
    pub(super) async fn open(address: IpAddr, ports: Ports) -> Result<Self, Unbound> {
        let at = |port| Bound::at(address, port);
        Ok(Self {
            https: at(ports.https).await?,
            amqps: at(ports.amqps).await?,
            plain: Bound::at_some(address, ports.amqp).await?,
            mqtts: at(ports.mqtts).await?,
            // However far the others reach.
            admin: Bound::at_some(Ipv4Addr::LOCALHOST.into(), ports.admin).await?,
        })
    }

    /// Which they are, where any that was free would do.
    pub(super) fn ports(&self) -> Ports {
        Ports {
            https: self.https.port,
            amqps: self.amqps.port,
            amqp: self.plain.as_ref().map(|bound| bound.port),
            mqtts: self.mqtts.port,
            admin: self.admin.as_ref().map(|bound| bound.port),
        }
    }
}

/// The sockets of one port.
pub(super) struct Bound {
    port: u16,
    pub sockets: Vec<TcpListener>,
}

impl Bound {
    /// Where there is a port, if any.
    async fn at_some(address: IpAddr, port: Option<u16>) -> Result<Option<Self>, Unbound> {
        Ok(match port {
            Some(port) => Some(Self::at(address, port).await?),
            None => None,
        })
    }

    async fn at(address: IpAddr, port: u16) -> Result<Self, Unbound> {
        let wanted = SocketAddr::new(address, port);
        let failed = |source| Unbound {
            address: wanted,
            source,
        };
        let socket = TcpListener::bind(wanted).await.map_err(failed)?;
        let port = socket.local_addr().map_err(failed)?.port();
        let mut sockets = vec![socket];
        if address.is_ipv4() && address.is_loopback() {
            // A machine without IPv6 does without.
            let other = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await;
            sockets.extend(other.ok());
        }
        Ok(Self { port, sockets })
    }
}
