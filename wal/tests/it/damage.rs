//! Damage to a segment: harmless or detected, never a wrong value, and no loss beyond the page.
//!
//! Here samples of the cases; `cargo run --release -p promethium-wal --example sweep` runs all of them.

use promethium_wal::Compression;

use crate::sweep::{Segment, Tally, workload};

const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Snappy, Compression::Zstd];

#[test]
fn a_cut_leaves_exactly_the_whole_records_before_it() {
    let segment = Segment::of(workload(256 << 10, 1), Compression::None);
    assert!(segment.bytes.len() >= 256 << 10);
    let mut cases = 0;
    for len in (0..segment.bytes.len()).step_by(251) {
        segment.check_truncation(len);
        cases += 1;
    }
    // Around every end of a record.
    for p in &segment.records {
        (p.end - 1..=p.end + 1).filter(|len| *len <= segment.bytes.len() as u64).for_each(|len| {
            segment.check_truncation(len as usize);
            cases += 1;
        });
    }
    assert!(cases > 1_000, "{cases}");
}

#[test]
fn a_flipped_bit_costs_at_most_records_of_its_page() {
    for compression in COMPRESSIONS {
        let segment = Segment::of(workload(64 << 10, 2), compression);
        let mut tally = Tally::default();
        for at in (0..segment.bytes.len()).step_by(37) {
            segment.check_flip(at, (at % 8) as u8, &mut tally);
        }
        // Every bit of every header.
        for p in &segment.records {
            for bit in 0..56 {
                segment.check_flip(p.start as usize + bit / 8, (bit % 8) as u8, &mut tally);
            }
        }
        assert!(tally.cases > 2_000, "{compression:?}: {tally:?}");
        // Only the record that is hit goes, but where a header decays that others depend on.
        assert!(tally.lost <= tally.cases + tally.cases / 10, "{compression:?}: {tally:?}");
    }
}

#[test]
fn a_lost_sector_costs_at_most_records_of_its_page() {
    for compression in COMPRESSIONS {
        let segment = Segment::of(workload(128 << 10, 3), compression);
        let mut tally = Tally::default();
        (0..segment.bytes.len() / 512).for_each(|sector| segment.check_lost_sector(sector, &mut tally));
        assert!(tally.cases > 100, "{compression:?}: {tally:?}");
    }
}

/// A segment inside a label value: what looks like a record there is none, whatever decays.
#[test]
fn records_inside_of_records_are_never_found() {
    let inner = Segment::of(workload(2_000, 4).into_iter().take(3), Compression::None);
    let hidden: Vec<u8> = [&[2; 40][..], &inner.bytes, &[7; 40][..]].concat();
    let segment = Segment::of([vec![2; 100], hidden, vec![2; 100]], Compression::None);
    let mut tally = Tally::default();
    for at in 0..segment.bytes.len() {
        (0..8).for_each(|bit| segment.check_flip(at, bit, &mut tally));
    }
    assert!(tally.cases > 8_000, "{tally:?}");
}
