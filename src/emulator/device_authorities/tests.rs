//! Chains as they come, good ones and such as have something wrong with them.

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

type Authority = CertifiedIssuer<'static, KeyPair>;

const NOW: i64 = 1_780_000_000;

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn root(params: CertificateParams) -> Authority {
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn below(params: CertificateParams, issuer: &Authority) -> Authority {
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), issuer).unwrap()
}

fn trusting(authorities: &[&Authority]) -> DeviceAuthorities {
    let mut trusted = DeviceAuthorities::default();
    for authority in authorities {
        let pem = authority.pem();
        trusted.add(Path::new("ca.pem"), pem.as_bytes()).unwrap();
    }
    trusted
}

/// When the first of a chain is vouched for.
fn vouched(trusted: &DeviceAuthorities, chain: &[&Authority]) -> Option<RangeInclusive<i64>> {
    let chain: Vec<_> = chain.iter().map(|one| one.der().clone()).collect();
    let (_, client) = X509Certificate::from_der(&chain[0]).unwrap();
    let now = DateTime::from_timestamp(NOW, 0).unwrap();
    trusted.vouch(&client, &chain[1..], now)
}

#[test]
fn ways_of_any_length_lead_to_a_trusted_authority() {
    let root = root(authority("root"));
    let trusted = trusting(&[&root]);
    let mut ways = vec![below(authority("0"), &root)];
    for number in 1..=6 {
        let next = below(authority(&number.to_string()), &ways[number - 1]);
        ways.push(next);
    }
    for length in 0..=6 {
        let device = match length {
            0 => below(named("d"), &root),
            _ => below(named("d"), &ways[length - 1]),
        };
        // Sent in any order, with or without the root, and something else among them.
        let others = ways[..length].iter();
        let mut chain = vec![&device];
        chain.extend(others.clone());
        assert!(vouched(&trusted, &chain).is_some(), "{length}");
        let mut chain = vec![&device, &root, &device];
        chain.extend(others.rev());
        assert!(vouched(&trusted, &chain).is_some(), "{length}");
    }
    let too_far = below(named("d"), &ways[6]);
    let mut chain = vec![&too_far];
    chain.extend(&ways);
    assert_eq!(vouched(&trusted, &chain), None);
    // One in the middle that is trusted for its own sake needs nobody above it.
    let device = below(named("d"), &ways[2]);
    assert!(vouched(&trusting(&[&ways[1]]), &[&device, &ways[2]]).is_some());
}

#[test]
fn a_way_that_is_broken_leads_nowhere() {
    let root_ = root(authority("root"));
    let trusted = trusting(&[&root_]);
    let middle = below(authority("middle"), &root_);
    let device = below(named("d"), &middle);
    assert!(vouched(&trusted, &[&device, &middle]).is_some());
    // The one in between is not sent; or another of its name; or one that anyone may have made of the root's name.
    assert_eq!(vouched(&trusted, &[&device]), None);
    let namesake = below(authority("middle"), &root_);
    assert_eq!(vouched(&trusted, &[&device, &namesake]), None);
    let foreign = root(authority("root"));
    let forged = below(named("d"), &foreign);
    assert_eq!(vouched(&trusted, &[&forged]), None);
    assert_eq!(vouched(&trusted, &[&forged, &foreign]), None);
    assert_eq!(vouched(&trusted, &[&root(named("d"))]), None);
    assert_eq!(
        vouched(&DeviceAuthorities::default(), &[&device, &middle]),
        None
    );
    // Of two authorities of one name, the right one is found.
    let both = trusting(&[&foreign, &root_]);
    assert!(vouched(&both, &[&device, &middle]).is_some());
    assert!(vouched(&both, &[&forged]).is_some());
}

#[test]
fn only_authorities_sign_and_as_far_down_as_they_may() {
    let root_ = root(authority("root"));
    let trusted = trusting(&[&root_]);
    let chain_over = |middle: CertificateParams| {
        let middle = below(middle, &root_);
        let device = below(named("d"), &middle);
        vouched(&trusted, &[&device, &middle])
    };
    assert!(chain_over(authority("middle")).is_some());
    // A device's own certificate, however well it is vouched for, makes no devices.
    assert_eq!(chain_over(named("middle")), None);
    let mut explicitly = named("middle");
    explicitly.is_ca = IsCa::ExplicitNoCa;
    assert_eq!(chain_over(explicitly), None);
    let mut without_right = authority("middle");
    without_right.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    assert_eq!(chain_over(without_right), None);
    let mut with_right = authority("middle");
    with_right.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    assert!(chain_over(with_right).is_some());

    let mut short = authority("short");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = root(short);
    let trusted = trusting(&[&short]);
    let direct = below(named("d"), &short);
    assert!(vouched(&trusted, &[&direct]).is_some());
    let middle = below(authority("middle"), &short);
    let device = below(named("d"), &middle);
    assert_eq!(vouched(&trusted, &[&device, &middle]), None);
}

#[test]
fn the_whole_way_has_to_be_valid_and_is_as_long_as_all_of_it() {
    let years = |name: &str, from: i32, to: i32, is_authority: bool| {
        let mut params = if is_authority {
            authority(name)
        } else {
            named(name)
        };
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        params
    };
    let vouched_in = |years_of: [(i32, i32); 3]| {
        let [top, middle, device] = years_of;
        let top = root(years("root", top.0, top.1, true));
        let middle = below(years("middle", middle.0, middle.1, true), &top);
        let device = below(years("d", device.0, device.1, false), &middle);
        vouched(&trusting(&[&top]), &[&device, &middle])
    };
    let at = |year| date_time_ymd(year, 1, 1).unix_timestamp();
    assert_eq!(
        vouched_in([(2020, 2040), (2022, 2030), (2021, 2035)]),
        Some(at(2022)..=at(2030))
    );
    for wrong in [(2020, 2025), (2028, 2030)] {
        let good = (2020, 2030);
        assert_eq!(vouched_in([wrong, good, good]), None);
        assert_eq!(vouched_in([good, wrong, good]), None);
        assert_eq!(vouched_in([good, good, wrong]), None);
    }
}

#[test]
fn what_a_certificate_is_for_and_calls_critical_counts() {
    let root = root(authority("root"));
    let trusted = trusting(&[&root]);
    let with = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = named("d");
        change(&mut params);
        vouched(&trusted, &[&below(params, &root)]).is_some()
    };
    let usage = |purpose: ExtendedKeyUsagePurpose| {
        with(&move |params| params.extended_key_usages = vec![purpose.clone()])
    };
    assert!(usage(ExtendedKeyUsagePurpose::ClientAuth));
    assert!(usage(ExtendedKeyUsagePurpose::Any));
    assert!(!usage(ExtendedKeyUsagePurpose::ServerAuth));
    let extension = |is_critical| {
        with(&move |params| {
            let mut unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 1], vec![5, 0]);
            unknown.set_criticality(is_critical);
            params.custom_extensions = vec![unknown];
        })
    };
    assert!(extension(false));
    assert!(!extension(true));
}

#[test]
fn a_chain_without_end_comes_to_one() {
    // Each of them has issued all of them: the ways through are beyond counting.
    let maze = root(authority("maze"));
    let key = maze.key().serialize_der();
    let again = || {
        let key = KeyPair::try_from(key.as_slice()).unwrap();
        CertifiedIssuer::signed_by(authority("maze"), key, &maze).unwrap()
    };
    let (chain, device): (Vec<_>, _) =
        ((0..20).map(|_| again()).collect(), below(named("d"), &maze));
    let others: Vec<_> = chain
        .iter()
        .map(|one: &Authority| one.der().clone())
        .collect();
    let (_, client) = X509Certificate::from_der(device.der()).unwrap();
    let search = Search {
        trusted: Vec::new(),
        others: parse(&others),
        now: NOW,
        signatures_left: Cell::new(MOST_SIGNATURES),
    };
    assert_eq!(search.climb(&client, 0), None);
    assert_eq!(search.signatures_left.get(), 0);
}

#[test]
fn a_file_holds_authorities_and_nothing_else() {
    let read = |pem: &str| DeviceAuthorities::default().add(Path::new("a.pem"), pem.as_bytes());
    let one = root(authority("one"));
    let two = root(authority("two"));
    assert!(read(&format!("comment\n{}{}", one.pem(), two.pem())).is_ok());
    let damaged = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let key = KeyPair::generate().unwrap().serialize_pem();
    for nothing in [
        "",
        "no PEM",
        damaged,
        &key,
        &format!("{}{damaged}", one.pem()),
    ] {
        let error = read(nothing).unwrap_err();
        assert_eq!(error.to_string(), "a.pem holds no certificate", "{nothing}");
    }
    let mut device = named("d");
    device.is_ca = IsCa::ExplicitNoCa;
    assert_eq!(
        read(&root(device).pem()).unwrap_err().to_string(),
        "a certificate in a.pem is no authority's"
    );
}
