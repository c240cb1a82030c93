//! The series that the checks of the reading side ask for.

use super::reading::{Read, rows_of};
use super::{Outcome, Store};
use crate::labels::Labels;
use crate::matcher::{Matcher, all_match};
use crate::sample::{Point, STALE_NAN};
use crate::storage::{AppendOptions, SampleBatch, SeriesKey, TimeRange};

/// First sample of the dataset: a round time of 2023.
pub(super) const START_MS: i64 = 1_700_000_000_000;
/// Distance of samples.
pub(super) const STEP_MS: i64 = 1_000;
/// Samples of the long series: more than a chunk, or a page, of any store known.
pub(super) const LONG: usize = 1_500;

/// Float series, sorted by labels, all within half an hour.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Labels and samples.
    pub series: Vec<(Labels, SampleBatch)>,
}

/// The series that a store under [`queryable`](super::queryable) must hold.
#[must_use]
pub fn dataset() -> Dataset {
    let mut series = requests();
    series.extend(odd_ones());
    series.sort_by(|a, b| a.0.cmp(&b.0));
    Dataset { series }
}

fn requests() -> Vec<(Labels, SampleBatch)> {
    let mut series = Vec::new();
    for job in ["api", "db", "api-canary"] {
        for code in ["200", "404", "503"] {
            for instance in ["a:9100", "b:9100", "c:9100"] {
                let labels = [("__name__", "requests_total"), ("job", job), ("code", code), ("instance", instance)];
                let offset = series.len() as f64;
                series.push((Labels::from_pairs(labels), ramp(0, 7, offset)));
            }
        }
    }
    series
}

fn odd_ones() -> Vec<(Labels, SampleBatch)> {
    let mut sparse = ramp(0, 1, 1.0);
    sparse.push_float(START_MS + 900_000, 2.0);
    let mut ended = ramp(0, 3, 5.0);
    ended.push_float(START_MS + 3 * STEP_MS, STALE_NAN);
    vec![
        (Labels::from_pairs([("__name__", "long"), ("job", "api")]), ramp(0, LONG, 0.5)),
        (Labels::from_pairs([("__name__", "sparse")]), sparse),
        (Labels::from_pairs([("__name__", "ended"), ("job", "db")]), ended),
        (Labels::from_pairs([("__name__", "late"), ("job", "db")]), ramp(800, 10, 3.0)),
        (Labels::from_pairs([("job", "nameless")]), ramp(0, 2, 4.0)),
        (Labels::from_pairs([("__name__", "température.°C"), ("ville", "Orléans\n\"x\"")]), ramp(0, 2, 21.5)),
        (
            Labels::from_pairs([("__name__", "wide"), ("le", "+Inf"), ("z", &"long value ".repeat(500))]),
            ramp(1, 2, 6.0),
        ),
    ]
}

fn ramp(first_step: i64, samples: usize, offset: f64) -> SampleBatch {
    let mut batch = SampleBatch::new();
    for i in 0..samples {
        batch.push_float(START_MS + (first_step + i as i64) * STEP_MS, offset + i as f64);
    }
    batch
}

impl Dataset {
    /// What a correct store returns.
    pub(super) fn expected(&self, range: TimeRange, matchers: &[Matcher]) -> Read {
        let selected = self.series.iter().filter(|(labels, _)| all_match(matchers, labels));
        let inside = |(labels, batch): &(Labels, SampleBatch)| {
            let rows: Vec<_> = rows_of(batch).into_iter().filter(|row| range.contains(row.timestamp_ms)).collect();
            (labels.clone(), rows)
        };
        selected.map(inside).filter(|(_, rows)| !rows.is_empty()).collect()
    }

    /// Appends all samples, one transaction a series.
    pub(super) fn append_to(&self, store: &dyn Store) -> Outcome {
        for (labels, batch) in &self.series {
            let mut tx = store.appender();
            for (t, v) in batch.timestamps.iter().zip(&batch.floats) {
                tx.append(SeriesKey::Labels(labels), Point::float(*t, *v), &AppendOptions::default())
                    .map_err(|e| format!("{labels} at {t}: {e}"))?;
            }
            tx.commit().map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}
