//! Native histograms in a series: where they go, and whether two say the same.

use promethium_chunk::{
    CounterResetHeader, Encoding, FloatHistogramAppender, HistogramAppender, Native, NativeAppender, Placement,
};
use promethium_model::{AppendError, FloatHistogram, Histogram, HistogramValue, Span};

use super::chunk::{Newest, OpenChunk};
use super::cutting::CutPlan;
use super::series::{SeriesState, Stamp};

/// A chunk that a histogram is to begin.
struct NewChunk {
    header: CounterResetHeader,
    is_planned: bool,
}

impl SeriesState {
    /// Adds a histogram that was admitted as new.
    pub(crate) fn push_histogram(&mut self, t_ms: i64, start_ms: i64, value: &HistogramValue, stamp: &Stamp) {
        match value {
            HistogramValue::Int(h) => self.push_integer(t_ms, start_ms, h, stamp),
            HistogramValue::Float(h) => self.push_float_counts(t_ms, start_ms, h, stamp),
        }
        self.note_pushed(value.is_stale(), stamp);
    }

    fn push_integer(&mut self, t_ms: i64, start_ms: i64, h: &Histogram, stamp: &Stamp) {
        let encoding = if stamp.start_timestamps { Encoding::HistogramSt } else { Encoding::Histogram };
        let new = match &mut self.open {
            OpenChunk::Histogram(chunk) if chunk.encoding() == encoding => {
                place(chunk, &mut self.cut, t_ms, start_ms, h, stamp)
            }
            _ => Some(first_of_its_kind::<Histogram>(h)),
        };
        if let Some(new) = new {
            self.begin_histograms(&new, t_ms, stamp);
            self.open = OpenChunk::Histogram(HistogramAppender::start(encoding, new.header, start_ms, t_ms, h));
        }
    }

    fn push_float_counts(&mut self, t_ms: i64, start_ms: i64, h: &FloatHistogram, stamp: &Stamp) {
        let encoding = if stamp.start_timestamps { Encoding::FloatHistogramSt } else { Encoding::FloatHistogram };
        let new = match &mut self.open {
            OpenChunk::FloatHistogram(chunk) if chunk.encoding() == encoding => {
                place(chunk, &mut self.cut, t_ms, start_ms, h, stamp)
            }
            _ => Some(first_of_its_kind::<FloatHistogram>(h)),
        };
        if let Some(new) = new {
            self.begin_histograms(&new, t_ms, stamp);
            self.open =
                OpenChunk::FloatHistogram(FloatHistogramAppender::start(encoding, new.header, start_ms, t_ms, h));
        }
    }

    fn begin_histograms(&mut self, new: &NewChunk, t_ms: i64, stamp: &Stamp) {
        self.seal();
        if new.is_planned {
            self.cut.begin(t_ms, stamp.chunk_range_ms);
        } else {
            self.cut.begin_unplanned(t_ms, stamp.chunk_range_ms);
        }
    }

    /// Whether a histogram at the time of the newest sample says the same.
    pub(crate) fn compare_histogram(&self, timestamp_ms: i64, new: &Histogram) -> Result<(), AppendError> {
        match self.open.newest() {
            None => Ok(()),
            Some(Newest::Histogram(HistogramValue::Int(old))) if is_same(&old.to_float(), &new.to_float()) => Ok(()),
            Some(_) => Err(AppendError::Duplicate { timestamp_ms }),
        }
    }

    /// Whether a histogram with float counts at the time of the newest sample says the same.
    pub(crate) fn compare_float_histogram(&self, timestamp_ms: i64, new: &FloatHistogram) -> Result<(), AppendError> {
        match self.open.newest() {
            None => Ok(()),
            Some(Newest::Histogram(HistogramValue::Float(old))) if is_same(&old, new) => Ok(()),
            Some(_) => Err(AppendError::Duplicate { timestamp_ms }),
        }
    }
}

fn first_of_its_kind<H: Native>(h: &H) -> NewChunk {
    NewChunk { header: NativeAppender::header_of_next(None, h), is_planned: true }
}

/// Adds a histogram to the chunk, or says which chunk it begins.
fn place<H: Native>(
    chunk: &mut NativeAppender<H>,
    cut: &mut CutPlan,
    t_ms: i64,
    start_ms: i64,
    h: &H,
    stamp: &Stamp,
) -> Option<NewChunk> {
    let (samples, bytes, newest_ms) = (chunk.len(), chunk.bytes().len(), chunk.newest_timestamp());
    if cut.is_histogram_chunk_over(samples, bytes, newest_ms, t_ms, stamp.chunk_range_ms) {
        return Some(NewChunk { header: NativeAppender::header_of_next(Some(chunk), h), is_planned: true });
    }
    match chunk.push(start_ms, t_ms, h) {
        Placement::NeedsNewChunk(header) => Some(NewChunk { header, is_planned: false }),
        Placement::Appended | Placement::Recoded => None,
    }
}

/// Equality as a store sees it: floats by their bits, buckets by their place, without the counter-reset hint. A chunk may
/// have given the stored one empty buckets that it did not come with.
fn is_same(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    if promethium_model::is_stale(a.sum) && promethium_model::is_stale(b.sum) {
        return true;
    }
    let scalars = |h: &FloatHistogram| [h.zero_threshold, h.zero_count, h.count, h.sum].map(f64::to_bits);
    let bounds = |h: &FloatHistogram| h.custom_bounds.iter().map(|b| b.to_bits()).collect::<Vec<_>>();
    a.schema == b.schema
        && scalars(a) == scalars(b)
        && bounds(a) == bounds(b)
        && filled(&a.positive_spans, &a.positive_buckets).eq(filled(&b.positive_spans, &b.positive_buckets))
        && filled(&a.negative_spans, &a.negative_buckets).eq(filled(&b.negative_spans, &b.negative_buckets))
}

/// Place and bits of every bucket that is not empty.
fn filled<'a>(spans: &'a [Span], buckets: &'a [f64]) -> impl Iterator<Item = (i64, u64)> + 'a {
    let mut end = 0_i64;
    let places = spans.iter().flat_map(move |span| {
        let start = end + i64::from(span.offset);
        end = start + i64::from(span.length);
        start..end
    });
    places.zip(buckets).filter(|(_, count)| **count != 0.0).map(|(place, count)| (place, count.to_bits()))
}
