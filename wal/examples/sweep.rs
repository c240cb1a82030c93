//! Every truncation length of a segment of 256 KiB and every flip of one bit of a segment of 64 KiB, with each compression:
//! harmless or detected, nothing invented, and nothing lost that does not touch the page. Takes some minutes.
//!
//! ```sh
//! cargo run --release -p promethium-wal --example sweep
//! ```

#[path = "../tests/it/sweep.rs"]
mod sweep;

use promethium_wal::Compression;
use sweep::{Segment, Tally, workload};

fn main() {
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let segment = Segment::of(workload(256 << 10, 11), compression);
        (0..=segment.bytes.len()).for_each(|len| segment.check_truncation(len));
        println!("{compression:?}: {} truncation lengths hold", segment.bytes.len() + 1);

        // Small records, and records that span pages.
        [2, 12].into_iter().for_each(|seed| flip_every_bit(&Segment::of(workload(64 << 10, seed), compression)));

        let segment = Segment::of(workload(256 << 10, 13), compression);
        let mut tally = Tally::default();
        (0..segment.bytes.len() / 512).for_each(|sector| segment.check_lost_sector(sector, &mut tally));
        println!("{compression:?}: lost sectors: {tally:?}");
    }
}

fn flip_every_bit(segment: &Segment) {
    let mut tally = Tally::default();
    for at in 0..segment.bytes.len() {
        (0..8).for_each(|bit| segment.check_flip(at, bit, &mut tally));
    }
    println!("{} bytes, {} records: {tally:?}", segment.bytes.len(), segment.records.len());
}
