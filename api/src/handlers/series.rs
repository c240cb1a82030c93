//! `/series`.

use promethium_model::{Annotations, HeldBytes, Labels, Matcher, Querier, SelectHints, StorageError, TimeRange};

use super::labels::time_range;
use super::{Context, TRUNCATED, require_readable};
use crate::error::{ApiError, ParameterError};
use crate::json::{Pace, push_labels};
use crate::parameter::{Limit, matcher_sets};
use crate::request::ApiRequest;

/// The label sets of the series that any `match[]` selects, sorted, each once.
pub(crate) fn series(context: &Context<'_>, request: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    require_readable(request)?;
    if request.first("match[]").is_none() {
        return Err(ParameterError::NoMatchers.into());
    }
    let limit = Limit::of(request)?;
    let range = time_range(request)?;
    let sets = matcher_sets(request, context.host.engine()).map_err(|e| e.named("match[]"))?;
    let cx = context.bounded(None);
    let querier = context.host.queryable().querier(range)?;
    let (mut found, mut held) = (Vec::new(), HeldBytes::new(&cx));
    let mut annotations = Annotations::new();
    for set in &sets {
        annotations.merge(collect(&*querier, set, &hints(range, limit), &mut held, &mut found)?);
    }
    // A store may leave the hints aside, sorting included. Of those that do not, each set is a sorted run.
    found.sort();
    found.dedup();
    if limit.truncate(&mut found) {
        annotations.warn(TRUNCATED, None);
    }
    Pace::new(&cx).push_array(data, &found, push_labels)?;
    Ok(annotations)
}

fn hints(range: TimeRange, limit: Limit) -> SelectHints {
    let mut hints = SelectHints::series_only(range);
    hints.limit = limit.hint();
    hints
}

fn collect(
    querier: &dyn Querier,
    matchers: &[Matcher],
    hints: &SelectHints,
    held: &mut HeldBytes,
    found: &mut Vec<Labels>,
) -> Result<Annotations, StorageError> {
    let mut set = querier.select(matchers, hints, held.cx())?;
    while let Some(series) = set.next_series()? {
        held.cx().check()?;
        held.add(size_of::<Labels>() + series.labels.packed_len())?;
        found.push(series.labels);
    }
    Ok(set.annotations())
}
