//! Power cuts, failing calls and short writes at every call: the old state is left, or the new.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use promethium_block::{
    Block, BlockError, Interval, Ulid, WriteOptions, clean_leftovers, compact, link_block, list_blocks, remove_block,
    set_aside,
};
use promethium_model::{Labels, QueryCx, SampleBatch};
use promethium_vfs::{Fault, FaultKind, SimVfs, Vfs};

use crate::support::{all, samples_at, write};

const DATA: &str = "/data";

fn data() -> &'static Path {
    Path::new(DATA)
}

fn ulid(n: u64) -> Ulid {
    Ulid::from_parts(n, 7)
}

fn path_of(n: u64) -> std::path::PathBuf {
    data().join(ulid(n).to_string())
}

/// Two blocks, durable.
fn prepared(seed: u64) -> SimVfs {
    let disk = SimVfs::new(seed);
    disk.create_dir(data()).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    for (n, from) in [(1, 0), (2, 40)] {
        let series =
            (0..5).map(|i| (Labels::from_pairs([("i", i.to_string())]), samples_at(&[from + i, from + 30 + i])));
        write(&disk, data(), ulid(n), (from, from + 40), series.collect());
    }
    disk
}

type Contents = Vec<(Labels, SampleBatch)>;

/// What every block of the disk holds, once the leftovers are taken away.
fn state(disk: &SimVfs) -> BTreeMap<u64, Contents> {
    clean_leftovers(disk, data()).unwrap();
    let names = disk.list(data()).unwrap();
    let blocks = list_blocks(disk, data()).unwrap();
    assert!(names.len() == blocks.len() || names.iter().any(|n| n == "aside" || n == "copies"), "{names:?}");
    let open = |(ulid, dir): (Ulid, std::path::PathBuf)| {
        let block = Block::open(disk, &dir).unwrap_or_else(|e| panic!("{ulid}: {e}"));
        let contents = all(&block);
        assert_eq!(block.damage(), [], "{ulid}");
        (ulid.timestamp_ms(), contents)
    };
    blocks.into_iter().map(open).collect()
}

/// Runs an operation with each of its calls failing in each way, and compares what is left with before and after.
fn at_every_call(name: &str, operation: impl Fn(&SimVfs) -> Result<(), BlockError>) {
    let disk = prepared(0);
    let before = state(&disk);
    let first = disk.calls() + 1;
    operation(&disk).unwrap();
    let calls = disk.calls() + 1 - first;
    let after = state(&disk);
    let (mut old, mut new) = (0, 0);
    for call in first..first + calls {
        for kind in [FaultKind::PowerLoss, FaultKind::Error, FaultKind::ShortWrite(3)] {
            for seed in 0..if kind == FaultKind::PowerLoss { 8 } else { 2 } {
                let disk = prepared(seed);
                disk.plan(Some(Fault { call, persistent: seed == 1, kind }));
                let failed = operation(&disk).is_err();
                disk.restart();
                let left = state(&disk);
                assert!(left == before || left == after, "{name}: call {call}, {kind:?}, seed {seed}: {left:?}");
                assert!(
                    failed || left == after,
                    "{name}: done, and undone by a restart: call {call}, {kind:?}, seed {seed}"
                );
                if left == after { new += 1 } else { old += 1 }
            }
        }
    }
    assert!(calls >= 3 && new > 0 && (old > 0 || before == after), "{name}: {calls} calls, {old} old, {new} new");
}

fn open(disk: &SimVfs, n: u64) -> Block {
    Block::open(disk, &path_of(n)).unwrap()
}

#[test]
fn a_block_is_written_whole_or_not() {
    at_every_call("compact", |disk| {
        let (a, b) = (open(disk, 1), open(disk, 2));
        let mut quietly = |_| ControlFlow::Continue(());
        let options = WriteOptions::default().chunk_file_bytes(100);
        compact(disk, data(), ulid(3), &[&a, &b], &options, &mut quietly).map(drop)
    });
}

#[test]
fn a_block_is_removed_whole_or_not() {
    at_every_call("remove", |disk| remove_block(disk, data(), ulid(1)));
}

#[test]
fn a_block_is_set_aside_whole_or_not() {
    at_every_call("set aside", |disk| set_aside(disk, data(), ulid(1), &data().join("aside")).map(drop));
}

#[test]
fn samples_are_deleted_or_not() {
    at_every_call("delete", |disk| {
        let interval = Interval { min_ms: 0, max_ms: 2 };
        open(disk, 1).delete(disk, interval, &[], &QueryCx::unlimited()).map(drop)
    });
}

#[test]
fn a_linked_copy_is_there_or_not_and_the_block_stays() {
    at_every_call("link", |disk| {
        let copies = data().join("copies");
        disk.create_dir(&copies).map_err(|source| BlockError::Io { path: copies.clone(), source })?;
        link_block(disk, &open(disk, 1), &copies)
    });
}

#[test]
fn a_copy_outlives_its_block_and_later_deletions() {
    let disk = prepared(3);
    let (block, copies) = (open(&disk, 1), data().join("copies"));
    disk.create_dir(&copies).unwrap();
    link_block(&disk, &block, &copies).unwrap();
    let before = all(&block);
    block.delete(&disk, Interval { min_ms: 0, max_ms: 99 }, &[], &QueryCx::unlimited()).unwrap();
    remove_block(&disk, data(), ulid(1)).unwrap();
    assert_eq!(all(&Block::open(&disk, &copies.join(ulid(1).to_string())).unwrap()), before);
    assert!(all(&block).is_empty(), "an open block is read on");
    // A second block of that name finds its place.
    let first = set_aside(&disk, &copies, ulid(1), &data().join("aside")).unwrap();
    link_block(&disk, &open(&disk, 2), &copies).unwrap();
    disk.rename(&copies.join(ulid(2).to_string()), &copies.join(ulid(1).to_string())).unwrap();
    let second = set_aside(&disk, &copies, ulid(1), &data().join("aside")).unwrap();
    assert!(first != second && disk.list(&data().join("aside")).unwrap().len() == 2);
}

#[test]
fn a_full_disk_leaves_the_old_blocks_and_no_leftover() {
    let before = state(&prepared(0));
    for room in (0..2_000).step_by(50) {
        let disk = prepared(0);
        let used = promethium_vfs::tree_bytes(&disk, data()).unwrap();
        disk.set_capacity(Some(used + room));
        let (a, b) = (open(&disk, 1), open(&disk, 2));
        let mut quietly = |_| ControlFlow::Continue(());
        let written = compact(&disk, data(), ulid(3), &[&a, &b], &WriteOptions::default(), &mut quietly);
        if written.is_err() {
            assert_eq!(disk.list(data()).unwrap().len(), 2, "with {room} bytes left");
            assert_eq!(state(&disk), before);
        }
    }
}

#[test]
fn a_read_that_fails_is_an_error_and_never_a_wrong_block() {
    let disk = prepared(0);
    let reads = disk.reads();
    let expected = all(&open(&disk, 1));
    let needed = disk.reads() - reads;
    assert!(needed > 0);
    for read in 1..=needed {
        disk.plan_read(Some(Fault { call: disk.reads() + read, persistent: false, kind: FaultKind::Error }));
        match Block::open(&disk, &path_of(1)) {
            Ok(block) => assert_eq!(all(&block), expected),
            Err(error) => assert!(matches!(error, BlockError::Io { .. }), "{error}"),
        }
        disk.plan_read(None);
    }
}
