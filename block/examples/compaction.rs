//! Four blocks of two hours, and their merge: to compare with Prometheus' own compaction of the same blocks.
//!
//! `compaction make DIR [SERIES]` writes four blocks into DIR; Prometheus merges the first three when it is started on it, and
//! logs how long it took. `compaction merge DIR N` merges the first N of them into DIR/merged and says how long it took and how
//! much memory the process had at most.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use promethium_block::{Block, BlockMeta, MemorySource, Ulid, WriteOptions, compact, list_blocks, write_block};
use promethium_chunk::{Encodings, SplitRule, encode};
use promethium_model::{Labels, SampleBatch};
use promethium_vfs::{StdVfs, Vfs};

const STEP_MS: i64 = 15_000;
const TWO_HOURS_MS: i64 = 7_200_000;
/// A multiple of six hours.
const START_MS: i64 = 1_717_200_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["make", dir] => make(Path::new(dir), 10_000),
        ["make", dir, series] => make(Path::new(dir), series.parse().expect("a number of series")),
        ["merge", dir, n] => merge(Path::new(dir), n.parse().expect("a number of blocks")),
        _ => eprintln!("compaction make DIR [SERIES] | compaction merge DIR N"),
    }
}

fn make(dir: &Path, series: usize) {
    StdVfs.create_dir(&dir.join("wal")).expect("a directory");
    for number in 0..4 {
        let from = START_MS + number * TWO_HOURS_MS;
        let mut source = MemorySource::new(
            (0..series).map(|k| (labels_of(k), encode(&samples_of(k, from), Encodings::CLASSIC, SplitRule::MERGE))),
        );
        let ulid = Ulid::from_parts((from + TWO_HOURS_MS) as u64, 1 + number as u128);
        let meta = BlockMeta::of_level_one(ulid, from, from + TWO_HOURS_MS);
        let mut quietly = |_| ControlFlow::Continue(());
        write_block(&StdVfs, dir, meta, &mut [&mut source], &WriteOptions::default(), &mut quietly).expect("a block");
    }
}

fn labels_of(k: usize) -> Labels {
    let (metric, instance) = (format!("metric_{}", k % 100), format!("host-{:05}:9100", k / 100));
    let (cpu, mode) = ((k % 8).to_string(), format!("mode-{}", k % 5));
    Labels::from_pairs([
        ("__name__", metric.as_str()),
        ("instance", &instance),
        ("job", "node"),
        ("cluster", "eu-1"),
        ("namespace", "monitoring"),
        ("service", "node-exporter"),
        ("cpu", &cpu),
        ("mode", &mode),
    ])
}

/// Counters, noisy gauges and constants.
fn samples_of(k: usize, from_ms: i64) -> SampleBatch {
    let mut batch = SampleBatch::new();
    let (mut state, mut value) = (k as u64 + 1, 0.0);
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

fn merge(dir: &Path, n: usize) {
    let open = |(_, path): (Ulid, PathBuf)| Block::open(&StdVfs, &path).expect("a block");
    let blocks: Vec<Block> = list_blocks(&StdVfs, dir).expect("blocks").into_iter().take(n).map(open).collect();
    let out = dir.join("merged");
    StdVfs.create_dir(&out).expect("a directory");
    let started = Instant::now();
    let (all, ulid) = (blocks.iter().collect::<Vec<_>>(), Ulid::from_parts(1, std::process::id().into()));
    let mut quietly = |_| ControlFlow::Continue(());
    let written = compact(&StdVfs, &out, ulid, &all, &WriteOptions::default(), &mut quietly).expect("a block");
    let took = started.elapsed();
    println!("{n} blocks in {took:?}: {:?}", written.meta.expect("samples").stats);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|l| l.starts_with("VmHWM") || l.starts_with("RssAnon")).for_each(|l| println!("{l}"));
}
