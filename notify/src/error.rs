//! What can go wrong on the way to an Alertmanager.

use thiserror::Error;

/// A sender cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// Neither `http` nor `https`.
    #[error("unsupported scheme {scheme:?} of an Alertmanager")]
    Scheme {
        /// What was given.
        scheme: String,
    },
    /// Not of the form `host:port`.
    #[error("{address:?} is not a valid address of an Alertmanager")]
    Address {
        /// What was given.
        address: String,
    },
    /// The built-in client speaks plain HTTP only: the feature `tls` is off.
    #[error("{url} needs a client with TLS")]
    NoTls {
        /// The Alertmanager.
        url: String,
    },
    /// Certificates or a key cannot be read.
    #[error("TLS: {0}")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The HTTP client cannot be built.
    #[error("HTTP client: {0}")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A request failed; its alerts are dropped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The answer was not 2xx.
    #[error("bad response status {status}")]
    BadStatus {
        /// Code and reason, as `503 Service Unavailable`.
        status: String,
    },
    /// No answer in time.
    #[error("no answer within {timeout_ms} ms")]
    Timeout {
        /// The limit.
        timeout_ms: u64,
    },
    /// The credentials cannot be read.
    #[error("reading credentials: {0}")]
    Credentials(#[source] std::io::Error),
    /// No connection, or it broke.
    #[error("{0}")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The delivery was given up before it finished.
    #[error("delivery was abandoned")]
    Abandoned,
}
