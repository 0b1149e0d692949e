//! The whole command against a server with bad days.

use std::io;
use std::sync::{Arc, Mutex};

use chrono::Utc;
use clap::Parser as _;
use tokio::runtime::Runtime;

use super::*;
use crate::client::https::test_server::{NO_CONTENT, Server, Turn};
use crate::command::context::{Colours, Terminals};
use crate::config::Environment;

const KEY: &str = "aHVudGVyMmh1bnRlcjI=";

#[derive(Debug, clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: SendArgs,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

struct Outcome {
    result: Result<(), Failure>,
    stdout: String,
    stderr: String,
    requests: Vec<String>,
}

/// Runs the command with a device's string for `device1`, or a hub's where `hub` says so.
fn run_against(
    turns: &[Turn],
    hub: bool,
    line: &[&str],
    stdin: &'static str,
    json: bool,
) -> Outcome {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Server::start(turns));
    let host = server.host.authority();
    let string = if hub {
        format!("HostName={host};SharedAccessKeyName=owner;SharedAccessKey={KEY}")
    } else {
        format!("HostName={host};DeviceId=device1;SharedAccessKey={KEY}")
    };
    let ca_file = server.certificate.path().display().to_string();
    let (stdout, stderr) = (Buffer::default(), Buffer::default());
    let mut context = Context {
        stdin: Box::new(stdin.as_bytes()),
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        terminals: Terminals::default(),
        environment: Environment::from_iter([]),
        clock: Utc::now,
        quiet: false,
        trace: true,
        json,
        colours: Colours::default(),
    };
    let fixed = ["send", "--login", &string, "--ca-file", &ca_file];
    let args = Cli::try_parse_from(fixed.into_iter().chain(line.iter().copied()))
        .unwrap()
        .args;
    let result = run(&args, &mut context);
    let outcome = Outcome {
        result,
        stdout: stdout.text(),
        stderr: stderr.text(),
        requests: server.requests(),
    };
    let shown = format!("{}{}{:?}", outcome.stdout, outcome.stderr, outcome.result);
    assert!(!shown.contains(KEY) && !shown.contains("sig="), "{shown}");
    outcome
}

fn bodies(outcome: &Outcome) -> Vec<&str> {
    outcome
        .requests
        .iter()
        .filter_map(|request| Some(request.split_once("\r\n\r\n")?.1))
        .collect()
}

const IDENTITY: Turn = Turn::Say(
    "HTTP/1.1 200 OK\r\nContent-Length: 113\r\n\r\n{\"deviceId\":\"device1\",\"status\":\"enabled\",\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"aHVudGVyMmh1bnRlcjI=\"}}}",
);

#[test]
fn one_message_is_acknowledged() {
    let outcome = run_against(&[], false, &["{\"t\":1}", "-p", "alert=true"], "", false);
    assert_eq!(outcome.result, Ok(()));
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome.stderr.contains("device1: 204, "),
        "{}",
        outcome.stderr
    );
    assert!(outcome.requests[0].contains("iothub-contenttype: application/json\r\n"));
    assert!(outcome.requests[0].contains("iothub-app-alert: true\r\n"));
}

#[test]
fn a_hub_string_gets_the_key_first() {
    let outcome = run_against(&[IDENTITY], true, &["device1", "hi"], "", false);
    assert_eq!(outcome.result, Ok(()));
    assert!(outcome.requests[0].starts_with("GET /devices/device1?"));
    assert!(outcome.requests[0].contains("&skn=owner"));
    assert!(outcome.requests[1].starts_with("POST /devices/device1/messages/events?"));
    assert!(outcome.requests[1].contains("sr=localhost%2Fdevices%2Fdevice1&"));
}

#[test]
fn lines_go_out_in_order_and_losses_are_numbered() {
    let turns = [
        NO_CONTENT,
        Turn::Say(
            "HTTP/1.1 413 Payload Too Large\r\niothub-errorcode: MessageTooLarge\r\nContent-Length: 0\r\n\r\n",
        ),
        Turn::Say("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"),
    ];
    let outcome = run_against(&turns, false, &["--lines"], "a\nb\nc\n", true);
    assert_eq!(bodies(&outcome), ["a", "b", "c", "c"]);
    assert!(
        outcome
            .stderr
            .contains("lost: line 2: the hub answered 413"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("retry: the hub answered 429"),
        "{}",
        outcome.stderr
    );
    let summary: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&summary["sent"], &summary["retried"], &summary["failed"]),
        (&2.into(), &1.into(), &1.into())
    );
    let failure = outcome.result.unwrap_err();
    assert_eq!(failure.kind, Kind::Input);
    assert_eq!(failure.what, "1 of 3 messages were lost, line 2 first");
}

#[test]
fn a_refusal_ends_the_run() {
    let refusal = Turn::Say(
        "HTTP/1.1 401 Unauthorized\r\niothub-errorcode: IotHubUnauthorizedAccess\r\nContent-Length: 0\r\n\r\n",
    );
    let outcome = run_against(&[refusal], false, &["hi there", "--count", "5"], "", false);
    assert_eq!(outcome.requests.len(), 1);
    let failure = outcome.result.unwrap_err();
    assert_eq!((failure.kind, failure.code), (Kind::Refused, Some(401_002)));
    assert!(
        failure.what.contains("the rest was not sent"),
        "{}",
        failure.what
    );
}

#[test]
fn a_batch_is_one_request() {
    let outcome = run_against(&[], false, &["--lines", "--batch"], "a\nb\n", false);
    assert_eq!(outcome.result, Ok(()));
    assert_eq!(
        bodies(&outcome),
        ["[{\"body\":\"YQ==\"},{\"body\":\"Yg==\"}]"]
    );
    assert!(outcome.requests[0].contains("application/vnd.microsoft.iothub.json"));
    assert!(outcome.stderr.contains("sent 2, retried 0, failed 0"));
}

#[test]
fn every_line_is_sent_once_by_many_workers() {
    let outcome = run_against(
        &[],
        false,
        &["--lines", "--concurrency", "8"],
        "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
        false,
    );
    let mut bodies = bodies(&outcome);
    bodies.sort_unstable();
    assert_eq!(bodies, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn what_cannot_arrive_is_not_sent() {
    let long = "x".repeat(MAX_MESSAGE_BYTES + 1);
    let outcome = run_against(&[], false, &["device1", &long], "", false);
    assert_eq!(outcome.result.unwrap_err().kind, Kind::Input);
    assert_eq!(outcome.requests, Vec::<String>::new());
}
