//! Services that are none: every error is named, retried or ended with the right code, and nothing panics.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::{read, told};
use crate::support::Hubctl;
use crate::support::event_hub::{Fault, Script};
use crate::support::hostile::KEY;

/// What may come in the middle of events, and what is told of it.
const NONSENSE: [(&[u8], &str); 13] = [
    // Lengths that lie.
    (&[0, 0, 0, 0], ""),
    (&[0, 0, 0, 3], ""),
    (&[0, 0, 0, 4], "frame header"),
    (&[0, 0, 0, 5, 2], "frame header"),
    (&[0, 0, 0, 7, 2, 0, 0], "frame header"),
    (&[0xff; 16], ""),
    // A body that begins before its frame, or behind it.
    (
        &[0, 0, 0, 12, 1, 0, 0, 9, 0, 0x53, 0x14, 0x45],
        "frame header",
    ),
    (
        &[0, 0, 0, 12, 9, 0, 0, 9, 0, 0x53, 0x14, 0x45],
        "frame header",
    ),
    // SASL in the middle of AMQP.
    (
        &[0, 0, 0, 12, 2, 1, 0, 9, 0, 0x53, 0x44, 0x45],
        "frame header",
    ),
    // A transfer without a field, on a channel that nobody opened, and on one that is there.
    (
        &[0, 0, 0, 12, 2, 0, 1, 0, 0, 0x53, 0x14, 0x45],
        "a frame on a channel that nobody opened was not expected",
    ),
    (&[0, 0, 0, 12, 2, 0, 0, 9, 0, 0x53, 0x14, 0x45], ""),
    // No performative at all.
    (&[0, 0, 0, 12, 2, 0, 0, 9, 1, 2, 3, 4], ""),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", ""),
];

#[test]
fn nonsense_in_mid_stream_ends_the_connection_and_no_more() {
    let cues = NONSENSE.iter().enumerate().map(|(index, (bytes, _))| {
        let before = i64::try_from(index).unwrap() * 3 + 2;
        (before, Fault::Raw(bytes.to_vec()))
    });
    let (finished, hub) = read(60, Script::of(cues));
    let lost: Vec<&str> = finished
        .stderr
        .lines()
        .filter(|line| line.contains("connection lost: "))
        .collect();
    assert_eq!(lost.len(), NONSENSE.len(), "{}", finished.stderr);
    for (line, (bytes, named)) in lost.iter().zip(NONSENSE) {
        assert!(line.contains(named), "{bytes:?}: {line}");
    }
    assert_eq!(told(&finished, "panic"), 0);
    assert_eq!(hub.conduct().conduct.connections, NONSENSE.len() + 1);
}

#[test]
fn a_service_that_answers_what_was_not_asked_is_not_trusted() {
    let (finished, hub) = read(
        20,
        Script::of([(5, Fault::StrangeHandle), (9, Fault::SecondAttach)]),
    );
    for named in [
        "an event on a link that is not attached was not expected",
        "a link that nobody attached here was not expected",
    ] {
        assert_eq!(told(&finished, named), 1, "{}", finished.stderr);
    }
    assert_eq!(hub.conduct().conduct.connections, 3);
}

/// Says the same to whoever comes, and hangs up.
fn server_of(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(answer);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    port
}

#[test]
fn a_service_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let string = format!(
        "Endpoint=sb://localhost:{port};SharedAccessKeyName=p;SharedAccessKey={KEY};EntityPath=e;UseDevelopmentEmulator=true"
    );
    let error = Hubctl::new(&["monitor-events", "--connect-timeout", "1s", "-l", &string])
        .run()
        .failure(9);
    assert!(error.contains("no answer within 1 s (SASL)"), "{error}");
}

#[test]
fn a_service_that_is_none_is_told_from_the_start() {
    let mechanisms =
        b"AMQP\x03\x01\0\0\0\0\0\x1b\x02\x01\0\0\0S@\xc0\x0e\x01\xe0\x0b\x01\xa3\x08EXTERNAL";
    for (answer, code) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" as &[u8], 10),
        (b"AMQP\0\0\x09\x01", 10),
        (b"AMQP\x03\x01\0\0\0\0\0\x04\x02\x01\0\0", 10),
        (b"AMQP\x03\x01\0\0\xff\xff\xff\xff\x02\x01\0\0", 10),
        (b"AMQP\x03\x01\0\0\0\0\0\x0c\x02\x01\0\0nope", 10),
        (mechanisms, 10),
        (b"", 9),
        (b"AMQP\x03", 9),
    ] {
        let string = format!(
            "Endpoint=sb://localhost:{};SharedAccessKeyName=p;SharedAccessKey={KEY};EntityPath=e;UseDevelopmentEmulator=true",
            server_of(answer)
        );
        let error = Hubctl::new(&["monitor-events", "-l", &string])
            .run()
            .failure(code);
        assert!(
            error.contains("because: ") && error.contains("hint: ") && !error.contains("panic"),
            "{answer:?}: {error}"
        );
    }
}
