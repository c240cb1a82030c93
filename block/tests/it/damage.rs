//! Damaged blocks: what is not damaged is served, what is damaged is named, and no value is wrong.

use std::path::PathBuf;

use promethium_block::{Block, Part};
use promethium_model::{QueryCx, Queryable, SampleBatch, SelectHints, Severity, TimeRange};
use promethium_vfs::Vfs;

use crate::support::{all, dump, fixtures, gunzip, open};
use crate::sweep::{block_dir, block_of_64_kib, cut, flip_bits, small_block, stride};

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
    assert!(block.bytes() >= 64 << 10, "{} bytes", block.bytes());
    let cases = cut(&block, stride(421)) + flip_bits(&block, stride(1_319));
    println!("{cases} cases on {} bytes", block.bytes());
    assert!(cases > 500, "{cases}");
}

#[test]
fn a_missing_chunk_file_costs_its_own_chunks_alone() {
    let sound = small_block();
    let vfs = sound.disk();
    vfs.rename(&block_dir().join("chunks/000001"), &block_dir().join("chunks/000002")).unwrap();
    let block = Block::open(&vfs, &block_dir()).unwrap();
    assert!(all(&block).iter().all(|(_, samples)| samples.is_empty()));
    assert!(block.damage().iter().all(|d| d.message == "the file is missing"), "{:?}", block.damage());
    assert_eq!(sound.series(), 6);
}

#[test]
fn deletes_that_the_description_counts_are_missed() {
    let vfs = small_block().disk();
    vfs.remove(&block_dir().join("tombstones")).unwrap();
    let block = Block::open(&vfs, &block_dir()).unwrap();
    let said = "meta.json counts 1 deleted intervals, and there are none";
    assert_eq!(
        block.damage().iter().map(|d| (d.part, d.message.as_str())).collect::<Vec<_>>(),
        [(Part::Tombstones, said)]
    );
    assert!(warnings(&block)[0].ends_with(said), "{:?}", warnings(&block));
}
