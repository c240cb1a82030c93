//! Compression of records: snappy blocks and zstd frames, never more output than a record may have.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::io::Read;

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::reader::StoredAs;
use crate::{MAX_RECORD_BYTES, SNAPPY};

/// How records are compressed in the log. A record that does not shrink is stored plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy, block by block.
    #[default]
    Snappy,
    /// Zstandard, one frame a record. Prometheus reads it since 2.45; older ones pass over such records in silence.
    Zstd,
}

// Snappy's densest element: three bytes that copy 64.
const MAX_SNAPPY_RATIO: usize = 22;

// Prometheus compresses with windows of up to 8 MiB; the largest level of its library takes 32.
const MAX_ZSTD_WINDOW_BYTES: u64 = 32 << 20;

// What a compressor keeps of its buffer.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// Compresses records, with tables and a buffer that are used again.
pub struct Compressor {
    snappy: snap::raw::Encoder,
    buffer: Vec<u8>,
}

impl Default for Compressor {
    fn default() -> Self {
        Compressor { snappy: snap::raw::Encoder::new(), buffer: Vec::new() }
    }
}

impl Compressor {
    /// The record compressed, if that makes it shorter.
    pub(crate) fn compress(&mut self, compression: Compression, record: &[u8]) -> Option<Vec<u8>> {
        let compressed = match compression {
            Compression::None => return None,
            Compression::Snappy => self.snap(record)?,
            Compression::Zstd => compress_to_vec(record, CompressionLevel::Fastest),
        };
        (compressed.len() < record.len()).then_some(compressed)
    }

    fn snap(&mut self, record: &[u8]) -> Option<Vec<u8>> {
        let most = snap::raw::max_compress_len(record.len());
        if self.buffer.len() < most {
            self.buffer.resize(most, 0);
        }
        let written = self.snappy.compress(record, &mut self.buffer).ok()?;
        let compressed = self.buffer.get(..written)?.to_vec();
        if self.buffer.len() > MAX_KEPT_BYTES {
            self.buffer = Vec::new();
        }
        Some(compressed)
    }
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

/// Decompresses records, with tables and a buffer that are used again.
#[derive(Default)]
pub struct Decompressor {
    plain: Vec<u8>,
    zstd: Option<ZstdReader>,
}

impl Decompressor {
    /// The record, from its stored bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with them: although their checksums are right, they do not decompress, or to more than a record may have.
    pub fn decompress<'d>(&'d mut self, stored_as: StoredAs, stored: &'d [u8]) -> Result<&'d [u8], String> {
        match stored_as.flags {
            0 => return Ok(stored),
            flags if flags & SNAPPY != 0 => unsnap(stored, &mut self.plain)?,
            _ => self.zstd.get_or_insert_with(ZstdReader::new).read(stored, &mut self.plain)?,
        }
        Ok(&self.plain)
    }
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

/// Decompresses a snappy block into `plain`. What it declares is checked before memory is taken for it.
pub(crate) fn unsnap(stored: &[u8], plain: &mut Vec<u8>) -> Result<(), String> {
    let declared = snap::raw::decompress_len(stored).map_err(|e| e.to_string())?;
    if declared > MAX_RECORD_BYTES.min(stored.len().saturating_mul(MAX_SNAPPY_RATIO)) {
        return Err(format!("{} compressed bytes claim to be {declared}", stored.len()));
    }
    // What the buffer held is overwritten: only growth costs.
    if plain.len() < declared {
        plain.resize(declared, 0);
    }
    let n = snap::raw::Decoder::new().decompress(stored, plain).map_err(|e| e.to_string())?;
    plain.truncate(n);
    Ok(())
}

/// Decompresses zstd frames, with tables that are used again.
pub(crate) struct ZstdReader {
    decoder: Box<FrameDecoder>,
}

impl ZstdReader {
    pub(crate) fn new() -> Self {
        let mut decoder = Box::new(FrameDecoder::new());
        decoder.set_max_window_size(MAX_ZSTD_WINDOW_BYTES);
        ZstdReader { decoder }
    }

    /// Decompresses one frame, which must be all of `stored`, into `plain`.
    pub(crate) fn read(&mut self, stored: &[u8], plain: &mut Vec<u8>) -> Result<(), String> {
        plain.clear();
        let mut rest = stored;
        let mut frame = StreamingDecoder::new_with_decoder(&mut rest, &mut *self.decoder).map_err(|e| e.to_string())?;
        let limit = MAX_RECORD_BYTES as u64;
        if frame.decoder.content_size() > limit {
            return Err(format!("{} compressed bytes claim to be {}", stored.len(), frame.decoder.content_size()));
        }
        let read = frame.by_ref().take(limit.saturating_add(1)).read_to_end(plain).map_err(|e| e.to_string())?;
        if read as u64 > limit {
            return Err(format!("{} compressed bytes are more than {limit}", stored.len()));
        }
        let (expected, found) = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
        match (expected, found) {
            (Some(expected), Some(found)) if expected != found => {
                Err(format!("the frame's checksum is {expected:08x}, its content's {found:08x}"))
            }
            _ if !rest.is_empty() => Err(format!("{} bytes follow the compressed record", rest.len())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_compressions_return_what_went_in() {
        let record: Vec<u8> = (0..50_000_u32).flat_map(|i| (i / 7).to_be_bytes()).collect();
        let mut plain = vec![9; 10];
        let mut compressor = Compressor::default();
        assert!(compressor.compress(Compression::None, &record).is_none());
        let stored = compressor.compress(Compression::Snappy, &record).unwrap();
        unsnap(&stored, &mut plain).unwrap();
        assert_eq!(plain, record);
        let mut stored = compressor.compress(Compression::Zstd, &record).unwrap();
        let mut zstd = ZstdReader::new();
        for _ in 0..2 {
            zstd.read(&stored, &mut plain).unwrap();
            assert_eq!(plain, record);
        }
        stored.push(0);
        assert!(zstd.read(&stored, &mut plain).unwrap_err().contains("follow"));
    }

    #[test]
    fn what_does_not_shrink_is_said_to_be_so() {
        let mut compressor = Compressor::default();
        for compression in [Compression::Snappy, Compression::Zstd] {
            assert!(compressor.compress(compression, b"abc").is_none());
        }
    }

    #[test]
    fn a_frame_that_claims_too_much_is_refused() {
        // Magic, a single segment with eight bytes of content size: 2^62 bytes.
        let claims = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0];
        assert!(ZstdReader::new().read(&claims, &mut Vec::new()).is_err());
        // A window of 64 MiB with no content size.
        let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 16 << 3, 1, 0, 0];
        assert!(ZstdReader::new().read(&window, &mut Vec::new()).is_err());
        assert!(ZstdReader::new().read(b"", &mut Vec::new()).is_err());
    }
}
