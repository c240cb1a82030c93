//! A request, decoded: what every server can make out of what it received.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests may panic")
)]

mod urlencoded;

pub use urlencoded::FormError;
use urlencoded::{Plus, parse_pairs, unescape};

/// Bytes of a form body; Go's servers take the same.
pub const MAX_FORM_BYTES: usize = 10 << 20;
/// Parameters of a request, those of the URL and of the form body together.
pub const MAX_PARAMETERS: usize = 10_000;

/// The methods that the API tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// OPTIONS
    Options,
    /// Any other; no endpoint takes it.
    Other,
}

impl Method {
    /// From the name in the request line, which is case-sensitive.
    #[must_use]
    pub fn from_name(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "OPTIONS" => Method::Options,
            _ => Method::Other,
        }
    }

    /// Whether parameters may come in the body.
    pub(crate) fn has_form(self) -> bool {
        matches!(self, Method::Post | Method::Put)
    }
}

/// A request to the API.
///
/// ```
/// use promethium_api::{ApiRequest, Method};
/// let request = ApiRequest::new(Method::Get, "/api/v1/query?query=up%7B%7D&time=1");
/// assert_eq!(request.first("query"), Some("up{}"));
/// ```
#[derive(Clone, Debug)]
pub struct ApiRequest {
    method: Method,
    path: Vec<u8>,
    parameters: Vec<(String, String)>,
    form_error: Option<FormError>,
    origin: Option<String>,
    accept_encoding: Option<String>,
}

impl ApiRequest {
    /// From the method and the target of the request line: a path, and a query string after `?`. Never fails: what
    /// cannot be decoded shows in the answer.
    #[must_use]
    pub fn new(method: Method, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parameters = Vec::new();
        let form_error = parse_pairs(query.as_bytes(), &mut parameters);
        // A path with a bad escape names no endpoint, as it stands.
        let path = unescape(path.as_bytes(), Plus::IsPlus).unwrap_or_else(|_| path.as_bytes().to_vec());
        ApiRequest { method, path, parameters, form_error, origin: None, accept_encoding: None }
    }

    /// With a body. It counts when the method is POST or PUT and the content type is `application/x-www-form-urlencoded`;
    /// its parameters come before those of the URL.
    #[must_use]
    pub fn with_body(mut self, content_type: Option<&str>, body: &[u8]) -> Self {
        if !self.method.has_form() || !content_type.is_some_and(is_form) {
            return self;
        }
        if body.len() > MAX_FORM_BYTES {
            self.form_error = Some(FormError::TooLarge);
            return self;
        }
        let mut parameters = Vec::new();
        let mut error = parse_pairs(body, &mut parameters);
        parameters.append(&mut self.parameters);
        if parameters.len() > MAX_PARAMETERS {
            parameters.truncate(MAX_PARAMETERS);
            error = Some(FormError::TooMany);
        }
        self.parameters = parameters;
        self.form_error = error.or(self.form_error);
        self
    }

    /// With the `Origin` header of a browser.
    #[must_use]
    pub fn with_origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    /// With the `Accept-Encoding` header.
    #[must_use]
    pub fn with_accept_encoding(mut self, accept_encoding: &str) -> Self {
        self.accept_encoding = Some(accept_encoding.to_owned());
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The path with its escapes resolved; it need not be UTF-8.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The first value of a parameter, if it is not empty: most parameters take empty for absent.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&str> {
        self.first(name).filter(|value| !value.is_empty())
    }

    /// All values of a parameter, those of the form body first.
    pub fn all<'r>(&'r self, name: &str) -> impl Iterator<Item = &'r str> {
        self.parameters.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All parameters, those of the form body first.
    #[cfg(feature = "axum")]
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first mistake in query string or form body.
    #[must_use]
    pub fn form_error(&self) -> Option<&FormError> {
        self.form_error.as_ref()
    }

    /// The `Origin` header.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref().filter(|origin| !origin.is_empty())
    }

    /// The `Accept-Encoding` header.
    #[must_use]
    pub fn accept_encoding(&self) -> Option<&str> {
        self.accept_encoding.as_deref()
    }
}

fn is_form(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=UTF-8");

    #[test]
    fn a_form_comes_before_the_url() {
        let request = ApiRequest::new(Method::Post, "/x?a=url&b=1").with_body(FORM, b"a=form&c=");
        assert_eq!(request.first("a"), Some("form"));
        assert_eq!(request.all("a").collect::<Vec<_>>(), ["form", "url"]);
        assert_eq!((request.first("c"), request.given("c"), request.first("d")), (Some(""), None, None));
    }

    #[test]
    fn a_body_counts_only_as_a_posted_form() {
        for (method, content_type) in
            [(Method::Get, FORM), (Method::Post, None), (Method::Post, Some("application/json"))]
        {
            let request = ApiRequest::new(method, "/x").with_body(content_type, b"a=1");
            assert_eq!(request.first("a"), None);
        }
    }

    #[test]
    fn a_body_over_the_limit_is_refused() {
        let request = ApiRequest::new(Method::Post, "/x").with_body(FORM, &vec![b'a'; MAX_FORM_BYTES + 1]);
        assert_eq!(request.form_error(), Some(&FormError::TooLarge));
        let request = ApiRequest::new(Method::Post, "/x").with_body(FORM, &vec![b'a'; MAX_FORM_BYTES]);
        assert_eq!(request.form_error(), None);
    }

    #[test]
    fn body_and_url_share_one_limit_of_parameters() {
        let half = "a&".repeat(MAX_PARAMETERS / 2 + 1);
        let request = ApiRequest::new(Method::Post, &format!("/x?{half}")).with_body(FORM, half.as_bytes());
        assert_eq!(request.form_error(), Some(&FormError::TooMany));
        assert_eq!(request.all("a").count(), MAX_PARAMETERS);
    }

    #[test]
    fn the_path_is_unescaped_without_touching_plus() {
        assert_eq!(ApiRequest::new(Method::Get, "/a%20b+c?x").path(), b"/a b+c");
        assert_eq!(ApiRequest::new(Method::Get, "/a%zz").path(), b"/a%zz");
    }
}
