use super::*;

const RANGES: [i64; 3] = [20, 60, 180];

fn meta(number: u64, min: i64, max: i64) -> BlockMeta {
    BlockMeta::of_level_one(Ulid::from_parts(number, 0), min, max)
}

fn planned_numbers(metas: &[BlockMeta]) -> Option<(Vec<u64>, Reason)> {
    plan(metas, &RANGES).map(|p| (p.blocks.iter().map(|u| u.timestamp_ms()).collect(), p.reason))
}

/// Blocks as start and end; what is merged, by position; and why.
#[test]
fn windows_and_overlaps() {
    type Row<'a> = (&'a [(i64, i64)], Option<(&'a [u64], Reason)>);
    let rows: [Row<'_>; 12] = [
        (&[], None),
        (&[(0, 20)], None),
        // The newest block is left out, so that two of a window of three are not merged yet.
        (&[(0, 20), (20, 40), (40, 60)], None),
        (&[(0, 20), (20, 40), (40, 60), (60, 80)], Some((&[0, 1, 2], Reason::Range(60)))),
        // A gap: nothing more comes into a window that lies before the newest of the rest.
        (&[(0, 20), (40, 60), (60, 80)], Some((&[0, 1], Reason::Range(60)))),
        (&[(0, 20), (20, 40), (60, 80)], None),
        (&[(0, 20), (20, 40), (60, 80), (80, 100)], Some((&[0, 1], Reason::Range(60)))),
        (&[(0, 60), (60, 120), (120, 180), (180, 200)], Some((&[0, 1, 2], Reason::Range(180)))),
        // A block that is not inside one window is not merged.
        (&[(0, 20), (50, 70), (70, 90), (120, 140)], None),
        (&[(0, 20), (19, 40), (40, 60)], Some((&[0, 1], Reason::Overlap))),
        (&[(0, 60), (10, 20), (30, 40), (60, 80)], Some((&[0, 1, 2], Reason::Overlap))),
        (&[(-60, -40), (-40, -20), (-20, 0), (0, 20)], Some((&[0, 1, 2], Reason::Range(60)))),
    ];
    for (blocks, expected) in rows {
        let metas: Vec<BlockMeta> = (0..).zip(blocks).map(|(i, (min, max))| meta(i, *min, *max)).collect();
        assert_eq!(planned_numbers(&metas), expected.map(|(b, r)| (b.to_vec(), r)), "{blocks:?}");
    }
}

#[test]
fn a_failed_block_keeps_its_window_from_being_planned() {
    let mut metas: Vec<BlockMeta> = (0..10).map(|i| meta(i as u64, i * 20, i * 20 + 20)).collect();
    metas[1].compaction.failed = true;
    assert_eq!(planned_numbers(&metas), Some((vec![3, 4, 5], Reason::Range(60))));
}

#[test]
fn much_deleted_blocks_are_written_anew() {
    let with = |i: u64, min, max, tombstones, series| {
        let mut m = meta(i, min, max);
        m.stats.num_tombstones = tombstones;
        m.stats.num_series = series;
        m
    };
    let large = |tombstones| vec![with(0, 0, 180, tombstones, 99), with(1, 180, 200, 0, 9)];
    assert_eq!(planned_numbers(&large(5)), None);
    assert_eq!(planned_numbers(&large(6)), Some((vec![0], Reason::Tombstones)));
    let small = |tombstones| vec![with(0, 0, 180, 50, 99), with(1, 180, 200, tombstones, 9), with(2, 200, 220, 9, 9)];
    assert_eq!(planned_numbers(&small(8)), None, "the search ends at the first small block");
    assert_eq!(planned_numbers(&small(9)), Some((vec![1], Reason::Tombstones)));
}

#[test]
fn classes_are_not_mixed() {
    let mut metas: Vec<BlockMeta> = (0..5).map(|i| meta(i, i as i64 * 20, i as i64 * 20 + 20)).collect();
    metas[1].compaction.hints = vec![hint::STALE_SERIES.to_owned()];
    assert_eq!(planned_numbers(&metas), Some((vec![0, 2], Reason::Range(60))));
    let stale = |i: u64| {
        let mut m = meta(i, 0, 20);
        m.compaction.hints = vec![hint::STALE_SERIES.to_owned()];
        m
    };
    assert_eq!(planned_numbers(&[meta(0, 0, 20), stale(1), stale(2)]), Some((vec![1, 2], Reason::Overlap)));
}

#[test]
fn ranges_grow_by_a_factor_up_to_the_largest() {
    assert_eq!(compaction_ranges(2, 3, 10, 54), [2, 6, 18, 54]);
    assert_eq!(compaction_ranges(2, 3, 3, i64::MAX), [2, 6, 18]);
    assert_eq!(compaction_ranges(i64::MAX / 2, 3, 10, i64::MAX), [i64::MAX / 2]);
    assert_eq!(compaction_ranges(2, 3, 10, 1), [2]);
}
