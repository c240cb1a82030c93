//! Bodies of the fuzz targets: what must hold for any bytes. The seeds under `fuzz-corpus/` run as tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_model::{MatchOp, Matcher, QueryCx};
use promethium_vfs::{FileMap, MemVfs, OpenMode, Vfs};

use crate::chunks::{CHUNKS_DIR, ChunkFiles, file_name};
use crate::damage::DamageLog;
use crate::index::{Index, SeriesEntry};
use crate::meta::BlockMeta;
use crate::query::{labels_of, select};
use crate::tombstones::Tombstones;

/// Any index is read to its end, or refused; what it selects are series that it has.
///
/// # Panics
///
/// When that does not hold.
pub fn index(data: &[u8]) {
    let damage = Arc::new(DamageLog::default());
    let Ok(index) = Index::of_bytes(PathBuf::from("index"), FileMap::from(data.to_vec()), damage) else { return };
    let mut entry = SeriesEntry::default();
    let mut walk = index.walk();
    while let Ok(Some(_)) = walk.next(&mut entry) {
        let _ = labels_of(&index, &entry);
    }
    let _ = index.check_lists();
    let names: Vec<String> = index.names().unwrap_or_default().into_iter().map(str::to_owned).collect();
    for name in names.iter().take(8) {
        for (op, value) in [(MatchOp::Regex, "[^x].*"), (MatchOp::NotEqual, "a"), (MatchOp::Equal, "")] {
            let matcher = Matcher::new(op, name.as_str(), value).expect("a matcher");
            let Ok(found) = select(&index, &[matcher], &QueryCx::unlimited()) else { continue };
            for id in (0..found.ids().len()).filter_map(|at| found.get(at)) {
                let _ = index.series(id, &mut entry);
            }
        }
    }
}

/// Any `meta.json` is refused, or says the same after it is written.
///
/// # Panics
///
/// When that does not hold.
pub fn meta(data: &[u8]) {
    let Ok(first) = BlockMeta::from_json(data) else { return };
    let second = BlockMeta::from_json(&first.to_json()).expect("what was just written");
    assert_eq!(BlockMeta { version: 1, ..first }, second);
}

/// Any chunk file gives chunks whose sums hold, or damage.
///
/// # Panics
///
/// When that does not hold.
pub fn chunk_file(data: &[u8]) {
    let vfs = MemVfs::new();
    let dir = Path::new("/b").join(CHUNKS_DIR);
    vfs.create_dir(&dir).expect("memory");
    let file = vfs.open(&dir.join(file_name(0)), OpenMode::CreateNew).expect("memory");
    file.append(data).expect("memory");
    let files = ChunkFiles::open(&vfs, Path::new("/b"), Arc::default()).expect("memory");
    let mut offset = 0;
    while offset < data.len().min(4_096) {
        match files.get(offset as u64) {
            Ok(chunk) => {
                assert_eq!(chunk.data, &data[chunk.range()]);
                offset = chunk.range().end + 4;
            }
            Err(_) => offset += 1,
        }
    }
}

/// Any tombstones are refused, or say the same after they are written.
///
/// # Panics
///
/// When that does not hold.
pub fn tombstones(data: &[u8]) {
    let Ok(first) = Tombstones::decode(data) else { return };
    assert_eq!(Tombstones::decode(&first.encode()), Ok(first));
}

#[cfg(test)]
mod tests {
    use super::*;

    type Target = fn(&[u8]);

    #[test]
    fn the_corpora_hold() {
        let targets: [(&str, Target); 4] = [
            ("block_index", index),
            ("block_meta", meta),
            ("block_chunk_file", chunk_file),
            ("block_tombstones", tombstones),
        ];
        for (folder, target) in targets {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus").join(folder);
            let seeds: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(seeds.len() >= 3, "{} seeds in {}", seeds.len(), dir.display());
            for seed in seeds {
                let bytes = std::fs::read(&seed).unwrap();
                target(&bytes);
                // Near the seeds lie the cases that pass some checks and not others.
                for at in (0..bytes.len()).step_by(bytes.len() / 200 + 1) {
                    let mut changed = bytes.clone();
                    changed[at] ^= 1 << (at % 8);
                    target(&changed);
                    target(&bytes[..at]);
                }
            }
        }
    }
}
