//! The way to the event hub: the hub and its redirect, the namespace, the token, the partitions.

use super::error::{At as _, Stage, StreamError};
use super::notice::{Notice, Way};
use super::plan::{Access, Plan, Transport};
use crate::client::amqp::cbs::{Grant, put_token};
use crate::client::amqp::connection::Duplex;
use crate::client::amqp::request::RequestLinks;
use crate::client::amqp::{Connection, ConnectionError, Timing, management, redirect};
use crate::client::dial::{dial_tcp, dial_tls};
use crate::client::https::HTTPS_PORT;
use crate::client::websocket;
use crate::model::connection_string::EventHubCredential;
use crate::model::secret::Secret;
use crate::protocol::amqp::address;
use crate::protocol::amqp::management::PartitionProperties;
use crate::protocol::sas::{self, SigningKey};
use crate::protocol::websocket::{HUB_PATH, NAMESPACE_PATH};

/// The channel of the links to `$cbs`.
pub const CBS_CHANNEL: u16 = 0;
const SECOND_CHANNEL: u16 = 1;

/// The first channel that nothing here uses.
pub const FIRST_FREE_CHANNEL: u16 = 2;

/// The event hub, as it was found.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The namespace's name.
    pub host: String,
    port: u16,
    /// The event hub's name.
    pub entity: String,
    credential: EventHubCredential,
    encrypted: bool,
}

impl Endpoint {
    /// A token for the event hub, and what it opens. Its key is used as text.
    ///
    /// # Errors
    /// [`StreamError::Key`].
    pub fn grant(&self, plan: &Plan) -> Result<Grant, StreamError> {
        let audience = format!("sb://{}/{}", self.host, self.entity);
        let token = match &self.credential {
            EventHubCredential::Token(token) => token.clone(),
            EventHubCredential::Key { policy, key } => {
                let key = SigningKey::raw(key).map_err(|source| StreamError::Key { source })?;
                sas::mint(&key, &audience, expiry(plan), Some(policy))
            }
        };
        Ok(Grant { audience, token })
    }

    /// Whether a token can be made anew before it expires.
    #[must_use]
    pub fn can_renew(&self) -> bool {
        matches!(self.credential, EventHubCredential::Key { .. })
    }
}

/// What tokens are made and put with.
#[derive(Debug)]
pub struct Means<'o> {
    /// The links to `$cbs`.
    pub cbs: &'o mut RequestLinks,
    /// What they open.
    pub endpoint: &'o Endpoint,
    /// This side's name on the connection.
    pub container: &'o str,
}

/// A connection to the event hub, opened by a token.
#[derive(Debug)]
pub struct Opened {
    /// The connection.
    pub connection: Connection,
    /// The links to `$cbs`, for the tokens to come.
    pub cbs: RequestLinks,
    /// Where it leads.
    pub endpoint: Endpoint,
    /// This side's name on it.
    pub container: String,
}

impl Opened {
    /// The connection, and what tokens are put with on it.
    pub fn parts(&mut self) -> (&mut Connection, Means<'_>) {
        let means = Means {
            cbs: &mut self.cbs,
            endpoint: &self.endpoint,
            container: &self.container,
        };
        (&mut self.connection, means)
    }
}

/// Finds the event hub and opens it.
///
/// # Errors
/// [`StreamError`] tells at which stage it failed.
pub async fn open(plan: &Plan, notify: &mut dyn FnMut(Notice)) -> Result<Opened, StreamError> {
    let endpoint = match &plan.access {
        Access::Hub {
            host,
            port,
            policy,
            key,
        } => follow_redirect(plan, (host, *port), (policy, key), notify).await?,
        Access::EventHub {
            host,
            port,
            entity,
            credential,
            encrypted,
        } => Endpoint {
            host: host.clone(),
            port: *port,
            entity: entity.clone(),
            credential: credential.clone(),
            encrypted: *encrypted,
        },
    };
    let grant = endpoint.grant(plan)?;
    let container = container();
    let destination = Destination {
        host: &endpoint.host,
        port: endpoint.port,
        encrypted: endpoint.encrypted,
        path: NAMESPACE_PATH,
    };
    let mut connection = connect(plan, &destination, &container)
        .await
        .at(Stage::Namespace)?;
    let cbs = authorize(&mut connection, &grant, &container)
        .await
        .at(Stage::NamespaceToken)?;
    notify(connected(plan, &destination));
    Ok(Opened {
        connection,
        cbs,
        endpoint,
        container,
    })
}

async fn follow_redirect(
    plan: &Plan,
    (host, port): (&str, u16),
    (policy, key): (&str, &Secret),
    notify: &mut dyn FnMut(Notice),
) -> Result<Endpoint, StreamError> {
    let signing = SigningKey::decoded(key).map_err(|source| StreamError::Key { source })?;
    let grant = Grant {
        audience: host.to_owned(),
        token: sas::mint(&signing, host, expiry(plan), Some(policy)),
    };
    let container = container();
    let destination = Destination {
        host,
        port,
        encrypted: true,
        path: HUB_PATH,
    };
    let mut connection = connect(plan, &destination, &container)
        .await
        .at(Stage::Hub)?;
    authorize(&mut connection, &grant, &container)
        .await
        .at(Stage::HubToken)?;
    notify(connected(plan, &destination));
    let found = redirect::ask(&mut connection, SECOND_CHANNEL, host)
        .await
        .at(Stage::Redirect)?;
    // Nobody waits for the farewell: the hub's connection has done its work.
    tokio::spawn(connection.close());
    let port = match &plan.transport {
        Transport::Amqp => found.port,
        // A redirect names AMQP's port alone. A hub that redirects to itself is a local one, with one port for HTTPS.
        Transport::WebSocket(_) if found.hostname.eq_ignore_ascii_case(host) => port,
        Transport::WebSocket(_) => HTTPS_PORT,
    };
    notify(Notice::Redirected {
        host: found.hostname.clone(),
        port,
        entity: found.entity.clone(),
    });
    Ok(Endpoint {
        host: found.hostname,
        port,
        entity: found.entity,
        credential: EventHubCredential::Key {
            policy: policy.to_owned(),
            key: key.clone(),
        },
        encrypted: true,
    })
}

/// Where a connection leads.
struct Destination<'a> {
    host: &'a str,
    port: u16,
    encrypted: bool,
    /// For a WebSocket.
    path: &'static str,
}

fn connected(plan: &Plan, destination: &Destination<'_>) -> Notice {
    let &Destination { host, port, .. } = destination;
    Notice::Connected {
        host: host.to_owned(),
        port,
        way: match &plan.transport {
            Transport::Amqp => Way::Direct,
            Transport::WebSocket(proxies) => match proxies.on_the_way(host, port) {
                Ok(Some(proxy)) => Way::Proxy(proxy.to_string()),
                Ok(None) | Err(_) => Way::WebSocket,
            },
        },
    }
}

async fn connect(
    plan: &Plan,
    destination: &Destination<'_>,
    container: &str,
) -> Result<Connection, ConnectionError> {
    let &Destination {
        host, port, path, ..
    } = destination;
    let stream: Box<dyn Duplex> = match &plan.transport {
        Transport::WebSocket(proxies) => {
            Box::new(websocket::open((host, port, path), &plan.tls, proxies, plan.limit).await?)
        }
        Transport::Amqp if destination.encrypted => {
            Box::new(dial_tls(host, port, plan.tls.clone(), plan.limit).await?)
        }
        Transport::Amqp => Box::new(dial_tcp(host, port, plan.limit).await?),
    };
    let timing = Timing {
        limit: plan.limit,
        idle_time_out: plan.patience.idle_time_out,
    };
    Connection::open(stream, host, container, timing, plan.tracer.clone()).await
}

async fn authorize(
    connection: &mut Connection,
    grant: &Grant,
    container: &str,
) -> Result<RequestLinks, ConnectionError> {
    let mut cbs = RequestLinks::open(connection, CBS_CHANNEL, address::CBS, container).await?;
    put_token(connection, &mut cbs, grant).await?;
    Ok(cbs)
}

/// What the event hub says of itself.
#[derive(Debug)]
pub struct Found {
    /// When it was made: milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// The partitions that were asked for, or all; with what it says of each.
    pub partitions: Vec<(String, PartitionProperties)>,
}

/// Asks the event hub for its partitions.
///
/// # Errors
/// [`StreamError::NoSuchPartition`], or what the event hub answers.
pub async fn find_partitions(plan: &Plan, opened: &mut Opened) -> Result<Found, StreamError> {
    let connection = &mut opened.connection;
    let entity = &opened.endpoint.entity;
    let mut links = RequestLinks::open(
        connection,
        SECOND_CHANNEL,
        address::MANAGEMENT,
        &opened.container,
    )
    .await
    .at(Stage::Management)?;
    let event_hub = management::read_event_hub(connection, &mut links, entity)
        .await
        .at(Stage::Management)?;
    let known = event_hub.partition_ids;
    let asked = &plan.partitions;
    if let Some(asked) = asked.iter().find(|asked| !known.contains(asked)) {
        return Err(StreamError::NoSuchPartition {
            asked: asked.clone(),
            known,
        });
    }
    let ids: Vec<String> = known
        .into_iter()
        .filter(|id| asked.is_empty() || asked.contains(id))
        .collect();
    let logs = management::read_partitions(connection, &mut links, entity, &ids);
    let logs = logs.await.at(Stage::Management)?;
    links.end(connection).await.at(Stage::Management)?;
    Ok(Found {
        created_at_ms: event_hub.created_at_ms,
        partitions: ids.into_iter().zip(logs).collect(),
    })
}

/// A name that no other connection has.
fn container() -> String {
    format!("hubctl-{}", uuid::Uuid::new_v4().simple())
}

fn expiry(plan: &Plan) -> i64 {
    let lifetime = i64::try_from(plan.patience.token_lifetime.as_secs()).unwrap_or(i64::MAX);
    // The second that has begun counts in full: a token never lives shorter than what its renewal goes by.
    (plan.clock)()
        .timestamp()
        .saturating_add(lifetime)
        .saturating_add(1)
}
