//! The header of a fragment.

use crate::{HEADER_BYTES, KIND_MASK, SNAPPY, ZSTD};

pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) len: usize,
    pub(super) crc: u32,
}

impl Header {
    /// From the first bytes of what is left of a page; `None` when they are too few.
    pub(super) fn read(page: &[u8]) -> Option<Header> {
        let &[kind, l0, l1, c0, c1, c2, c3] = page.first_chunk::<HEADER_BYTES>()?;
        Some(Header {
            kind: kind & KIND_MASK,
            flags: kind & (SNAPPY | ZSTD),
            len: usize::from(u16::from_be_bytes([l0, l1])),
            crc: u32::from_be_bytes([c0, c1, c2, c3]),
        })
    }

    /// The fragment's bytes, in the page that begins with this header; `None` when they would pass its end.
    pub(super) fn body<'p>(&self, page: &'p [u8]) -> Option<&'p [u8]> {
        page.get(HEADER_BYTES..)?.get(..self.len)
    }

    /// Header and bytes.
    pub(super) fn size(&self) -> u64 {
        self.len.saturating_add(HEADER_BYTES) as u64
    }
}

pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| *b == 0)
}
