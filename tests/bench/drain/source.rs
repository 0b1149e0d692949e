//! An event hub that is never the bottleneck: its transfers are encoded beforehand, and only the numbers in them change.
//!
//! Serves one entity without end, over TLS: SASL, `$cbs`, `$management` and links to partitions. Whoever connects is let in.
//! Each partition gives events as fast as credit and socket take them, or one at a time, as often as it is told.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Certificates;
use crate::connection::Connection;
use crate::event::Profile;

pub const ENTITY: &str = "bench";
pub const PARTITIONS: usize = 4;

/// What the source gives.
#[derive(Clone, Copy)]
pub struct Offer {
    pub profile: Profile,
    /// Events a second over all partitions; as many as are taken without it.
    pub rate: Option<u32>,
    /// None beyond this many in each partition.
    pub events: u64,
}

/// What the source has done for the connection that is being served.
#[derive(Default)]
pub struct Account {
    /// When the first event went out: microseconds since `started`.
    pub first_at: AtomicU64,
    pub sent: AtomicU64,
}

pub struct Source {
    pub port: u16,
    pub account: Arc<Account>,
    pub started: Instant,
    pub certificates: Certificates,
}

/// Starts it on a thread of its own.
pub fn start(offer: Offer) -> Source {
    let certificates = Certificates::make();
    let acceptor = TlsAcceptor::from(Arc::clone(&certificates.config));
    let (tell, port) = std::sync::mpsc::channel();
    let account = Arc::new(Account::default());
    let started = Instant::now();
    let kept = account.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (acceptor, account) = (acceptor.clone(), kept.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut connection = Connection::new(stream, offer, account, started);
                    // A client that hangs up has what it wanted.
                    let _ = connection.serve().await;
                });
            }
        });
    });
    Source {
        port: port.recv().unwrap(),
        account,
        started,
        certificates,
    }
}

/// The time, for events that say when they went out.
pub fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
}
