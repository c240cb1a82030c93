//! A transaction as the log has it.

use std::sync::Arc;

use promethium_wal::{
    RefExemplar, RefHistogram, RefMetadata, RefSample, SampleColumns, encode_exemplars, encode_histograms,
    encode_histograms_v2, encode_metadata, encode_samples, encode_samples_v2, encode_series_entry,
};

use crate::head::Head;
use crate::head::out_of_order::LateValue;
use crate::head::series::MemSeries;
use crate::head::transaction::{Batch, LateSample, PendingHistogram, Resolved};

// A record is the unit that survives whole. These bounds keep it far below what a reader refuses.
const MAX_SAMPLES_PER_RECORD: usize = 1 << 20;
const MAX_HISTOGRAMS_PER_RECORD: usize = 1 << 14;
const MAX_SERIES_RECORD_BYTES: usize = 16 << 20;

/// The records of a transaction: series, metadata, samples by kind, exemplars.
pub(super) fn of_transaction(resolved: &Resolved, head: &Head) -> Vec<Vec<u8>> {
    let mut records = of_series(&resolved.created, head);
    let metadata: Vec<_> = resolved
        .metadata
        .iter()
        .filter_map(|(target, m)| Some(RefMetadata { series: resolved.reference(*target)?, metadata: (**m).clone() }))
        .collect();
    if !metadata.is_empty() {
        records.push(encode_metadata(&metadata));
    }
    for batch in &resolved.batches {
        push_floats(&mut records, resolved, batch);
        push_histograms(&mut records, resolved, &batch.histograms, head.rules.start_timestamps);
        push_histograms(&mut records, resolved, &batch.float_histograms, head.rules.start_timestamps);
    }
    let exemplars: Vec<_> = resolved
        .exemplars
        .iter()
        .filter_map(|e| {
            let labels = e.exemplar.labels.clone();
            let series = resolved.reference(e.target)?;
            Some(RefExemplar { series, timestamp_ms: e.timestamp_ms, value: e.exemplar.value, labels })
        })
        .collect();
    if !exemplars.is_empty() {
        records.push(encode_exemplars(&exemplars));
    }
    records
}

/// The records of series.
pub(super) fn of_series(created: &[Arc<MemSeries>], head: &Head) -> Vec<Vec<u8>> {
    let mut records: Vec<Vec<u8>> = Vec::new();
    for series in created {
        if records.last().is_none_or(|record| record.len() >= MAX_SERIES_RECORD_BYTES) {
            records.push(Vec::new());
        }
        if let Some(record) = records.last_mut() {
            head.encode_labels(series, |labels| encode_series_entry(record, series.reference, labels));
        }
    }
    records
}

fn push_floats(records: &mut Vec<Vec<u8>>, resolved: &Resolved, batch: &Batch) {
    for (i, some) in batch.floats.chunks(MAX_SAMPLES_PER_RECORD).enumerate() {
        let at = i * MAX_SAMPLES_PER_RECORD;
        if batch.float_starts.is_empty() {
            let samples = some.iter().filter_map(|s| {
                let series = resolved.reference(s.target)?;
                Some(RefSample { series, timestamp_ms: s.timestamp_ms, value: s.value })
            });
            records.push(encode_samples(samples));
        } else {
            let mut columns = SampleColumns::new();
            for (j, s) in some.iter().enumerate() {
                if let Some(series) = resolved.reference(s.target) {
                    columns.push(series, batch.float_start(at + j), s.timestamp_ms, s.value);
                }
            }
            records.push(encode_samples_v2(&columns));
        }
    }
}

fn push_histograms(
    records: &mut Vec<Vec<u8>>,
    resolved: &Resolved,
    histograms: &[PendingHistogram],
    start_timestamps: bool,
) {
    for some in histograms.chunks(MAX_HISTOGRAMS_PER_RECORD) {
        let entries: Vec<_> = some
            .iter()
            .filter_map(|h| {
                Some(RefHistogram {
                    series: resolved.reference(h.target)?,
                    start_timestamp_ms: h.start_timestamp_ms,
                    timestamp_ms: h.timestamp_ms,
                    histogram: h.value.clone(),
                })
            })
            .collect();
        records.extend(encode(&entries, start_timestamps));
    }
}

fn encode(entries: &[RefHistogram], start_timestamps: bool) -> Vec<Vec<u8>> {
    if start_timestamps { encode_histograms_v2(entries) } else { encode_histograms(entries) }
}

/// The records of late samples.
pub(super) fn of_late_samples(late: &[LateSample], start_timestamps: bool) -> Vec<Vec<u8>> {
    let mut columns = SampleColumns::new();
    let (mut ints, mut floats) = (Vec::new(), Vec::new());
    for sample in late {
        let (series, t_ms, start_ms) = (sample.series.reference, sample.timestamp_ms, sample.start_timestamp_ms);
        match &sample.value {
            LateValue::Float(value) => columns.push(series, start_ms, t_ms, *value),
            LateValue::Histogram(h) => {
                let entry =
                    RefHistogram { series, start_timestamp_ms: start_ms, timestamp_ms: t_ms, histogram: h.clone() };
                let is_int = matches!(h, promethium_model::HistogramValue::Int(_));
                if is_int { &mut ints } else { &mut floats }.push(entry);
            }
        }
    }
    let mut records = Vec::new();
    if !columns.is_empty() {
        let has_starts = columns.start_timestamps_ms().is_some();
        records.push(if has_starts {
            encode_samples_v2(&columns)
        } else {
            promethium_wal::encode_sample_columns(&columns)
        });
    }
    for entries in [ints, floats] {
        for some in entries.chunks(MAX_HISTOGRAMS_PER_RECORD) {
            records.extend(encode(some, start_timestamps));
        }
    }
    records
}
