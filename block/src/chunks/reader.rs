//! Reading chunk files: `u32 magic · u8 1 · 3 zeros · (uvarint length · u8 encoding · data · u32 crc)*`.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use promethium_vfs::{FileMap, OpenMode, Vfs, is_no_file};

use super::{CHUNKS_DIR, HEADER_LEN, MAGIC, VERSION, file_name};
use crate::bytes::{Cursor, check_crc, ends_early, from_offset};
use crate::damage::DamageLog;
use crate::error::{BlockError, Damage, Fault, Part};

/// The chunk files of a block, by number. A file that is missing costs its own chunks alone.
pub(crate) struct ChunkFiles {
    dir: PathBuf,
    files: BTreeMap<u32, ChunkFile>,
    damage: Arc<DamageLog>,
}

struct ChunkFile {
    path: Arc<Path>,
    map: FileMap,
    /// Whether the header lets the chunks be read; looked at when the first chunk is.
    is_readable: OnceLock<bool>,
}

/// A chunk whose sum held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawChunk<'a> {
    pub(crate) encoding: u8,
    pub(crate) data: &'a [u8],
    pub(crate) crc: u32,
    pub(crate) map: &'a FileMap,
    pub(crate) path: &'a Arc<Path>,
    /// Where `data` is in `map`.
    pub(crate) start: usize,
}

impl RawChunk<'_> {
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.start + self.data.len()
    }
}

impl ChunkFiles {
    pub(crate) fn open(vfs: &dyn Vfs, block: &Path, damage: Arc<DamageLog>) -> Result<Self, BlockError> {
        let dir = block.join(CHUNKS_DIR);
        let mut files = BTreeMap::new();
        let names = match vfs.list(&dir) {
            // Each query of a chunk says that its file is missing.
            Err(e) if is_no_file(&e) => Vec::new(),
            names => names.map_err(BlockError::io(&dir))?,
        };
        for name in names {
            // Numbers begin at 1. By number and not by rank in the folder: behind a missing file all would be another's.
            let Some(number) = name.parse::<u32>().ok().and_then(|n| n.checked_sub(1)) else { continue };
            if file_name(number) != name {
                continue;
            }
            let path = dir.join(&name);
            let map = match vfs.open(&path, OpenMode::Read).and_then(|f| f.map()) {
                // As good as missing: each query of its chunks says so.
                Err(e) if is_no_file(&e) => continue,
                map => map.map_err(BlockError::io(&path))?,
            };
            files.insert(number, ChunkFile { path: path.into(), map, is_readable: OnceLock::new() });
        }
        Ok(ChunkFiles { dir, files, damage })
    }

    /// Bytes of all files.
    pub(crate) fn len(&self) -> u64 {
        self.files.values().map(|f| f.map.len() as u64).sum()
    }

    /// The file that a reference points into.
    pub(crate) fn path_of(&self, reference: u64) -> PathBuf {
        self.dir.join(file_name((reference >> 32) as u32))
    }

    /// The chunk of a reference, once its sum is found right.
    pub(crate) fn get(&self, reference: u64) -> Result<RawChunk<'_>, Damage> {
        let (number, offset) = ((reference >> 32) as u32, u64::from(reference as u32));
        let Some(file) = self.files.get(&number) else {
            let path = self.dir.join(file_name(number));
            return Err(Damage { path, offset: 0, part: Part::Chunk, message: "the file is missing".to_owned() });
        };
        let is_readable = *file.is_readable.get_or_init(|| self.check_header(file));
        let chunk = if is_readable { read_chunk(file, offset) } else { Err(Fault::new(0, "unknown version")) };
        chunk.map_err(|fault| fault.in_part(Part::Chunk, &file.path))
    }

    /// A wrong magic number is noted, and the chunks are read all the same: each has its sum. Of an unknown version it is
    /// not known where that is.
    fn check_header(&self, file: &ChunkFile) -> bool {
        let mut bytes = Cursor::new(&file.map);
        let magic = bytes.u32().unwrap_or_default();
        let version = bytes.u8().unwrap_or_default();
        let padding = bytes.take(3).unwrap_or_default();
        if magic != MAGIC || version != VERSION || padding != [0; 3] {
            let fault = Fault::new(0, format!("invalid magic number {magic:08x} or version {version}"));
            self.damage.note(fault.in_part(Part::ChunkFile, &file.path));
        }
        version == VERSION
    }
}

fn read_chunk(ChunkFile { path, map, .. }: &ChunkFile, offset: u64) -> Result<RawChunk<'_>, Fault> {
    if offset < HEADER_LEN as u64 {
        return Err(Fault::new(offset, "a chunk inside of the header"));
    }
    let mut bytes = Cursor::new(from_offset(map, offset)?);
    let len = bytes.uvarint().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| ends_early(offset))?;
    let start = map.len() - bytes.rest().len() + 1;
    let covered = len.checked_add(1).and_then(|n| bytes.take(n)).ok_or_else(|| ends_early(offset))?;
    let crc = bytes.u32().ok_or_else(|| ends_early(offset))?;
    check_crc(covered, crc, offset)?;
    let (encoding, data) = covered.split_first().ok_or_else(|| ends_early(offset))?;
    Ok(RawChunk { encoding: *encoding, data, crc, map, path, start })
}
