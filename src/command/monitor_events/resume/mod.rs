//! `--resume` beside the stream, if it was asked for: notes what is written, and saves it without holding anything up.

mod keeper;
mod positions;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::collector::Collector;
use super::output::Written;
use super::plan::Plan;
use crate::client::event_stream::{Access, Resume};
use crate::failure::Failure;
use keeper::Keeper;

/// A file of positions, or none.
#[derive(Debug)]
pub(super) struct Resumption {
    keeper: Option<Keeper>,
    access: Access,
    /// A file that is being written.
    saving: Option<JoinHandle<Result<(), Failure>>>,
    is_warned: bool,
}

impl Resumption {
    /// Opens the file that the plan names; what to go on from.
    ///
    /// # Errors
    /// As [`Keeper::open`].
    pub(super) fn open(plan: &Plan, written: Written) -> Result<(Self, Option<Resume>), Failure> {
        let stream = &plan.stream;
        let opened = plan
            .resume
            .as_deref()
            .map(|path| Keeper::open(path, &stream.access, &stream.consumer_group, written));
        let (keeper, resume) = opened.transpose()?.unzip();
        let resumption = Self {
            keeper,
            access: stream.access.clone(),
            saving: None,
            is_warned: false,
        };
        Ok((resumption, resume.flatten()))
    }

    /// When to save next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.keeper.as_ref()?.due()
    }

    /// Notes that all that was collected was handed to standard output, in `taken` buffers so far.
    ///
    /// # Errors
    /// As [`Keeper::event_hub`].
    pub(super) fn note(
        &mut self,
        collector: &mut Collector<'_>,
        taken: u64,
    ) -> Result<(), Failure> {
        let Some(keeper) = &mut self.keeper else {
            return Ok(());
        };
        if let Some(connected) = collector.connected() {
            keeper.event_hub(&self.access, connected)?;
        }
        keeper.handed_over(collector.ledger(), taken, Instant::now());
        Ok(())
    }

    /// Begins to save what has changed.
    pub(super) async fn save(&mut self, collector: &mut Collector<'_>) {
        let Some(keeper) = &mut self.keeper else {
            return;
        };
        if let Some(saving) = &mut self.saving {
            if !saving.is_finished() {
                keeper.postpone(Instant::now());
                return;
            }
            if let Ok(Err(failure)) = saving.await
                && !std::mem::replace(&mut self.is_warned, true)
            {
                let cause = failure.cause.unwrap_or_default();
                collector.warn(&format!("warning: positions are not saved: {cause}"));
            }
            self.saving = None;
        }
        let changed = keeper.changed(collector.ledger(), Instant::now());
        self.saving = changed.map(|saving| tokio::task::spawn_blocking(|| saving.write()));
    }

    /// Saves for the last time.
    ///
    /// # Errors
    /// [`crate::failure::Kind::Input`] where the file cannot be written.
    pub(super) async fn finish(self, collector: &Collector<'_>) -> Result<(), Failure> {
        let Some(mut keeper) = self.keeper else {
            return Ok(());
        };
        if let Some(saving) = self.saving {
            // What failed then is tried again now.
            let _ = saving.await;
        }
        keeper.forget_saved();
        match keeper.changed(collector.ledger(), Instant::now()) {
            Some(saving) => saving.write(),
            None => Ok(()),
        }
    }
}
