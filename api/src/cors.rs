//! Leave for web pages of other origins.

use crate::host::CorsOrigins;
use crate::request::ApiRequest;
use crate::response::ApiResponse;

/// Adds the CORS headers to an answer of the API.
pub(crate) fn with_cors(response: ApiResponse, request: &ApiRequest, allowed: &CorsOrigins) -> ApiResponse {
    let response = response.with_header("Vary", "Origin");
    let Some(origin) = request.origin() else { return response };
    let response = response
        .with_header("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin")
        .with_header("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
        .with_header("Access-Control-Expose-Headers", "Date");
    match allowed {
        CorsOrigins::Any => response.with_header("Access-Control-Allow-Origin", "*"),
        CorsOrigins::Matching(pattern) if pattern.is_match(origin) => {
            response.with_header("Access-Control-Allow-Origin", origin)
        }
        CorsOrigins::Matching(_) => response,
    }
}
