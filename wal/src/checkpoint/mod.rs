//! Checkpoints: what old segments still have to say, in fewer bytes.
//!
//! `wal/checkpoint.00000005/` is a log of its own that stands for all segments up to number 5. It is written beside the
//! log under a name that ends in `.tmp`, synced, and renamed; only then are the segments removed.

mod filter;
mod sink;

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::WalError;
use crate::compress::Compression;
use crate::layout::{SegmentFile, checkpoint_number, checkpoint_path, segment_number};
use crate::reader::{Item, SegmentReader};
use crate::record::RecordType;
use crate::{WalLayout, read_layout};
use filter::Filter;
use promethium_vfs::{FileKind, OpenMode, Stat, Vfs, remove_if_there};
use sink::Sink;

/// How a checkpoint is written.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointOptions {
    /// Bytes of its segments.
    pub segment_bytes: u64,
    /// How its records are compressed.
    pub compression: Compression,
}

/// What a checkpoint kept and what it left out.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CheckpointReport {
    /// Records read from the previous checkpoint and the segments.
    pub records: u64,
    /// Bytes of the new checkpoint.
    pub bytes: u64,
    /// Entries that were kept: series, samples, histograms, exemplars, tombstones, metadata.
    pub kept: u64,
    /// Entries that were left out.
    pub dropped: u64,
    /// Records of types that are not known. They are left out, as Prometheus does: nobody could tell when they are old.
    pub unknown_records: u64,
    /// Bytes that should be records and are not: file, offset, what was found. The records around them are kept.
    pub damage: Vec<(PathBuf, u64, String)>,
}

/// Which segments a checkpoint should fold in, of a log with the segments `first` to `last`, `last` being written: the
/// older two thirds of the finished ones, and none when that is not more than one.
#[must_use]
pub fn plan_checkpoint(first: u64, last: u64) -> Option<RangeInclusive<u64>> {
    let finished = last.checked_sub(1)?;
    let up_to = first + finished.checked_sub(first)? * 2 / 3;
    (up_to > first).then_some(first..=up_to)
}

/// Folds the previous checkpoint and the segments up to number `last` into a new checkpoint, durably and in one step.
///
/// Kept are: series for which `keep(reference)` holds, in their order; samples, histograms and exemplars at `min_ms` or
/// later, whatever their series; tombstones of kept series that reach `min_ms`; of the metadata of a kept series the
/// newest, at the end. Records keep their form: start timestamps stay. Where the log is damaged, what can be read is
/// kept, and the report says where.
///
/// Nothing is removed: see [`remove_covered`]. `None` when there is a checkpoint up to `last` already.
///
/// # Errors
///
/// When files cannot be read or written. What was begun is removed then, or else by [`remove_leftovers`].
pub fn write_checkpoint(
    vfs: &dyn Vfs,
    dir: &Path,
    last: u64,
    min_ms: i64,
    keep: &mut dyn FnMut(u64) -> bool,
    options: &CheckpointOptions,
) -> Result<Option<CheckpointReport>, WalError> {
    let layout = read_layout(vfs, dir)?;
    if layout.checkpoint_number.is_some_and(|covered| covered >= last) {
        // An earlier call may have failed to make its name durable.
        vfs.sync_dir(dir).map_err(WalError::at(dir))?;
        return Ok(None);
    }
    let target = checkpoint_path(dir, last);
    let draft = target.with_extension(format!("{last:08}.tmp"));
    remove_if_there(vfs, &draft).map_err(WalError::at(&draft))?;
    let written = write_draft(vfs, &layout, last, &draft, min_ms, keep, options);
    let renamed = written.and_then(|report| {
        vfs.rename(&draft, &target).map_err(WalError::at(&target))?;
        vfs.sync_dir(dir).map_err(WalError::at(dir))?;
        Ok(report)
    });
    if renamed.is_err() {
        // The next opening removes it otherwise.
        let _ = remove_if_there(vfs, &draft);
    }
    renamed.map(Some)
}

fn write_draft(
    vfs: &dyn Vfs,
    layout: &WalLayout,
    last: u64,
    draft: &Path,
    min_ms: i64,
    keep: &mut dyn FnMut(u64) -> bool,
    options: &CheckpointOptions,
) -> Result<CheckpointReport, WalError> {
    vfs.create_dir(draft).map_err(WalError::at(draft))?;
    let mut sink = Sink::create(vfs, draft, options)?;
    let mut filter = Filter::new(min_ms, keep);
    let mut report = CheckpointReport::default();
    let covered = layout.segments.iter().take_while(|s| s.index <= last);
    for segment in layout.checkpoint.iter().chain(covered) {
        fold(vfs, segment, &mut filter, &mut sink, &mut report)?;
    }
    filter.finish(&mut |record| sink.push(record))?;
    report.bytes = sink.finish()?;
    (report.kept, report.dropped) = (filter.kept, filter.dropped);
    Ok(report)
}

fn fold(
    vfs: &dyn Vfs,
    segment: &SegmentFile,
    filter: &mut Filter<'_>,
    sink: &mut Sink<'_>,
    report: &mut CheckpointReport,
) -> Result<(), WalError> {
    let path = &segment.path;
    let mut reader = SegmentReader::new(vfs.open(path, OpenMode::Read).map_err(WalError::at(path))?);
    while let Some(item) = reader.next_item().map_err(WalError::at(path))? {
        match item {
            Item::Record { start, bytes } => {
                report.records += 1;
                let Some(kind) = RecordType::of(bytes) else {
                    report.unknown_records += 1;
                    continue;
                };
                match filter.apply(kind, bytes) {
                    Ok(records) => records.iter().try_for_each(|record| sink.push(record))?,
                    Err(error) => report.damage.push((path.clone(), start, error.to_string())),
                }
            }
            Item::Damage { offset, message } => report.damage.push((path.clone(), offset, message)),
        }
    }
    Ok(())
}

/// Removes what a durable checkpoint up to `last` has made superfluous: segments up to `last`, and older checkpoints.
///
/// # Errors
///
/// When a file cannot be removed. What is left is covered by the checkpoint all the same.
pub fn remove_covered(vfs: &dyn Vfs, dir: &Path, last: u64) -> Result<(), WalError> {
    for name in vfs.list(dir).map_err(WalError::at(dir))? {
        let path = dir.join(&name);
        if segment_number(&name).is_some_and(|n| n <= last) {
            remove_segment(vfs, &path)?;
        } else if checkpoint_number(&name).is_some_and(|n| n < last) {
            remove_if_there(vfs, &path).map_err(WalError::at(&path))?;
        }
    }
    vfs.sync_dir(dir).map_err(WalError::at(dir))
}

/// Removes the segments before number `first`: of a WBL whose older part is in blocks.
///
/// # Errors
///
/// When a file cannot be removed.
pub fn remove_segments_before(vfs: &dyn Vfs, dir: &Path, first: u64) -> Result<(), WalError> {
    for name in vfs.list(dir).map_err(WalError::at(dir))? {
        let path = dir.join(&name);
        if segment_number(&name).is_some_and(|n| n < first) {
            remove_segment(vfs, &path)?;
        }
    }
    vfs.sync_dir(dir).map_err(WalError::at(dir))
}

/// Removes a segment. A directory of that name is none, and is not ours.
fn remove_segment(vfs: &dyn Vfs, path: &Path) -> Result<(), WalError> {
    match vfs.stat(path) {
        Ok(Stat { kind: FileKind::Dir, .. }) => Ok(()),
        _ => vfs.remove(path).map_err(WalError::at(path)),
    }
}

/// Removes what an interrupted checkpoint left, and says what: `checkpoint.*.tmp` and its like.
///
/// # Errors
///
/// When the log's directory cannot be listed, or something in it not be removed.
pub fn remove_leftovers(vfs: &dyn Vfs, dir: &Path) -> Result<Vec<PathBuf>, WalError> {
    let is_leftover = |name: &String| {
        let suffixes = [".tmp", ".tmp-for-creation", ".tmp-for-deletion"];
        name.starts_with("checkpoint.") && suffixes.iter().any(|suffix| name.ends_with(suffix))
    };
    let names = match vfs.list(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names.map_err(WalError::at(dir))?,
    };
    let leftovers: Vec<PathBuf> = names.iter().filter(|n| is_leftover(n)).map(|n| dir.join(n)).collect();
    for path in &leftovers {
        remove_if_there(vfs, path).map_err(WalError::at(path))?;
    }
    Ok(leftovers)
}

#[cfg(test)]
mod tests;
