//! What a memory map saves over reading: a block's file is opened and a page of it looked at.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use promethium_vfs::{OpenMode, StdVfs, Vfs, read_file};

const FILE_BYTES: usize = 64 << 20;

fn page_of_a_large_file(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("f");
    StdVfs.open(&path, OpenMode::CreateNew).and_then(|f| f.append(&vec![7; FILE_BYTES])).expect("a file");
    c.bench_function("vfs/page of 64 MiB/map", |b| b.iter(|| sum(&StdVfs.open(&path, OpenMode::Read)?.map()?)));
    c.bench_function("vfs/page of 64 MiB/read", |b| b.iter(|| sum(&read_whole(&path)?)));
}

fn read_whole(path: &Path) -> std::io::Result<Vec<u8>> {
    read_file(&StdVfs, path, u64::MAX)
}

fn sum(bytes: &[u8]) -> std::io::Result<u64> {
    Ok(black_box(&bytes[..4096]).iter().map(|b| u64::from(*b)).sum())
}

criterion_group!(benches, page_of_a_large_file);
criterion_main!(benches);
