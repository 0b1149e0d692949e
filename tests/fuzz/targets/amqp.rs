//! Whatever a peer of AMQP sends: the hub takes it or hangs up, before it has let the peer in and after.
#![no_main]

mod hub;
mod mint;

use std::sync::{Arc, LazyLock};

use hubctl::emulator::amqp::options::{Limits, Options};
use hubctl::emulator::amqp::server::serve_connection;
use hubctl::emulator::connections::Connections;
use hubctl::emulator::driver::Clock;
use hubctl::emulator::fault::{Mischief, Wire};
use hubctl::model::secret::Secret;
use hubctl::protocol::amqp::cbs::{PutToken, SAS_TOKEN_TYPE};
use hubctl::protocol::amqp::frame::{FrameKind, begin_frame, end_frame};
use hubctl::protocol::amqp::performative::{
    Attach, Begin, Open, Performative, Role, SaslInit, Target, Transfer,
};
use hubctl::protocol::sas::{self, SigningKey};

/// What either side begins with: the layer's header.
const SASL: &[u8] = b"AMQP\x03\x01\0\0";
const AMQP: &[u8] = b"AMQP\0\x01\0\0";

/// All that a service says until it has a session on channel 0, and may read what devices send too.
static GREETING: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let credentials = format!(
        "\0iothubowner@sas.root.localhost\0{}",
        mint::token("iothubowner")
    );
    let init = Performative::SaslInit(SaslInit {
        mechanism: "PLAIN",
        initial_response: Some(credentials.as_bytes()),
        hostname: None,
    });
    let open = Performative::Open(Open {
        container_id: "fuzz",
        hostname: Some("localhost"),
        ..Open::default()
    });
    let begin = Begin {
        incoming_window: 2048,
        outgoing_window: 2048,
        ..Begin::default()
    };
    let cbs = Attach {
        target: Some(Target::at("$cbs")),
        ..Attach::new("cbs", 0, Role::Sender)
    };
    // Event Hubs signs with the key's text.
    let key = SigningKey::raw(&Secret::new(hub::KEY)).expect("a key");
    let token = sas::mint(&key, "sb://localhost/eh", mint::EXPIRY, Some("iothubowner"));
    let put_token = PutToken {
        message_id: None,
        reply_to: None,
        token_type: SAS_TOKEN_TYPE,
        audience: "sb://localhost/eh",
        token: token.expose(),
    };
    let transfer = Transfer {
        delivery_id: Some(0),
        settled: Some(true),
        ..Transfer::default()
    };
    let mut said = SASL.to_vec();
    push(&mut said, (FrameKind::Sasl, 0), |out| init.encode(out));
    said.extend_from_slice(AMQP);
    push(&mut said, (FrameKind::Amqp, 0), |out| open.encode(out));
    for channel in [0, 1] {
        push(&mut said, (FrameKind::Amqp, channel), |out| {
            Performative::Begin(begin).encode(out);
        });
    }
    push(&mut said, (FrameKind::Amqp, 1), |out| {
        Performative::Attach(cbs).encode(out);
    });
    push(&mut said, (FrameKind::Amqp, 1), |out| {
        Performative::Transfer(transfer).encode(out);
        put_token.write(out);
    });
    said
});

fn push(out: &mut Vec<u8>, (kind, channel): (FrameKind, u16), encode: impl FnOnce(&mut Vec<u8>)) {
    let start = begin_frame(out, kind, channel);
    encode(out);
    end_frame(out, start);
}

/// Frames, each of a body that has its length in front.
fn framed(mut bytes: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (body, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        push(&mut frames, (FrameKind::Amqp, 0), |out| {
            out.extend_from_slice(body);
        });
        bytes = rest;
    }
    frames
}

fn options() -> Options {
    Options {
        container_id: "fuzz".to_owned(),
        redirect_host: "localhost".to_owned(),
        redirect_port: 5671,
        entity: "eh".to_owned(),
        clock: Clock::new(hub::now),
        limits: Limits::default(),
        mischief: Mischief::default(),
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let is_let_in = first & 3 != 0;
    let closes = first & 4 == 0;
    let greeting: &[u8] = if is_let_in { &GREETING } else { &[] };
    let rest = match first % 2 {
        0 => rest.to_vec(),
        _ => framed(rest),
    };
    let told = hub::told(&[greeting, &rest].concat(), closes, async |stream, hub| {
        let mut seat = Connections::default().enter(Wire::Amqp);
        serve_connection(stream, hub, Arc::new(options()), &mut seat).await;
    });
    if is_let_in {
        assert_eq!(told.get(..SASL.len()), Some(SASL));
        let is_welcome = told.windows(AMQP.len()).any(|window| window == AMQP);
        assert!(is_welcome, "{}", told.escape_ascii());
    }
});
