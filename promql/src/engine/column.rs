//! A series over the steps of a query.

use std::mem::size_of;
use std::sync::Arc;

use promethium_model::{FloatHistogram, Labels, SampleValue, Span};

use super::bitmap::{Bitmap, WORD};

/// The samples of one series, at most one a step: floats dense with a presence bitmap, histograms on the side.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The steps that hold floats.
    pub(crate) present: Bitmap,
    /// One value a step; only those of present steps mean something.
    pub(crate) values: Vec<f64>,
    /// Step and histogram, ascending; never at a step that holds a float.
    pub(crate) histograms: Vec<(u32, Arc<FloatHistogram>)>,
}

impl Column {
    pub(crate) fn new(steps: usize) -> Column {
        Column { present: Bitmap::new(steps), values: vec![0.0; steps], histograms: Vec::new() }
    }

    /// The same float at every step.
    pub(crate) fn constant(steps: usize, value: f64) -> Column {
        Column { present: Bitmap::full(steps), values: vec![value; steps], histograms: Vec::new() }
    }

    /// These floats, one a step.
    pub(crate) fn dense(values: Vec<f64>) -> Column {
        Column { present: Bitmap::full(values.len()), values, histograms: Vec::new() }
    }

    pub(crate) fn steps(&self) -> usize {
        self.values.len()
    }

    #[inline]
    pub(crate) fn set(&mut self, step: usize, value: f64) {
        self.present.set(step);
        self.values[step] = value;
    }

    /// The floats in runs of a word of steps: which are present, and the values of all.
    pub(crate) fn words(&self) -> impl Iterator<Item = (u64, &[f64])> {
        self.present.words().iter().copied().zip(self.values.chunks(WORD))
    }

    /// Steps must come in ascending order.
    pub(crate) fn push_histogram(&mut self, step: usize, h: Arc<FloatHistogram>) {
        debug_assert!(self.histograms.last().is_none_or(|(s, _)| (*s as usize) < step));
        self.histograms.push((step as u32, h));
    }

    pub(crate) fn set_value(&mut self, step: usize, value: SampleValue) {
        match value {
            SampleValue::Float(v) => self.set(step, v),
            SampleValue::Histogram(h) => self.push_histogram(step, h),
        }
    }

    #[inline]
    pub(crate) fn float(&self, step: usize) -> Option<f64> {
        if self.present.get(step) { Some(self.values[step]) } else { None }
    }

    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<FloatHistogram>> {
        if self.histograms.is_empty() {
            return None;
        }
        let at = self.histograms.binary_search_by_key(&(step as u32), |(s, _)| *s).ok()?;
        Some(&self.histograms[at].1)
    }

    pub(crate) fn value(&self, step: usize) -> Option<SampleValue> {
        match self.float(step) {
            Some(v) => Some(SampleValue::Float(v)),
            None => self.histogram(step).map(|h| SampleValue::Histogram(Arc::clone(h))),
        }
    }

    /// Whether some step holds a sample.
    pub(crate) fn any(&self) -> bool {
        !self.histograms.is_empty() || self.present.any()
    }

    /// Whether every step holds a float.
    pub(crate) fn is_full(&self) -> bool {
        self.histograms.is_empty() && self.present.count() == self.present.bits()
    }

    /// The steps that hold a sample of either type.
    pub(crate) fn occupied(&self) -> Bitmap {
        let mut all = self.present.clone();
        self.histograms.iter().for_each(|(step, _)| all.set(*step as usize));
        all
    }

    pub(crate) fn first_step(&self) -> Option<usize> {
        let histogram = self.histograms.first().map(|(step, _)| *step as usize);
        self.present.first().into_iter().chain(histogram).min()
    }

    pub(crate) fn last_step(&self) -> Option<usize> {
        let histogram = self.histograms.last().map(|(step, _)| *step as usize);
        self.present.last().into_iter().chain(histogram).max()
    }

    /// Keeps only the samples at `steps`.
    pub(crate) fn retain(&mut self, steps: &Bitmap) {
        self.present.intersect(steps);
        self.histograms.retain(|(step, _)| steps.get(*step as usize));
    }

    /// Changes every float; absent ones are changed too, and stay absent: the loop has no branch.
    pub(crate) fn map(&mut self, f: impl Fn(f64) -> f64) {
        self.values.iter_mut().for_each(|v| *v = f(*v));
    }

    /// Takes the samples of `other` where it has some; the two must not overlap.
    pub(crate) fn absorb(&mut self, other: Column) {
        other.present.ones().for_each(|step| self.values[step] = other.values[step]);
        self.present.union(&other.present);
        if !other.histograms.is_empty() {
            self.histograms.extend(other.histograms);
            self.histograms.sort_by_key(|(step, _)| *step);
        }
    }

    /// The one sample of a single step at every one of `steps`.
    pub(crate) fn broadcast(&self, steps: usize) -> Column {
        match self.value(0) {
            Some(SampleValue::Float(v)) => Column::constant(steps, v),
            Some(SampleValue::Histogram(h)) => {
                let mut column = Column::new(steps);
                (0..steps).for_each(|step| column.push_histogram(step, Arc::clone(&h)));
                column
            }
            None => Column::new(steps),
        }
    }

    /// Bytes that it takes, those of histograms included; one that stands at several steps in a row counts once.
    pub(crate) fn bytes(&self) -> usize {
        let list = self.histograms.capacity() * size_of::<(u32, Arc<FloatHistogram>)>();
        let repeats = |i: usize| i > 0 && Arc::ptr_eq(&self.histograms[i - 1].1, &self.histograms[i].1);
        let histograms = self.histograms.iter().enumerate().filter(|(i, _)| !repeats(*i));
        Column::float_bytes(self.values.len()) + list + histograms.map(|(_, (_, h))| histogram_bytes(h)).sum::<usize>()
    }

    /// Bytes of a column without histograms.
    pub(crate) fn float_bytes(steps: usize) -> usize {
        8 * (steps + steps.div_ceil(WORD))
    }

    /// What the samples count against the limit: floats 1, histograms by size; a sparse column at least what its dense
    /// floats take.
    pub(crate) fn cost(&self) -> usize {
        let histograms: usize = self.histograms.iter().map(|(_, h)| histogram_cost(h)).sum();
        self.present.count().max(self.values.len() / 2) + histograms
    }
}

/// A histogram in units of float samples.
pub(crate) fn histogram_cost(h: &FloatHistogram) -> usize {
    let parts = h.positive_spans.len()
        + h.negative_spans.len()
        + h.positive_buckets.len()
        + h.negative_buckets.len()
        + h.custom_bounds.len();
    (168 + 8 * parts + 8) / 16
}

/// Bytes that a histogram takes.
pub(crate) fn histogram_bytes(h: &FloatHistogram) -> usize {
    let spans = h.positive_spans.capacity() + h.negative_spans.capacity();
    let numbers = h.positive_buckets.capacity() + h.negative_buckets.capacity() + h.custom_bounds.len();
    size_of::<FloatHistogram>() + 16 + spans * size_of::<Span>() + 8 * numbers
}

/// Bytes of a label set, if nothing else holds it.
pub(crate) fn label_bytes(labels: &Labels) -> usize {
    labels.packed_len() + 16
}

/// A column with its labels.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    /// Whether name, type and unit go at the end of the query.
    pub(crate) drop_name: bool,
    pub(crate) column: Column,
}

impl Series {
    pub(crate) fn new(labels: Labels, column: Column) -> Series {
        Series { labels, drop_name: false, column }
    }

    /// Bytes behind it: column and labels, not the few of its own.
    pub(crate) fn bytes(&self) -> usize {
        self.column.bytes() + label_bytes(&self.labels)
    }
}
