//! `histogram_fraction`: the share of observations between two bounds.

use promethium_model::QueryError;

use super::super::column::{Column, Series};
use super::super::eval::{Evaluator, SCALAR_BYTES, Sink};
use super::super::histogram::statistics;
use super::super::steps::Steps;
use super::classic::{AtStep, Bucket, merge_equal_bounds};
use crate::parser::ExprId;

impl<'a> Evaluator<'a> {
    pub(super) fn histogram_fraction(
        &self,
        args: &[ExprId],
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let (lower, upper) = (self.scalar(args[0], steps)?, self.scalar(args[1], steps)?);
        let mut charge = self.budget.hold(2 * SCALAR_BYTES * steps.count)?;
        let all = self.collect(args[2], steps)?;
        let origin = self.origin(id, args[2]);
        for group in self.histogram_groups(&all.series, origin, &mut charge)? {
            let _result = self.budget.hold(Column::float_bytes(steps.count))?;
            let mut column = Column::new(steps.count);
            for step in 0..steps.count {
                self.budget.check_now_and_then(step)?;
                let Some(at_step) = self.at_step(&group, &all.series, step, origin) else { continue };
                let value = match at_step {
                    AtStep::Native(h) => {
                        let (value, note) = statistics::fraction(lower[step], upper[step], h);
                        self.note_nan(note, &group, origin);
                        value
                    }
                    AtStep::Classic(buckets) => bucket_fraction(lower[step], upper[step], buckets),
                };
                column.set(step, value);
            }
            if column.any() {
                sink(Series { labels: group.labels, drop_name: true, column })?;
            }
        }
        Ok(())
    }
}

pub(crate) fn bucket_fraction(lower: f64, upper: f64, mut buckets: Vec<Bucket>) -> f64 {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    merge_equal_bounds(&mut buckets);
    let total = match buckets.last() {
        Some(last) if last.upper == f64::INFINITY => last.count,
        _ => return f64::NAN,
    };
    if total == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |v: f64| rank_of(&buckets, v).unwrap_or(total).min(total);
    (rank(upper) - rank(lower)) / total
}

/// How many observations lie below `v`, linear inside a bucket.
fn rank_of(buckets: &[Bucket], v: f64) -> Option<f64> {
    let lowest = if buckets[0].upper > 0.0 { 0.0 } else { f64::NEG_INFINITY };
    let (mut lower, mut below) = (lowest, 0.0);
    for bucket in buckets {
        if lower >= v {
            return Some(below);
        }
        if bucket.upper > v {
            let inside = bucket.count - below;
            return Some(match (lower == f64::NEG_INFINITY, bucket.upper == f64::INFINITY) {
                (true, _) => bucket.count,
                (_, true) => below,
                _ => below + inside * (v - lower) / (bucket.upper - lower),
            });
        }
        (lower, below) = (bucket.upper, bucket.count);
    }
    None
}
