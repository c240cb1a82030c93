//! Reading chunks of any encoding into columns.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use promethium_model::{FloatHistogram, Histogram, SampleBatch};

use crate::bits::BitReader;
use crate::error::Fault;
use crate::histogram::{Rows, decode_rows};
use crate::start_times::StartReader;
use crate::value::Window;
use crate::{ChunkError, CounterResetHeader, Encoding, counter_reset_header, sample_count, xor, xor2};

/// Appends all samples of a chunk to `out`. Spare bytes at the end are ignored.
///
/// Histograms carry the counter-reset hints that PromQL expects: gauges say so, the first sample of a chunk is unknown,
/// further ones are not reset.
///
/// # Errors
///
/// When the bytes are not a chunk; `out` is then as it was.
pub fn decode(encoding: Encoding, chunk: &[u8], out: &mut SampleBatch) -> Result<(), ChunkError> {
    decode_prefix(encoding, chunk, usize::MAX, out)
}

/// As [`decode`], but only the first `at_most` samples.
///
/// # Errors
///
/// When the bytes are not a chunk; `out` is then as it was.
pub fn decode_prefix(
    encoding: Encoding,
    chunk: &[u8],
    at_most: usize,
    out: &mut SampleBatch,
) -> Result<(), ChunkError> {
    let before = Mark::of(out);
    let decoded = match encoding {
        Encoding::Xor | Encoding::Xor2 => decode_floats(encoding, chunk, at_most, out).map(|_| ()),
        Encoding::Histogram | Encoding::HistogramSt => {
            rows(encoding, chunk, at_most).and_then(|rows| decode_rows::<Histogram>(rows, out))
        }
        Encoding::FloatHistogram | Encoding::FloatHistogramSt => {
            rows(encoding, chunk, at_most).and_then(|rows| decode_rows::<FloatHistogram>(rows, out))
        }
    };
    decoded.map_err(|fault| {
        before.restore(out);
        fault.into_error(chunk.len(), sample_count(encoding, chunk))
    })
}

/// Appends the timestamps of all samples of a chunk to `out`.
///
/// # Errors
///
/// When the bytes are not a chunk; `out` is then as it was.
pub fn decode_timestamps(encoding: Encoding, chunk: &[u8], out: &mut Vec<i64>) -> Result<(), ChunkError> {
    let before = out.len();
    timestamps(encoding, chunk, out).map_err(|fault| {
        out.truncate(before);
        fault.into_error(chunk.len(), sample_count(encoding, chunk))
    })
}

fn timestamps(encoding: Encoding, chunk: &[u8], out: &mut Vec<i64>) -> Result<(), Fault> {
    match encoding {
        Encoding::Xor | Encoding::Xor2 => {
            let mut samples = SampleBatch::new();
            decode_floats(encoding, chunk, usize::MAX, &mut samples)?;
            out.append(&mut samples.timestamps);
            Ok(())
        }
        Encoding::Histogram | Encoding::HistogramSt => {
            rows(encoding, chunk, usize::MAX)?.read::<Histogram, false>(|row| out.push(row.timestamp))
        }
        Encoding::FloatHistogram | Encoding::FloatHistogramSt => {
            rows(encoding, chunk, usize::MAX)?.read::<FloatHistogram, false>(|row| out.push(row.timestamp))
        }
    }
}

/// The first and the last timestamp; `None` when the chunk has no samples. All of the chunk has to be read for this.
///
/// # Errors
///
/// When the bytes are not a chunk.
pub fn time_range(encoding: Encoding, chunk: &[u8]) -> Result<Option<(i64, i64)>, ChunkError> {
    let mut timestamps = Vec::new();
    decode_timestamps(encoding, chunk, &mut timestamps)?;
    Ok(timestamps.first().copied().zip(timestamps.last().copied()))
}

/// The columns' lengths.
struct Mark {
    rows: usize,
    histograms: usize,
    start_timestamps: usize,
}

impl Mark {
    fn of(batch: &SampleBatch) -> Mark {
        Mark {
            rows: batch.timestamps.len(),
            histograms: batch.histograms.len(),
            start_timestamps: batch.start_timestamps.len(),
        }
    }

    fn restore(&self, batch: &mut SampleBatch) {
        batch.timestamps.truncate(self.rows);
        batch.floats.truncate(self.rows);
        batch.histograms.truncate(self.histograms);
        batch.start_timestamps.truncate(self.start_timestamps);
    }
}

/// The bit stream of a chunk behind its header, and the byte of the header that speaks of start timestamps.
fn stream(encoding: Encoding, chunk: &[u8]) -> Result<(&[u8], StartReader), Fault> {
    let stream = chunk.get(encoding.header_len()..).ok_or(Fault::Overrun)?;
    let header = if encoding.has_start_timestamps() { chunk.get(2).copied().unwrap_or_default() } else { 0 };
    Ok((stream, StartReader::new(header)))
}

/// A histogram chunk, ready to be read.
pub(crate) fn rows(encoding: Encoding, chunk: &[u8], at_most: usize) -> Result<Rows<'_>, Fault> {
    let (stream, starts) = stream(encoding, chunk)?;
    let samples = sample_count(encoding, chunk);
    let header = counter_reset_header(encoding, chunk).unwrap_or(CounterResetHeader::Unknown);
    Ok(Rows { bits: BitReader::new(stream), starts, header, samples, wanted: samples.min(at_most) })
}

/// Where the samples of a chunk of floats end.
pub(crate) struct End {
    /// Bits behind the header.
    pub(crate) bits: u32,
    /// Of the last change.
    pub(crate) window: Window,
}

/// As [`decode`] of [`Encoding::Xor`]; says where the samples end.
pub(crate) fn decode_xor_to_end(chunk: &[u8], out: &mut SampleBatch) -> Result<End, ChunkError> {
    let before = Mark::of(out);
    decode_floats(Encoding::Xor, chunk, usize::MAX, out).map_err(|fault| {
        before.restore(out);
        fault.into_error(chunk.len(), sample_count(Encoding::Xor, chunk))
    })
}

fn decode_floats(encoding: Encoding, chunk: &[u8], at_most: usize, out: &mut SampleBatch) -> Result<End, Fault> {
    let (stream, starts) = stream(encoding, chunk)?;
    let samples = sample_count(encoding, chunk);
    // A sample takes at least a bit, and the first at least a byte: a header that counts more than that lies.
    if samples > stream.len().saturating_mul(8) {
        return Err(Fault::Overrun);
    }
    let base = out.timestamps.len();
    let end = base.saturating_add(samples.min(at_most));
    out.timestamps.resize(end, 0);
    out.floats.resize(end, 0.0);
    if !out.start_timestamps.is_empty() || !starts.is_idle() {
        out.start_timestamps.resize(end, 0);
    }
    let timestamps = out.timestamps.get_mut(base..).unwrap_or_default();
    let floats = out.floats.get_mut(base..).unwrap_or_default();
    let bits = BitReader::new(stream);
    let (cursor, bits) = match encoding {
        Encoding::Xor => xor::decode_columns(bits, timestamps, floats)?,
        _ => {
            let start_timestamps = out.start_timestamps.get_mut(base..).unwrap_or_default();
            xor2::decode_columns(bits, starts, timestamps, floats, start_timestamps)?
        }
    };
    if bits.left() < 0 {
        return Err(Fault::Overrun);
    }
    let surely_ascends = timestamps.first().is_none_or(|first| cursor.surely_ascends(*first));
    if !surely_ascends && !timestamps.is_sorted_by(|a, b| a < b) {
        return Err(Fault::NotAscending);
    }
    Ok(End { bits: bits.position() as u32, window: cursor.window })
}
