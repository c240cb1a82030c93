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

        let segment = Segment::of(workload(64 << 10, 12), compression);
        let mut tally = Tally::default();
        for at in 0..segment.bytes.len() {
            (0..8).for_each(|bit| segment.check_flip(at, bit, &mut tally));
        }
        let records = segment.records.len();
        println!("{compression:?}: {} bytes, {records} records: {tally:?}", segment.bytes.len());

        let segment = Segment::of(workload(256 << 10, 13), compression);
        let mut tally = Tally::default();
        (0..segment.bytes.len() / 512).for_each(|sector| segment.check_lost_sector(sector, &mut tally));
        println!("{compression:?}: lost sectors: {tally:?}");
    }
}
