//! A run from the first lookup to the last word: tokens, workers, progress, interruption, summary and exit code.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::SendArgs;
use super::delivery::{Delivery, FirstLoss, Flow};
use super::pace::Pace;
use super::plan::{BodyTemplate, Plan};
use super::post::{Posts, Tokens};
use super::source::Source;
use super::tally::{Tally, milliseconds};
use crate::client::notice::Notice;
use crate::command::context::Clock;
use crate::command::teller::{Teller, hub_client};
use crate::config::Settings;
use crate::failure::https::explain;
use crate::failure::{Failure, Kind};

/// A run that is over sooner shows no progress bar.
const BAR_AFTER: Duration = Duration::from_secs(1);
const BAR_EVERY: Duration = Duration::from_millis(100);

/// How long an interrupted run waits for answers that are under way.
pub(in crate::command) const GRACE: Duration = Duration::from_secs(2);

/// What a run needs to know.
pub(super) struct Run<'a> {
    pub(super) args: &'a SendArgs,
    pub(super) plan: &'a Plan,
    pub(super) settings: &'a Settings,
    pub(super) clock: Clock,
    pub(super) shows_bar: bool,
}

/// How a run ended.
pub(super) struct Ended {
    tally: Tally,
    elapsed: Duration,
    first_loss: Option<FirstLoss>,
    /// The status of the last acknowledgement.
    status: u16,
    /// Ctrl-C or SIGTERM came before the end.
    interrupted: bool,
    /// The run was ended for its first loss.
    stopped: bool,
}

impl Run<'_> {
    /// Sends everything. Losses stand in what comes back.
    ///
    /// # Errors
    /// What keeps the run from beginning.
    pub(super) async fn deliver(
        &self,
        source: &Source,
        template: BodyTemplate,
        teller: &Teller<'_>,
    ) -> Result<Ended, Failure> {
        let notify = |notice: Notice<'_>| teller.tell(notice);
        let client = hub_client(&self.plan.host, self.settings, &notify)?;
        let Plan {
            host,
            device,
            opener,
            ..
        } = self.plan;
        let (device, tokens) =
            Tokens::find(opener, &client, host, device, self.clock, &notify).await?;
        let posts = Posts::new(&client, &device, &self.plan.form, tokens, self.clock)
            .map_err(|error| {
                explain(
                    self.what(),
                    &error,
                    self.plan.opener.opened_by(),
                    (self.clock)(),
                )
            })?
            .with_template(template);
        let delivery = Delivery::new(&posts, source, teller, self.flow());
        let started = Instant::now();
        let interrupted = self.drive(&delivery, source.total(), teller).await;
        let (elapsed, status) = (started.elapsed(), delivery.last_status());
        let stopped = delivery.is_stopped() && !interrupted;
        let (mut tally, first_loss) = delivery.into_outcome();
        tally.skipped = source.skipped();
        let done = source.total() == Some(tally.sent + tally.failed);
        Ok(Ended {
            tally,
            elapsed,
            first_loss,
            status,
            interrupted: interrupted && !done,
            stopped: stopped && !done,
        })
    }

    fn is_single(&self) -> bool {
        !self.args.lines && self.args.count == 1
    }

    pub(super) fn flow(&self) -> Flow {
        Flow {
            concurrency: usize::from(self.args.concurrency),
            batch: self.args.batch,
            interval: self.plan.interval,
            backoff: self.plan.backoff,
            noun: if self.args.lines { "line" } else { "message" },
            tells_losses: !self.is_single(),
        }
    }

    /// Lets the workers work; returns whether they were interrupted before they were done.
    async fn drive(
        &self,
        delivery: &Delivery<'_, '_>,
        total: Option<u64>,
        teller: &Teller<'_>,
    ) -> bool {
        let mut work = pin!(delivery.run());
        let interrupted = tokio::select! {
            () = &mut work => false,
            () = interruption() => true,
            never = self.show_progress(delivery, total, teller) => match never {},
        };
        if interrupted {
            delivery.stop();
            // It would stand still from now on, with ^C in its midst.
            teller.clear_bar();
            // Answers that are under way are waited for, but not for long, and not at a second signal.
            tokio::select! {
                () = &mut work => {}
                () = interruption() => {}
                () = tokio::time::sleep(GRACE) => {}
            }
        }
        teller.clear_bar();
        interrupted
    }

    async fn show_progress(
        &self,
        delivery: &Delivery<'_, '_>,
        total: Option<u64>,
        teller: &Teller<'_>,
    ) -> Infallible {
        if !self.shows_bar {
            return pending().await;
        }
        let started = Instant::now();
        tokio::time::sleep(BAR_AFTER).await;
        let bar = match total {
            Some(total) => {
                ProgressBar::new(total).with_style(style("{wide_bar} {pos}/{len} {msg}"))
            }
            None => ProgressBar::new_spinner()
                .with_style(style("{spinner} {pos} done, {msg}, {elapsed}")),
        }
        .with_elapsed(started.elapsed());
        teller.set_bar(bar.clone());
        loop {
            let pace = Pace {
                done: delivery.done(),
                total,
                elapsed: started.elapsed(),
                interval: self.plan.interval,
            };
            bar.set_message(pace.describe());
            bar.set_position(pace.done);
            tokio::time::sleep(BAR_EVERY).await;
        }
    }

    fn what(&self) -> String {
        format!("cannot send as {}", self.plan.device)
    }

    /// The last line for a person; a lone message that failed has its error instead.
    pub(super) fn summary(&self, ended: &Ended) -> Option<String> {
        if !self.is_single() {
            return Some(ended.tally.describe(ended.elapsed));
        }
        (ended.tally.sent == 1).then(|| {
            format!(
                "{}: {}, {}",
                self.plan.device,
                ended.status,
                milliseconds(ended.tally.latency.longest())
            )
        })
    }

    /// The same as a line of JSON.
    pub(super) fn summary_json(&self, ended: &Ended) -> String {
        let summary = ended
            .tally
            .to_json(self.plan.device.as_str(), ended.elapsed);
        format!("{summary}\n")
    }

    /// What the run comes to.
    ///
    /// # Errors
    /// Interrupted, the first loss, or an input that could not be read to its end.
    pub(super) fn judge(&self, ended: Ended, source: &Source) -> Result<(), Failure> {
        let Tally { sent, failed, .. } = ended.tally;
        if ended.interrupted {
            return Err(Failure::new(Kind::Interrupted, "interrupted")
                .because(&format!("{sent} messages were sent, the rest was not")));
        }
        if let Some(FirstLoss { name, loss }) = ended.first_loss {
            let what = if self.is_single() {
                self.what()
            } else if ended.stopped {
                format!(
                    "{}: {failed} lost, {name} first, and the rest was not sent",
                    self.what()
                )
            } else {
                format!(
                    "{failed} of {} messages were lost, {name} first",
                    sent + failed
                )
            };
            return Err(loss.into_failure(what, self.plan.opener.opened_by(), (self.clock)()));
        }
        match source.failure() {
            Some(error) => Err(Failure::new(
                Kind::Input,
                format!("cannot read the input to its end; {sent} messages were sent"),
            )
            .because(&error)),
            None => Ok(()),
        }
    }
}

/// Ctrl-C, or the wish of a service manager. Where the system cannot tell, it never comes, and ends the process by itself.
pub(in crate::command) async fn interruption() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupt.await;
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
