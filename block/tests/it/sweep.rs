//! Blocks that are damaged in every way: cut to each length, and each bit flipped.
//!
//! What was written is prepared once, and compared by bits, so that a case costs little more than reading the block; the
//! cases are shared out among the threads of the machine.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use promethium_block::{Block, Interval, Part, Ulid};
use promethium_model::{
    CounterResetHint, FloatHistogram, HistogramValue, Labels, Matcher, QueryCx, QueryableExt, SampleBatch, Span,
    TimeRange,
};
use promethium_vfs::{MemVfs, OpenMode, SimVfs, Vfs};

use crate::support::{Rng, all, samples_at, write};

const FILES: [&str; 4] = ["index", "chunks/000001", "meta.json", "tombstones"];

/// The samples that are deleted.
const DELETED: Interval = Interval { min_ms: 10_000, max_ms: 20_000 };
const DELETED_OF: (&str, &str) = ("i", "v3");

/// How many cases a thread takes at a time.
const CASES_AT_ONCE: usize = 32;
/// How many findings are told.
const FINDINGS: usize = 20;

pub(crate) fn block_dir() -> PathBuf {
    Path::new("/data").join(Ulid::from_parts(5, 5).to_string())
}

/// A block as it was written.
pub(crate) struct Sound {
    files: Vec<(&'static str, Vec<u8>)>,
    series: BTreeMap<Labels, SampleBatch>,
}

/// One way of damaging a file.
#[derive(Clone, Copy)]
enum Harm {
    /// Cut to so many bytes.
    Cut(usize),
    /// With this bit flipped.
    Flip(usize),
}

impl Harm {
    fn to(self, contents: &[u8]) -> Vec<u8> {
        match self {
            Harm::Cut(len) => contents[..len].to_vec(),
            Harm::Flip(bit) => {
                let mut bytes = contents.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            }
        }
    }
}

/// A small block: six series.
pub(crate) fn small_block() -> Sound {
    let series = (0..6_i64).map(|i| {
        let times: Vec<i64> = (0..60 + i).map(|t| 1_000 * t + i * 7).collect();
        (labels_of(i), samples_at(&times))
    });
    with_deletions(series.collect())
}

/// A block of 64 KiB: series whose values compress well, and not at all, and histograms.
pub(crate) fn block_of_64_kib() -> Sound {
    let mut rng = Rng::new(64);
    let series = (0..48_i64).map(|i| {
        let mut samples = SampleBatch::new();
        for t in (0..130 + i).map(|t| 600 * t + i * 7) {
            match i % 4 {
                0 => samples.push_float(t, t as f64 / 2.0),
                1 | 2 => samples.push_float(t, f64::from_bits(rng.next() >> 2)),
                _ => samples.push_histogram(t, HistogramValue::Float(Arc::new(histogram(&mut rng)))),
            }
        }
        (labels_of(i), samples)
    });
    with_deletions(series.collect())
}

fn labels_of(i: i64) -> Labels {
    Labels::from_pairs([("__name__", format!("m{}", i % 2)), ("i", format!("v{i}"))])
}

fn histogram(rng: &mut Rng) -> FloatHistogram {
    let positive_buckets = vec![rng.below(1_000) as f64, rng.below(10) as f64 + 0.5];
    FloatHistogram {
        counter_reset_hint: CounterResetHint::Gauge,
        count: positive_buckets.iter().sum(),
        sum: rng.below(1_000_000) as f64 / 7.0,
        positive_spans: [Span { offset: -2, length: 2 }].into(),
        positive_buckets,
        ..FloatHistogram::default()
    }
}

/// The files of a block of these series, a part of one deleted, and what it holds then.
fn with_deletions(series: BTreeMap<Labels, SampleBatch>) -> Sound {
    let disk = SimVfs::new(0);
    write(&disk, Path::new("/data"), Ulid::from_parts(5, 5), (0, 200_000), series);
    let block = Block::open(&disk, &block_dir()).unwrap();
    let matchers = [Matcher::equal(DELETED_OF.0, DELETED_OF.1)];
    block.delete(&disk, DELETED, &matchers, &QueryCx::unlimited()).unwrap();
    let files = FILES.map(|f| (f, disk.contents(&block_dir().join(f)).unwrap()));
    Sound { files: files.to_vec(), series: all(&block).into_iter().collect() }
}

impl Sound {
    pub(crate) fn bytes(&self) -> usize {
        self.files.iter().map(|(_, contents)| contents.len()).sum()
    }

    pub(crate) fn series(&self) -> usize {
        self.series.len()
    }

    /// The block on a disk.
    pub(crate) fn disk(&self) -> MemVfs {
        let vfs = MemVfs::new();
        vfs.create_dir(&block_dir().join("chunks")).unwrap();
        self.files.iter().for_each(|(name, contents)| put(&vfs, name, contents));
        vfs
    }

    /// Opens and reads the block with one file damaged; whatever it says must have been written, and what is missing or
    /// deleted and back must be named.
    fn check(&self, vfs: &MemVfs, name: &str, bytes: &[u8]) -> Result<(), String> {
        put(vfs, name, bytes);
        let Ok(block) = Block::open(vfs, &block_dir()) else { return Ok(()) };
        let Ok(found) = block.read_all(TimeRange::ALL, &[]) else { return Ok(()) };
        let verified = block.verify(&mut |_| ControlFlow::Continue(()));
        let damage = block.damage();
        let tombstones_lost = damage.iter().any(|d| d.part == Part::Tombstones);
        let mut rows = 0;
        for (i, (labels, samples)) in found.iter().enumerate() {
            let written = self.series.get(labels).ok_or_else(|| format!("{labels} was never written"))?;
            if found[..i].last().is_some_and(|(before, _)| before >= labels) {
                return Err(format!("{labels} is out of order, or there twice"));
            }
            let may_be_back = tombstones_lost && labels.get(DELETED_OF.0) == Some(DELETED_OF.1);
            rows += rows_that_were_written(samples, written, may_be_back).map_err(|e| format!("{labels}: {e}"))?;
        }
        let is_complete = rows == self.series.values().map(SampleBatch::len).sum::<usize>();
        if is_complete || !damage.is_empty() || verified.is_err() {
            return Ok(());
        }
        Err("samples are missing, and nothing is said".to_owned())
    }

    /// Tries all cases, on as many threads as the machine has; how many there were.
    fn try_all(&self, name: &str, contents: &[u8], harms: &[Harm]) -> usize {
        let (next, findings) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || {
            let vfs = self.disk();
            loop {
                let from = next.fetch_add(CASES_AT_ONCE, Ordering::Relaxed);
                let Some(harms) = harms.get(from..) else { break };
                for harm in harms.iter().take(CASES_AT_ONCE) {
                    if let Err(finding) = self.check(&vfs, name, &harm.to(contents)) {
                        findings.lock().unwrap().push(match harm {
                            Harm::Cut(len) => format!("{name} cut to {len}: {finding}"),
                            Harm::Flip(bit) => format!("{name}, bit {} of byte {}: {finding}", bit % 8, bit / 8),
                        });
                    }
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        let findings = findings.into_inner().unwrap();
        let told = findings.iter().take(FINDINGS).cloned().collect::<Vec<_>>().join("\n");
        assert!(findings.is_empty(), "{} of {} cases:\n{told}", findings.len(), harms.len());
        harms.len()
    }

    fn try_each_file(&self, harms: impl Fn(&[u8]) -> Vec<Harm>) -> usize {
        self.files.iter().map(|(name, contents)| self.try_all(name, contents, &harms(contents))).sum()
    }
}

/// Writes a file, in place of the one that is there.
fn put(vfs: &MemVfs, name: &str, contents: &[u8]) {
    let path = block_dir().join(name);
    let _ = vfs.remove(&path);
    vfs.open(&path, OpenMode::CreateNew).unwrap().append(contents).unwrap();
}

/// How many rows of a series there are that were written, where every other one may be a deleted one that is back.
fn rows_that_were_written(found: &SampleBatch, written: &SampleBatch, may_be_back: bool) -> Result<usize, String> {
    let (mut rows, mut next) = (0, 0);
    let (mut histograms, mut written_histograms) = (found.histograms.iter(), written.histograms.iter().peekable());
    for (row, t) in found.timestamps.iter().enumerate() {
        next += written.timestamps[next..].iter().take_while(|w| *w < t).count();
        let is_histogram = histograms.as_slice().first().is_some_and(|(at, _)| *at as usize == row);
        let histogram = if is_histogram { histograms.next().map(|(_, h)| h) } else { None };
        if written.timestamps.get(next) != Some(t) {
            let is_back = may_be_back && (DELETED.min_ms..=DELETED.max_ms).contains(t);
            if !is_back {
                return Err(format!("a sample at {t}, where none was written"));
            }
            continue;
        }
        while written_histograms.next_if(|(at, _)| (*at as usize) < next).is_some() {}
        let of_row = written_histograms.next_if(|(at, _)| *at as usize == next).map(|(_, h)| h);
        let is_same = found.floats[row].to_bits() == written.floats[next].to_bits()
            && start_of(found, row) == start_of(written, next)
            && is_same_histogram(histogram, of_row);
        if !is_same {
            let (found, written) = ((found.floats[row], histogram), (written.floats[next], of_row));
            return Err(format!("at {t} {found:?}, where {written:?} was written"));
        }
        (rows, next) = (rows + 1, next + 1);
    }
    Ok(rows)
}

fn start_of(samples: &SampleBatch, row: usize) -> i64 {
    samples.start_timestamps.get(row).copied().unwrap_or(0)
}

/// By bits, and without the hint: that depends on what is left of the chunks before.
fn is_same_histogram(found: Option<&HistogramValue>, written: Option<&HistogramValue>) -> bool {
    match (found, written) {
        (None, None) => true,
        (Some(HistogramValue::Float(a)), Some(HistogramValue::Float(b))) => {
            let same =
                |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
            let numbers = |h: &FloatHistogram| [h.zero_threshold, h.zero_count, h.count, h.sum];
            same(&numbers(a), &numbers(b))
                && (a.schema, &a.positive_spans, &a.negative_spans) == (b.schema, &b.positive_spans, &b.negative_spans)
                && same(&a.positive_buckets, &b.positive_buckets)
                && same(&a.negative_buckets, &b.negative_buckets)
                && same(&a.custom_bounds, &b.custom_bounds)
        }
        _ => false,
    }
}

/// Every how many cases one is tried here. All of them, which takes some minutes:
/// `PROMETHIUM_EVERY_FLIP=1 cargo test --release -p promethium-block --test it damage -- --nocapture`.
pub(crate) fn stride(of_sample: usize) -> usize {
    if std::env::var_os("PROMETHIUM_EVERY_FLIP").is_some() { 1 } else { of_sample }
}

/// Tries every `stride`-th flip of one bit; how many there were.
pub(crate) fn flip_bits(sound: &Sound, stride: usize) -> usize {
    sound.try_each_file(|contents| (0..contents.len() * 8).step_by(stride).map(Harm::Flip).collect())
}

/// Tries every `stride`-th length that a file may be cut to; how many there were.
pub(crate) fn cut(sound: &Sound, stride: usize) -> usize {
    sound.try_each_file(|contents| (0..contents.len()).step_by(stride).map(Harm::Cut).collect())
}
