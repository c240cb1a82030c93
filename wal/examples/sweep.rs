//! Every truncation length of a segment of 256 KiB and every flip of one bit of a segment of 64 KiB, with each compression:
//! harmless or detected, nothing invented, and nothing lost that does not touch the page. Takes some minutes, on as many threads as
//! the machine has.
//!
//! ```sh
//! cargo run --release -p promethium-wal --example sweep
//! ```

#[path = "../tests/it/sweep.rs"]
mod sweep;

use std::sync::Mutex;

use promethium_wal::Compression;
use sweep::{Segment, Tally, workload};

#[derive(Clone, Copy, Debug)]
enum Harm {
    Cuts,
    /// Of a segment of small records, or of records that span pages, by the seed of its workload.
    Flips(u64),
    LostSectors,
}

fn main() {
    let compressions = [Compression::None, Compression::Snappy, Compression::Zstd];
    let harms = [Harm::Flips(2), Harm::Flips(12), Harm::Cuts, Harm::LostSectors];
    let jobs = harms.iter().flat_map(|harm| compressions.map(|compression| (*harm, compression)));
    let jobs = Mutex::new(jobs.collect::<Vec<_>>().into_iter());
    let next = || jobs.lock().unwrap().next();
    let work = || {
        while let Some((harm, compression)) = next() {
            println!("{compression:?}, {harm:?}: {}", run(harm, compression));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

/// Tries all cases; what came of them.
fn run(harm: Harm, compression: Compression) -> String {
    let mut tally = Tally::default();
    match harm {
        Harm::Cuts => {
            let segment = Segment::of(workload(256 << 10, 11), compression);
            (0..=segment.bytes.len()).for_each(|len| segment.check_truncation(len));
            return format!("{} lengths hold", segment.bytes.len() + 1);
        }
        Harm::Flips(seed) => {
            let segment = Segment::of(workload(64 << 10, seed), compression);
            for at in 0..segment.bytes.len() {
                (0..8).for_each(|bit| segment.check_flip(at, bit, &mut tally));
            }
        }
        Harm::LostSectors => {
            let segment = Segment::of(workload(256 << 10, 13), compression);
            (0..segment.bytes.len() / 512).for_each(|sector| segment.check_lost_sector(sector, &mut tally));
        }
    }
    format!("{tally:?}")
}
