//! Sums and means of histograms, compensated in every component.

use std::sync::Arc;

use promethium_model::quote::go_quoted;
use promethium_model::{CounterResetHint, FloatHistogram};

use super::super::column::{Column, Series};
use super::super::kahan::Kahan;
use super::super::notes::{Notes, Origin};
use super::super::window::{RangeCall, RangeSeries, Window};
use super::arithmetic::add;
use super::sparse::Sparse;
use crate::parser::Function;

/// What is being computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    Sum,
    Mean,
}

/// The state of one sum or mean.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    state: Sparse<Kahan>,
    count: f64,
    /// Whether the mean is kept up to date, since the sum would overflow.
    incremental: bool,
    seen: Seen,
    /// The metric at which exponential met custom buckets: there is no result.
    clash: Option<String>,
    /// Whether a float came before it began or clashed: there is no result either, and nothing more to be found out.
    idle: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    reset: bool,
    not_reset: bool,
    reconciled: bool,
}

impl Seen {
    fn hint(&mut self, hint: CounterResetHint) {
        self.reset |= hint == CounterResetHint::Reset;
        self.not_reset |= hint == CounterResetHint::NotReset;
    }
}

impl Running {
    pub(crate) fn starting_at(h: &FloatHistogram) -> Self {
        let mut seen = Seen::default();
        seen.hint(h.counter_reset_hint);
        Running { state: Sparse::of(h), count: 1.0, incremental: false, seen, clash: None, idle: false }
    }

    pub(crate) fn add(&mut self, fold: Fold, h: &FloatHistogram, name: impl FnOnce() -> String) {
        if self.clash.is_some() || self.idle {
            return;
        }
        self.seen.hint(h.counter_reset_hint);
        self.count += 1.0;
        let added = match fold {
            Fold::Sum => add(&mut self.state, Sparse::of(h)),
            Fold::Mean => self.add_to_mean(h),
        };
        match added {
            Ok(added) => self.seen.reconciled |= added.reconciled,
            Err(_) => self.clash = Some(name()),
        }
    }

    pub(crate) fn clashed(&self) -> bool {
        self.clash.is_some()
    }

    fn add_to_mean(&mut self, h: &FloatHistogram) -> Result<super::arithmetic::Added, super::arithmetic::Incompatible> {
        let mut next = Sparse::of(h);
        if !self.incremental {
            let mut sum = self.state.clone();
            let added = add(&mut sum, next.clone())?;
            if !sum.has_infinity() {
                self.state = sum;
                return Ok(added);
            }
            self.incremental = true;
            self.state.divide(self.count - 1.0);
        }
        self.state.scale((self.count - 1.0) / self.count);
        next.divide(self.count);
        add(&mut self.state, next)
    }

    /// The result, unless there was a clash; says what is to be said.
    pub(crate) fn finish(mut self, fold: Fold, notes: &Notes<'_>, origin: Origin) -> Option<Sparse<Kahan>> {
        if let Some(name) = &self.clash {
            warn_schema_mix(notes, origin, name);
            return None;
        }
        if self.seen.reset && self.seen.not_reset {
            notes.warn(origin, "conflicting counter resets during histogram aggregation");
        }
        if self.seen.reconciled {
            notes.info(origin, "mismatched custom buckets were reconciled during aggregation");
        }
        if fold == Fold::Mean && !self.incremental {
            self.state.divide(self.count);
        }
        Some(self.state)
    }
}

pub(crate) fn warn_schema_mix(notes: &Notes<'_>, origin: Origin, name: &str) {
    let text = "vector contains a mix of histograms with exponential and custom buckets schemas for metric name";
    notes.warn(origin, format!("{text} {}", go_quoted(name)));
}

/// The histogram side of `sum` and `avg`: one state a step.
pub(crate) struct HistogramSums {
    fold: Fold,
    steps: Vec<Option<Running>>,
}

impl HistogramSums {
    /// Adds the histograms of a series; the state begins with the first of them.
    pub(crate) fn add_series(
        sums: &mut Option<Box<HistogramSums>>,
        fold: Fold,
        series: &Series,
        has_float: impl Fn(usize) -> bool,
    ) {
        let column = &series.column;
        if column.histograms.is_empty() {
            return;
        }
        let sums = sums.get_or_insert_with(|| Box::new(HistogramSums { fold, steps: vec![None; column.steps()] }));
        for (step, h) in &column.histograms {
            match &mut sums.steps[*step as usize] {
                Some(running) if !running.clashed() => {
                    running.add(fold, h, || series.labels.metric_name().to_owned());
                    running.idle |= running.clashed() && has_float(*step as usize);
                }
                Some(_) => {}
                empty => {
                    let idle = has_float(*step as usize);
                    *empty = Some(Running { idle, ..Running::starting_at(h) });
                }
            }
        }
    }

    /// Bytes of all states.
    pub(crate) fn bytes(&self) -> usize {
        let running = self.steps.iter().flatten().map(|r| r.state.bytes());
        self.steps.len() * std::mem::size_of::<Option<Running>>() + running.sum::<usize>()
    }

    /// Joins the results with those of the floats; where a group has both, it has no result.
    pub(crate) fn finish(
        sums: Option<Box<HistogramSums>>,
        mut floats: Column,
        notes: &Notes<'_>,
        origin: Origin,
    ) -> Column {
        let Some(sums) = sums else { return floats };
        for (step, running) in sums.steps.into_iter().enumerate() {
            let Some(running) = running else { continue };
            let mixed = floats.present.get(step);
            floats.present.clear(step);
            if mixed && (running.idle || !running.clashed()) {
                notes.warn(origin, "encountered a mix of histograms and floats for aggregation");
                if !running.clashed() {
                    continue;
                }
            }
            if let Some(mut sum) = running.finish(sums.fold, notes, origin) {
                sum.compact();
                floats.push_histogram(step, Arc::new(sum.into_histogram()));
            }
        }
        floats
    }
}

/// `sum_over_time` and `avg_over_time` of a window of histograms; empty buckets stay.
pub(crate) fn over_time(
    call: &RangeCall<'_>,
    series: &RangeSeries<'_>,
    window: &Window,
) -> Option<Arc<FloatHistogram>> {
    let fold = if call.function == Function::SumOverTime { Fold::Sum } else { Fold::Mean };
    let (first, rest) = series.samples.histograms[window.histograms.clone()].split_first()?;
    let mut running = Running::starting_at(first);
    for h in rest {
        running.add(fold, h, || series.labels.metric_name().to_owned());
    }
    let sum = running.finish(fold, call.notes, call.origin)?;
    Some(Arc::new(sum.into_histogram()))
}
