//! Cursors: samples in batches, and skipping forward.

use super::dataset::{Dataset, LONG, START_MS, STEP_MS};
use super::reading::{Row, drain, ensure, entries, open, row, rows_of, same};
use super::{Outcome, ReadCheck};
use crate::matcher::Matcher;
use crate::storage::{Querier, Queryable, SampleBatch, SampleCursor, SelectHints, SeriesEntry, TimeRange};

pub(super) const CHECKS: &[ReadCheck] = &[
    ReadCheck { name: "batches_append_to_what_is_there", run: batches_append },
    ReadCheck { name: "cursor_stays_at_its_end", run: stays_at_end },
    ReadCheck { name: "seek_delivers_everything_from_its_time", run: seek_delivers },
    ReadCheck { name: "seek_never_goes_back", run: seek_never_goes_back },
    ReadCheck { name: "seek_stays_in_the_range", run: seek_stays_in_the_range },
    ReadCheck { name: "seek_past_the_end_ends", run: seek_past_the_end },
];

fn long_series(querier: &dyn Querier) -> Result<SeriesEntry<'_>, String> {
    let found = entries(querier, &[Matcher::equal("__name__", "long")], &SelectHints::default())?;
    let count = found.len();
    match <[SeriesEntry<'_>; 1]>::try_from(found) {
        Ok([entry]) => Ok(entry),
        Err(_) => Err(format!("expected one series named \"long\", found {count}")),
    }
}

fn long_rows(data: &Dataset, range: TimeRange) -> Vec<Row> {
    data.expected(range, &[Matcher::equal("__name__", "long")]).into_iter().flat_map(|(_, rows)| rows).collect()
}

fn next(cursor: &mut dyn SampleCursor, out: &mut SampleBatch) -> Result<bool, String> {
    cursor.next_batch(out).map_err(|e| format!("next_batch failed: {e}"))
}

fn batches_append(store: &dyn Queryable, data: &Dataset) -> Outcome {
    let querier = open(store, TimeRange::ALL)?;
    let mut entry = long_series(&*querier)?;
    let mut out = SampleBatch::new();
    out.push_float(1, -1.0);
    out.set_start_timestamp(1);
    while next(&mut *entry.samples, &mut out)? {}
    let rows = rows_of(&out);
    let mut expected = long_rows(data, TimeRange::ALL);
    expected.insert(0, row(1, -1.0));
    same("rows, the one that was there before included", &rows, &expected)?;
    same("start timestamps (a column that is in use stays aligned)", &out.start_timestamps.len(), &rows.len())
}

fn stays_at_end(store: &dyn Queryable, _: &Dataset) -> Outcome {
    let querier = open(store, TimeRange::ALL)?;
    let mut entry = long_series(&*querier)?;
    same("samples", &drain(&mut *entry.samples)?.len(), &LONG)?;
    let mut out = SampleBatch::new();
    let more = next(&mut *entry.samples, &mut out)?;
    ensure(!more && out.is_empty(), || "a cursor at its end delivered samples again".to_owned())
}

/// From every kind of place: the first sample, between two, the middle, the last.
fn seek_delivers(store: &dyn Queryable, data: &Dataset) -> Outcome {
    for t in [0, 1, STEP_MS, 700 * STEP_MS + 1, (LONG as i64 - 1) * STEP_MS].map(|offset| START_MS + offset) {
        let querier = open(store, TimeRange::ALL)?;
        let mut entry = long_series(&*querier)?;
        entry.samples.seek(t);
        let mut found = rows_of(&drain(&mut *entry.samples)?);
        found.retain(|row| row.timestamp_ms >= t);
        same(&format!("rows from {t}"), &found, &long_rows(data, TimeRange::new(t, i64::MAX)))?;
    }
    Ok(())
}

fn seek_never_goes_back(store: &dyn Queryable, data: &Dataset) -> Outcome {
    let querier = open(store, TimeRange::ALL)?;
    let mut entry = long_series(&*querier)?;
    let mut out = SampleBatch::new();
    let more = next(&mut *entry.samples, &mut out)?;
    ensure(more, || "the long series is empty".to_owned())?;
    entry.samples.seek(i64::MIN);
    while next(&mut *entry.samples, &mut out)? {}
    same("rows around a backward seek", &rows_of(&out), &long_rows(data, TimeRange::ALL))
}

fn seek_stays_in_the_range(store: &dyn Queryable, data: &Dataset) -> Outcome {
    let range = TimeRange::new(START_MS + 10 * STEP_MS, START_MS + 500 * STEP_MS);
    for t in [START_MS, START_MS + 400 * STEP_MS, START_MS + 500 * STEP_MS, START_MS + 501 * STEP_MS] {
        let querier = open(store, range)?;
        let mut entry = long_series(&*querier)?;
        entry.samples.seek(t);
        let mut found = rows_of(&drain(&mut *entry.samples)?);
        let outside = found.iter().find(|row| !range.contains(row.timestamp_ms)).copied();
        ensure(outside.is_none(), || format!("{outside:?} lies outside {range:?}"))?;
        found.retain(|row| row.timestamp_ms >= t);
        let expected = long_rows(data, TimeRange::new(range.min_ms.max(t), range.max_ms));
        same(&format!("rows from {t}"), &found, &expected)?;
    }
    Ok(())
}

fn seek_past_the_end(store: &dyn Queryable, _: &Dataset) -> Outcome {
    for t in [START_MS + LONG as i64 * STEP_MS, i64::MAX] {
        let querier = open(store, TimeRange::ALL)?;
        let mut entry = long_series(&*querier)?;
        entry.samples.seek(t);
        let mut late = rows_of(&drain(&mut *entry.samples)?);
        late.retain(|row| row.timestamp_ms >= t);
        same(&format!("rows from {t}"), &late, &Vec::new())?;
    }
    Ok(())
}
