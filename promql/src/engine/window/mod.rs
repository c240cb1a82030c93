//! Functions over range vectors: a window moves over the samples of one series, its ends never going back.

mod blocks;
mod boundary;
mod counter;
mod extended;
mod instant;
mod lanes;
mod neighbours;
mod over_time;
mod regression;
mod sliding;
mod source;
mod statistics;
mod walk;

use std::cell::Cell;
use std::ops::Deref;

use promethium_model::{Labels, QueryCx, QueryError, SampleValue};

use super::budget::Budget;
use super::column::{Column, Series};
use super::eval::{Evaluator, SCALAR_BYTES, Sink, unexpected};
use super::notes::{Notes, Origin};
use super::steps::Steps;
use crate::Features;
use crate::parser::{ExprId, Extension, Function, Span, ValueType};
use crate::plan::Op;

pub(crate) use boundary::boundary_points;
pub(crate) use counter::{Extent, assumed_zero};
pub(crate) use extended::{bounds as range_bounds, interpolated};
pub(crate) use instant::histogram_reset;
pub(crate) use neighbours::Neighbours;
pub(crate) use source::RangeSeries;
pub(crate) use walk::{Window, each_window};

/// Samples that functions look at between two looks at whether the query goes on.
const WORK_PER_CHECK: usize = 1 << 14;

/// How many samples a window counts as beside its own.
const WINDOW_WORK: usize = WORK_PER_CHECK / 64;

/// How many floats a histogram counts as.
const HISTOGRAM_WORK: usize = 64;

/// A call over a range, set up once for all its series and shared by the threads that work on them.
pub(crate) struct RangeSetup {
    pub(crate) function: Function,
    /// The evaluation times.
    pub(crate) steps: Steps,
    /// The ends of the windows: evaluation times, shifted.
    pub(crate) ends: Steps,
    pub(crate) range_ms: i64,
    pub(crate) extension: Option<Extension>,
    pub(crate) lookback_ms: i64,
    /// The scalar arguments, one value a step.
    pub(crate) scalars: Vec<Vec<f64>>,
    /// About the range argument.
    pub(crate) origin: Origin,
    /// About the first argument.
    pub(crate) first_origin: Origin,
    pub(crate) features: Features,
    keeps_name: bool,
}

/// A call over a range, at work on one series.
pub(crate) struct RangeCall<'c> {
    setup: &'c RangeSetup,
    pub(crate) notes: &'c Notes<'c>,
    budget: &'c Budget<'c>,
    /// Samples looked at since the last check.
    work: Cell<usize>,
    /// Whether the query was stopped while windows were summed.
    stopped: Cell<bool>,
}

impl Deref for RangeCall<'_> {
    type Target = RangeSetup;

    fn deref(&self) -> &RangeSetup {
        self.setup
    }
}

impl RangeCall<'_> {
    /// Whether to compute another window, which looks at so many samples. Windows that are summed anew cost their width, so
    /// long walks look up now and then whether the query was stopped.
    fn goes_on(&self, samples: usize) -> bool {
        if self.stopped.get() {
            return false;
        }
        let work = self.work.get() + WINDOW_WORK + samples;
        self.work.set(if work < WORK_PER_CHECK { work } else { 0 });
        if work >= WORK_PER_CHECK && self.budget.check().is_err() {
            self.stopped.set(true);
        }
        !self.stopped.get()
    }
}

impl RangeSetup {
    /// A call at one step alone: evaluation time, end of the window and its width; the extension, the lookback and the
    /// features; remarks about the range and about the first argument.
    pub(crate) fn for_one_step(
        function: Function,
        (now_ms, end_ms, range_ms): (i64, i64, i64),
        (extension, lookback_ms, features): (Option<Extension>, i64, Features),
        scalars: Vec<f64>,
        (origin, first_origin): (Origin, Origin),
    ) -> RangeSetup {
        RangeSetup {
            function,
            steps: Steps::single(now_ms),
            ends: Steps::single(end_ms),
            range_ms,
            extension,
            lookback_ms,
            scalars: scalars.into_iter().map(|v| vec![v]).collect(),
            origin,
            first_origin,
            features,
            keeps_name: false,
        }
    }

    /// Which functions take an extended range.
    ///
    /// # Errors
    ///
    /// For all others.
    pub(crate) fn check_function(extension: Option<Extension>, function: Function) -> Result<(), QueryError> {
        extended::check_function(extension, function)
    }

    /// The value over a series that holds one window.
    pub(crate) fn one_window(
        &self,
        series: &RangeSeries<'_>,
        notes: &Notes<'_>,
    ) -> Result<Option<SampleValue>, QueryError> {
        let cx = QueryCx::unlimited();
        let result = self.series(series, &Budget::unlimited(&cx), notes)?;
        Ok(result.and_then(|s| s.column.value(0)))
    }

    /// The result over one series; `None` when no window gives one.
    fn series(
        &self,
        series: &RangeSeries<'_>,
        budget: &Budget<'_>,
        notes: &Notes<'_>,
    ) -> Result<Option<Series>, QueryError> {
        budget.room_for(Column::float_bytes(self.steps.count))?;
        let call = RangeCall { setup: self, notes, budget, work: Cell::new(0), stopped: Cell::new(false) };
        let mut column = Column::new(self.steps.count);
        apply(&call, series, &mut column)?;
        if call.stopped.get() {
            budget.check()?;
        }
        let drop_name = series.drop_name || !self.keeps_name;
        Ok(column.any().then(|| Series { labels: series.labels.clone(), drop_name, column }))
    }

    /// Window width in seconds.
    pub(crate) fn range_seconds(&self) -> f64 {
        self.range_ms as f64 / 1000.0
    }

    pub(crate) fn is_counter(&self) -> bool {
        !matches!(self.function, Function::Delta | Function::Idelta)
    }

    pub(crate) fn is_rate(&self) -> bool {
        matches!(self.function, Function::Rate | Function::Irate)
    }
}

impl<'a> Evaluator<'a> {
    /// Evaluates a function with one range argument, streaming its series.
    pub(crate) fn range_call(
        &self,
        function: Function,
        args: &[ExprId],
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let range = args.iter().copied().find(|a| self.plan.value_type(*a) == ValueType::Matrix);
        let Some(range) = range else { return Err(unexpected("a range", self.node(args[0]))) };
        let call = self.set_up(function, args, (id, range), steps)?;
        let _scalars = self.budget.hold(SCALAR_BYTES * steps.count * call.scalars.len())?;
        if function == Function::AbsentOverTime {
            return self.absent_over_time(&call, range, sink);
        }
        let budget = self.budget;
        self.map_range(range, steps, &|series, notes| call.series(&series, budget, notes), sink)
    }

    fn set_up(
        &self,
        function: Function,
        args: &[ExprId],
        (id, range): (ExprId, ExprId),
        steps: Steps,
    ) -> Result<RangeSetup, QueryError> {
        let node = self.node(range);
        let (range_ms, shift, extension) = match &node.op {
            Op::Range(r) => (r.range_ms, r.selector.shift, r.selector.extension),
            Op::Subquery(s) => (s.range_ms, s.shift, None),
            _ => return Err(unexpected("a range", node)),
        };
        extended::check_function(extension, function)?;
        let scalars = args.iter().filter(|a| self.plan.value_type(**a) == ValueType::Scalar);
        let scalars: Result<_, QueryError> = scalars.map(|a| self.scalar(*a, steps)).collect();
        if let (Err(QueryError::Execution(_)), Op::Subquery(_)) = (&scalars, &node.op) {
            // It is evaluated before, and fails before.
            self.each_range(range, steps, &mut |_| Ok(()))?;
        }
        Ok(RangeSetup {
            function,
            steps,
            ends: steps.shifted(shift),
            range_ms,
            extension,
            lookback_ms: self.lookback_ms,
            scalars: scalars?,
            origin: self.origin_about_argument(id, range),
            first_origin: self.origin_about_argument(id, args[0]),
            features: self.features,
            keeps_name: matches!(function, Function::FirstOverTime | Function::LastOverTime),
        })
    }

    /// Prometheus puts what a subquery gave in its place, and that has no position: remarks about it name the start of the
    /// query.
    fn origin_about_argument(&self, id: ExprId, arg: ExprId) -> Origin {
        match self.node(arg).op {
            Op::Subquery(_) => Origin::new(id, Span::default()),
            _ => self.origin(id, arg),
        }
    }

    fn absent_over_time(&self, call: &RangeSetup, range: ExprId, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut absent = Column::constant(call.steps.count, 1.0);
        self.each_range(range, call.steps, &mut |series| {
            walk::each_window(series.samples, call.ends, call.range_ms, |w| absent.present.clear(w.step));
            Ok(())
        })?;
        if !absent.any() {
            return Ok(());
        }
        let matchers = match &self.node(range).op {
            Op::Range(r) => &r.selector.matchers[..],
            _ => &[],
        };
        // Type and unit count as the name's, and go at the end of the query.
        let drop_name = self.features.delayed_name_removal;
        sink(Series { drop_name, ..Series::new(super::function::absent_labels(matchers), absent) })
    }
}

/// Fills `out` with the results over one series.
fn apply(call: &RangeCall<'_>, series: &RangeSeries<'_>, out: &mut Column) -> Result<(), QueryError> {
    use Function as F;
    let samples = series.samples;
    if call.extension.is_some() {
        extended::apply(call, series, out);
        return Ok(());
    }
    match call.function {
        F::Rate | F::Increase | F::Delta => counter::extrapolated(call, series, out),
        F::Irate | F::Idelta => instant::instant(call, series, out),
        F::Changes => instant::changes(call, samples, out),
        F::Resets => instant::resets(call, samples, out),
        F::SumOverTime | F::AvgOverTime => over_time::sum_or_avg(call, series, out),
        F::MinOverTime | F::MaxOverTime | F::TsOfMinOverTime | F::TsOfMaxOverTime => {
            over_time::extreme(call, series, out);
        }
        F::CountOverTime | F::PresentOverTime | F::TsOfFirstOverTime | F::TsOfLastOverTime => {
            over_time::of_window(call, samples, out);
        }
        F::FirstOverTime | F::LastOverTime => over_time::boundary(call, samples, out),
        F::StddevOverTime | F::StdvarOverTime => statistics::variance(call, series, out),
        F::QuantileOverTime => statistics::quantile_over_time(call, series, out),
        F::MadOverTime => statistics::mad(call, series, out),
        F::Deriv | F::PredictLinear => regression::linear(call, series, out),
        F::DoubleExponentialSmoothing => regression::double_exponential(call, series, out)?,
        other => {
            return Err(QueryError::Execution(format!("unexpected error: {} takes no range", other.name())));
        }
    }
    Ok(())
}

/// Functions of floats ignore the histograms beside them, and say so.
fn note_ignored_histograms(call: &RangeCall<'_>, labels: &Labels) {
    let name = promethium_model::quote::go_quoted(labels.metric_name());
    let text = format!("ignored histograms in a range containing both floats and histograms for metric name {name}");
    call.notes.info(call.first_origin, text);
}

fn warn_mixed_types(call: &RangeCall<'_>, labels: &Labels) {
    let name = promethium_model::quote::go_quoted(labels.metric_name());
    call.notes.warn(call.origin, format!("encountered a mix of histograms and floats for metric name {name}"));
}

/// Runs `f` on the floats of every window that has some; histograms beside them are ignored with an info.
fn each_float_window(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    least: usize,
    mut f: impl FnMut(usize, std::ops::Range<usize>),
) {
    walk::each_window(series.samples, call.ends, call.range_ms, |window: Window| {
        let floats = window.floats.len();
        if floats > 0 && !window.histograms.is_empty() {
            note_ignored_histograms(call, series.labels);
        }
        if floats >= least.max(1) && call.goes_on(floats) {
            f(window.step, window.floats);
        }
    });
}
