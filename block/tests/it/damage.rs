//! Damaged blocks: what is not damaged is served, what is damaged is named, and no value is wrong.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_block::{Block, Interval, Part, Ulid};
use promethium_model::{
    CounterResetHint, FloatHistogram, HistogramValue, Labels, Matcher, QueryCx, Queryable, QueryableExt, SampleBatch,
    SelectHints, Severity, Span, TimeRange,
};
use promethium_vfs::{MemVfs, OpenMode, SimVfs, Vfs};

use crate::support::{Rng, all, dump, fixtures, gunzip, open, rows_of, samples_at, write};

#[test]
fn each_damaged_block_gives_all_that_is_not_damaged_and_says_what_is() {
    let Some(fixtures) = fixtures() else { return };
    let name = "01M82KPJ7Z9K7764X04DQQ0MYM";
    let sound = gunzip(&fixtures.join(format!("openmetrics/blocks/dump-{name}.txt.gz")));
    // The folder, the damaged part, its file, the offset of what is damaged, and the lines that are lost.
    let rows = [
        ("blk_chunk_flip", Part::Chunk, "chunks/000001", 278, 20),
        ("blk_chunk_magic", Part::ChunkFile, "chunks/000001", 0, 0),
        ("blk_index_symbols", Part::Symbols, "index", 5, 0),
        ("blk_index_series", Part::Series, "index", 1_008, 20),
        ("blk_index_postings", Part::Postings, "index", 2_668, 0),
        ("blk_index_postingstable", Part::PostingsTable, "index", 3_943, 0),
        ("blk_index_toc", Part::Toc, "index", 5_117, 0),
        ("blk_meta_trunc", Part::Meta, "meta.json", 0, 0),
        ("blk_no_meta", Part::Meta, "meta.json", 0, 0),
        ("blk_tomb_flip", Part::Tombstones, "tombstones", 5, 0),
    ];
    for (folder, part, file, offset, lost) in rows {
        let dir = fixtures.join("corrupt").join(folder).join(name);
        let block = open(&dir);
        let found = dump(&all(&block));
        assert!(found.lines().all(|line| sound.contains(line)), "{folder}: a line that was never written");
        assert_eq!(sound.lines().count() - found.lines().count(), lost, "{folder}");
        let damage = block.damage();
        let named: Vec<(Part, PathBuf, u64)> = damage.iter().map(|d| (d.part, d.path.clone(), d.offset)).collect();
        assert_eq!(named, [(part, dir.join(file), offset)], "{folder}");
        assert_eq!(warnings(&block).is_empty(), !part.changes_samples(), "{folder}");
        let meta = block.meta();
        assert_eq!((meta.ulid.to_string().as_str(), meta.stats.num_series), (name, 41), "{folder}");
        assert!((meta.min_time_ms, meta.max_time_ms) == (1_717_200_000_000, 1_717_207_199_995), "{folder}: {meta:?}");
    }
}

/// What a query that reads everything warns of.
fn warnings(block: &Block) -> Vec<String> {
    let querier = block.querier(TimeRange::ALL).unwrap();
    let hints = SelectHints::sorted(TimeRange::ALL);
    let mut set = querier.select(&[], &hints, &QueryCx::unlimited()).unwrap();
    while let Some(mut series) = set.next_series().unwrap() {
        let mut samples = SampleBatch::new();
        while series.samples.next_batch(&mut samples).unwrap() {}
    }
    set.annotations().texts(Severity::Warning)
}

#[test]
fn a_chunk_of_a_later_encoding_is_read_here_and_damage_is_named_in_the_warning() {
    let Some(fixtures) = fixtures() else { return };
    let dir = fixtures.join("crafted/chunk-encoding-4/01M82KPJ4T0X4JSZH16VDMR3BX");
    let block = open(&dir);
    // The bytes are those of XOR under the number of XOR2: not a chunk of one sample that ends where it should.
    println!("{:?} {:?}", all(&block), block.damage());
    let dir = fixtures.join("corrupt/blk_chunk_flip/01M82KPJ7Z9K7764X04DQQ0MYM");
    let expected = format!(
        "data left out: {}: offset 278: checksum mismatch: expected 3cb2b920, found e1f71398",
        dir.join("chunks/000001").display()
    );
    assert_eq!(warnings(&open(&dir)), [expected]);
}

type Files = Vec<(&'static str, Vec<u8>)>;
type Series = BTreeMap<Labels, SampleBatch>;

const FILES: [&str; 4] = ["index", "chunks/000001", "meta.json", "tombstones"];

fn block_dir() -> PathBuf {
    Path::new("/data").join(Ulid::from_parts(5, 5).to_string())
}

/// A small block: six series.
fn small_block() -> (Files, Series) {
    let series = (0..6_i64).map(|i| {
        let times: Vec<i64> = (0..60 + i).map(|t| 1_000 * t + i * 7).collect();
        (labels_of(i), samples_at(&times))
    });
    with_deletions(series.collect())
}

/// A block of 64 KiB: series whose values compress well, and not at all, and histograms.
fn block_of_64_kib() -> (Files, Series) {
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
fn with_deletions(series: Series) -> (Files, Series) {
    let disk = SimVfs::new(0);
    write(&disk, Path::new("/data"), Ulid::from_parts(5, 5), (0, 200_000), series);
    let block = Block::open(&disk, &block_dir()).unwrap();
    let interval = Interval { min_ms: 10_000, max_ms: 20_000 };
    block.delete(&disk, interval, &[Matcher::equal("i", "v3")], &QueryCx::unlimited()).unwrap();
    let files = FILES.map(|f| (f, disk.contents(&block_dir().join(f)).unwrap()));
    (files.to_vec(), all(&block).into_iter().collect())
}

fn put(files: &[(&'static str, Vec<u8>)], changed: &str, bytes: &[u8]) -> MemVfs {
    let vfs = MemVfs::new();
    vfs.create_dir(&block_dir().join("chunks")).unwrap();
    for (name, contents) in files {
        let file = vfs.open(&block_dir().join(name), OpenMode::CreateNew).unwrap();
        file.append(if *name == changed { bytes } else { contents }).unwrap();
    }
    vfs
}

/// Opens and reads a block of which one file is changed; whatever it says must have been written, and what is missing or
/// deleted and back must be named.
fn check(files: &[(&'static str, Vec<u8>)], sound: &Series, changed: &str, bytes: &[u8], what: &str) {
    let vfs = put(files, changed, bytes);
    let Ok(block) = Block::open(&vfs, &block_dir()) else { return };
    let Ok(found) = block.read_all(TimeRange::ALL, &[]) else { return };
    let verified = block.verify(&mut |_| ControlFlow::Continue(()));
    let damage = block.damage();
    let tombstones_lost = damage.iter().any(|d| d.part == Part::Tombstones);
    let mut complete = true;
    for (labels, samples) in sound {
        let there = found.iter().find(|(l, _)| l == labels).map(|(_, s)| rows_of(s)).unwrap_or_default();
        let written = rows_of(samples);
        let is_deleted = |t: i64| labels.get("i") == Some("v3") && (10_000..=20_000).contains(&t);
        for (t, row) in &there {
            let is_known = written.get(t).is_some_and(|w| w == row) || (tombstones_lost && is_deleted(*t));
            assert!(is_known, "{what}: {labels} at {t}: {row:?}");
        }
        complete &= written.keys().all(|t| there.contains_key(t));
    }
    assert!(found.iter().all(|(labels, _)| sound.contains_key(labels)), "{what}: a series that was never written");
    assert!(complete || !damage.is_empty() || verified.is_err(), "{what}: samples are missing, and nothing is said");
}

/// Every how many cases one is tried here. All of them, which takes half an hour:
/// `PROMETHIUM_EVERY_FLIP=1 cargo test --release -p promethium-block --test it damage -- --nocapture`.
fn stride(of_sample: usize) -> usize {
    if std::env::var_os("PROMETHIUM_EVERY_FLIP").is_some() { 1 } else { of_sample }
}

/// Tries every `stride`-th flip of one bit; how many there were.
fn flip_bits((files, sound): &(Files, Series), stride: usize) -> usize {
    let bits = |contents: &[u8]| (0..contents.len() * 8).step_by(stride);
    for (name, contents) in files {
        for bit in bits(contents) {
            let mut bytes = contents.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            check(files, sound, name, &bytes, &format!("{name} bit {bit}"));
        }
    }
    files.iter().map(|(_, contents)| bits(contents).count()).sum()
}

/// Tries every `stride`-th length that a file may be cut to; how many there were.
fn cut((files, sound): &(Files, Series), stride: usize) -> usize {
    let lengths = |contents: &[u8]| (0..contents.len()).step_by(stride);
    for (name, contents) in files {
        for len in lengths(contents) {
            check(files, sound, name, &contents[..len], &format!("{name} cut to {len}"));
        }
    }
    files.iter().map(|(_, contents)| lengths(contents).count()).sum()
}

#[test]
fn every_cut_is_harmless_or_found() {
    let cases = cut(&small_block(), stride(3));
    assert!(cases > 500, "{cases}");
}

#[test]
fn every_flipped_bit_is_harmless_or_found() {
    let cases = flip_bits(&small_block(), stride(7));
    assert!(cases > 1_000, "{cases}");
}

#[test]
fn a_block_of_64_kib_stands_every_cut_and_every_flipped_bit() {
    let block = block_of_64_kib();
    let bytes: usize = block.0.iter().map(|(_, contents)| contents.len()).sum();
    assert!(bytes >= 64 << 10, "{bytes} bytes");
    let cases = cut(&block, stride(421)) + flip_bits(&block, stride(1_319));
    println!("{cases} cases on {bytes} bytes");
    assert!(cases > 500, "{cases}");
}

#[test]
fn a_missing_chunk_file_costs_its_own_chunks_alone() {
    let (files, sound) = small_block();
    let vfs = put(&files, "", &[]);
    vfs.rename(&block_dir().join("chunks/000001"), &block_dir().join("chunks/000002")).unwrap();
    let block = Block::open(&vfs, &block_dir()).unwrap();
    assert!(all(&block).iter().all(|(_, samples)| samples.is_empty()));
    assert!(block.damage().iter().all(|d| d.message == "the file is missing"), "{:?}", block.damage());
    assert_eq!(sound.len(), 6);
}
