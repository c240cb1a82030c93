//! What Prometheus wrote, written again: to the byte where the format fixes the bytes.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use promethium_block::{Block, BlockMeta, MemorySource, Ulid, WriteOptions, clean_tombstones, compact, write_block};
use promethium_chunk::{Encodings, SplitRule, encode};
use promethium_model::{Labels, SampleBatch};
use promethium_vfs::StdVfs;

use crate::support::{all, blocks_in, dump, fixtures, gunzip, open};

const SOUND: [&str; 4] = [
    "openmetrics/blocks",
    "openmetrics/compacted",
    "live/snapshot/20261122T214658Z-67435cc95fb5bd96",
    "live-ooo/snapshot",
];

fn merged(blocks: &[&Block], into: &Path) -> (BlockMeta, PathBuf) {
    let ulid = Ulid::from_parts(1, 1);
    let written =
        compact(&StdVfs, into, ulid, blocks, &WriteOptions::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(written.damage, []);
    (written.meta.unwrap(), into.join(ulid.to_string()))
}

/// The six offsets of an index's table of contents.
fn sections(index: &[u8]) -> Vec<usize> {
    let toc = &index[index.len() - 52..];
    toc[..48].chunks(8).map(|b| u64::from_be_bytes(b.try_into().unwrap()) as usize).collect()
}

#[test]
fn blocks_are_written_again_byte_for_byte() {
    let Some(fixtures) = fixtures() else { return };
    let mut seen = 0;
    for dir in SOUND.iter().flat_map(|folder| blocks_in(&fixtures.join(folder))) {
        let tmp = tempfile::tempdir().unwrap();
        let (meta, copy) = merged(&[&open(&dir)], tmp.path());
        let (old, new) = (fs::read(dir.join("index")).unwrap(), fs::read(copy.join("index")).unwrap());
        let (of_old, of_new) = (sections(&old), sections(&new));
        let at = dir.display();
        assert!(fs::read(dir.join("chunks/000001")).unwrap() == fs::read(copy.join("chunks/000001")).unwrap(), "{at}");
        // Symbols and series.
        assert!(old[..of_old[2]] == new[..of_new[2]], "{at}: symbols or series");
        // The lists; where they lie differs by the label indices that are not written any more.
        let lists = |index: &[u8], from: usize, to: usize| index[from.next_multiple_of(4)..to].to_vec();
        let old_lists_end = of_old[3];
        assert!(
            lists(&old, of_old[4], old_lists_end) == lists(&new, of_new[4], of_new[5]),
            "{at}: postings ({of_old:?} {of_new:?})"
        );
        let old_meta = BlockMeta::read(&StdVfs, &dir).unwrap();
        assert_eq!(meta.stats.num_samples, old_meta.stats.num_samples);
        assert_eq!(meta.stats.num_chunks, old_meta.stats.num_chunks);
        seen += 1;
    }
    assert_eq!(seen, 10);
}

#[test]
fn an_index_is_what_prometheus_3_writes() {
    let Some(fixtures) = fixtures() else { return };
    let dir = fixtures.join("crafted/index-without-label-index/01M82KPJ4T0X4JSZH16VDMR3BX");
    let tmp = tempfile::tempdir().unwrap();
    let (_, copy) = merged(&[&open(&dir)], tmp.path());
    assert_eq!(fs::read(dir.join("index")).unwrap(), fs::read(copy.join("index")).unwrap());
    assert_eq!(fs::read(dir.join("tombstones")).unwrap(), fs::read(copy.join("tombstones")).unwrap());
}

/// Three blocks of two hours and one of 22 seconds that overlaps: Prometheus merged the overlap, and then all to six hours.
#[test]
fn a_compaction_has_what_prometheus_compaction_has() {
    let Some(fixtures) = fixtures() else { return };
    let tmp = tempfile::tempdir().unwrap();
    let result = fixtures.join("openmetrics/compacted/01M82KVAH0ZNK7G0SFD77G3FFG");
    let expected = BlockMeta::read(&StdVfs, &result).unwrap();
    let block = |name: &str| open(&fixtures.join("openmetrics/blocks").join(name));
    let overlap = overlap_block(tmp.path(), &fixtures.join("openmetrics/overlap.om"));
    let (first, dir) = merged(&[&block("01M82KPJ7Z9K7764X04DQQ0MYM"), &overlap], tmp.path());
    assert_eq!(first.compaction.level, 2);
    let (second, third) = (block("01M82KPJD1VXD3EJ4ET0GF5W9B"), block("01M82KPJJDT325KH0GFD7VAWET"));
    let other = tempfile::tempdir().unwrap();
    let (meta, copy) = merged(&[&open(&dir), &second, &third], other.path());

    let dumped = gunzip(&fixtures.join("openmetrics/compacted/dump-01M82KVAH0ZNK7G0SFD77G3FFG.txt.gz"));
    assert!(dump(&all(&open(&copy))) == dumped);
    assert_eq!((meta.min_time_ms, meta.max_time_ms), (expected.min_time_ms, expected.max_time_ms));
    assert_eq!(meta.compaction.level, expected.compaction.level);
    let counts = |m: &BlockMeta| (m.stats.num_samples, m.stats.num_series, m.stats.num_chunks);
    assert_eq!(counts(&meta), counts(&expected));
    // A byte more is the zero that writers up to Prometheus 2 left behind some chunks.
    let (ours, theirs) =
        (fs::read(copy.join("chunks/000001")).unwrap(), fs::read(result.join("chunks/000001")).unwrap());
    assert!(ours.len().abs_diff(theirs.len()) <= 2, "ours {}, Prometheus' {}", ours.len(), theirs.len());
}

/// What promtool made of the file: four samples.
fn overlap_block(tmp: &Path, file: &Path) -> Block {
    let mut series: BTreeMap<Labels, SampleBatch> = BTreeMap::new();
    for line in fs::read_to_string(file).unwrap().lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let (name, rest) = words[0].split_once('{').unwrap();
        let pairs = rest.trim_end_matches('}').split(',').map(|p| p.split_once('=').unwrap());
        let pairs = pairs.map(|(n, v)| (n.to_owned(), v.trim_matches('"').to_owned()));
        let labels = Labels::from_pairs(pairs.chain([("__name__".to_owned(), name.to_owned())]));
        let t = (words[2].parse::<f64>().unwrap() * 1e3).round() as i64;
        series.entry(labels).or_default().push_float(t, words[1].parse().unwrap());
    }
    let chunks = series.into_iter().map(|(l, s)| (l, encode(&s, Encodings::CLASSIC, SplitRule::MERGE)));
    let ulid = "01M82KSFJRM7SAEM8GHE6KZR4K".parse().unwrap();
    let meta = BlockMeta::of_level_one(ulid, 1_717_200_000_000, 1_717_200_022_001);
    let (mut source, mut quietly) = (MemorySource::new(chunks), |_| ControlFlow::Continue(()));
    write_block(&StdVfs, tmp, meta, &mut [&mut source], &WriteOptions::default(), &mut quietly).unwrap();
    open(&tmp.join(ulid.to_string()))
}

#[test]
fn cleaned_tombstones_leave_what_prometheus_leaves() {
    let Some(fixtures) = fixtures() else { return };
    let mut cleaned = 0;
    for dir in blocks_in(&fixtures.join("openmetrics/tombstones")) {
        let tmp = tempfile::tempdir().unwrap();
        let (block, ulid) = (open(&dir), Ulid::from_parts(2, 2));
        let mut quietly = |_| ControlFlow::Continue(());
        let written =
            clean_tombstones(&StdVfs, tmp.path(), ulid, &block, &WriteOptions::default(), &mut quietly).unwrap();
        let Some(written) = written else { continue };
        let theirs = blocks_in(&fixtures.join("openmetrics/tombstones-cleaned")).into_iter().find(|d| {
            let meta = BlockMeta::read(&StdVfs, d).unwrap();
            meta.compaction.parents.iter().any(|p| p.ulid == block.meta().ulid)
        });
        let (theirs, ours) = (theirs.unwrap(), tmp.path().join(ulid.to_string()));
        let (meta, expected) = (written.meta.unwrap(), BlockMeta::read(&StdVfs, &theirs).unwrap());
        assert_eq!(dump(&all(&open(&ours))), dump(&all(&open(&theirs))));
        assert_eq!((meta.compaction.level, &meta.compaction.parents), (1, &expected.compaction.parents));
        assert_eq!(meta.stats.num_chunks, expected.stats.num_chunks);
        assert_eq!(
            fs::read(ours.join("chunks/000001")).unwrap().len(),
            fs::read(theirs.join("chunks/000001")).unwrap().len()
        );
        cleaned += 1;
    }
    assert_eq!(cleaned, 3);
}
