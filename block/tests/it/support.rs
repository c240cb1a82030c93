//! Where the fixtures are, and dumps as promtool writes them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use promethium_block::{Block, BlockMeta, MemorySource, Ulid, WriteOptions, write_block};
use promethium_chunk::{Encodings, SplitRule, encode};
use promethium_model::float::format_g;
use promethium_model::{HistogramValue, Labels, QueryableExt, SampleBatch, TimeRange};
use promethium_vfs::{MemVfs, StdVfs, Vfs};

/// The fixtures that Prometheus 2.42 wrote, where they are there.
pub(crate) fn fixtures() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/prometheus-2.42");
    if !shared.is_dir() {
        println!("skipped: {} is not there", shared.display());
        return None;
    }
    Some(shared)
}

pub(crate) fn open(dir: &Path) -> Block {
    Block::open(&StdVfs, dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
}

/// The directories of blocks in `dir`.
pub(crate) fn blocks_in(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().parse::<promethium_block::Ulid>().is_ok()))
        .collect();
    found.sort();
    found
}

pub(crate) fn gunzip(path: &Path) -> String {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

pub(crate) fn all(block: &Block) -> Vec<(Labels, SampleBatch)> {
    block.read_all(TimeRange::ALL, &[]).unwrap()
}

/// What `promtool tsdb dump` prints: the floats, a line each.
pub(crate) fn dump(series: &[(Labels, SampleBatch)]) -> String {
    let mut text = String::new();
    for (labels, samples) in series {
        let is_histogram = |row: usize| samples.histograms.binary_search_by_key(&(row as u32), |(r, _)| *r).is_ok();
        for (row, (t, v)) in samples.timestamps.iter().zip(&samples.floats).enumerate() {
            if !is_histogram(row) {
                writeln!(text, "{labels:?} {} {t}", format_g(*v)).unwrap();
            }
        }
    }
    text
}
/// A generator of fixed sequences (SplitMix64).
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Rng(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

pub(crate) fn samples_at(times: &[i64]) -> SampleBatch {
    let mut batch = SampleBatch::new();
    times.iter().for_each(|t| batch.push_float(*t, *t as f64 / 2.0));
    batch
}

/// Rows by time: the start timestamp, and the value as it compares.
pub(crate) fn rows_of(samples: &SampleBatch) -> BTreeMap<i64, (i64, String)> {
    let value = |row: usize| match samples.histograms.iter().find(|(at, _)| *at as usize == row) {
        None => format!("{:x}", samples.floats[row].to_bits()),
        Some((_, HistogramValue::Float(h))) => format!("{} {} {:?}", h.count, h.sum, h.positive_buckets),
        Some((_, HistogramValue::Int(h))) => format!("{} {} {:?}", h.count, h.sum, h.positive_deltas),
    };
    let start = |row: usize| samples.start_timestamps.get(row).copied().unwrap_or(0);
    samples.timestamps.iter().enumerate().map(|(row, t)| (*t, (start(row), value(row)))).collect()
}

/// Writes a block of these series.
pub(crate) fn write(
    vfs: &dyn Vfs,
    dir: &Path,
    ulid: Ulid,
    (min_ms, max_ms): (i64, i64),
    series: BTreeMap<Labels, SampleBatch>,
) {
    vfs.create_dir(dir).unwrap();
    let encodings = Encodings::CLASSIC;
    let chunks =
        series.into_iter().map(|(l, s)| (l, encode(&s, encodings, SplitRule { max_samples: 50, ..SplitRule::MERGE })));
    let (mut source, mut quietly) = (MemorySource::new(chunks), |_| ControlFlow::Continue(()));
    let meta = BlockMeta::of_level_one(ulid, min_ms, max_ms);
    write_block(vfs, dir, meta, &mut [&mut source], &WriteOptions::default(), &mut quietly).unwrap().meta.unwrap();
}

/// A block in memory.
pub(crate) fn block_of(series: impl IntoIterator<Item = (Labels, SampleBatch)>) -> Block {
    let (vfs, ulid) = (MemVfs::new(), Ulid::from_parts(1, 1));
    write(&vfs, Path::new("/data"), ulid, (0, i64::MAX), series.into_iter().collect());
    Block::open(&vfs, &Path::new("/data").join(ulid.to_string())).unwrap()
}
