//! The HTTP client of one Alertmanager.

use crate::error::NotifyError;
use crate::queue::AlertmanagerQueue;

/// A client that asks no proxy and speaks what the Alertmanager's URL needs.
pub(crate) fn build(queue: &AlertmanagerQueue) -> Result<reqwest::Client, NotifyError> {
    #[cfg(feature = "tls")]
    install_tls_provider();
    let builder = reqwest::Client::builder().no_proxy();
    let builder = if queue.url().is_https() { with_tls(builder, queue)? } else { builder };
    builder.build().map_err(|error| NotifyError::Client(Box::new(error)))
}

/// Makes ring the process' provider of cryptography, unless one is chosen already. With the feature `tls`, clients of
/// `reqwest` anywhere in the program cannot be built before: senders here see to it themselves.
#[cfg(feature = "tls")]
pub fn install_tls_provider() {
    // An error means that the process has chosen: then that one stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(not(feature = "tls"))]
fn with_tls(_: reqwest::ClientBuilder, queue: &AlertmanagerQueue) -> Result<reqwest::ClientBuilder, NotifyError> {
    Err(NotifyError::NoTls { url: queue.url().to_string() })
}

#[cfg(feature = "tls")]
fn with_tls(builder: reqwest::ClientBuilder, queue: &AlertmanagerQueue) -> Result<reqwest::ClientBuilder, NotifyError> {
    let wrong = |error: reqwest::Error| NotifyError::Tls(Box::new(error));
    let tls = &queue.options().tls;
    let mut builder = builder.tls_danger_accept_invalid_certs(tls.insecure_skip_verify);
    if let Some(ca) = &tls.ca_pem {
        builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(ca.as_bytes()).map_err(wrong)?);
    }
    if let Some(identity) = &tls.identity_pem {
        let pem = identity.reveal().map_err(|error| NotifyError::Tls(Box::new(error)))?;
        builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).map_err(wrong)?);
    }
    Ok(builder)
}
