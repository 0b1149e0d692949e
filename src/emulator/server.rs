//! The emulator as a whole: its state read, its ports bound, its servers started.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use super::amqp;
use super::certificate::CertificateError;
use super::connections::Connections;
use super::desk::Desk;
use super::device_authorities::DeviceAuthorityError;
use super::doors::{Doors, Unbound};
use super::driver::{self, Clock, HubHandle, Keeper as _};
use super::endpoint::{AMQPS, Endpoints, Ports};
use super::fault::standing::Standings;
use super::fault::{Faults, Mischief, Trouble};
use super::file_error::FileError;
use super::hub::Hub;
use super::hub::command::Refusal;
use super::hub::options::{
    DEFAULT_RETENTION_BYTES, DEFAULT_STORED_BYTES, Enrichment, HubOptions, OptionsError, Policy,
    Route, STANDARD_POLICIES,
};
use super::listener::{Listener, Protocol, Stop, lift_socket_limit};
use super::mqtt;
use super::state::{self, State, StateError};
use super::storage;
use super::store::{Store, StoreError, Wanted};
use super::transfer::{self, Dock, Order};
use super::ui::{self, Ui};
use crate::model::device::Identity;
use crate::model::secret::Secret;
use crate::protocol::sas::KeyError;
use crate::tracer::Tracer;

/// What the hub is called, and the name to connect to.
const NAME: &str = "localhost";

/// How long a hub that keeps has to close its store.
const CLOSING: Duration = Duration::from_secs(2);

/// How many partitions a hub has where nothing is said.
pub const USUAL_PARTITIONS: usize = 4;

/// What an emulator is started with.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The address to listen on. For an IPv4 loopback address, `::1` is tried as well: `localhost` may mean either.
    pub address: IpAddr,
    /// Host names beside `localhost` and the loopback addresses that the hub answers to.
    pub hosts: Vec<String>,
    /// The ports; 0 takes any that is free.
    pub ports: Ports,
    /// Where the certificate authority and the keys are kept.
    pub data_dir: PathBuf,
    /// Whether registry and events are kept there as well.
    pub keep: bool,
    /// How many partitions, from 1 to 32; `None` for as many as are kept, or [`USUAL_PARTITIONS`].
    pub partitions: Option<usize>,
    /// How long events are kept.
    pub retention: TimeDelta,
    /// How many bytes of events are kept; `None` for what suits memory or a disk.
    pub retention_bytes: Option<usize>,
    /// Consumer groups beside `$Default`.
    pub consumer_groups: Vec<String>,
    /// Message routes.
    pub routes: Vec<Route>,
    /// What is stamped on messages.
    pub enrichments: Vec<Enrichment>,
    /// PEM files with the certificates of those who may vouch for devices.
    pub device_authorities: Vec<PathBuf>,
    /// Devices that are there from the start.
    pub devices: Vec<String>,
    /// Where devices' files go.
    pub storage: storage::Options,
    /// What goes wrong on purpose.
    pub troubles: Vec<Trouble>,
    /// What chance is drawn from, where faults strike by chance.
    pub seed: u64,
}

/// Why an emulator does not start.
#[derive(Debug, Error)]
pub enum EmulatorError {
    /// What was kept from the last start cannot be used, or nothing can be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// What was kept of the hub cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub does not get a thread of its own.
    #[error("the hub cannot be started")]
    Thread {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that names no authority for devices' certificates.
    #[error(transparent)]
    DeviceAuthority(#[from] DeviceAuthorityError),
    /// There is no certificate to be had.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No hub is made of these options.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The storage account's key cannot sign.
    #[error("the storage account's key cannot be used: {0}")]
    StorageKey(#[from] KeyError),
    /// A device that cannot be registered.
    #[error("device {device:?} cannot be registered: {}", refusal.message)]
    Device {
        /// Its id.
        device: String,
        /// Why.
        refusal: Refusal,
    },
    /// A port that cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address and the port.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl From<Unbound> for EmulatorError {
    fn from(Unbound { address, source }: Unbound) -> Self {
        Self::Bind { address, source }
    }
}

/// An emulator that runs. Dropping it stops it at once; [`Running::stop`] lets requests come to their end.
#[derive(Debug)]
pub struct Running {
    endpoints: Endpoints,
    hub: HubHandle,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
    /// Comes true when a hub that keeps has come to its end.
    end: Option<oneshot::Receiver<()>>,
}

/// A hub like Azure's, on this machine.
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// Starts one, which tells `tracer` of who comes and goes. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`EmulatorError`] names the file, option, device or port.
    pub async fn start(
        options: Options,
        machine_clock: fn() -> DateTime<Utc>,
        tracer: Tracer,
    ) -> Result<Running, EmulatorError> {
        lift_socket_limit();
        // Certificates are good by the right time, however wrong the hub's own is.
        let now = machine_clock();
        let standings = Standings::of(options.troubles.iter());
        let clock = Clock::new(machine_clock);
        clock.set(standings.ahead);
        let (dock, orders) = Dock::open(&options.storage)?;
        let dock = Arc::new(dock);
        let state = State::load(now, &options.data_dir)?;
        let authorities = Arc::new(state::device_authorities(&options.device_authorities)?);
        let (mut hub, store) = hub(now, &options, standings, &state)?;
        let devices = register(&mut hub, now, &options.devices)?;
        let tls = |protocols: &[&[u8]]| {
            let config = state
                .authority
                .server_config(now, &options.hosts, protocols);
            config.map(TlsAcceptor::from)
        };
        let (https_tls, amqps_tls, mqtts_tls) = (tls(&[b"http/1.1"])?, tls(&[])?, tls(&[])?);
        // All ports first: an emulator that misses one must not have begun to serve on the others.
        let doors = Doors::open(options.address, options.ports).await?;
        let endpoints = Endpoints {
            host: NAME.to_owned(),
            ports: doors.ports(),
            ca_file: state.ca_file,
            entity: state.entity,
            policies: state.policies,
            devices,
            ui_token: ui::unguessable().ok_or(StateError::Random)?,
        };
        let troubles = options.troubles.clone();
        let mischief = Mischief::new(Faults::new(now, troubles, options.seed));
        let amqp = Arc::new(amqp_options(&endpoints, &clock, &mischief));
        let mqtt = Arc::new(mqtt_options(&options, &clock, &mischief));
        let (hub, end) = drive(hub, store, &clock, &options)?;
        let connections = Connections::new(tracer);
        let desk = Arc::new(Desk::new(clock, mischief, connections, hub.clone(), dock));
        let (stop, stopped) = watch::channel(false);
        let ui = Ui::new(hosts(&options), &endpoints, hub.clone(), stopped.clone());
        let amqps_protocol = protocol_at(endpoints.ports.amqps);
        let served = [
            (Some(doors.https), Protocol::Https, Some(https_tls)),
            (Some(doors.amqps), amqps_protocol, Some(amqps_tls)),
            (doors.plain, Protocol::Amqp, None),
            (Some(doors.mqtts), Protocol::Mqtt, Some(mqtts_tls)),
            (doors.admin, Protocol::Admin, None),
        ];
        let mut servers = JoinSet::new();
        let ending = Stop(stopped.clone());
        servers.spawn(carry_out_jobs(Arc::clone(&desk), orders, ending));
        for (bound, protocol, tls) in served {
            for socket in bound.into_iter().flat_map(|bound| bound.sockets) {
                let listener = Listener {
                    socket,
                    protocol,
                    tls: tls.clone(),
                    amqp: Arc::clone(&amqp),
                    mqtt: Arc::clone(&mqtt),
                    desk: Arc::clone(&desk),
                    ui: ui.clone(),
                    authorities: Arc::clone(&authorities),
                    stop: Stop(stopped.clone()),
                };
                servers.spawn(listener.run());
            }
        }
        Ok(Running {
            endpoints,
            hub,
            stop,
            servers,
            end,
        })
    }
}

/// Carries out jobs that import and export, until the emulator stops.
async fn carry_out_jobs(desk: Arc<Desk>, orders: UnboundedReceiver<Order>, stop: Stop) {
    tokio::select! {
        () = transfer::work(&desk.hub, &desk.dock, &desk.clock, orders) => {}
        () = stop.requested() => {}
    }
}

impl Running {
    /// Where it is reached, and with which keys.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Accepts no more, and waits a short while for what is under way.
    pub async fn stop(mut self) {
        // Without a receiver there is nothing left to stop.
        let _ = self.stop.send(true);
        while self.servers.join_next().await.is_some() {}
        drop(self.hub);
        if let Some(end) = self.end {
            // A connection that hangs keeps the hub; what it was given is kept all the same.
            let _ = timeout(CLOSING, end).await;
        }
    }
}

/// The hub, empty or as it was kept.
fn hub(
    now: DateTime<Utc>,
    options: &Options,
    standings: Standings,
    state: &State,
) -> Result<(Hub, Option<Store>), EmulatorError> {
    let wanted = hub_options(options, standings, state);
    if !options.keep {
        return Ok((Hub::new(now, wanted)?, None));
    }
    let (store, kept) = Store::open(
        now,
        &options.data_dir,
        Wanted {
            partitions: options.partitions,
            usual_partitions: USUAL_PARTITIONS,
            retention_bytes: wanted.retention_bytes,
        },
    )?;
    Ok((Hub::restore(wanted, kept)?, Some(store)))
}

fn drive(
    mut hub: Hub,
    store: Option<Store>,
    clock: &Clock,
    options: &Options,
) -> Result<(HubHandle, Option<oneshot::Receiver<()>>), EmulatorError> {
    let Some(store) = store else {
        return Ok((driver::start(hub, clock.clone()), None));
    };
    // The devices that were named; whoever has read the ready line may count on them.
    let records = hub.take_records();
    let kept = store.keep(&records).map_err(io::Error::other);
    kept.map_err(FileError::of("write to", &options.data_dir))
        .map_err(StoreError::from)?;
    let started = driver::start_kept(hub, clock.clone(), Arc::new(store));
    let (hub, end) = started.map_err(|source| EmulatorError::Thread { source })?;
    Ok((hub, Some(end)))
}

fn hub_options(options: &Options, standings: Standings, state: &State) -> HubOptions {
    let rights = |name: &str| {
        let known = STANDARD_POLICIES.iter().find(|(known, _)| *known == name);
        known.map_or_else(Vec::new, |(_, rights)| rights.to_vec())
    };
    HubOptions {
        name: NAME.to_owned(),
        hosts: hosts(options),
        entity: state.entity.clone(),
        policies: state
            .policies
            .iter()
            .map(|(name, key)| Policy {
                name: name.clone(),
                key: key.clone(),
                rights: rights(name),
            })
            .collect(),
        partitions: options.partitions.unwrap_or(USUAL_PARTITIONS),
        consumer_groups: options.consumer_groups.clone(),
        routes: options.routes.clone(),
        enrichments: options.enrichments.clone(),
        retention_bytes: options.retention_bytes.unwrap_or(if options.keep {
            DEFAULT_STORED_BYTES
        } else {
            DEFAULT_RETENTION_BYTES
        }),
        retention: options.retention,
        secret: state.secret.clone(),
        token_shortening: TimeDelta::from_std(standings.early).unwrap_or(TimeDelta::MAX),
        has_storage: options.storage.account.is_some(),
        daily_quota: standings.quota,
    }
}

/// The standard's own port speaks nothing else at Azure either.
fn protocol_at(amqps: u16) -> Protocol {
    match amqps {
        AMQPS => Protocol::Amqp,
        _ => Protocol::AmqpOrWebSocket,
    }
}

fn mqtt_options(options: &Options, clock: &Clock, mischief: &Mischief) -> mqtt::options::Options {
    let mut mqtt = mqtt::options::Options::new(hosts(options), clock.clone());
    mqtt.mischief = mischief.clone();
    mqtt
}

/// Every name of the hub.
fn hosts(options: &Options) -> Vec<String> {
    let loopback = [NAME, "127.0.0.1", "[::1]"].map(str::to_owned);
    let others = options.hosts.iter().cloned();
    loopback.into_iter().chain(others).collect()
}

/// Readers are sent on to where they are already: hub and namespace share the host and the port.
fn amqp_options(
    endpoints: &Endpoints,
    clock: &Clock,
    mischief: &Mischief,
) -> amqp::options::Options {
    amqp::options::Options {
        container_id: format!("DeviceGateway_{}", Uuid::new_v4().simple()),
        redirect_host: endpoints.host.clone(),
        redirect_port: endpoints.ports.amqps,
        entity: endpoints.entity.clone(),
        clock: clock.clone(),
        limits: amqp::options::Limits::default(),
        mischief: mischief.clone(),
    }
}

/// Registers the devices, but for those that were kept, which stay as they are; returns their ids and primary keys.
fn register(
    hub: &mut Hub,
    now: DateTime<Utc>,
    devices: &[String],
) -> Result<Vec<(String, Secret)>, EmulatorError> {
    let kept: Vec<_> = devices.iter().map(|device| hub.identity(device)).collect();
    let register = |(device, kept): (&String, Option<Identity>)| {
        let registered = kept.map_or_else(|| hub.register(now, device), Ok);
        let identity = registered.map_err(|refusal| EmulatorError::Device {
            device: device.clone(),
            refusal,
        })?;
        let keys = identity.authentication.symmetric_key;
        let primary = keys.and_then(|keys| keys.primary_key).unwrap_or_default();
        Ok((identity.device_id, Secret::new(primary)))
    };
    devices.iter().zip(kept).map(register).collect()
}
