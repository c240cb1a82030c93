//! Functions of one window. Those of floats are written out here; windows with histograms, extended ones and those with
//! start times go through the engine's functions, one window at a time.

use std::collections::BTreeSet;

use promethium_model::quote::go_quoted;
use promethium_model::{Labels, QueryError, SampleValue};

use super::super::kahan::Kahan;
use super::super::notes::{Notes, Origin};
use super::super::output::duplicate_labels;
use super::super::steps::Steps;
use super::super::window::{RangeSeries, RangeSetup};
use super::super::{function, quantile};
use super::eval::Naive;
use super::select::samples_of;
use super::value::{Place, Point, Row, Sample, Value};
use crate::parser::{Call, Expr, ExprId, Extension, Function, Span, ValueType};

/// A window and what is asked of it.
struct Window<'w> {
    function: Function,
    times: Vec<i64>,
    values: Vec<f64>,
    /// When the window begins and ends, and the evaluation time.
    start: i64,
    end: i64,
    now: i64,
    scalars: &'w [f64],
}

impl Naive<'_> {
    pub(super) fn range_call(&self, call: &Call, steps: Steps) -> Result<Value, QueryError> {
        let is_range = |a: &&ExprId| self.ast.type_of(**a) == ValueType::Matrix;
        let Some(range) = call.args.iter().find(is_range).copied() else {
            return Err(QueryError::Execution("no range".to_owned()));
        };
        let (range_ms, ends, extension) = self.shape(range, steps)?;
        RangeSetup::check_function(extension, call.function)?;
        let Value::Matrix(matrices) = self.eval(range, steps)? else { return Ok(Value::Vector(Vec::new())) };
        let scalars: Vec<Vec<f64>> = call
            .args
            .iter()
            .filter(|a| self.ast.type_of(**a) == ValueType::Scalar)
            .map(|a| self.scalars(*a, steps))
            .collect::<Result<_, _>>()?;
        if call.function == Function::AbsentOverTime {
            return Ok(Value::Vector(matrices.iter().map(|rows| self.absent(rows.is_empty(), range)).collect()));
        }
        let mut vectors = vec![Vec::new(); steps.count];
        // Series by series, as Prometheus does: of equal annotations the last one's position stands.
        let mut order: Vec<(Place, &Labels)> = matrices.iter().flatten().map(|r| (r.place, &r.labels)).collect();
        order.sort();
        order.dedup();
        for (_, labels) in order {
            let notes = Notes::new(self.notes.query());
            for (i, rows) in matrices.iter().enumerate() {
                let scalars: Vec<f64> = scalars.iter().map(|s| s[i]).collect();
                let setup = RangeSetup::for_one_step(
                    call.function,
                    (steps.time(i), ends.time(i), range_ms),
                    (extension, self.lookback_ms, self.features),
                    scalars.clone(),
                    (self.origin_about_argument(range), self.origin_about_argument(call.args[0])),
                );
                for row in rows.iter().filter(|r| r.labels == *labels) {
                    if let Some(value) = self.of_window(&setup, row, &scalars, &notes)? {
                        let drops = !matches!(call.function, Function::FirstOverTime | Function::LastOverTime);
                        vectors[i].push(Sample::new(row.labels.clone(), row.drop_name || drops, value).at(row.place));
                    }
                }
            }
            self.notes.absorb_series(notes);
        }
        if !self.features.delayed_name_removal {
            refuse_equal_series(&vectors)?;
        }
        Ok(Value::Vector(vectors))
    }

    /// A subquery's place is forgotten when it was evaluated: that is the start of the query.
    fn origin_about_argument(&self, arg: ExprId) -> Origin {
        match self.expr(arg) {
            Expr::Subquery(_) => Origin::in_order(Span::default()),
            _ => self.origin(arg),
        }
    }

    fn absent(&self, empty: bool, range: ExprId) -> Vec<Sample> {
        let labels = match self.expr(range) {
            Expr::Matrix(m) => function::absent_labels(&m.selector.all_matchers()),
            _ => promethium_model::Labels::empty(),
        };
        let drop_name = self.features.delayed_name_removal;
        if empty { vec![Sample::new(labels, drop_name, SampleValue::Float(1.0))] } else { Vec::new() }
    }

    fn shape(&self, range: ExprId, steps: Steps) -> Result<(i64, Steps, Option<Extension>), QueryError> {
        match self.expr(range) {
            Expr::Matrix(m) => {
                Ok((self.duration(&m.range)?, self.ends(&m.selector, range, steps)?, m.selector.extension()))
            }
            Expr::Subquery(s) => {
                let start_ms = self.shifted(&s.time, range, steps.start_ms)?;
                let step_ms = if self.pinned(&s.time, range).is_some() { 0 } else { steps.step_ms };
                Ok((self.duration(&s.range)?, Steps { start_ms, step_ms, count: steps.count }, None))
            }
            _ => Err(QueryError::Execution("no range".to_owned())),
        }
    }

    fn of_window(
        &self,
        setup: &RangeSetup,
        row: &Row,
        scalars: &[f64],
        notes: &Notes<'_>,
    ) -> Result<Option<SampleValue>, QueryError> {
        let float = |p: &Point| match p.value {
            SampleValue::Float(v) => Some(v),
            SampleValue::Histogram(_) => None,
        };
        let values: Option<Vec<f64>> = row.points.iter().map(float).collect();
        let started = row.points.iter().any(|p| p.start != 0);
        let (Some(values), None, false) = (values, setup.extension, started) else {
            let samples = samples_of(&row.points);
            let series = RangeSeries { labels: &row.labels, drop_name: row.drop_name, samples: &samples };
            return setup.one_window(&series, notes);
        };
        let times = row.points.iter().map(|p| p.time).collect();
        let (end, now) = (setup.ends.start_ms, setup.steps.start_ms);
        let function = setup.function;
        let window = Window { function, times, values, start: end - setup.range_ms, end, now, scalars };
        let result = window.result()?;
        if function == Function::QuantileOverTime && !(0.0..=1.0).contains(&scalars[0]) {
            quantile::warn_invalid(notes, setup.first_origin, scalars[0]);
        }
        if result.is_some() && matches!(function, Function::Rate | Function::Increase) {
            hint(row, setup, notes);
        }
        Ok(result.map(SampleValue::Float))
    }
}

/// Series that lose their names must stay apart, even if they never meet at a step.
fn refuse_equal_series(vectors: &[Vec<Sample>]) -> Result<(), QueryError> {
    let before: BTreeSet<&Labels> = vectors.iter().flatten().map(|s| &s.labels).collect();
    let after: BTreeSet<Labels> = vectors.iter().flatten().map(Sample::final_labels).collect();
    if after.len() < before.len() { Err(duplicate_labels()) } else { Ok(()) }
}

impl Window<'_> {
    fn result(&self) -> Result<Option<f64>, QueryError> {
        use Function as F;
        let (n, values) = (self.values.len(), &self.values[..]);
        let pairs = || values.windows(2);
        let seconds = |t: i64| t as f64 / 1000.0;
        Ok(match self.function {
            F::Rate | F::Increase | F::Delta => self.extrapolated(),
            F::Irate | F::Idelta if n < 2 || self.times[n - 1] == self.times[n - 2] => None,
            F::Irate => {
                let (a, b) = (values[n - 2], values[n - 1]);
                let change = if b < a { b } else { b - a };
                Some(change / seconds(self.times[n - 1] - self.times[n - 2]))
            }
            F::Idelta => Some(values[n - 1] - values[n - 2]),
            F::Changes => Some(pairs().filter(|p| p[0] != p[1] && !(p[0].is_nan() && p[1].is_nan())).count() as f64),
            F::Resets => Some(pairs().filter(|p| p[1] < p[0]).count() as f64),
            F::CountOverTime => Some(n as f64),
            F::PresentOverTime => Some(1.0),
            F::FirstOverTime => Some(values[0]),
            F::LastOverTime => Some(values[n - 1]),
            F::TsOfFirstOverTime => Some(seconds(self.times[0])),
            F::TsOfLastOverTime => Some(seconds(self.times[n - 1])),
            F::MinOverTime => Some(values[self.extreme(|a, b| a < b)]),
            F::MaxOverTime => Some(values[self.extreme(|a, b| a > b)]),
            F::TsOfMinOverTime => Some(seconds(self.times[self.extreme(|a, b| a <= b)])),
            F::TsOfMaxOverTime => Some(seconds(self.times[self.extreme(|a, b| a >= b)])),
            F::SumOverTime => Some(sum(values)),
            F::AvgOverTime => Some(mean(values)),
            F::StddevOverTime => Some(variance(values).sqrt()),
            F::StdvarOverTime => Some(variance(values)),
            F::QuantileOverTime => Some(quantile::of(self.scalars[0], &mut values.to_vec())),
            F::MadOverTime => Some(deviation(values)),
            F::Deriv => (n > 1).then(|| self.line(self.times[0]).0),
            F::PredictLinear => (n > 1).then(|| {
                let (slope, intercept) = self.line(self.now);
                slope * self.scalars[0] + intercept
            }),
            _ => self.smoothed()?,
        })
    }

    fn extrapolated(&self) -> Option<f64> {
        let (n, values) = (self.values.len(), &self.values[..]);
        if n < 2 {
            return None;
        }
        let counter = self.function != Function::Delta;
        let (first, last) = (self.times[0], self.times[n - 1]);
        let mut change = values[n - 1] - values[0];
        if counter {
            values.windows(2).filter(|p| p[1] < p[0]).for_each(|p| change += p[0]);
        }
        let seconds = |t: i64| t as f64 / 1000.0;
        let sampled = seconds(last - first);
        let gap = sampled / (n - 1) as f64;
        let (mut to_start, mut to_end) = (seconds(first - self.start), seconds(self.end - last));
        if to_start >= gap * 1.1 {
            to_start = gap / 2.0;
        }
        if counter && change > 0.0 && values[0] >= 0.0 {
            to_start = to_start.min(sampled * (values[0] / change));
        }
        if to_end >= gap * 1.1 {
            to_end = gap / 2.0;
        }
        let mut factor = if sampled == 0.0 { 1.0 } else { (sampled + to_start + to_end) / sampled };
        if self.function == Function::Rate {
            factor /= seconds(self.end - self.start);
        }
        Some(change * factor)
    }

    fn extreme(&self, beats: impl Fn(f64, f64) -> bool) -> usize {
        let mut best = 0;
        for (i, v) in self.values.iter().enumerate() {
            if beats(*v, self.values[best]) || self.values[best].is_nan() {
                best = i;
            }
        }
        best
    }

    fn line(&self, origin: i64) -> (f64, f64) {
        let first = self.values[0];
        if self.values.iter().skip(1).all(|v| *v == first) {
            return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
        }
        let x: Vec<f64> = self.times.iter().map(|t| (t - origin) as f64 / 1000.0).collect();
        let y = &self.values;
        let product = |a: &[f64], b: &[f64]| total(a.iter().zip(b).map(|(a, b)| a * b));
        let n = y.len() as f64;
        let (sx, sy) = (total(x.iter().copied()), total(y.iter().copied()));
        let slope = (product(&x, y) - sx * sy / n) / (product(&x, &x) - sx * sx / n);
        (slope, sy / n - slope * sx / n)
    }

    fn smoothed(&self) -> Result<Option<f64>, QueryError> {
        let (sf, tf) = (self.scalars[0], self.scalars[1]);
        for (what, letter, factor) in [("smoothing", "sf", sf), ("trend", "tf", tf)] {
            if factor <= 0.0 || factor >= 1.0 {
                let text = format!("invalid {what} factor. Expected: 0 < {letter} < 1, got: {factor:.6}");
                return Err(QueryError::Execution(
                    text.replace("got: inf", "got: +Inf").replace("got: -inf", "got: -Inf"),
                ));
            }
        }
        if self.values.len() < 2 {
            return Ok(None);
        }
        let (mut level, mut before, mut slope) = (self.values[0], 0.0, self.values[1] - self.values[0]);
        for (i, v) in self.values.iter().enumerate().skip(1) {
            if i > 1 {
                slope = tf * (level - before) + (1.0 - tf) * slope;
            }
            (before, level) = (level, sf * v + (1.0 - sf) * (level + slope));
        }
        Ok(Some(level))
    }
}

fn hint(row: &Row, setup: &RangeSetup, notes: &Notes<'_>) {
    let name = row.labels.metric_name();
    let (shown, kind) = (go_quoted(name), row.labels.get("__type__").unwrap_or(""));
    let doubt = if setup.features.type_and_unit_labels {
        let doubt = format!("__type__ label is not set to \"counter\" or \"histogram\", got {}", go_quoted(kind));
        (!["counter", "histogram"].contains(&kind)).then_some(doubt)
    } else {
        let suffixed = ["_total", "_sum", "_count", "_bucket"].iter().any(|s| name.ends_with(s));
        (!suffixed).then(|| "name does not end in _total/_sum/_count/_bucket".to_owned())
    };
    if let Some(doubt) = doubt.filter(|_| !name.is_empty()) {
        notes.info(setup.first_origin, format!("metric might not be a counter, {doubt}: {shown}"));
    }
}

fn total(values: impl Iterator<Item = f64>) -> f64 {
    let mut kahan = Kahan::default();
    values.for_each(|v| kahan.add(v));
    kahan.total()
}

fn sum(values: &[f64]) -> f64 {
    let mut kahan = Kahan::default();
    values.iter().for_each(|v| kahan.add(*v));
    if kahan.sum.is_infinite() { kahan.sum } else { kahan.total() }
}

/// The sum over the count; from the first overflow on, the mean kept up to date.
pub(super) fn mean(values: &[f64]) -> f64 {
    let mut kahan = Kahan::starting_at(values[0]);
    let mut incremental = false;
    for (i, v) in values.iter().enumerate().skip(1) {
        let n = (i + 1) as f64;
        if !incremental {
            let mut next = kahan;
            next.add(*v);
            if !next.sum.is_infinite() {
                kahan = next;
                continue;
            }
            incremental = true;
            kahan = Kahan { sum: kahan.sum / (n - 1.0), compensation: kahan.compensation / (n - 1.0) };
        }
        let q = (n - 1.0) / n;
        kahan = Kahan { sum: q * kahan.sum, compensation: q * kahan.compensation };
        kahan.add(v / n);
    }
    let n = values.len() as f64;
    if incremental { kahan.total() } else { kahan.sum / n + kahan.compensation / n }
}

fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Kahan::default(), Kahan::default());
    for (i, v) in values.iter().enumerate() {
        let delta = v - mean.total();
        mean.add(delta / (i + 1) as f64);
        squares.add(delta * (v - mean.total()));
    }
    squares.total() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    if values.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let median = quantile::of(0.5, &mut values.to_vec());
    let mut distances: Vec<f64> = values.iter().map(|v| (v - median).abs()).collect();
    quantile::of(0.5, &mut distances)
}
