//! Standard output on a thread of its own, so that a reader who stalls stops neither the connection nor Ctrl-C, and so that
//! reading and writing share the work.
//!
//! Pages go there full and come back empty; few are under way, so memory stays bounded.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::page::Page;
use crate::command::context::output_failure;
use crate::failure::{Failure, Kind};

/// Pages that may wait to be written: enough that neither thread waits for the other's turn on a processor.
const WAITING: usize = 4;

/// How long the last of them may take when it is time to go.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// What a page or its text took beyond this is not kept for the next events.
const LARGEST_KEPT: usize = 512 << 10;

/// Standard output, on the other side of a channel.
pub(super) struct Output {
    full: mpsc::Sender<Page>,
    empty: mpsc::Receiver<Page>,
    /// How many pages were handed over.
    taken: u64,
    result: oneshot::Receiver<io::Result<()>>,
}

/// How many pages were written to their last byte; stays readable after the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Written(Arc<AtomicU64>);

impl Written {
    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// As if so many had been written.
    #[cfg(test)]
    pub(super) fn pretend(&self, count: u64) {
        self.0.store(count, Ordering::Release);
    }
}

/// Standard output takes nothing any more; [`Output::finish`] says why.
#[derive(Debug)]
pub(super) struct Closed;

impl Output {
    /// Starts the thread, on which `write_out` turns each page into text; `count` is told how many were written.
    ///
    /// # Errors
    /// [`Kind::Bug`] when the system gives none.
    pub(super) fn start(
        mut stdout: Box<dyn Write + Send>,
        mut write_out: impl FnMut(&Page, &mut Vec<u8>) + Send + 'static,
        count: Written,
    ) -> Result<Self, Failure> {
        let (full, mut to_write) = mpsc::channel::<Page>(WAITING);
        let (written, empty) = mpsc::channel(WAITING + 2);
        let (tell, result) = oneshot::channel();
        let work = move || {
            let mut text = Vec::new();
            let mut write_all = || {
                while let Some(mut page) = to_write.blocking_recv() {
                    write_out(&page, &mut text);
                    stdout.write_all(&text)?;
                    stdout.flush()?;
                    text.clear();
                    text.shrink_to(LARGEST_KEPT);
                    count.0.fetch_add(1, Ordering::Release);
                    page.clear(LARGEST_KEPT);
                    // A page that is not wanted back is dropped.
                    let _ = written.try_send(page);
                }
                Ok(())
            };
            // Nobody listens any more when the command gave up waiting.
            let _ = tell.send(write_all());
        };
        std::thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(work)
            .map_err(|error| Failure::new(Kind::Bug, "cannot start").because(&error))?;
        Ok(Self {
            full,
            empty,
            taken: 0,
            result,
        })
    }

    /// How many pages were handed over.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes all of `page` over and leaves an empty one; waits while the reader stalls. May be dropped at any time:
    /// the page is then either taken or untouched.
    ///
    /// # Errors
    /// [`Closed`].
    pub(super) async fn write(&mut self, page: &mut Page) -> Result<(), Closed> {
        if page.is_empty() {
            return Ok(());
        }
        let place = self.full.reserve().await.map_err(|_| Closed)?;
        let fresh = self.empty.try_recv().unwrap_or_default();
        place.send(std::mem::replace(page, fresh));
        self.taken += 1;
        Ok(())
    }

    /// Comes when standard output takes nothing any more.
    pub(super) async fn closed(&self) {
        self.full.closed().await;
    }

    /// Waits until all is written, but not for a reader who stalls.
    ///
    /// # Errors
    /// [`Kind::PipeClosed`] or [`Kind::Input`] where it could not be.
    pub(super) async fn finish(self) -> Result<(), Failure> {
        drop(self.full);
        match timeout(FAREWELL, self.result).await {
            Ok(Ok(Err(error))) => Err(output_failure(&error)),
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::monitor_events::page::{OddBody, Scribe};
    use crate::render::{BodyFormat, EventWriter, Format};
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn copy(page: &Page, text: &mut Vec<u8>) {
        let writer = EventWriter::new(Format::Ndjson, BodyFormat::Auto);
        Scribe::new(writer, OddBody::default()).write(page, text);
    }

    fn page(text: &str) -> Page {
        let mut page = Page::default();
        page.push_text(|out| out.extend_from_slice(text.as_bytes()));
        page
    }

    #[test]
    fn all_is_written_in_order() {
        let shared = Shared::default();
        let stdout = Box::new(shared.clone());
        let written = Written::default();
        Context::block_on(async {
            let mut output = Output::start(stdout, copy, written.clone())?;
            for number in 0..100 {
                let mut page = page(&format!("{number}\n"));
                output.write(&mut page).await.unwrap();
                assert!(page.is_empty());
            }
            assert_eq!(output.taken(), 100);
            output.finish().await?;
            assert_eq!(written.count(), 100);
            Ok(())
        })
        .unwrap();
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        assert!(text.lines().eq((0..100).map(|number| number.to_string())));
    }

    #[test]
    fn a_closed_pipe_is_noticed() {
        let end = Context::block_on(async {
            let mut output = Output::start(Box::new(Gone), copy, Written::default())?;
            output.write(&mut page("x")).await.unwrap();
            output.closed().await;
            assert!(output.write(&mut page("y")).await.is_err());
            output.finish().await
        });
        assert_eq!(end.unwrap_err().kind, Kind::PipeClosed);
    }

    use crate::command::Context;
}
