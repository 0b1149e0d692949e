//! `root-ca`: today's anchors in every form, and a real handshake with servers of the tests' own.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::PrivateKeyDer;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::runner::Finished;
use crate::support::{Emulator, Hubctl};

const DIGICERT: &str = "cb3ccbb76031e5e0138f8dd39a23f9de47ffc35e43c1144cea27d46a5ab1cb5f";
const MICROSOFT: &str = "c741f70f4b2a8d88bf2e71c14122ef53ef10eba0cfa5e64cfa20f418853073e0";

/// A TLS server with a root, an intermediate and a certificate of its own.
struct Server {
    port: u16,
    folder: TempDir,
}

impl Server {
    fn start(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = CertifiedIssuer::self_signed(authority("Test Root"), key()).unwrap();
        std::fs::write(folder.path().join("ca.pem"), root.pem()).unwrap();
        let middle = CertifiedIssuer::signed_by(authority("Test Middle"), key(), &root).unwrap();
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        leaf.distinguished_name
            .push(DnType::CommonName, "Test*/Leaf\u{1b}[31m");
        change(&mut leaf);
        let leaf_key = key();
        let leaf = leaf.signed_by(&leaf_key, &middle).unwrap();
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![leaf.der().clone(), middle.der().clone()],
                    PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap(),
                )
                .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let _ = StreamOwned::new(connection, stream).read(&mut [0]);
            }
        });
        Self { port, folder }
    }

    fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A call for `localhost` that trusts the root.
    fn trusted(&self, arguments: &[&str]) -> Finished {
        self.call(arguments)
            .env("HUBCTL_CA_FILE", self.ca_file())
            .run()
    }

    fn call(&self, arguments: &[&str]) -> Hubctl {
        let host = format!("localhost:{}", self.port);
        Hubctl::new(&["root-ca", &host]).args(arguments)
    }
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    params
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn todays_anchors_are_printed() {
    let pem = Hubctl::new(&["root-ca"]).run().success();
    assert!(pem.starts_with("# DigiCert Global Root G2 (until 2038-01-15)\n-----BEGIN"));
    assert_eq!(pem.matches("-----END CERTIFICATE-----\n").count(), 2);
    let all = json(&Hubctl::new(&["root-ca", "--json"]).run().success());
    let anchors = all["anchors"].as_array().unwrap();
    for (anchor, sha256) in anchors.iter().zip([DIGICERT, MICROSOFT]) {
        assert_eq!(anchor["sha256"], sha256);
        assert!(pem.contains(anchor["pem"].as_str().unwrap()));
    }
    let text = Hubctl::new(&["root-ca", "-f", "text"]).run().success();
    assert!(text.contains("2042-07-18T23:00:23Z") && text.contains(MICROSOFT));
}

#[test]
fn compilers_read_what_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let all = json(&Hubctl::new(&["root-ca", "-f", "json"]).run().success());
    let pems: String = all["anchors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|anchor| anchor["pem"].as_str().unwrap())
        .collect();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let program = folder.path().join("program");
    let prints_them = |compiler: &mut Command| {
        let built = compiler.arg("-o").arg(&program).status();
        assert!(built.unwrap().success());
        let printed = Command::new(&program).output().unwrap().stdout;
        assert_eq!(String::from_utf8(printed).unwrap(), pems);
    };
    let header = Hubctl::new(&["root-ca", "-f", "c"]).run().success();
    file("root_ca.h", header);
    let main = file(
        "main.c",
        "#include <stdio.h>\n#include \"root_ca.h\"\n#include \"root_ca.h\"\nint main(void) { fputs(IOT_HUB_ROOT_CA, stdout); return 0; }\n".to_owned(),
    );
    let strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"];
    prints_them(Command::new("cc").args(strict).arg(main));

    let source = Hubctl::new(&["root-ca", "-f", "rust"]).run().success();
    file("root_ca.rs", source);
    let main = file(
        "main.rs",
        "#![deny(warnings)]\nmod root_ca;\nfn main() { print!(\"{}\", root_ca::IOT_HUB_ROOT_CA); }\n".to_owned(),
    );
    prints_them(Command::new("rustc").args(["--edition", "2021"]).arg(main));
}

#[test]
fn a_host_of_ones_own_is_explained() {
    let server = Server::start(|_| {});
    let text = server.trusted(&[]).success();
    assert!(text.starts_with(&format!("localhost:{} presents 2 certificates\n0  subject  Test*/Leaf[31m\n   issuer   Test Middle\n", server.port)), "{text}");
    assert!(
        text.contains(
            "1  subject  Test Middle\n   issuer   Test Root\n   expires  2090-01-01T00:00:00Z (in "
        ),
        "{text}"
    );
    assert!(
        text.contains("anchor      Test Root (until 2090-01-01), from --ca-file\n"),
        "{text}"
    );
    assert!(text.ends_with("trusted     yes, by this machine\nboard       would connect with what stands in --ca-file alone\n"), "{text}");

    let explained = json(&server.trusted(&["--json"]).success());
    assert_eq!(explained["chain"].as_array().unwrap().len(), 2);
    assert_eq!(explained["anchor"]["from"], "caFile");
    assert_eq!(explained["board"]["connects"], true);
    // The root itself is what a board needs, and servers do not present it.
    let root = std::fs::read_to_string(server.ca_file())
        .unwrap()
        .replace("\r\n", "\n");
    assert_eq!(explained["anchor"]["certificate"]["pem"], root);
    let header = server.trusted(&["-f", "c"]).success();
    assert!(
        header.contains("Test Root (until 2090-01-01)")
            && header.contains(root.lines().nth(1).unwrap())
    );
    assert!(
        server
            .trusted(&["-f", "rust"])
            .success()
            .contains("pub const IOT_HUB_ROOT_CA")
    );
    let chain = server.trusted(&["-f", "pem"]).success();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(chain.contains("# Test Middle (until 2090-01-01)\n"));

    let port = server.port.to_string();
    let separate = Hubctl::new(&["root-ca", "localhost", "--port", &port, "--ca-file"])
        .args(&[server.ca_file().to_str().unwrap()])
        .run();
    assert_eq!(separate.success(), text);
}

#[test]
fn what_is_not_trusted_is_shown_and_refused() {
    let server = Server::start(|_| {});
    let finished = server.call(&[]).run();
    assert!(
        finished.stdout.contains("1  subject  Test Middle"),
        "{}",
        finished.stdout
    );
    assert!(
        finished
            .stdout
            .contains("anchor      none that is known here\ntrusted     NO: ")
    );
    assert!(
        finished
            .stdout
            .contains("board       would NOT connect with the anchors that hubctl emits alone: ")
    );
    let said = finished.failure(9);
    assert!(
        said.contains("UnknownIssuer") && said.contains("--ca-file"),
        "{said}"
    );
    let refused = server.call(&["-f", "c"]).run();
    assert_eq!(refused.stdout, "");
    assert!(refused.failure(9).contains("is not at hand"));
}

#[test]
fn an_expired_certificate_still_leads_to_its_anchor() {
    let server = Server::start(|leaf| {
        leaf.not_before = date_time_ymd(2021, 1, 1);
        leaf.not_after = date_time_ymd(2022, 1, 1);
    });
    let finished = server.trusted(&["--json"]);
    let explained = json(&finished.stdout);
    assert_eq!(explained["anchor"]["name"], "Test Root");
    assert_eq!(
        (&explained["trusted"], &explained["board"]["connects"]),
        (&Value::Bool(false), &Value::Bool(false))
    );
    assert_eq!(finished.code, 9);
    let error = json(&finished.stderr);
    assert!(
        error["error"]["hint"].as_str().unwrap().contains("clock"),
        "{error}"
    );
    let text = server.trusted(&[]).stdout;
    assert!(
        text.contains("expires  2022-01-01T00:00:00Z (EXPIRED "),
        "{text}"
    );
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let server = Server::start(|leaf| {
        leaf.subject_alt_names = CertificateParams::new(vec!["elsewhere.example".to_owned()])
            .unwrap()
            .subject_alt_names;
    });
    let finished = server.trusted(&[]);
    assert!(
        finished.stdout.contains("anchor      Test Root"),
        "{}",
        finished.stdout
    );
    assert!(finished.failure(9).contains("another name"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_board_may_not_trust_what_this_machine_does() {
    let server = Server::start(|_| {});
    let finished = server
        .call(&[])
        .env("SSL_CERT_FILE", server.ca_file())
        .run();
    assert!(
        finished
            .stdout
            .contains("anchor      Test Root, from this system's store alone\ntrusted     yes"),
        "{}",
        finished.stdout
    );
    let said = finished.failure(12);
    assert!(said.contains("would not connect"), "{said}");
}

#[test]
fn bad_input_and_closed_ports_have_their_codes() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let closed = Hubctl::new(&["root-ca", "127.0.0.1", "--port", &port]).run();
    assert_eq!(closed.stdout, "");
    assert!(closed.failure(9).contains("cannot reach"));
    Hubctl::new(&["root-ca", "no-such-host.invalid"])
        .run()
        .failure(9);
    Hubctl::new(&["root-ca", "https://contoso.azure-devices.net"])
        .run()
        .failure(2);
    Hubctl::new(&["root-ca", "--port", "443"]).run().failure(2);
    let missing = Hubctl::new(&["root-ca", "localhost", "--ca-file", "/nowhere.pem"]).run();
    assert_eq!(missing.code, 3, "{}", missing.stderr);
    // Something that speaks no TLS.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::Write as _;
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"220 welcome\r\n");
        }
    });
    let plain = Hubctl::new(&["root-ca", &format!("127.0.0.1:{plain}")])
        .run()
        .failure(9);
    assert!(plain.contains("TLS"), "{plain}");
}

#[test]
fn the_emulator_is_a_host_like_any() {
    let emulator = Emulator::start(&[]);
    let by_string = emulator
        .hubctl(&["root-ca", emulator.hub()])
        .run()
        .success();
    assert!(by_string.contains("trusted     yes"), "{by_string}");
    for name in ["https", "amqps"] {
        let port = emulator.port(name).to_string();
        let text = emulator
            .hubctl(&["root-ca", "localhost", "--port", &port])
            .run()
            .success();
        assert!(text.contains(", from --ca-file\ntrusted     yes"), "{text}");
    }
}
