//! The write-ahead log, in Prometheus' format.
//!
//! # Should I use this?
//!
//! Yes, when you read or write the files of a Prometheus head by themselves: to follow a log, to inspect it, to repair it,
//! to hand samples to a Prometheus. Whoever wants a store takes `promethium-tsdb`.
//!
//! | what | where |
//! |---|---|
//! | write a log that goes on after failed writes, failed syncs and a full disk | [`WalWriter`] |
//! | read a segment past damage | [`SegmentReader`] |
//! | all thirteen types of records, floats as columns, labels borrowed | [`RecordType`], [`decode_sample_columns`], [`SeriesReader`], [`SeriesBatch`], … |
//! | fold old segments into a checkpoint | [`write_checkpoint`] |
//! | full chunks of the head on disk | [`head_chunks`] |
//! | Prometheus' memory snapshots | [`chunk_snapshot`] |
//! | a snapshot that makes a restart fast | [`head_snapshot`] |
//!
//! ```
//! use std::path::Path;
//! use std::sync::Arc;
//! use promethium_vfs::{MemVfs, OpenMode, Vfs};
//! use promethium_wal::{
//!     Compression, Item, PreparedRecord, SampleColumns, SegmentReader, WalWriter, decode_sample_columns,
//!     encode_sample_columns, read_layout,
//! };
//!
//! let (disk, dir) = (MemVfs::new(), Path::new("/wal"));
//! disk.create_dir(dir)?;
//! let mut samples = SampleColumns::new();
//! samples.push(7, 0, 1_717_200_000_000, 42.0);
//! let mut wal = WalWriter::create(Arc::new(disk.clone()), dir, 0, 128 << 20)?;
//! wal.append(&[PreparedRecord::new(encode_sample_columns(&samples), Compression::Snappy)])?;
//! wal.sync()?;
//!
//! let segment = &read_layout(&disk, dir)?.segments[0];
//! let mut reader = SegmentReader::new(disk.open(&segment.path, OpenMode::Read)?);
//! let Some(Item::Record { bytes, .. }) = reader.next_item()? else { panic!("one record was written") };
//! let mut found = SampleColumns::new();
//! decode_sample_columns(bytes, &mut found)?;
//! assert_eq!(found, samples);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The log
//!
//! ```text
//! wal/00000000 wal/00000001 …        segments, in pages of 32 KiB
//! wal/checkpoint.00000005/00000000   what segments up to 5 were folded into
//! page      fragment* padding(zeros, where fewer than 7 bytes are left, and at the end of a closed segment)
//! fragment  u8 kind and flags · u16 length · u32 CRC-32C of the bytes · bytes
//! record    one `full` fragment, or `first` `middle`* `last`; compressed before it is split
//! ```
//!
//! Numbers are big-endian. A record never crosses a segment. Every opening of the store starts a new segment. The tables of
//! every byte are in `docs/format.md`.
//!
//! # Errors
//!
//! What fails at a file is a [`WalError`], with the path, and with the offset where bytes are at fault. Decoders of records are
//! given bytes and know no file: theirs is a [`RecordError`], small and comparable, which becomes the source of a
//! [`WalError::Record`] where the file is known. Damage in a segment is not an error but an [`Item`]: reading goes on behind it.

mod checkpoint;
pub mod chunk_snapshot;
mod compress;
mod error;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
pub mod head_chunks;
pub mod head_snapshot;
mod layout;
mod reader;
mod record;
mod writer;

pub use checkpoint::{
    CheckpointOptions, CheckpointReport, plan_checkpoint, remove_covered, remove_leftovers, remove_segments_before,
    write_checkpoint,
};
pub use compress::{Compression, Compressor, Decompressor};
pub use error::WalError;
pub use frame::PreparedRecord;
pub use layout::{SegmentFile, WalLayout, read_layout};
pub use reader::{Item, SegmentReader, StoredAs, StoredItem, StoredRecord};
pub use record::{
    MmapMarker, RecordError, RecordKind, RecordType, RefExemplar, RefHistogram, RefMetadata, RefSample, RefTombstone,
    SampleColumns, SeriesBatch, SeriesEntry, SeriesReader, decode_exemplars, decode_histograms, decode_metadata,
    decode_mmap_markers, decode_sample_columns, decode_sample_columns_where, decode_samples, decode_series,
    decode_tombstones, encode_exemplars, encode_histograms, encode_histograms_v2, encode_metadata, encode_mmap_markers,
    encode_sample_columns, encode_samples, encode_samples_v2, encode_series_entry, encode_tombstones, record_kind,
    scatter_samples,
};
pub use writer::{DEFAULT_MAX_UNSYNCED_BYTES, SyncPoint, WalWriter, WriterTrouble, Written};

/// Bytes of a page; segments are whole numbers of pages.
pub const PAGE_BYTES: usize = 32 << 10;

/// The most bytes that a record may have once it is decompressed: a reader refuses more before it allocates.
pub const MAX_RECORD_BYTES: usize = 256 << 20;

const HEADER_BYTES: usize = 7;

const PADDING: u8 = 0;
const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

const KIND_MASK: u8 = 0b0_0111;
const SNAPPY: u8 = 0b0_1000;
const ZSTD: u8 = 0b1_0000;

#[cfg(test)]
mod tests;
