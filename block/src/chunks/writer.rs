//! Writing chunk files.

use std::path::{Path, PathBuf};

use promethium_vfs::Vfs;

use super::{CHUNKS_DIR, HEADER_LEN, MAGIC, VERSION, file_name};
use crate::bytes::put_uvarint;
use crate::error::BlockError;
use crate::index::ChunkMeta;
use crate::source::SourceChunk;
use crate::write::Out;

/// Bytes of a chunk file after which the next is begun, as in Prometheus.
pub const DEFAULT_CHUNK_FILE_BYTES: u64 = 512 << 20;

/// Offsets in a chunk file have 32 bits.
const MAX_CHUNK_FILE_BYTES: u64 = u32::MAX as u64;

/// What a chunk takes beside its data, reckoned high: five bytes of length, one of encoding, four of sum.
const CHUNK_OVERHEAD: u64 = 10;

/// Writes chunks, those of one series into one file where they fit.
pub(crate) struct ChunkWriter<'v> {
    vfs: &'v dyn Vfs,
    dir: PathBuf,
    max_file_bytes: u64,
    number: u32,
    file: Option<Out>,
    head: Vec<u8>,
}

impl<'v> ChunkWriter<'v> {
    pub(crate) fn create(vfs: &'v dyn Vfs, block: &Path, max_file_bytes: u64) -> Result<Self, BlockError> {
        let dir = block.join(CHUNKS_DIR);
        vfs.create_dir(&dir).map_err(BlockError::io(&dir))?;
        let max_file_bytes = max_file_bytes.min(MAX_CHUNK_FILE_BYTES);
        Ok(ChunkWriter { vfs, dir, max_file_bytes, number: 0, file: None, head: Vec::new() })
    }

    /// Writes the chunks of a series and appends where they are to `out`.
    pub(crate) fn write(&mut self, chunks: &[SourceChunk], out: &mut Vec<ChunkMeta>) -> Result<(), BlockError> {
        let mut rest = chunks;
        while !rest.is_empty() {
            let room = self.room()?;
            // All into the open file; else a new file is begun, and takes as many as fit, one at least.
            let fits = how_many_fit(rest, room);
            let is_fresh = self.file.as_ref().is_some_and(|f| f.position() == HEADER_LEN as u64);
            if fits < rest.len() && !is_fresh && (rest.len() == chunks.len() || fits == 0) {
                self.cut()?;
                continue;
            }
            let (now, later) = rest.split_at(if is_fresh { fits.max(1) } else { fits });
            for chunk in now {
                out.push(self.write_one(chunk)?);
            }
            rest = later;
        }
        Ok(())
    }

    fn room(&mut self) -> Result<u64, BlockError> {
        if self.file.is_none() {
            self.open_next()?;
        }
        Ok(self.file.as_ref().map_or(0, |f| self.max_file_bytes.saturating_sub(f.position())))
    }

    fn open_next(&mut self) -> Result<(), BlockError> {
        let mut file = Out::create(self.vfs, &self.dir.join(file_name(self.number)))?;
        file.write(&MAGIC.to_be_bytes())?;
        file.write(&[VERSION, 0, 0, 0])?;
        self.file = Some(file);
        Ok(())
    }

    fn cut(&mut self) -> Result<(), BlockError> {
        if let Some(file) = self.file.take() {
            file.finish()?;
            self.number += 1;
        }
        Ok(())
    }

    fn write_one(&mut self, chunk: &SourceChunk) -> Result<ChunkMeta, BlockError> {
        let Some(file) = &mut self.file else { return Err(BlockError::Stopped) };
        let offset = file.position();
        let offset = u32::try_from(offset).map_err(|_| BlockError::TooLarge {
            path: file.path().to_path_buf(),
            what: "bytes of a chunk file",
            limit: MAX_CHUNK_FILE_BYTES,
            found: offset,
        })?;
        let (encoding, data) = (chunk.encoding as u8, chunk.data());
        self.head.clear();
        put_uvarint(&mut self.head, data.len() as u64);
        self.head.push(encoding);
        file.write(&self.head)?;
        file.write(data)?;
        let crc = chunk.crc.unwrap_or_else(|| crc32c::crc32c_append(crc32c::crc32c(&[encoding]), data));
        file.write(&crc.to_be_bytes())?;
        let reference = u64::from(self.number) << 32 | u64::from(offset);
        Ok(ChunkMeta { min_ms: chunk.min_ms, max_ms: chunk.max_ms, reference })
    }

    /// Makes files and names durable.
    pub(crate) fn finish(mut self) -> Result<(), BlockError> {
        self.cut()?;
        self.vfs.sync_dir(&self.dir).map_err(BlockError::io(&self.dir))
    }
}

/// How many of the chunks fit into so many bytes.
fn how_many_fit(chunks: &[SourceChunk], room: u64) -> usize {
    let mut end = 0;
    let within = chunks.iter().take_while(|c| {
        end += c.data().len() as u64 + CHUNK_OVERHEAD;
        end <= room
    });
    within.count()
}
