//! The client for HTTP targets, on tokio.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use promethium_model::float::format_f;
use promethium_model::{Appendable, Clock};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use crate::body::gunzip;
use crate::error::FetchError;
use crate::fetch::{FetchRequest, FetchResponse, Source};
use crate::report::ScrapeReport;
use crate::targets::{StartedScrape, TargetId, Targets};

const AGENT: &str = concat!("Promethium/", env!("CARGO_PKG_VERSION"));
const TIMEOUT_HEADER: &str = "x-prometheus-scrape-timeout-seconds";
const MAX_REDIRECTS: usize = 10;
// What gzip may add to a body that it cannot make smaller.
const GZIP_OVERHEAD_BYTES: usize = 64 << 10;

/// Fetches pages over HTTP: pooled connections, gzip, redirects, and one timeout for connecting and reading.
///
/// Cheap to clone. The client that [`HttpFetcher::new`] makes speaks `https://` only with the feature `tls`, because TLS in
/// Rust needs a C compiler; for proxies, credentials or certificates of your own, give it a client of your own with
/// [`HttpFetcher::with_client`].
#[derive(Clone, Debug)]
pub struct HttpFetcher {
    client: Client,
}

impl HttpFetcher {
    /// With a client that follows ten redirects. With the feature `tls`, ring becomes the process' provider of cryptography,
    /// unless one is chosen already.
    ///
    /// # Errors
    ///
    /// When the client cannot be made, for want of file descriptors or the like.
    pub fn new() -> Result<Self, FetchError> {
        #[cfg(feature = "tls")]
        provide_cryptography();
        let client = Client::builder().redirect(Policy::limited(MAX_REDIRECTS)).build();
        client.map(Self::with_client).map_err(|error| transport("", &error))
    }

    /// With your own client. It must not decompress bodies by itself: the limit holds for what comes out.
    #[must_use]
    pub fn with_client(client: Client) -> Self {
        HttpFetcher { client }
    }

    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// See [`FetchError`]; any status but 200 is one.
    pub async fn fetch(&self, request: &FetchRequest) -> Result<FetchResponse, FetchError> {
        match timeout(Duration::from_millis(request.timeout_ms), self.get(request)).await {
            Ok(response) => response,
            Err(_) => Err(FetchError::TimedOut { url: request.url.clone(), timeout_ms: request.timeout_ms }),
        }
    }

    /// Fetches the page of a started scrape: over HTTP, or from its closure.
    ///
    /// # Errors
    ///
    /// See [`FetchError`].
    pub async fn fetch_started(&self, started: &StartedScrape) -> Result<FetchResponse, FetchError> {
        match &started.source {
            Source::Http(_) => self.fetch(&started.request).await,
            closure => closure.fetch_in_process(),
        }
    }

    /// Scrapes all targets that are due, at the same time, and ends what was removed. Must run inside a tokio runtime.
    pub async fn tick(
        &self,
        targets: &mut Targets,
        store: &dyn Appendable,
        clock: &dyn Clock,
    ) -> Vec<(TargetId, ScrapeReport)> {
        let mut fetches = JoinSet::new();
        let mut running = HashMap::new();
        for started in targets.start_due(clock.now_ms()) {
            let (fetcher, scrape) = (self.clone(), started.clone());
            let task = fetches.spawn(async move {
                let begin = Instant::now();
                let response = fetcher.fetch_started(&scrape).await;
                (begin.elapsed(), response)
            });
            running.insert(task.id(), started);
        }
        let mut reports = Vec::new();
        while let Some(joined) = fetches.join_next_with_id().await {
            let (task, duration, response) = match joined {
                Ok((task, (duration, response))) => (task, duration, response),
                Err(panicked) => (panicked.id(), Duration::ZERO, Err(lost(&panicked))),
            };
            let Some(started) = running.remove(&task) else { continue };
            let report = targets.finish(store, &started, duration, response);
            reports.extend(report.map(|report| (started.target, report)));
        }
        drop(targets.end_removed(store, clock.now_ms()));
        reports
    }

    async fn get(&self, request: &FetchRequest) -> Result<FetchResponse, FetchError> {
        let timeout_seconds = format_f(request.timeout_ms as f64 / 1_000.0);
        let sent = self
            .client
            .get(&request.url)
            .header(ACCEPT, &request.accept)
            .header(ACCEPT_ENCODING, "gzip")
            .header(USER_AGENT, AGENT)
            .header(TIMEOUT_HEADER, timeout_seconds)
            .send();
        let response = sent.await.map_err(|error| transport(&request.url, &error))?;
        if response.status() != StatusCode::OK {
            return Err(status_error(response.status()));
        }
        let content_type = header(response.headers(), &CONTENT_TYPE);
        let limit = request.body_limit_bytes;
        let body = if header(response.headers(), &CONTENT_ENCODING) == "gzip" {
            let compressed = read_body(response, &request.url, limit.saturating_add(GZIP_OVERHEAD_BYTES)).await?;
            gunzip(&compressed, limit)?
        } else {
            read_body(response, &request.url, limit).await?
        };
        Ok(FetchResponse::new(content_type, body))
    }
}

#[cfg(feature = "tls")]
fn provide_cryptography() {
    // An error means that the process has chosen: then that one stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn header(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn status_error(status: StatusCode) -> FetchError {
    FetchError::Status { code: status.as_u16(), reason: status.canonical_reason().unwrap_or_default().to_owned() }
}

/// A closure that panicked fails its own scrape alone.
fn lost(error: &JoinError) -> FetchError {
    FetchError::InProcess { message: error.to_string() }
}

/// Reads to the end, or to where the limit is reached.
async fn read_body(mut response: Response, url: &str, limit: usize) -> Result<Bytes, FetchError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(url, &error))? {
        if body.len().saturating_add(chunk.len()) >= limit {
            return Err(FetchError::BodySizeLimit { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The innermost cause says most: "connection refused" rather than "error sending request".
fn transport(url: &str, error: &reqwest::Error) -> FetchError {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    FetchError::Transport { url: url.to_owned(), message: cause.to_string() }
}
