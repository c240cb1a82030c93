//! What there is to know of neighbouring histograms of a series, found out once for all windows.

use std::ops::Range;

use promethium_model::CounterResetHint;

use super::super::samples::Samples;
use super::RangeCall;
use super::instant::histogram_reset;

/// Positions of histograms, ascending: of those that some window has held so far.
#[derive(Default)]
pub(crate) struct Neighbours {
    /// Those ahead of this one were looked at.
    looked: usize,
    /// A counter was reset after the one ahead.
    resets: Vec<usize>,
    gauges: Vec<usize>,
    /// The schema is not that of the one ahead.
    schema_changes: Vec<usize>,
}

impl Neighbours {
    /// Looks at the histograms of a window. Windows only move forward, so that each pair is compared once; pairs that no
    /// window holds are not.
    pub(super) fn look(&mut self, call: &RangeCall<'_>, samples: &Samples, rows: &Range<usize>) {
        for i in self.looked.max(rows.start)..rows.end {
            let h = &samples.histograms[i];
            if h.counter_reset_hint == CounterResetHint::Gauge {
                self.gauges.push(i);
            }
            if i == rows.start {
                continue;
            }
            if call.is_counter() && histogram_reset(call, samples, i - 1, i) {
                self.resets.push(i);
            }
            if samples.histograms[i - 1].schema != h.schema {
                self.schema_changes.push(i);
            }
        }
        self.looked = self.looked.max(rows.end);
    }

    /// The resets between the first and the last of these.
    pub(crate) fn resets(&self, first: usize, last: usize) -> &[usize] {
        inside(&self.resets, first + 1..last + 1)
    }

    /// Whether one of them is a gauge.
    pub(crate) fn any_gauge(&self, first: usize, last: usize) -> bool {
        !inside(&self.gauges, first..last + 1).is_empty()
    }

    /// Whether all of them have the same schema.
    pub(crate) fn one_schema(&self, first: usize, last: usize) -> bool {
        inside(&self.schema_changes, first + 1..last + 1).is_empty()
    }
}

fn inside(positions: &[usize], rows: Range<usize>) -> &[usize] {
    let start = positions.partition_point(|i| *i < rows.start);
    &positions[start..start + positions[start..].partition_point(|i| *i < rows.end)]
}
