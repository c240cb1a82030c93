//! `/query_exemplars`.

use promethium_model::{Annotations, Exemplar, Labels, TimeRange};

use super::Context;
use crate::error::{ApiError, ParameterError};
use crate::json::{Object, Pace, push_array, push_sample_value, push_timestamp};
use crate::parameter::{MAX_TIME_MS, MIN_TIME_MS, optional_time};
use crate::request::ApiRequest;

/// The exemplars of the series that any selector of `query` selects, by series and by time; nothing for a query without a
/// selector.
pub(crate) fn query_exemplars(
    context: &Context<'_>,
    request: &ApiRequest,
    data: &mut String,
) -> Result<Option<Annotations>, ApiError> {
    let min_ms = optional_time(request, "start", MIN_TIME_MS)?;
    let max_ms = optional_time(request, "end", MAX_TIME_MS)?;
    if max_ms < min_ms {
        return Err(ParameterError::ExemplarsEndBeforeStart.into());
    }
    let text = request.first("query").unwrap_or_default();
    let selectors = context.host.engine().selectors(text).map_err(ParameterError::Query)?;
    if selectors.is_empty() {
        return Ok(None);
    }
    let cx = context.bounded(None);
    let found = context.host.exemplars(TimeRange::new(min_ms, max_ms), &selectors, &cx)?;
    Pace::new(&cx).push_array(data, &found, push_series)?;
    Ok(Some(Annotations::new()))
}

fn push_series(out: &mut String, (labels, exemplars): &(Labels, Vec<Exemplar>)) {
    let mut object = Object::open(out);
    object.labels("seriesLabels", labels);
    push_array(object.key("exemplars"), exemplars, push_exemplar);
    object.close();
}

fn push_exemplar(out: &mut String, exemplar: &Exemplar) {
    let mut object = Object::open(out);
    object.labels("labels", &exemplar.labels);
    push_sample_value(object.key("value"), exemplar.value);
    push_timestamp(object.key("timestamp"), exemplar.timestamp_ms.unwrap_or_default());
    object.close();
}
