//! From the log back to the head.

mod applying;
pub(super) mod by_reference;
mod decoding;
mod evicted;
mod found;
mod from_chunks;
mod in_files;
mod restore;
mod resuming;
mod snapshot;
mod team;
mod waiting;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chunk_files::FoundChunks;
use super::chunk_snapshot;
use super::life::KeptReferences;
use super::repair;
use crate::error::TsdbError;
use crate::head::Head;
use crate::options::{DbOptions, OnProgress, ProgressKind};
use decoding::{Batch, Decoding};
use found::{Found, Left, Step, damage};
use promethium_vfs::{OpenMode, Vfs, VfsFile};
use promethium_wal::head_snapshot::{HeadSnapshot, LogPosition};
use promethium_wal::{Compression, Decompressor, Item, RecordError, SegmentFile, SegmentReader, WalLayout};
use restore::{LogBytes, Restorer};
use team::Work;

// Damage that a report lists; more is only counted.
const MAX_LISTED: usize = 1_000;

/// What opening found in the log.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Whether the store had been closed before.
    pub was_clean: bool,
    /// Blocks opened.
    pub blocks: usize,
    /// Damage that opening found in blocks; it is listed in `damage` too. More may be found when data is read: queries
    /// that miss data say so.
    pub block_damage_count: u64,
    /// Whether the head came from a snapshot, ours or Prometheus', so that only the log behind that was read. See
    /// [`DbOptions::head_snapshot`].
    pub from_snapshot: bool,
    /// Segment files read, those of a checkpoint included.
    pub segments: usize,
    /// Whole records read.
    pub records: u64,
    /// Records of kinds that are not known: a newer Prometheus may have written them.
    pub other_records: u64,
    /// Series restored.
    pub series: usize,
    /// Samples restored.
    pub samples: u64,
    /// Full chunks of the head that are in files; their samples count as restored.
    pub chunks: u64,
    /// Late samples restored, from the log of late samples.
    pub out_of_order_samples: u64,
    /// Samples that were not restored because they do not follow the newest of their series. Those that full chunks in files
    /// are known to have are not counted.
    pub late_samples: u64,
    /// Samples of series that no record names.
    pub unknown_series_samples: u64,
    /// Histograms that were not restored because they are not valid.
    pub invalid_histograms: u64,
    /// Deleted stretches restored.
    pub tombstones: u64,
    /// Exemplars restored.
    pub exemplars: u64,
    /// Series that were not restored because the series limit was reached; their samples count as unknown.
    pub series_over_limit: u64,
    /// Where bytes that should be records are not. At most a thousand are listed.
    pub damage: Vec<Damage>,
    /// All damage, listed or not.
    pub damage_count: u64,
    /// The record that was being written when the store went down: never acknowledged as durable, and cut off.
    pub torn_tail: Option<Damage>,
    /// Blocks of which nothing could be read, where they were moved to, and copies of damaged segments as they were found. In the log itself only their good records are left, so that
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

impl Damage {
    /// Something that has the name of a file and is none.
    pub(super) fn of_no_file(path: &Path) -> Self {
        Damage { path: path.to_path_buf(), offset: 0, message: "there is no file of this name".to_owned() }
    }
}

impl ReplayReport {
    pub(super) fn note_block_damage(&mut self, damage: Damage) {
        self.block_damage_count += 1;
        self.note_damage(damage);
    }

    pub(super) fn note_damage(&mut self, damage: Damage) {
        self.damage_count += 1;
        if self.damage.len() < MAX_LISTED {
            self.damage.push(damage);
        }
    }
}

/// What replay leaves behind, beside the head.
#[derive(Default)]
pub(super) struct Replayed {
    pub(super) report: ReplayReport,
    pub(super) kept: KeptReferences,
    /// References that lead to a series of another one, and that one.
    pub(super) aliases: Vec<(u64, u64)>,
    /// Whether series may be there without samples, since they were evicted or have only what is in blocks.
    pub(super) may_have_empty_series: bool,
}

impl Replayed {
    /// Whether the snapshot that the head came from still stands for the log up to it: no segment was written anew.
    pub(super) fn leaves_snapshot_true(&self) -> bool {
        self.report.from_snapshot && self.report.set_aside.is_empty()
    }
}

/// Restores a head from a log.
pub(super) struct Replay<'a> {
    vfs: &'a dyn Vfs,
    /// Where damaged segments are copied to; `None` where nothing may be changed.
    aside: Option<PathBuf>,
    compression: Compression,
    progress: Option<OnProgress>,
    /// Threads that may be started to help.
    helpers: usize,
    report: ReplayReport,
    restorer: Restorer<'a>,
    /// How far the logs were durable, in order and late; `None` where nobody says that they were not.
    synced: [Option<LogPosition>; 2],
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        vfs: &'a dyn Vfs,
        head: &'a Head,
        aside: Option<PathBuf>,
        options: &DbOptions,
        report: ReplayReport,
    ) -> Self {
        Replay {
            vfs,
            aside,
            compression: options.compression,
            progress: options.progress.clone(),
            helpers: options.open_threads.saturating_sub(1),
            report,
            restorer: Restorer::new(head),
            synced: [None; 2],
        }
    }

    /// With what is known of how far both logs were durable when they were left.
    pub(super) fn with_marks(mut self, log: Option<LogPosition>, late_log: Option<LogPosition>) -> Self {
        self.synced = [log, late_log];
        self
    }

    /// With chunks that were found in files.
    pub(super) fn with_chunks(mut self, chunks: FoundChunks) -> Self {
        self.restorer.chunks = chunks;
        self
    }

    /// Reads both logs, that of late samples second, and leaves them without damage.
    pub(super) fn run(self, log: &WalLayout, late_log: &WalLayout) -> Result<Replayed, TsdbError> {
        self.with_helpers(|replay| replay.run_behind(LogPosition::default(), log, late_log))
    }

    /// As [`Replay::run`], with a snapshot in place of the log up to where that was taken. The inner error says why it does not
    /// serve: the head must then be thrown away.
    pub(super) fn run_from(
        self,
        snapshot: &HeadSnapshot,
        log: &WalLayout,
        late_log: &WalLayout,
    ) -> Result<Result<Replayed, String>, TsdbError> {
        self.with_helpers(|mut replay| {
            let kept = match replay.restorer.restore_snapshot(snapshot, &mut replay.report) {
                Ok(kept) => kept,
                Err(reason) => return Ok(Err(reason)),
            };
            replay.report.from_snapshot = true;
            let mut replayed = replay.run_behind(snapshot.position(), log, late_log)?;
            replayed.kept.extend(kept);
            Ok(Ok(replayed))
        })
    }

    /// As [`Replay::run_from`], with a memory snapshot of Prometheus.
    pub(super) fn run_from_chunks(
        mut self,
        found: &chunk_snapshot::Found,
        log: &WalLayout,
        late_log: &WalLayout,
    ) -> Result<Result<Replayed, String>, TsdbError> {
        if let Err(reason) = self.restorer.restore_chunk_snapshot(self.vfs, &found.snapshot, &mut self.report) {
            return Ok(Err(reason));
        }
        self.report.from_snapshot = true;
        let mut replayed = self.with_helpers(|replay| replay.run_behind(found.end, log, late_log))?;
        // The log has series twice now and then; the snapshot only has one of their references.
        let unknown = replayed.report.unknown_series_samples;
        if unknown > 0 {
            return Ok(Err(format!("it lacks the series of {unknown} samples that follow")));
        }
        // Of some it has what is in blocks by now.
        replayed.may_have_empty_series = true;
        Ok(Ok(replayed))
    }

    /// Does something while those threads help that may be started.
    fn with_helpers<T>(self, work: impl FnOnce(Self) -> T) -> T {
        let team = Arc::clone(&self.restorer.team);
        let helpers = self.helpers;
        std::thread::scope(|scope| {
            let _helpers = team.hire(scope, helpers);
            work(self)
        })
    }

    fn run_behind(
        mut self,
        position: LogPosition,
        log: &WalLayout,
        late_log: &WalLayout,
    ) -> Result<Replayed, TsdbError> {
        self.read_log(log, position, self.synced[0])?;
        self.finish(late_log)
    }

    fn finish(mut self, late_log: &WalLayout) -> Result<Replayed, TsdbError> {
        self.restorer.begin_late(&mut self.report);
        self.read_log(late_log, LogPosition::default(), self.synced[1])?;
        let may_have_empty_series = self.restorer.has_evictions();
        let (kept, aliases) = self.restorer.finish(&mut self.report);
        Ok(Replayed { report: self.report, kept, aliases, may_have_empty_series })
    }

    /// Reads a log from a place on; a checkpoint only where that is the beginning.
    fn read_log(
        &mut self,
        layout: &WalLayout,
        from: LogPosition,
        synced: Option<LogPosition>,
    ) -> Result<(), TsdbError> {
        let checkpoint = if from == LogPosition::default() { &layout.checkpoint[..] } else { &[] };
        let segments = layout.segments.iter().filter(|segment| segment.index >= from.segment);
        let at = |segment: &SegmentFile| if segment.index == from.segment { from.offset } else { 0 };
        let files: Vec<_> = checkpoint.iter().map(|s| (s, 0)).chain(segments.map(|s| (s, at(s)))).collect();
        self.restorer.log_bytes = LogBytes { read: 0, total: self.log_len(&files)? };
        let newest = self.newest_used(layout)?;
        for (done, (segment, start)) in files.iter().enumerate() {
            if let Some(tell) = &self.progress {
                tell(ProgressKind::Replay, done as u64, files.len() as u64);
            }
            let is_newest = newest.as_deref() == Some(segment.path.as_path());
            // After a clean end damage can only be decay.
            let is_open = is_newest && !self.report.was_clean;
            let left = if is_open { Left::open(segment, synced) } else { Left::WHOLE };
            let found = self.read_segment(&segment.path, *start, left)?;
            self.settle(&segment.path, found);
        }
        Ok(())
    }

    fn log_len(&self, files: &[(&SegmentFile, u64)]) -> Result<u64, TsdbError> {
        let behind = |(segment, start): &(&SegmentFile, u64)| {
            let found = self.vfs.stat(&segment.path).map_err(TsdbError::io(&segment.path, "read"))?;
            Ok(found.len.saturating_sub(*start))
        };
        files.iter().map(behind).sum()
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

    /// Restores the records of a segment from `start` on: all that can be read, but none behind damage that may be a torn end.
    fn read_segment(&mut self, path: &Path, start: u64, left: Left) -> Result<Found, TsdbError> {
        let mut reader = SegmentReader::starting_at(self.open(path, OpenMode::Read)?, start);
        self.report.segments += 1;
        let mut found = Found::at(start, left);
        let before = self.restorer.log_bytes.read;
        let read = if self.restorer.shares_decoding() {
            self.read_together(&mut reader, path, start, &mut found)
        } else {
            self.read_alone(&mut reader, path, start, &mut found)
        };
        self.restorer.log_bytes.read = before + found.whole_end.max(start) - start;
        read.map(|()| found)
    }

    /// Record by record.
    fn read_alone(
        &mut self,
        reader: &mut SegmentReader,
        path: &Path,
        start: u64,
        found: &mut Found,
    ) -> Result<(), TsdbError> {
        let before = self.restorer.log_bytes.read;
        loop {
            found.whole_end = reader.good_end();
            self.restorer.log_bytes.read = before + found.whole_end - start;
            let item = reader.next_item().map_err(TsdbError::io(path, "read"))?;
            let step = match item {
                None => return Ok(()),
                Some(Item::Damage { offset, message }) => Step::Damage(damage(path, offset, message)),
                Some(Item::Record { start, bytes }) => {
                    Step::of(self.restorer.restore(bytes, &mut self.report), path, start)
                }
            };
            if found.note(step, &mut self.report) {
                found.has_lost_record = has_record(reader).map_err(TsdbError::io(path, "read"))?;
                return Ok(());
            }
        }
    }

    /// Batch by batch: while one is read from the file, and while it is restored, others decode its neighbours.
    fn read_together(
        &mut self,
        reader: &mut SegmentReader,
        path: &Path,
        start: u64,
        found: &mut Found,
    ) -> Result<(), TsdbError> {
        let before = self.restorer.log_bytes.read;
        let log_at = |end: u64| before + end - start;
        let team = Arc::clone(&self.restorer.team);
        let mut batch = Some(self.begin_batch(reader, path, found.left)?);
        while let Some((work, is_last)) = batch {
            let next = if is_last { None } else { Some(self.begin_batch(reader, path, found.left)?) };
            let decoding = team.end(&work);
            if let Some(record) = self.restore_batch(decoding, path, log_at, found) {
                let next = next.as_ref().map(|(work, _)| &team.end(work).batch);
                found.has_lost_record = decoding.batch.has_record(record)
                    || next.is_some_and(|next| next.has_record(0))
                    || has_record(reader).map_err(TsdbError::io(path, "read"))?;
                return Ok(());
            }
            batch = next;
        }
        Ok(())
    }

    /// Reads a batch, and gives it to others to be decoded; the flag says whether none is to be read behind it.
    fn begin_batch(
        &self,
        reader: &mut SegmentReader,
        path: &Path,
        left: Left,
    ) -> Result<(Arc<Work<Decoding>>, bool), TsdbError> {
        let batch = Batch::read(reader).map_err(TsdbError::io(path, "read"))?;
        let is_last = batch.is_last || batch.damage.as_ref().is_some_and(|(offset, _)| left.ends_at(*offset));
        Ok((self.restorer.begin_decoding(batch), is_last))
    }

    /// Restores what a batch turned out to be. The record, if any, behind which no more is to be restored.
    fn restore_batch(
        &mut self,
        decoding: &Decoding,
        path: &Path,
        log_at: impl Fn(u64) -> u64,
        found: &mut Found,
    ) -> Option<usize> {
        let mut decompressor = Decompressor::default();
        for (records, mut share) in decoding.decoded() {
            let decoded = std::mem::take(&mut share.records);
            for (record, one) in records.zip(decoded) {
                let stored = &decoding.batch.records()[record];
                self.restorer.log_bytes.read = log_at(found.whole_end);
                let step = match one {
                    Err(message) => Step::Damage(damage(path, stored.start, message)),
                    Ok(one) => {
                        let restored = self.restorer.restore_decoded(one, (decoding, &share), &mut self.report);
                        let restored = restored.and_then(|is_done| match is_done {
                            true => Ok(()),
                            false => self.restore_again(decoding, record, &mut decompressor),
                        });
                        Step::of(restored, path, stored.start)
                    }
                };
                let is_whole = !matches!(step, Step::Damage(_));
                if found.note(step, &mut self.report) {
                    return Some(record + 1);
                }
                if is_whole {
                    found.whole_end = stored.end;
                }
            }
        }
        let (offset, message) = decoding.batch.damage.clone()?;
        let is_over = found.note(Step::Damage(damage(path, offset, message)), &mut self.report);
        is_over.then_some(decoding.batch.records().len())
    }

    /// Restores a record that was decoded when less, or more, was known of files.
    fn restore_again(
        &mut self,
        decoding: &Decoding,
        record: usize,
        decompressor: &mut Decompressor,
    ) -> Result<(), RecordError> {
        match decoding.batch.decompress(record, decompressor) {
            Ok(bytes) => self.restorer.restore(bytes, &mut self.report),
            Err(message) => unreachable!("a record that was decompressed before: {message}"),
        }
    }

    /// Reports the damage of a segment and takes it out of the log. Where that fails, the log can still be read here.
    fn settle(&mut self, path: &Path, mut found: Found) {
        if found.damage.is_empty() {
            return;
        }
        let torn_tail = found.take_torn_tail();
        let repaired = match self.aside.clone() {
            None => Ok(()),
            Some(_) if found.damage.is_empty() => self.cut(path, found.whole_end),
            Some(aside) => self.repair(path, &aside, &found),
        };
        if let Err(error) = repaired {
            self.report.repair_error = Some(format!("{}: {error}", path.display()));
        }
        self.report.torn_tail = torn_tail.or(self.report.torn_tail.take());
        found.damage.into_iter().for_each(|d| self.report.note_damage(d));
    }

    /// Sets a copy aside, and leaves what was restored.
    fn repair(&mut self, path: &Path, aside: &Path, found: &Found) -> io::Result<()> {
        let copy = repair::copy_aside(self.vfs, aside, path)?;
        self.report.set_aside.push(copy);
        if !found.has_record_behind {
            return self.cut(path, found.good_end);
        }
        self.cut(path, found.whole_end)?;
        repair::rewrite(self.vfs, path, self.compression)
    }

    /// Cuts a segment behind its last good record.
    fn cut(&self, path: &Path, good_end: u64) -> io::Result<()> {
        let file = self.vfs.open(path, OpenMode::Append)?;
        file.truncate(good_end)?;
        file.sync()
    }
}

/// Whether a record can still be read behind damage.
fn has_record(reader: &mut SegmentReader) -> io::Result<bool> {
    while let Some(item) = reader.next_item()? {
        if matches!(item, Item::Record { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}
