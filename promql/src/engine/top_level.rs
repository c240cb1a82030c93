//! A range vector as the answer of an instant query: the raw samples of the window.

use promethium_model::{Labels, MatrixSeries, QueryError};

use super::column::{histogram_bytes, label_bytes};
use super::eval::Evaluator;
use super::output::is_metadata;
use super::samples::Samples;
use super::sorting::sort_by;
use super::steps::Steps;
use super::window::{Window, boundary_points, each_window};
use crate::parser::ExprId;
use crate::plan::{Op, TimeShift};

impl<'a> Evaluator<'a> {
    pub(super) fn top_level_range(&self, id: ExprId, steps: Steps) -> Result<Vec<MatrixSeries>, QueryError> {
        let (range_ms, shift, extension) = match &self.node(id).op {
            Op::Range(r) => (r.range_ms, r.selector.shift, r.selector.extension),
            Op::Subquery(s) => (s.range_ms, s.shift, None),
            _ => (0, TimeShift::default(), None),
        };
        let ends = steps.shifted(shift);
        let mut matrix = Vec::new();
        let mut charge = self.budget.open();
        self.each_range(id, steps, &mut |series| {
            let labels = if series.drop_name { series.labels.without(is_metadata) } else { series.labels.clone() };
            let points = match extension {
                None => whole_window(series.samples, &labels, ends, range_ms),
                Some(extension) => {
                    boundary_points(series.samples, labels, ends.start_ms, range_ms, self.lookback_ms, extension)?
                }
            };
            if let Some(points) = points {
                charge.add(points.floats.len() + points.histograms.len())?;
                let histograms: usize = points.histograms.iter().map(|(_, h)| histogram_bytes(h)).sum();
                let bytes = 16 * (points.floats.capacity() + points.histograms.capacity());
                charge.hold(bytes + histograms + label_bytes(&points.labels))?;
                charge.push(&mut matrix, points)?;
            }
            Ok(())
        })?;
        sort_by(&mut matrix, self.budget, |a: &MatrixSeries, b| a.labels.cmp(&b.labels))?;
        if matrix.windows(2).any(|pair| pair[0].labels == pair[1].labels) {
            return Err(super::output::duplicate_labels());
        }
        Ok(matrix)
    }
}

fn whole_window(samples: &Samples, labels: &Labels, ends: Steps, range_ms: i64) -> Option<MatrixSeries> {
    let mut found = None;
    each_window(samples, ends, range_ms, |window: Window| {
        let floats = window.floats.map(|i| (samples.times[i], samples.floats[i])).collect();
        let histograms =
            window.histograms.map(|i| (samples.histogram_times[i], samples.histograms[i].clone())).collect();
        found = Some(MatrixSeries { labels: labels.clone(), floats, histograms });
    });
    found
}
