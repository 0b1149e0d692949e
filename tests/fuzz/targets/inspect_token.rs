//! The whole command, on whatever is piped into it: explained or refused, and the key is never shown.
#![no_main]

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use hubctl::cli::Cli;
use hubctl::command::Context;
use hubctl::command::context::{Colours, Terminals};
use hubctl::config::Environment;

const KEY: &str = "+/+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=";

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let line = ["hubctl", "inspect-token", "-", "--key", KEY];
    let cli = Cli::try_parse_from(line).expect("the line is right");
    let kept = Kept::default();
    let mut context = Context {
        stdin: Box::new(Cursor::new(data.to_vec())),
        stdout: Box::new(kept.clone()),
        stderr: Box::new(kept.clone()),
        terminals: Terminals::default(),
        environment: Environment::default(),
        clock: chrono::Utc::now,
        quiet: false,
        trace: false,
        json: false,
        colours: Colours::default(),
    };
    cli.prepare(&mut context);
    let outcome = cli.run(&mut context);
    let mut shown = kept.0.lock().expect("one thread").clone();
    if let Err(failure) = outcome {
        shown.extend_from_slice(failure.to_text(false).as_bytes());
    }
    let given = data
        .windows(KEY.len())
        .any(|window| window == KEY.as_bytes());
    let told = shown
        .windows(KEY.len())
        .any(|window| window == KEY.as_bytes());
    assert!(given || !told, "the key is shown");
});
