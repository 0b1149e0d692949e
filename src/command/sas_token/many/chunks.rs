//! The input in pieces of whole lines, so that it never stands in memory as a whole.

use std::io::{self, ErrorKind, Read};

use zeroize::Zeroizing;

use crate::model::key_list::{Form, LONGEST_LINE};

/// How much is read at once, in bytes.
const SIZE: usize = 1 << 18;

/// What a piece is read into; wiped in the end, for it holds keys.
pub(super) type Text = Zeroizing<Vec<u8>>;

/// An input that is handed out in pieces of whole lines, numbered from 0.
pub(super) struct Chunks {
    input: Box<dyn Read + Send>,
    /// Read, and not handed out yet.
    rest: Text,
    /// The first piece, which was looked at and put back.
    first: Option<Text>,
    next: u64,
    is_over: bool,
}

impl Chunks {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self {
            input,
            rest: Text::default(),
            first: None,
            next: 0,
            is_over: false,
        }
    }

    /// Looks at the first piece, without a byte order mark: what its lines look like, and the first that is not blank.
    ///
    /// # Errors
    /// What reading failed of; [`ErrorKind::InvalidData`] for UTF-16.
    pub(super) fn look(&mut self) -> io::Result<(Form, String)> {
        let mut text = Text::default();
        self.fill(&mut text)?;
        if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
            let what = "it is UTF-16; save it as UTF-8";
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        if text.starts_with("\u{feff}".as_bytes()) {
            text.drain(..3);
        }
        let line = text
            .split(|byte| *byte == b'\n')
            .find(|line| !line.trim_ascii().is_empty())
            .unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        self.first = Some(text);
        Ok((Form::detect(&line), line))
    }

    /// Puts the next piece into `text`, in the place of what stood there. Its number, or `None` at the end.
    pub(super) fn next(&mut self, text: &mut Text) -> Option<(u64, io::Result<()>)> {
        let number = self.next;
        let filled = match self.first.take() {
            Some(first) => {
                *text = first;
                Ok(())
            }
            None if self.is_over => return None,
            None => self.fill(text),
        };
        self.next += 1;
        self.is_over |= filled.is_err();
        if filled.is_ok() && text.is_empty() {
            return None;
        }
        Some((number, filled))
    }

    /// Reads until there is a whole line, and takes every whole line that there is; nothing at the end. What a pipe has
    /// ready is not kept waiting for more.
    fn fill(&mut self, text: &mut Text) -> io::Result<()> {
        text.clear();
        text.append(&mut self.rest);
        loop {
            let length = text.len();
            text.resize(length + SIZE, 0);
            let read = read_once(&mut self.input, &mut text[length..])?;
            text.truncate(length + read);
            if read == 0 {
                self.is_over = true;
                return Ok(());
            }
            if let Some(end) = text[length..].iter().rposition(|byte| *byte == b'\n') {
                self.rest.extend_from_slice(&text[length + end + 1..]);
                text.truncate(length + end + 1);
                return Ok(());
            }
            // Of a line that is too long as much is kept as shows that.
            text.truncate(LONGEST_LINE + 1);
        }
    }
}

fn read_once(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives three bytes at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(3);
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn pieces(input: impl Read + Send + 'static) -> Vec<String> {
        let mut chunks = Chunks::new(Box::new(input));
        chunks.look().unwrap();
        let mut pieces = Vec::new();
        let mut text = Text::default();
        while let Some((number, filled)) = chunks.next(&mut text) {
            filled.unwrap();
            assert_eq!(number, pieces.len() as u64);
            pieces.push(String::from_utf8(text.to_vec()).unwrap());
        }
        pieces
    }

    #[test]
    fn pieces_are_whole_lines_and_come_to_the_input_again() {
        assert_eq!(
            pieces(Drops("\u{feff}one\ntwo\r\n\nthree".as_bytes())),
            ["one\n", "two\r\n", "\n", "three"]
        );
        assert!(pieces(Drops(b"")).is_empty());
        let long: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
        let long = long.join("\n");
        let together = pieces(io::Cursor::new(long.clone().into_bytes())).concat();
        assert_eq!(together, long);
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_room_than_others() {
        let input = io::repeat(b'x').take(10_000_000).chain(&b"\nnext\n"[..]);
        let pieces = pieces(input);
        assert!(pieces[0].len() > LONGEST_LINE && pieces[0].len() < 2 * SIZE + LONGEST_LINE);
        assert!(pieces.concat().ends_with("\nnext\n"));
    }

    #[test]
    fn utf_16_is_said_to_be_that() {
        let mut chunks = Chunks::new(Box::new(&b"\xff\xfed\0,\0"[..]));
        assert_eq!(chunks.look().unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
