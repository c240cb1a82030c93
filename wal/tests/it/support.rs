use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_vfs::{MemVfs, OpenMode, Vfs, VfsFile};
use promethium_wal::{Item, SegmentReader};

pub(crate) fn testdata(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/prometheus-2.42").join(name);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The folder of the large fixtures, where it is there.
pub(crate) fn shared() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/prometheus-2.42");
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: {} is not there", root.display());
    None
}

pub(crate) fn file_with(bytes: &[u8]) -> Arc<dyn VfsFile> {
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/")).unwrap();
    let file = vfs.open(Path::new("/f"), OpenMode::CreateNew).unwrap();
    file.append(bytes).unwrap();
    file
}

/// The whole records of a segment, each with its offset, and the offsets of damage.
pub(crate) fn read(bytes: &[u8]) -> (Vec<(u64, Vec<u8>)>, Vec<u64>) {
    let mut reader = SegmentReader::new(file_with(bytes));
    let (mut records, mut damage) = (Vec::new(), Vec::new());
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Record { start, bytes } => records.push((start, bytes.to_vec())),
            Item::Damage { offset, .. } => damage.push(offset),
        }
    }
    (records, damage)
}
