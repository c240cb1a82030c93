//! Header and table of contents of an index.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::bytes::{Cursor, check_crc, ends_early, unchecked_section};
use crate::error::Fault;

pub(crate) const MAGIC: u32 = 0xbaaa_d700;
pub(crate) const HEADER_LEN: usize = 5;
pub(crate) const TOC_LEN: usize = 52;

/// Where the sections begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Toc {
    pub(crate) symbols: u64,
    pub(crate) series: u64,
    pub(crate) label_indices: u64,
    pub(crate) label_indices_table: u64,
    pub(crate) postings: u64,
    pub(crate) postings_table: u64,
}

impl Toc {
    pub(crate) fn read(file: &[u8]) -> Result<Self, Fault> {
        let start = file.len().saturating_sub(TOC_LEN);
        let offset = start as u64;
        let (sections, sum) = file.get(start..).and_then(<[u8]>::split_last_chunk).ok_or_else(|| ends_early(offset))?;
        check_crc(sections, u32::from_be_bytes(*sum), offset)?;
        let mut bytes = Cursor::new(sections);
        let mut next = || bytes.u64().ok_or_else(|| ends_early(offset));
        Ok(Toc {
            symbols: next()?,
            series: next()?,
            label_indices: next()?,
            label_indices_table: next()?,
            postings: next()?,
            postings_table: next()?,
        })
    }

    /// What of the table follows from the sections themselves: the symbols come first and know their length, the
    /// series follow. The postings are then made anew.
    pub(crate) fn guess(file: &[u8]) -> Result<Self, Fault> {
        let symbols = HEADER_LEN as u64;
        let (contents, _) = unchecked_section(file, symbols)?;
        let series = symbols + contents.len() as u64 + 8;
        Ok(Toc { symbols, series, label_indices: file.len() as u64, ..Toc::default() })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let sections = [
            self.symbols,
            self.series,
            self.label_indices,
            self.label_indices_table,
            self.postings,
            self.postings_table,
        ];
        let mut out: Vec<u8> = sections.iter().flat_map(|s| s.to_be_bytes()).collect();
        out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
        out
    }

    /// Where the series end: at the next section.
    pub(crate) fn series_end(&self) -> u64 {
        let later = [self.label_indices, self.label_indices_table, self.postings, self.postings_table];
        later.into_iter().filter(|s| *s >= self.series).min().unwrap_or(u64::MAX)
    }
}
