//! What integer and float histograms have in common.

use promethium_model::{CounterResetHint, FloatHistogram, Histogram, HistogramValue, Spans};

use super::layout::{Layout, LayoutRef};
use crate::bits::{BitReader, BitWriter};
use crate::error::Fault;
use crate::{CounterResetHeader, Encoding};

/// A kind of histogram that chunks hold: [`Histogram`] or [`FloatHistogram`]. Nothing else can implement this.
pub trait Native: sealed::Kind {}

impl Native for Histogram {}
impl Native for FloatHistogram {}

pub(crate) mod sealed {
    use super::*;

    /// How one kind of histogram is taken apart, coded and put together.
    pub trait Kind: Sized + Clone + 'static {
        /// The newest sample's numbers, and what the next one's are coded against.
        type State: State<Self> + Clone + std::fmt::Debug;

        /// Without start timestamps, and with.
        const ENCODINGS: [Encoding; 2];
        /// The header of an unplanned new chunk of a counter after one of a gauge.
        const UNPLANNED_AFTER_GAUGE: CounterResetHeader;
        /// The header of a planned new chunk whose first sample cannot be compared with the chunk before.
        const PLANNED_UNKNOWN: CounterResetHeader;

        fn hint(&self) -> CounterResetHint;
        fn sum(&self) -> f64;
        fn layout(&self) -> LayoutRef<'_>;
        /// Buckets of both sides.
        fn bucket_len(&self) -> usize;
        /// A stale marker.
        fn stale(sum: f64) -> Self;
        /// The same histogram over other spans, which cover at least those of its own.
        fn spread(&self, positive: &Spans, negative: &Spans) -> Self;
        /// The same observations in the wider buckets of a lower exponential schema.
        fn reduced(&self, schema: i32) -> Self;
        fn into_value(self) -> HistogramValue;
    }

    /// The numbers of a sample, read or written one after the other.
    pub trait State<H>: Sized {
        /// Reads the first sample of a chunk of as many buckets.
        fn read_first(buckets: usize, bits: &mut BitReader<'_>) -> Result<Self, Fault>;
        /// Reads a further one, its buckets only if they are wanted of any sample. Whether there are some depends on its sum.
        fn read_next<const BUCKETS: bool>(&mut self, bits: &mut BitReader<'_>) -> Result<(), Fault>;
        fn write_first(h: &H, out: &mut BitWriter) -> Self;
        fn write_next(&mut self, h: &H, out: &mut BitWriter);
        /// The newest sample.
        fn histogram(&self, layout: &Layout, hint: CounterResetHint) -> H;
        fn sum(&self) -> f64;
        fn count(&self) -> f64;
        fn count_fell(&self, h: &H) -> bool;
        fn zero_count_fell(&self, h: &H) -> bool;
        /// Whether no bucket of the side fell; the buckets of both are walked by index, and a missing one is empty.
        fn buckets_grow(&self, layout: &Layout, h: &H) -> bool;
        /// Bytes on the heap.
        fn heap_bytes(&self) -> usize;
    }
}
