//! Devices and modules whose certificates an authority has signed, and such whose certificates have run out.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rumqttc::mqttbytes::v4::ConnectReturnCode;
use rustls::ALL_VERSIONS;

use crate::support::holder::{Authority, Holder, greeting, named, register, register_signed};
use crate::support::{Emulator, Hubctl};

fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn root(name: &str) -> Authority {
    Authority::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap()
}

/// A hub that trusts this authority.
fn trusting(authority: &Authority) -> Emulator {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("device-ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    Emulator::start(&["--device-ca", file.to_str().unwrap()])
}

#[test]
fn a_certificate_that_has_run_out_is_no_use_though_its_hash_is_known() {
    let hub = Emulator::start(&[]);
    let mut params = named("x1");
    params.not_after = date_time_ymd(2020, 1, 1);
    let old = Holder::signed(&params, &[&root("anyone")], &[]);
    register(
        &hub,
        "x1",
        &old.hashes()[0],
        Some(&Holder::any().hashes()[0]),
    );
    let code = greeting(&hub, &old.tls(&hub, ALL_VERSIONS), "x1");
    assert_eq!(code, ConnectReturnCode::NotAuthorized);
}

#[test]
fn an_authority_vouches_for_devices_and_modules_by_name() {
    let root = root("our own");
    let hub = trusting(&root);
    let middle = KeyPair::generate().unwrap();
    let middle = Authority::signed_by(authority("factory"), middle, &root).unwrap();
    let foreign = self::root("our own");
    register_signed(&hub, "x1");
    register_signed(&hub, "x1/m1");
    let mut expired = named("x1");
    expired.not_after = date_time_ymd(2020, 1, 1);
    let code = |holder: &Holder, id: &str| greeting(&hub, &holder.tls(&hub, ALL_VERSIONS), id);
    for (what, holder, id) in [
        (
            "signed by it",
            Holder::signed(&named("x1"), &[&root], &[]),
            "x1",
        ),
        (
            "with the root along",
            Holder::signed(&named("x1"), &[&root], &[&root]),
            "x1",
        ),
        (
            "by one in between",
            Holder::signed(&named("x1"), &[&middle], &[&middle]),
            "x1",
        ),
        (
            "version 1",
            Holder::signed(&named("x1"), &[&root], &[]).of_version_1(&root),
            "x1",
        ),
        (
            "a module",
            Holder::signed(&named("x1/m1"), &[&root], &[]),
            "x1/m1",
        ),
    ] {
        assert_eq!(code(&holder, id), ConnectReturnCode::Success, "{what}");
    }
    for (what, holder, id) in [
        (
            "another's name",
            Holder::signed(&named("x2"), &[&root], &[]),
            "x1",
        ),
        (
            "the device's for a module",
            Holder::signed(&named("x1"), &[&root], &[]),
            "x1/m1",
        ),
        (
            "the module's for its device",
            Holder::signed(&named("x1/m1"), &[&root], &[]),
            "x1",
        ),
        ("expired", Holder::signed(&expired, &[&root], &[]), "x1"),
        (
            "a foreign authority",
            Holder::signed(&named("x1"), &[&foreign], &[&foreign]),
            "x1",
        ),
        (
            "one missing in between",
            Holder::signed(&named("x1"), &[&middle], &[]),
            "x1",
        ),
        ("signed by itself", Holder::any(), "x1"),
    ] {
        assert_eq!(
            code(&holder, id),
            ConnectReturnCode::NotAuthorized,
            "{what}"
        );
    }
    // A device that is known by the hash of its certificate is not helped by who has signed another.
    let signed = Holder::signed(&named("x3"), &[&root], &[]);
    register(&hub, "x3", &Holder::any().hashes()[0], None);
    assert_eq!(code(&signed, "x3"), ConnectReturnCode::NotAuthorized);
}

#[test]
fn a_file_that_names_no_authority_is_told_of_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = KeyPair::generate().unwrap();
    let mut device = named("x1");
    device.is_ca = IsCa::ExplicitNoCa;
    let missing = folder.path().join("missing.pem");
    for (path, told) in [
        (missing.to_str().unwrap().to_owned(), "cannot read "),
        (
            file("key.pem", &key.serialize_pem()),
            "key.pem holds no certificate",
        ),
        (
            file("device.pem", &device.self_signed(&key).unwrap().pem()),
            "device.pem is no authority's",
        ),
    ] {
        let data = folder.path().join("data");
        let ended = Hubctl::new(&["emulator", "--device-ca", &path, "--https-port", "0"])
            .args(&["--amqps-port", "0", "--mqtts-port", "0"])
            .env("HUBCTL_DATA_DIR", &data)
            .run();
        let said = ended.failure(3);
        assert!(
            said.contains(told) && said.contains("--device-ca"),
            "{said}"
        );
        assert!(!said.contains("PRIVATE KEY"), "{said}");
    }
}
