//! Merging against a map.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use promethium_block::{Block, BlockError, Interval, Ulid, WriteOptions, clean_tombstones, compact};
use promethium_model::{
    CounterResetHint, FloatHistogram, HistogramValue, Labels, Matcher, QueryCx, QueryableExt, SampleBatch, Span,
    TimeRange,
};
use promethium_vfs::{MemVfs, Vfs};

use crate::support::{Rng, rows_of, write};

type Model = BTreeMap<Labels, BTreeMap<i64, Row>>;

/// A sample as it compares: the bits of a float, or the count of a histogram; and its start timestamp.
type Row = (i64, String);

const DAYS: i64 = 1_000;

fn labels(i: usize) -> Labels {
    Labels::from_pairs([("__name__", "m".to_owned()), ("i", format!("{}", i % 9)), ("j", format!("{}", i / 9))])
}

/// A run of samples: floats, or float histograms that only grow, with start timestamps or without.
fn random_batch(rng: &mut Rng, max_rows: usize) -> SampleBatch {
    let (mut batch, mut t) = (SampleBatch::new(), rng.below(400) as i64);
    let (is_histogram, has_start) = (rng.below(4) == 0, rng.below(5) == 0);
    for row in 0..rng.below(max_rows) {
        let gap = [1, 3, 40][rng.below(3)];
        t += 1 + rng.below(gap) as i64;
        if t >= DAYS {
            break;
        }
        if is_histogram {
            batch.push_histogram(t, HistogramValue::Float(Arc::new(histogram(row as f64 + rng.below(2) as f64 / 2.0))));
        } else {
            batch.push_float(t, [rng.below(50) as f64, f64::NAN, 0.1][rng.below(3)]);
            batch.set_start_timestamp(if has_start { t - 5 } else { 0 });
        }
    }
    batch
}

fn histogram(count: f64) -> FloatHistogram {
    FloatHistogram {
        counter_reset_hint: CounterResetHint::Unknown,
        schema: 1,
        count,
        sum: count,
        positive_spans: [Span { offset: 0, length: 1 }].into(),
        positive_buckets: vec![count],
        ..FloatHistogram::default()
    }
}

fn model_of(block: &Block) -> Model {
    let all = block.read_all(TimeRange::ALL, &[]).unwrap();
    all.into_iter().map(|(l, samples)| (l, rows_of(&samples))).filter(|(_, rows)| !rows.is_empty()).collect()
}

/// Writes a random block and adds it to the model, over what is there.
fn random_block(vfs: &MemVfs, rng: &mut Rng, number: u64, model: &mut Model) -> Block {
    let dir = Path::new("/data");
    let mut series = BTreeMap::new();
    for _ in 0..=rng.below(12) {
        series.insert(labels(rng.below(20)), random_batch(rng, 300));
    }
    series.retain(|_, samples| !samples.is_empty());
    series.entry(labels(99)).or_insert_with(|| crate::support::samples_at(&[1]));
    let ulid = Ulid::from_parts(number, 1);
    write(vfs, dir, ulid, (0, DAYS), series.clone());
    let block = Block::open(vfs, &dir.join(ulid.to_string())).unwrap();
    let mut own: Model = series.iter().map(|(l, s)| (l.clone(), rows_of(s))).collect();
    for _ in 0..rng.below(3) {
        let (from, i) = (rng.below(900) as i64, rng.below(9));
        let interval = Interval { min_ms: from, max_ms: from + rng.below(300) as i64 };
        block.delete(vfs, interval, &[Matcher::equal("i", i.to_string())], &QueryCx::unlimited()).unwrap();
        let deleted = own.iter_mut().filter(|(l, _)| l.get("i") == Some(i.to_string().as_str()));
        deleted.for_each(|(_, rows)| rows.retain(|t, _| !(interval.min_ms..=interval.max_ms).contains(t)));
    }
    own.retain(|_, rows| !rows.is_empty());
    assert_eq!(model_of(&block), own, "before it is merged");
    for (labels, rows) in own {
        model.entry(labels).or_default().extend(rows);
    }
    block
}

#[test]
fn merged_blocks_have_what_a_map_has() {
    let mut nothing_left = 0;
    for seed in 0..150 {
        let (vfs, mut rng, mut model) = (MemVfs::new(), Rng::new(seed), Model::new());
        vfs.create_dir(Path::new("/data")).unwrap();
        let blocks: Vec<Block> =
            (0..=rng.below(4) as u64).map(|n| random_block(&vfs, &mut rng, n, &mut model)).collect();
        let ulid = Ulid::from_parts(100, 0);
        let parents: Vec<&Block> = blocks.iter().rev().collect();
        let options = WriteOptions::default().chunk_file_bytes([1 << 20, 400][rng.below(2)]);
        let mut quietly = |_| ControlFlow::Continue(());
        let written = compact(&vfs, Path::new("/data"), ulid, &parents, &options, &mut quietly).unwrap();
        assert_eq!(written.damage, []);
        let Some(meta) = written.meta else {
            assert!(model.is_empty());
            nothing_left += 1;
            continue;
        };
        let merged = Block::open(&vfs, &Path::new("/data").join(ulid.to_string())).unwrap();
        assert_eq!(model_of(&merged), model, "seed {seed}");
        assert_eq!(meta.stats.num_series, model.len() as u64, "seed {seed}");
        assert_eq!(meta.stats.num_samples, model.values().map(|rows| rows.len() as u64).sum::<u64>());
        let verified = merged.verify(&mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!((verified.samples, verified.damage), (meta.stats.num_samples, vec![]));
    }
    assert!(nothing_left < 20);
}

#[test]
fn a_block_of_which_everything_is_deleted_is_not_written_anew() {
    let vfs = MemVfs::new();
    let (dir, ulid) = (Path::new("/data"), Ulid::from_parts(1, 1));
    write(&vfs, dir, ulid, (0, 100), [(labels(1), crate::support::samples_at(&[1, 50]))].into());
    let block = Block::open(&vfs, &dir.join(ulid.to_string())).unwrap();
    let mut quietly = |_| ControlFlow::Continue(());
    let (options, new) = (WriteOptions::default(), Ulid::from_parts(2, 2));
    assert!(clean_tombstones(&vfs, dir, new, &block, &options, &mut quietly).unwrap().is_none());
    let touched = block.delete(&vfs, Interval { min_ms: 0, max_ms: 99 }, &[], &QueryCx::unlimited()).unwrap();
    assert_eq!((touched, block.meta().stats.num_tombstones), (1, 1));
    let written = clean_tombstones(&vfs, dir, new, &block, &options, &mut quietly).unwrap().unwrap();
    assert!(written.meta.is_none());
    assert_eq!(vfs.list(dir).unwrap(), [ulid.to_string()]);
    // What was deleted stays deleted.
    assert_eq!(model_of(&Block::open(&vfs, &dir.join(ulid.to_string())).unwrap()), Model::new());
}

#[test]
fn work_stops_when_told_and_leaves_nothing() {
    let vfs = MemVfs::new();
    let (dir, ulid) = (Path::new("/data"), Ulid::from_parts(1, 1));
    let series = (0..2_000).map(|i| (Labels::from_pairs([("i", i.to_string())]), crate::support::samples_at(&[i])));
    write(&vfs, dir, ulid, (0, 10_000), series.collect());
    let block = Block::open(&vfs, &dir.join(ulid.to_string())).unwrap();
    let mut reports = Vec::new();
    let stopped = compact(&vfs, dir, Ulid::from_parts(2, 2), &[&block], &WriteOptions::default(), &mut |p| {
        reports.push((p.done, p.total));
        if reports.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(BlockError::Stopped)));
    assert_eq!(reports, [(256, 2_000), (512, 2_000), (768, 2_000)]);
    assert_eq!(vfs.list(dir).unwrap(), [ulid.to_string()]);
}
