//! Names to addresses by the system, with an error that can be told from others.

use std::error::Error;
use std::io;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error as ThisError;

/// A name that leads nowhere.
#[derive(Debug, ThisError)]
#[error("the name {name} cannot be resolved: {source}")]
pub(super) struct ResolveFailed {
    /// The name: the hub's, or the proxy's.
    pub(super) name: String,
    /// Why.
    #[source]
    pub(super) source: io::Error,
}

pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            match tokio::net::lookup_host((name.as_str(), 0)).await {
                Ok(addresses) => Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs),
                Err(source) => Err(Box::new(ResolveFailed {
                    name: name.as_str().to_owned(),
                    source,
                }) as Box<dyn Error + Send + Sync>),
            }
        })
    }
}
