//! Reading a segment, past damage where there is some.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::io;
use std::sync::Arc;

use super::{FIRST, FULL, HEADER_BYTES, KIND_MASK, LAST, MAX_RECORD_BYTES, MIDDLE, PADDING, PAGE_BYTES, SNAPPY, ZSTD};
use promethium_vfs::VfsFile;

const PAGES_PER_READ: usize = 16;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
// Snappy's densest element: three bytes that copy 64.
const MAX_SNAPPY_RATIO: usize = 22;

/// What a segment yields.
#[derive(Debug)]
pub enum Item<'a> {
    /// A whole record whose checksums are right.
    Record {
        /// Where its first fragment begins.
        start: u64,
        /// Decompressed.
        bytes: &'a [u8],
    },
    /// A whole record whose checksums are right, but which this store cannot decompress.
    Foreign {
        /// Where its first fragment begins.
        start: u64,
        /// How it is compressed.
        compression: &'static str,
    },
    /// Bytes that are not part of a record although they should be. Reading goes on behind them.
    Damage {
        /// Where they begin.
        offset: u64,
        /// What was expected and found.
        message: String,
    },
}

/// Reads one segment, holding a few pages of it.
///
/// After damage, reading resumes at the next page: a page always begins with a fragment, so that only records that
/// touch the damaged page are lost. Fragments of a record whose beginning is lost are passed over in silence.
pub struct SegmentReader {
    file: Arc<dyn VfsFile>,
    // Some whole pages of the file, the last one perhaps cut short by the file's end.
    block: Vec<u8>,
    block_start: u64,
    // Offset in the file of the next fragment.
    at: u64,
    // End of the last whole record.
    good_end: u64,
    // Start of the record that is being put together.
    open_record: Option<u64>,
    // Since damage, no fragment has begun a record yet.
    is_resyncing: bool,
    // Where padding began that should have been the segment's end.
    padding: Option<u64>,
    stored: Vec<u8>,
    plain: Vec<u8>,
}

enum Fragment {
    /// A record is complete; its stored bytes are in the buffer.
    Complete {
        start: u64,
        flags: u8,
    },
    Damage {
        offset: u64,
        message: String,
    },
    Continue,
    End,
}

struct Header {
    kind: u8,
    flags: u8,
    len: usize,
    crc: u32,
}

impl SegmentReader {
    /// From the beginning of the segment.
    #[must_use]
    pub fn new(file: Arc<dyn VfsFile>) -> Self {
        SegmentReader {
            file,
            block: Vec::new(),
            block_start: 0,
            at: 0,
            good_end: 0,
            open_record: None,
            is_resyncing: false,
            padding: None,
            stored: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// Where the last whole record ends: what comes after was never part of one, or is damaged.
    pub fn good_end(&self) -> u64 {
        self.good_end
    }

    /// The next record or damage, `None` at the end of the segment.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        loop {
            match self.next_fragment()? {
                Fragment::Continue => {}
                Fragment::End => return Ok(None),
                Fragment::Damage { offset, message } => return Ok(Some(Item::Damage { offset, message })),
                Fragment::Complete { start, flags } => return Ok(Some(self.complete(start, flags))),
            }
        }
    }

    fn complete(&mut self, start: u64, flags: u8) -> Item<'_> {
        self.open_record = None;
        let plain = match flags {
            0 => Ok(self.stored.as_slice()),
            _ if flags & SNAPPY != 0 => unsnap(&self.stored, &mut self.plain),
            _ if self.stored.starts_with(&ZSTD_MAGIC) => {
                self.good_end = self.at;
                return Item::Foreign { start, compression: "zstd" };
            }
            _ => Err("the record is marked as zstd and is not".to_owned()),
        };
        match plain {
            Ok(bytes) => {
                self.good_end = self.at;
                Item::Record { start, bytes }
            }
            Err(message) => Item::Damage { offset: start, message },
        }
    }

    fn next_fragment(&mut self) -> io::Result<Fragment> {
        self.load()?;
        let page = self.rest_of_page();
        if page.is_empty() {
            return Ok(self.at_end());
        }
        let page_is_whole = self.left_in_page() == page.len();
        let Some(header) = Header::read(page) else {
            return Ok(if is_zero(page) { self.skip_page() } else { self.damaged("a fragment header is cut short") });
        };
        if header.kind == PADDING {
            return Ok(if is_zero(page) { self.pad() } else { self.damaged("padding holds bytes other than zero") });
        }
        if let Some(offset) = self.padding {
            self.padding = None;
            let message = "zeros stand where records were expected, and records follow".to_owned();
            return Ok(Fragment::Damage { offset, message });
        }
        let Some(body) = page.get(HEADER_BYTES..).and_then(|b| b.get(..header.len)) else {
            let text = if page_is_whole { "a fragment crosses its page" } else { "the last record is cut short" };
            return Ok(self.damaged(text));
        };
        let found = crc32c::crc32c(body);
        if found != header.crc {
            let text = format!("expected checksum {:08x}, found {found:08x}", header.crc);
            return Ok(self.damaged(&text));
        }
        Ok(self.take(&header))
    }

    /// Adds a fragment with the right checksum to the record that it belongs to.
    fn take(&mut self, header: &Header) -> Fragment {
        let starts = matches!(header.kind, FULL | FIRST);
        let known = header.kind <= LAST;
        if self.is_resyncing && known && !starts {
            self.at = self.at.saturating_add(header.size());
            return Fragment::Continue;
        }
        if !known || starts == self.open_record.is_some() {
            let text = format!("a fragment of kind {} stands out of order", header.kind);
            return self.damaged(&text);
        }
        self.is_resyncing = false;
        let start = *self.open_record.get_or_insert(self.at);
        if starts {
            self.stored.clear();
        }
        if self.stored.len().saturating_add(header.len) > MAX_RECORD_BYTES {
            return self.damaged("the record is too long");
        }
        let from = self.offset_in_block().saturating_add(HEADER_BYTES);
        let body = self.block.get(from..from.saturating_add(header.len)).unwrap_or_default();
        self.stored.extend_from_slice(body);
        self.at = self.at.saturating_add(header.size());
        match header.kind {
            FIRST | MIDDLE => Fragment::Continue,
            _ => Fragment::Complete { start, flags: header.flags },
        }
    }

    /// Reports damage at the next fragment and goes on with the next page.
    fn damaged(&mut self, message: &str) -> Fragment {
        let offset = self.at;
        self.open_record = None;
        self.is_resyncing = true;
        self.skip_page();
        Fragment::Damage { offset, message: message.to_owned() }
    }

    fn at_end(&mut self) -> Fragment {
        match self.open_record.take() {
            Some(offset) => Fragment::Damage { offset, message: "the last record is cut short".to_owned() },
            None => Fragment::End,
        }
    }

    fn pad(&mut self) -> Fragment {
        if self.padding.is_none() {
            self.padding = Some(self.at);
        }
        self.skip_page()
    }

    fn skip_page(&mut self) -> Fragment {
        self.at = self.at.saturating_add(self.left_in_page() as u64);
        Fragment::Continue
    }

    fn left_in_page(&self) -> usize {
        super::frame::left_in_page(self.at)
    }

    fn offset_in_block(&self) -> usize {
        usize::try_from(self.at.saturating_sub(self.block_start)).unwrap_or(usize::MAX)
    }

    fn rest_of_page(&self) -> &[u8] {
        let rest = self.block.get(self.offset_in_block()..).unwrap_or_default();
        rest.get(..self.left_in_page()).unwrap_or(rest)
    }

    /// Makes sure that the block holds the page of `at`, if the file has it.
    fn load(&mut self) -> io::Result<()> {
        if self.offset_in_block() < self.block.len() {
            return Ok(());
        }
        self.block_start = self.at;
        self.block.resize(PAGE_BYTES.saturating_mul(PAGES_PER_READ), 0);
        let n = self.file.read_at(&mut self.block, self.at)?;
        self.block.truncate(n);
        Ok(())
    }
}

impl Header {
    fn read(page: &[u8]) -> Option<Header> {
        let &[kind, l0, l1, c0, c1, c2, c3] = page.first_chunk::<HEADER_BYTES>()?;
        Some(Header {
            kind: kind & KIND_MASK,
            flags: kind & (SNAPPY | ZSTD),
            len: usize::from(u16::from_be_bytes([l0, l1])),
            crc: u32::from_be_bytes([c0, c1, c2, c3]),
        })
    }

    fn size(&self) -> u64 {
        self.len.saturating_add(HEADER_BYTES) as u64
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| *b == 0)
}

/// Decompresses into `plain`. What the block declares is checked before memory is taken for it.
fn unsnap<'a>(stored: &[u8], plain: &'a mut Vec<u8>) -> Result<&'a [u8], String> {
    let declared = snap::raw::decompress_len(stored).map_err(|e| e.to_string())?;
    if declared > MAX_RECORD_BYTES.min(stored.len().saturating_mul(MAX_SNAPPY_RATIO)) {
        return Err(format!("{} compressed bytes claim to be {declared}", stored.len()));
    }
    plain.resize(declared, 0);
    let n = snap::raw::Decoder::new().decompress(stored, plain).map_err(|e| e.to_string())?;
    plain.truncate(n);
    Ok(plain)
}
