//! `/targets/metadata`.

use promethium_model::{Annotations, Matcher};

use super::Context;
use super::metadata::limit;
use crate::error::{ApiError, ParameterError};
use crate::json::{Object, push_array};
use crate::request::ApiRequest;
use crate::view::TargetMetadata;

/// What each target that `match_target` selects says about its families, or about one.
pub(crate) fn target_metadata(
    context: &Context<'_>,
    request: &ApiRequest,
    data: &mut String,
) -> Result<Annotations, ApiError> {
    let most = limit(request, "limit")?.unwrap_or(usize::MAX);
    let matchers = match request.given("match_target") {
        Some(text) => selector(context, text)?,
        None => Vec::new(),
    };
    let metric = request.given("metric");
    let selected = |target: &TargetMetadata| {
        let accepts = |m: &Matcher| m.matches(target.target.get(&m.name).unwrap_or_default());
        matchers.iter().all(accepts) && metric.is_none_or(|name| name == target.said.family)
    };
    let mut all: Vec<TargetMetadata> = context.host.target_metadata();
    all.retain(selected);
    all.sort_by(|a, b| (&a.target, &a.said.family).cmp(&(&b.target, &b.said.family)));
    push_array(data, all.iter().take(most), |out, said| push_statement(out, said, metric.is_none()));
    Ok(Annotations::new())
}

fn selector(context: &Context<'_>, text: &str) -> Result<Vec<Matcher>, ApiError> {
    context.host.engine().selector(text).map_err(|e| ParameterError::Query(e).named("match_target"))
}

/// The name is left out where the request names it.
fn push_statement(out: &mut String, statement: &TargetMetadata, with_name: bool) {
    let mut object = Object::open(out);
    object.labels("target", &statement.target);
    if with_name {
        object.string("metric", &statement.said.family);
    }
    object.string("type", statement.said.metadata.metric_type.as_str());
    object.string("help", &statement.said.metadata.help);
    object.string("unit", &statement.said.metadata.unit);
    object.close();
}
