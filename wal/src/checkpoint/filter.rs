//! What of a record a checkpoint keeps.

use std::collections::BTreeMap;

use promethium_model::Metadata;

use crate::WalError;
use crate::record::{
    RecordError, RecordType, RefHistogram, RefMetadata, SampleColumns, SeriesReader, decode_exemplars,
    decode_histograms, decode_metadata, decode_sample_columns, decode_tombstones, encode_exemplars, encode_histograms,
    encode_histograms_v2, encode_metadata, encode_sample_columns, encode_samples_v2, encode_series_entry,
    encode_tombstones,
};

// Far below what a reader refuses.
const MAX_METADATA_PER_RECORD: usize = 10_000;

pub(super) struct Filter<'k> {
    min_ms: i64,
    keep: &'k mut dyn FnMut(u64) -> bool,
    metadata: BTreeMap<u64, Metadata>,
    samples: SampleColumns,
    pub(super) kept: u64,
    pub(super) dropped: u64,
}

impl<'k> Filter<'k> {
    pub(super) fn new(min_ms: i64, keep: &'k mut dyn FnMut(u64) -> bool) -> Self {
        let (metadata, samples) = (BTreeMap::new(), SampleColumns::new());
        Filter { min_ms, keep, metadata, samples, kept: 0, dropped: 0 }
    }

    /// The records that stand for this one: itself, a shorter one, or none.
    pub(super) fn apply(&mut self, kind: RecordType, record: &[u8]) -> Result<Vec<Vec<u8>>, RecordError> {
        match kind {
            RecordType::Series => self.series(record),
            RecordType::Samples | RecordType::SamplesV2 => self.samples(kind, record),
            RecordType::Tombstones => {
                let (min_ms, keep) = (self.min_ms, &mut *self.keep);
                let of = read(record, decode_tombstones)?;
                let (left, out) = split(of, |stone| stone.max_ms >= min_ms && keep(stone.series));
                Ok(self.counted(left.len(), out, || vec![encode_tombstones(&left)]))
            }
            RecordType::Exemplars => {
                let (left, out) = split(read(record, decode_exemplars)?, |e| e.timestamp_ms >= self.min_ms);
                Ok(self.counted(left.len(), out, || vec![encode_exemplars(&left)]))
            }
            RecordType::Metadata => self.metadata(record),
            // They belong into a WBL, which has no checkpoints.
            RecordType::MmapMarkers => Ok(Vec::new()),
            _ => self.histograms(kind, record),
        }
    }

    fn counted(&mut self, kept: usize, dropped: usize, encode: impl FnOnce() -> Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        self.kept += kept as u64;
        self.dropped += dropped as u64;
        if kept == 0 { Vec::new() } else { encode() }
    }

    fn series(&mut self, record: &[u8]) -> Result<Vec<Vec<u8>>, RecordError> {
        let mut series = SeriesReader::new(record)?;
        let (mut shorter, mut kept, mut dropped) = (Vec::new(), 0, 0);
        while let Some(entry) = series.next_entry()? {
            if (self.keep)(entry.reference) {
                encode_series_entry(&mut shorter, entry.reference, entry.pairs.iter().copied());
                kept += 1;
            } else {
                dropped += 1;
            }
        }
        Ok(self.counted(kept, dropped, || vec![shorter]))
    }

    fn samples(&mut self, kind: RecordType, record: &[u8]) -> Result<Vec<Vec<u8>>, RecordError> {
        self.samples.clear();
        decode_sample_columns(record, &mut self.samples)?;
        let all = self.samples.len();
        let min_ms = self.min_ms;
        let left = self.samples.timestamps_ms().iter().filter(|t| **t >= min_ms).count();
        if left > 0 && left < all {
            self.samples.retain(|_, t| t >= min_ms);
        }
        let samples = std::mem::take(&mut self.samples);
        let records = self.counted(left, all - left, || {
            let shorter = match kind {
                _ if left == all => record.to_vec(),
                RecordType::SamplesV2 => encode_samples_v2(&samples),
                _ => encode_sample_columns(&samples),
            };
            vec![shorter]
        });
        self.samples = samples;
        Ok(records)
    }

    fn histograms(&mut self, kind: RecordType, record: &[u8]) -> Result<Vec<Vec<u8>>, RecordError> {
        let all: Vec<RefHistogram> = read(record, decode_histograms)?;
        let (left, out) = split(all, |h| h.timestamp_ms >= self.min_ms);
        Ok(self.counted(left.len(), out, || match kind {
            _ if out == 0 => vec![record.to_vec()],
            RecordType::HistogramsV2 | RecordType::FloatHistogramsV2 => encode_histograms_v2(&left),
            _ => encode_histograms(&left),
        }))
    }

    fn metadata(&mut self, record: &[u8]) -> Result<Vec<Vec<u8>>, RecordError> {
        for RefMetadata { series, metadata } in read(record, decode_metadata)? {
            if (self.keep)(series) {
                // Only the newest stays.
                self.dropped += u64::from(self.metadata.insert(series, metadata).is_some());
            } else {
                self.dropped += 1;
            }
        }
        Ok(Vec::new())
    }

    /// The records that come last.
    pub(super) fn finish(&mut self, push: &mut dyn FnMut(&[u8]) -> Result<(), WalError>) -> Result<(), WalError> {
        let all: Vec<RefMetadata> = std::mem::take(&mut self.metadata)
            .into_iter()
            .map(|(series, metadata)| RefMetadata { series, metadata })
            .collect();
        self.kept += all.len() as u64;
        all.chunks(MAX_METADATA_PER_RECORD).try_for_each(|chunk| push(&encode_metadata(chunk)))
    }
}

fn read<T>(
    record: &[u8],
    decode: impl Fn(&[u8], &mut Vec<T>) -> Result<(), RecordError>,
) -> Result<Vec<T>, RecordError> {
    let mut out = Vec::new();
    decode(record, &mut out)?;
    Ok(out)
}

/// What to keep, and how many not.
fn split<T>(mut all: Vec<T>, keep: impl FnMut(&T) -> bool) -> (Vec<T>, usize) {
    let before = all.len();
    let mut keep = keep;
    all.retain(|entry| keep(entry));
    let out = before - all.len();
    (all, out)
}
