//! Against rustls' own server, through a pipe that cuts what goes through it.

use std::time::Duration;

use futures_util::FutureExt as _;
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server;

use super::*;

type Client = TlsStream<DuplexStream>;
type Server = server::TlsStream<DuplexStream>;

/// More than any of these takes.
const LIMIT: Duration = Duration::from_secs(60);

static VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

fn configs(
    version: &'static SupportedProtocolVersion,
    tickets: usize,
) -> (Arc<ClientConfig>, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    server.send_tls13_tickets = tickets;
    (Arc::new(client), TlsAcceptor::from(Arc::new(server)))
}

/// Both ends after the handshake, with a pipe between them that holds so many bytes.
async fn shaken(version: &'static SupportedProtocolVersion, pipe: usize) -> (Client, Server) {
    // The server waits until its tickets are sent, and nobody reads so far: they have to fit into the pipe.
    let (config, acceptor) = configs(version, pipe / 1000);
    let (near, far) = duplex(pipe);
    let name = ServerName::try_from("localhost").unwrap();
    let (client, server) =
        tokio::join!(TlsStream::connect(config, name, near), acceptor.accept(far));
    (client.unwrap(), server.unwrap())
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(LIMIT, test).await.unwrap() })
}

/// All that comes, in reads of so many bytes.
async fn read_all(stream: &mut (impl AsyncRead + Unpin), room: usize) -> io::Result<Vec<u8>> {
    let (mut all, mut bytes) = (Vec::new(), vec![0; room]);
    loop {
        match stream.read(&mut bytes).await? {
            0 => return Ok(all),
            length => all.extend_from_slice(&bytes[..length]),
        }
    }
}

/// What is sent: so many bytes at a time, some of them after new keys.
fn parts(longest: usize) -> impl Strategy<Value = Vec<(usize, bool)>> {
    prop::collection::vec((0..longest, any::<bool>()), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_sent_comes_whole_both_ways(
        (parts, pipe) in prop_oneof![(parts(40_000), 1_000_usize..200_000), (parts(1_000), 1_usize..40)],
        room in prop_oneof![1_usize..70, 10_000_usize..300_000],
        version in 0_usize..2,
    ) {
        let number = |at: usize| u8::try_from(at % 251).unwrap();
        let sent: Vec<u8> = (0..parts.iter().map(|part| part.0).sum()).map(number).collect();
        let (there, back) = run(async {
            let (client, server) = shaken(VERSIONS[version], pipe).await;
            let (mut reader, mut writer) = tokio::io::split(client);
            let answers = async {
                let (mut server, mut rest, mut all) = (server, &sent[..], Vec::new());
                for (length, renews_keys) in &parts {
                    let part = rest.split_off(..*length).unwrap();
                    if *renews_keys && version == 0 {
                        server.get_mut().1.refresh_traffic_keys().unwrap();
                    }
                    server.write_all(part).await.unwrap();
                }
                server.shutdown().await.unwrap();
                let _ = server.read_to_end(&mut all).await.unwrap();
                all
            };
            let asks = async {
                for (length, _) in &parts {
                    writer.write_all(&vec![7; *length]).await.unwrap();
                }
                writer.shutdown().await.unwrap();
            };
            let (there, (), back) = tokio::join!(answers, asks, read_all(&mut reader, room));
            (there, back.unwrap())
        });
        prop_assert_eq!(there, vec![7; sent.len()]);
        prop_assert_eq!(back, sent);
    }
}

#[test]
fn an_end_without_a_farewell_is_an_error_and_one_with_it_is_none() {
    for version in VERSIONS {
        run(async {
            let (mut client, mut server) = shaken(version, 10_000).await;
            server.write_all(b"last").await.unwrap();
            server.shutdown().await.unwrap();
            assert_eq!(read_all(&mut client, 100).await.unwrap(), b"last");

            let (mut client, mut server) = shaken(version, 10_000).await;
            server.write_all(b"last").await.unwrap();
            server.flush().await.unwrap();
            drop(server);
            let mut last = [0; 4];
            let _ = client.read_exact(&mut last).await.unwrap();
            let error = client.read(&mut last).await.unwrap_err();
            assert_eq!(
                (&last, error.kind()),
                (b"last", io::ErrorKind::UnexpectedEof)
            );
        });
    }
}

#[test]
fn bytes_that_were_changed_on_the_way_are_refused() {
    run(async {
        let (mut client, server) = shaken(&version::TLS13, 10_000).await;
        let (mut pipe, _tls) = server.into_inner();
        pipe.write_all(&[23, 3, 3, 0, 20]).await.unwrap();
        pipe.write_all(&[9; 20]).await.unwrap();
        let error = client.read(&mut [0; 10]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        // And nothing is done with it from then on.
        assert!(client.read(&mut [0; 10]).await.is_err());
        assert!(client.write(b"more").await.is_err());
        assert!(client.shutdown().await.is_err());
    });
}

#[test]
fn what_is_no_tls_is_refused_and_told_so() {
    run(async {
        let (config, _) = configs(&version::TLS13, 0);
        let (near, mut far) = duplex(10_000);
        far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let Err(error) = TlsStream::connect(config, name, near).await else {
            panic!("it is taken for TLS")
        };
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let mut heard = Vec::new();
        let _ = far.read_to_end(&mut heard).await.unwrap();
        // A handshake, and an alert behind it.
        let behind = 5 + usize::from(u16::from_be_bytes([heard[3], heard[4]]));
        assert_eq!((heard[0], heard[behind]), (22, 21));
    });
}

#[test]
fn a_strange_name_is_refused_and_the_server_is_told() {
    for version in VERSIONS {
        run(async {
            let (config, acceptor) = configs(version, 0);
            let (near, far) = duplex(10_000);
            let name = ServerName::try_from("elsewhere").unwrap();
            let (client, server) =
                tokio::join!(TlsStream::connect(config, name, near), acceptor.accept(far));
            let Err(error) = client else {
                panic!("it is taken for another")
            };
            let why = error.get_ref().unwrap().downcast_ref::<rustls::Error>();
            assert!(
                matches!(why, Some(rustls::Error::InvalidCertificate(_))),
                "{error}"
            );
            // TLS 1.3's server hears of it after its own part is done.
            let told = match server {
                Ok(mut server) => server.read(&mut [0; 10]).await.unwrap_err(),
                Err(error) => error,
            };
            assert!(told.to_string().contains("alert"), "{told}");
        });
    }
}

#[test]
fn no_more_is_taken_than_can_be_sent() {
    run(async {
        let (mut client, mut server) = shaken(&version::TLS13, 1_000).await;
        let bytes = vec![1; 100_000];
        let mut taken = 0;
        while let Some(length) = client.write(&bytes).now_or_never() {
            taken += length.unwrap();
            assert!(taken <= 4 * MOST_UNSENT);
        }
        assert!(taken >= MOST_UNSENT);
        let mut all = vec![0; taken];
        let (flushed, read) = tokio::join!(client.flush(), server.read_exact(&mut all));
        flushed.unwrap();
        assert_eq!(read.unwrap(), taken);
        assert_eq!(all, vec![1; taken]);
    });
}
