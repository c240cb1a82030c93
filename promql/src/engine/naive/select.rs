//! Selectors, windows, subqueries.

use promethium_model::{
    Labels, Matcher, MatrixSeries, QueryCx, QueryError, SampleBatch, SampleValue, SelectHints, TimeRange, is_stale,
};

use super::super::histogram::stats_only;
use super::super::notes::Origin;
use super::super::samples::Samples;
use super::super::smoothed::Line;
use super::super::steps::Steps;
use super::super::window::boundary_points;
use super::eval::Naive;
use super::value::{Point, Row, Sample, Value};
use crate::parser::{Expr, ExprId, Extension, Function, MatrixSelector, Selector, Span, Subquery};

/// A stored series: each sample, or its stale marker.
pub(super) struct Stored {
    pub(super) labels: Labels,
    pub(super) points: Vec<(Point, bool)>,
}

impl Stored {
    fn of(labels: Labels, batch: &SampleBatch) -> Stored {
        let point = |row: usize| {
            let histogram = batch.histograms.iter().find(|(r, _)| *r as usize == row);
            let (value, stale) = match histogram {
                Some((_, h)) => (SampleValue::Histogram(h.to_float()), h.is_stale()),
                None => (SampleValue::Float(batch.floats[row]), is_stale(batch.floats[row])),
            };
            let start = batch.start_timestamps.get(row).copied().unwrap_or(0);
            (Point { time: batch.timestamps[row], start, value }, stale)
        };
        Stored { labels, points: (0..batch.len()).map(point).collect() }
    }

    /// The newest sample of `(t − lookback, t]`, unless it is a stale marker.
    pub(super) fn newest(&self, t: i64, lookback_ms: i64) -> Option<&Point> {
        let (point, stale) = self.points.iter().rev().find(|(p, _)| p.time <= t)?;
        (point.time > t - lookback_ms && !stale).then_some(point)
    }

    /// The samples of `(after, until]` without stale markers.
    pub(super) fn window(&self, after: i64, until: i64) -> Vec<Point> {
        let inside = |(p, stale): &&(Point, bool)| p.time > after && p.time <= until && !stale;
        self.points.iter().filter(inside).map(|(p, _)| p.clone()).collect()
    }
}

impl Naive<'_> {
    /// All series that match, whole, in the order of the store.
    pub(super) fn stored(
        &self,
        matchers: &[Matcher],
        prepare: impl Fn(&mut SampleBatch),
    ) -> Result<Vec<Stored>, QueryError> {
        let querier = self.store.querier(TimeRange::ALL)?;
        let mut set = querier.select(matchers, &SelectHints::sorted(TimeRange::ALL), &QueryCx::unlimited())?;
        let mut all = Vec::new();
        while let Some(mut entry) = set.next_series()? {
            let mut batch = SampleBatch::new();
            while entry.samples.next_batch(&mut batch)? {}
            prepare(&mut batch);
            all.push(Stored::of(entry.labels, &batch));
        }
        Ok(all)
    }

    /// The series under a selector; with statistics alone where nothing else is looked at.
    fn stored_for(
        &self,
        selector: &Selector,
        id: ExprId,
        ends: Steps,
        width_ms: i64,
    ) -> Result<Vec<Stored>, QueryError> {
        let strip = self.stats_only(id);
        self.stored(&selector.all_matchers(), |batch| {
            if strip && !batch.is_float_only() {
                stats_only::strip(batch, ends, width_ms);
            }
        })
    }

    pub(super) fn selector(
        &self,
        selector: &Selector,
        span: Span,
        id: ExprId,
        steps: Steps,
    ) -> Result<Value, QueryError> {
        let ends = self.ends(selector, id, steps)?;
        // What lies between samples is made of whole ones.
        let stored = match selector.extension() {
            Some(Extension::Smoothed) => self.stored(&selector.all_matchers(), |_| {})?,
            _ => self.stored_for(selector, id, ends, self.lookback_ms)?,
        };
        let mut vectors = Vec::new();
        for i in 0..steps.count {
            let t = ends.time(i);
            let at = |(place, series): (usize, &Stored)| {
                let value = match selector.extension() {
                    Some(Extension::Smoothed) => self.smoothed(series, t, span)?,
                    _ => series.newest(t, self.lookback_ms)?.value.clone(),
                };
                Some(Sample::new(series.labels.clone(), false, value).at([place, 0, 0]))
            };
            vectors.push(stored.iter().enumerate().filter_map(at).collect());
        }
        Ok(Value::Vector(vectors))
    }

    fn smoothed(&self, series: &Stored, t: i64, span: Span) -> Option<SampleValue> {
        let samples = samples_of(&series.window(i64::MIN, i64::MAX));
        let line = Line {
            samples: &samples,
            labels: &series.labels,
            lookback_ms: self.lookback_ms,
            origin: Origin::in_order(span),
            notes: self.notes,
        };
        line.at(t)
    }

    /// The times at which a selector looks.
    pub(super) fn ends(&self, selector: &Selector, id: ExprId, steps: Steps) -> Result<Steps, QueryError> {
        let step_ms = if self.pinned(selector.time(), id).is_some() { 0 } else { steps.step_ms };
        Ok(Steps { start_ms: self.shifted(selector.time(), id, steps.start_ms)?, step_ms, count: steps.count })
    }

    /// The windows of a range selector, wider where the range is extended.
    pub(super) fn ranges(
        &self,
        matrix: &MatrixSelector,
        id: ExprId,
        steps: Steps,
    ) -> Result<Vec<Vec<Row>>, QueryError> {
        let range_ms = self.duration(&matrix.range)?;
        let ends = self.ends(&matrix.selector, id, steps)?;
        let before = if matrix.selector.extension().is_some() { self.lookback_ms } else { 0 };
        let after = if matrix.selector.extension() == Some(Extension::Smoothed) { self.lookback_ms } else { 0 };
        let reach = Steps { start_ms: ends.start_ms + after, ..ends };
        let stored = self.stored_for(&matrix.selector, id, reach, range_ms + before + after)?;
        let window = |i: usize| {
            let end = ends.time(i);
            let row = |(place, s): (usize, &Stored)| {
                let points = s.window(end - range_ms - before, end + after);
                let place = [place, 0, 0];
                (!points.is_empty()).then(|| Row { labels: s.labels.clone(), drop_name: false, points, place })
            };
            stored.iter().enumerate().filter_map(row).collect()
        };
        Ok((0..steps.count).map(window).collect())
    }

    /// A window as the answer itself; an extended one with values at its very ends.
    pub(super) fn clipped(
        &self,
        row: Row,
        matrix: &MatrixSelector,
        t: i64,
    ) -> Result<Option<MatrixSeries>, QueryError> {
        let Some(extension) = matrix.selector.extension() else { return Ok(Some(row.into_answer())) };
        let end = self.shifted(matrix.selector.time(), self.ast.without_parens(self.ast.root()), t)?;
        let range_ms = self.duration(&matrix.range)?;
        boundary_points(&samples_of(&row.points), row.labels, end, range_ms, self.lookback_ms, extension)
    }

    /// The inner expression at all multiples of the step in the window, anew for every step.
    pub(super) fn subquery(&self, subquery: &Subquery, id: ExprId, steps: Steps) -> Result<Vec<Vec<Row>>, QueryError> {
        let range_ms = self.duration(&subquery.range)?;
        let step_ms = subquery.step.as_ref().map_or(Ok(self.subquery_step_ms), |step| self.duration(step))?;
        let end = |i: usize| self.shifted(&subquery.time, id, steps.time(i));
        let first = (end(0)? - range_ms).div_euclid(step_ms) * step_ms + step_ms;
        let last = end(steps.count - 1)?.div_euclid(step_ms) * step_ms;
        let inner = Steps::between(first, last, step_ms);
        let mut rows = Vec::new();
        if inner.count > 0 {
            let vectors = self.vectors(subquery.expr, inner)?;
            for (i, vector) in vectors.into_iter().enumerate() {
                for sample in vector {
                    add_point(&mut rows, sample, inner.time(i), inner.count > 1);
                }
            }
        }
        rows.sort_by_key(|r| r.place);
        (0..steps.count)
            .map(|i| {
                let end = end(i)?;
                let cut = |row: &Row| {
                    let inside = |p: &&Point| p.time > end - range_ms && p.time <= end;
                    let points: Vec<Point> = row.points.iter().filter(inside).cloned().collect();
                    (!points.is_empty()).then(|| Row { points, ..row.clone() })
                };
                Ok(rows.iter().filter_map(cut).collect())
            })
            .collect()
    }

    /// Whether all that is made of a selector's histograms is their count, sum or average, at times that are not computed.
    fn stats_only(&self, id: ExprId) -> bool {
        let mut counted = false;
        for (parent, _) in self.ancestors(id) {
            match self.ast.expr(parent) {
                Expr::Subquery(_) => return false,
                Expr::Binary(b) if b.op.is_trim() => return false,
                Expr::Call(c) => match c.function {
                    Function::HistogramCount | Function::HistogramSum | Function::HistogramAvg => counted = true,
                    Function::HistogramQuantile | Function::HistogramQuantiles | Function::HistogramFraction => {
                        return false;
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        counted
    }
}

/// Adds a sample to the row of its series. At a single step nobody looks whether labels repeat: each sample is a series.
fn add_point(rows: &mut Vec<Row>, sample: Sample, time: i64, several_steps: bool) {
    let value = match sample.value {
        SampleValue::Float(v) => SampleValue::Float(v),
        SampleValue::Histogram(h) => SampleValue::Histogram(super::super::samples::without_reset_hint(&h)),
    };
    let point = Point { time, start: 0, value };
    match rows.iter_mut().find(|r| several_steps && r.labels == sample.labels) {
        Some(row) => row.points.push(point),
        None => rows.push(Row {
            labels: sample.labels,
            drop_name: sample.drop_name,
            points: vec![point],
            place: sample.place,
        }),
    }
}

/// The points of a window in the form that the engine's functions of one window take.
pub(super) fn samples_of(points: &[Point]) -> Samples {
    let mut samples = Samples::default();
    let started = points.iter().any(|p| p.start != 0);
    for point in points {
        match &point.value {
            SampleValue::Float(v) => {
                samples.times.push(point.time);
                samples.floats.push(*v);
                samples.start_times.extend(started.then_some(point.start));
            }
            SampleValue::Histogram(h) => {
                samples.histogram_times.push(point.time);
                samples.histograms.push(h.clone());
                samples.histogram_start_times.extend(started.then_some(point.start));
            }
        }
    }
    samples
}
