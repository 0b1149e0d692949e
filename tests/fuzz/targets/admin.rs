//! Whatever comes to the admin port: it is answered, with anything but an internal error, or hung up on.
#![no_main]

mod http;
mod hub;

const ROUTES: [&str; 12] = [
    "GET / ",
    "GET /faults ",
    "POST /faults ",
    "DELETE /faults ",
    "DELETE /faults/1 ",
    "GET /connections ",
    "POST /connections/drop?device=d*&on=mqtt ",
    "POST /connections/1/drop ",
    "POST /links/detach?device=d1&kind=events&condition=amqp:link:stolen ",
    "POST /tokens/expire?device=d1 ",
    "POST /quota/fill ",
    "POST /quota/empty ",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let line = |route: &&str| format!("{route}HTTP/1.1\r\nhubctl-admin: 1");
    let Some(said) = http::said(bytes, &ROUTES, line) else {
        return;
    };
    // Hyper takes a client that closes its half for one that is gone.
    let told = hub::told(&said, false, async |stream, hub| {
        http::alone(hub).serve_admin(stream).await;
    });
    http::check(&said, &told);
});
