//! From a path to an endpoint, and from its result to an answer.

use promethium_model::{Annotations, QueryCx};

use crate::compression::compressed;
use crate::cors::with_cors;
use crate::error::ApiError;
use crate::handlers::{self, Context, Handler};
use crate::host::{ApiHost, Readiness};
use crate::request::{ApiRequest, Method};
use crate::response::{ApiResponse, success_body};

/// Answers a request: the whole API as one function, for any server. Runs on the calling thread until the answer is
/// there; cancelling `cx` from another thread stops a query early.
///
/// Paths are Prometheus', from the root: a server that mounts the API elsewhere strips its prefix first. The answer to HEAD
/// has the body of the answer to GET, of which HTTP servers send the length alone.
#[must_use]
pub fn handle(host: &dyn ApiHost, request: &ApiRequest, cx: &QueryCx) -> ApiResponse {
    let response = match request.path().strip_prefix(b"/api/v1/") {
        Some(path) => api(&Context { host, cx }, request, path),
        None => outside(host, request),
    };
    compressed(response, request.accept_encoding())
}

/// What answers below `/api/v1`.
enum Endpoint<'p> {
    Plain(Handler),
    LabelValues(&'p [u8]),
}

/// The endpoint of a path below `/api/v1/`, and whether it takes form bodies.
fn endpoint(path: &[u8]) -> Option<(Endpoint<'_>, bool)> {
    let plain = |handler: Handler, forms| Some((Endpoint::Plain(handler), forms));
    match path {
        b"query" => plain(handlers::query, true),
        b"query_range" => plain(handlers::query_range, true),
        b"format_query" => plain(handlers::format_query, true),
        b"parse_query" => plain(handlers::parse_query, true),
        b"labels" => plain(handlers::label_names, true),
        b"series" => plain(handlers::series, true),
        b"rules" => plain(handlers::rules, false),
        b"alerts" => plain(handlers::alerts, false),
        b"targets" => plain(handlers::targets, false),
        b"metadata" => plain(handlers::metadata, false),
        b"status/buildinfo" => plain(handlers::build_info, false),
        _ => label_segment(path).map(|segment| (Endpoint::LabelValues(segment), false)),
    }
}

/// The name in `label/<name>/values`.
fn label_segment(path: &[u8]) -> Option<&[u8]> {
    let segment = path.strip_prefix(b"label/")?.strip_suffix(b"/values")?;
    (!segment.contains(&b'/')).then_some(segment)
}

fn api(context: &Context<'_>, request: &ApiRequest, path: &[u8]) -> ApiResponse {
    let host = context.host;
    if request.method() == Method::Options {
        return if_ready(host, || with_cors(ApiResponse::no_content(), request, host.cors()));
    }
    let Some((endpoint, forms)) = endpoint(path) else { return not_found() };
    match request.method() {
        Method::Get => {}
        Method::Post if forms => {}
        _ => return not_allowed(if forms { "GET, OPTIONS, POST" } else { "GET, OPTIONS" }),
    }
    if_ready(host, || with_cors(answer(context, request, &endpoint), request, host.cors()))
}

fn answer(context: &Context<'_>, request: &ApiRequest, endpoint: &Endpoint<'_>) -> ApiResponse {
    match success_body(|data| run(context, request, endpoint, data)) {
        Ok(body) => ApiResponse::json(200, body),
        Err(error) => ApiResponse::error(&error),
    }
}

fn run(
    context: &Context<'_>,
    request: &ApiRequest,
    endpoint: &Endpoint<'_>,
    data: &mut String,
) -> Result<Annotations, ApiError> {
    if let Some(over) = request.form_error().filter(|e| e.is_limit()) {
        return Err(ApiError::Form(over.clone()));
    }
    match endpoint {
        Endpoint::Plain(handler) => handler(context, request, data),
        Endpoint::LabelValues(segment) => handlers::label_values(context, request, segment, data),
    }
}

/// Health, readiness and the host's own metrics.
fn outside(host: &dyn ApiHost, request: &ApiRequest) -> ApiResponse {
    let (get, head) = (request.method() == Method::Get, request.method() == Method::Head);
    match request.path() {
        b"/-/healthy" if get || head => ApiResponse::text(200, "Prometheus Server is Healthy.\n"),
        b"/-/ready" if get || head => if_ready(host, || ApiResponse::text(200, "Prometheus Server is Ready.\n")),
        b"/-/healthy" | b"/-/ready" => not_allowed("GET, HEAD"),
        b"/metrics" if get => self_metrics(host),
        b"/metrics" => not_allowed("GET"),
        _ => not_found(),
    }
}

fn self_metrics(host: &dyn ApiHost) -> ApiResponse {
    let mut page = String::new();
    host.self_metrics(&mut page);
    ApiResponse::metrics(page)
}

fn if_ready(host: &dyn ApiHost, answer: impl FnOnce() -> ApiResponse) -> ApiResponse {
    let stopping = match host.readiness() {
        Readiness::Ready => return answer(),
        Readiness::Starting => "false",
        Readiness::Stopping => "true",
    };
    ApiResponse::text(503, "Service Unavailable").with_header("X-Prometheus-Stopping", stopping)
}

fn not_found() -> ApiResponse {
    ApiResponse::text(404, "404 page not found\n")
}

fn not_allowed(allow: &'static str) -> ApiResponse {
    ApiResponse::text(405, "Method Not Allowed\n").with_header("Allow", allow)
}
