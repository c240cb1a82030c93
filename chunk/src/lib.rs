//! Chunks: a run of one series' samples, compressed as Prometheus compresses it.
//!
//! # Should I use this?
//!
//! Yes, when you read or write chunks by themselves: out of blocks, head chunk files or remote-read streams. Whoever wants
//! a store takes `promethium-tsdb`.
//!
//! ```
//! use promethium_chunk::{XorAppender, decode_xor};
//! use promethium_model::SampleBatch;
//!
//! let mut chunk = XorAppender::new();
//! chunk.push(1_000, 20.5);
//! chunk.push(2_000, 21.0);
//! let mut samples = SampleBatch::new();
//! decode_xor(chunk.bytes(), &mut samples)?;
//! assert_eq!(samples.floats, [20.5, 21.0]);
//! # Ok::<(), promethium_chunk::ChunkError>(())
//! ```
//!
//! The payload formats are Prometheus', byte for byte. A chunk is written by an appender ([`XorAppender`]) and read
//! whole into columns ([`decode_xor`]); there is no iterator that yields one sample at a time.

mod bits;
#[doc(hidden)]
pub mod fuzzing;
mod xor_decode;
mod xor_encode;

use thiserror::Error;

pub use xor_decode::{decode_xor, decode_xor_prefix, xor_sample_count};
pub use xor_encode::XorAppender;

/// The most samples that a chunk can count.
pub const MAX_CHUNK_SAMPLES: usize = u16::MAX as usize;

/// The bytes are not a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// The bytes end before the samples that the header counts.
    #[error("chunk of {len} bytes ends before the {samples} samples that it counts")]
    Truncated {
        /// Length of the chunk.
        len: usize,
        /// Samples in the header.
        samples: usize,
    },
    /// Timestamps do not ascend.
    #[error("timestamps do not ascend in a chunk of {samples} samples")]
    NotAscending {
        /// Samples in the header.
        samples: usize,
    },
    /// A value's significant bits do not fit into 64.
    #[error("value window of {leading} leading zeros and {significant} bits exceeds 64 bits")]
    BadWindow {
        /// Leading zeros.
        leading: u32,
        /// Significant bits.
        significant: u32,
    },
}

// The window that precedes the first changed value.
const NO_WINDOW: u8 = 0xff;
// A count of leading zeros is stored in five bits.
const MAX_LEADING: u32 = 31;

#[cfg(test)]
mod tests;
