//! From a path to an endpoint, and from its result to an answer.

use promethium_model::{Annotations, QueryCx};

use crate::compression::compressed;
use crate::cors::with_cors;
use crate::error::ApiError;
use crate::handlers::{self, Context, Handler, OptionalHandler};
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
    compressed(response, request.accept_encoding(), cx)
}

/// What answers below `/api/v1`.
enum Endpoint<'p> {
    Plain(Handler),
    Optional(OptionalHandler),
    LabelValues(&'p [u8]),
}

/// How an endpoint is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Get,
    /// Forms count as well.
    GetOrPost,
    /// It changes something.
    PostOrPut,
    /// Whether the host is ready or not.
    Always,
}

impl Access {
    fn allows(self, method: Method) -> bool {
        match self {
            Access::Get | Access::Always => method == Method::Get,
            Access::GetOrPost => matches!(method, Method::Get | Method::Post),
            Access::PostOrPut => matches!(method, Method::Post | Method::Put),
        }
    }

    /// What the header `Allow` says.
    fn methods(self) -> &'static str {
        match self {
            Access::Get | Access::Always => "GET, OPTIONS",
            Access::GetOrPost => "GET, OPTIONS, POST",
            Access::PostOrPut => "OPTIONS, POST, PUT",
        }
    }
}

/// The endpoint of a path below `/api/v1/`.
fn endpoint(path: &[u8]) -> Option<(Endpoint<'_>, Access)> {
    let plain = |handler: Handler, access| Some((Endpoint::Plain(handler), access));
    let optional = |handler: OptionalHandler, access| Some((Endpoint::Optional(handler), access));
    match path {
        b"query" => plain(handlers::query, Access::GetOrPost),
        b"query_range" => plain(handlers::query_range, Access::GetOrPost),
        b"query_exemplars" => optional(handlers::query_exemplars, Access::GetOrPost),
        b"format_query" => plain(handlers::format_query, Access::GetOrPost),
        b"parse_query" => plain(handlers::parse_query, Access::GetOrPost),
        b"labels" => plain(handlers::label_names, Access::GetOrPost),
        b"series" => plain(handlers::series, Access::GetOrPost),
        b"rules" => plain(handlers::rules, Access::Get),
        b"alerts" => plain(handlers::alerts, Access::Get),
        b"alertmanagers" => plain(handlers::alertmanagers, Access::Get),
        b"targets" => plain(handlers::targets, Access::Get),
        b"targets/metadata" => plain(handlers::target_metadata, Access::Get),
        b"scrape_pools" => plain(handlers::scrape_pools, Access::Get),
        b"metadata" => plain(handlers::metadata, Access::Get),
        b"status/buildinfo" => plain(handlers::build_info, Access::Get),
        b"status/runtimeinfo" => plain(handlers::runtime_info, Access::Get),
        b"status/config" => plain(handlers::config, Access::Get),
        b"status/flags" => plain(handlers::flags, Access::Get),
        b"status/tsdb" => plain(handlers::tsdb, Access::Get),
        b"status/tsdb/blocks" => plain(handlers::tsdb_blocks, Access::Get),
        b"status/walreplay" => plain(handlers::wal_replay, Access::Always),
        b"admin/tsdb/delete_series" => optional(handlers::delete_series, Access::PostOrPut),
        b"admin/tsdb/clean_tombstones" => optional(handlers::clean_tombstones, Access::PostOrPut),
        b"admin/tsdb/snapshot" => optional(handlers::snapshot, Access::PostOrPut),
        _ => label_segment(path).map(|segment| (Endpoint::LabelValues(segment), Access::Get)),
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
    let Some((endpoint, access)) = endpoint(path) else { return not_found() };
    if !access.allows(request.method()) {
        return not_allowed(access.methods());
    }
    let answer = || with_cors(answer(context, request, &endpoint), request, host.cors());
    if access == Access::Always { answer() } else { if_ready(host, answer) }
}

fn answer(context: &Context<'_>, request: &ApiRequest, endpoint: &Endpoint<'_>) -> ApiResponse {
    match success_body(|data| run(context, request, endpoint, data)) {
        Ok(Some(body)) => ApiResponse::json(200, body),
        Ok(None) => ApiResponse::no_content(),
        Err(error) => ApiResponse::error(&error),
    }
}

fn run(
    context: &Context<'_>,
    request: &ApiRequest,
    endpoint: &Endpoint<'_>,
    data: &mut String,
) -> Result<Option<Annotations>, ApiError> {
    if let Some(over) = request.form_error().filter(|e| e.is_limit()) {
        return Err(ApiError::Form(over.clone()));
    }
    match endpoint {
        Endpoint::Plain(handler) => handler(context, request, data).map(Some),
        Endpoint::Optional(handler) => handler(context, request, data),
        Endpoint::LabelValues(segment) => handlers::label_values(context, request, segment, data).map(Some),
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
