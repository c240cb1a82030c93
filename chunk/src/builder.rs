//! Columns into chunks: what compaction and out-of-order data are written with.

use promethium_model::{FloatHistogram, Histogram, HistogramValue, SampleBatch};

use crate::histogram::{Native, NativeAppender, Placement};
use crate::{Encoding, FloatHistogramAppender, HistogramAppender, Xor2Appender, XorAppender};

/// A finished chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedChunk {
    /// How the data is encoded.
    pub encoding: Encoding,
    /// First timestamp, milliseconds since the epoch.
    pub min_ms: i64,
    /// Last timestamp.
    pub max_ms: i64,
    /// The payload.
    pub data: Box<[u8]>,
}

/// Which encodings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encodings {
    /// Floats are XOR2 rather than XOR. A float with a start timestamp is in XOR2 in any case.
    pub xor2: bool,
    /// Histograms are in the encodings with start timestamps; else those of histograms are dropped.
    pub histogram_start_timestamps: bool,
}

impl Encodings {
    /// What every Prometheus reads: XOR, and histograms without start timestamps.
    pub const CLASSIC: Encodings = Encodings { xor2: false, histogram_start_timestamps: false };
}

/// When a chunk is full. It also ends where the type of the samples changes, and where a histogram cannot join it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitRule {
    /// Samples in a chunk, at most.
    pub max_samples: usize,
    /// A float chunk of more bytes takes no further sample.
    pub max_float_bytes: usize,
    /// A histogram chunk of more bytes takes no further sample, …
    pub max_histogram_bytes: usize,
    /// … once it has more samples than this.
    pub min_histogram_samples: usize,
}

impl SplitRule {
    /// As Prometheus merges overlapping chunks: 120 samples.
    pub const MERGE: SplitRule = SplitRule { max_samples: 120, ..SplitRule::UNLIMITED };
    /// As Prometheus writes merged head chunks: by size.
    pub const BY_SIZE: SplitRule = SplitRule {
        max_float_bytes: 1_005,
        max_histogram_bytes: 1_024,
        min_histogram_samples: 10,
        ..SplitRule::UNLIMITED
    };
    /// As many samples as a chunk can count.
    pub const UNLIMITED: SplitRule = SplitRule {
        max_samples: usize::MAX,
        max_float_bytes: usize::MAX,
        max_histogram_bytes: usize::MAX,
        min_histogram_samples: 0,
    };
}

/// Makes chunks of all rows of `samples`, which may mix floats and histograms.
///
/// ```
/// use promethium_chunk::{Encodings, SplitRule, encode};
/// use promethium_model::SampleBatch;
/// let mut samples = SampleBatch::new();
/// (0..200).for_each(|i| samples.push_float(i * 15_000, 1.0));
/// let chunks = encode(&samples, Encodings::CLASSIC, SplitRule::MERGE);
/// assert_eq!(chunks.len(), 2);
/// assert_eq!((chunks[1].min_ms, chunks[1].max_ms), (120 * 15_000, 199 * 15_000));
/// ```
///
/// # Panics
///
/// When a histogram has not as many buckets as its spans cover.
#[must_use]
pub fn encode(samples: &SampleBatch, encodings: Encodings, rule: SplitRule) -> Vec<EncodedChunk> {
    let mut builder = ChunkBuilder::new(encodings, rule);
    builder.push_batch(samples);
    builder.finish()
}

/// Makes chunks of the samples of one series, which come in time order.
#[derive(Debug)]
pub struct ChunkBuilder {
    encodings: Encodings,
    rule: SplitRule,
    open: Open,
    min_ms: i64,
    max_ms: i64,
    done: Vec<EncodedChunk>,
}

#[derive(Debug)]
enum Open {
    None,
    Xor(XorAppender),
    Xor2(Xor2Appender),
    Histogram(HistogramAppender),
    FloatHistogram(FloatHistogramAppender),
}

impl ChunkBuilder {
    /// Without samples.
    #[must_use]
    pub fn new(encodings: Encodings, rule: SplitRule) -> Self {
        ChunkBuilder { encodings, rule, open: Open::None, min_ms: 0, max_ms: 0, done: Vec::new() }
    }

    /// Adds all rows of a batch.
    ///
    /// # Panics
    ///
    /// When a histogram has not as many buckets as its spans cover.
    pub fn push_batch(&mut self, samples: &SampleBatch) {
        let mut histograms = samples.histograms.iter().peekable();
        for (row, (t, v)) in samples.timestamps.iter().zip(&samples.floats).enumerate() {
            let start = samples.start_timestamps.get(row).copied().unwrap_or(0);
            match histograms.next_if(|(at, _)| *at as usize == row) {
                None => self.push_float(start, *t, *v),
                Some((_, HistogramValue::Int(h))) => self.push_histogram(start, *t, h),
                Some((_, HistogramValue::Float(h))) => self.push_float_histogram(start, *t, h),
            }
        }
    }

    /// Adds a float; a start timestamp of 0 means that it is not known.
    pub fn push_float(&mut self, start_timestamp_ms: i64, timestamp_ms: i64, value: f64) {
        self.cut_if_full();
        let needs_xor2 = self.encodings.xor2 || start_timestamp_ms != 0;
        match &mut self.open {
            Open::Xor(chunk) if !needs_xor2 => chunk.push(timestamp_ms, value),
            Open::Xor2(chunk) => chunk.push(start_timestamp_ms, timestamp_ms, value),
            _ if needs_xor2 => {
                let mut chunk = Xor2Appender::new();
                chunk.push(start_timestamp_ms, timestamp_ms, value);
                self.open_new(Open::Xor2(chunk), timestamp_ms);
            }
            _ => {
                let mut chunk = XorAppender::new();
                chunk.push(timestamp_ms, value);
                self.open_new(Open::Xor(chunk), timestamp_ms);
            }
        }
        self.max_ms = timestamp_ms;
    }

    /// Adds a histogram with integer counts.
    ///
    /// # Panics
    ///
    /// When it has not as many buckets as its spans cover.
    pub fn push_histogram(&mut self, start_timestamp_ms: i64, timestamp_ms: i64, h: &Histogram) {
        self.cut_if_full();
        let encoding = self.histogram_encoding(Encoding::Histogram, Encoding::HistogramSt);
        let open = if let Open::Histogram(chunk) = &mut self.open { Some(chunk) } else { None };
        if let Some(new) = place(open, encoding, (start_timestamp_ms, timestamp_ms), h) {
            self.open_new(Open::Histogram(new), timestamp_ms);
        }
        self.max_ms = timestamp_ms;
    }

    /// Adds a histogram with float counts.
    ///
    /// # Panics
    ///
    /// When it has not as many buckets as its spans cover.
    pub fn push_float_histogram(&mut self, start_timestamp_ms: i64, timestamp_ms: i64, h: &FloatHistogram) {
        self.cut_if_full();
        let encoding = self.histogram_encoding(Encoding::FloatHistogram, Encoding::FloatHistogramSt);
        let open = if let Open::FloatHistogram(chunk) = &mut self.open { Some(chunk) } else { None };
        if let Some(new) = place(open, encoding, (start_timestamp_ms, timestamp_ms), h) {
            self.open_new(Open::FloatHistogram(new), timestamp_ms);
        }
        self.max_ms = timestamp_ms;
    }

    /// Ends the open chunk.
    pub fn cut(&mut self) {
        let (min_ms, max_ms) = (self.min_ms, self.max_ms);
        let (encoding, data) = match std::mem::replace(&mut self.open, Open::None) {
            Open::None => return,
            Open::Xor(chunk) => (Encoding::Xor, chunk.into_bytes()),
            Open::Xor2(chunk) => (Encoding::Xor2, chunk.into_bytes()),
            Open::Histogram(chunk) => (chunk.encoding(), chunk.into_bytes()),
            Open::FloatHistogram(chunk) => (chunk.encoding(), chunk.into_bytes()),
        };
        self.done.push(EncodedChunk { encoding, min_ms, max_ms, data });
    }

    /// All chunks, in time order.
    #[must_use]
    pub fn finish(mut self) -> Vec<EncodedChunk> {
        self.cut();
        self.done
    }

    /// The chunks that ended so far, in time order; the open one stays.
    pub fn drain(&mut self) -> impl Iterator<Item = EncodedChunk> + '_ {
        self.done.drain(..)
    }

    fn histogram_encoding(&self, without: Encoding, with: Encoding) -> Encoding {
        if self.encodings.histogram_start_timestamps { with } else { without }
    }

    fn open_new(&mut self, open: Open, timestamp_ms: i64) {
        self.cut();
        self.open = open;
        self.min_ms = timestamp_ms;
    }

    fn cut_if_full(&mut self) {
        let float = |samples: usize, bytes: usize| {
            samples >= self.rule.max_samples.min(Encoding::Xor.max_samples()) || bytes > self.rule.max_float_bytes
        };
        let histogram = |samples: usize, bytes: &[u8], encoding: Encoding| {
            let is_large = bytes.len() > self.rule.max_histogram_bytes && samples > self.rule.min_histogram_samples;
            samples >= self.rule.max_samples.min(encoding.max_samples()) || is_large
        };
        let is_full = match &self.open {
            Open::None => false,
            Open::Xor(chunk) => float(chunk.len(), chunk.byte_len()),
            Open::Xor2(chunk) => float(chunk.len(), chunk.bytes().len()),
            Open::Histogram(chunk) => histogram(chunk.len(), chunk.bytes(), chunk.encoding()),
            Open::FloatHistogram(chunk) => histogram(chunk.len(), chunk.bytes(), chunk.encoding()),
        };
        if is_full {
            self.cut();
        }
    }
}

/// Puts a histogram into the open chunk, or into a new one, which is given back.
fn place<H: Native>(
    open: Option<&mut NativeAppender<H>>,
    encoding: Encoding,
    (start, timestamp): (i64, i64),
    h: &H,
) -> Option<NativeAppender<H>> {
    let header = match open {
        None => NativeAppender::header_of_next(None, h),
        Some(chunk) => match chunk.push(start, timestamp, h) {
            Placement::NeedsNewChunk(header) => header,
            Placement::Appended | Placement::Recoded => return None,
        },
    };
    Some(NativeAppender::start(encoding, header, start, timestamp, h))
}
