//! Reads one series of the head.

use std::sync::Arc;

use parking_lot::Mutex;
use promethium_model::{Annotations, SampleBatch, SampleCursor, StorageError, TimeRange};

use super::Head;
use super::chunk::ChunkView;
use super::out_of_order::LateView;
use super::series::MemSeries;
use super::visibility::CommitId;
use crate::batch;

/// What a query has to say about missing data; shared by its cursors.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Annotations>>);

impl Notes {
    fn warn(&self, reason: &str) {
        self.0.lock().warn(format!("data left out: {reason}"), None);
    }

    pub(crate) fn all(&self) -> Annotations {
        self.0.lock().clone()
    }
}

/// Reads a series chunk by chunk. The chunks are taken from the series at the first read.
pub(crate) struct HeadCursor<'h> {
    head: &'h Head,
    notes: Notes,
    series: Option<Arc<MemSeries>>,
    chunks: std::vec::IntoIter<ChunkView>,
    deleted: Vec<(i64, i64)>,
    range: TimeRange,
    snapshot: CommitId,
}

/// One sample.
pub(crate) struct OneSample(Option<(i64, f64)>);

impl OneSample {
    pub(crate) fn new(t_ms: i64, value: f64) -> Self {
        OneSample(Some((t_ms, value)))
    }
}

impl SampleCursor for OneSample {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        let Some((t_ms, value)) = self.0.take() else { return Ok(false) };
        out.push_float(t_ms, value);
        Ok(true)
    }

    fn seek(&mut self, t_ms: i64) {
        self.0 = self.0.filter(|(at_ms, _)| *at_ms >= t_ms);
    }
}

/// What the first look at a series gave.
enum Opened {
    /// All of it.
    Read { any: bool },
    /// Its late samples; the cursor has the chunks.
    Chunks { late: Option<LateView> },
}

impl<'h> HeadCursor<'h> {
    pub(crate) fn new(
        head: &'h Head,
        series: Arc<MemSeries>,
        range: TimeRange,
        snapshot: CommitId,
        notes: Notes,
    ) -> Self {
        HeadCursor {
            head,
            notes,
            series: Some(series),
            chunks: Vec::new().into_iter(),
            deleted: Vec::new(),
            range,
            snapshot,
        }
    }

    /// Takes the chunks from the series, and returns its late samples; or reads it at once, where one chunk has everything.
    fn open(&mut self, series: &MemSeries, out: &mut SampleBatch) -> Opened {
        let state = series.lock();
        if let Some(any) = state.read_open(self.snapshot, self.range, out) {
            return Opened::Read { any };
        }
        self.chunks = state.view(self.snapshot, self.range, self.head.chunk_files()).into_iter();
        self.deleted = state.deleted().to_vec();
        let late = state.out_of_order().map(|late| late.view(self.range, self.head.chunk_files()));
        Opened::Chunks { late: late.filter(|late| !late.is_empty()) }
    }

    /// Everything at once: late samples lie anywhere among the others.
    fn read_with_late(&mut self, late: LateView, out: &mut SampleBatch) {
        let late = late.rows(|reason| self.notes.warn(reason));
        let mut in_order = SampleBatch::new();
        while self.next_chunk(&mut in_order) {}
        let base = out.len();
        let mut merged = SampleBatch::new();
        batch::merge_rows(&in_order, &late, &mut merged);
        batch::copy_rows(&merged, 0..merged.len(), out);
        batch::drop_intervals(out, base, &self.deleted);
    }

    fn next_chunk(&mut self, out: &mut SampleBatch) -> bool {
        let base = out.len();
        for chunk in self.chunks.by_ref() {
            if let Err(reason) = chunk.decode(out) {
                self.notes.warn(&reason);
                continue;
            }
            batch::keep_range(out, base, self.range);
            batch::drop_intervals(out, base, &self.deleted);
            if out.len() > base {
                return true;
            }
        }
        false
    }
}

impl SampleCursor for HeadCursor<'_> {
    fn next_batch(&mut self, out: &mut SampleBatch) -> Result<bool, StorageError> {
        if let Some(series) = self.series.take() {
            match self.open(&series, out) {
                Opened::Read { any } => return Ok(any),
                Opened::Chunks { late: Some(late) } => {
                    let base = out.len();
                    self.read_with_late(late, out);
                    return Ok(out.len() > base);
                }
                Opened::Chunks { late: None } => {}
            }
        }
        Ok(self.next_chunk(out))
    }

    fn seek(&mut self, t_ms: i64) {
        self.range.min_ms = self.range.min_ms.max(t_ms);
    }
}
