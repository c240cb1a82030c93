//! From records to the head.

use std::ops::Range;
use std::sync::Arc;

use promethium_model::{Exemplar, HistogramValue};
use promethium_wal::{
    MmapMarker, RecordError, RecordType, RefExemplar, RefHistogram, RefMetadata, RefTombstone, SampleColumns,
    SeriesBatch, decode_exemplars, decode_histograms, decode_metadata, decode_mmap_markers, decode_sample_columns,
    decode_sample_columns_where, decode_tombstones,
};

use super::ReplayReport;
use super::applying::Applying;
use super::decoding::{Batch, Decoded, DecodedShare, Decoding};
use super::evicted::Evicted;
use super::team::{Team, Work};
use super::waiting::Waiting;
use crate::db::chunk_files::{FoundChunks, SeriesChunks};
use crate::db::life::KeptReferences;
use crate::head::Head;
use crate::head::out_of_order::LateValue;
use crate::head::series::{MemSeries, Stamp};
use crate::head::transaction::NewSamples;

// Samples that wait to be applied together, so that each series is visited once for several of its samples. What waits takes
// eleven bytes a sample, which is to be little beside the head as it will be at the end, where a sample takes two to four: a few
// of each series, and a part of the samples that are still to come.
const GROUP_SAMPLES_PER_SERIES: usize = 3;
const SAMPLES_AHEAD_PER_GROUPED: u64 = 8;
const MIN_GROUP_SAMPLES: usize = 1 << 15;
const MAX_GROUP_SAMPLES: usize = 1 << 22;
// A record with more samples leaves no memory to the next one.
const MAX_KEPT_SAMPLES: usize = 1 << 16;

/// Bytes of a log.
#[derive(Clone, Copy, Default)]
pub(super) struct LogBytes {
    pub(super) read: u64,
    pub(super) total: u64,
}

/// Applies records in the order of the log.
pub(super) struct Restorer<'a> {
    pub(super) head: &'a Head,
    pub(super) stamp: Stamp,
    pub(super) team: Arc<Team<'a>>,
    /// The samples of one record.
    samples: SampleColumns,
    waiting: Waiting,
    /// How far the log was read when the first of those that wait came.
    waiting_since: u64,
    /// Samples that are being applied.
    applying: Option<Arc<Work<Applying>>>,
    /// How far the log is read.
    pub(super) log_bytes: LogBytes,
    histograms: Vec<RefHistogram>,
    tombstones: Vec<RefTombstone>,
    exemplars: Vec<RefExemplar>,
    metadata: Vec<RefMetadata>,
    markers: Vec<MmapMarker>,
    /// Whether the records are those of the log of late samples.
    is_late: bool,
    /// What was found in head chunk files.
    pub(super) chunks: FoundChunks,
    /// References that lead to a series of another one.
    aliases: Vec<u64>,
    evicted: Evicted,
}

impl<'a> Restorer<'a> {
    pub(super) fn new(head: &'a Head) -> Self {
        let team = Team::new(head);
        Restorer {
            head,
            stamp: team.stamp,
            team: Arc::new(team),
            samples: SampleColumns::new(),
            waiting: Waiting::default(),
            waiting_since: 0,
            applying: None,
            log_bytes: LogBytes::default(),
            histograms: Vec::new(),
            tombstones: Vec::new(),
            exemplars: Vec::new(),
            metadata: Vec::new(),
            markers: Vec::new(),
            is_late: false,
            chunks: FoundChunks::default(),
            aliases: Vec::new(),
            evicted: Evicted::default(),
        }
    }

    /// From here on the records are those of the log of late samples.
    pub(super) fn begin_late(&mut self, report: &mut ReplayReport) {
        self.apply_all(report);
        self.is_late = true;
    }

    /// Restores a record whole, or nothing of it.
    pub(super) fn restore(&mut self, record: &[u8], report: &mut ReplayReport) -> Result<(), RecordError> {
        match RecordType::of(record) {
            Some(RecordType::Series) => {
                let series = SeriesBatch::decode(record)?;
                // What is being applied came before.
                self.settle(report);
                self.restore_series(&series, report);
            }
            Some(kind) if kind.is_samples() => {
                self.samples.clear();
                if self.is_late {
                    decode_sample_columns(record, &mut self.samples)?;
                    self.restore_late_samples(report);
                } else {
                    let in_files = self.team.in_files.read();
                    let is_new = |reference, t_ms| !in_files.has(reference, t_ms);
                    decode_sample_columns_where(record, &mut self.samples, is_new)?;
                    drop(in_files);
                    self.let_samples_wait(report);
                }
            }
            Some(kind) if kind.is_histograms() => {
                self.histograms.clear();
                decode_histograms(record, &mut self.histograms)?;
                if self.is_late {
                    self.restore_late_histograms(report);
                } else {
                    self.apply_all(report);
                    self.restore_histograms(report);
                }
            }
            Some(RecordType::Tombstones) => {
                self.tombstones.clear();
                decode_tombstones(record, &mut self.tombstones)?;
                self.apply_all(report);
                self.restore_tombstones(report);
            }
            Some(RecordType::Exemplars) => {
                self.exemplars.clear();
                decode_exemplars(record, &mut self.exemplars)?;
                self.restore_exemplars(report);
            }
            Some(RecordType::Metadata) => {
                self.metadata.clear();
                decode_metadata(record, &mut self.metadata)?;
                self.restore_metadata();
            }
            Some(RecordType::MmapMarkers) => {
                self.markers.clear();
                decode_mmap_markers(record, &mut self.markers)?;
                self.heed_markers(report);
            }
            Some(_) | None => report.other_records += 1,
        }
        report.records += 1;
        Ok(())
    }

    /// Applies what waits, and counts. The references that the log must go on explaining, each with the newest time of its
    /// series; and of those that lead to a series of another one, which that is.
    pub(super) fn finish(mut self, report: &mut ReplayReport) -> (KeptReferences, Vec<(u64, u64)>) {
        self.apply_all(report);
        self.head.settle_index();
        report.series = self.head.series_count();
        let series = |alias: &u64| Some((*alias, self.team.series(*alias)?));
        let newest = |(alias, s): (u64, Arc<MemSeries>)| Some((alias, self.evicted.until_ms(&s)?));
        let kept: Vec<_> = self.aliases.iter().filter_map(series).filter_map(newest).collect();
        let aliases = self.aliases.iter().filter_map(series).map(|(alias, s)| (alias, s.reference)).collect();
        (kept.into_iter().chain(self.evicted.until_ms).collect(), aliases)
    }

    pub(super) fn has_evictions(&self) -> bool {
        !self.evicted.until_ms.is_empty()
    }

    /// A series that was restored otherwise than from its record.
    pub(super) fn add_series(&mut self, reference: u64, series: Arc<MemSeries>) {
        *self.team.by_reference.write().get_or_default(reference) = Some(series);
    }

    /// Another reference of a series that is there.
    pub(super) fn add_alias(&mut self, alias: u64, reference: u64) {
        self.head.skip_references(alias);
        if let Some(series) = self.team.series(reference) {
            self.add_series(alias, series);
            self.aliases.push(alias);
        }
    }

    fn restore_series(&mut self, series: &SeriesBatch<'_>, report: &mut ReplayReport) {
        series.for_each(|reference, packed, labels| {
            self.head.skip_references(reference);
            match self.head.get_or_create_in_bulk(reference, packed, labels) {
                Some((series, _)) => self.restore_one(reference, series, report),
                None => report.series_over_limit += 1,
            }
        });
    }

    /// A series may be logged under several references; all of them lead to the one in the head.
    fn restore_one(&mut self, reference: u64, series: Arc<MemSeries>, report: &mut ReplayReport) {
        if series.reference != reference {
            self.aliases.push(reference);
            self.evicted.note_return(&series);
        }
        let chunks = self.chunks.take(reference);
        if let Some(newest_ms) = restore_chunks(self.head, chunks, &series, report) {
            self.team.in_files.write().insert(reference, newest_ms);
        }
        self.add_series(reference, series);
    }

    /// Whether records are given to others to be decoded. Late samples are few.
    pub(super) fn shares_decoding(&self) -> bool {
        !self.is_late && self.team.has_helpers()
    }

    pub(super) fn begin_decoding(&self, batch: Batch) -> Arc<Work<Decoding>> {
        let files_version = self.team.in_files.read().version();
        self.team.put(Decoding::new(batch, files_version))
    }

    /// Restores a record that somebody decoded, unless what is known of files has changed since: `Ok(false)`.
    pub(super) fn restore_decoded(
        &mut self,
        record: Decoded,
        of: (&Decoding, &DecodedShare),
        report: &mut ReplayReport,
    ) -> Result<bool, RecordError> {
        let is_known = |team: &Team<'_>| team.in_files.read().version() == of.0.files_version;
        match record {
            Decoded::Samples(_) if !is_known(&self.team) => return Ok(false),
            Decoded::Samples(rows) => {
                self.let_wait(&of.1.samples, rows, report);
                report.records += 1;
            }
            Decoded::Other(bytes) => self.restore(&bytes, report)?,
            Decoded::Unreadable(error) => return Err(error),
        }
        Ok(true)
    }

    fn let_samples_wait(&mut self, report: &mut ReplayReport) {
        let samples = std::mem::take(&mut self.samples);
        self.let_wait(&samples, 0..samples.len(), report);
        if samples.len() <= MAX_KEPT_SAMPLES {
            self.samples = samples;
        }
    }

    /// Lets samples of a record wait for more of their series.
    fn let_wait(&mut self, samples: &SampleColumns, rows: Range<usize>, report: &mut ReplayReport) {
        if rows.is_empty() {
            return;
        }
        if self.waiting.is_empty() {
            self.waiting_since = self.log_bytes.read;
        }
        let by_series = self.references_by_series(&samples.references()[rows.clone()]);
        let references = by_series.as_deref().unwrap_or(&samples.references()[rows.clone()]);
        self.waiting.add(samples, rows.start, references);
        if self.waiting.len() >= MIN_GROUP_SAMPLES && self.waiting.len() >= self.group_samples() {
            self.apply_waiting(report);
        }
    }

    fn group_samples(&self) -> usize {
        let few = GROUP_SAMPLES_PER_SERIES * self.head.series_count();
        let part = usize::try_from(self.samples_ahead() / SAMPLES_AHEAD_PER_GROUPED).unwrap_or(usize::MAX);
        few.max(part).clamp(MIN_GROUP_SAMPLES, MAX_GROUP_SAMPLES)
    }

    /// About how many samples the rest of the log has, if it is like that of which samples wait.
    fn samples_ahead(&self) -> u64 {
        let LogBytes { read, total } = self.log_bytes;
        let (since, ahead) = (read.saturating_sub(self.waiting_since).max(1), total.saturating_sub(read));
        u64::try_from(self.waiting.len() as u128 * u128::from(ahead) / u128::from(since)).unwrap_or(u64::MAX)
    }

    /// Has the waiting samples applied, series by series. Where others help, that goes on while the log is read on.
    fn apply_waiting(&mut self, report: &mut ReplayReport) {
        if self.waiting.is_empty() {
            return;
        }
        self.settle(report);
        let samples = Applying::new(std::mem::take(&mut self.waiting));
        self.applying = Some(self.team.put(samples));
        if !self.team.has_helpers() {
            self.settle(report);
        }
    }

    /// Ends what is being applied.
    fn settle(&mut self, report: &mut ReplayReport) {
        let Some(work) = self.applying.take() else { return };
        let outcome = self.team.end(&work).take_outcome();
        report.samples += outcome.new.count;
        report.late_samples += outcome.late;
        report.unknown_series_samples += outcome.unknown;
        self.head.note_stored(&outcome.new);
    }

    /// Applies what waits, to the end.
    fn apply_all(&mut self, report: &mut ReplayReport) {
        self.apply_waiting(report);
        self.settle(report);
    }

    /// The references of a record's samples, each replaced by that under which the head has the series: the samples of a
    /// series must stay in the order of the log, whatever references they were logged under. `None` where that changes
    /// nothing.
    fn references_by_series(&self, references: &[u64]) -> Option<Vec<u64>> {
        if self.aliases.is_empty() {
            return None;
        }
        let by_reference = self.team.by_reference.read();
        let of = |reference: &u64| {
            let series = by_reference.get(*reference).and_then(Option::as_ref);
            series.map_or(*reference, |series| series.reference)
        };
        Some(references.iter().map(of).collect())
    }

    fn restore_late_samples(&mut self, report: &mut ReplayReport) {
        let samples = std::mem::take(&mut self.samples);
        for (reference, start_ms, t_ms, value) in samples.iter() {
            self.restore_late(reference, t_ms, start_ms, LateValue::Float(value), report);
        }
        self.samples = samples;
    }

    fn restore_late_histograms(&mut self, report: &mut ReplayReport) {
        for entry in std::mem::take(&mut self.histograms) {
            if is_valid(&entry.histogram) {
                let value = LateValue::Histogram(entry.histogram);
                self.restore_late(entry.series, entry.timestamp_ms, entry.start_timestamp_ms, value, report);
            } else {
                report.invalid_histograms += 1;
            }
        }
    }

    fn restore_late(&self, reference: u64, t_ms: i64, start_ms: i64, value: LateValue, report: &mut ReplayReport) {
        let Some(series) = self.team.series(reference) else {
            self.head.skip_references(reference);
            report.unknown_series_samples += 1;
            return;
        };
        let encodings = self.head.rules.encodings();
        if series.lock().out_of_order_mut().insert(t_ms, start_ms, value, encodings) {
            self.head.note_late(t_ms);
            report.out_of_order_samples += 1;
        }
    }

    /// Late chunks of which the log says that they are in files take the place of what it said before.
    fn heed_markers(&mut self, report: &mut ReplayReport) {
        for marker in self.markers.drain(..) {
            self.head.skip_references(marker.series);
            let Some(series) = self.team.series(marker.series) else { continue };
            let Some(chunk) = self.chunks.take_late(marker.series, marker.chunk) else { continue };
            let (min_ms, max_ms) = (chunk.min_ms, chunk.max_ms);
            let taken = series.lock().out_of_order_mut().take_over(chunk, self.head.chunk_files());
            if let Some(new) = taken {
                self.head.note_late_chunk(min_ms, max_ms, new);
                report.out_of_order_samples += new;
                report.chunks += 1;
            }
        }
    }

    fn restore_histograms(&mut self, report: &mut ReplayReport) {
        let mut new = NewSamples::default();
        let frontier_ms = self.head.frontier_ms();
        for entry in self.histograms.drain(..) {
            let Some(series) = self.team.series(entry.series) else {
                self.head.skip_references(entry.series);
                report.unknown_series_samples += 1;
                continue;
            };
            if !is_valid(&entry.histogram) {
                report.invalid_histograms += 1;
                continue;
            }
            let mut state = series.lock();
            if entry.timestamp_ms < frontier_ms || state.newest_ms() >= Some(entry.timestamp_ms) {
                report.late_samples += 1;
                continue;
            }
            let was_stale = state.is_stale();
            state.push_histogram(entry.timestamp_ms, entry.start_timestamp_ms, &entry.histogram, &self.stamp);
            series.note_newest(&state);
            new.note(entry.timestamp_ms);
            new.stale_series += i64::from(state.is_stale()) - i64::from(was_stale);
        }
        report.samples += new.count;
        self.head.note_stored(&new);
    }

    fn restore_tombstones(&mut self, report: &mut ReplayReport) {
        for stone in self.tombstones.drain(..) {
            self.head.skip_references(stone.series);
            let Some(series) = self.team.series(stone.series) else { continue };
            report.tombstones += 1;
            if stone.evicts_series() {
                self.team.in_files.write().forget(stone.series);
                self.evicted.evict(self.head, stone.series, &series);
            } else {
                series.lock().add_deleted(stone.min_ms, stone.max_ms);
            }
        }
    }

    fn restore_exemplars(&mut self, report: &mut ReplayReport) {
        for entry in self.exemplars.drain(..) {
            self.head.skip_references(entry.series);
            let Some(labels) = self.team.series(entry.series).and_then(|s| self.head.labels(&s)) else { continue };
            let exemplar = Exemplar { labels: entry.labels, value: entry.value, timestamp_ms: None };
            let added = self.head.exemplars.lock().add(&labels, &exemplar, entry.timestamp_ms);
            report.exemplars += u64::from(added.is_ok());
        }
    }

    fn restore_metadata(&mut self) {
        for entry in self.metadata.drain(..) {
            self.head.skip_references(entry.series);
            if let Some(series) = self.team.series(entry.series) {
                series.lock().set_metadata(Arc::new(entry.metadata));
            }
        }
    }
}

/// Gives a series the chunks that were found in files under one of its references, and says up to when: what the log has under
/// that reference until then is in them. Several references come together where the log names a series again; those of each are
/// of another time.
pub(super) fn restore_chunks(
    head: &Head,
    found: SeriesChunks,
    series: &MemSeries,
    report: &mut ReplayReport,
) -> Option<i64> {
    let mut new = NewSamples::default();
    let mut state = series.lock();
    if state.newest_ms().is_none() && found.is_in_order() {
        for chunk in &found.chunks {
            new.note_times(chunk.min_ms, chunk.max_ms, chunk.samples.into());
        }
        report.chunks += found.chunks.len() as u64;
        state.restore_chunks(found.chunks);
    } else {
        for chunk in found.chunks {
            let (min_ms, max_ms, samples) = (chunk.min_ms, chunk.max_ms, u64::from(chunk.samples));
            if state.insert_chunk(chunk) {
                new.note_times(min_ms, max_ms, samples);
                report.chunks += 1;
            }
        }
    }
    if new.count == 0 {
        return None;
    }
    state.expect_floats(found.newest_bytes);
    series.note_newest(&state);
    report.samples += new.count;
    head.note_stored(&new);
    Some(new.max_ms)
}

fn is_valid(histogram: &HistogramValue) -> bool {
    match histogram {
        HistogramValue::Int(h) => h.validate().is_ok(),
        HistogramValue::Float(h) => h.validate().is_ok(),
    }
}
