//! What a chunk's header says: kinds of chunks, sample counts, counter resets.

use crate::ChunkError;

/// How a chunk's payload is encoded. The number is the byte that stands before the payload in every file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Encoding {
    /// Floats, after Facebook's Gorilla.
    Xor = 1,
    /// Native histograms with integer counts.
    Histogram = 2,
    /// Native histograms with float counts.
    FloatHistogram = 3,
    /// Floats with start timestamps, and cheaper stale markers (Prometheus 3.11 and later).
    Xor2 = 4,
    /// [`Histogram`](Encoding::Histogram) with start timestamps (Prometheus 3.14 and later).
    HistogramSt = 5,
    /// [`FloatHistogram`](Encoding::FloatHistogram) with start timestamps (Prometheus 3.14 and later).
    FloatHistogramSt = 6,
}

impl Encoding {
    /// Whether the samples are histograms.
    #[must_use]
    pub fn is_histogram(self) -> bool {
        !matches!(self, Encoding::Xor | Encoding::Xor2)
    }

    /// Whether samples can have start timestamps.
    #[must_use]
    pub fn has_start_timestamps(self) -> bool {
        matches!(self, Encoding::Xor2 | Encoding::HistogramSt | Encoding::FloatHistogramSt)
    }

    /// The most samples that a chunk of this encoding can count.
    #[must_use]
    pub fn max_samples(self) -> usize {
        self.count_mask().into()
    }

    /// Bytes before the bit stream.
    pub(crate) fn header_len(self) -> usize {
        if self == Encoding::Xor { 2 } else { 3 }
    }

    fn count_mask(self) -> u16 {
        match self {
            Encoding::HistogramSt | Encoding::FloatHistogramSt => 0x3fff,
            _ => u16::MAX,
        }
    }
}

impl TryFrom<u8> for Encoding {
    type Error = ChunkError;

    fn try_from(byte: u8) -> Result<Self, ChunkError> {
        match byte {
            1 => Ok(Encoding::Xor),
            2 => Ok(Encoding::Histogram),
            3 => Ok(Encoding::FloatHistogram),
            4 => Ok(Encoding::Xor2),
            5 => Ok(Encoding::HistogramSt),
            6 => Ok(Encoding::FloatHistogramSt),
            _ => Err(ChunkError::UnknownEncoding { byte }),
        }
    }
}

/// What the header of a histogram chunk says about a counter reset between the chunk before it and its first sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CounterResetHeader {
    /// Nothing.
    #[default]
    Unknown,
    /// There was none.
    NotReset,
    /// There was one.
    Reset,
    /// The chunk holds gauge histograms, which never reset.
    Gauge,
}

impl CounterResetHeader {
    // In the top two bits of a byte.
    pub(crate) fn bits(self) -> u8 {
        match self {
            CounterResetHeader::Unknown => 0,
            CounterResetHeader::NotReset => 0b0100_0000,
            CounterResetHeader::Reset => 0b1000_0000,
            CounterResetHeader::Gauge => COUNTER_RESET_BITS,
        }
    }

    fn from_bits(byte: u8) -> Self {
        match byte >> 6 {
            0 => CounterResetHeader::Unknown,
            1 => CounterResetHeader::NotReset,
            2 => CounterResetHeader::Reset,
            _ => CounterResetHeader::Gauge,
        }
    }
}

pub(crate) const COUNTER_RESET_BITS: u8 = 0b1100_0000;

/// The number of samples in a chunk's header; 0 when there is no header.
#[must_use]
pub fn sample_count(encoding: Encoding, chunk: &[u8]) -> usize {
    let raw = chunk.first_chunk::<2>().map_or(0, |b| u16::from_be_bytes(*b));
    (raw & encoding.count_mask()).into()
}

/// What a histogram chunk's header says of counter resets; `None` for floats and where there is no header.
#[must_use]
pub fn counter_reset_header(encoding: Encoding, chunk: &[u8]) -> Option<CounterResetHeader> {
    let byte = match encoding {
        Encoding::Xor | Encoding::Xor2 => None,
        Encoding::Histogram | Encoding::FloatHistogram => chunk.get(2),
        Encoding::HistogramSt | Encoding::FloatHistogramSt => chunk.first(),
    };
    byte.copied().map(CounterResetHeader::from_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_encodings_agree() {
        for byte in 0..=u8::MAX {
            match Encoding::try_from(byte) {
                Ok(encoding) => assert_eq!(encoding as u8, byte),
                Err(e) => assert!(byte == 0 || byte > 6, "{byte}: {e}"),
            }
        }
    }

    #[test]
    fn counts_of_histograms_with_start_timestamps_share_their_byte_with_the_header() {
        assert_eq!(sample_count(Encoding::HistogramSt, &[0xc0, 7]), 7);
        assert_eq!(sample_count(Encoding::Histogram, &[0xc0, 7]), 0xc007);
        assert_eq!(sample_count(Encoding::Xor, &[1]), 0);
        assert_eq!(counter_reset_header(Encoding::HistogramSt, &[0xc0, 7]), Some(CounterResetHeader::Gauge));
        assert_eq!(counter_reset_header(Encoding::Histogram, &[0, 1, 0x80]), Some(CounterResetHeader::Reset));
        assert_eq!(counter_reset_header(Encoding::Histogram, &[0, 1]), None);
        assert_eq!(counter_reset_header(Encoding::Xor2, &[0, 1, 0x80]), None);
    }
}
