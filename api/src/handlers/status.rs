//! `/status/…`: what the host is, how it was started, and what its store holds.

use promethium_model::Annotations;

use super::Context;
use crate::error::{ApiError, ParameterError};
use crate::json::{Object, push_array, push_integer};
use crate::parameter::parse_integer;
use crate::request::ApiRequest;

/// Rows of each table of `/status/tsdb`, where the request names no number, and the most that it may name.
const TSDB_ROWS: usize = 10;
const MAX_TSDB_ROWS: i64 = 10_000;

/// What the host is. No `features`: a client that finds some takes the server for another product.
pub(crate) fn build_info(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let info = context.host.build_info();
    let mut object = Object::open(data);
    object.string("version", &info.version);
    object.string("revision", &info.revision);
    object.string("branch", &info.branch);
    object.string("buildUser", &info.build_user);
    object.string("buildDate", &info.build_date);
    object.string("goVersion", &info.go_version);
    object.close();
    Ok(Annotations::new())
}

/// How the host runs.
pub(crate) fn runtime_info(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let info = context.host.runtime_info();
    let mut object = Object::open(data);
    object.time("startTime", info.start_time_ms);
    object.string("CWD", &info.working_directory);
    object.string("hostname", &info.hostname);
    object.time("serverTime", Some(context.host.clock().now_ms()));
    object.bool("reloadConfigSuccess", info.reload_config_success);
    object.time("lastConfigTime", info.last_config_time_ms);
    push_integer(object.key("corruptionCount"), info.corruption_count);
    // What only Go's runtime has is there for clients that want the keys.
    push_integer(object.key("goroutineCount"), info.threads);
    push_integer(object.key("GOMAXPROCS"), info.max_threads);
    push_integer(object.key("GOMEMLIMIT"), info.memory_limit_bytes);
    object.string("GOGC", "");
    object.string("GODEBUG", "");
    object.string("storageRetention", &info.storage_retention);
    object.close();
    Ok(Annotations::new())
}

/// The configuration.
pub(crate) fn config(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let mut object = Object::open(data);
    object.string("yaml", &context.host.config_yaml());
    object.close();
    Ok(Annotations::new())
}

/// The flags, by name.
pub(crate) fn flags(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let mut flags = context.host.flags();
    flags.sort();
    let mut object = Object::open(data);
    for (name, value) in &flags {
        crate::json::push_string(object.any_key(name), value);
    }
    object.close();
    Ok(Annotations::new())
}

/// What the head holds, and what most of it is.
pub(crate) fn tsdb(context: &Context<'_>, request: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let rows = rows(request)?;
    let status = context.host.tsdb_status(rows);
    let mut object = Object::open(data);
    let mut head = Object::open(object.key("headStats"));
    push_integer(head.key("numSeries"), status.series);
    push_integer(head.key("numLabelPairs"), status.label_pairs);
    push_integer(head.key("chunkCount"), status.chunks);
    // An empty head has a range that nothing is in.
    head.integer("minTime", status.min_time_ms.unwrap_or(i64::MAX));
    head.integer("maxTime", status.max_time_ms.unwrap_or(i64::MIN));
    head.close();
    for (key, table) in [
        ("seriesCountByMetricName", &status.series_by_metric),
        ("labelValueCountByLabelName", &status.values_by_label),
        ("memoryInBytesByLabelName", &status.bytes_by_label),
        ("seriesCountByLabelValuePair", &status.series_by_pair),
    ] {
        push_array(object.key(key), table.iter().take(rows), push_row);
    }
    object.close();
    Ok(Annotations::new())
}

fn rows(request: &ApiRequest) -> Result<usize, ApiError> {
    let Some(text) = request.given("limit") else { return Ok(TSDB_ROWS) };
    match parse_integer(text, "Atoi", 64) {
        Ok(rows) if rows > MAX_TSDB_ROWS => Err(ParameterError::LimitTooLarge { limit: MAX_TSDB_ROWS }.into()),
        Ok(rows) if rows > 0 => Ok(usize::try_from(rows).unwrap_or(TSDB_ROWS)),
        _ => Err(ParameterError::LimitNotPositive.into()),
    }
}

fn push_row(out: &mut String, (name, value): &(String, u64)) {
    let mut row = Object::open(out);
    row.string("name", name);
    push_integer(row.key("value"), *value);
    row.close();
}

/// The blocks' own descriptions, by their times.
pub(crate) fn tsdb_blocks(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let mut object = Object::open(data);
    push_array(object.key("blocks"), context.host.block_metas(), |out, meta| out.push_str(&meta));
    object.close();
    Ok(Annotations::new())
}

/// How far the log is replayed. Answers before the host is ready, too.
pub(crate) fn wal_replay(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let replay = context.host.wal_replay();
    let mut object = Object::open(data);
    push_integer(object.key("min"), replay.min);
    push_integer(object.key("max"), replay.max);
    push_integer(object.key("current"), replay.current);
    object.close();
    Ok(Annotations::new())
}
