//! Samples by kind, in the order in which the commit applies them.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use promethium_model::HistogramValue;

use super::targets::Target;

/// What a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Float,
    Histogram,
    FloatHistogram,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct PendingFloat {
    pub(crate) target: Target,
    pub(crate) reject_out_of_order: bool,
    pub(crate) timestamp_ms: i64,
    pub(crate) value: f64,
}

pub(crate) struct PendingHistogram {
    pub(crate) target: Target,
    pub(crate) reject_out_of_order: bool,
    pub(crate) timestamp_ms: i64,
    pub(crate) start_timestamp_ms: i64,
    pub(crate) value: HistogramValue,
}

/// Samples of which each series has one kind: floats are applied first, then histograms, then float histograms.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) floats: Vec<PendingFloat>,
    /// One a float, or empty where none has one.
    pub(crate) float_starts: Vec<i64>,
    pub(crate) histograms: Vec<PendingHistogram>,
    pub(crate) float_histograms: Vec<PendingHistogram>,
}

/// The batches of a transaction.
#[derive(Default)]
pub(super) struct Pending {
    done: Vec<Batch>,
    open: Batch,
    /// Kind and newest time of each series of the open batch, as soon as more than floats are appended.
    series: Option<HashMap<u64, (Kind, i64), FixedState>>,
}

impl Pending {
    /// With a look at each series from the beginning.
    pub(super) fn tracking() -> Self {
        Pending { series: Some(HashMap::default()), ..Pending::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.open.is_empty()
    }

    /// Whether floats are all that was appended so far.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.series.is_none()
    }

    /// Where floats without start timestamps go in a transaction of floats.
    pub(super) fn plain(&mut self) -> &mut Vec<PendingFloat> {
        &mut self.open.floats
    }

    /// The kind of histograms that the open batch has of a series.
    pub(super) fn histogram_kind(&self, reference: u64) -> Option<Kind> {
        let (kind, _) = self.series.as_ref()?.get(&reference)?;
        (*kind != Kind::Float).then_some(*kind)
    }

    /// The newest time that the open batch has of a series.
    pub(super) fn newest_of(&self, reference: u64) -> Option<i64> {
        self.series.as_ref()?.get(&reference).map(|(_, t)| *t)
    }

    pub(super) fn push_float(&mut self, reference: u64, float: PendingFloat, start_timestamp_ms: i64) {
        if self.series.is_some() {
            self.note(reference, Kind::Float, float.timestamp_ms);
        }
        let open = &mut self.open;
        open.floats.push(float);
        if start_timestamp_ms != 0 || !open.float_starts.is_empty() {
            open.float_starts.resize(open.floats.len() - 1, 0);
            open.float_starts.push(start_timestamp_ms);
        }
    }

    pub(super) fn push_histogram(&mut self, reference: u64, histogram: PendingHistogram) {
        let is_int = matches!(histogram.value, HistogramValue::Int(_));
        let kind = if is_int { Kind::Histogram } else { Kind::FloatHistogram };
        self.note(reference, kind, histogram.timestamp_ms);
        if is_int {
            self.open.histograms.push(histogram);
        } else {
            self.open.float_histograms.push(histogram);
        }
    }

    /// Begins a new batch where the series has another kind in the open one, or may have.
    fn note(&mut self, reference: u64, kind: Kind, timestamp_ms: i64) {
        let is_other = match &self.series {
            Some(series) => series.get(&reference).is_some_and(|(known, _)| *known != kind),
            None => !self.open.is_empty(),
        };
        if is_other {
            self.done.push(std::mem::take(&mut self.open));
            self.series = None;
        }
        let newest = self.series.get_or_insert_default().entry(reference).or_insert((kind, timestamp_ms));
        newest.1 = newest.1.max(timestamp_ms);
    }

    pub(super) fn into_batches(mut self) -> Vec<Batch> {
        if !self.open.is_empty() {
            self.done.push(self.open);
        }
        self.done
    }
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty() && self.float_histograms.is_empty()
    }

    pub(crate) fn float_start(&self, i: usize) -> i64 {
        self.float_starts.get(i).copied().unwrap_or(0)
    }
}
