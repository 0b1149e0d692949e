//! How AMQP goes, and by way of which proxy.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::environment::Environment;
use crate::model::secret::Secret;

/// How AMQP goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Over TLS to AMQP's own port
    #[default]
    Amqp,
    /// Over WebSocket to HTTPS's port, by way of the proxy where the environment names one
    AmqpWs,
}

/// A proxy as the environment names it.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// The variable that names it.
    pub variable: &'static str,
    /// Its URL, which may hold a password.
    pub url: Secret,
    /// The hosts that are reached without it, as `NO_PROXY` has them.
    pub exceptions: String,
}

impl ProxyOptions {
    /// The proxy for HTTPS, where one is named: the same that the HTTP library finds.
    #[must_use]
    pub fn of(environment: &Environment) -> Option<Self> {
        let first = |names: &[&'static str]| {
            let mut found = names.iter().map(|name| (*name, environment.variable(name)));
            found.find_map(|(name, value)| Some((name, value?)))
        };
        let (variable, url) = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])?;
        let exceptions = first(&["NO_PROXY", "no_proxy"]).map_or("", |(_, value)| value);
        Some(Self {
            variable,
            url: Secret::new(url),
            exceptions: exceptions.to_owned(),
        })
    }
}
