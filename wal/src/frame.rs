//! From records to pages.

use std::sync::Arc;

use super::compress::{Compression, Compressor};
use super::{FIRST, FULL, HEADER_BYTES, LAST, MIDDLE, PAGE_BYTES, SNAPPY, ZSTD};

/// A record as it will be stored: compressed where that helps.
#[derive(Clone, Debug)]
pub struct PreparedRecord {
    pub(super) flags: u8,
    /// Shared with the writer, who keeps it until it is durable.
    pub(super) stored: Arc<Vec<u8>>,
}

impl PreparedRecord {
    /// Compresses a record as `compression` says. Who has many takes [`Compressor::prepare`].
    #[must_use]
    pub fn new(record: Vec<u8>, compression: Compression) -> Self {
        Compressor::default().prepare(record, compression)
    }

    /// Appends the record's fragments to `out`, which continues a segment whose length is `at`. Returns the segment's
    /// length afterwards.
    pub fn frame(&self, out: &mut Vec<u8>, at: u64) -> u64 {
        frame(out, at, self.flags, &self.stored)
    }
}

impl Compressor {
    /// Compresses a record as `compression` says.
    #[must_use]
    pub fn prepare(&mut self, record: Vec<u8>, compression: Compression) -> PreparedRecord {
        let Some(stored) = self.compress(compression, &record) else {
            return PreparedRecord { flags: 0, stored: Arc::new(record) };
        };
        let flags = if compression == Compression::Zstd { ZSTD } else { SNAPPY };
        PreparedRecord { flags, stored: Arc::new(stored) }
    }
}

/// Appends the fragments of a record, `stored` being its bytes as they are stored, to a segment of length `at`.
pub(super) fn frame(out: &mut Vec<u8>, mut at: u64, flags: u8, stored: &[u8]) -> u64 {
    let mut rest = stored;
    let mut is_first = true;
    loop {
        let mut left = left_in_page(at);
        if left < HEADER_BYTES {
            out.resize(out.len() + left, 0);
            at += left as u64;
            left = PAGE_BYTES;
        }
        let (fragment, after) = rest.split_at(rest.len().min(left - HEADER_BYTES));
        rest = after;
        let kind = match (is_first, rest.is_empty()) {
            (true, true) => FULL,
            (true, false) => FIRST,
            (false, false) => MIDDLE,
            (false, true) => LAST,
        };
        push_fragment(out, kind | flags, fragment);
        at += (HEADER_BYTES + fragment.len()) as u64;
        is_first = false;
        if rest.is_empty() {
            return at;
        }
    }
}

fn push_fragment(out: &mut Vec<u8>, kind: u8, fragment: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&(fragment.len() as u16).to_be_bytes());
    out.extend_from_slice(&crc32c::crc32c(fragment).to_be_bytes());
    out.extend_from_slice(fragment);
}

/// Bytes from `at` to the end of its page; a whole page at a boundary.
pub(super) fn left_in_page(at: u64) -> usize {
    PAGE_BYTES - (at % PAGE_BYTES as u64) as usize
}
