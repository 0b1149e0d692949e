//! Who may do what: tokens verified as the service does, over the text as it was received, and certificates.
//!
//! IoT Hub's side decodes its keys from base64, the Event Hubs namespace signs with their text; both answer under one
//! name here, so the path of a token's resource tells which of them it is for.

use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq as _;

use super::command::{Certificate, Credential, Grant, Refusal, Side};
use super::entry::Entry;
use super::options::{HubOptions, OptionsError, Policy, Right};
use super::refusal;
use super::registry::Registry;
use super::scope::Scope;
use super::sessions::ProvenBy;
use crate::model::device::{Status, Thumbprint};
use crate::protocol::sas::{self, SigningKey, Token};

/// What comes between the name and the hub in the user of SASL PLAIN.
const PLAIN_POLICY: &str = "@sas.root.";
const PLAIN_DEVICE: &str = "@sas.";

#[derive(Debug)]
struct PolicyKeys {
    policy: Policy,
    decoded: SigningKey,
    raw: SigningKey,
}

impl PolicyKeys {
    fn require(&self, right: Right) -> Result<(), Refusal> {
        if self.allows(right) {
            return Ok(());
        }
        Err(refusal::rule_denies(&self.policy.name, right.name()))
    }

    fn allows(&self, right: Right) -> bool {
        self.policy.rights.contains(&right)
    }

    fn signs(&self, side: Side, token: &Token<'_>) -> bool {
        let key = match side {
            Side::Hub => &self.decoded,
            Side::Namespace => &self.raw,
        };
        token.is_signed_by(key)
    }
}

/// The hub's names and its policies.
#[derive(Debug)]
pub(super) struct Authority {
    name: String,
    hosts: Vec<String>,
    entity: String,
    policies: Vec<PolicyKeys>,
    /// How long before their time tokens end.
    shortening: TimeDelta,
}

impl Authority {
    pub(super) fn new(options: &HubOptions) -> Result<Self, OptionsError> {
        let with_keys = |policy: &Policy| {
            let malformed = |_| OptionsError::PolicyKey {
                policy: policy.name.clone(),
            };
            Ok(PolicyKeys {
                decoded: SigningKey::decoded(&policy.key).map_err(malformed)?,
                raw: SigningKey::raw(&policy.key).map_err(malformed)?,
                policy: policy.clone(),
            })
        };
        Ok(Self {
            name: options.name.clone(),
            hosts: options.hosts.clone(),
            entity: options.entity.clone(),
            shortening: options.token_shortening,
            policies: options
                .policies
                .iter()
                .map(with_keys)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Tokens end so long before their time from now on.
    pub(super) fn shorten_tokens(&mut self, by: TimeDelta) {
        self.shortening = by;
    }

    /// A device or module that wants to `path` below the host, such as `devices/d1/messages/events`. Says how it has proven
    /// who it is, and when its token ends, in seconds since 1970.
    pub(super) fn authorize_identity(
        &self,
        registry: &Registry,
        now: DateTime<Utc>,
        credential: Option<&Credential>,
        id: (&str, Option<&str>),
        path: &str,
    ) -> Result<(ProvenBy, Option<i64>), Refusal> {
        match credential.ok_or_else(refusal::header_missing)? {
            Credential::Token(token) => {
                let (proven_by, end) =
                    self.verify_token(registry, now, token.expose(), id, path)?;
                Ok((proven_by, Some(end)))
            }
            Credential::Certificate(certificate) => {
                let (owner, entry) = self.entry(registry, id)?;
                let_in(id.0, owner)?;
                verify_certificate(now, certificate, id, entry)?;
                Ok((ProvenBy::Certificate, None))
            }
        }
    }

    /// The entries of a device and of the identity itself.
    fn entry<'r>(
        &self,
        registry: &'r Registry,
        (device, module): (&str, Option<&str>),
    ) -> Result<(&'r Entry, &'r Entry), Refusal> {
        let owner = registry.find(device, None);
        let entry = registry.find(device, module);
        owner
            .zip(entry)
            .ok_or_else(|| refusal::device_not_in_hub(&self.name, device))
    }

    fn verify_token(
        &self,
        registry: &Registry,
        now: DateTime<Utc>,
        token: &str,
        id: (&str, Option<&str>),
        path: &str,
    ) -> Result<(ProvenBy, i64), Refusal> {
        let device = id.0;
        let token = self.parse(now, token)?;
        let resource = token.resource();
        let scope = self.scope(&resource)?;
        if !sas::covers(&scope.without_scheme(), &format!("{}/{path}", scope.host)) {
            return Err(refusal::unauthorized());
        }
        let proven_by = if let Some(policy) = token.policy_name() {
            let policy = self.policy(&policy)?;
            if !policy.signs(Side::Hub, &token) {
                return Err(refusal::unauthorized());
            }
            policy.require(Right::DeviceConnect)?;
            let_in(device, self.entry(registry, id)?.0)?;
            ProvenBy::PolicyKey
        } else {
            // Without a policy's name, the scope has to be the identity's own.
            if scope.identity().is_none() {
                return Err(refusal::unauthorized());
            }
            let (owner, entry) = self.entry(registry, id)?;
            let_in(device, owner)?;
            verify_identity(&token, device, entry)?;
            ProvenBy::OwnKey
        };
        if self.entry(registry, id)?.1.has_ended(token.expiry) {
            return Err(refusal::unauthorized());
        }
        Ok((proven_by, token.expiry))
    }

    /// A request of the service's side over HTTPS; `path` is what it is about, such as `devices/d1`.
    pub(super) fn authorize_service(
        &self,
        now: DateTime<Utc>,
        token: Option<&str>,
        path: &str,
        right: Right,
    ) -> Result<(), Refusal> {
        let token = token.ok_or_else(refusal::header_missing)?;
        let token = self.parse(now, token)?;
        let resource = token.resource();
        let scope = self.scope(&resource)?;
        let policy = token.policy_name().ok_or_else(refusal::unauthorized)?;
        let policy = self.policy(&policy)?;
        let asked = format!("{}/{path}", scope.host);
        if !sas::covers(&scope.without_scheme(), &asked) || !policy.signs(Side::Hub, &token) {
            return Err(refusal::unauthorized());
        }
        policy.require(right)
    }

    /// A token shown on `$cbs`.
    pub(super) fn put_token(
        &self,
        registry: &Registry,
        now: DateTime<Utc>,
        text: &str,
    ) -> Result<Grant, Refusal> {
        let token = self.parse(now, text)?;
        let resource = token.resource();
        let scope = self.scope(&resource)?;
        let (side, may_read_events) = if let Some(name) = token.policy_name() {
            let policy = self.policy(&name)?;
            let mut sides = self.sides(&scope).iter().copied();
            let side = sides
                .find(|side| policy.signs(*side, &token))
                .ok_or_else(refusal::unauthorized)?;
            (side, policy.allows(Right::ServiceConnect))
        } else {
            self.verify_own_token(registry, &token, &scope)?;
            (Side::Hub, false)
        };
        Ok(Grant {
            side,
            scope: scope.without_scheme(),
            expires: Some(token.expiry),
            may_read_events,
        })
    }

    /// Whose spelling of the key a scope calls for. A bare `sb://{host}/` may be meant for either.
    fn sides(&self, scope: &Scope<'_>) -> &'static [Side] {
        if scope.is_below(&self.entity) {
            &[Side::Namespace]
        } else if scope.has_scheme && scope.path.is_empty() {
            &[Side::Hub, Side::Namespace]
        } else {
            &[Side::Hub]
        }
    }

    /// A token that a device or module signed for itself.
    fn verify_own_token(
        &self,
        registry: &Registry,
        token: &Token<'_>,
        scope: &Scope<'_>,
    ) -> Result<(), Refusal> {
        let (device, module) = scope.identity().ok_or_else(refusal::unauthorized)?;
        let find = |device: &str, module: Option<&str>| registry.find(device, module);
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        // The C# SDK encodes ids once more than the rest.
        let entry = find(device, module)
            .or_else(|| find(&decoded(device), module.map(decoded).as_deref()))
            .ok_or_else(|| refusal::device_not_in_hub(&self.name, device))?;
        if entry.has_ended(token.expiry) {
            return Err(refusal::unauthorized());
        }
        if let Some(owner) = module.and_then(|_| find(device, None)) {
            let_in(device, owner)?;
        }
        verify_identity(token, device, entry)
    }

    /// SASL PLAIN: a token under a policy's or device's name on the hub, a key's text on the namespace.
    pub(super) fn plain_login(
        &self,
        registry: &Registry,
        now: DateTime<Utc>,
        user: &str,
        password: &str,
    ) -> Result<Grant, Refusal> {
        if let Some((policy, hub)) = user.rsplit_once(PLAIN_POLICY) {
            let is_the_tokens = self.parse(now, password)?.policy_name().as_deref() == Some(policy);
            return self.plain_token(registry, now, password, hub, is_the_tokens);
        }
        if let Some((name, hub)) = user.rsplit_once(PLAIN_DEVICE) {
            let token = self.parse(now, password)?;
            let resource = token.resource();
            let identity = self
                .scope(&resource)?
                .identity()
                .map(|identity| match identity {
                    (device, None) => device.to_owned(),
                    (device, Some(module)) => format!("{device}/{module}"),
                });
            // A policy's token may speak for any device.
            let is_the_tokens = token.policy.is_some() || identity.as_deref() == Some(name);
            return self.plain_token(registry, now, password, hub, is_the_tokens);
        }
        let policy = self.policy(user)?;
        let key = policy.policy.key.expose().as_bytes();
        if !bool::from(key.ct_eq(password.as_bytes())) {
            return Err(refusal::unauthorized());
        }
        Ok(Grant {
            side: Side::Namespace,
            scope: self.hosts.first().cloned().unwrap_or_default(),
            expires: None,
            may_read_events: policy.allows(Right::ServiceConnect),
        })
    }

    fn plain_token(
        &self,
        registry: &Registry,
        now: DateTime<Utc>,
        token: &str,
        hub: &str,
        is_the_tokens: bool,
    ) -> Result<Grant, Refusal> {
        if !hub.eq_ignore_ascii_case(&self.name) || !is_the_tokens {
            return Err(refusal::unauthorized());
        }
        self.put_token(registry, now, token)
    }

    fn policy(&self, name: &str) -> Result<&PolicyKeys, Refusal> {
        self.policies
            .iter()
            .find(|keys| keys.policy.name == name)
            .ok_or_else(refusal::unauthorized)
    }

    /// Reads a token and looks at its expiry. Whether the service allows for a clock that is a little off is not in evidence.
    fn parse<'t>(&self, now: DateTime<Utc>, text: &'t str) -> Result<Token<'t>, Refusal> {
        let mut token = Token::parse(text).map_err(|_| refusal::unauthorized())?;
        token.expiry = token.expiry.saturating_sub(self.shortening.num_seconds());
        if now.timestamp() > token.expiry {
            return Err(refusal::unauthorized());
        }
        Ok(token)
    }

    /// Takes a resource apart; only our own hosts will do.
    fn scope<'r>(&self, resource: &'r str) -> Result<Scope<'r>, Refusal> {
        let scope = Scope::parse(resource);
        let is_ours = |host: &String| host.eq_ignore_ascii_case(scope.host);
        if self.hosts.iter().any(is_ours) {
            Ok(scope)
        } else {
            Err(refusal::unauthorized())
        }
    }
}

fn verify_identity(token: &Token<'_>, device: &str, entry: &Entry) -> Result<(), Refusal> {
    let keys = entry.signing_keys();
    if keys.is_empty() {
        return Err(refusal::wrong_authentication());
    }
    if !keys.iter().any(|key| token.is_signed_by(key)) {
        return Err(refusal::unauthorized());
    }
    let_in(device, entry)
}

/// Whether a certificate is that of a device or module. Its time counts by whichever way it is registered: "for thumbprint
/// auth, IoT Hub validates only if the certificate is not expired and if the thumbprints match" (Azure/iotedge, pull 621).
fn verify_certificate(
    now: DateTime<Utc>,
    certificate: &Certificate,
    (device, module): (&str, Option<&str>),
    entry: &Entry,
) -> Result<(), Refusal> {
    let authentication = &entry.identity.authentication;
    let valid = match authentication.kind.as_deref() {
        Some("selfSigned") => {
            let registered = authentication.x509_thumbprint.as_ref();
            let registered = registered.map_or([""; 2], hashes);
            if !registered.into_iter().any(|hash| certificate.has(hash)) {
                return Err(refusal::wrong_thumbprint(certificate, registered));
            }
            Some(&certificate.valid)
        }
        Some("certificateAuthority") if certificate.is_named(device, module) => {
            certificate.vouched.as_ref()
        }
        _ => None,
    };
    if !valid.is_some_and(|valid| valid.contains(&now.timestamp())) {
        return Err(refusal::wrong_authentication());
    }
    let_in(device, entry)
}

fn hashes(thumbprint: &Thumbprint) -> [&str; 2] {
    let both = [
        &thumbprint.primary_thumbprint,
        &thumbprint.secondary_thumbprint,
    ];
    both.map(|hash| hash.as_deref().unwrap_or_default())
}

fn let_in(device: &str, entry: &Entry) -> Result<(), Refusal> {
    match entry.status() {
        Status::Enabled => Ok(()),
        Status::Disabled => Err(refusal::device_disabled(device)),
    }
}
