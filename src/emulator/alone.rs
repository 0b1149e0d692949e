//! A hub without ports: connections come from elsewhere, one by one, and what they bring may be anything.

use std::future::pending;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::clock::Clock;
use super::connections::Connections;
use super::desk::Desk;
use super::driver::HubHandle;
use super::endpoint::Endpoints;
use super::fault::{Mischief, Wire};
use super::transfer::Dock;
use super::ui::Ui;
use super::{admin, https, storage};
use crate::protocol::sas::KeyError;

/// Its servers of HTTP. There is no storage, and nothing goes wrong but what is ordered.
#[derive(Debug)]
pub struct Alone {
    desk: Desk,
    ui: Ui,
    /// As long as it is there, the page goes on.
    _stop: watch::Sender<bool>,
}

impl Alone {
    /// For a hub that would be found there.
    ///
    /// # Errors
    ///
    /// None where no storage is named.
    pub fn new(hub: HubHandle, clock: Clock, endpoints: &Endpoints) -> Result<Self, KeyError> {
        let (dock, _orders) = Dock::open(&storage::Options::default())?;
        let (stop, stopped) = watch::channel(false);
        let ui = Ui::new(
            vec![endpoints.host.clone()],
            endpoints,
            hub.clone(),
            stopped,
        );
        let (mischief, connections) = (Mischief::default(), Connections::default());
        let desk = Desk::new(clock, mischief, connections, hub, Arc::new(dock));
        Ok(Self {
            desk,
            ui,
            _stop: stop,
        })
    }

    /// Serves a connection of the REST interface and the page until it ends, or becomes a WebSocket.
    pub async fn serve_https<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut seat = self.desk.connections.enter(Wire::Https);
        let serving =
            https::serve_connection(stream, &self.desk, Some(&self.ui), &mut seat, pending());
        // What is said over a WebSocket is for other servers.
        let _ = serving.await;
    }

    /// Serves a connection of the admin port until it ends.
    pub async fn serve_admin<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        admin::serve_connection(stream, &self.desk, pending()).await;
    }
}
