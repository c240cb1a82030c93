//! From the log back to the head.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::fast::FixedState;
use promethium_model::Labels;

use super::repair;
use crate::error::TsdbError;
use crate::head::Head;
use crate::head::series::{Admission, MemSeries};
use crate::head::transaction::NewSamples;
use crate::head::visibility::CommitId;
use crate::options::DbOptions;
use promethium_vfs::{OpenMode, Vfs, VfsFile};
use promethium_wal::{
    Compression, Item, RecordError, RecordKind, RefSample, SegmentReader, WalLayout, decode_samples, decode_series,
    record_kind,
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
    /// Copies of damaged segments as they were found. In the log itself only their good records are left, so that
    /// Prometheus reads on behind them. Of the segment that was being written when the store went down, those before the
    /// damage: records behind it would leave a hole in the order of commits.
    pub set_aside: Vec<PathBuf>,
    /// Why damage could not be taken out of the log. It is then found again at the next opening.
    pub repair_error: Option<String>,
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
    /// Where damaged segments are copied to.
    aside: PathBuf,
    compression: Compression,
    report: ReplayReport,
    by_reference: HashMap<u64, Option<Arc<MemSeries>>, FixedState>,
    series: Vec<(u64, Labels)>,
    samples: Vec<RefSample>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(vfs: &'a dyn Vfs, head: &'a Head, aside: PathBuf, options: &DbOptions, was_clean: bool) -> Self {
        Replay {
            vfs,
            head,
            aside,
            compression: options.compression,
            report: ReplayReport { was_clean, ..ReplayReport::default() },
            by_reference: HashMap::default(),
            series: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Reads the whole log, and leaves it without damage.
    pub(super) fn run(mut self, layout: &WalLayout) -> Result<ReplayReport, TsdbError> {
        let newest = self.newest_used(layout)?;
        for segment in layout.checkpoint.iter().chain(&layout.segments) {
            let is_newest = newest.as_deref() == Some(segment.path.as_path());
            // After a clean end damage can only be decay, and there is no order to protect.
            let ending = if is_newest && !self.report.was_clean { Ending::AtDamage } else { Ending::AtEnd };
            let found = self.read_segment(&segment.path, ending)?;
            self.settle(&segment.path, found);
        }
        self.report.series = self.head.series_count();
        Ok(self.report)
    }

    /// The newest segment that has any bytes: the one that the store was writing when it went down.
    fn newest_used(&self, layout: &WalLayout) -> Result<Option<PathBuf>, TsdbError> {
        for segment in layout.segments.iter().rev() {
            let file = self.open(&segment.path, OpenMode::Read)?;
            if !file.is_empty().map_err(TsdbError::io(&segment.path, "read"))? {
                return Ok(Some(segment.path.clone()));
            }
        }
        Ok(None)
    }

    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn VfsFile>, TsdbError> {
        self.vfs.open(path, mode).map_err(TsdbError::io(path, "open"))
    }

    /// Restores the records of a segment: all that can be read, or those before the first damage.
    fn read_segment(&mut self, path: &Path, ending: Ending) -> Result<Found, TsdbError> {
        let mut reader = SegmentReader::new(self.open(path, OpenMode::Read)?);
        self.report.segments += 1;
        let mut found = Found { ending, ..Found::default() };
        loop {
            let good_end = reader.good_end();
            match self.step(&mut reader, path)? {
                None => return Ok(found),
                Some(Step::Record) => found.has_record_behind = !found.damage.is_empty(),
                Some(Step::Unreadable(damage)) => self.report.note_damage(damage),
                Some(Step::Damage(damage)) => {
                    if found.damage.is_empty() {
                        found.good_end = good_end;
                    }
                    found.damage.push(damage);
                    if ending == Ending::AtDamage {
                        found.has_record_behind = has_record(&mut reader).map_err(TsdbError::io(path, "read"))?;
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// Reports the damage of a segment and takes it out of the log. Where that fails, the log can still be read here.
    fn settle(&mut self, path: &Path, found: Found) {
        if found.damage.is_empty() {
            return;
        }
        let is_torn_tail = found.ending == Ending::AtDamage && !found.has_record_behind;
        let repaired = if is_torn_tail { self.cut(path, found.good_end) } else { self.repair(path, &found) };
        if let Err(error) = repaired {
            self.report.repair_error = Some(format!("{}: {error}", path.display()));
        }
        let mut damage = found.damage.into_iter();
        if is_torn_tail {
            self.report.torn_tail = damage.next();
        }
        damage.for_each(|d| self.report.note_damage(d));
    }

    fn repair(&mut self, path: &Path, found: &Found) -> io::Result<()> {
        let copy = repair::copy_aside(self.vfs, &self.aside, path)?;
        self.report.set_aside.push(copy);
        if found.has_record_behind && found.ending == Ending::AtEnd {
            repair::rewrite(self.vfs, path, self.compression)
        } else {
            self.cut(path, found.good_end)
        }
    }

    /// Cuts a segment behind its last good record.
    fn cut(&self, path: &Path, good_end: u64) -> io::Result<()> {
        let file = self.vfs.open(path, OpenMode::Append)?;
        file.truncate(good_end)?;
        file.sync()
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

/// How far a segment is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ending {
    /// Past damage: whatever can be read is good.
    #[default]
    AtEnd,
    /// What lies behind damage was not synced, or has decayed: reading it would leave a hole in the order of commits.
    AtDamage,
}

/// The damage of one segment.
#[derive(Default)]
struct Found {
    ending: Ending,
    damage: Vec<Damage>,
    /// Whether a record can be read behind the first damage.
    has_record_behind: bool,
    /// End of the last record before the first damage.
    good_end: u64,
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
