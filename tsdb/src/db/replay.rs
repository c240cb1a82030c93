//! From the log back to the head.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::fast::FixedState;
use promethium_model::Labels;

use crate::error::TsdbError;
use crate::head::Head;
use crate::head::series::{Admission, MemSeries};
use crate::head::transaction::NewSamples;
use crate::head::visibility::CommitId;
use crate::vfs::{OpenMode, Vfs, VfsFile};
use crate::wal::{
    Item, RecordError, RecordKind, RefSample, SegmentReader, WalLayout, decode_samples, decode_series, record_kind,
};

// Damage that a report lists; more is only counted.
const MAX_LISTED: usize = 1_000;

/// What opening found in the log.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Whether the store had been closed before.
    pub was_clean: bool,
    /// Segment files read, those of a checkpoint included.
    pub segments: usize,
    /// Whole records read.
    pub records: u64,
    /// Records of kinds that this store does not keep: tombstones, exemplars, metadata, histograms.
    pub other_records: u64,
    /// Series restored.
    pub series: usize,
    /// Samples restored.
    pub samples: u64,
    /// Samples that were not restored because they do not follow the newest of their series.
    pub late_samples: u64,
    /// Samples of series that no record names.
    pub unknown_series_samples: u64,
    /// Series that were not restored because the series limit was reached; their samples count as unknown.
    pub series_over_limit: u64,
    /// Where bytes that should be records are not. At most a thousand are listed.
    pub damage: Vec<Damage>,
    /// All damage, listed or not.
    pub damage_count: u64,
    /// The record that was being written when the store went down: never acknowledged as durable, and cut off.
    pub torn_tail: Option<Damage>,
    /// Where bytes behind damage in the newest segment were moved: reading them back would leave a hole in the order of
    /// commits.
    pub set_aside: Option<PathBuf>,
}

/// Bytes that should be records and are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Byte offset in it.
    pub offset: u64,
    /// What was expected and found.
    pub message: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: offset {}: {}", self.path.display(), self.offset, self.message)
    }
}

impl ReplayReport {
    fn note_damage(&mut self, damage: Damage) {
        self.damage_count += 1;
        if self.damage.len() < MAX_LISTED {
            self.damage.push(damage);
        }
    }
}

/// Restores a head from a log.
pub(super) struct Replay<'a> {
    vfs: &'a dyn Vfs,
    head: &'a Head,
    /// Where bytes that must not be read again are moved.
    aside: PathBuf,
    report: ReplayReport,
    by_reference: HashMap<u64, Option<Arc<MemSeries>>, FixedState>,
    series: Vec<(u64, Labels)>,
    samples: Vec<RefSample>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(vfs: &'a dyn Vfs, head: &'a Head, aside: PathBuf, was_clean: bool) -> Self {
        Replay {
            vfs,
            head,
            aside,
            report: ReplayReport { was_clean, ..ReplayReport::default() },
            by_reference: HashMap::default(),
            series: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Reads the whole log, and repairs the end of its newest segment.
    pub(super) fn run(mut self, layout: &WalLayout) -> Result<ReplayReport, TsdbError> {
        for segment in &layout.checkpoint {
            self.read_past_damage(&segment.path)?;
        }
        let newest = self.newest_used(layout)?;
        for segment in &layout.segments {
            // After a clean end, damage can only be decay; there is no order to protect.
            if self.report.was_clean || Some(segment.index) != newest {
                self.read_past_damage(&segment.path)?;
            } else {
                self.read_to_damage(&segment.path)?;
            }
        }
        self.report.series = self.head.series_count();
        Ok(self.report)
    }

    /// The newest segment that has any bytes: the one that the store was writing when it went down.
    fn newest_used(&self, layout: &WalLayout) -> Result<Option<u64>, TsdbError> {
        for segment in layout.segments.iter().rev() {
            let file = self.open(&segment.path, OpenMode::Read)?;
            if !file.is_empty().map_err(TsdbError::io(&segment.path, "read"))? {
                return Ok(Some(segment.index));
            }
        }
        Ok(None)
    }

    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn VfsFile>, TsdbError> {
        self.vfs.open(path, mode).map_err(TsdbError::io(path, "open"))
    }

    /// Reads all records of a segment that can be read.
    fn read_past_damage(&mut self, path: &Path) -> Result<(), TsdbError> {
        let mut reader = SegmentReader::new(self.open(path, OpenMode::Read)?);
        self.report.segments += 1;
        while let Some(step) = self.step(&mut reader, path)? {
            if let Step::Damage(damage) | Step::Unreadable(damage) = step {
                self.report.note_damage(damage);
            }
        }
        Ok(())
    }

    /// Reads the segment that the store was writing when it went down, up to the first damage. What lies behind was
    /// not synced, or has decayed; it is cut off, so that the log goes on after its last good record for every reader,
    /// and moved aside if there are records in it.
    fn read_to_damage(&mut self, path: &Path) -> Result<(), TsdbError> {
        let file = self.open(path, OpenMode::Append)?;
        let mut reader = SegmentReader::new(Arc::clone(&file));
        self.report.segments += 1;
        let (damage, good_end) = loop {
            let good_end = reader.good_end();
            match self.step(&mut reader, path)? {
                None => return Ok(()),
                Some(Step::Record) => {}
                Some(Step::Unreadable(damage)) => self.report.note_damage(damage),
                Some(Step::Damage(damage)) => break (damage, good_end),
            }
        };
        if has_record(&mut reader).map_err(TsdbError::io(path, "read"))? {
            let moved = self.set_aside(path, &*file, good_end);
            self.report.set_aside = Some(moved.map_err(TsdbError::io(&self.aside, "move damaged bytes to"))?);
            self.report.note_damage(damage);
        } else {
            self.report.torn_tail = Some(damage);
        }
        file.truncate(good_end).and_then(|()| file.sync()).map_err(TsdbError::io(path, "cut off a damaged tail"))
    }

    /// Copies what lies behind `from` into a file of its own, durably.
    fn set_aside(&self, path: &Path, file: &dyn VfsFile, from: u64) -> io::Result<PathBuf> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let target = self.aside.join(format!("{name}.{from:010}"));
        self.vfs.create_dir(&self.aside)?;
        // A copy that an earlier opening did not finish.
        match self.vfs.remove(&target) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let copy = self.vfs.open(&target, OpenMode::CreateNew)?;
        copy_tail(file, from, &*copy)?;
        copy.sync()?;
        self.vfs.sync_dir(&self.aside)?;
        if let Some(parent) = self.aside.parent() {
            self.vfs.sync_dir(parent)?;
        }
        Ok(target)
    }

    /// Reads and restores one record.
    fn step(&mut self, reader: &mut SegmentReader, path: &Path) -> Result<Option<Step>, TsdbError> {
        let item = reader.next_item().map_err(TsdbError::io(path, "read"))?;
        let damage = |offset, message| Damage { path: path.to_path_buf(), offset, message };
        Ok(match item {
            None => None,
            Some(Item::Damage { offset, message }) => Some(Step::Damage(damage(offset, message))),
            Some(Item::Foreign { start, compression }) => {
                return Err(TsdbError::ForeignRecord { path: path.to_path_buf(), offset: start, compression });
            }
            Some(Item::Record { start, bytes }) => match self.restore(bytes) {
                Ok(()) => Some(Step::Record),
                Err(error) => Some(Step::Unreadable(damage(start, error.to_string()))),
            },
        })
    }

    /// Restores a record whole, or nothing of it.
    fn restore(&mut self, record: &[u8]) -> Result<(), RecordError> {
        match record_kind(record) {
            RecordKind::Series => {
                self.series.clear();
                decode_series(record, &mut self.series)?;
                self.restore_series();
            }
            RecordKind::Samples => {
                self.samples.clear();
                decode_samples(record, &mut self.samples)?;
                self.restore_samples();
            }
            RecordKind::Other => self.report.other_records += 1,
        }
        self.report.records += 1;
        Ok(())
    }

    /// A series may be logged under several references; all of them lead to the one in the head.
    fn restore_series(&mut self) {
        for (reference, labels) in self.series.drain(..) {
            self.head.skip_references(reference);
            let found = self.head.get_or_create(reference, &labels).map(|(series, _)| series);
            self.report.series_over_limit += u64::from(found.is_none());
            self.by_reference.insert(reference, found);
        }
    }

    fn restore_samples(&mut self) {
        let mut new = NewSamples::default();
        for run in self.samples.chunk_by(|a, b| a.series == b.series) {
            match self.by_reference.get(&run[0].series) {
                Some(Some(series)) => {
                    let before = new.count;
                    restore_run(series, run, self.head.limits.chunk_range_ms, &mut new);
                    self.report.late_samples += run.len() as u64 - (new.count - before);
                }
                _ => self.report.unknown_series_samples += run.len() as u64,
            }
        }
        self.report.samples += new.count;
        if new.count > 0 {
            self.head.note_stored(new.count, new.min_ms, new.max_ms);
        }
    }
}

enum Step {
    Record,
    /// The bytes are as they were written, but do not decode: no sign of a torn write.
    Unreadable(Damage),
    Damage(Damage),
}

// Everything restored belongs to the past of every reader.
const BEFORE_ALL: CommitId = CommitId(0);

fn restore_run(series: &MemSeries, run: &[RefSample], chunk_range_ms: i64, new: &mut NewSamples) {
    let mut state = series.lock();
    for sample in run {
        if let Ok(Admission::New) = state.admit(sample.timestamp_ms, sample.value) {
            state.push((sample.timestamp_ms, sample.value), BEFORE_ALL, BEFORE_ALL, chunk_range_ms);
            new.note(sample.timestamp_ms);
        }
    }
}

/// Whether a record can still be read behind damage.
fn has_record(reader: &mut SegmentReader) -> io::Result<bool> {
    while let Some(item) = reader.next_item()? {
        if matches!(item, Item::Record { .. } | Item::Foreign { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn copy_tail(from: &dyn VfsFile, mut at: u64, to: &dyn VfsFile) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = from.read_at(&mut buffer, at)?;
        if n == 0 {
            return Ok(());
        }
        to.append(&buffer[..n])?;
        at += n as u64;
    }
}
