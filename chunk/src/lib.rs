//! Chunks: a run of one series' samples, compressed as Prometheus compresses it.
//!
//! # Should I use this?
//!
//! Yes, when you read or write chunks by themselves: out of blocks, head chunk files or remote-read streams. Whoever wants
//! a store takes `promethium-tsdb`.
//!
//! ```
//! use promethium_chunk::{Encoding, XorAppender, decode};
//! use promethium_model::SampleBatch;
//!
//! let mut chunk = XorAppender::new();
//! chunk.push(1_000, 20.5);
//! chunk.push(2_000, 21.0);
//! let mut samples = SampleBatch::new();
//! decode(Encoding::Xor, &chunk.to_bytes(), &mut samples)?;
//! assert_eq!(samples.floats, [20.5, 21.0]);
//! # Ok::<(), promethium_chunk::ChunkError>(())
//! ```
//!
//! All six encodings of Prometheus 3.14 are read and written, byte for byte as Prometheus does. A chunk is written by an
//! appender, sample by sample ([`XorAppender`], [`Xor2Appender`], [`HistogramAppender`], [`FloatHistogramAppender`]), or out
//! of columns ([`encode`]); it is read whole into columns ([`decode`]). There is no iterator that yields one sample at a
//! time.
//!
//! Any bytes may be decoded: what is not a chunk is an error, and memory is bounded by the number of bytes.

mod bits;
mod builder;
mod decode;
mod encoding;
mod error;
mod floats;
#[doc(hidden)]
pub mod fuzzing;
mod histogram;
mod start_times;
mod value;
mod xor;
mod xor2;

use promethium_model::SampleBatch;

pub use builder::{ChunkBuilder, EncodedChunk, Encodings, SplitRule, encode};
pub use decode::{decode, decode_prefix, decode_timestamps, time_range};
pub use encoding::{CounterResetHeader, Encoding, counter_reset_header, sample_count};
pub use error::ChunkError;
pub use histogram::{
    FloatHistogramAppender, HistogramAppender, HistogramStats, MAX_SPANS_OF_A_CHUNK, Native, NativeAppender, Placement,
    decode_histogram_stats,
};
pub use xor::XorAppender;
pub use xor2::Xor2Appender;

/// The most samples that a chunk of floats can count; [`Encoding::max_samples`] says it of each encoding.
pub const MAX_CHUNK_SAMPLES: usize = u16::MAX as usize;

/// As [`decode`] of [`Encoding::Xor`].
///
/// # Errors
///
/// When the bytes are not a chunk; `out` is then as it was.
pub fn decode_xor(chunk: &[u8], out: &mut SampleBatch) -> Result<(), ChunkError> {
    decode(Encoding::Xor, chunk, out)
}

/// As [`decode_prefix`] of [`Encoding::Xor`].
///
/// # Errors
///
/// When the bytes are not a chunk; `out` is then as it was.
pub fn decode_xor_prefix(chunk: &[u8], at_most: usize, out: &mut SampleBatch) -> Result<(), ChunkError> {
    decode_prefix(Encoding::Xor, chunk, at_most, out)
}

// 69 bits of time, 77 of value and 72 of start time, or the bytes of the first sample: header, varints, value.
const MAX_FLOAT_SAMPLE_BYTES: usize = 32;

#[cfg(test)]
mod tests;
