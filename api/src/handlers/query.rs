//! `/query` and `/query_range`.

use std::time::Duration;

use promethium_model::{Annotations, InstantOptions, QueryOutput, QueryValue, RangeOptions};

use super::stats::Measured;
use super::{Context, TRUNCATED};
use crate::error::{ApiError, ParameterError};
use crate::json::{Object, push_query_value};
use crate::parameter::{Limit, lookback_ms, optional_duration_ns, optional_time, required_duration_ns, required_time};
use crate::request::ApiRequest;

/// Evaluates `query` at `time`.
pub(crate) fn query(context: &Context<'_>, request: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let limit = Limit::of(request)?;
    let time_ms = optional_time(request, "time", context.host.clock().now_ms())?;
    let timeout = timeout(request)?;
    let mut options = InstantOptions::at(time_ms);
    options.lookback_ms = lookback_ms(request)?;
    let run = Measured::start(context, request, timeout);
    let text = request.first("query").unwrap_or_default();
    let engine = context.host.engine();
    let output = engine.instant(run.queryable(), text, &options, run.cx()).map_err(ApiError::of_query)?;
    answer(request, output, limit, &run, data)
}

/// Evaluates `query` at every `step` from `start` to `end`.
pub(crate) fn query_range(
    context: &Context<'_>,
    request: &ApiRequest,
    data: &mut String,
) -> Result<Annotations, ApiError> {
    let limit = Limit::of(request)?;
    let mut options = range(context, request)?;
    let timeout = timeout(request)?;
    options.lookback_ms = lookback_ms(request)?;
    let run = Measured::start(context, request, timeout);
    let text = request.first("query").unwrap_or_default();
    let engine = context.host.engine();
    let output = engine.range(run.queryable(), text, &options, run.cx()).map_err(ApiError::of_query)?;
    answer(request, output, limit, &run, data)
}

/// `start`, `end` and `step`, checked against each other.
fn range(context: &Context<'_>, request: &ApiRequest) -> Result<RangeOptions, ApiError> {
    let start_ms = required_time(request, "start")?;
    let end_ms = required_time(request, "end")?;
    if end_ms < start_ms {
        return Err(ParameterError::EndBeforeStart.named("end"));
    }
    let step_ns = required_duration_ns(request, "step")?;
    let step_ms = step_ns.div_euclid(1_000_000);
    // Evaluation counts in milliseconds: below one there is no step.
    if step_ms <= 0 {
        return Err(ParameterError::StepNotPositive.named("step"));
    }
    let limit = context.host.limits().max_query_steps;
    let range_ns = (i128::from(end_ms) - i128::from(start_ms)) * 1_000_000;
    if range_ns / i128::from(step_ns) > i128::try_from(limit).unwrap_or(i128::MAX) {
        return Err(ParameterError::TooManySteps { limit }.into());
    }
    Ok(RangeOptions::new(start_ms, end_ms, step_ms))
}

/// `timeout`; one below 0 has passed already.
fn timeout(request: &ApiRequest) -> Result<Option<Duration>, ApiError> {
    let ns = optional_duration_ns(request, "timeout")?;
    Ok(ns.map(|ns| Duration::from_nanos(u64::try_from(ns).unwrap_or(0))))
}

fn answer(
    request: &ApiRequest,
    output: QueryOutput,
    limit: Limit,
    run: &Measured<'_>,
    data: &mut String,
) -> Result<Annotations, ApiError> {
    let QueryOutput { mut value, mut annotations } = output;
    if truncate(&mut value, limit) {
        annotations.warn(TRUNCATED, None);
    }
    let cost = run.cost(request, &mut annotations);
    let mut object = Object::open(data);
    object.string("resultType", value.type_name());
    push_query_value(object.key("result"), &value, run.cx()).map_err(|e| ApiError::Query(e.into()))?;
    if let Some(cost) = cost {
        cost.push(object.key("stats"));
    }
    object.close();
    Ok(annotations)
}

fn truncate(value: &mut QueryValue, limit: Limit) -> bool {
    match value {
        QueryValue::Vector(samples) => limit.truncate(samples),
        QueryValue::Matrix(series) => limit.truncate(series),
        QueryValue::Scalar { .. } | QueryValue::String { .. } => false,
    }
}
