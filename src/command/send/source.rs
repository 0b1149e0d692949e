//! Where bodies come from: one, repeated, or the lines of an input, read ahead by a thread in constant memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::thread;

use bytes::{Bytes, BytesMut};
use tokio::sync::{Mutex, mpsc};

use super::message::is_json;
use crate::protocol::rest::MAX_MESSAGE_BYTES;

/// How much is read at once, in bytes.
const CHUNK: usize = 1 << 16;

/// How many chunks wait to be sent.
const AHEAD: usize = 4;

/// A body before its placeholders are filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw {
    /// Which message, or which line of the input, counted from 1.
    pub(super) number: u64,
    pub(super) content: Content,
    /// Whether it is JSON, where that is known already.
    pub(super) json: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Body(Bytes),
    /// More than any message may have; only its length is known.
    TooLong {
        length: usize,
    },
}

/// A queue of bodies that many workers take from.
#[derive(Debug)]
pub(super) struct Source {
    ready: RefCell<Ready>,
    lines: Mutex<Option<mpsc::Receiver<io::Result<Lines>>>>,
}

/// What was cut out of a chunk of the input.
#[derive(Debug, Default)]
struct Lines {
    bodies: Vec<Raw>,
    /// Lines that were empty.
    skipped: u64,
}

#[derive(Debug)]
enum Ready {
    Repeated {
        body: Raw,
        count: u64,
    },
    Lines {
        queue: VecDeque<Raw>,
        failed: Option<io::Error>,
        skipped: u64,
    },
}

impl Source {
    /// The same body, `count` times.
    pub(super) fn repeated(body: Bytes, count: u64) -> Self {
        let body = Raw {
            number: 1,
            json: Some(is_json(&body)),
            content: Content::Body(body),
        };
        Self {
            ready: RefCell::new(Ready::Repeated { body, count }),
            lines: Mutex::new(None),
        }
    }

    /// The lines of `input`, without their ends; empty ones are passed over. The thread that reads is left to itself at
    /// the end, for it may wait for a terminal.
    pub(super) fn lines(input: Box<dyn Read + Send>) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        thread::spawn(move || read_lines(input, &sender));
        Self {
            ready: RefCell::new(Ready::Lines {
                queue: VecDeque::new(),
                failed: None,
                skipped: 0,
            }),
            lines: Mutex::new(Some(receiver)),
        }
    }

    /// The next body; waits for the input.
    pub(super) async fn next(&self) -> Option<Raw> {
        loop {
            if let Some(raw) = self.take() {
                return Some(raw);
            }
            let mut lines = self.lines.lock().await;
            // Another worker may have filled the queue while this one waited for the lock.
            if let Some(raw) = self.take() {
                return Some(raw);
            }
            let read = lines.as_mut()?.recv().await;
            if !self.fill(read) {
                *lines = None;
                return None;
            }
        }
    }

    /// The next body, where it is there already.
    pub(super) fn try_next(&self) -> Option<Raw> {
        if let Some(raw) = self.take() {
            return Some(raw);
        }
        let read = self.lines.try_lock().ok()?.as_mut()?.try_recv().ok()?;
        self.fill(Some(read));
        self.take()
    }

    /// Why reading ended before the input did.
    pub(super) fn failure(&self) -> Option<io::Error> {
        match &mut *self.ready.borrow_mut() {
            Ready::Repeated { .. } => None,
            Ready::Lines { failed, .. } => failed.take(),
        }
    }

    /// How many lines of the input were empty, as far as it was read.
    pub(super) fn skipped(&self) -> u64 {
        match &*self.ready.borrow() {
            Ready::Repeated { .. } => 0,
            Ready::Lines { skipped, .. } => *skipped,
        }
    }

    /// How many there are in all, where that is known.
    pub(super) fn total(&self) -> Option<u64> {
        match &*self.ready.borrow() {
            Ready::Repeated { count, .. } => Some(*count),
            Ready::Lines { .. } => None,
        }
    }

    /// The body that is repeated.
    pub(super) fn body(&self) -> Option<Bytes> {
        match &*self.ready.borrow() {
            Ready::Repeated { body, .. } => match &body.content {
                Content::Body(body) => Some(body.clone()),
                Content::TooLong { .. } => None,
            },
            Ready::Lines { .. } => None,
        }
    }

    fn take(&self) -> Option<Raw> {
        match &mut *self.ready.borrow_mut() {
            Ready::Repeated { body, count } => {
                if body.number > *count {
                    return None;
                }
                let raw = body.clone();
                body.number += 1;
                Some(raw)
            }
            Ready::Lines { queue, .. } => queue.pop_front(),
        }
    }

    fn fill(&self, read: Option<io::Result<Lines>>) -> bool {
        let Ready::Lines {
            queue,
            failed,
            skipped,
        } = &mut *self.ready.borrow_mut()
        else {
            return false;
        };
        match read {
            None => return false,
            Some(Ok(lines)) => {
                queue.extend(lines.bodies);
                *skipped += lines.skipped;
            }
            Some(Err(error)) => *failed = Some(error),
        }
        true
    }
}

fn read_lines(mut input: impl Read, sender: &mpsc::Sender<io::Result<Lines>>) {
    let mut splitter = Splitter::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let lines = match input.read(&mut chunk) {
            Ok(0) => {
                let _ = sender.blocking_send(Ok(splitter.finish()));
                return;
            }
            Ok(length) => splitter.push(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let _ = sender.blocking_send(Err(error));
                return;
            }
        };
        // Nobody takes any more: the run has ended.
        let is_something = !lines.bodies.is_empty() || lines.skipped > 0;
        if is_something && sender.blocking_send(Ok(lines)).is_err() {
            return;
        }
    }
}

impl Lines {
    fn add(&mut self, line: Option<Raw>) {
        match line {
            Some(body) => self.bodies.push(body),
            None => self.skipped += 1,
        }
    }
}

/// Cuts a stream into lines, holding no more of one than a message may have.
#[derive(Debug, Default)]
struct Splitter {
    kept: BytesMut,
    /// Bytes of an overlong line that were thrown away.
    dropped: usize,
    number: u64,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8]) -> Lines {
        let fresh = self.kept.len();
        self.kept.extend_from_slice(bytes);
        let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            self.limit();
            return Lines::default();
        };
        let whole = self.kept.split_to(fresh + last + 1).freeze();
        let mut lines = Lines::default();
        let mut start = 0;
        let ends = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        for (end, _) in ends {
            lines.add(self.line(whole.slice(start..end)));
            start = end + 1;
        }
        self.limit();
        lines
    }

    fn finish(&mut self) -> Lines {
        let rest = self.kept.split().freeze();
        let mut lines = Lines::default();
        // Behind the last line's end there is no line.
        if !rest.is_empty() || self.dropped > 0 {
            lines.add(self.line(rest));
        }
        lines
    }

    /// One line, unless it is empty.
    fn line(&mut self, mut line: Bytes) -> Option<Raw> {
        self.number += 1;
        let dropped = std::mem::take(&mut self.dropped);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        let length = dropped + line.len();
        if length == 0 {
            return None;
        }
        let content = if dropped > 0 {
            Content::TooLong { length }
        } else {
            Content::Body(line)
        };
        Some(Raw {
            number: self.number,
            content,
            json: None,
        })
    }

    fn limit(&mut self) {
        if self.kept.len() > MAX_MESSAGE_BYTES + 1 || self.dropped > 0 {
            self.dropped += self.kept.len();
            self.kept.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(chunks: &[&[u8]]) -> Vec<(u64, Content)> {
        let mut splitter = Splitter::default();
        let mut lines: Vec<Raw> = chunks
            .iter()
            .flat_map(|chunk| splitter.push(chunk).bodies)
            .collect();
        lines.extend(splitter.finish().bodies);
        lines
            .into_iter()
            .map(|raw| (raw.number, raw.content))
            .collect()
    }

    fn body(text: &'static str) -> Content {
        Content::Body(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn lines_keep_their_numbers() {
        assert_eq!(
            split(&[b"one\r\n\ntw", b"o\nthree"]),
            [(1, body("one")), (3, body("two")), (4, body("three"))]
        );
        assert_eq!(split(&[b"", b"\n"]), []);
    }

    #[test]
    fn an_overlong_line_is_counted_and_not_kept() {
        let long = vec![b'x'; CHUNK];
        let mut chunks: Vec<&[u8]> = vec![b"a\n"];
        chunks.extend(std::iter::repeat_n(long.as_slice(), 6));
        chunks.push(b"y\nb\n");
        let length = 6 * CHUNK + 1;
        assert_eq!(
            split(&chunks),
            [
                (1, body("a")),
                (2, Content::TooLong { length }),
                (3, body("b"))
            ]
        );
    }

    #[tokio::test]
    async fn lines_come_through_the_thread_and_end() {
        let source = Source::lines(Box::new(io::Cursor::new("a\nb\n")));
        assert_eq!(source.next().await.map(|raw| raw.content), Some(body("a")));
        assert_eq!(source.next().await.map(|raw| raw.content), Some(body("b")));
        assert_eq!(source.next().await, None);
        assert_eq!(source.next().await, None);
    }

    #[tokio::test]
    async fn empty_lines_are_counted() {
        for (text, skipped) in [("a\n\n\r\nb\n", 2), ("a\n\n", 1), ("\n\r", 2), ("", 0)] {
            let source = Source::lines(Box::new(io::Cursor::new(text)));
            while source.next().await.is_some() {}
            assert_eq!(source.skipped(), skipped, "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_body_is_repeated() {
        let source = Source::repeated(Bytes::from_static(b"{}"), 2);
        assert_eq!(source.total(), Some(2));
        let numbers = [
            source.next().await,
            source.next().await,
            source.next().await,
        ];
        let numbers = numbers.map(|raw| raw.map(|raw| (raw.number, raw.json)));
        assert_eq!(
            numbers,
            [Some((1, Some(true))), Some((2, Some(true))), None]
        );
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(text in "[ab\r\n]{0,60}", cut in 0usize..60) {
            let bytes = text.as_bytes();
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(split(&[left, right]), split(&[bytes]));
        }
    }
}
