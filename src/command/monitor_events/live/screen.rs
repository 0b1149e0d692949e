//! A view that is drawn again and again in the same place of a terminal, below what was told there; elsewhere a line now
//! and then. On a thread of its own, so that a terminal that stalls stops nothing.
//!
//! The terminal is asked for nothing but its size and left in its usual mode, cursor and all: there is nothing to be
//! put right at the end, whatever that end is.

use std::fmt::Write as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::failure::{Failure, Kind};
use crate::render::cells::Line;

/// How often the view is drawn on a terminal.
const REDRAWN_EVERY: Duration = Duration::from_millis(250);

/// How often a line is told where there is none.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// How long a terminal that stalls is waited for at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is shown.
pub(super) trait View: Send + 'static {
    /// The view, in so many columns and at most so many rows.
    fn draw(&mut self, columns: u16, rows: u16) -> Vec<Line>;

    /// The view in one line, where it is worth one.
    fn summary(&mut self) -> Option<String>;

    /// What is to be told once.
    fn words(&mut self) -> Vec<String>;
}

/// Where it is shown.
pub(super) trait Surface: Send + 'static {
    /// Columns and rows of a terminal that can be drawn on.
    fn size(&self) -> Option<(u16, u16)>;

    /// Writes text.
    fn write(&mut self, text: &str);
}

enum Said {
    Line(String),
    End,
}

/// A view on its thread.
pub(super) struct Screen {
    said: mpsc::Sender<Said>,
    done: mpsc::Receiver<()>,
}

impl Screen {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Kind::Bug`] when the system gives none.
    pub(super) fn start(view: impl View, surface: impl Surface) -> Result<Self, Failure> {
        let (said, heard) = mpsc::channel();
        let (is_done, done) = mpsc::channel();
        let work = move || {
            show(view, surface, &heard);
            // Nobody waits any more when this took too long.
            let _ = is_done.send(());
        };
        thread::Builder::new()
            .name("screen".to_owned())
            .spawn(work)
            .map_err(|error| Failure::new(Kind::Bug, "cannot start").because(&error))?;
        Ok(Self { said, done })
    }

    /// Tells a line above the view.
    pub(super) fn tell(&self, text: &str) {
        // The thread lives for as long as this does.
        let _ = self.said.send(Said::Line(text.to_owned()));
    }

    /// Shows the view for the last time, and leaves it there.
    pub(super) fn finish(self) {
        let _ = self.said.send(Said::End);
        let _ = self.done.recv_timeout(FAREWELL);
    }
}

fn show(mut view: impl View, mut surface: impl Surface, heard: &mpsc::Receiver<Said>) {
    let mut frame = Frame::default();
    loop {
        let pause = if surface.size().is_some() {
            REDRAWN_EVERY
        } else {
            TOLD_EVERY
        };
        let said = match heard.recv_timeout(pause) {
            Ok(said) => Some(said),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Said::End),
        };
        let is_over = matches!(said, Some(Said::End));
        let is_due = said.is_none() || is_over;
        let mut words = view.words();
        if let Some(Said::Line(line)) = said {
            words.insert(0, line);
        }
        let text = if let Some((columns, rows)) = surface.size() {
            // What is written in the last column or row moves all the rest; the last word and the shell's prompt have a
            // row each as well, where there are enough.
            let free = if rows > 10 { 3 } else { 1 };
            let (columns, rows) = (columns.saturating_sub(1), rows.saturating_sub(free));
            let drawing = view.draw(columns, rows);
            frame.is_stale |= is_over;
            frame.paint(&words, drawing, columns)
        } else {
            if is_due {
                words.extend(view.summary());
            }
            words
                .into_iter()
                .fold(String::new(), |text, line| text + &line + "\n")
        };
        if !text.is_empty() {
            surface.write(&text);
        }
        if is_over {
            return;
        }
    }
}

/// What stands on the terminal right above the cursor.
#[derive(Debug, Default)]
struct Frame {
    drawn: Vec<Line>,
    columns: u16,
    /// Something else may stand there, such as the ^C of a terminal.
    is_stale: bool,
}

impl Frame {
    /// What has to be written so that `words` stand there and `drawing` below them, in the place of what was drawn before.
    fn paint(&mut self, words: &[String], drawing: Vec<Line>, columns: u16) -> String {
        let is_same = drawing == self.drawn && columns == self.columns;
        if words.is_empty() && is_same && !self.is_stale {
            return String::new();
        }
        self.is_stale = false;
        // Terminals that know it show all of it at once; others pass over it.
        let mut text = "\x1b[?2026h\r".to_owned();
        let up = self.rows(columns);
        if up > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "\x1b[{up}A");
        }
        if !words.is_empty() || columns != self.columns {
            text.push_str("\x1b[J");
        }
        for line in words {
            let _ = write!(text, "{line}\r\n");
        }
        for line in &drawing {
            let _ = write!(text, "{}\x1b[K\r\n", line.text);
        }
        text.push_str("\x1b[J\x1b[?2026l");
        (self.drawn, self.columns) = (drawing, columns);
        text
    }

    /// How many rows of a terminal this wide it takes: lines that are too long now were wrapped by it.
    fn rows(&self, columns: u16) -> usize {
        let columns = usize::from(columns) + 1;
        let rows = self
            .drawn
            .iter()
            .map(|line| line.columns.div_ceil(columns).max(1));
        rows.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn line(text: &str) -> Line {
        Line {
            text: text.to_owned(),
            columns: text.len(),
        }
    }

    #[test]
    fn what_was_drawn_is_drawn_over_and_words_stay() {
        let mut terminal = vt100::Parser::new(8, 20, 0);
        let mut frame = Frame::default();
        terminal.process(b"$ command\r\n");
        for (words, drawing) in [
            (vec!["one".to_owned()], vec![line("a: 1"), line("b: 1")]),
            (vec![], vec![line("a: 22"), line("b: 2"), line("c: 1")]),
            (vec!["two".to_owned()], vec![line("a: 3")]),
        ] {
            terminal.process(frame.paint(&words, drawing, 19).as_bytes());
        }
        let shown = terminal.screen().contents();
        assert_eq!(shown.trim_end(), "$ command\none\ntwo\na: 3");
        assert_eq!(frame.paint(&[], vec![line("a: 3")], 19), "");
    }

    #[test]
    fn the_rows_of_wrapped_lines_are_counted() {
        let frame = Frame {
            drawn: vec![line("0123456789"), line(""), line("01234")],
            columns: 19,
            is_stale: false,
        };
        assert_eq!((frame.rows(19), frame.rows(4)), (3, 4));
    }

    struct Counter(u32);

    impl View for Counter {
        fn draw(&mut self, _: u16, _: u16) -> Vec<Line> {
            vec![line("drawn")]
        }

        fn summary(&mut self) -> Option<String> {
            self.0 += 1;
            Some(format!("summary {}", self.0))
        }

        fn words(&mut self) -> Vec<String> {
            Vec::new()
        }
    }

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<String>>);

    impl Surface for Paper {
        fn size(&self) -> Option<(u16, u16)> {
            None
        }

        fn write(&mut self, text: &str) {
            self.0.lock().unwrap().push_str(text);
        }
    }

    #[test]
    fn without_a_terminal_there_are_lines_and_a_last_one() {
        let paper = Paper::default();
        let screen = Screen::start(Counter(0), paper.clone()).unwrap();
        screen.tell("connected");
        screen.finish();
        assert_eq!(*paper.0.lock().unwrap(), "connected\nsummary 1\n");
    }
}
