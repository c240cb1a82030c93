//! One-pass aggregations: every series of a group is added once, column by column.

use super::super::bitmap::{Bitmap, WORD, word_bits};
use super::super::column::{Column, Series};
use super::super::histogram::sum::{Fold, HistogramSums};
use super::super::kahan::{self, Kahan, Mean};
use super::super::notes::{Notes, Origin};
use super::variance::Variance;
use crate::parser::AggregateOp;

/// The state of one group over all steps.
pub(super) trait Accumulator {
    fn add(&mut self, series: &Series);
    /// Bytes that its histograms take; what it takes for floats is known beforehand, see [`bytes`].
    fn histogram_bytes(&self) -> usize {
        0
    }
    /// The results; `origin` is about the aggregated expression.
    fn finish(self: Box<Self>, notes: &Notes<'_>, origin: Origin, op: AggregateOp) -> Column;
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

/// Bytes of the state of a group, histograms apart.
pub(super) fn bytes(op: AggregateOp, steps: usize) -> usize {
    let a_step = match op {
        AggregateOp::Sum => 16,
        AggregateOp::Avg => size_of::<Option<Mean>>(),
        AggregateOp::Stddev | AggregateOp::Stdvar => Variance::STEP_BYTES,
        AggregateOp::Count | AggregateOp::Min | AggregateOp::Max => 8,
        _ => 0,
    };
    a_step * steps + steps / 8 + 128
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
        for (index, (word, values)) in column.words().enumerate() {
            let known = self.present.words()[index];
            let sums = &mut self.sums[index * WORD..][..values.len()];
            let compensations = &mut self.compensations[index * WORD..][..values.len()];
            if word & known == 0 {
                // The first value starts the sum: −0 stays −0.
                start_sums(word, values, sums);
            } else if word == known && word.count_ones() as usize == values.len() {
                kahan::add_columns(sums, compensations, values);
            } else {
                start_sums(word & !known, values, sums);
                add_sums(word & known, values, sums, compensations);
            }
            self.present.set_word(index, known | word);
        }
        let present = &self.present;
        HistogramSums::add_series(&mut self.histograms, Fold::Sum, series, |step| present.get(step));
    }

    fn histogram_bytes(&self) -> usize {
        self.histograms.as_ref().map_or(0, |sums| sums.bytes())
    }

    fn finish(self: Box<Self>, notes: &Notes<'_>, origin: Origin, _op: AggregateOp) -> Column {
        let values = self.sums.iter().zip(&self.compensations).map(|(s, c)| s + c).collect();
        let floats = Column { present: self.present, values, histograms: Vec::new() };
        HistogramSums::finish(self.histograms, floats, notes, origin)
    }
}

fn start_sums(steps: u64, values: &[f64], sums: &mut [f64]) {
    if steps.count_ones() as usize == values.len() {
        sums.copy_from_slice(values);
    } else {
        word_bits(steps).for_each(|at| sums[at] = values[at]);
    }
}

fn add_sums(steps: u64, values: &[f64], sums: &mut [f64], compensations: &mut [f64]) {
    for at in word_bits(steps) {
        let mut kahan = Kahan { sum: sums[at], compensation: compensations[at] };
        kahan.add(values[at]);
        (sums[at], compensations[at]) = (kahan.sum, kahan.compensation);
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

    fn histogram_bytes(&self) -> usize {
        self.histograms.as_ref().map_or(0, |sums| sums.bytes())
    }

    fn finish(self: Box<Self>, notes: &Notes<'_>, origin: Origin, _op: AggregateOp) -> Column {
        let mut floats = Column::new(self.means.len());
        for (step, mean) in self.means.iter().enumerate() {
            if let Some(mean) = mean {
                floats.set(step, mean.result());
            }
        }
        HistogramSums::finish(self.histograms, floats, notes, origin)
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

    fn finish(self: Box<Self>, _notes: &Notes<'_>, _origin: Origin, _op: AggregateOp) -> Column {
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

    fn finish(self: Box<Self>, _notes: &Notes<'_>, _origin: Origin, _op: AggregateOp) -> Column {
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

    fn finish(self: Box<Self>, notes: &Notes<'_>, origin: Origin, op: AggregateOp) -> Column {
        if self.ignored_histogram {
            ignored_histogram(notes, origin, op);
        }
        self.best
    }
}

pub(super) fn ignored_histogram(notes: &Notes<'_>, origin: Origin, op: AggregateOp) {
    notes.info(origin, format!("ignored histogram in {op} aggregation"));
}
