//! From evaluated series to the answer: names dropped, equal label sets merged, matrices sorted.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, MatrixSeries, QueryError, VectorSample};

use super::column::{Column, Series};
use super::steps::Steps;

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
/// When two of them have a sample at the same step.
pub(crate) fn merge_equal(series: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    let mut by_labels: HashMap<Labels, usize, FixedState> = HashMap::default();
    let mut merged: Vec<Series> = Vec::with_capacity(series.len());
    for next in series {
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
pub(crate) fn finish(mut series: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    series.iter_mut().filter(|s| s.drop_name).for_each(drop_metadata);
    merge_equal(series)
}

/// The samples of an instant query, in the order they came in.
pub(crate) fn to_vector(series: Vec<Series>, time_ms: i64) -> Vec<VectorSample> {
    let sample = |s: Series| {
        let value = s.column.value(0)?;
        Some(VectorSample { labels: s.labels, timestamp_ms: time_ms, value })
    };
    series.into_iter().filter_map(sample).collect()
}

/// The series of a range query, sorted by labels.
pub(crate) fn to_matrix(series: Vec<Series>, steps: Steps) -> Vec<MatrixSeries> {
    let mut matrix: Vec<MatrixSeries> =
        series.into_iter().filter(|s| s.column.any()).map(|s| points(s.labels, &s.column, steps)).collect();
    matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
    matrix
}

fn points(labels: Labels, column: &Column, steps: Steps) -> MatrixSeries {
    let floats = column.present.ones().map(|step| (steps.time(step), column.values[step])).collect();
    let histograms = column.histograms.iter().map(|(step, h)| (steps.time(*step as usize), h.clone())).collect();
    MatrixSeries { labels, floats, histograms }
}

/// A scalar over a range is a series without labels.
pub(crate) fn scalar_to_matrix(values: Vec<f64>, steps: Steps) -> Vec<MatrixSeries> {
    let series = Series::new(Labels::empty(), Column::dense(values));
    to_matrix(vec![series], steps)
}
