//! Runs the real binary with an environment of its own: nothing of the user's settings, hubs or proxies gets in.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The longest that anything here may take; a test that comes this far has failed.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A call of the binary that is being put together.
pub struct Hubctl {
    command: Command,
    stdin: Vec<u8>,
    home: TempDir,
}

/// What a finished call left behind.
#[derive(Debug)]
pub struct Finished {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code; -1 for a signal.
    pub code: i32,
}

impl Hubctl {
    /// A call with these arguments.
    pub fn new(arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hubctl"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", home.path())
            .env("HUBCTL_CONFIG_DIR", home.path().join("config"))
            .env("HUBCTL_DATA_DIR", home.path().join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Windows finds its own libraries and sockets by these.
        for name in ["PATH", "SystemRoot", "TEMP", "TMP"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        Self {
            command,
            stdin: Vec::new(),
            home,
        }
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Gives it something to read.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Sends its standard output there.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// The same call made by a shell script, which finds it in `"$0" "$@"`.
    #[cfg(unix)]
    pub fn into_shell(mut self, script: &str) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]).arg(self.command.get_program());
        shell.args(self.command.get_args()).env_clear();
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        self.command = shell;
        self
    }

    /// The call, to be made elsewhere.
    #[cfg(unix)]
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Runs it to its end.
    pub fn run(self) -> Finished {
        self.start().finish()
    }

    /// Starts it and leaves it running.
    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = std::mem::take(&mut self.stdin);
        // It may well end without reading; then writing fails, which is its right.
        std::thread::spawn(move || stdin.write_all(&input));
        let stdout = child.stdout.take().map(lines_of);
        let stderr = child.stderr.take().map(lines_of);
        Running {
            child,
            stdout,
            stderr,
            read: String::new(),
            told: String::new(),
            _home: self.home,
        }
    }
}

fn lines_of(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            // With nobody listening the pipe is closed, as `| head` does.
            if sender
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                return;
            }
            line.clear();
        }
    });
    lines
}

/// A call that is running.
pub struct Running {
    child: Child,
    stdout: Option<Receiver<String>>,
    stderr: Option<Receiver<String>>,
    read: String,
    told: String,
    _home: TempDir,
}

impl Running {
    /// Waits for a line on stdout that holds `text`, and returns it.
    pub fn wait_for(&mut self, text: &str) -> String {
        wait(self.stdout.as_ref(), &mut self.read, text, &self.told)
    }

    /// Waits for a line on stderr that holds `text`, and returns it.
    pub fn wait_for_talk(&mut self, text: &str) -> String {
        wait(self.stderr.as_ref(), &mut self.told, text, &self.read)
    }

    /// What was read of stderr so far.
    pub fn talk(&self) -> &str {
        &self.told
    }

    /// Its process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it had so far, in kilobytes; `None` where the system does not tell that.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Ends it as Ctrl-C does, and waits for its end.
    #[cfg(unix)]
    pub fn interrupt(self) -> Finished {
        let id = self.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        self.finish()
    }

    /// Ends it without warning.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops reading its output, as `| head` does when it has seen enough.
    pub fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Finished {
        let deadline = Instant::now() + LIMIT;
        let stdout = self.read.clone() + &drain(self.stdout.as_ref(), deadline);
        let stderr = self.told.clone() + &drain(self.stderr.as_ref(), deadline);
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("it did not end within {LIMIT:?}\nstdout: {stdout}\nstderr: {stderr}");
            }
            std::thread::yield_now();
        }
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Finished {
            stdout,
            stderr,
            code,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(lines: Option<&Receiver<String>>, seen: &mut String, text: &str, other: &str) -> String {
    let deadline = Instant::now() + LIMIT;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.unwrap().recv_timeout(left) {
            Ok(line) => {
                seen.push_str(&line);
                if line.contains(text) {
                    return line;
                }
            }
            Err(error) => {
                panic!("{text:?} did not come ({error})\nseen: {seen}\nother stream: {other}")
            }
        }
    }
}

fn drain(lines: Option<&Receiver<String>>, deadline: Instant) -> String {
    let mut text = String::new();
    let Some(lines) = lines else {
        return text;
    };
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => text.push_str(&line),
            Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return text,
        }
    }
}

impl Finished {
    /// Holds it to success, and returns its stdout.
    pub fn success(self) -> String {
        assert_eq!(
            self.code, 0,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        self.stdout
    }

    /// Holds it to this exit code and a single error of three lines at most, and returns its stderr.
    pub fn failure(self, code: i32) -> String {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        assert_eq!(
            self.stderr.matches("error: ").count(),
            1,
            "not one error: {}",
            self.stderr
        );
        self.stderr
    }
}
