//! What is fetched, and by whom.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use promethium_exposition::content_type::TEXT_0_0_4;

use crate::error::FetchError;

type PageFn = dyn Fn() -> Result<FetchResponse, FetchError> + Send + Sync;

/// Where a target's page comes from.
#[derive(Clone)]
#[non_exhaustive]
pub enum Source {
    /// This process: the function is called once a scrape.
    Closure(Arc<PageFn>),
    /// `http://` or `https://`.
    Http(String),
}

impl Source {
    /// A page in the text format, made anew for each scrape.
    pub fn closure(page: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Source::Closure(Arc::new(move || Ok(FetchResponse::text(page()))))
    }

    /// A response, or a failure, made anew for each scrape.
    pub fn try_closure(response: impl Fn() -> Result<FetchResponse, FetchError> + Send + Sync + 'static) -> Self {
        Source::Closure(Arc::new(response))
    }

    /// A URL.
    pub fn http(url: impl Into<String>) -> Self {
        Source::Http(url.into())
    }

    /// Fetches from a closure.
    ///
    /// # Errors
    ///
    /// What the closure says; [`FetchError::NoClient`] for a URL.
    pub fn fetch_in_process(&self) -> Result<FetchResponse, FetchError> {
        match self {
            Source::Closure(page) => page(),
            Source::Http(url) => Err(FetchError::NoClient { url: url.clone() }),
        }
    }

    pub(crate) fn fetch(&self, request: &FetchRequest, client: &dyn Fetch) -> Result<FetchResponse, FetchError> {
        match self {
            Source::Closure(page) => page(),
            Source::Http(_) => client.fetch(request),
        }
    }

    /// The `instance` of a target that has none of its own: host and port of the URL.
    pub(crate) fn instance(&self) -> &str {
        match self {
            Source::Closure(_) => "in-process",
            Source::Http(url) => {
                let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
                let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
                authority.rsplit_once('@').map_or(authority, |(_, host)| host)
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Closure(_) => f.write_str("Closure"),
            Source::Http(url) => write!(f, "Http({url:?})"),
        }
    }
}

/// What to ask a target for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchRequest {
    /// The URL; empty for a closure.
    pub url: String,
    /// The `Accept` header.
    pub accept: String,
    /// For connecting and reading together; also the `X-Prometheus-Scrape-Timeout-Seconds` header.
    pub timeout_ms: u64,
    /// A body of this many bytes, after decompression, is too large.
    pub body_limit_bytes: usize,
}

impl FetchRequest {
    pub(crate) fn new(url: String, accept: String, timeout_ms: u64, body_limit_bytes: usize) -> Self {
        FetchRequest { url, accept, timeout_ms, body_limit_bytes }
    }
}

/// What a target answered with status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchResponse {
    /// The `Content-Type` header, `""` when there is none.
    pub content_type: String,
    /// The body, decompressed.
    pub body: Bytes,
}

impl FetchResponse {
    /// A response with a content type.
    pub fn new(content_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        FetchResponse { content_type: content_type.into(), body: body.into() }
    }

    /// A page in the text format.
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self::new(TEXT_0_0_4, body)
    }
}

/// A client that blocks: for hosts with their own, and for tests. Implemented by closures.
pub trait Fetch: Send + Sync {
    /// Fetches a page with GET.
    ///
    /// # Errors
    ///
    /// See [`FetchError`]; any status but 200 is one.
    fn fetch(&self, request: &FetchRequest) -> Result<FetchResponse, FetchError>;
}

impl<F> Fetch for F
where
    F: Fn(&FetchRequest) -> Result<FetchResponse, FetchError> + Send + Sync,
{
    fn fetch(&self, request: &FetchRequest) -> Result<FetchResponse, FetchError> {
        self(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_is_host_and_port() {
        for (url, instance) in [
            ("http://node:9100/metrics", "node:9100"),
            ("https://node", "node"),
            ("http://user:secret@[::1]:9100/x?y", "[::1]:9100"),
            ("node:9100", "node:9100"),
        ] {
            assert_eq!(Source::http(url).instance(), instance);
        }
    }
}
