//! Peers that come with a certificate, and need no token for what is their own.

use super::devices::{device_token, owner};
use super::*;
use crate::emulator::hub::command::{Certificate, RegistryOperation};
use crate::model::device::{Authentication, Identity, Thumbprint};
use crate::protocol::amqp::performative::error::condition::UNAUTHORIZED_ACCESS;

const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

impl Bench {
    /// A connection whose certificate is that of `x1`.
    fn certified() -> Self {
        let certificate = Certificate {
            sha1: SHA1.to_owned(),
            sha256: "0".repeat(64),
            common_name: None,
            valid: START..=START + 1_000,
            vouched: None,
        };
        let mut bench = Self::new();
        let certificate = Some(Arc::new(certificate));
        bench.machine = Connection::new(Arc::new(options()), certificate, 7, bench.now);
        let identity = Identity {
            device_id: "x1".to_owned(),
            authentication: Authentication {
                x509_thumbprint: Some(Thumbprint {
                    primary_thumbprint: Some(SHA1.to_owned()),
                    secondary_thumbprint: None,
                }),
                ..Authentication::default()
            },
            ..Identity::default()
        };
        let command = Command::Registry {
            token: Some(owner()),
            operation: RegistryOperation::Write {
                device: "x1".to_owned(),
                module: None,
                identity: Box::new(identity),
                if_match: None,
            },
        };
        bench.command(command);
        bench
    }

    /// The same after a header of AMQP, without a security layer.
    fn certified_open() -> Self {
        let mut bench = Self::certified();
        bench.feed_raw(ProtocolHeader::Amqp.bytes());
        let open = Open {
            container_id: "c",
            ..Open::default()
        };
        bench.send(0, &Performative::Open(open));
        bench.begin(1);
        bench
    }

    fn events_of(&mut self, handle: u32, device: &str) -> Vec<Frame> {
        let address = format!("/devices/{device}/messages/events");
        self.attach_own(handle, Role::Sender, &address)
    }
}

#[test]
fn its_own_links_need_no_token_and_wait_for_none() {
    let mut bench = Bench::certified_open();
    // Longer than whoever has a token to show may take for it.
    assert_eq!(bench.wait(60), []);
    assert_eq!(names(&bench.events_of(3, "x1")), ["attach", "flow"]);
    bench.machine.end_tokens();
    assert_eq!(bench.wait(1), []);
    // By far later than the certificate ends: what is open stays so.
    bench.begin(2);
    for _ in 0..20 {
        bench.send(2, &Performative::Flow(wide()));
        assert!(!names(&bench.wait(100)).contains(&"detach"));
    }
}

#[test]
fn what_is_not_its_own_stays_shut() {
    let mut bench = Bench::certified_open();
    for device in ["d1", "nobody"] {
        let out = bench.events_of(3, device);
        assert_eq!(names(&out), ["attach", "detach"], "{device}");
        assert_eq!(out[1].error().0, UNAUTHORIZED_ACCESS);
    }
    for address in ["/messages/serviceBound/feedback", "messages/events/"] {
        let out = bench.attach_own(4, Role::Receiver, address);
        assert_eq!(names(&out), ["attach", "detach"], "{address}");
        assert_eq!(out[1].error().0, UNAUTHORIZED_ACCESS, "{address}");
    }
}

#[test]
fn external_points_to_it() {
    let mut bench = Bench::certified();
    bench.feed_raw(ProtocolHeader::Sasl.bytes());
    let init = SaslInit {
        mechanism: "EXTERNAL",
        ..SaslInit::default()
    };
    let init = frame(FrameKind::Sasl, 0, &Performative::SaslInit(init), b"");
    let out = bench.feed(&init);
    let Performative::SaslOutcome(outcome) = out[0].performative() else {
        panic!("{out:?}")
    };
    assert_eq!(outcome.code, 0);
}

#[test]
fn a_token_takes_its_place() {
    let mut bench = Bench::certified_open();
    bench.attach_cbs();
    assert_eq!(bench.put_token(&device_token("localhost", 60)), 200);
    let out = bench.events_of(3, "x1");
    // A policy's token speaks for every device, and with it the link ends.
    assert_eq!(names(&out), ["attach", "flow"]);
    assert_eq!(names(&bench.wait(61)), ["detach"]);
    assert_eq!(names(&bench.events_of(4, "x1")), ["attach", "detach"]);
}
