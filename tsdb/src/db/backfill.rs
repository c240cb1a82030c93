//! Blocks from samples that are at hand: what `promtool tsdb create-blocks-from` does.

use std::collections::BTreeMap;
use std::path::Path;

use promethium_block::{BlockMeta, MemorySource, UlidSource, write_block};
use promethium_model::{HistogramValue, Labels, SampleBatch};
use promethium_vfs::Vfs;

use crate::error::TsdbError;
use crate::head::at_once::chunks_at_once;
use crate::options::{DbOptions, ProgressKind};

/// A sample on its way into a block.
#[derive(Clone, Debug)]
pub struct BackfillSample {
    /// The series.
    pub labels: Labels,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Float or histogram.
    pub value: BackfillValue,
}

/// The value of a [`BackfillSample`].
#[derive(Clone, Debug)]
pub enum BackfillValue {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(HistogramValue),
}

/// What a back-fill wrote.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BackfillReport {
    /// The new blocks.
    pub blocks: Vec<BlockMeta>,
    /// Samples that came.
    pub samples: u64,
    /// Samples that were left out because their series has another one at the same time; the one that came first stands.
    /// Prometheus drops them without a word.
    pub duplicates: u64,
}

/// Writes samples, in whatever order they come, to blocks in `data_dir`: one for each aligned range of the options' chunk
/// range. A store that is open there sees them when it is opened again. All samples are held in memory until written;
/// whoever has more than that calls this once for each stretch of time.
///
/// # Errors
///
/// When a block cannot be written, or `samples` yields an error; blocks that are done stay.
pub fn backfill<E: From<TsdbError>>(
    vfs: &dyn Vfs,
    data_dir: &Path,
    samples: impl Iterator<Item = Result<BackfillSample, E>>,
    options: &DbOptions,
    seed: u64,
    now_ms: i64,
) -> Result<BackfillReport, E> {
    let range_ms = options.chunk_range_ms;
    let mut ranges: BTreeMap<i64, BTreeMap<Labels, BTreeMap<i64, BackfillValue>>> = BTreeMap::new();
    let mut report = BackfillReport::default();
    for sample in samples {
        let BackfillSample { labels, timestamp_ms, value } = sample?;
        report.samples += 1;
        let start_ms = timestamp_ms.div_euclid(range_ms) * range_ms;
        let series = ranges.entry(start_ms).or_default().entry(labels).or_default();
        match series.entry(timestamp_ms) {
            std::collections::btree_map::Entry::Occupied(_) => report.duplicates += 1,
            std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(value)),
        }
    }
    vfs.create_dir(data_dir).map_err(TsdbError::io(data_dir, "create"))?;
    let mut ulids = UlidSource::new(seed);
    let total = ranges.len() as u64;
    for (done, (_, series)) in ranges.into_iter().enumerate() {
        let meta = write_range(vfs, data_dir, series, options, ulids.next(now_ms))?;
        report.blocks.extend(meta);
        if let Some(tell) = &options.progress {
            tell(ProgressKind::Backfill, done as u64 + 1, total);
        }
    }
    Ok(report)
}

/// promtool takes its blocks to be twice as long while it cuts chunks.
const RANGES_TO_CUT: i64 = 2;

/// A block of one range, which covers the samples and no more, as those of promtool do.
fn write_range(
    vfs: &dyn Vfs,
    data_dir: &Path,
    series: BTreeMap<Labels, BTreeMap<i64, BackfillValue>>,
    options: &DbOptions,
    ulid: promethium_block::Ulid,
) -> Result<Option<BlockMeta>, TsdbError> {
    let first = series.values().filter_map(|rows| rows.keys().next()).min();
    let last = series.values().filter_map(|rows| rows.keys().next_back()).max();
    let Some((first_ms, last_ms)) = first.copied().zip(last.copied()) else { return Ok(None) };
    let meta = BlockMeta::of_level_one(ulid, first_ms, last_ms.saturating_add(1));
    let (encodings, range_to_cut_ms) = (options.encodings(), RANGES_TO_CUT.saturating_mul(options.chunk_range_ms));
    let chunks = series.into_iter().map(|(labels, rows)| {
        let mut batch = SampleBatch::new();
        for (t_ms, value) in rows {
            match value {
                BackfillValue::Float(value) => batch.push_float(t_ms, value),
                BackfillValue::Histogram(histogram) => batch.push_histogram(t_ms, histogram),
            }
        }
        (labels, chunks_at_once(&batch, encodings, range_to_cut_ms))
    });
    let mut source = MemorySource::new(chunks);
    let options = promethium_block::WriteOptions::default().encodings(encodings);
    let mut quiet = |_| std::ops::ControlFlow::Continue(());
    Ok(write_block(vfs, data_dir, meta, &mut [&mut source], &options, &mut quiet)?.meta)
}
