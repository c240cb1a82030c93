//! `/metadata`.

use promethium_model::Annotations;

use super::Context;
use crate::error::{ApiError, ParameterError};
use crate::json::{Object, push_array};
use crate::parameter::parse_integer;
use crate::request::ApiRequest;
use crate::view::FamilyMetadata;

/// What the active targets say about metric families, each statement once, sorted by family.
pub(crate) fn metadata(
    context: &Context<'_>,
    request: &ApiRequest,
    data: &mut String,
) -> Result<Annotations, ApiError> {
    let families = limit(request, "limit")?.unwrap_or(usize::MAX);
    let statements = limit(request, "limit_per_metric")?.filter(|n| *n > 0).unwrap_or(usize::MAX);
    let all = distinct(context.host.metadata(request.given("metric")), request.given("metric"));
    let mut object = Object::open(data);
    for said in all.chunk_by(|a, b| a.family == b.family).take(families) {
        let family = said.first().map_or("", |first| first.family.as_str());
        push_array(object.any_key(family), said.iter().take(statements), push_statement);
    }
    object.close();
    Ok(Annotations::new())
}

/// A limit of the metadata: below 0 is none, 0 is nothing.
pub(super) fn limit(request: &ApiRequest, name: &'static str) -> Result<Option<usize>, ApiError> {
    let Some(text) = request.given(name) else { return Ok(None) };
    let number = parse_integer(text, "Atoi", 64).map_err(|_| ParameterError::NotANumber { name })?;
    Ok(usize::try_from(number).ok())
}

/// Sorted and without repetitions. A host may leave the filter by family to us.
fn distinct(mut all: Vec<FamilyMetadata>, family: Option<&str>) -> Vec<FamilyMetadata> {
    all.retain(|statement| family.is_none_or(|f| f == statement.family));
    all.sort_by(|a, b| order_of(a).cmp(&order_of(b)));
    all.dedup();
    all
}

fn order_of(statement: &FamilyMetadata) -> (&str, &str, &str, &str) {
    let metadata = &statement.metadata;
    (&statement.family, metadata.metric_type.as_str(), &metadata.help, &metadata.unit)
}

fn push_statement(out: &mut String, statement: &FamilyMetadata) {
    let mut object = Object::open(out);
    object.string("type", statement.metadata.metric_type.as_str());
    object.string("help", &statement.metadata.help);
    object.string("unit", &statement.metadata.unit);
    object.close();
}
