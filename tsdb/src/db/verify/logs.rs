//! The logs, record by record.

use std::io;
use std::path::Path;

use promethium_block::Progress;
use promethium_vfs::{OpenMode, Vfs, VfsFile, is_no_file};
use promethium_wal::head_snapshot::LogPosition;
use promethium_wal::{Item, SegmentFile, SegmentReader, WalLayout, read_layout};

use super::{VerifyReport, is_removed};
use crate::db::log::Log;
use crate::db::open::{LATE_DIR, WAL_DIR};
use crate::db::replay::Damage;
use crate::db::{Db, Home};
use crate::error::TsdbError;
use crate::options::ProgressKind;

/// Up to where a file is checked.
#[derive(Clone, Copy, PartialEq)]
enum Until {
    /// It ends where it ends.
    End,
    /// So far it is written; the rest comes meanwhile.
    Offset(u64),
    /// It may be written by somebody else, who is not asked: as far as it goes now.
    Now,
}

impl Until {
    fn offset(self, file: &dyn VfsFile) -> io::Result<u64> {
        match self {
            Until::End => Ok(u64::MAX),
            Until::Offset(end) => Ok(end),
            Until::Now => file.len(),
        }
    }
}

impl Db {
    pub(super) fn verify_logs(&self, home: &Home, report: &mut VerifyReport) -> Result<(), TsdbError> {
        for (name, log) in [(LATE_DIR, &self.late_log), (WAL_DIR, &self.log)] {
            let end = log.as_ref().map(|log| self.written_end(log)).transpose()?;
            let layout = read_layout(&*home.vfs, &home.dir.join(name))?;
            note_no_files(&*home.vfs, &layout, report);
            let files = files_until(&layout, end);
            let mut tell = self.on_progress(ProgressKind::Verify);
            let total = files.len() as u64;
            for (done, (segment, until)) in (1..).zip(files) {
                verify_segment(&*home.vfs, &segment.path, until, report)?;
                let _ = tell(Progress { done, total });
            }
        }
        Ok(())
    }

    /// Where a log ends, and everything before that is in its files.
    fn written_end(&self, log: &Log) -> Result<LogPosition, TsdbError> {
        let end = {
            let mut state = log.peek();
            let writer = state.writer();
            LogPosition { segment: writer.segment_index(), offset: writer.segment_len() }
        };
        log.sync_all(self.clock.now_ms())?;
        Ok(end)
    }
}

/// What has the name of a segment and is none.
fn note_no_files(vfs: &dyn Vfs, layout: &WalLayout, report: &mut VerifyReport) {
    let still_named = layout.no_files.iter().filter(|path| !is_removed(vfs, path));
    report.damage.extend(still_named.map(|path| Damage::of_no_file(path)));
}

/// The files of a log that ends at `end`, if that is known.
fn files_until(layout: &WalLayout, end: Option<LogPosition>) -> Vec<(&SegmentFile, Until)> {
    let last = layout.segments.last().map(|segment| segment.index);
    let checkpoint = layout.checkpoint.iter().map(|segment| (segment, Until::End));
    let segments = layout.segments.iter().filter(|s| end.is_none_or(|end| s.index <= end.segment));
    let until = |segment: &SegmentFile| match end {
        Some(end) if segment.index == end.segment => Until::Offset(end.offset),
        None if Some(segment.index) == last => Until::Now,
        _ => Until::End,
    };
    checkpoint.chain(segments.map(|segment| (segment, until(segment)))).collect()
}

fn verify_segment(vfs: &dyn Vfs, path: &Path, until: Until, report: &mut VerifyReport) -> Result<(), TsdbError> {
    let file = match vfs.open(path, OpenMode::Read) {
        Err(e) if is_no_file(&e) && is_removed(vfs, path) => return Ok(()),
        file => file.map_err(TsdbError::io(path, "open"))?,
    };
    let end = until.offset(&*file).map_err(TsdbError::io(path, "read"))?;
    let mut reader = SegmentReader::new(file);
    // Damage with no record behind it.
    let mut ending = None;
    while let Some(item) = reader.next_item().map_err(TsdbError::io(path, "read"))? {
        match item {
            Item::Record { start, .. } | Item::Damage { offset: start, .. } if start >= end => break,
            Item::Record { .. } => {
                report.records += 1;
                report.damage.extend(ending.take());
            }
            Item::Damage { offset, message } => {
                let damage = Damage { path: path.to_path_buf(), offset, message };
                report.damage.extend(ending.replace(damage));
            }
        }
    }
    let found = if until == Until::Now { &mut report.torn_tails } else { &mut report.damage };
    found.extend(ending);
    Ok(())
}
