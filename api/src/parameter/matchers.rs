//! `match[]`.

use promethium_model::{Matcher, QueryEngine};

use crate::error::ParameterError;
use crate::request::ApiRequest;

/// The selectors of `match[]`, each of which must refuse some series.
pub(crate) fn matcher_sets(
    request: &ApiRequest,
    engine: &dyn QueryEngine,
) -> Result<Vec<Vec<Matcher>>, ParameterError> {
    let parsed = request.all("match[]").map(|text| engine.selector(text)).collect::<Result<Vec<_>, _>>();
    let sets = parsed.map_err(ParameterError::Query)?;
    if sets.iter().any(|set| set.iter().all(Matcher::matches_empty)) {
        return Err(ParameterError::EmptyMatchers);
    }
    Ok(sets)
}
