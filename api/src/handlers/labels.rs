//! `/labels` and `/label/<name>/values`.

use std::collections::BTreeSet;

use promethium_model::{
    Annotations, HeldBytes, LabelHints, LabelList, Matcher, Querier, QueryCx, StorageError, TimeRange,
};

use super::{Context, TRUNCATED};
use crate::error::ApiError;
use crate::json::{Pace, push_string};
use crate::parameter::{Limit, MAX_TIME_MS, MIN_TIME_MS, label_name, matcher_sets, optional_time};
use crate::request::ApiRequest;

/// The names of labels on the selected series.
pub(crate) fn label_names(
    context: &Context<'_>,
    request: &ApiRequest,
    data: &mut String,
) -> Result<Annotations, ApiError> {
    look_up(context, request, data, |querier, set, hints, cx| querier.label_names(set, hints, cx))
}

/// The values of one label on the selected series. The name is a segment of the path.
pub(crate) fn label_values(
    context: &Context<'_>,
    request: &ApiRequest,
    segment: &[u8],
    data: &mut String,
) -> Result<Annotations, ApiError> {
    let name = label_name(segment)?;
    look_up(context, request, data, |querier, set, hints, cx| querier.label_values(&name, set, hints, cx))
}

fn look_up(
    context: &Context<'_>,
    request: &ApiRequest,
    data: &mut String,
    ask: impl Fn(&dyn Querier, &[Matcher], &LabelHints, &QueryCx) -> Result<LabelList, StorageError>,
) -> Result<Annotations, ApiError> {
    let limit = Limit::of(request)?;
    let range = time_range(request)?;
    let sets = matcher_sets(request, context.host.engine())?;
    let cx = context.bounded(None);
    let querier = context.host.queryable().querier(range)?;
    let hints = LabelHints::with_limit(limit.hint());
    let LabelList { mut values, mut annotations } = union(&sets, &cx, |set| ask(&*querier, set, &hints, &cx))?;
    if limit.truncate(&mut values) {
        annotations.warn(TRUNCATED, None);
    }
    Pace::new(&cx).push_array(data, &values, |out, value| push_string(out, value))?;
    Ok(annotations)
}

/// `start` and `end`, by default all of time.
pub(super) fn time_range(request: &ApiRequest) -> Result<TimeRange, ApiError> {
    let min_ms = optional_time(request, "start", MIN_TIME_MS)?;
    let max_ms = optional_time(request, "end", MAX_TIME_MS)?;
    Ok(TimeRange::new(min_ms, max_ms))
}

/// The sorted union of what each set of matchers gives; without sets, what no matchers give.
fn union(
    sets: &[Vec<Matcher>],
    cx: &QueryCx,
    ask: impl Fn(&[Matcher]) -> Result<LabelList, StorageError>,
) -> Result<LabelList, StorageError> {
    if let [] | [_] = sets {
        return ask(sets.first().map_or(&[], Vec::as_slice));
    }
    let (mut union, mut held) = (BTreeSet::new(), HeldBytes::new(cx));
    let mut annotations = Annotations::new();
    for set in sets {
        let list = ask(set)?;
        held.add(list.byte_len())?;
        union.extend(list.values);
        annotations.merge(list.annotations);
    }
    Ok(LabelList { values: union.into_iter().collect(), annotations })
}
