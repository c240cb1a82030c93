//! `/admin/tsdb/…`: what changes the store, for hosts that allow it.

use promethium_model::{Annotations, TimeRange};

use super::labels::time_range;
use super::{Context, require_readable};
use crate::error::{ApiError, ParameterError};
use crate::host::AdminHost;
use crate::json::Object;
use crate::parameter::parse_bool;
use crate::request::ApiRequest;

fn admin<'h>(context: &Context<'h>) -> Result<&'h dyn AdminHost, ApiError> {
    context.host.admin().ok_or(ApiError::Unavailable("admin APIs disabled"))
}

/// Deletes the samples between `start` and `end` of all series that any `match[]` selects.
pub(crate) fn delete_series(
    context: &Context<'_>,
    request: &ApiRequest,
    _: &mut String,
) -> Result<Option<Annotations>, ApiError> {
    let admin = admin(context)?;
    require_readable(request)?;
    if request.first("match[]").is_none() {
        return Err(ParameterError::NoMatchers.into());
    }
    let range: TimeRange = time_range(request)?;
    let engine = context.host.engine();
    for text in request.all("match[]") {
        // As in Prometheus, those before a wrong one are carried out, and one that every series passes deletes all.
        let matchers = engine.selector(text).map_err(|e| ParameterError::Query(e).named("match[]"))?;
        admin.delete_series(range, &matchers)?;
    }
    Ok(None)
}

/// Writes blocks anew without what was deleted.
pub(crate) fn clean_tombstones(
    context: &Context<'_>,
    _: &ApiRequest,
    _: &mut String,
) -> Result<Option<Annotations>, ApiError> {
    admin(context)?.clean_tombstones()?;
    Ok(None)
}

/// Copies the store into a directory of its own, whose name is the answer.
pub(crate) fn snapshot(
    context: &Context<'_>,
    request: &ApiRequest,
    data: &mut String,
) -> Result<Option<Annotations>, ApiError> {
    let admin = admin(context)?;
    let skip_head = match request.given("skip_head") {
        Some(text) => {
            parse_bool(text).map_err(|_| ParameterError::SkipHead { text: text.to_owned() }.named("skip_head"))?
        }
        None => false,
    };
    let name = admin.snapshot(skip_head)?;
    let mut object = Object::open(data);
    object.string("name", &name);
    object.close();
    Ok(Some(Annotations::new()))
}
