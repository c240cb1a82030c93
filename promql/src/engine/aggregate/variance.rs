//! `stddev` and `stdvar`: Welford's method per step.

use super::super::column::{Column, Series};
use super::super::notes::{Notes, Origin};
use super::accumulate::{Accumulator, ignored_histogram};
use crate::parser::AggregateOp;

#[derive(Clone, Copy, Default)]
struct State {
    count: f64,
    mean: f64,
    squares: f64,
}

impl State {
    fn add(&mut self, x: f64) {
        if self.count == 0.0 {
            let squares = if x.is_finite() { 0.0 } else { f64::NAN };
            *self = State { count: 1.0, mean: x, squares };
            return;
        }
        self.count += 1.0;
        let delta = x - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (x - self.mean);
    }
}

pub(super) struct Variance {
    states: Vec<State>,
    ignored_histogram: bool,
}

impl Variance {
    pub(super) const STEP_BYTES: usize = std::mem::size_of::<State>();

    pub(super) fn new(steps: usize) -> Self {
        Variance { states: vec![State::default(); steps], ignored_histogram: false }
    }
}

impl Accumulator for Variance {
    fn add(&mut self, series: &Series) {
        let column = &series.column;
        self.ignored_histogram |= !column.histograms.is_empty();
        column.present.ones().for_each(|step| self.states[step].add(column.values[step]));
    }

    fn finish(self: Box<Self>, notes: &Notes<'_>, origin: Origin, op: AggregateOp) -> Column {
        if self.ignored_histogram {
            ignored_histogram(notes, origin, op);
        }
        let mut out = Column::new(self.states.len());
        for (step, state) in self.states.iter().enumerate().filter(|(_, s)| s.count > 0.0) {
            let variance = state.squares / state.count;
            out.set(step, if op == AggregateOp::Stddev { variance.sqrt() } else { variance });
        }
        out
    }
}
