//! Counts and sums of histogram chunks, without the buckets.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use promethium_model::{FloatHistogram, Histogram, is_stale};

use super::decode::Row;
use super::native::Native;
use super::native::sealed::State;
use crate::decode::rows;
use crate::error::Fault;
use crate::{ChunkError, Encoding, sample_count};

/// What a query needs of histograms that looks at their counts and sums alone: columns, one row a sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramStats {
    /// Milliseconds since the epoch, strictly increasing.
    pub timestamps: Vec<i64>,
    /// Observations; 0 where the sample is stale.
    pub counts: Vec<f64>,
    /// Sums of observations. The stale marker sits here.
    pub sums: Vec<f64>,
}

impl HistogramStats {
    /// Drops all rows, keeps the buffers.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    fn truncate(&mut self, len: usize) {
        self.timestamps.truncate(len);
        self.counts.truncate(len);
        self.sums.truncate(len);
    }

    fn push<H: Native>(&mut self, row: &Row<'_, H>) {
        let sum = row.numbers.sum();
        self.timestamps.push(row.timestamp);
        self.counts.push(if is_stale(sum) { 0.0 } else { row.numbers.count() });
        self.sums.push(sum);
    }
}

/// Appends counts and sums of all samples of a histogram chunk to `out`, at no allocation a sample. A chunk of floats has
/// none.
///
/// # Errors
///
/// When the bytes are not a chunk; `out` is then as it was.
pub fn decode_histogram_stats(encoding: Encoding, chunk: &[u8], out: &mut HistogramStats) -> Result<(), ChunkError> {
    if !encoding.is_histogram() {
        return Ok(());
    }
    let before = out.timestamps.len();
    read(encoding, chunk, out).map_err(|fault| {
        out.truncate(before);
        fault.into_error(chunk.len(), sample_count(encoding, chunk))
    })
}

fn read(encoding: Encoding, chunk: &[u8], out: &mut HistogramStats) -> Result<(), Fault> {
    let rows = rows(encoding, chunk, usize::MAX)?;
    match encoding {
        Encoding::Histogram | Encoding::HistogramSt => rows.read::<Histogram, false>(|row| out.push(row)),
        _ => rows.read::<FloatHistogram, false>(|row| out.push(row)),
    }
}
