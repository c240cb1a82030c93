//! Chunk files: `chunks/000001` and so on.

mod reader;
mod writer;

pub(crate) use reader::ChunkFiles;
pub(crate) use writer::ChunkWriter;
pub use writer::DEFAULT_CHUNK_FILE_BYTES;

pub(crate) const MAGIC: u32 = 0x85bd_40dd;
pub(crate) const VERSION: u8 = 1;
pub(crate) const HEADER_LEN: usize = 8;

/// The name of the directory.
pub(crate) const CHUNKS_DIR: &str = "chunks";

/// The name of a chunk file by its number, from 0.
pub(crate) fn file_name(number: u32) -> String {
    format!("{:06}", u64::from(number) + 1)
}
