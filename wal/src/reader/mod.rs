//! Reading a segment, past damage where there is some.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod header;
mod resync;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::compress::Decompressor;
use super::{FIRST, FULL, HEADER_BYTES, LAST, MAX_RECORD_BYTES, MIDDLE, PADDING, PAGE_BYTES};
use header::{Header, is_zero};
use promethium_vfs::VfsFile;

const PAGES_PER_READ: usize = 16;

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
    /// Bytes that are not part of a record although they should be. Reading goes on behind them.
    Damage {
        /// Where they begin.
        offset: u64,
        /// What was expected and found.
        message: String,
    },
}

/// What a segment yields to who decompresses it: see [`SegmentReader::next_stored`].
#[derive(Debug)]
pub enum StoredItem<'a> {
    /// A whole record whose checksums are right.
    Record(StoredRecord<'a>),
    /// As [`Item::Damage`].
    Damage {
        /// Where the bytes begin.
        offset: u64,
        /// What was expected and found.
        message: String,
    },
}

/// A record as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct StoredRecord<'a> {
    /// Where its first fragment begins.
    pub start: u64,
    /// Where its last fragment ends.
    pub end: u64,
    /// What [`Decompressor::decompress`] has to know.
    pub stored_as: StoredAs,
    /// As they are stored.
    pub bytes: &'a [u8],
}

/// How a record is compressed, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredAs {
    pub(super) flags: u8,
}

/// Reads one segment, holding a few pages of it.
///
/// After damage, reading resumes at the next fragment of the same page that begins a record, and where none is found at
/// the next page: a page always begins with a fragment. So at most the records that touch the damaged page are lost, and
/// mostly only the one that was hit. Fragments of a record whose beginning is lost are passed over in silence.
pub struct SegmentReader {
    file: Arc<dyn VfsFile>,
    // Some whole pages of the file, the last one perhaps cut short by the file's end.
    block: Vec<u8>,
    block_start: u64,
    // Offset in the file of the next fragment.
    at: u64,
    // End of the last whole record.
    good_end: u64,
    // The record that is being put together.
    open: Option<OpenRecord>,
    // Since damage, no fragment has begun a record yet.
    is_resyncing: bool,
    // Where padding began that should have been the segment's end.
    padding: Option<u64>,
    // The fragments of the open record so far.
    stored: Vec<u8>,
    decompressor: Decompressor,
}

#[derive(Clone, Copy)]
struct OpenRecord {
    start: u64,
    flags: u8,
}

enum Fragment {
    /// A record is complete.
    Complete {
        record: OpenRecord,
        stored: Stored,
    },
    Damage {
        offset: u64,
        message: String,
    },
    Continue,
    End,
}

type Whole = Result<(OpenRecord, Stored), (u64, String)>;

/// Where the stored bytes of a complete record are.
enum Stored {
    /// In the block: a record of one fragment.
    Block(Range<usize>),
    /// In the buffer of fragments.
    Joined,
}

impl Stored {
    fn bytes<'b>(&self, block: &'b [u8], joined: &'b [u8]) -> &'b [u8] {
        match self {
            Stored::Block(range) => block.get(range.clone()).unwrap_or_default(),
            Stored::Joined => joined,
        }
    }
}

impl SegmentReader {
    /// From the beginning of the segment.
    #[must_use]
    pub fn new(file: Arc<dyn VfsFile>) -> Self {
        SegmentReader::starting_at(file, 0)
    }

    /// From `offset`, which is the end of a record or of a page: where a snapshot says that the log goes on.
    #[must_use]
    pub fn starting_at(file: Arc<dyn VfsFile>, offset: u64) -> Self {
        SegmentReader {
            file,
            block: Vec::new(),
            block_start: 0,
            at: offset,
            good_end: offset,
            open: None,
            is_resyncing: false,
            padding: None,
            stored: Vec::new(),
            decompressor: Decompressor::default(),
        }
    }

    /// Where the last whole record of [`SegmentReader::next_item`] ends: what comes after was never part of one, or is damaged.
    #[must_use]
    pub fn good_end(&self) -> u64 {
        self.good_end
    }

    /// The next record or damage, `None` at the end of the segment.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let (record, stored) = match self.next_whole()? {
            None => return Ok(None),
            Some(Err((offset, message))) => return Ok(Some(Item::Damage { offset, message })),
            Some(Ok(complete)) => complete,
        };
        let bytes = stored.bytes(&self.block, &self.stored);
        let start = record.start;
        Ok(Some(match self.decompressor.decompress(StoredAs { flags: record.flags }, bytes) {
            Ok(bytes) => {
                self.good_end = self.at;
                Item::Record { start, bytes }
            }
            Err(message) => Item::Damage { offset: start, message },
        }))
    }

    /// As [`SegmentReader::next_item`], but leaves decompression, which may fail, to the caller: so that several can share it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn next_stored(&mut self) -> io::Result<Option<StoredItem<'_>>> {
        let (OpenRecord { start, flags }, stored) = match self.next_whole()? {
            None => return Ok(None),
            Some(Err((offset, message))) => return Ok(Some(StoredItem::Damage { offset, message })),
            Some(Ok(complete)) => complete,
        };
        let bytes = stored.bytes(&self.block, &self.stored);
        let stored_as = StoredAs { flags };
        Ok(Some(StoredItem::Record(StoredRecord { start, end: self.at, stored_as, bytes })))
    }

    /// The next record whose fragments are all there, or damage: its offset, and what is wrong.
    fn next_whole(&mut self) -> io::Result<Option<Whole>> {
        loop {
            match self.next_fragment()? {
                Fragment::Continue => {}
                Fragment::End => return Ok(None),
                Fragment::Damage { offset, message } => return Ok(Some(Err((offset, message)))),
                Fragment::Complete { record, stored } => return Ok(Some(Ok((record, stored)))),
            }
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
        if self.padding.is_some() {
            return Ok(self.behind_zeros());
        }
        let Some(body) = header.body(page) else {
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
        if !known || starts == self.open.is_some() {
            let text = format!("a fragment of kind {} stands out of order", header.kind);
            return self.damaged(&text);
        }
        self.is_resyncing = false;
        let record = self.open.unwrap_or(OpenRecord { start: self.at, flags: header.flags });
        if record.flags != header.flags {
            return self.damaged("the fragments of a record are not compressed alike");
        }
        let from = self.offset_in_block().saturating_add(HEADER_BYTES);
        let range = from..from.saturating_add(header.len);
        self.at = self.at.saturating_add(header.size());
        if header.kind == FULL {
            return Fragment::Complete { record, stored: Stored::Block(range) };
        }
        self.join(record, header.kind, range)
    }

    fn join(&mut self, record: OpenRecord, kind: u8, range: Range<usize>) -> Fragment {
        if kind == FIRST {
            self.stored.clear();
        }
        let body = self.block.get(range).unwrap_or_default();
        if self.stored.len().saturating_add(body.len()) > MAX_RECORD_BYTES {
            self.open = None;
            self.is_resyncing = true;
            return Fragment::Damage { offset: record.start, message: "the record is too long".to_owned() };
        }
        self.stored.extend_from_slice(body);
        self.open = (kind != LAST).then_some(record);
        match kind {
            FIRST | MIDDLE => Fragment::Continue,
            _ => Fragment::Complete { record, stored: Stored::Joined },
        }
    }

    /// Reports damage at the next fragment and goes on behind it: in the same page where a record can be found there.
    fn damaged(&mut self, message: &str) -> Fragment {
        let offset = self.at;
        self.open = None;
        self.is_resyncing = true;
        let page_is_whole = self.left_in_page() == self.rest_of_page().len();
        match resync::resume_at(self.rest_of_page(), page_is_whole) {
            Some(skipped) => self.at = self.at.saturating_add(skipped as u64),
            None => drop(self.skip_page()),
        }
        Fragment::Damage { offset, message: message.to_owned() }
    }

    fn at_end(&mut self) -> Fragment {
        match self.open.take() {
            Some(open) => Fragment::Damage { offset: open.start, message: "the last record is cut short".to_owned() },
            None => Fragment::End,
        }
    }

    fn pad(&mut self) -> Fragment {
        if self.padding.is_none() {
            self.padding = Some(self.at);
        }
        self.skip_page()
    }

    /// What looked like the end of the segment was not.
    fn behind_zeros(&mut self) -> Fragment {
        // A record that was open before the zeros has lost its middle.
        self.open = None;
        self.is_resyncing = true;
        let message = "zeros stand where records were expected, and records follow".to_owned();
        Fragment::Damage { offset: self.padding.take().unwrap_or(self.at), message }
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
        // The first block may begin inside a page; it still ends where a page does.
        let len = PAGE_BYTES.saturating_mul(PAGES_PER_READ.saturating_sub(1)).saturating_add(self.left_in_page());
        self.block.resize(len, 0);
        let n = self.file.read_at(&mut self.block, self.at)?;
        self.block.truncate(n);
        Ok(())
    }
}
