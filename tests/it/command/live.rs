//! `monitor-events --stats` and `--plot` in a terminal, and without one.

use crate::support::Emulator;
use crate::support::terminal::Terminal;

fn send(hub: &Emulator, device: &str, body: &str) {
    hub.owner(&["send", device, body]).run().success();
}

fn row<'a>(screen: &'a str, name: &str) -> Vec<&'a str> {
    let row = screen.lines().find(|line| line.starts_with(name));
    row.unwrap_or_default().split_whitespace().collect()
}

#[test]
fn the_table_is_drawn_in_place_and_follows_the_terminal() {
    let hub = Emulator::start(&["--device", "device2"]);
    send(&hub, "device1", "{\"t\":1}");
    let call = hub.owner(&["monitor-events", "--stats", "-s", "0"]);
    let mut terminal = Terminal::run(call, 24, 120);
    terminal.wait_for("partitions attached 4/4");
    terminal.wait_until("a device", |screen| {
        row(screen, "device1").get(1) == Some(&"1")
    });
    send(&hub, "device1", &"x".repeat(5000));
    send(&hub, "device2", "{}");
    let screen = terminal.wait_until("two devices", |screen| {
        row(screen, "device1").get(1) == Some(&"2")
            && row(screen, "device2").get(1) == Some(&"1")
            && row(screen, "total").get(1) == Some(&"3")
            && screen.contains("no gaps in")
    });
    // Drawn over and not again below; events are not shown, for they would tear it.
    assert_eq!(screen.matches("DEVICE").count(), 1, "{screen}");
    assert!(!screen.contains("==== From"), "{screen}");
    let total = row(&screen, "total");
    assert_eq!(total[1], "3", "{screen}");
    // The long message counts twice.
    assert!(
        screen.contains("4 KB MSGS") && total.contains(&"4"),
        "{screen}"
    );
    assert!(screen.contains("no gaps in"), "{screen}");

    terminal.resize(24, 44);
    let narrow = terminal.wait_until("fewer columns", |screen| {
        !screen.contains("4 KB MSGS") && row(screen, "total").get(1) == Some(&"3")
    });
    assert!(
        narrow.contains("RATE") && narrow.contains("LAST SEEN"),
        "{narrow}"
    );

    terminal.interrupt();
    let (code, screen, has_cursor) = terminal.finish();
    assert_eq!((code, has_cursor), (0, true), "{screen}");
    let end = screen.trim_end();
    assert!(end.contains("\ninterrupted: 3 events"), "{screen}");
    assert_eq!(row(&screen, "total").get(1), Some(&"3"), "{screen}");
}

#[test]
fn the_table_stays_at_an_error_and_the_error_stands_below() {
    let hub = Emulator::start(&[]);
    send(&hub, "device1", "x");
    let call = hub.owner(&[
        "monitor-events",
        "--stats",
        "-s",
        "0",
        "--count",
        "2",
        "-d",
        "1s",
    ]);
    let (code, screen, has_cursor) = Terminal::run(call, 24, 100).finish();
    assert_eq!((code, has_cursor), (12, true), "{screen}");
    let (table, error) = screen.split_once("error: ").unwrap();
    assert_eq!(row(table, "total").get(1), Some(&"1"), "{screen}");
    assert!(error.contains("only 1 of 2 events came"), "{screen}");
}

#[test]
fn without_a_terminal_events_are_shown_and_the_count_is_a_line() {
    let hub = Emulator::start(&[]);
    send(&hub, "device1", "hello");
    let call = ["monitor-events", "--stats", "-s", "0", "--count", "1"];
    let read = hub.owner(&call).run();
    assert!(
        read.stderr.contains("1 event of 1 device, ")
            && read
                .stderr
                .contains("metered messages: 1 of 4 KB or 1 of 0.5 KB"),
        "{}",
        read.stderr
    );
    assert!(!read.stderr.contains('\u{1b}'), "{}", read.stderr);
    let text = read.success();
    assert!(
        text.contains("==== From: 'device1'") && text.contains("hello"),
        "{text}"
    );
}

#[test]
fn a_line_is_told_now_and_then() {
    let hub = Emulator::start(&[]);
    let mut reader = hub.owner(&["monitor-events", "--stats"]).start();
    reader.wait_for_talk("attached");
    let line = reader.wait_for_talk(" events of 0 devices");
    assert!(line.contains("0/s, no gaps in 0 partitions"), "{line}");
    assert_eq!(reader.interrupt().code, 0);
}

#[test]
fn numbers_are_plotted() {
    let hub = Emulator::start(&[]);
    for value in [20, 22, 21] {
        send(
            &hub,
            "device1",
            &format!("{{\"temperature\":{value},\"in\":{{\"h\":\"4{value}\"}}}}"),
        );
    }
    let call = hub.owner(&[
        "monitor-events",
        "--plot",
        "temperature,body.in.h",
        "-s",
        "0",
    ]);
    let mut terminal = Terminal::run(call, 24, 100);
    let screen = terminal.wait_for("● device1 temperature 21   ● device1 body.in.h 421");
    // An axis with times under it, and dots.
    assert!(screen.contains('└') && screen.contains("Z "), "{screen}");
    assert!(
        screen
            .chars()
            .any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)),
        "{screen}"
    );
    send(&hub, "device1", "{\"temperature\":99.5}");
    terminal.wait_for("● device1 temperature 99.5");
    terminal.interrupt();
    let (code, screen, has_cursor) = terminal.finish();
    assert_eq!((code, has_cursor), (0, true), "{screen}");
    assert_eq!(
        screen.matches("● device1 temperature").count(),
        1,
        "{screen}"
    );
}

#[test]
fn values_go_to_a_pipe_as_lines_and_missing_fields_are_told() {
    let hub = Emulator::start(&["--partitions", "1"]);
    for number in 0..5 {
        send(
            &hub,
            "device1",
            &format!("{{\"temperature\":{number}.50,\"name\":\"x\"}}"),
        );
    }
    let call = [
        "monitor-events",
        "-s",
        "0",
        "--count",
        "5",
        "--plot",
        "temperature",
        "--plot",
        "temp",
    ];
    let read = hub.owner(&call).run();
    assert!(
        read.stderr.contains(
            "no number under \"temp\" in the first 5 events; numeric fields are temperature"
        ),
        "{}",
        read.stderr
    );
    let text = read.success();
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0][0].ends_with('Z'), "{text}");
    assert_eq!(&lines[3][1..], ["device1", "temperature", "3.50"]);
}

#[test]
fn the_table_goes_to_the_terminal_while_events_go_to_a_file() {
    let hub = Emulator::start(&[]);
    send(&hub, "device1", "hello");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events");
    let call = hub
        .owner(&[
            "monitor-events",
            "--stats",
            "-s",
            "0",
            "--count",
            "1",
            "-f",
            "ndjson",
        ])
        .into_shell(&format!("exec \"$0\" \"$@\" > {}", file.display()));
    let (code, screen, _) = Terminal::run(call, 24, 100).finish();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(row(&screen, "device1").get(1), Some(&"1"), "{screen}");
    let events = std::fs::read_to_string(file).unwrap();
    assert!(events.contains("\"body\":\"hello\""), "{events}");
}

#[test]
fn two_that_cannot_be_shown_at_once_are_refused() {
    for arguments in [
        ["--stats", "--plot", "t"].as_slice(),
        &["--plot", "t", "-f", "json"],
        &["--plot", "a..b"],
        &["--plot", ""],
    ] {
        crate::support::Hubctl::new(&["monitor-events"])
            .args(arguments)
            .run()
            .failure(2);
    }
}

#[test]
fn properties_are_plotted_by_the_names_that_conditions_have_for_them() {
    let hub = Emulator::start(&["--partitions", "1"]);
    hub.owner(&[
        "send",
        "device1",
        "{\"level\":1,\"properties\":{\"level\":2}}",
    ])
    .args(&["-p", "level=37.5"])
    .run()
    .success();
    let values = |field: &str| {
        let call = ["monitor-events", "-s", "0", "--exit-at-end", "--plot"];
        let read = hub.owner(&call).args(&[field]).run();
        let told = read.stderr.clone();
        let text = read.success();
        let value = text.trim_end().rsplit('\t').next().unwrap_or_default();
        (value.to_owned(), told)
    };
    for (field, value) in [
        ("properties.level", "37.5"),
        ("properties['level']", "37.5"),
        ("systemProperties.x-opt-sequence-number", "0"),
        ("level", "1"),
        ("body.level", "1"),
        ("body.properties.level", "2"),
    ] {
        assert_eq!(values(field).0, value, "{field}");
    }
    let (none, told) = values("properties.x");
    assert_eq!(none, "");
    assert!(told.contains("properties.level"), "{told}");
}

#[test]
fn a_run_that_is_over_at_once_has_no_rate() {
    let hub = Emulator::start(&[]);
    let read = hub.owner(&["monitor-events", "--stats", "-d", "1ms"]).run();
    let told = read.stderr.clone();
    read.success();
    assert!(told.contains("0 events of 0 devices, no gaps in"), "{told}");
}
