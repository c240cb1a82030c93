//! Blocks: opening, matchers, label values, merging, reading. `PROMETHIUM_BENCH_SERIES` sets the number of series of the index
//! benches (100,000 unless set; the recorded figures have 1,000,000 too).

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use promethium_block::postings::{intersect, union_of};
use promethium_block::{Block, BlockMeta, MemorySource, Ulid, WriteOptions, compact, write_block};
use promethium_chunk::{EncodedChunk, Encodings, SplitRule, encode};
use promethium_model::{
    LabelHints, Labels, MatchOp, Matcher, QueryCx, Queryable, QueryableExt, SampleBatch, SelectHints, TimeRange,
};
use promethium_vfs::StdVfs;

const STEP_MS: i64 = 15_000;
const TWO_HOURS_MS: i64 = 7_200_000;

fn series_count() -> usize {
    std::env::var("PROMETHIUM_BENCH_SERIES").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000)
}

fn write(dir: &Path, ulid: Ulid, range: (i64, i64), series: Vec<(Labels, Vec<EncodedChunk>)>) -> PathBuf {
    let meta = BlockMeta::of_level_one(ulid, range.0, range.1);
    let mut quietly = |_| ControlFlow::Continue(());
    let mut source = MemorySource::new(series);
    write_block(&StdVfs, dir, meta, &mut [&mut source], &WriteOptions::default(), &mut quietly).expect("a block");
    dir.join(ulid.to_string())
}

/// The series of Prometheus' own benchmark of `PostingsForMatchers`: `i` has one series in ten of each value, `n` ten values.
fn index_series(count: usize) -> Vec<(Labels, Vec<EncodedChunk>)> {
    let mut one = SampleBatch::new();
    one.push_float(1, 1.0);
    let chunks = encode(&one, Encodings::CLASSIC, SplitRule::MERGE);
    let series = (0..count).map(|k| {
        let (i, n) = (k / 10, k % 10);
        let j = if k / 10 % 2 == 0 { "foo" } else { "bar" };
        let labels =
            Labels::from_pairs([("i", format!("{i}{}", "0".repeat(8))), ("n", n.to_string()), ("j", j.to_owned())]);
        (labels, chunks.clone())
    });
    series.collect()
}

fn regex(op: MatchOp, name: &str, pattern: &str) -> Matcher {
    Matcher::new(op, name, pattern).expect("a pattern")
}

/// The rows of Prometheus' benchmark, by its names.
fn rows() -> Vec<(&'static str, Vec<Matcher>)> {
    use MatchOp::{NotRegex, Regex};
    let n1 = || Matcher::equal("n", "1");
    let j_foo = || Matcher::equal("j", "foo");
    vec![
        ("n=1", vec![n1()]),
        ("n=1,j=foo", vec![n1(), j_foo()]),
        ("j=foo,n=1", vec![j_foo(), n1()]),
        ("n=1,j!=foo", vec![n1(), Matcher::not_equal("j", "foo")]),
        ("i=one", vec![Matcher::equal("i", "7700000000"), n1()]),
        ("i=~.*", vec![regex(Regex, "i", ".*")]),
        ("i=~.+", vec![regex(Regex, "i", ".+")]),
        ("i=~", vec![regex(Regex, "i", "")]),
        ("i!=", vec![Matcher::not_equal("i", "")]),
        ("n=1,i=~.*,j=foo", vec![n1(), regex(Regex, "i", ".*"), j_foo()]),
        ("n=1,i!=,j=foo", vec![n1(), Matcher::not_equal("i", ""), j_foo()]),
        ("n=1,i=~.+,j=foo", vec![n1(), regex(Regex, "i", ".+"), j_foo()]),
        ("n=1,i=~1.+,j=foo", vec![n1(), regex(Regex, "i", "1.+"), j_foo()]),
        ("n=1,i=~.+,i!=2,j=foo", vec![n1(), regex(Regex, "i", ".+"), Matcher::not_equal("i", "2"), j_foo()]),
        ("n=1,i=~.+,i!~2.*,j=foo", vec![n1(), regex(Regex, "i", ".+"), regex(NotRegex, "i", "2.*"), j_foo()]),
        ("i=~.*9.*", vec![regex(Regex, "i", ".*9.*")]),
        ("n=~1|2|3", vec![regex(Regex, "n", "1|2|3")]),
        ("i=~11|22|33 (as text)", vec![regex(Regex, "i", "1100000000|2200000000|3300000000")]),
    ]
}

fn matching(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let count = series_count();
    let block = Block::open(&StdVfs, &write(dir.path(), Ulid::from_parts(1, 1), (0, 10), index_series(count)))
        .expect("a block");
    let querier = block.querier(TimeRange::ALL).expect("a querier");
    let (hints, cx) = (SelectHints::default(), QueryCx::unlimited());
    let mut group = c.benchmark_group(format!("block/postings of {count}"));
    for (name, matchers) in rows() {
        // Selecting reads no series: it is what Prometheus calls PostingsForMatchers.
        group.bench_function(name, |b| b.iter(|| drop(black_box(querier.select(&matchers, &hints, &cx)))));
    }
    group.finish();
    let mut group = c.benchmark_group(format!("block/label values of {count}"));
    let all = LabelHints::default();
    for (name, matchers) in rows().into_iter().take(5) {
        for label in ["i", "n"] {
            let id = format!("{label} by {name}");
            group.bench_function(id, |b| b.iter(|| querier.label_values(label, &matchers, &all, &cx)));
        }
    }
    group.bench_function("names by n=1", |b| b.iter(|| querier.label_names(&[Matcher::equal("n", "1")], &all, &cx)));
    group.finish();
}

fn lists(c: &mut Criterion) {
    let evens: Vec<u32> = (0..1_000_000).map(|i| i * 2).collect();
    let threes: Vec<u32> = (0..1_000_000).map(|i| i * 3).collect();
    let few: Vec<u32> = (0..100).map(|i| i * 17_000).collect();
    let mut out = Vec::new();
    let mut group = c.benchmark_group("block/lists");
    group.bench_function("intersect 1M and 1M", |b| {
        b.iter(|| {
            out.clear();
            intersect(&evens, &threes, &mut out);
        });
    });
    group.bench_function("intersect 100 and 1M", |b| {
        b.iter(|| {
            out.clear();
            intersect(&few, &evens, &mut out);
        });
    });
    let shuffled: Vec<u32> = (0..1_000_000_u32).map(|i| i.wrapping_mul(2_654_435_761) % 6_000_000).collect();
    group.bench_function("union of 1M in disorder", |b| {
        b.iter_batched(|| shuffled.clone(), union_of, BatchSize::LargeInput);
    });
    group.finish();
}

/// Series of a real mix: counters and gauges, two hours at 15 s.
fn samples_of(k: usize, from_ms: i64) -> SampleBatch {
    let mut batch = SampleBatch::new();
    let mut state = k as u64 + 1;
    let mut value = 0.0;
    for row in 0..TWO_HOURS_MS / STEP_MS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        value = match k % 3 {
            0 => value + (state >> 60) as f64,
            1 => (state >> 50) as f64 / 16.0,
            _ => 1.0,
        };
        batch.push_float(from_ms + row * STEP_MS, value);
    }
    batch
}

fn two_hours(dir: &Path, number: i64, series: usize) -> Block {
    let from = number * TWO_HOURS_MS;
    let chunks = |k: usize| encode(&samples_of(k, from), Encodings::CLASSIC, SplitRule::MERGE);
    let labels = |k: usize| {
        Labels::from_pairs([
            ("__name__", format!("metric_{}", k % 100).as_str()),
            ("instance", format!("host-{:04}:9100", k / 100).as_str()),
            ("job", "node"),
            ("cluster", "eu-1"),
            ("cpu", (k % 8).to_string().as_str()),
        ])
    };
    let series = (0..series).map(|k| (labels(k), chunks(k))).collect();
    let path = write(dir, Ulid::from_parts(number as u64, 1), (from, from + TWO_HOURS_MS), series);
    Block::open(&StdVfs, &path).expect("a block")
}

fn merging(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let blocks: Vec<Block> = (0..4).map(|n| two_hours(dir.path(), n, 10_000)).collect();
    let all: Vec<&Block> = blocks.iter().collect();
    let mut group = c.benchmark_group("block/merge");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(blocks.iter().map(Block::size_bytes).sum()));
    group.bench_function("4 blocks of 10k series", |b| {
        b.iter_batched(
            || tempfile::tempdir().expect("a directory"),
            |out| {
                let mut quietly = |_| ControlFlow::Continue(());
                let ulid = Ulid::from_parts(9, 9);
                compact(&StdVfs, out.path(), ulid, &all, &WriteOptions::default(), &mut quietly).expect("a block");
                out
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
    let samples = 10_000 * (TWO_HOURS_MS / STEP_MS) as u64;
    let mut group = c.benchmark_group("block/read");
    group.sample_size(10);
    group.throughput(Throughput::Elements(samples));
    group.bench_function("all samples of 10k series", |b| b.iter(|| blocks[0].read_all(TimeRange::ALL, &[])));
    group.finish();
}

fn opening(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let chunk = |k: i64| encode(&samples_of(1, k * TWO_HOURS_MS), Encodings::CLASSIC, SplitRule::MERGE);
    let paths: Vec<PathBuf> = (0..100)
        .map(|n| {
            let series = (0..200).map(|k| (Labels::from_pairs([("i", k.to_string())]), chunk(n))).collect();
            let range = (n * TWO_HOURS_MS, (n + 1) * TWO_HOURS_MS);
            write(dir.path(), Ulid::from_parts(n as u64, 1), range, series)
        })
        .collect();
    c.bench_function("block/open 100 blocks", |b| {
        b.iter(|| paths.iter().map(|p| Block::open(&StdVfs, p).expect("a block")).collect::<Vec<_>>());
    });
}

criterion_group!(benches, opening, lists, matching, merging);
criterion_main!(benches);
