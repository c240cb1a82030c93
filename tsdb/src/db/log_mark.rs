//! How the log ended when a snapshot was taken. A log that has gone another way since is known by it.

use std::path::Path;

use promethium_vfs::{OpenMode, Vfs};
use promethium_wal::head_snapshot::LogPosition;
use promethium_wal::{PAGE_BYTES, SegmentFile, WalLayout, read_layout};

use crate::error::TsdbError;

/// The last bytes of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LogMark {
    /// The newest segment that has any.
    segment: u64,
    /// Its length; 0 where the log had nothing.
    len: u64,
    /// Checksum of its last page.
    crc: u32,
}

impl LogMark {
    /// Of the log up to `position`, as it is in its files.
    pub(super) fn of(vfs: &dyn Vfs, wal_dir: &Path, position: LogPosition) -> Result<LogMark, TsdbError> {
        let layout = read_layout(vfs, wal_dir)?;
        let before = layout.segments.iter().rev().filter(|s| s.index <= position.segment);
        for segment in before {
            let len = if segment.index == position.segment { position.offset } else { len(vfs, segment)? };
            if len > 0 {
                let crc = crc_of_last_page(vfs, segment, len)?;
                return Ok(LogMark { segment: segment.index, len, crc });
            }
        }
        Ok(LogMark::default())
    }

    /// Whether a log still has these bytes, and goes on at `position`.
    pub(super) fn is_in(self, vfs: &dyn Vfs, layout: &WalLayout, position: LogPosition) -> bool {
        let find = |index| layout.segments.iter().find(|s| s.index == index);
        let goes_on = find(position.segment).is_some_and(|s| len(vfs, s).is_ok_and(|len| len >= position.offset));
        let has_mark = || {
            self.len == 0
                || find(self.segment).is_some_and(|s| {
                    let is_whole = s.index == position.segment || len(vfs, s).is_ok_and(|len| len == self.len);
                    is_whole && crc_of_last_page(vfs, s, self.len).is_ok_and(|crc| crc == self.crc)
                })
        };
        goes_on && has_mark()
    }

    pub(super) fn to_pairs(self) -> [(u64, u64); 2] {
        [(self.segment, self.len), (self.crc.into(), 0)]
    }

    pub(super) fn from_pairs(pairs: &[(u64, u64)]) -> Option<LogMark> {
        let [(segment, len), (crc, 0)] = *pairs else { return None };
        Some(LogMark { segment, len, crc: u32::try_from(crc).ok()? })
    }
}

fn len(vfs: &dyn Vfs, segment: &SegmentFile) -> Result<u64, TsdbError> {
    Ok(vfs.stat(&segment.path).map_err(TsdbError::io(&segment.path, "read"))?.len)
}

/// Of the last page, or less, of the first `len` bytes.
fn crc_of_last_page(vfs: &dyn Vfs, segment: &SegmentFile, len: u64) -> Result<u32, TsdbError> {
    let mut page = vec![0; usize::try_from(len).unwrap_or(PAGE_BYTES).min(PAGE_BYTES)];
    let start = len - page.len() as u64;
    let file = vfs.open(&segment.path, OpenMode::Read).map_err(TsdbError::io(&segment.path, "open"))?;
    let read = file.read_at(&mut page, start).map_err(TsdbError::io(&segment.path, "read"))?;
    // Of a segment that ends before, the checksum is another.
    Ok(crc32c::crc32c(&page[..read]))
}
