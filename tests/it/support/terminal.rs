//! A terminal of the test's own, and what stands on its screen.

use std::io::{Read as _, Write as _};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::runner::{Hubctl, LIMIT};

/// A call that runs in a terminal.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    shown: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// What came and is not on the screen yet: an update that has not ended.
    coming: Vec<u8>,
    /// Keeps the call's home until it has ended.
    _call: Hubctl,
}

const UPDATE_BEGINS: &[u8] = b"\x1b[?2026h";
const UPDATE_ENDS: &[u8] = b"\x1b[?2026l";

/// How many of the bytes come before an update that has not ended, or that may begin with the last of them.
fn complete_updates(bytes: &[u8]) -> usize {
    let last = |mark: &[u8]| bytes.windows(mark.len()).rposition(|found| found == mark);
    match (last(UPDATE_BEGINS), last(UPDATE_ENDS)) {
        (Some(began), None) => began,
        (Some(began), Some(ended)) if began > ended => began,
        _ => {
            let begun = (1..UPDATE_BEGINS.len())
                .rev()
                .find(|length| bytes.ends_with(&UPDATE_BEGINS[..*length]));
            bytes.len() - begun.unwrap_or(0)
        }
    }
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        ..PtySize::default()
    }
}

impl Terminal {
    /// Runs a call in a terminal of so many rows and columns.
    pub fn run(call: Hubctl, rows: u16, columns: u16) -> Self {
        let pair = native_pty_system().openpty(size(rows, columns)).unwrap();
        let command = call.command();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                builder.env(name, value);
            }
        }
        builder.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(builder).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            // Few at a time, as a busy machine gives them: what is drawn comes in pieces.
            let mut bytes = [0; 64];
            // It fails when the other side is gone.
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys: pair.master.take_writer().unwrap(),
            master: pair.master,
            shown,
            screen: vt100::Parser::new(rows, columns, 1000),
            coming: Vec::new(),
            _call: call,
        }
    }

    /// Waits until the screen is as it should be, and returns what stands there.
    pub fn wait_until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            let contents = self.screen.screen().contents();
            if is_so(&contents) {
                return contents;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.show(&bytes),
                Err(error) => panic!("{what}: it did not come ({error})\n{contents}"),
            }
        }
    }

    /// Shows what came, each update at once when it has ended, as terminals do that know synchronized updates.
    fn show(&mut self, bytes: &[u8]) {
        self.coming.extend_from_slice(bytes);
        let complete = complete_updates(&self.coming);
        self.screen.process(&self.coming[..complete]);
        self.coming.drain(..complete);
    }

    /// Waits until `text` stands on the screen, and returns all of it.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_until(text, |contents| contents.contains(text))
    }

    /// Changes its size.
    pub fn resize(&mut self, rows: u16, columns: u16) {
        self.master.resize(size(rows, columns)).unwrap();
        self.screen.screen_mut().set_size(rows, columns);
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&mut self) {
        self.keys.write_all(b"\x03").unwrap();
    }

    /// Waits for its end: the exit code, the screen, and whether the cursor is there.
    pub fn finish(mut self) -> (u32, String, bool) {
        let deadline = Instant::now() + LIMIT;
        // The other side's end is the end of what is shown.
        while let Ok(bytes) = self
            .shown
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.show(&bytes);
        }
        self.screen.process(&self.coming);
        let code = self.child.wait().unwrap().exit_code();
        let screen = self.screen.screen();
        (code, screen.contents(), !screen.hide_cursor())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
