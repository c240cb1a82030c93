//! What can be wrong with a chunk's bytes.

use thiserror::Error;

/// The bytes are not a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// No encoding has this number.
    #[error("unknown chunk encoding {byte}")]
    UnknownEncoding {
        /// The number found.
        byte: u8,
    },
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
    /// A histogram's schema is neither exponential nor that of custom buckets.
    #[error("unknown histogram schema {schema}")]
    UnknownSchema {
        /// The schema found.
        schema: i64,
    },
    /// A span's offset or length does not fit into 32 bits.
    #[error("histogram span of offset {offset} and length {length} is out of range")]
    BadSpan {
        /// Offset.
        offset: i64,
        /// Length.
        length: u64,
    },
    /// The spans of all samples together are more than [`MAX_SPANS_OF_A_CHUNK`](crate::MAX_SPANS_OF_A_CHUNK).
    #[error("{spans} histogram spans in each of {samples} samples are too many")]
    TooManySpans {
        /// Spans of one sample.
        spans: usize,
        /// Samples in the header.
        samples: usize,
    },
}

/// An error within a bit stream, before it is known which chunk that is.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Overrun,
    NotAscending,
    Window { leading: u32, significant: u32 },
    Schema(i64),
    Span { offset: i64, length: u64 },
    TooManySpans(usize),
}

impl Fault {
    pub(crate) fn into_error(self, len: usize, samples: usize) -> ChunkError {
        match self {
            Fault::Overrun => ChunkError::Truncated { len, samples },
            Fault::NotAscending => ChunkError::NotAscending { samples },
            Fault::Window { leading, significant } => ChunkError::BadWindow { leading, significant },
            Fault::Schema(schema) => ChunkError::UnknownSchema { schema },
            Fault::Span { offset, length } => ChunkError::BadSpan { offset, length },
            Fault::TooManySpans(spans) => ChunkError::TooManySpans { spans, samples },
        }
    }
}
