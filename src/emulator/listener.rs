//! Accepting connections: TLS around them, a limit to their number, an end when the emulator stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::client_certificate;
use super::connections::Seat;
use super::desk::Desk;
use super::device_authorities::DeviceAuthorities;
use super::fault::{Occasion, Wire};
use super::https;
use super::mqtt;
use super::ui::Ui;
use super::{admin, amqp};
use crate::protocol::websocket::Subprotocol;

/// The most connections at once on one port; more wait in the system's queue. Devices stay connected.
const MAX_CONNECTIONS: usize = 4096;
const MAX_DEVICE_CONNECTIONS: usize = 16_384;
const MAX_ADMIN_CONNECTIONS: usize = 64;

/// What all ports together come to, on both loopback addresses, as far as that is likely.
#[cfg(unix)]
const MOST_SOCKETS: u64 = 32_768;

/// How long a client may take for the TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// How long to wait before accepting again when the system has no sockets left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Lets this process hold as many sockets as it may need, where the system permits it: shells start it with a few hundred,
/// and each device that is connected takes one.
pub(super) fn lift_socket_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = limit
            .maximum
            .map_or(MOST_SOCKETS, |most| most.min(MOST_SOCKETS));
        if limit.current.is_some_and(|current| current < wanted) {
            limit.current = Some(wanted);
            // Where it is not to be had, the usual number has to do.
            let _ = setrlimit(Resource::Nofile, limit);
        }
    }
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// REST.
    Https,
    /// AMQP.
    Amqp,
    /// AMQP, at once or over WebSocket: an `Endpoint` names one port, whichever way a client goes.
    AmqpOrWebSocket,
    /// MQTT.
    Mqtt,
    /// Orders to misbehave.
    Admin,
}

impl Protocol {
    /// What faults go by; they leave orders alone.
    fn wire(self) -> Option<Wire> {
        match self {
            Self::Https => Some(Wire::Https),
            Self::Amqp | Self::AmqpOrWebSocket => Some(Wire::Amqp),
            Self::Mqtt => Some(Wire::Mqtt),
            Self::Admin => None,
        }
    }
}

/// A port that is being listened on, and what happens to those who come.
pub(super) struct Listener {
    pub socket: TcpListener,
    pub protocol: Protocol,
    /// `None` on a port without TLS.
    pub tls: Option<TlsAcceptor>,
    /// What connections that speak AMQP share.
    pub amqp: Arc<amqp::options::Options>,
    /// And those that speak MQTT.
    pub mqtt: Arc<mqtt::options::Options>,
    /// The hub, its clock, its storage, and what goes wrong with it.
    pub desk: Arc<Desk>,
    /// What there is to look at on HTTPS's own port.
    pub ui: Ui,
    /// Who vouches for devices.
    pub authorities: Arc<DeviceAuthorities>,
    pub stop: Stop,
}

/// Turns true once, when the emulator is to stop.
#[derive(Debug, Clone)]
pub(super) struct Stop(pub watch::Receiver<bool>);

impl Stop {
    /// Waits for it. A sender that has gone means the same.
    pub(super) async fn requested(mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl Listener {
    /// Accepts connections until the emulator stops, and waits for those that are open then.
    pub(super) async fn run(self) {
        let listener = Arc::new(self);
        let slots = Arc::new(Semaphore::new(listener.most_connections()));
        let mut connections = JoinSet::new();
        let accept_all = async {
            loop {
                // The semaphore is never closed.
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                    break;
                };
                match listener.socket.accept().await {
                    Ok((stream, _)) => {
                        let listener = Arc::clone(&listener);
                        connections.spawn(async move {
                            // A peer that goes in the handshake is no failure of ours.
                            let _ = listener.serve(stream).await;
                            drop(slot);
                        });
                    }
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                }
                while connections.try_join_next().is_some() {}
            }
        };
        tokio::select! {
            () = accept_all => {}
            () = listener.stop.clone().requested() => {}
        }
        while connections.join_next().await.is_some() {}
    }

    fn most_connections(&self) -> usize {
        match self.protocol {
            Protocol::Https | Protocol::Amqp | Protocol::AmqpOrWebSocket => MAX_CONNECTIONS,
            Protocol::Mqtt => MAX_DEVICE_CONNECTIONS,
            Protocol::Admin => MAX_ADMIN_CONNECTIONS,
        }
    }

    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let Some(wire) = self.protocol.wire() else {
            let stop = self.stop.clone().requested();
            admin::serve_connection(stream, &self.desk, stop).await;
            return Ok(());
        };
        let Desk {
            clock, mischief, ..
        } = &*self.desk;
        let struck = mischief.strike(clock, Occasion::Connection { wire });
        if struck.is_some() {
            let refused = || format!("{}: a connection is refused by a fault", wire.name());
            self.desk.connections.tracer().line(refused);
            return Ok(());
        }
        stream.set_nodelay(true)?;
        let mut seat = self.desk.connections.enter(wire);
        match &self.tls {
            None => self.speak(stream, &mut seat).await,
            Some(tls) => {
                let stream = tokio::select! {
                    stream = timeout(HANDSHAKE_LIMIT, tls.accept(stream)) => stream,
                    () = seat.dropped() => return Ok(()),
                    () = self.stop.clone().requested() => return Ok(()),
                };
                let stream = stream
                    .map_err(io::Error::from)
                    .flatten()
                    .inspect_err(|error| seat.explain(|| format!("no TLS: {error}")))?;
                let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let now = clock.now();
                seat.prove(client_certificate::examine(chain, &self.authorities, now));
                self.speak(stream, &mut seat).await;
            }
        }
        Ok(())
    }

    async fn speak<S>(&self, stream: S, seat: &mut Seat)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        match self.protocol {
            Protocol::Https => self.speak_https(stream, seat).await,
            Protocol::Amqp => self.speak_amqp(stream, seat).await,
            Protocol::Mqtt => self.speak_mqtt(stream, seat).await,
            // Served before.
            Protocol::Admin => {}
            Protocol::AmqpOrWebSocket => {
                let mut stream = BufReader::new(stream);
                let first = tokio::select! {
                    first = timeout(HANDSHAKE_LIMIT, stream.fill_buf()) => first,
                    () = seat.dropped() => return,
                    () = self.stop.clone().requested() => return,
                };
                match first {
                    Ok(Ok(bytes)) if bytes.starts_with(b"G") => {
                        self.speak_https(stream, seat).await;
                    }
                    // Silence is for the machine to judge.
                    Ok(_) | Err(_) => self.speak_amqp(stream, seat).await,
                }
            }
        }
    }

    async fn speak_https<S>(&self, stream: S, seat: &mut Seat)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let ui = (self.protocol == Protocol::Https).then_some(&self.ui);
        let stop = self.stop.clone().requested();
        let served = https::serve_connection(stream, &self.desk, ui, seat, stop).await;
        let Some(upgrade) = served else {
            return;
        };
        let subprotocol = upgrade.subprotocol;
        let stream = https::bytes_of(upgrade).await;
        seat.name().speak(match subprotocol {
            Subprotocol::Amqp => Wire::Amqp,
            Subprotocol::Mqtt => Wire::Mqtt,
        });
        match subprotocol {
            Subprotocol::Amqp => self.speak_amqp(stream, seat).await,
            Subprotocol::Mqtt => self.speak_mqtt(stream, seat).await,
        }
    }

    async fn speak_amqp<S>(&self, stream: S, seat: &mut Seat)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let options = Arc::clone(&self.amqp);
        tokio::select! {
            () = amqp::server::serve_connection(stream, self.desk.hub.clone(), options, seat) => {}
            () = self.stop.clone().requested() => seat.explain(stopped),
        }
    }

    async fn speak_mqtt<S>(&self, stream: S, seat: &mut Seat)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let options = Arc::clone(&self.mqtt);
        tokio::select! {
            () = mqtt::server::serve_connection(stream, self.desk.hub.clone(), options, seat) => {}
            () = self.stop.clone().requested() => seat.explain(stopped),
        }
    }
}

fn stopped() -> String {
    "the hub stops".to_owned()
}
