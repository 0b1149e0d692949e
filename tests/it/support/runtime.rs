//! Runtimes for tests that are no asynchronous functions themselves.

use tokio::runtime::{Builder, Runtime};

/// One that goes on only while it is waited for.
pub fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// One with so many threads, whose tasks go on by themselves.
pub fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}
