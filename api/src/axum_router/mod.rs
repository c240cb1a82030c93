//! An axum router over [`handle`].

mod familiar;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use axum::response::Response;
use axum::routing::any;
use promethium_model::{QueryCx, QueryError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use self::familiar::{Familiar, Likeness};
use crate::error::ApiError;
use crate::host::ApiHost;
use crate::request::{ApiRequest, FormError, MAX_FORM_BYTES, Method};
use crate::response::ApiResponse;
use crate::router::handle;

/// Bounds of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouterOptions {
    /// Requests below `/api/v1` that are answered at once; others wait, for as long as a query may run. At least 1.
    pub max_concurrency: usize,
}

impl Default for RouterOptions {
    /// 20 at once, as many queries as Prometheus evaluates.
    fn default() -> Self {
        RouterOptions { max_concurrency: 20 }
    }
}

impl RouterOptions {
    /// At most so many requests at once.
    #[must_use]
    pub fn with_max_concurrency(mut self, max_concurrency: usize) -> Self {
        self.max_concurrency = max_concurrency;
        self
    }
}

/// A router with the paths of the API, to be merged into a host's own, or nested below a prefix.
///
/// An answer is worked out on a blocking thread of the tokio runtime; one whose like was a matter of microseconds the last
/// time, on the thread that received the request, for two milliseconds at most: what takes longer after all is begun anew
/// on a blocking thread. When a client goes away, its query is cancelled. Form bodies are bounded by [`MAX_FORM_BYTES`];
/// how many connections there may be is for the server to bound.
///
/// ```no_run
/// # async fn serve(host: std::sync::Arc<dyn promethium_api::ApiHost>) -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:9090").await?;
/// axum::serve(listener, promethium_api::axum_router(host)).await
/// # }
/// ```
pub fn axum_router(host: Arc<dyn ApiHost>) -> Router {
    axum_router_with(host, RouterOptions::default())
}

/// [`axum_router`] with other bounds.
pub fn axum_router_with(host: Arc<dyn ApiHost>, options: RouterOptions) -> Router {
    let permits = Arc::new(Semaphore::new(options.max_concurrency.clamp(1, Semaphore::MAX_PERMITS)));
    let limited = any(serve_limited).with_state(Limited {
        host: Arc::clone(&host),
        permits,
        familiar: Arc::new(Familiar::new()),
    });
    let unlimited = any(serve_unlimited).with_state(Arc::clone(&host));
    let at_once = any(serve_at_once).with_state(host);
    Router::new()
        .route("/api/v1/{*path}", limited)
        .route("/metrics", unlimited)
        .route("/-/healthy", at_once.clone())
        .route("/-/ready", at_once)
}

/// The longest that a request holds up the thread which received it.
const AT_ONCE_AT_MOST: Duration = Duration::from_millis(2);

#[derive(Clone)]
struct Limited {
    host: Arc<dyn ApiHost>,
    permits: Arc<Semaphore>,
    familiar: Arc<Familiar>,
}

/// Health, readiness and own metrics answer however many queries run. They take no body.
async fn serve_unlimited(State(host): State<Arc<dyn ApiHost>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    into_axum(on_a_blocking_thread(host, decode(&parts), None).await)
}

/// Health and readiness ask the host nothing that takes time.
async fn serve_at_once(State(host): State<Arc<dyn ApiHost>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    into_axum(handle(&*host, &decode(&parts), &QueryCx::unlimited()))
}

/// The body is read before there is a permit, so that a slow client keeps nobody from being answered.
async fn serve_limited(State(limited): State<Limited>, request: Request) -> Response {
    into_axum(match decode_with_body(request).await {
        Ok(request) => answer(limited, request).await,
        Err(error) => ApiResponse::error(&error),
    })
}

/// PERF: two changes of threads were most of what a small request took: `/status/buildinfo` 87 µs with, 30 without.
async fn answer(limited: Limited, request: ApiRequest) -> ApiResponse {
    let like = limited.familiar.likeness(&request);
    if limited.familiar.is_short(like)
        && !changes_something(&request)
        && let Ok(permit) = Arc::clone(&limited.permits).try_acquire_owned()
        && let Some(response) = at_once(&limited, &request, like)
    {
        drop(permit);
        return response;
    }
    queue(limited, request, like).await
}

/// Whether a request must not be begun twice.
fn changes_something(request: &ApiRequest) -> bool {
    request.path().starts_with(b"/api/v1/admin/")
}

/// Answers on this thread, unless that takes too long.
fn at_once(limited: &Limited, request: &ApiRequest, like: Likeness) -> Option<ApiResponse> {
    let host = &*limited.host;
    let clock = host.clock();
    let started = clock.monotonic();
    let brief = QueryCx::unlimited().with_timeout(Arc::clone(&clock), AT_ONCE_AT_MOST);
    let response = catch_unwind(AssertUnwindSafe(|| handle(host, request, &brief)));
    limited.familiar.note(like, clock.monotonic().saturating_sub(started));
    match response {
        Ok(response) if response.status == 503 && brief.check().is_err() => None,
        Ok(response) => Some(response),
        Err(_) => Some(ApiResponse::error(&NOT_COMPLETED)),
    }
}

async fn queue(limited: Limited, request: ApiRequest, like: Likeness) -> ApiResponse {
    let longest = Duration::from_millis(limited.host.limits().query_timeout_ms);
    match tokio::time::timeout(longest, limited.permits.acquire_owned()).await {
        Ok(Ok(permit)) => on_a_blocking_thread(limited.host, request, Some((permit, limited.familiar, like))).await,
        // The semaphore is never closed, so that only time can run out.
        Ok(Err(_)) | Err(_) => ApiResponse::error(&ApiError::Query(QueryError::Timeout { stage: "query queue" })),
    }
}

/// What is said of a request that panicked.
const NOT_COMPLETED: ApiError = ApiError::Internal("the request was not completed");

/// Answers on a blocking thread. The permit is given back when that thread is done, even if the client is gone by then.
async fn on_a_blocking_thread(
    host: Arc<dyn ApiHost>,
    request: ApiRequest,
    limited: Option<(OwnedSemaphorePermit, Arc<Familiar>, Likeness)>,
) -> ApiResponse {
    let cx = QueryCx::unlimited();
    let _guard = CancelOnDrop(cx.clone());
    let work = spawn_blocking(move || {
        let started = host.clock().monotonic();
        let response = handle(&*host, &request, &cx);
        if let Some((permit, familiar, like)) = limited {
            familiar.note(like, host.clock().monotonic().saturating_sub(started));
            drop(permit);
        }
        response
    });
    work.await.unwrap_or_else(|_| ApiResponse::error(&NOT_COMPLETED))
}

/// Cancels a query when the future that waits for it is dropped: the server does so when the client goes away.
struct CancelOnDrop(QueryCx);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

async fn decode_with_body(request: Request) -> Result<ApiRequest, ApiError> {
    let (parts, body) = request.into_parts();
    let decoded = decode(&parts);
    if !decoded.method().has_form() {
        return Ok(decoded);
    }
    // A length that is announced is refused at once, one that is not as soon as it is passed.
    if body.size_hint().lower() > MAX_FORM_BYTES as u64 {
        return Err(FormError::TooLarge.into());
    }
    let body = to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| FormError::TooLarge)?;
    Ok(decoded.with_body(text_of(&parts.headers, &header::CONTENT_TYPE), &body))
}

fn decode(parts: &Parts) -> ApiRequest {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = ApiRequest::new(Method::from_name(parts.method.as_str()), target);
    if let Some(origin) = text_of(&parts.headers, &header::ORIGIN) {
        request = request.with_origin(origin);
    }
    if let Some(encodings) = text_of(&parts.headers, &header::ACCEPT_ENCODING) {
        request = request.with_accept_encoding(encodings);
    }
    request
}

fn text_of<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn into_axum(response: ApiResponse) -> Response {
    let mut out = Response::new(Body::from(response.body));
    *out.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(content_type) = response.content_type {
        out.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, value) in response.headers {
        // A value that no header can hold is left out.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            out.headers_mut().append(name, value);
        }
    }
    out
}
