//! Delivery over TLS, to a server with a certificate of its own making.

use std::sync::Arc;
use std::time::Duration;

use promethium_model::{Labels, Limits};
use promethium_notify::{AlertmanagerConfig, AlertmanagerMetrics, Alertmanagers, HttpSender, TargetGroup, TlsConfig};
use promethium_rules::{Alert, Notifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Serves one connection after the other; gives the port and the certificate.
async fn server() -> (u16, String) {
    server_for(None).await
}

/// As [`server`], only for whoever shows this certificate, if there is one.
async fn server_for(client: Option<&CertificateDer<'static>>) -> (u16, String) {
    promethium_notify::install_tls_provider();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = match client {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
            ServerConfig::builder().with_client_cert_verifier(verifier)
        }
    };
    let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut text = Vec::new();
            while !text.ends_with(b"}]") {
                let mut piece = [0; 4096];
                match stream.read(&mut piece).await {
                    Ok(read) if read > 0 => text.extend_from_slice(&piece[..read]),
                    _ => break,
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    (port, cert.pem())
}

async fn delivered(port: u16, tls: TlsConfig) -> AlertmanagerMetrics {
    let mut config = AlertmanagerConfig::new(vec![TargetGroup::new([format!("localhost:{port}")])]);
    config.scheme = "https".to_owned();
    config.tls = tls;
    let alertmanagers = Arc::new(Alertmanagers::none(&Limits::default()));
    alertmanagers.apply(Labels::empty(), Vec::new(), vec![config]).unwrap();
    let sender = HttpSender::start(Arc::clone(&alertmanagers)).unwrap();
    alertmanagers.notify(vec![Alert::new(Labels::from_pairs([("a", "b")]), 0, 1_000)]);
    let queue = Arc::clone(&alertmanagers.queues()[0]);
    sender.shutdown(Duration::from_secs(30)).await;
    queue.metrics()
}

#[tokio::test]
async fn only_known_authorities_are_trusted() {
    let (port, pem) = server().await;
    let mut known = TlsConfig::default();
    known.ca_pem = Some(pem);
    let mut careless = TlsConfig::default();
    careless.insecure_skip_verify = true;
    for (tls, sent) in [(TlsConfig::default(), 0), (known, 1), (careless, 1)] {
        let metrics = delivered(port, tls.clone()).await;
        assert_eq!((metrics.sent_total, metrics.errors_total), (sent, 1 - sent), "{tls:?}: {:?}", metrics.last_error);
    }
}

#[tokio::test]
async fn a_sender_shows_its_certificate() {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["me".to_owned()]).unwrap();
    let (port, pem) = server_for(Some(cert.der())).await;
    for (identity, sent) in [(None, 0), (Some(format!("{}{}", cert.pem(), signing_key.serialize_pem())), 1)] {
        let mut tls = TlsConfig::default();
        tls.ca_pem = Some(pem.clone());
        tls.identity_pem = identity.map(promethium_notify::Secret::new);
        let metrics = delivered(port, tls).await;
        assert_eq!((metrics.sent_total, metrics.errors_total), (sent, 1 - sent), "{:?}", metrics.last_error);
    }
}

#[tokio::test]
async fn certificates_that_are_none_are_refused() {
    let mut config = AlertmanagerConfig::new(vec![TargetGroup::new(["localhost:1"])]);
    config.scheme = "https".to_owned();
    config.tls.identity_pem = Some(promethium_notify::Secret::new("no PEM"));
    let alertmanagers = Arc::new(Alertmanagers::none(&Limits::default()));
    alertmanagers.apply(Labels::empty(), Vec::new(), vec![config]).unwrap();
    let error = HttpSender::start(alertmanagers).unwrap_err().to_string();
    assert!(error.starts_with("TLS: ") && !error.contains("no PEM"), "{error}");
}
