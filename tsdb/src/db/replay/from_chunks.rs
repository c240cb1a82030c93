//! From Prometheus' memory snapshot to the head: in place of the part of the log that it covers.

use promethium_chunk::{Encoding, XorAppender, decode};
use promethium_model::{Labels, SampleBatch, TimeRange};
use promethium_vfs::Vfs;
use promethium_wal::chunk_snapshot::{
    ChunkSnapshotDir, ChunkSnapshotRecord, ChunkSnapshotSeries, SnapshotHeadChunk, read_chunk_snapshot,
};
use promethium_wal::{encode_exemplars, encode_tombstones};

use super::ReplayReport;
use super::restore::{Restorer, restore_chunks};
use crate::batch;
use crate::head::series::MemSeries;
use crate::head::transaction::{NewSamples, push_all};

impl Restorer<'_> {
    /// Restores everything that a snapshot has. `Err` says why it cannot be; what was restored until then must be thrown away.
    pub(super) fn restore_chunk_snapshot(
        &mut self,
        vfs: &dyn Vfs,
        snapshot: &ChunkSnapshotDir,
        report: &mut ReplayReport,
    ) -> Result<(), String> {
        if self.chunks.is_damaged {
            return Err("head chunk files are damaged, of which the snapshot says nothing".to_owned());
        }
        let (mut restored, mut is_whole) = (Ok(()), false);
        let mut visit = |record: ChunkSnapshotRecord<'_>| {
            // It stands behind all series, always.
            is_whole |= matches!(record, ChunkSnapshotRecord::Tombstones(_));
            if restored.is_ok() {
                restored = self.restore_snapshot_record(&record, report);
            }
        };
        read_chunk_snapshot(vfs, &snapshot.path, &mut visit).map_err(|e| e.to_string())?;
        restored?;
        if is_whole { Ok(()) } else { Err("the end is missing".to_owned()) }
    }

    fn restore_snapshot_record(
        &mut self,
        record: &ChunkSnapshotRecord<'_>,
        report: &mut ReplayReport,
    ) -> Result<(), String> {
        let as_in_the_log = match record {
            ChunkSnapshotRecord::Series(series) => return self.restore_snapshot_series(series, report),
            ChunkSnapshotRecord::Tombstones(stones) => encode_tombstones(stones),
            ChunkSnapshotRecord::Exemplars(exemplars) => encode_exemplars(exemplars),
        };
        self.restore(&as_in_the_log, report).map_err(|e| e.to_string())
    }

    fn restore_snapshot_series(
        &mut self,
        entry: &ChunkSnapshotSeries<'_>,
        report: &mut ReplayReport,
    ) -> Result<(), String> {
        let reference = entry.reference;
        self.head.skip_references(reference);
        let labels = Labels::from_pairs(entry.pairs.iter().copied());
        let pairs: Vec<_> = labels.iter().collect();
        let Some((series, is_new)) = self.head.get_or_create_in_bulk(reference, labels.as_packed(), &pairs) else {
            report.series_over_limit += 1;
            return Ok(());
        };
        if !is_new {
            return Err(format!("series {reference} is there twice"));
        }
        let in_files = self.chunks.take(reference);
        restore_chunks(self.head, in_files, &series, report);
        if let Some(chunk) = &entry.chunk {
            let new = self.restore_newest(chunk, &series).map_err(|e| format!("series {reference}: {e}"))?;
            report.samples += new.count;
            self.head.note_stored(&new);
        }
        self.add_series(reference, series);
        Ok(())
    }

    /// Gives a series its newest chunk, without what is in blocks or, since the snapshot was taken, in files. It goes on taking
    /// samples, as the log would have it.
    fn restore_newest(&self, chunk: &SnapshotHeadChunk<'_>, series: &MemSeries) -> Result<NewSamples, String> {
        let encoding = Encoding::try_from(chunk.encoding).map_err(|e| e.to_string())?;
        let mut rows = SampleBatch::new();
        decode(encoding, chunk.data, &mut rows).map_err(|e| e.to_string())?;
        if !rows.timestamps.is_sorted_by(|a, b| a < b) {
            return Err("the newest chunk is not in the order of time".to_owned());
        }
        let mut state = series.lock();
        let all = rows.len();
        let first_ms = state.newest_ms().map_or(i64::MIN, |t_ms| t_ms.saturating_add(1)).max(self.head.frontier_ms());
        batch::keep_range(&mut rows, 0, TimeRange::new(first_ms, i64::MAX));
        let resumed = (encoding == Encoding::Xor && rows.len() == all)
            .then(|| XorAppender::resume(chunk.data, &mut SampleBatch::new()).ok())
            .flatten();
        if !resumed.is_some_and(|open| state.resume_floats(open, &rows.timestamps, &self.stamp)) {
            push_all(&mut state, &rows, &self.stamp);
        }
        let mut new = NewSamples::default();
        rows.timestamps.iter().for_each(|t_ms| new.note(*t_ms));
        series.note_newest(&state);
        new.stale_series = i64::from(state.is_stale());
        Ok(new)
    }
}
