//! `/format_query` and `/parse_query`: what a query is, without evaluating it.

use promethium_model::Annotations;

use super::Context;
use crate::error::ApiError;
use crate::json::push_string;
use crate::request::ApiRequest;

/// The query over several lines.
pub(crate) fn format_query(
    context: &Context<'_>,
    request: &ApiRequest,
    data: &mut String,
) -> Result<Annotations, ApiError> {
    let text = request.first("query").unwrap_or_default();
    push_string(data, &context.host.engine().format(text).map_err(ApiError::of_query)?);
    Ok(Annotations::new())
}

/// The syntax tree of the query.
pub(crate) fn parse_query(
    context: &Context<'_>,
    request: &ApiRequest,
    data: &mut String,
) -> Result<Annotations, ApiError> {
    let text = request.first("query").unwrap_or_default();
    data.push_str(&context.host.engine().syntax_json(text).map_err(ApiError::of_query)?);
    Ok(Annotations::new())
}
