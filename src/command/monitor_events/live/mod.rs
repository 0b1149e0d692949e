//! What is shown of the stream beside its events, or instead of them: the table of `--stats`, the chart of `--plot`, and
//! how far a recording has come.
//!
//! | module | what it knows |
//! |---|---|
//! | [`window`], [`stats`], [`plot`] | what is counted and kept; pure, the time is passed in |
//! | [`table`], [`chart`], [`figures`] | how that is drawn in the room that there is; pure |
//! | [`screen`] | the place of a terminal where it is drawn again and again |

mod chart;
mod figures;
mod plot;
mod screen;
mod stats;
mod table;
mod window;

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) use self::plot::Field;
use self::plot::Plot;
use self::screen::{Screen, Surface, View};
use self::stats::Stats;
use crate::command::Context;
use crate::command::context::Clock;
use crate::failure::Failure;
use crate::failure::mask::mask;
use crate::protocol::amqp::event::Event;
use crate::render::cells::{self, Line};
use crate::render::decode::BodyReader;
use crate::render::field;

/// What is to be shown live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// The table; `shows_events` says that events are shown all the same.
    Stats { shows_events: bool },
    /// The chart of these fields.
    Plot(Vec<Field>),
    /// How far a recording has come.
    Progress,
}

/// What is kept of the stream.
#[derive(Debug)]
enum Model {
    Stats(Stats),
    Progress(Stats),
    Plot(Plot),
}

/// What is shown of the stream as it comes.
pub(super) struct Live {
    model: Arc<Mutex<Model>>,
    started: Instant,
    clock: Clock,
    hides_events: bool,
    /// Values go to standard output.
    writes_values: bool,
    screen: Screen,
    bodies: BodyReader,
}

impl Live {
    /// Begins to show it. Where events or values go to the same terminal, that is left to them, and a line told now and
    /// then.
    ///
    /// # Errors
    /// [`crate::failure::Kind::Bug`] when the system gives no thread.
    pub(super) fn start(wish: Option<Wish>, context: &Context) -> Result<Option<Self>, Failure> {
        let Some(wish) = wish.filter(|wish| !context.quiet || *wish != Wish::Progress) else {
            return Ok(None);
        };
        let (model, hides_events, writes_values) = match &wish {
            Wish::Stats { shows_events } => {
                let hides = context.terminals.stdout && !shows_events;
                (Model::Stats(Stats::default()), hides, false)
            }
            Wish::Progress => (Model::Progress(Stats::default()), false, false),
            Wish::Plot(fields) => {
                let is_watched = context.terminals.stdout && context.terminals.stderr;
                (Model::Plot(Plot::new(fields)), true, !is_watched)
            }
        };
        let writes_to_terminal = match wish {
            Wish::Progress => false,
            Wish::Stats { .. } | Wish::Plot(_) => {
                context.terminals.stdout && (writes_values || !hides_events)
            }
        };
        let model = Arc::new(Mutex::new(model));
        let started = Instant::now();
        let shown = Shown {
            model: Arc::clone(&model),
            started,
            in_colour: context.colours.stderr,
        };
        let terminal = Terminal {
            // A trace is told straight from the connection, and would tear what is drawn.
            is_drawn_on: context.terminals.stderr && !writes_to_terminal && !context.trace,
        };
        Ok(Some(Self {
            model,
            started,
            clock: context.clock,
            hides_events,
            writes_values,
            screen: Screen::start(shown, terminal)?,
            bodies: BodyReader::default(),
        }))
    }

    /// Whether events themselves are not shown.
    pub(super) fn hides_events(&self) -> bool {
        self.hides_events
    }

    /// Sees every event of a partition, those that are not wanted as well.
    pub(super) fn follow(&mut self, partition: &str, event: &Event<'_>) {
        match &mut *self.model.lock().unwrap_or_else(PoisonError::into_inner) {
            Model::Stats(stats) | Model::Progress(stats) => {
                stats.follow(partition, event.sequence_number.0);
            }
            Model::Plot(_) => {}
        }
    }

    /// Takes an event of a partition that is wanted, and appends what standard output is to have of it.
    pub(super) fn take(&mut self, partition: &str, event: &Event<'_>, out: &mut Vec<u8>) {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *model {
            Model::Stats(stats) | Model::Progress(stats) => {
                let now = (self.clock)().timestamp_millis();
                stats.count(&stats::sample(event, now), self.started.elapsed());
            }
            Model::Plot(plot) => {
                let view = field::View {
                    partition,
                    event,
                    body: self.bodies.read(&event.message.body),
                };
                plot.take(&view, self.writes_values.then_some(out));
            }
        }
    }

    /// Tells a line.
    pub(super) fn tell(&self, text: &str) {
        self.screen.tell(&mask(text));
    }

    /// Shows it for the last time, and leaves it there.
    pub(super) fn finish(self) {
        if let Model::Plot(plot) = &mut *self.model.lock().unwrap_or_else(PoisonError::into_inner) {
            plot.conclude();
        }
        self.screen.finish();
    }
}

/// The model as the screen's thread sees it.
struct Shown {
    model: Arc<Mutex<Model>>,
    started: Instant,
    in_colour: bool,
}

impl Shown {
    fn look<T>(&self, look: impl FnOnce(&mut Model, Duration) -> T) -> T {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut model, self.started.elapsed())
    }
}

impl View for Shown {
    fn draw(&mut self, columns: u16, rows: u16) -> Vec<Line> {
        let drawing = self.look(|model, at| match model {
            Model::Stats(stats) => table::draw(stats, at, columns, rows),
            Model::Plot(plot) => chart::draw(plot, columns, rows),
            Model::Progress(stats) => table::draw_line(&table::progress(stats, at), columns, rows),
        });
        cells::lines(&drawing, self.in_colour)
    }

    fn summary(&mut self) -> Option<String> {
        self.look(|model, at| match model {
            Model::Stats(stats) => Some(table::summary(stats, at)),
            Model::Progress(stats) => Some(table::progress(stats, at)),
            Model::Plot(_) => None,
        })
    }

    fn words(&mut self) -> Vec<String> {
        self.look(|model, _| match model {
            Model::Plot(plot) => plot.words(),
            Model::Stats(_) | Model::Progress(_) => Vec::new(),
        })
    }
}

/// Standard error.
struct Terminal {
    is_drawn_on: bool,
}

impl Surface for Terminal {
    fn size(&self) -> Option<(u16, u16)> {
        if !self.is_drawn_on {
            return None;
        }
        let (rows, columns) = console::Term::stderr().size();
        Some((columns, rows))
    }

    fn write(&mut self, text: &str) {
        // Beside the context's own, which the stream's notices hold; with stderr gone there is nobody left to show it to.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
