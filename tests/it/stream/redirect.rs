//! A hub that fails over: its redirect leads to another namespace when the connection is made again.

use super::check::Check;
use super::told;
use crate::support::event_hub::{EventHub, Fault, Log, Script, Setup};
use crate::support::hostile::KEY;
use crate::support::{Certificates, Hubctl};

#[test]
fn a_hub_that_failed_over_is_followed_to_its_other_namespace() {
    let certificates = Certificates::make();
    let logs = vec![Log::of(3_000), Log::of(3_000)];
    let namespaces = [
        Script::of([(1_000, Fault::Close("amqp:connection:forced"))]),
        Script::of([(2_000, Fault::Detach("amqp:link:redirect"))]),
        Script::none(),
    ]
    .map(|script| EventHub::start(Setup::new(logs.clone(), script), Some(&certificates)));
    let mut hub = Setup::new(Vec::new(), Script::none());
    // Two names of one machine stand for two machines.
    hub.redirects = ["localhost", "127.0.0.1", "localhost"]
        .into_iter()
        .zip(&namespaces)
        .map(|(host, namespace)| (host.to_owned(), namespace.port))
        .collect();
    let hub = EventHub::start(hub, Some(&certificates));
    let string =
        format!("HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}");
    let finished = Hubctl::new(&["monitor-events", "-f", "ndjson", "-l", &string])
        .args(&["--from", "earliest", "--count", "6000"])
        .env("HUBCTL_AMQP_PORT", hub.port.to_string())
        .env("HUBCTL_CA_FILE", certificates.ca_file())
        .run();
    Check::whole(&logs, &finished.stdout);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert_eq!(told(&finished, "connection lost"), 2, "{}", finished.stderr);
    let [first, second, third] = &namespaces;
    for (host, namespace) in [
        ("localhost", first),
        ("127.0.0.1", second),
        ("localhost", third),
    ] {
        let line = format!("redirected to e at {host}:{}", namespace.port);
        assert_eq!(told(&finished, &line), 1, "{}", finished.stderr);
        assert_eq!(namespace.conduct().conduct.connections, 1);
    }
    assert_eq!(hub.conduct().conduct.connections, 3);
}
