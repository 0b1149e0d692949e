//! The lines of a recording, read ahead by a thread in constant memory.

use std::io::{self, BufRead, BufReader, Read};
use std::thread;

use tokio::sync::mpsc;

use crate::config::recording::LONGEST_LINE;

/// How many lines wait to be posted.
const AHEAD: usize = 64;

/// A line of the recording.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub number: u64,
    /// Without its end.
    pub text: Vec<u8>,
    /// It has an end; the last one of a recording that was killed has none.
    pub is_ended: bool,
    /// It is longer than any event makes it, and only its beginning is there.
    pub is_too_long: bool,
}

/// Reads `input` to its end. The thread is left to itself at the end, for it may wait for a terminal.
pub(super) fn read(input: Box<dyn Read + Send>) -> mpsc::Receiver<io::Result<Line>> {
    let (sender, lines) = mpsc::channel(AHEAD);
    thread::spawn(move || {
        let mut input = BufReader::new(input);
        let mut number = 0;
        while let Some(line) = next(&mut input, number).transpose() {
            number += 1;
            let is_over = line.is_err();
            // Nobody takes any more: the run has ended.
            if sender.blocking_send(line).is_err() || is_over {
                return;
            }
        }
    });
    lines
}

fn next(input: &mut impl BufRead, before: u64) -> io::Result<Option<Line>> {
    let mut text = Vec::new();
    let limit = LONGEST_LINE as u64 + 1;
    input.by_ref().take(limit).read_until(b'\n', &mut text)?;
    if text.is_empty() {
        return Ok(None);
    }
    let mut line = Line {
        number: before + 1,
        is_ended: text.ends_with(b"\n"),
        is_too_long: false,
        text,
    };
    if !line.is_ended && line.text.len() > LONGEST_LINE {
        line.is_too_long = true;
        line.is_ended = pass_over_the_rest(input)?;
        line.text = Vec::new();
    }
    while line.text.last().is_some_and(u8::is_ascii_whitespace) {
        line.text.pop();
    }
    Ok(Some(line))
}

/// Reads to the end of the line; false where the input ends before.
fn pass_over_the_rest(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let ready = input.fill_buf()?;
        if ready.is_empty() {
            return Ok(false);
        }
        let end = ready.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(ready.len(), |end| end + 1);
        input.consume(length);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_the_last_may_be_torn() {
        let mut text = b"one\r\n\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', LONGEST_LINE + 7));
        text.extend(b"\ntorn");
        let mut lines = read(Box::new(io::Cursor::new(text)));
        let line = |number, text: &str, is_ended, is_too_long| Line {
            number,
            text: text.as_bytes().to_vec(),
            is_ended,
            is_too_long,
        };
        let mut taken = Vec::new();
        while let Some(line) = lines.blocking_recv() {
            taken.push(line.unwrap());
        }
        assert_eq!(
            taken,
            [
                line(1, "one", true, false),
                line(2, "", true, false),
                line(3, "", true, true),
                line(4, "torn", false, false),
            ]
        );
    }
}
