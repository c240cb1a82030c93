//! One-pass aggregations: every series of a group is added once, column by column.

use super::super::bitmap::Bitmap;
use super::super::column::{Column, Series};
use super::super::histogram::sum::{Fold, HistogramSums};
use super::super::kahan::{Kahan, Mean};
use super::super::notes::Notes;
use super::variance::Variance;
use crate::parser::{AggregateOp, Span};

/// The state of one group over all steps.
pub(super) trait Accumulator {
    fn add(&mut self, series: &Series);
    /// The results; `span` is that of the aggregated expression.
    fn finish(self: Box<Self>, notes: &Notes<'_>, span: Span, op: AggregateOp) -> Column;
}

pub(super) fn for_op(op: AggregateOp, steps: usize) -> Box<dyn Accumulator> {
    match op {
        AggregateOp::Sum => Box::new(Sum::new(steps)),
        AggregateOp::Avg => Box::new(Average::new(steps)),
        AggregateOp::Count => Box::new(Count { counts: vec![0.0; steps] }),
        AggregateOp::Min => Box::new(Extreme::new(steps, |a, b| a < b)),
        AggregateOp::Max => Box::new(Extreme::new(steps, |a, b| a > b)),
        AggregateOp::Stddev | AggregateOp::Stdvar => Box::new(Variance::new(steps)),
        _ => Box::new(Presence { present: Bitmap::new(steps) }),
    }
}

struct Sum {
    present: Bitmap,
    sums: Vec<f64>,
    compensations: Vec<f64>,
    histograms: Option<Box<HistogramSums>>,
}

impl Sum {
    fn new(steps: usize) -> Self {
        Sum { present: Bitmap::new(steps), sums: vec![0.0; steps], compensations: vec![0.0; steps], histograms: None }
    }
}

impl Accumulator for Sum {
    fn add(&mut self, series: &Series) {
        let column = &series.column;
        for step in column.present.ones() {
            let value = column.values[step];
            if !self.present.get(step) {
                // The first value starts the sum: −0 stays −0.
                self.present.set(step);
                self.sums[step] = value;
                continue;
            }
            let mut kahan = Kahan { sum: self.sums[step], compensation: self.compensations[step] };
            kahan.add(value);
            (self.sums[step], self.compensations[step]) = (kahan.sum, kahan.compensation);
        }
        let present = &self.present;
        HistogramSums::add_series(&mut self.histograms, Fold::Sum, series, |step| present.get(step));
    }

    fn finish(self: Box<Self>, notes: &Notes<'_>, span: Span, _op: AggregateOp) -> Column {
        let values = self.sums.iter().zip(&self.compensations).map(|(s, c)| s + c).collect();
        let floats = Column { present: self.present, values, histograms: Vec::new() };
        HistogramSums::finish(self.histograms, floats, notes, span)
    }
}

struct Average {
    means: Vec<Option<Mean>>,
    histograms: Option<Box<HistogramSums>>,
}

impl Average {
    fn new(steps: usize) -> Self {
        Average { means: vec![None; steps], histograms: None }
    }
}

impl Accumulator for Average {
    fn add(&mut self, series: &Series) {
        let column = &series.column;
        for step in column.present.ones() {
            let value = column.values[step];
            match &mut self.means[step] {
                Some(mean) => mean.add(value),
                empty => *empty = Some(Mean::starting_at(value)),
            }
        }
        let means = &self.means;
        HistogramSums::add_series(&mut self.histograms, Fold::Mean, series, |step| means[step].is_some());
    }

    fn finish(self: Box<Self>, notes: &Notes<'_>, span: Span, _op: AggregateOp) -> Column {
        let mut floats = Column::new(self.means.len());
        for (step, mean) in self.means.iter().enumerate() {
            if let Some(mean) = mean {
                floats.set(step, mean.result());
            }
        }
        HistogramSums::finish(self.histograms, floats, notes, span)
    }
}

/// `count`: of either type.
struct Count {
    counts: Vec<f64>,
}

impl Accumulator for Count {
    fn add(&mut self, series: &Series) {
        let column = &series.column;
        column.present.ones().for_each(|step| self.counts[step] += 1.0);
        column.histograms.iter().for_each(|(step, _)| self.counts[*step as usize] += 1.0);
    }

    fn finish(self: Box<Self>, _notes: &Notes<'_>, _span: Span, _op: AggregateOp) -> Column {
        let mut out = Column::new(self.counts.len());
        for (step, count) in self.counts.iter().enumerate().filter(|(_, c)| **c > 0.0) {
            out.set(step, *count);
        }
        out
    }
}

/// `group`: 1 where there is anything.
struct Presence {
    present: Bitmap,
}

impl Accumulator for Presence {
    fn add(&mut self, series: &Series) {
        let column = &series.column;
        self.present.union(&column.occupied());
    }

    fn finish(self: Box<Self>, _notes: &Notes<'_>, _span: Span, _op: AggregateOp) -> Column {
        let values = vec![1.0; self.present.bits()];
        Column { present: self.present, values, histograms: Vec::new() }
    }
}

/// `min` and `max`: NaN only where all are NaN.
struct Extreme {
    best: Column,
    beats: fn(f64, f64) -> bool,
    ignored_histogram: bool,
}

impl Extreme {
    fn new(steps: usize, beats: fn(f64, f64) -> bool) -> Self {
        Extreme { best: Column::new(steps), beats, ignored_histogram: false }
    }
}

impl Accumulator for Extreme {
    fn add(&mut self, series: &Series) {
        let column = &series.column;
        self.ignored_histogram |= !column.histograms.is_empty();
        for step in column.present.ones() {
            let value = column.values[step];
            let better = match self.best.float(step) {
                Some(best) => (self.beats)(value, best) || best.is_nan(),
                None => true,
            };
            if better {
                self.best.set(step, value);
            }
        }
    }

    fn finish(self: Box<Self>, notes: &Notes<'_>, span: Span, op: AggregateOp) -> Column {
        if self.ignored_histogram {
            ignored_histogram(notes, span, op);
        }
        self.best
    }
}

pub(super) fn ignored_histogram(notes: &Notes<'_>, span: Span, op: AggregateOp) {
    notes.info(span, format!("ignored histogram in {op} aggregation"));
}
