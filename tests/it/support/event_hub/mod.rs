//! An event hub of the test's own: what it holds follows from numbers, what goes wrong from a script, and it notes what
//! the client did that it was not allowed to. Written with hubctl's own codec, which golden bytes and other tests judge.
//!
//! | module | what it knows |
//! |---|---|
//! | [`log`] | what the partitions hold |
//! | [`script`] | what goes wrong, and when |
//! | [`conduct`] | what the client did |
//! | [`wire`] | bytes and frames |
//! | [`serve`], [`session`], [`play`] | a connection, its sessions, what is sent and what goes wrong |
//! | [`node`], [`partition`] | `$cbs` and `$management`, links to partitions |

pub mod conduct;
pub mod log;
pub mod node;
pub mod partition;
pub mod play;
pub mod script;
pub mod serve;
pub mod session;
pub mod wire;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::{Notify, oneshot};

pub use conduct::Conduct;
pub use log::{ENTITY, Log};
pub use script::{Cue, Fault, Script};

use super::certificates::Certificates;
use super::hostile::KEY;
use super::runner::{Hubctl, LIMIT};
use super::runtime::current_thread;

/// How the hub behaves all the time.
#[derive(Debug, Clone)]
pub struct Manners {
    /// The largest frame that it says it takes.
    pub max_frame_size: u32,
    /// What it asks the client to send something within, in milliseconds.
    pub idle_time_out: u32,
    /// Transfers that it takes at once in a session.
    pub session_window: u32,
    /// Requests that its nodes take at once.
    pub node_credit: u32,
    /// Whether events are settled as the client wants it.
    pub is_settled: bool,
    /// Where the frames of an event are cut, over and over; as late as the client allows where there are none.
    pub cuts: &'static [usize],
    /// One event of each partition in this time; as fast as can be without it.
    pub pace: Option<Duration>,
    /// Whether links are detached when the token has expired.
    pub expires: bool,
    /// Whether it closes the connection when the client has not sent anything for that long.
    pub closes_idle: bool,
    /// Whether a token is refused where one is there already.
    pub refuses_renewals: bool,
    /// When it was made: milliseconds since 1970.
    pub created_at_ms: i64,
    /// What it says over HTTPS that the date is; without it, it speaks AMQP alone.
    pub date: Option<String>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            max_frame_size: 65_536,
            idle_time_out: 240_000,
            session_window: 5_000,
            node_credit: 100,
            is_settled: true,
            cuts: &[],
            pace: None,
            expires: false,
            closes_idle: false,
            refuses_renewals: false,
            created_at_ms: 1_700_000_000_000,
            date: None,
        }
    }
}

/// What a hub is started with.
#[derive(Debug)]
pub struct Setup {
    /// What its partitions hold.
    pub logs: Vec<Log>,
    /// What goes wrong.
    pub script: Script,
    /// How it behaves.
    pub manners: Manners,
    /// Where `messages/events` is redirected to, one after the other; the last goes on for ever.
    pub redirects: VecDeque<(String, u16)>,
}

impl Setup {
    /// A hub that holds so much, with what goes wrong.
    pub fn new(logs: Vec<Log>, script: Script) -> Self {
        Self {
            logs,
            script,
            manners: Manners::default(),
            redirects: VecDeque::new(),
        }
    }

    /// Starts it without TLS.
    pub fn start(self) -> EventHub {
        EventHub::start(self, None)
    }
}

/// What all connections share.
pub struct State {
    pub setup: Setup,
    pub conduct: Conduct,
    /// The next tokens are refused by these.
    pub tokens: VecDeque<u16>,
    /// The next links to each partition are refused by these.
    pub refusals: Vec<VecDeque<&'static str>>,
}

/// A running event hub; ends with the test.
pub struct EventHub {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

/// What connections and the test share.
pub struct Shared {
    state: Mutex<State>,
    /// There is something new in a log.
    pub grown: Notify,
    /// A connection has ended.
    pub ended: Condvar,
}

impl Shared {
    /// The state, for a moment.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl EventHub {
    /// Starts one; over TLS if there are certificates.
    pub fn start(setup: Setup, certificates: Option<&Certificates>) -> Self {
        let tls = certificates.map(|certificates| Arc::clone(&certificates.config));
        let partitions = setup.logs.len();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                setup,
                conduct: Conduct::new(partitions),
                tokens: VecDeque::new(),
                refusals: vec![VecDeque::new(); partitions],
            }),
            grown: Notify::new(),
            ended: Condvar::new(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || listen(listener, tls.as_ref(), &serving, stopped));
        Self {
            port,
            shared,
            stop: Some(stop),
        }
    }

    /// Its connection string for readers.
    pub fn connection_string(&self) -> String {
        format!(
            "Endpoint=sb://localhost:{};SharedAccessKeyName=p;SharedAccessKey={KEY};EntityPath={ENTITY};\
             UseDevelopmentEmulator=true",
            self.port
        )
    }

    /// `monitor-events` on all that it holds, as NDJSON.
    pub fn reader(&self, arguments: &[&str]) -> Hubctl {
        let string = self.connection_string();
        Hubctl::new(&["monitor-events", "-f", "ndjson", "-l", &string]).args(arguments)
    }

    /// The next link to a partition is refused.
    pub fn refuse(&self, partition: usize, condition: &'static str) {
        self.shared.state().refusals[partition].push_back(condition);
    }

    /// The next token is refused.
    pub fn refuse_token(&self, status: u16) {
        self.shared.state().tokens.push_back(status);
    }

    /// So many events are new in a partition.
    pub fn enqueue(&self, partition: usize, count: i64) {
        self.shared.state().setup.logs[partition].end += count;
        self.shared.grown.notify_waiters();
    }

    /// Waits until so many connections have ended.
    pub fn wait_for_ends(&self, count: usize) {
        let state = self.shared.state();
        let too_few = |state: &mut State| state.conduct.ended < count;
        let waited = self.shared.ended.wait_timeout_while(state, LIMIT, too_few);
        assert!(!waited.unwrap().1.timed_out(), "no connection ended");
    }

    /// Holds what happened against what is allowed.
    pub fn check(&self) {
        drop(self.conduct());
    }

    /// What happened, held against what is allowed.
    pub fn conduct(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state();
        assert_eq!(state.conduct.violations, [""; 0]);
        assert_eq!(state.setup.script.left(), 0, "not everything went wrong");
        state
    }
}

impl Drop for EventHub {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

fn listen(
    listener: std::net::TcpListener,
    tls: Option<&Arc<ServerConfig>>,
    shared: &Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = current_thread();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let accept = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (tls, shared) = (tls.cloned(), Arc::clone(shared));
                let noting = Arc::clone(&shared);
                // A client that goes away in the middle has had enough.
                let serving = tokio::spawn(serve::serve(stream, tls, shared));
                tokio::spawn(async move {
                    if let Err(error) = serving.await {
                        let violation = format!("the hub itself failed: {error}");
                        noting.state().conduct.violations.push(violation);
                    }
                });
            }
        };
        tokio::select! {
            () = accept => {}
            _ = stopped => {}
        }
    });
}
