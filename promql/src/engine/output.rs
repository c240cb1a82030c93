//! From evaluated series to the answer: names dropped, equal label sets merged, matrices sorted.

use std::collections::HashMap;
use std::mem::size_of;

use foldhash::fast::FixedState;
use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, MatrixSeries, QueryError, VectorSample};

use super::budget::{Budget, table_bytes};
use super::column::{Column, Series};
use super::eval::Collected;
use super::sorting::sort_by;
use super::steps::Steps;

/// Series that are merged between two looks at whether the query goes on.
const MERGED_PER_CHECK: usize = 1_024;

/// Bytes of a point of a result.
const POINT_BYTES: usize = 16;

/// Name, type and unit: what describes a metric rather than tells series apart. They are dropped together.
pub(crate) fn is_metadata(label: &str) -> bool {
    matches!(label, METRIC_NAME | "__type__" | "__unit__")
}

/// Drops name, type and unit at once.
pub(crate) fn drop_metadata(series: &mut Series) {
    series.labels = series.labels.without(is_metadata);
    series.drop_name = false;
}

pub(crate) fn duplicate_labels() -> QueryError {
    QueryError::Execution("vector cannot contain metrics with the same labelset".to_owned())
}

/// Merges series with equal labels, in the order of their first; the flag is that of the first sample.
///
/// # Errors
///
/// When two of them have a sample at the same step, or there is no room for them beside the list that they come in.
pub(crate) fn merge_equal(series: Vec<Series>, budget: &Budget<'_>) -> Result<Vec<Series>, QueryError> {
    let entry = size_of::<Series>() + table_bytes(1, size_of::<(Labels, usize)>());
    let _beside = budget.hold(series.len() * entry)?;
    let mut by_labels: HashMap<Labels, usize, FixedState> = HashMap::default();
    let mut merged: Vec<Series> = Vec::with_capacity(series.len());
    let mut pace = budget.cx().pace(MERGED_PER_CHECK);
    for next in series {
        pace.done(1)?;
        match by_labels.get(&next.labels) {
            None => {
                by_labels.insert(next.labels.clone(), merged.len());
                merged.push(next);
            }
            Some(at) => merge_into(&mut merged[*at], next)?,
        }
    }
    Ok(merged)
}

fn merge_into(known: &mut Series, next: Series) -> Result<(), QueryError> {
    if known.column.occupied().overlaps(&next.column.occupied()) {
        return Err(duplicate_labels());
    }
    if next.column.first_step() < known.column.first_step() {
        known.drop_name = next.drop_name;
    }
    known.column.absorb(next.column);
    Ok(())
}

/// Drops the names that wait for the end of the query.
///
/// # Errors
///
/// When two series then collide.
pub(crate) fn finish(mut series: Vec<Series>, budget: &Budget<'_>) -> Result<Vec<Series>, QueryError> {
    series.iter_mut().filter(|s| s.drop_name).for_each(drop_metadata);
    merge_equal(series, budget)
}

/// The samples of an instant query, in the order they came in.
pub(crate) fn to_vector(
    series: Vec<Series>,
    time_ms: i64,
    budget: &Budget<'_>,
) -> Result<Vec<VectorSample>, QueryError> {
    budget.room_for(series.len() * size_of::<VectorSample>())?;
    let sample = |s: Series| {
        let value = s.column.value(0)?;
        Some(VectorSample { labels: s.labels, timestamp_ms: time_ms, value })
    };
    let mut vector = Vec::with_capacity(series.len());
    vector.extend(series.into_iter().filter_map(sample));
    Ok(vector)
}

/// The series of a range query, sorted by labels.
///
/// # Errors
///
/// When there is no room for their points.
pub(crate) fn to_matrix(
    all: Collected<'_>,
    steps: Steps,
    budget: &Budget<'_>,
) -> Result<Vec<MatrixSeries>, QueryError> {
    let (series, mut charge) = all.into_parts();
    let mut matrix = Vec::with_capacity(series.len());
    charge.hold(series.len() * size_of::<MatrixSeries>())?;
    for series in series.into_iter().filter(|s| s.column.any()) {
        budget.check()?;
        let column = &series.column;
        // Points take more room than columns, which go one by one while the points come.
        charge.hold(POINT_BYTES * (column.present.count() + column.histograms.len()))?;
        let freed = Column::float_bytes(column.steps()) + column.histograms.capacity() * POINT_BYTES;
        matrix.push(points(series.labels, &series.column, steps));
        drop(series.column);
        charge.release(freed);
    }
    sort_by(&mut matrix, budget, |a: &MatrixSeries, b| a.labels.cmp(&b.labels))?;
    Ok(matrix)
}

fn points(labels: Labels, column: &Column, steps: Steps) -> MatrixSeries {
    let point = |step: usize| (steps.time(step), column.values[step]);
    let mut floats = Vec::with_capacity(column.present.count());
    // PERF: mostly every step holds a float, and which do need not be asked step by step.
    if column.is_full() {
        floats.extend((0..steps.count).map(point));
    } else {
        column.present.ones().for_each(|step| floats.push(point(step)));
    }
    let histograms = column.histograms.iter().map(|(step, h)| (steps.time(*step as usize), h.clone())).collect();
    MatrixSeries { labels, floats, histograms }
}

/// A scalar over a range is a series without labels.
///
/// # Errors
///
/// As [`to_matrix`].
pub(crate) fn scalar_to_matrix<'b>(
    values: Vec<f64>,
    steps: Steps,
    budget: &'b Budget<'b>,
) -> Result<Vec<MatrixSeries>, QueryError> {
    let mut all = Collected::new(budget);
    all.push(Series::new(Labels::empty(), Column::dense(values)))?;
    to_matrix(all, steps, budget)
}
