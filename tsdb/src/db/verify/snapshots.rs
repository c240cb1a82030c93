//! Snapshots of the head: ours, and those that Prometheus left.

use promethium_block::Progress;
use promethium_model::{SampleBatch, TimeRange};
use promethium_wal::chunk_snapshot::{
    ChunkSnapshotDir, ChunkSnapshotRecord, PlacedRecord, list_chunk_snapshots, scan_chunk_snapshot,
};
use promethium_wal::head_snapshot::{HEAD_SNAPSHOT_FILE, HeadSnapshot, HeadSnapshotEntry};
use promethium_wal::{RecordError, RecordType, WalError, decode_exemplars, decode_metadata, decode_tombstones};

use super::chunk::check_chunk;
use super::{VerifyReport, damage_of, is_removed};
use crate::db::head_file::{InFiles, NUMBER_SECTIONS, RECORD_SECTION};
use crate::db::replay::Damage;
use crate::db::{Db, Home};
use crate::error::TsdbError;
use crate::options::ProgressKind;

/// How many series are between two reports of progress.
const REPORT_EVERY: u64 = 256;

impl Db {
    /// Checks our own snapshot. It is all or nothing: of checksums that are wrong, the first is reported.
    pub(super) fn verify_head_snapshot(&self, home: &Home, report: &mut VerifyReport) -> Result<(), TsdbError> {
        let (vfs, path) = (&*home.vfs, home.dir.join(HEAD_SNAPSHOT_FILE));
        // Asked first, since one may come meanwhile.
        if is_removed(vfs, &path) {
            return Ok(());
        }
        let opened = HeadSnapshot::open(vfs, &home.dir);
        if matches!(&opened, Err(e) if e.is_not_found()) && is_removed(vfs, &path) {
            return Ok(());
        }
        report.snapshots += 1;
        match opened {
            Ok(snapshot) => self.verify_contents(&snapshot, report)?,
            Err(error) => report.damage.push(damage_of(error)?),
        }
        Ok(())
    }

    fn verify_contents(&self, snapshot: &HeadSnapshot, report: &mut VerifyReport) -> Result<(), TsdbError> {
        match snapshot.symbols().map(|symbols| symbols.len() as u64) {
            Err(error) => report.damage.push(damage_of(error)?),
            Ok(found) if found == snapshot.symbol_count() => {}
            Ok(found) => report.damage.push(of_all(snapshot, found, snapshot.symbol_count(), "symbols")),
        }
        if let Err(error) = self.verify_snapshot_series(snapshot, report) {
            report.damage.push(damage_of(error)?);
        }
        check_sections(snapshot, report);
        Ok(())
    }

    fn verify_snapshot_series(&self, snapshot: &HeadSnapshot, report: &mut VerifyReport) -> Result<(), WalError> {
        let (mut tell, mut samples) = (self.on_progress(ProgressKind::Verify), SampleBatch::new());
        let total = snapshot.series_count();
        let (mut done, mut chunks) = (0_u64, 0);
        let mut series = snapshot.series();
        while let Some(entry) = series.next_entry()? {
            done += 1;
            chunks += entry.chunks.len() as u64;
            if done.is_multiple_of(REPORT_EVERY) {
                let _ = tell(Progress { done, total: total.max(done) });
            }
            check_series(snapshot, &entry, &mut samples, report);
        }
        for (found, expected, what) in [(done, total, "series"), (chunks, snapshot.chunk_count(), "chunks")] {
            report.damage.extend((found != expected).then(|| of_all(snapshot, found, expected, what)));
        }
        Ok(())
    }

    /// Checks the snapshots that Prometheus left, to the end of each.
    pub(super) fn verify_chunk_snapshots(&self, home: &Home, report: &mut VerifyReport) -> Result<(), TsdbError> {
        for snapshot in list_chunk_snapshots(&*home.vfs, &home.dir)? {
            let mut found = Vec::new();
            match self.verify_chunk_snapshot(home, &snapshot, &mut found) {
                Err(e) if e.is_not_found() && is_removed(&*home.vfs, &snapshot.path) => continue,
                Err(error) => found.push(damage_of(error)?),
                Ok(()) => {}
            }
            report.snapshots += 1;
            report.damage.append(&mut found);
        }
        Ok(())
    }

    fn verify_chunk_snapshot(
        &self,
        home: &Home,
        snapshot: &ChunkSnapshotDir,
        found: &mut Vec<Damage>,
    ) -> Result<(), WalError> {
        let (mut tell, mut samples) = (self.on_progress(ProgressKind::Verify), SampleBatch::new());
        let (mut done, mut is_whole) = (0_u64, false);
        scan_chunk_snapshot(&*home.vfs, &snapshot.path, &mut |read| {
            done += 1;
            if done.is_multiple_of(REPORT_EVERY) {
                let _ = tell(Progress { done, total: done });
            }
            match read {
                Ok(placed) => {
                    // It stands behind all series, always.
                    is_whole |= matches!(placed.record, ChunkSnapshotRecord::Tombstones(_));
                    found.extend(check_placed(&placed, &mut samples).err());
                }
                Err(error) => found.push(damage_of(error)?),
            }
            Ok(())
        })?;
        if !is_whole && found.is_empty() {
            let message = "the end is missing".to_owned();
            found.push(Damage { path: snapshot.path.clone(), offset: 0, message });
        }
        Ok(())
    }
}

/// That the end of a snapshot counts something else than it has.
fn of_all(snapshot: &HeadSnapshot, found: u64, expected: u64, what: &str) -> Damage {
    let message = format!("{found} {what}, expected {expected}");
    Damage { path: snapshot.path().to_path_buf(), offset: 0, message }
}

fn check_series(
    snapshot: &HeadSnapshot,
    entry: &HeadSnapshotEntry<'_, '_>,
    samples: &mut SampleBatch,
    report: &mut VerifyReport,
) {
    let reference = entry.reference;
    let damage = |part: &[u8], message: String| Damage {
        path: snapshot.path().to_path_buf(),
        offset: snapshot.offset_of(part),
        message: format!("series {reference}: {message}"),
    };
    if InFiles::read(entry.state).is_none() {
        report.damage.push(damage(entry.state, "it has no state".to_owned()));
    }
    for chunk in entry.chunks {
        let checked = check_chunk(chunk.encoding, chunk.data, TimeRange::new(chunk.min_ms, chunk.max_ms), samples);
        report.damage.extend(checked.err().map(|message| damage(chunk.data, message)));
    }
}

/// Checks what a snapshot has beside series.
fn check_sections(snapshot: &HeadSnapshot, report: &mut VerifyReport) {
    let damage = |part: &[u8], message: String| Damage {
        path: snapshot.path().to_path_buf(),
        offset: snapshot.offset_of(part),
        message,
    };
    for record in snapshot.sections(RECORD_SECTION) {
        report.damage.extend(check_record(record).err().map(|error| damage(record, error.to_string())));
    }
    for numbers in NUMBER_SECTIONS.into_iter().flat_map(|kind| snapshot.sections(kind)) {
        if !numbers.len().is_multiple_of(16) {
            report.damage.push(damage(numbers, format!("{} bytes of numbers, expected pairs of 8", numbers.len())));
        }
    }
}

fn check_record(record: &[u8]) -> Result<(), RecordError> {
    match RecordType::of(record) {
        Some(RecordType::Metadata) => decode_metadata(record, &mut Vec::new()),
        Some(RecordType::Exemplars) => decode_exemplars(record, &mut Vec::new()),
        _ => decode_tombstones(record, &mut Vec::new()),
    }
}

fn check_placed(placed: &PlacedRecord<'_>, samples: &mut SampleBatch) -> Result<(), Damage> {
    let ChunkSnapshotRecord::Series(series) = &placed.record else { return Ok(()) };
    let Some(chunk) = &series.chunk else { return Ok(()) };
    let checked = check_chunk(chunk.encoding, chunk.data, TimeRange::new(chunk.min_ms, chunk.max_ms), samples);
    checked.map_err(|message| {
        let message = format!("series {}: {message}", series.reference);
        Damage { path: placed.path.to_path_buf(), offset: placed.offset, message }
    })
}
