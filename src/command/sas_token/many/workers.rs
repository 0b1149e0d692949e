//! The work itself: as many threads as there are processors, each with one piece of the input at a time, so that memory
//! stays the same however long the input is.

use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::chunks::{Chunks, Text};
use super::record::{RecordError, Recorder};
use super::sink::{Fault, Outcome, Sink};
use crate::failure::{Failure, Kind};
use crate::model::key_list::Form;

/// What the threads share.
struct Shared<'a> {
    chunks: Mutex<Chunks>,
    sink: Mutex<Sink<'a>>,
    /// Told when the sink waits for another piece.
    turned: Condvar,
    form: Form,
    is_strict: bool,
}

/// Reads the input to its end and gives the sink what comes of it, in order.
pub(super) fn work(
    chunks: Chunks,
    form: Form,
    sink: Sink<'_>,
    jobs: usize,
    recorder: impl Fn() -> Recorder + Sync,
) -> Sink<'_> {
    let shared = Shared {
        chunks: Mutex::new(chunks),
        is_strict: sink.is_strict,
        sink: Mutex::new(sink),
        turned: Condvar::new(),
        form,
    };
    thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(|| serve(&shared, recorder()));
        }
        serve(&shared, recorder());
    });
    shared
        .sink
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

/// As many threads as there are processors for this process.
pub(super) fn usual_jobs() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(shared: &Shared<'_>, mut recorder: Recorder) {
    let mut text = Text::default();
    let mut records = Vec::new();
    loop {
        // Its own statement, so that the lock is given back at its end.
        let next = lock(&shared.chunks).next(&mut text);
        let Some((number, filled)) = next else {
            return;
        };
        records.clear();
        let outcome = match &filled {
            Ok(()) => shared.convert(number, &text, &mut recorder, &mut records),
            Err(_) => Outcome::default(),
        };
        let mut sink = lock(&shared.sink);
        while sink.turn != number && sink.end.is_none() {
            sink = shared
                .turned
                .wait(sink)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if sink.end.is_none() {
            sink.take(&records, &outcome);
        }
        if let (Err(error), None) = (&filled, &sink.end) {
            sink.end = Some(Failure::new(Kind::Input, "cannot read the list").because(error));
        }
        let is_over = sink.end.is_some();
        drop(sink);
        shared.turned.notify_all();
        if is_over {
            return;
        }
    }
}

impl Shared<'_> {
    /// Makes the records of one piece.
    fn convert(
        &self,
        number: u64,
        text: &[u8],
        recorder: &mut Recorder,
        records: &mut Vec<u8>,
    ) -> Outcome {
        let mut outcome = Outcome {
            bytes: text.len() as u64,
            ..Outcome::default()
        };
        // What is no UTF-8 becomes a character that no id and no key may hold.
        let text = String::from_utf8_lossy(text);
        let mut awaits_header = number == 0 && self.form.has_header();
        for line in text.split_inclusive('\n') {
            outcome.lines += 1;
            if awaits_header && !line.trim_ascii().is_empty() {
                awaits_header = false;
                continue;
            }
            let written = match self.form.read(line) {
                Ok(None) => continue,
                Ok(Some(entry)) => recorder.write(&entry, records),
                Err(error) => Err(RecordError::Line(error)),
            };
            match written {
                Ok(()) => outcome.made += 1,
                Err(error) => {
                    outcome.faults.push(Fault {
                        line: outcome.lines,
                        why: error.to_string(),
                    });
                    if self.is_strict {
                        break;
                    }
                }
            }
        }
        outcome
    }
}
