//! An answer, as any server can send it.

use promethium_model::{Annotations, ErrorType, Severity};

use crate::error::ApiError;
use crate::json::{self, Object};

/// Warnings, and infos, that one body carries; the rest is counted.
pub const MAX_ANNOTATIONS: usize = 10;

/// Content type of error texts, health and readiness.
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// A status, headers and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResponse {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type`; `None` for an empty body.
    pub content_type: Option<&'static str>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl ApiResponse {
    /// Without content: 204.
    pub(crate) fn no_content() -> Self {
        ApiResponse { status: 204, content_type: None, headers: Vec::new(), body: Vec::new() }
    }

    /// Plain text.
    pub(crate) fn text(status: u16, text: &str) -> Self {
        ApiResponse { status, content_type: Some(PLAIN_TEXT), headers: vec![nosniff()], body: text.as_bytes().to_vec() }
    }

    /// A page of metrics.
    pub(crate) fn metrics(page: String) -> Self {
        let content_type = Some("text/plain; version=0.0.4; charset=utf-8");
        ApiResponse { status: 200, content_type, headers: vec![nosniff()], body: page.into_bytes() }
    }

    /// A JSON body.
    pub(crate) fn json(status: u16, body: String) -> Self {
        let content_type = Some("application/json");
        ApiResponse { status, content_type, headers: vec![nosniff()], body: body.into_bytes() }
    }

    /// The error body; public so that a server can say what went wrong before a request was decoded.
    #[must_use]
    pub fn error(error: &ApiError) -> Self {
        ApiResponse::json(error.error_type().http_status(), error_body(error.error_type(), &error.to_string()))
    }

    /// With one more header.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Label names and values come from outside: no browser may guess that a body is a page.
fn nosniff() -> (&'static str, String) {
    ("X-Content-Type-Options", "nosniff".to_owned())
}

/// A success body: `data` writes the value behind the key of that name. `None` where there is nothing to say.
pub(crate) fn success_body(
    data: impl FnOnce(&mut String) -> Result<Option<Annotations>, ApiError>,
) -> Result<Option<String>, ApiError> {
    let mut body = String::with_capacity(256);
    let mut object = Object::open(&mut body);
    object.string("status", "success");
    let Some(annotations) = data(object.key("data"))? else { return Ok(None) };
    push_annotations(&mut object, "warnings", "warning", &annotations.texts(Severity::Warning));
    push_annotations(&mut object, "infos", "info", &annotations.texts(Severity::Info));
    object.close();
    Ok(Some(body))
}

fn push_annotations(object: &mut Object<'_>, key: &'static str, kind: &str, texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    let (shown, omitted) = texts.split_at(texts.len().min(MAX_ANNOTATIONS));
    let more = (!omitted.is_empty()).then(|| format!("{} more {kind} annotations omitted", omitted.len()));
    let lines = shown.iter().chain(more.as_ref());
    json::push_array(object.key(key), lines, |out, text| json::push_string(out, text));
}

fn error_body(kind: ErrorType, message: &str) -> String {
    let mut body = String::with_capacity(message.len() + 64);
    let mut object = Object::open(&mut body);
    object.string("status", "error");
    object.string("errorType", kind.as_str());
    object.string("error", message);
    object.close();
    body
}
