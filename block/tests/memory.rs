//! What look-ups and merges allocate, counted at the allocator. The only test of its binary: it counts every allocation there
//! is.
#![expect(unsafe_code, reason = "an allocator that counts has to be one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use promethium_block::{Block, BlockMeta, MemorySource, Ulid, WriteOptions, compact, write_block};
use promethium_chunk::{EncodedChunk, Encodings, SplitRule, encode};
use promethium_model::{LabelHints, Labels, MatchOp, Matcher, QueryCx, Queryable, SampleBatch, SelectHints, TimeRange};
use promethium_vfs::{MemVfs, StdVfs, Vfs};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// PERF: three relaxed atomic operations a call, in this test alone.
// SAFETY: every call goes to the system's allocator unchanged, whose contract is the caller's to keep; counting touches no
// memory of the allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations, and bytes above what was held before at the peak.
fn cost_of<T>(work: impl FnOnce() -> T) -> (usize, usize) {
    let (calls, live) = (CALLS.load(Ordering::Relaxed), LIVE.load(Ordering::Relaxed));
    PEAK.store(live, Ordering::Relaxed);
    drop(work());
    (CALLS.load(Ordering::Relaxed) - calls, PEAK.load(Ordering::Relaxed).saturating_sub(live))
}

fn write(vfs: &dyn Vfs, dir: &Path, ulid: Ulid, range: (i64, i64), series: Vec<(Labels, Vec<EncodedChunk>)>) -> Block {
    let meta = BlockMeta::of_level_one(ulid, range.0, range.1);
    let mut quietly = |_| ControlFlow::Continue(());
    let mut source = MemorySource::new(series);
    write_block(vfs, dir, meta, &mut [&mut source], &WriteOptions::default(), &mut quietly).expect("a block");
    Block::open(vfs, &dir.join(ulid.to_string())).expect("a block")
}

fn chunks(range: std::ops::Range<i64>) -> Vec<EncodedChunk> {
    let mut batch = SampleBatch::new();
    range.for_each(|t| batch.push_float(t * 15_000, (t * t % 1_000) as f64));
    encode(&batch, Encodings::CLASSIC, SplitRule::MERGE)
}

/// Ten series of each value of `i`, one of each of `n`; `j` is `foo` for half of them.
fn block_of(values: usize) -> Block {
    let one = chunks(0..1);
    let labels = |k: usize| {
        let (i, n) = (k / 10, k % 10);
        let j = if i.is_multiple_of(2) { "foo" } else { "bar" };
        Labels::from_pairs([("i", format!("{i:07}")), ("n", n.to_string()), ("j", j.to_owned())])
    };
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/data")).expect("a directory");
    let series = (0..values * 10).map(|k| (labels(k), one.clone())).collect();
    write(&vfs, Path::new("/data"), Ulid::from_parts(1, 1), (0, 15_000), series)
}

/// Matchers, the series that they select, and the ids that they may hold besides: of the shortest list that is looked up,
/// and of those that a value of the label in question has.
fn rows(values: usize) -> Vec<(Vec<Matcher>, usize, usize)> {
    let regex = |name, pattern| Matcher::new(MatchOp::Regex, name, pattern).expect("a pattern");
    let (n1, of_j, one_i) = (Matcher::equal("n", "1"), Matcher::equal("j", "foo"), Matcher::equal("i", "0000042"));
    vec![
        // Equality: nothing but the result.
        (vec![n1.clone()], values, 0),
        (vec![one_i.clone()], 10, 0),
        (vec![n1.clone(), one_i.clone()], 1, 10),
        (vec![n1.clone(), of_j.clone()], values / 2, 0),
        (vec![of_j.clone(), one_i.clone(), n1.clone()], 1, 10),
        (vec![Matcher::equal("i", "none"), n1.clone()], 0, 0),
        // Literals decide: look-ups.
        (vec![regex("i", "0000042|0000043|none")], 20, 0),
        (vec![regex("n", "1|2"), one_i.clone()], 2, 10),
        // A prefix decides where to look.
        (vec![regex("i", "000004.")], 100, 0),
        (vec![one_i.clone(), regex("n", "[12]")], 2, 10),
        (vec![one_i, Matcher::new(MatchOp::NotRegex, "n", "[12]").expect("a pattern")], 8, 10),
        // All values are asked, and none of them costs an allocation.
        (vec![regex("i", ".*42")], values / 100 * 10, 0),
    ]
}

fn look_ups_allocate_for_what_they_find() {
    for values in [2_000, 8_000] {
        let block = block_of(values);
        let querier = block.querier(TimeRange::ALL).expect("a querier");
        let (hints, cx) = (SelectHints::default(), QueryCx::unlimited());
        for (matchers, found, besides) in rows(values) {
            let count = {
                let mut set = querier.select(&matchers, &hints, &cx).expect("no damage");
                std::iter::from_fn(|| set.next_series().expect("no damage")).count()
            };
            assert_eq!(count, found, "{matchers:?}");
            let (calls, bytes) = cost_of(|| querier.select(&matchers, &hints, &cx));
            // Ids have four bytes; a list that grows has room for twice as many, and is copied once.
            let most = 12 * (found + besides) + 2_048;
            assert!(bytes <= most, "{matchers:?}: {bytes} bytes for {found} of {values}0 series, not {most}");
            assert!(calls <= 64, "{matchers:?}: {calls} allocations for {found} of {values}0 series");
        }
        // Values come from the table of postings: a text and its place in the list for each that is wanted.
        let limit = LabelHints::with_limit(10);
        let (calls, bytes) = cost_of(|| querier.label_values("i", &[], &limit, &cx));
        assert!(calls <= 32 && bytes <= 4_096, "{calls} allocations, {bytes} bytes for ten of {values} values");
    }
}

/// Peak bytes of a merge of four blocks, of so many series with so many samples each.
fn peak_of_merge(series: usize, samples: i64) -> usize {
    let dir = tempfile::tempdir().expect("a directory");
    let labels = |k: usize| {
        let (host, metric) = (k / 50, k % 50);
        Labels::from_pairs([("__name__", format!("metric_{metric}")), ("host", format!("host-{host:04}"))])
    };
    let block = |n: i64| {
        let range = n * samples..(n + 1) * samples;
        let all = (0..series).map(|k| (labels(k), chunks(range.clone()))).collect();
        let times = (range.start * 15_000, range.end * 15_000);
        write(&StdVfs, dir.path(), Ulid::from_parts(n as u64 + 1, 1), times, all)
    };
    let blocks: Vec<Block> = (0..4).map(block).collect();
    let all: Vec<&Block> = blocks.iter().collect();
    let mut quietly = |_| ControlFlow::Continue(());
    let ulid = Ulid::from_parts(9, 9);
    let (_, peak) = cost_of(|| compact(&StdVfs, dir.path(), ulid, &all, &WriteOptions::default(), &mut quietly));
    peak
}

/// The buffers are what a merge holds, and besides four bytes an id of a posting, up to 64 MiB, and a counter for each pair.
fn a_merge_holds_no_more_of_a_larger_block() {
    let (small, long) = (peak_of_merge(1_000, 960), peak_of_merge(1_000, 2_880));
    assert!(long < small + 64_000, "three times the samples: {small} bytes, then {long}");
    let wide = peak_of_merge(4_000, 960);
    let a_series = wide.saturating_sub(small) / 3_000;
    println!("merge: {small} bytes at the peak; {a_series} more for each further series, 0 for each further sample");
    assert!(a_series <= 32, "{a_series} bytes for each series more: {small}, then {wide}");
}

#[test]
fn what_is_held_follows_from_what_is_found() {
    look_ups_allocate_for_what_they_find();
    a_merge_holds_no_more_of_a_larger_block();
}
